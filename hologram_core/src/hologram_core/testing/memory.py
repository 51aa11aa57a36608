"""Memory for the arrays of a check: around each are bytes that must not change and pages that cannot be touched.

In go values; out come arrays of the same content at a chosen place, and what was written beside them. Where the
platform has no mprotect, neighbours are canary bytes alone, which show writes and no reads; `PROTECTS` tells.

    | no access | canary ... | the array | ... canary | no access |
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]
Side: TypeAlias = Literal["middle", "start", "end"]

PROTECTS = sys.platform != "win32"
_PAGE = mmap.PAGESIZE
_GUARD = 16 * _PAGE  # without access: so far a kernel may stray and still be caught
_CANARY = 0xA5
_NO_ACCESS, _READ, _READ_WRITE = 0, 1, 3  # of mprotect, the same everywhere


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


class Arena:
    """Memory for one array of up to so many bytes."""

    def __init__(self, nbytes: int) -> None:
        self.capacity = -(-(nbytes + 64) // _PAGE) * _PAGE
        size = self.capacity + 2 * _PAGE + 2 * _GUARD  # a page of canaries on either side
        self._bytes = np.frombuffer(mmap.mmap(-1, size), np.uint8)
        self._inner = self._bytes[_GUARD:-_GUARD]
        self._span = (0, 0)
        self._protect(0, _GUARD, _NO_ACCESS)
        self._protect(size - _GUARD, _GUARD, _NO_ACCESS)

    def place(self, value: Array, side: Side = "middle", offset: int = 0) -> Array:
        """Return a copy of an array that touches the page without access on a side, or none.

        In the middle its address is `offset` bytes past a multiple of 64.
        """
        first = {"middle": _PAGE + offset, "start": 0, "end": self._inner.size - value.nbytes}[side]
        self._span = (first, first + value.nbytes)
        self._inner[...] = _CANARY
        array: Array = np.ndarray(value.shape, value.dtype, self._inner, first)
        array[...] = value
        return array

    def find_stray(self) -> str:
        """Say what has been written beside the array, or ""."""
        first, last = self._span
        before = np.flatnonzero(self._inner[:first] != _CANARY)
        if before.size:
            return f"{first - int(before[0])} bytes before the start"
        after = np.flatnonzero(self._inner[last:] != _CANARY)
        return f"{int(after[-1]) + 1} bytes past the end" if after.size else ""

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """For a while, no byte can be written."""
        self._protect(_GUARD, self._inner.size, _READ)
        try:
            yield
        finally:
            self._protect(_GUARD, self._inner.size, _READ_WRITE)

    def _protect(self, offset: int, size: int, access: int) -> None:
        if not PROTECTS:
            return
        libc = _libc()
        address = ctypes.c_void_p(self._bytes.ctypes.data + offset)
        if libc.mprotect(address, ctypes.c_size_t(size), access) != 0:
            raise OSError(ctypes.get_errno(), "mprotect failed")
