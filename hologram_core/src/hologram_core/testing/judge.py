"""Judging results: which differences between two results of one call are rounding, and which are a fault.

In go what a kernel has written and what it should have; out comes "", or in words where they first differ. Ops with a
stated accuracy are held to that; others may round each of their terms.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..catalogue import STANDARD, OpSpec
from .body import Body, Values
from .memory import Array

_STATED = re.compile(r"Within ([\d.]+) ULP")
_EXACT = 0.5
_SELECTS = ("vector_min", "vector_max", "relu", "clip", "reduce_min", "reduce_max")  # which round nothing


def stated_ulp(spec: OpSpec) -> float | None:
    """The error, in units of the last place, that the accuracy of an op allows; None where it does not say."""
    if spec.accuracy == "Correctly rounded.":
        return _EXACT
    match = _STATED.match(spec.accuracy)
    return float(match[1]) if match else None


#: ULP for f32 by standard op; anything else is bounded by its terms, see _allowed.
ULP: dict[str, float] = {
    **{name: ulp for name, spec in STANDARD.items() if (ulp := stated_ulp(spec)) is not None},
    **dict.fromkeys(_SELECTS, _EXACT),
}


def find_difference(
    body: Body, values: Values, results: Sequence[Array], expected: Sequence[Any], *, ulp: float | None = None
) -> str:
    """Say where the results of a call with these values (as they were before) are not as expected, or "".

    Both have one array for each parameter that is written; `ulp` is the error allowed, None for rounding each term.
    """
    for i, result, wanted in zip(body.written, results, expected, strict=True):
        exact = np.broadcast_to(np.asarray(wanted), result.shape)
        wrong = _wrong(body, values, result, exact, ulp)
        if np.any(wrong):
            at = tuple(int(index[0]) for index in np.nonzero(wrong)) if result.ndim else ()
            place = _place(body.names[i], at)
            return f"{place} is {result[at]!s}, expected {exact[at]!s}{_with(body, values, result, at)}"
    return ""


def find_change(body: Body, results: Sequence[Array], expected: Sequence[Array]) -> str:
    """Say where two results differ in any bit, or ""."""
    for i, result, wanted in zip(body.written, results, expected, strict=True):
        if result.tobytes() != wanted.tobytes():
            size = result.dtype.itemsize
            bits = [np.frombuffer(array.tobytes(), np.dtype((np.void, size))) for array in (result, wanted)]
            flat = next(k for k, (one, other) in enumerate(zip(*bits, strict=True)) if one.tobytes() != other.tobytes())
            at = tuple(map(int, np.unravel_index(flat, result.shape)))
            return f"{_place(body.names[i], at)} is {result[at]!s}, and {wanted[at]!s}"
    return ""


def _wrong(body: Body, values: Values, result: Array, exact: Array, ulp: float | None) -> Any:
    """Which elements are not what they should be."""
    with np.errstate(all="ignore"):
        rounded = exact.astype(result.dtype)
        if result.dtype.kind != "f":
            return result != rounded
        allowed = _allowed(body, values, exact, result.dtype, ulp)
        close = np.abs(result.astype(np.float64) - exact) <= allowed
        overflow = np.isinf(result) & (np.abs(exact) + allowed >= np.finfo(result.dtype).max)
        same = (result == rounded) | (np.isnan(result) & np.isnan(exact))
        return ~(same | (close & np.isfinite(result)) | overflow)


def _allowed(body: Body, values: Values, exact: Array, dtype: np.dtype[Any], ulp: float | None) -> Any:
    """The absolute error allowed at each element.

    Ops with a stated accuracy: that many units in the last place of the exact result. Others, and what is as
    precise as the reference, add up or multiply k terms made of the inputs: one rounding of eps for each, relative
    to the result and to the largest term, which is at most the product of the inputs' magnitudes; and a few more.
    """
    spacing = np.spacing(np.abs(exact).astype(dtype)).astype(np.float64)
    if dtype == np.float64 and ulp != _EXACT:
        ulp = None  # what is exact is a float64 too, whose own terms were rounded
    if ulp is not None:
        return ulp * spacing
    inputs = values[: len(body.signature.inputs)]
    sizes = [_magnitude(np.asarray(value, np.float64)) for value in inputs]
    k = 1
    if not body.signature.elementwise:
        k = max([size.shape[-1] for size in sizes if size.ndim] or [1])
        sizes = [size.max(initial=1.0) for size in sizes]
    largest: Any = 1.0
    for size in sizes:
        largest = largest * size
    return 4 * spacing + np.finfo(dtype).eps * (k + 8) * (largest + np.abs(exact))


def _magnitude(values: Array) -> Array:
    """How large inputs are, at least 1; what is not finite allows no error."""
    return np.where(np.isfinite(values), np.maximum(1.0, np.abs(values)), 1.0)


def _place(name: str, at: tuple[int, ...]) -> str:
    return f"{name}[{', '.join(map(str, at))}]" if at else name


def _with(body: Body, values: Values, result: Array, at: tuple[int, ...]) -> str:
    """The inputs that belong to an element, in words."""
    inputs = zip(body.names, values[: len(body.signature.inputs)], strict=False)
    texts = [
        f"{name} = {(value[at] if isinstance(value, np.ndarray) else value)!s}"
        for name, value in inputs
        if not isinstance(value, np.ndarray) or value.shape == result.shape
    ]
    return f" for {', '.join(texts)}" if texts else ""
