"""The one table of dtypes, and the translation of anything NumPy would call a dtype into its names.

Goes in: "f32", "float32", np.float32, np.dtype("<f4"). Comes out: a row, or its position, which is
the dtype index of the native call path. Refused with TypeError: whatever is not in the table.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from . import _native


class DType(NamedTuple):
    """One row: Hologram's name, the NumPy dtype (native byte order), bytes per item, C spelling."""

    name: str
    numpy: np.dtype[Any]
    itemsize: int
    c: str


def _row(name: str, numpy_type: type[np.generic], c: str) -> DType:
    dtype = np.dtype(numpy_type)
    return DType(name, dtype, dtype.itemsize, c)


TABLE: tuple[DType, ...] = (
    _row("f32", np.float32, "float"),
    _row("f64", np.float64, "double"),
    _row("f16", np.float16, "_Float16"),
    _row("i8", np.int8, "int8_t"),
    _row("i16", np.int16, "int16_t"),
    _row("i32", np.int32, "int32_t"),
    _row("i64", np.int64, "int64_t"),
    _row("u8", np.uint8, "uint8_t"),
    _row("u16", np.uint16, "uint16_t"),
    _row("u32", np.uint32, "uint32_t"),
    _row("u64", np.uint64, "uint64_t"),
    _row("bool", np.bool_, "bool"),
)

NAMES: tuple[str, ...] = tuple(row.name for row in TABLE)
_native.set_dtypes(row.numpy for row in TABLE)  # whose indices are positions in this table
_BY_NAME = {row.name: row for row in TABLE}
_BY_NUMPY = {row.numpy: row for row in TABLE}


def find(anything: object) -> DType:
    """Return the row for a Hologram name or for anything np.dtype() takes, in either byte order.

    Raises TypeError for what is no dtype at all or none of the table's.
    """
    if isinstance(anything, DType):
        return anything
    if isinstance(anything, str) and anything in _BY_NAME:
        return _BY_NAME[anything]
    try:
        dtype = np.dtype(anything)  # type: ignore[call-overload]  # any object may be tried
        return _BY_NUMPY[dtype.newbyteorder("=")]
    except (TypeError, ValueError, KeyError, SyntaxError):  # all of which NumPy raises for bad texts
        raise TypeError(f"{anything!r} is not a dtype of Hologram; those are {', '.join(NAMES)}") from None


def name(anything: object) -> str:
    """Return Hologram's name of a dtype: name(np.float32) is "f32". Raises TypeError as find does."""
    return find(anything).name


def index(dtype_name: str) -> int:
    """Return the position of a name in the table."""
    return NAMES.index(dtype_name)
