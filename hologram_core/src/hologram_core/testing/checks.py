"""The checks of the contract: what any kernel must keep, whatever it computes.

In goes a body; a check returns, raises Broken with what is wrong, or NotApplicable with the reason. Before each call it
says what it means if the process dies in it. Arrays lie in arenas, so that a kernel that strays disturbs nothing else.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

import numpy as np

from ..catalogue import OpSpec
from ..signature import Signature
from .abi import RawCall
from .body import FILL, Body, Dims, Values
from .judge import find_change, find_difference
from .memory import PROTECTS, Arena, Array, Side

_SIDES: tuple[tuple[Side, str], ...] = (("end", "past the end"), ("start", "before the start"))
_OTHER_FILL = FILL ^ 0xFF
_THREADS, _CALLS, _TRIES = 4, 300, 20  # of the check of threads


class Broken(Exception):  # noqa: N818  # it says what was found
    """The kernel does not keep the contract."""


class NotApplicable(Exception):  # noqa: N818
    """There is nothing to check."""


# ---- what it says of itself ----------------------------------------------------------------------


def signature(body: Body) -> None:
    """Its row has the signature of its op; the reference takes its inputs and gives its outputs."""
    wrong = "" if body.spec is None else misfit(body.spec, body.bound.op, body.signature)
    if wrong and body.has_own_call:
        raise NotApplicable(f"{wrong}, so the op never uses it: it is called by its own name")
    if wrong:
        raise Broken(f"{wrong}, so the op never uses it; rename it, or give it the parameters of the op")
    sizes = body.few_sizes()
    if body.reference is None or not sizes:
        return
    try:
        values = body.values(sizes[-1])
        results = body.reference.results(values)
    except TypeError as error:
        count = len(body.signature.inputs)
        raise Broken(f"the reference does not take the {count} inputs of its row: {error}") from error
    except ValueError:
        return  # no result for this size
    if len(results) != len(body.written):
        raise Broken(f"the reference gives {len(results)} results, its row {body.signature} {len(body.written)}")
    for i, result in zip(body.written, results, strict=True):
        if not _stretches(np.shape(result), values[i].shape):
            raise Broken(f"the reference gives {np.shape(result)} for {body.names[i]!r} of shape {values[i].shape}")


def _stretches(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether a result of a shape is broadcast to another one."""
    pairs = zip(reversed(shape), reversed(wanted), strict=False)
    return len(shape) <= len(wanted) and all(size in (1, other) for size, other in pairs)


def misfit(spec: OpSpec, op: str, signature: Signature) -> str:
    """Why an op does not use kernels of a name and signature, or ""."""
    if spec.kernel_op != op:
        return f"op {spec.name!r} is served by kernels of {spec.kernel_op!r}"
    expected = spec.kernel_signature
    return "" if signature == expected else f"its row promises {signature}, op {spec.name!r} is {expected}"


def answers(body: Body) -> None:
    """It returns, and with 0, for arguments that have a result."""
    refusal: Exception | None = None
    count = 0
    sizes = body.sizes()
    for dims in sizes:
        values = body.values(dims)
        refusal = body.call(body.place(values), f"called with {body.text(dims)}")
        count += refusal is None
        if refusal is not None and body.reference is not None and body.reference.refusal(values) is None:
            raise Broken(f"with {body.text(dims)} it fails where the reference has a result: {refusal}")
    if not sizes:
        raise NotApplicable(f"no array of {body.bound.min_n} to {body.bound.max_n} elements was made")
    if not count and body.definition is None:
        raise Broken(f"it fails for all arguments, lastly with: {refusal}")
    if not count:
        raise NotApplicable(f"no arguments that were made have a result, the last ones for: {refusal}")


# ---- memory --------------------------------------------------------------------------------------


def guards(body: Body) -> None:
    """Nothing outside the arrays is written or read, at any size, with a page without access right beside each."""
    for dims in body.sizes():
        values = body.values(dims)
        body.call(body.place(values), f"called with {body.text(dims)}")  # it may refuse, and must not stray then either
        _check_neighbours(body, dims)
        for i in body.arrays if PROTECTS else ():
            verb = "reads" if body.signature.params[i].role == "in" else "reads or writes"
            for side, words in _SIDES:
                body.call(body.place(values, {i: side}), f"{verb} {words} of {body.names[i]!r} ({body.text(dims)})")


