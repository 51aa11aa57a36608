"""The checks of values: what a kernel computes, against its reference and the interpreter.

In goes a body with one of them; a check returns, raises Broken with the first wrong element and its inputs, or
NotApplicable.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import KernelError
from .body import Body, Dims, Values
from .checks import Broken, NotApplicable
from .definition import Definition
from .judge import find_difference
from .memory import Array

_MOST = 5000  # combinations of special values that are tried
_SEVERAL = (0, 1, 2, 3, 7, 16, 17, 33, 55)  # sizes of signatures with several dimensions
_INTERPRETED = (*range(18), 31, 32, 33, 64, 65)  # sizes: the interpreter takes microseconds for each operation
_INTERPRETED_SEVERAL = (0, 1, 2, 3, 7, 17)


def results(body: Body) -> None:
    """The values are those of the reference, at every size around the tails of vectors."""
    if body.reference is None:
        raise NotApplicable("its op has no reference")
    _compare_at(body, body.reference, body.sizes(several=_SEVERAL), body.ulp)


def one_result(body: Body) -> bool:
    """The values of one call of a small size are those of the reference; False where there is none with a result."""
    assert body.reference is not None
    sizes = reversed(body.sizes((0, 1, 5, 33), (1, 5)))
    return any(_compare(body, body.reference, dims, body.values(dims), body.ulp) for dims in sizes)


def specials(body: Body) -> None:
    """NaN, infinities, zeros of both signs, subnormals and the largest numbers give what the reference gives.

    Of kernels that are not element-wise, and without a reference, only that it returns.
    """
    if not _given(body):
        raise NotApplicable("no input is an array")
    if body.reference is None and body.interpreter is not None:
        raise NotApplicable("its op has no reference, and the interpreter is given special values too")
    if body.reference is None and not any(body.dtypes[i].kind == "f" for i in _given(body)):
        raise NotApplicable("its op has no reference, and nothing that it reads is a float")
    for dims, values in _special_values(body):
        if body.reference is not None and body.signature.elementwise:
            _compare(body, body.reference, dims, values, body.ulp)
        else:
            body.call(body.place(values), f"called with special values ({body.text(dims)})")


def interpreter(body: Body) -> None:
    """The values are those of the interpreter, which defines the language, special ones too."""
    if body.interpreter is None:
        raise NotApplicable(body.why_no_interpreter)
    _compare_at(body, body.interpreter, body.sizes(_INTERPRETED, _INTERPRETED_SEVERAL), None)
    for dims, values in _special_values(body):
        _compare(body, body.interpreter, dims, values, None)


def _compare_at(body: Body, definition: Definition, sizes: Iterable[Dims], ulp: float | None) -> None:
    """Compare calls of several sizes. Raises NotApplicable if none of them has a result."""
    if not sum(_compare(body, definition, dims, body.values(dims), ulp) for dims in sizes):
        raise NotApplicable(f"by {definition.name} no arguments that were made have a result")


def _compare(body: Body, definition: Definition, dims: Dims, values: Values, ulp: float | None) -> bool:
    """Compare one call with its definition, refusals included; return whether there were results."""
    try:
        expected = definition.results(values)
    except TimeoutError:
        return False
    except (ValueError, KernelError) as error:
        if body.call(body.place(values), f"called with {body.text(dims)}") is None:
            raise Broken(f"it has a result where {definition.name} has none: {error} ({body.text(dims)})") from error
        return False
    placed = body.place(values)
    refusal = body.call(placed, f"called with {body.text(dims)}")
    if refusal is not None:
        raise Broken(f"it fails where {definition.name} has a result: {refusal} ({body.text(dims)})")
    difference = find_difference(body, values, body.results(placed), expected, ulp=ulp)
    if difference:
        raise Broken(f"{difference} ({body.text(dims)})")
    return True


# ---- special values ------------------------------------------------------------------------------


def _special_values(body: Body) -> Iterator[tuple[Dims, Values]]:
    """Arguments of special values: all combinations of them element by element, else some here and there."""
    given = _given(body)
    if not body.signature.elementwise:
        yield from ((dims, _sprinkled(body, dims, given)) for dims in body.few_sizes())
        return
    step = max(body.bound.min_n, min(body.bound.max_n, 1024))
    dims: Dims = {"()": step}
    columns = dict(zip(given, _combinations([_special(body.dtypes[i]) for i in given]), strict=True))
    for begin in range(0, len(columns[given[0]]) if given else 0, step):
        values = body.values(dims)
        for i in range(len(values)):
            if i in columns:
                values[i] = np.resize(columns[i][begin : begin + step], step)
            elif i not in body.arrays:
                values[i] = body.dtypes[i].type(1.5 + i)
        yield dims, values


def _sprinkled(body: Body, dims: Dims, given: Sequence[int]) -> Values:
    """Ordinary arguments with special values in some places of their floats."""
    rng = np.random.default_rng(body.seed)
    values = body.values(dims)
    for i in given:
        if body.dtypes[i].kind == "f":
            chosen = rng.random(values[i].shape) < 0.2
            values[i][chosen] = rng.choice(_special(body.dtypes[i]), np.count_nonzero(chosen))
    return values


def _given(body: Body) -> list[int]:
    """The arrays that are read."""
    return [i for i in body.arrays if body.signature.params[i].role != "out"]


def _special(dtype: np.dtype[Any]) -> Array:
    if dtype.kind == "b":
        return np.array([False, True])
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return np.array([0, 1, 2, limits.max, limits.min, *([-1] if dtype.kind == "i" else [])], dtype)
    info = np.finfo(dtype)
    values = [0.0, 1.0, 0.5, 2.0, float(info.tiny), float(info.smallest_subnormal), float(info.max), np.inf]
    return np.array([sign * value for value in values for sign in (1, -1)] + [np.nan], dtype)


def _combinations(pools: Sequence[Array]) -> list[Array]:
    """A column for each pool: every combination of their values, or a random choice of them."""
    if np.prod([pool.size for pool in pools]) > _MOST:
        rng = np.random.default_rng(0)
        return [rng.choice(pool, _MOST) for pool in pools]
    rows = list(itertools.product(*pools))
    return [np.array(column, pool.dtype) for column, pool in zip(zip(*rows, strict=True), pools, strict=True)]
