"""Kernels written in Python, as native code that the executor can call.

In goes a kernel whose work is a Python function; out comes an address, good for as long as the object that
holds it. The function gets copies, since it may keep what it is given and the executor's pages are gone
after a call. Nothing is refused: what the function raises becomes the failure of the kernel.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from hologram_core import Kernel, dtypes

_BAD_VALUE, _FAILED = 1, 2


class _Call(ctypes.Structure):
    """hologram_call of hologram/kernel.h, as far as it is read here."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("error_size", ctypes.c_uint32),
        ("args", ctypes.POINTER(ctypes.c_void_p)),
        ("lengths", ctypes.POINTER(ctypes.c_int64)),
        ("dims", ctypes.POINTER(ctypes.c_int64)),
        ("begin", ctypes.c_int64),
        ("end", ctypes.c_int64),
        ("context", ctypes.c_void_p),
        ("error", ctypes.c_void_p),
    )


_FUNCTION = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.POINTER(_Call))


class Callback:
    """The native code of a kernel in Python."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self._code = _FUNCTION(self._run)
        self.address = ctypes.cast(self._code, ctypes.c_void_p).value or 0

    def _run(self, pointer: Any) -> int:
        """Called by native code, on any thread; ctypes takes the GIL."""
        call = pointer.contents
        try:
            self._call(call)
        except BaseException as error:  # there is nobody above to catch it
            text = f"{type(error).__name__}: {error}".encode()[: call.error_size - 1] + b"\0"
            ctypes.memmove(call.error, text, len(text))
            return _BAD_VALUE if isinstance(error, ValueError) else _FAILED
        return 0

    def _call(self, call: Any) -> None:
        memory = [self._memory(call, index) for index in range(len(self.kernel.signature.params))]
        arguments: list[Any] = [array.copy() for array in memory]
        for index, param in enumerate(self.kernel.signature.params):
            if param.kind == "scalar":
                arguments[index] = arguments[index][()]
            elif not param.core:
                arguments[index] = (
                    arguments[index] if self.kernel.signature.elementwise else arguments[index].reshape(())
                )
        assert self.kernel.function is not None
        self.kernel.function(*arguments)
        for array, argument, param in zip(memory, arguments, self.kernel.signature.params, strict=True):
            if param.role != "in":
                array[...] = argument.reshape(array.shape)

    def _memory(self, call: Any, index: int) -> np.ndarray[Any, Any]:
        """The memory of a parameter; a number has no dimensions."""
        param = self.kernel.signature.params[index]
        dtype = dtypes.find(param.dtype or self.kernel.dtype).numpy
        shape = () if param.kind == "scalar" else (call.lengths[index],)
        size = dtype.itemsize * (shape[0] if shape else 1)
        return np.ndarray(shape, dtype, memoryview((ctypes.c_char * size).from_address(call.args[index])))
