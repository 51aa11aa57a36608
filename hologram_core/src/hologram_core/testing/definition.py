"""Definition: what the results of a kernel are, by its reference or by the interpreter.

In go arguments of a call; out comes what each written array must hold. An argument that has no result is an exception,
as it must be one of the kernel.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from .._native import BoundKernel
from ..errors import KernelError
from ..signature import Signature

Array: TypeAlias = np.ndarray[Any, Any]
Reference: TypeAlias = Callable[..., Any]


class Definition:
    """What the results of a kernel are."""

    name = ""  #: in messages

    def results(self, values: Sequence[Any]) -> list[Any]:
        """What the in-outs and outputs must be, in this order. Raises ValueError, KernelError, TimeoutError."""
        raise NotImplementedError

    def refusal(self, values: Sequence[Any]) -> Exception | None:
        """Why there is no result for these values; None if there is."""
        try:
            self.results(values)
        except (ValueError, KernelError, TimeoutError) as error:
            return error
        return None


class ByReference(Definition):
    """By a NumPy function, in float64; integers stay integers."""

    name = "the reference"

    def __init__(self, function: Reference, signature: Signature) -> None:
        self._function = function
        self._count = len(signature.inputs)

    def results(self, values: Sequence[Any]) -> list[Any]:
        """One for each array that is written: a tuple, or one alone."""
        wide = [_widened(value) for value in values[: self._count]]
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's mean of nothing is NaN, with a warning
            result = self._function(*wide)
        return list(result) if isinstance(result, tuple) else [result]


class ByInterpreter(Definition):
    """By the interpreter, as a kernel in Python with the same signature."""

    name = "the interpreter"

    def __init__(self, bound: BoundKernel) -> None:
        self._bound = bound

    def results(self, values: Sequence[Any]) -> list[Any]:
        """What it writes to copies of the arrays."""
        copies = [value.copy() if isinstance(value, np.ndarray) else value for value in values]
        self._bound(*copies)
        written = zip(self._bound.signature.params, copies, strict=True)
        return [value for param, value in written if param.role != "in"]


def _widened(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.astype(np.float64) if value.dtype.kind == "f" else value.copy()
    return np.float64(value) if isinstance(value, np.floating) else value
