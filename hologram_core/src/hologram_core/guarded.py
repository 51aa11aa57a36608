"""Guarded memory for the conformance kit: arrays whose neighbouring bytes must not be touched.

Where the platform has mprotect an array ends (or begins) at a page that cannot be read or written,
so that a kernel which strays crashes; elsewhere the neighbours are canary bytes, which show writes
only. `PROTECTS` says which it is.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from typing import Any

import numpy as np

PROTECTS = sys.platform != "win32"
_PAGE = mmap.PAGESIZE
_CANARY = 0xA5


class Guarded:
    """One block of memory between two guards; lives as long as the arrays that view it."""

    def __init__(self, nbytes: int) -> None:
        self._pages = max(1, -(-nbytes // _PAGE))
        self._map = mmap.mmap(-1, (self._pages + 2) * _PAGE)
        self._bytes = np.frombuffer(self._map, np.uint8)
        self._bytes[:] = _CANARY
        if PROTECTS:
            self._protect(0)
            self._protect((self._pages + 1) * _PAGE)

    def _protect(self, offset: int) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        address = ctypes.c_void_p(self._bytes.ctypes.data + offset)
        if libc.mprotect(address, ctypes.c_size_t(_PAGE), 0) != 0:
            raise OSError(ctypes.get_errno(), "mprotect failed")

    def array(self, shape: tuple[int, ...], dtype: np.dtype[Any], *, at_end: bool) -> np.ndarray[Any, Any]:
        """Return an array that begins right after the first guard, or ends right before the second."""
        nbytes = int(np.prod(shape)) * dtype.itemsize
        first = _PAGE + (self._pages * _PAGE - nbytes if at_end else 0)
        return self._bytes[first : first + nbytes].view(dtype).reshape(shape)

    def is_intact(self, array: np.ndarray[Any, Any]) -> bool:
        """Whether every byte between the guards and outside the array is as it was."""
        begin = array.ctypes.data - self._bytes.ctypes.data if array.nbytes else _PAGE
        inside = self._bytes[_PAGE : (self._pages + 1) * _PAGE]
        begin -= _PAGE
        return bool(np.all(inside[:begin] == _CANARY) and np.all(inside[begin + array.nbytes :] == _CANARY))


def guarded_copy(array: np.ndarray[Any, Any], *, at_end: bool) -> tuple[np.ndarray[Any, Any], Guarded]:
    """Return a copy of an array in guarded memory, and that memory."""
    memory = Guarded(array.nbytes)
    copy = memory.array(array.shape, array.dtype, at_end=at_end)
    copy[...] = array
    return copy, memory
