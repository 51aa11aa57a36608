"""The structures of hologram/kernel.h: libraries that are wrong in one place, calls as older runtimes make them."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np


class Variant(ctypes.Structure):
    _fields_ = (("isa", ctypes.c_char_p), ("fn", ctypes.c_void_p))


class Row(ctypes.Structure):
    _fields_ = (
        ("op", ctypes.c_char_p),
        ("signature", ctypes.c_char_p),
        ("dtype", ctypes.c_char_p),
        ("doc", ctypes.c_char_p),
        ("min_n", ctypes.c_int64),
        ("max_n", ctypes.c_int64),
        ("flags", ctypes.c_uint32),
        ("work", ctypes.c_uint32),
        ("variants", ctypes.POINTER(Variant)),
        ("variant_count", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
        ("extent", ctypes.c_void_p),
        ("context", ctypes.c_void_p),
    )


class Library(ctypes.Structure):
    _fields_ = (
        ("abi_version", ctypes.c_uint32),
        ("size", ctypes.c_uint32),
        ("producer", ctypes.c_char_p),
        ("source_hash", ctypes.c_char_p),
        ("rows", ctypes.POINTER(Row)),
        ("row_count", ctypes.c_uint32),
        ("row_size", ctypes.c_uint32),
        ("manifest", ctypes.c_char_p),
    )


def row(*, variants: list[tuple[bytes | None, int]] | None = None, **changes: Any) -> Row:
    """A row that is right but for the changes."""
    pairs = [(b"baseline", 0x1000)] if variants is None else variants
    table = (Variant * len(pairs))(*(Variant(isa, fn) for isa, fn in pairs))
    fields = {
        "op": b"twice",
        "signature": b"()->()",
        "dtype": b"f32",
        "doc": b"2 x",
        "max_n": 2**63 - 1,
        "flags": 3,
        "work": 1,
        "variants": table,
        "variant_count": len(pairs),
        **changes,
    }
    return Row(**fields)


def library(*rows: Row, **changes: Any) -> Library:
    """A library that is right but for the changes. The structure keeps everything it points to alive."""
    table = (Row * len(rows))(*rows)
    fields = {
        "abi_version": 1,
        "size": ctypes.sizeof(Library),
        "producer": b"tests",
        "source_hash": b"",
        "rows": table,
        "row_count": len(rows),
        "row_size": ctypes.sizeof(Row),
        **changes,
    }
    return Library(**fields)


class KernelCall(ctypes.Structure):
    _fields_ = (
        ("size", ctypes.c_uint32),
        ("error_size", ctypes.c_uint32),
        ("args", ctypes.POINTER(ctypes.c_void_p)),
        ("lengths", ctypes.POINTER(ctypes.c_int64)),
        ("dims", ctypes.POINTER(ctypes.c_int64)),
        ("begin", ctypes.c_int64),
        ("end", ctypes.c_int64),
        ("context", ctypes.c_void_p),
        ("error", ctypes.c_char_p),
        ("host", ctypes.c_void_p),
    )

    @classmethod
    def of(cls, arrays: Sequence[np.ndarray[Any, Any]], dims: Sequence[int]) -> KernelCall:
        """A call that keeps alive everything it points to, the arrays included."""
        call = cls(
            size=ctypes.sizeof(cls),
            error_size=512,
            args=(ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays)),
            lengths=(ctypes.c_int64 * len(arrays))(*(array.size for array in arrays)),
            dims=(ctypes.c_int64 * len(dims))(*dims),
            end=1,
            error=ctypes.cast(ctypes.create_string_buffer(512), ctypes.c_char_p),
        )
        call.arrays = arrays
        return call