def _check_neighbours(body: Body, dims: Dims) -> None:
    for i in body.arrays:
        stray = body.arena(i).find_stray()
        if stray:
            raise Broken(f"writes up to {stray} of {body.names[i]!r} ({body.text(dims)})")


def inputs(body: Body) -> None:
    """No input is written, not even for a moment."""
    read = [i for i in body.arrays if body.signature.params[i].role == "in"]
    if not read:
        raise NotApplicable("no input is an array")
    for dims in body.sizes():
        values = body.values(dims)
        placed = body.place(values)
        for i in read:
            placed[i].flags.writeable = False
        refusal = body.call(placed, f"called with read-only inputs ({body.text(dims)})")
        if refusal is not None and _own(body, dims) is not None:
            raise Broken(f"with read-only inputs it fails: {refusal} ({body.text(dims)})")
        for i in read:
            if placed[i].tobytes() != values[i].tobytes():
                raise Broken(f"writes to its input {body.names[i]!r} ({body.text(dims)})")
        with ExitStack() as stack:
            for i in read:
                stack.enter_context(body.arena(i).read_only())
            body.call(placed, f"writes to an input and puts back what was there ({body.text(dims)})")


def outputs(body: Body) -> None:
    """Every element of every output is written, and nothing depends on what was in it before."""
    if not body.signature.outputs:
        raise NotApplicable("all that it writes are in-outs")
    for dims in body.sizes():
        once, again = _own(body, dims), _own(body, dims, fill=_OTHER_FILL)
        if once is None or again is None:
            continue
        change = find_change(body, once, again)
        if change and not _is_left_by_interpreter(body, dims):
            raise Broken(f"{change}, by what was in it before the call: not written, or read ({body.text(dims)})")


def _is_left_by_interpreter(body: Body, dims: Dims) -> bool:
    """Whether the language itself leaves a part of these outputs as it was."""
    if body.interpreter is None:
        return False
    both = [body.interpreter.results(body.values(dims, fill=fill)) for fill in (FILL, _OTHER_FILL)]
    return bool(find_change(body, *both))


def alignment(body: Body) -> None:
    """The results are the same at every address that the dtypes allow, of all arrays and of each alone."""
    moved = [body.arrays, *([i] for i in body.arrays)] if len(body.arrays) > 1 else [body.arrays]
    sizes = [dtype.itemsize for dtype in body.dtypes]
    for dims in body.few_sizes():
        own = _own(body, dims)
        for offset in range(0, 64, min(sizes[i] for i in body.arrays)) if own is not None else ():
            for group in moved:
                what = ", ".join(repr(body.names[i]) for i in group)
                place = f"with {what} {offset} bytes past a multiple of 64"
                offsets = {i: offset - offset % sizes[i] for i in group}
                _check_same(body, dims, partial(body.place, offsets=offsets), own or [], place)


def aliasing(body: Body) -> None:
    """With an output in the memory of an input, the results are as if the inputs were read first."""
    if not body.bound.kernel.may_alias:
        raise NotApplicable("its row does not say that outputs may be in the memory of inputs")
    params = list(enumerate(body.signature.params))
    pairs = [
        (i, o) for i, given in params for o, result in params
        if i in body.arrays and given.role == "in" and result.role == "out" and body.dtypes[i] == body.dtypes[o]
    ]  # fmt: skip
    for dims in body.sizes():
        shapes = body.shapes(dims)
        own = _own(body, dims)
        for i, o in pairs if own is not None else ():
            if shapes[i] == shapes[o]:
                place = f"with {body.names[o]!r} in the memory of {body.names[i]!r}"
                _check_same(body, dims, partial(_overlaid, body, i, o), own or [], place)


def _overlaid(body: Body, i: int, o: int, values: Values) -> Values:
    placed = body.place(values)
    placed[o] = placed[i]
    return placed


def _own(body: Body, dims: Dims, salt: int = 0, *, fill: int = FILL) -> list[Array] | None:
    """The results of the kernel itself in ordinary circumstances, None where it refuses."""
    placed = body.place(body.values(dims, salt, fill=fill))
    if body.call(placed, f"called with {body.text(dims)}") is not None:
        return None
    return [result.copy() for result in body.results(placed)]


