"""Native kernel tables (hologram/kernel.h) as Kernel values.

In goes the address that a library's hologram_library_v1() returned; out come its Kernels. The
table is checked before it is believed: LibraryError says what is wrong with it.
"""

from __future__ import annotations

from . import _native
from .errors import HologramError, LibraryError
from .kernel import Kernel


def read_library(address: int, owner: object, *, tier: str = "user") -> list[Kernel]:
    """Return the kernels of the hologram_library at an address; owner keeps its code loaded.

    Raises LibraryError for another ABI version, impossible sizes, bad strings, unknown dtypes or
    signatures. No kernel of a refused library is returned.
    """
    try:
        table = _native.read_library(address)
        return [_kernel(row, owner, tier) for row in table["rows"]]
    except (HologramError, TypeError, ValueError, OverflowError) as error:
        raise LibraryError(f"kernel library refused: {error}") from error


def _kernel(row: dict[str, object], owner: object, tier: str) -> Kernel:
    fields = {"tier": tier, "owner": owner, **row}
    return Kernel.native(**fields)  # type: ignore[arg-type]  # Kernel checks every field
