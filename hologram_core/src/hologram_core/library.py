"""Native kernel tables (hologram/kernel.h) as values.

In goes the address that a library's hologram_library_v1() returned; out comes a Library with its
Kernels. The table is checked before it is believed: LibraryError says what is wrong with it.
"""

from __future__ import annotations

from typing import NamedTuple

from . import _native
from .errors import HologramError, LibraryError
from .kernel import Kernel


class Library(NamedTuple):
    """What the table of a kernel library says."""

    producer: str  #: who made it: "my-kernels 1.2"
    source_hash: str  #: identifies what it was built from, or ""
    manifest: str  #: JSON about what it was built from, "" where there is none
    kernels: list[Kernel]  #: one for each row, in the table's order


def read_table(address: int, owner: object, tier: str = "user") -> Library:
    """Return the hologram_library at an address; owner keeps its code loaded.

    Raises LibraryError for another ABI version, impossible sizes, bad strings, unknown dtypes or
    signatures. Nothing of a refused library is returned.
    """
    try:
        table = _native.read_library(address)
        kernels = [_kernel(row, owner, tier) for row in table["rows"]]
    except (HologramError, TypeError, ValueError, OverflowError) as error:
        raise LibraryError(f"kernel library refused: {error}") from error
    return Library(table["producer"], table["source_hash"], table["manifest"], kernels)


def read_library(address: int, owner: object, *, tier: str = "user") -> list[Kernel]:
    """Return the kernels of the hologram_library at an address. Raises LibraryError as read_table does."""
    return read_table(address, owner, tier).kernels


def _kernel(row: dict[str, object], owner: object, tier: str) -> Kernel:
    fields = {"tier": tier, "owner": owner, **row}
    return Kernel.native(**fields)  # type: ignore[arg-type]  # Kernel checks every field
