"""One array in every form in which a NumPy user may pass it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class Subclass(np.ndarray):
    pass


class WithArray:
    def __init__(self, x: Array) -> None:
        self.x = x

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        return self.x


class WithInterface:
    def __init__(self, x: Array) -> None:
        self.x = x
        self.__array_interface__ = x.__array_interface__


class WithDlpack:
    def __init__(self, x: Array) -> None:
        self.x = x

    def __dlpack__(self, **options: Any) -> Any:
        return self.x.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.x.__dlpack_device__()


def strided(x: Array) -> Array:
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    wide[..., ::2] = x
    return wide[..., ::2]


def unaligned(x: Array) -> Array:
    moved = np.frombuffer(bytearray(x.nbytes + 1), x.dtype, offset=1).reshape(x.shape)
    moved[...] = x
    return moved


def read_only(x: Array) -> Array:
    x = x.view()
    x.flags.writeable = False
    return x


def with_metadata(x: Array) -> Array:
    return x.astype(np.dtype(x.dtype, metadata={"unit": "m"}))


def matrix(x: Array) -> Array:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        return np.matrix(x)


def swapped(x: Array) -> Array:
    return x.astype(x.dtype.newbyteorder())


def raw_memory(x: Array) -> memoryview:
    return memoryview(bytearray(x.tobytes())).cast(x.dtype.char, x.shape)


#: forms that can be written to as well
WRITABLE: dict[str, Callable[[Array], Any]] = {
    "strided": strided,
    "reversed": lambda x: x[::-1].copy()[::-1],
    "fortran": np.asfortranarray,
    "byte-swapped": swapped,
    "swapped and strided": lambda x: strided(swapped(x)),
    "unaligned": unaligned,
    "with metadata": with_metadata,
    "subclass": lambda x: x.copy().view(Subclass),
    "matrix": matrix,
    "strided subclass": lambda x: strided(x).view(Subclass),
    "memoryview": lambda x: memoryview(x.copy()),
    "raw memory": raw_memory,
    "dlpack": lambda x: WithDlpack(x.copy()),
}
READABLE: dict[str, Callable[[Array], Any]] = {
    **WRITABLE,
    "read-only": read_only,
    "read-only and unaligned": lambda x: read_only(unaligned(x)),
    "read-only with metadata": lambda x: read_only(with_metadata(x)),
    "read-only memory": lambda x: memoryview(read_only(x)),
    "__array__": WithArray,
    "__array_interface__": WithInterface,
    "list of arrays": list,
    "tuple of lists": lambda x: tuple(x.tolist()),
}


def value_of(form: Any) -> Array:
    """The array behind a form."""
    return np.asarray(form.x if hasattr(form, "x") else form)
