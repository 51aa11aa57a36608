"""Pages of the documentation that are made from something else."""