def _check_same(
    body: Body, dims: Dims, place: Callable[[Values], Values], expected: Sequence[Array], where: str
) -> None:
    """Call it with its arguments in another place; the results must be the same but for rounding."""
    values = body.values(dims)
    placed = place(values)
    refusal = body.call(placed, f"called {where} ({body.text(dims)})")
    if refusal is not None:
        raise Broken(f"{where}, it fails: {refusal} ({body.text(dims)})")
    if not find_change(body, body.results(placed), expected):
        return
    twice = None if body.ulp is None else 2 * body.ulp  # either result may be off by that
    difference = find_difference(body, values, body.results(placed), expected, ulp=twice)
    if difference:
        raise Broken(f"{where}, {difference} ({body.text(dims)})")


# ---- parts, threads, copies ----------------------------------------------------------------------


def split(body: Body) -> None:
    """In two pieces, in either order, it gives the same bits, and each piece writes only its own elements."""
    if not body.bound.kernel.splittable:
        raise NotApplicable("its row does not say that it may be split")
    if not body.is_native:
        raise NotApplicable("it is a Python function")
    for dims in body.few_sizes():
        whole = _own(body, dims)
        for backwards in (False, True) if whole is not None else ():
            pieces = _run_pieces(body, dims, backwards=backwards)
            change = find_change(body, whole or [], pieces)
            if change:
                raise Broken(f"whole and in two pieces, {change} ({body.text(dims)})")


def _run_pieces(body: Body, dims: Dims, *, backwards: bool) -> list[Array]:
    values = body.values(dims)
    placed = body.place(values)
    call = RawCall(body, dims, placed)
    middle = call.total // 3
    pieces = [(0, middle), (middle, call.total)]
    for begin, end in reversed(pieces) if backwards else pieces:
        what = f"work items {begin} to {end} of {call.total}"
        body.doing(f"called for {what} ({body.text(dims)})")
        error = call.run(begin, end)
        if error:
            raise Broken(f"for {what} it fails: {error} ({body.text(dims)})")
        if body.signature.elementwise and begin == 0 and not backwards:
            _check_untouched(body, values, placed, end, f"{what} ({body.text(dims)})")
    return body.results(placed)


def _check_untouched(body: Body, values: Values, placed: Values, end: int, what: str) -> None:
    for i in body.written:
        if placed[i][end:].tobytes() != values[i][end:].tobytes():
            raise Broken(f"for {what} it writes to {body.names[i]!r} beyond {end}")


def threads(body: Body) -> None:
    """From four threads at once, each with its own arrays, the results are the bits of calls from one thread."""
    if not body.is_native:
        raise NotApplicable("it is a Python function")
    long = 2048 if body.signature.elementwise else 128
    sizes = sorted(body.sizes((5, 33, long), (3, 17, 33)), key=lambda dims: -sum(dims.values()))
    for dims in sizes[:_TRIES]:
        own = [_own(body, dims, salt) for salt in range(_THREADS)]
        if None not in own:
            break
    else:
        raise NotApplicable("it has no result for any arguments that were made")
    body.doing(f"called from {_THREADS} threads at once ({body.text(dims)})")
    found: list[str] = []
    work = [
        threading.Thread(target=_repeat, args=(body, dims, salt, expected, found)) for salt, expected in enumerate(own)
    ]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    if found:
        raise Broken(f"called from {_THREADS} threads at once, and alone, {found[0]} ({body.text(dims)})")


def _repeat(body: Body, dims: Dims, salt: int, expected: Sequence[Array], found: list[str]) -> None:
    """What one thread does: the same call many times, up to the first that differs."""
    initial = body.values(dims, salt)
    values = [Arena(value.nbytes).place(value) if i in body.arrays else value for i, value in enumerate(initial)]
    call = RawCall(body, dims, values)
    for _ in range(_CALLS):
        for i in body.arrays:
            values[i][...] = initial[i]
        wrong = call.run(0, call.total) or find_change(body, body.results(values), expected)
        if wrong:
            found.append(wrong)
            return


def copies(body: Body) -> None:
    """Two libraries with this kernel in one process do not disturb each other, nor does one that is closed."""
    if body.reopen is None:
        raise NotApplicable("it is not from a library file")
    body.doing("opening a second copy of its library")
    other = body.reopen()
    for dims in body.few_sizes():
        own, values = _own(body, dims), body.place(body.values(dims))
        if own is None:
            continue
        body.call(values, f"called in a second copy of its library ({body.text(dims)})", other)
        change = find_change(body, body.results(values), own) or find_change(body, _own(body, dims) or [], own)
        if change:
            raise Broken(f"with two copies of its library open, {change} ({body.text(dims)})")
    body.doing("closing a second copy of its library")
    del other
    gc.collect()
    for dims in body.few_sizes()[:1]:
        _own(body, dims)
