"""The rules of canonical.py: `gates.py` for symbolic phrases, `data.py` for circuits on data."""
