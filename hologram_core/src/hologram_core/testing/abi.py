"""The raw ABI: a kernel called for ranges of its work items, as hologram/kernel.h says, without the runtime between.

In go a native body and arguments; out comes a RawCall that runs any range. The arguments must fit, nothing is checked.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from .body import Body, Dims, Values


class _KernelCall(ctypes.Structure):
    """struct hologram_call of hologram/kernel.h, as far as every kernel knows it: it grows at the end."""

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
        ("host", ctypes.c_void_p),  # NULL: one thread
    )


_KERNEL = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.POINTER(_KernelCall))
_EXTENT = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.POINTER(_KernelCall))


class RawCall:
    """One call of a native body, to be run in pieces; many may run at once, without the GIL."""

    def __init__(self, body: Body, dims: Dims, values: Values) -> None:
        kernel = body.bound.kernel
        self._holders: list[Any] = [
            value if isinstance(value, np.ndarray) else np.array(value, dtype)
            for value, dtype in zip(values, body.dtypes, strict=True)
        ]
        count = len(self._holders)
        self._error = ctypes.create_string_buffer(512)
        self._call = _KernelCall(
            ctypes.sizeof(_KernelCall),
            512,
            (ctypes.c_void_p * count)(*(holder.ctypes.data for holder in self._holders)),
            (ctypes.c_int64 * count)(*(holder.size for holder in self._holders)),
            (ctypes.c_int64 * 16)(*(dims[dim] for dim in body.signature.dims)),
            0,
            1,
            kernel.context or None,
            ctypes.cast(self._error, ctypes.c_char_p),
        )
        self._run = _KERNEL(body.bound.entry)
        self.total = dims["()"] if body.signature.elementwise else 1  #: how many work items there are
        if kernel.extent:
            self.total = _EXTENT(kernel.extent)(ctypes.byref(self._call))

    def run(self, begin: int, end: int) -> str:
        """Run work items begin <= id < end; return what it failed with, or ""."""
        self._call.begin, self._call.end = begin, end
        code = self._run(ctypes.byref(self._call))
        return f"code {code}: {self._error.value.decode(errors='replace')}" if code else ""
