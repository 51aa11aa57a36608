"""The inline kernels of Hologram: f32 and at most 3072 elements, statically linked, one variant per instruction set.

Nothing here is called directly: installing the distribution registers hologram_stdlib.plugin, and
hologram_core.ops chooses its kernels from then on.
"""
