"""The kit: every check of a kernel, or of all kernels of a library or provider, in child processes.

In go kernels; out come rows with verdicts. A kernel that dies in a check, or never returns, has failed that check, and
is not called again; what follows is "not run".
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeAlias

from .._native import BoundKernel
from ..bound import bind
from ..catalogue import STANDARD, OpSpec
from ..default import default_runtime
from ..errors import HologramError, UnknownOpError
from ..kernel import Kernel
from ..ranking import Offer
from ..runtime import Runtime
from . import checks, values
from .body import Body
from .checks import Broken, NotApplicable
from .child import METHOD, Death, Doing, Message, run_here, run_in_child
from .definition import ByInterpreter, ByReference, Reference
from .judge import ULP, stated_ulp
from .report import KernelCheckError, Report, Row
from .subject import Source, Subject, find_interpreter, find_sources

TIMEOUT = 60.0  #: seconds that one check may take before it counts as hanging

CHECKS: Mapping[str, Callable[[Body], None]] = {
    check.__name__: check
    for check in (
        checks.signature,
        checks.answers,
        checks.guards,
        checks.inputs,
        checks.outputs,
        checks.alignment,
        checks.aliasing,
        checks.split,
        checks.threads,
        checks.copies,
        values.results,
        values.specials,
        values.interpreter,
    )
}


def check_kernel(
    kernel: BoundKernel,
    reference: Reference | None = None,
    *,
    ulp: float | None = None,
    sizes: Sequence[int] | None = None,
    seed: int = 0,
    timeout: float = TIMEOUT,
) -> None:
    """Run every check on a kernel, in a child process where the platform can fork.

    reference  NumPy function on float64 (or integer) arrays; its results, a tuple if there are several,
               are those of the in-outs and the outputs; default: the catalogue's.
    ulp        error allowed, in units of the last place of the output; default: by op from ULP, else
               bounded by rounding each term of a sum once.
    sizes      lengths of element-wise arrays and rows; default: around vector tails, within the range.
    timeout    seconds that one check may take before it counts as hanging.

    Raises KernelCheckError, an AssertionError; ValueError if there is no reference.
    """
    body = _body_of("check_kernel", kernel, reference, ulp, sizes, seed)
    run = run_in_child if METHOD == "fork" else run_here
    label = Row("", kernel.op, kernel.dtype, kernel.isa, "", "not run")
    failed = [row for row in _rows(label, run(_check_body, body, timeout=timeout)) if row.verdict == "failed"]
    if failed:
        raise KernelCheckError(kernel, failed)


def check_once(
    kernel: BoundKernel, reference: Reference | None = None, *, ulp: float | None = None, seed: int = 0
) -> bool:
    """Make one call of a small size, in this process, and judge its result; False where none has a result.

    Arguments and errors are those of check_kernel().
    """
    body = _body_of("check_once", kernel, reference, ulp, None, seed)
    label = Row("", kernel.op, kernel.dtype, kernel.isa, values.results.__name__, "failed")
    try:
        return values.one_result(body)
    except Broken as error:
        raise KernelCheckError(kernel, [replace(label, reason=str(error))]) from error


def _body_of(
    function: str,
    kernel: BoundKernel,
    reference: Reference | None,
    ulp: float | None,
    sizes: Sequence[int] | None,
    seed: int,
) -> Body:
    """The body of a kernel with its reference, else the catalogue's. Raises TypeError, ValueError."""
    if not isinstance(kernel, BoundKernel):
        raise TypeError(
            f"{function}() argument 'kernel': expected what get_kernel() returns, got {type(kernel).__name__}"
        )
    spec = STANDARD.get(kernel.op)
    reference = reference or (spec.reference if spec else None)
    if reference is None:
        raise ValueError(f"{function}(): op {kernel.op!r} is not in the catalogue; pass a reference")
    definition = ByReference(reference, kernel.signature)
    names = spec.parameters if spec else ()
    ulp = ULP.get(kernel.op) if ulp is None else ulp
    return Body(kernel, names, reference=definition, ulp=ulp, given_sizes=sizes, seed=seed)


def check(
    what: str | os.PathLike[str],
    *,
    runtime: Runtime | None = None,
    timeout: float = TIMEOUT,
    seed: int = 0,
    progress: Callable[[Sequence[Row]], object] = lambda rows: None,
) -> Report:
    """Run every check on every kernel of a library file, a folder of them, a pack or another provider, by name.

    Each kernel is checked at each level of this CPU, in a child process of its own. One check may take `timeout`
    seconds, `seed` draws other arguments, `progress` is called with the rows of each kernel and level. Raises
    HologramError for what is no file, folder or provider, or has no kernels.
    """
    world = runtime or default_runtime()
    find_interpreter(world)  # so that it is imported once, not in every child
    rows: list[Row] = []
    for number, source in enumerate(find_sources(what, world)):
        for found in _check_source(source, (os.fspath(what), runtime, number), timeout, seed):
            progress(found)
            rows += found
    if not rows:
        raise HologramError(f"check({os.fspath(what)!r}): it has no kernels")
    return Report(tuple(rows))


def _check_source(source: Source, place: _Place, timeout: float, seed: int) -> Iterator[list[Row]]:
    """The rows of each body of a source, or of what could not be opened."""
    run = run_in_child if METHOD == "fork" or place[1] is None else run_here  # a Runtime does not pickle
    for item in list(run(_list_bodies, place, timeout=timeout)):
        if isinstance(item, _Item):
            label = Row(source.name, item.name, item.dtype, item.level, "", "not run")
            yield list(_rows(label, run(_check_item, place, item, seed, timeout=timeout)))
        else:
            reason = str(item) if isinstance(item, Death) else item.reason
            yield [Row(source.name, "", "", "", "opens", "failed", reason)]


# ---- rows ----------------------------------------------------------------------------------------


def _rows(label: Row, messages: Iterable[Message | Death]) -> Iterator[Row]:
    """The rows that a job's messages make, and those of the checks that it did not come to."""
    left = dict.fromkeys(CHECKS)
    running, reason = "ends", ""
    for message in messages:
        if isinstance(message, Death):
            reason = f"it died in {running}"
            left.pop(running, None)
            yield replace(label, check=running, verdict="failed", reason=str(message))
        elif message.verdict == "begins":
            running = message.check
        else:
            running, reason = "ends", f"{message.check} failed" if message.verdict == "failed" else reason
            left.pop(message.check, None)
            yield replace(label, check=message.check, verdict=message.verdict, reason=message.reason)
            if (message.check, message.verdict) == ("opens", "not applicable"):
                return
    yield from (replace(label, check=name, reason=reason) for name in left)


# ---- what runs in a child ------------------------------------------------------------------------


def _check_body(doing: Doing, body: Body) -> Iterator[Message]:
    """Every check of one body, up to the signature if that is wrong."""
    body.doing = doing
    for name, check in CHECKS.items():
        yield Message(name, "begins")
        doing("")
        message = _verdict(name, check, body)
        yield message
        if name == checks.signature.__name__ and message.verdict == "failed":
            return


def _verdict(name: str, check: Callable[[Body], None], body: Body) -> Message:
    try:
        check(body)
    except Broken as error:
        return Message(name, "failed", str(error))
    except NotApplicable as error:
        return Message(name, "not applicable", str(error))
    except Exception as error:  # a reference is anybody's code
        return Message(name, "failed", f"{type(error).__name__}: {error}")
    return Message(name, "passed")


#: Where a source is found again: what was asked for, in which runtime (None: the default), which of all.
_Place: TypeAlias = tuple[str, Runtime | None, int]


class _Item(NamedTuple):
    """A body as one child names it to another."""

    subject: int  #: which of the source
    name: str
    dtype: str
    level: str


def _list_bodies(doing: Doing, place: _Place) -> Iterator[_Item | Message]:
    """What bodies a source has, or why it cannot be opened."""
    what, runtime, number = place
    source = find_sources(what, runtime or default_runtime())[number]
    doing(f"opening {source.name}")
    try:
        subjects = source.open()
    except HologramError as error:
        yield Message("opens", "failed", str(error))
        return
    for index, subject in enumerate(subjects):
        kernel = subject.kernel
        levels = ["python"] if kernel.function is not None else [level for level, _ in kernel.variants]
        yield from (_Item(index, subject.name or kernel.op, kernel.dtype, level) for level in levels)


def _check_item(doing: Doing, place: _Place, item: _Item, seed: int) -> Iterator[Message]:
    """Open a source and check one body of it."""
    what, given, number = place
    runtime = given or default_runtime()
    levels = ("python", *runtime.settings.levels)
    if item.level not in levels:
        yield Message("opens", "not applicable", f"this process uses {', '.join(levels[1:]) or 'no level'}")
        return
    yield Message("opens", "begins")
    doing("opening it")
    try:
        source = find_sources(what, runtime)[number]
        body = _make_body(source.open()[item.subject], item.level, runtime, is_pack=source.is_pack, seed=seed)
    except (HologramError, ValueError) as error:
        yield Message("opens", "failed", str(error))
        return
    yield Message("opens", "passed")
    yield from _check_body(doing, body)


# ---- bodies of subjects --------------------------------------------------------------------------


def _make_body(subject: Subject, level: str, runtime: Runtime, *, is_pack: bool, seed: int) -> Body:
    """The body of a subject at a level, with all that is known of its values. Raises HologramError, ValueError."""
    kernel = subject.kernel.opened()
    spec = _spec_of(kernel, runtime)
    fits = spec is not None and not checks.misfit(spec, kernel.op, kernel.signature)
    names = subject.parameters or (spec.parameters if spec is not None and fits else ())
    reference = spec.reference if spec is not None and fits else None
    interpreter, why_not = _interpreter_of(subject, runtime)
    reopen = subject.reopen
    return Body(
        _bind(kernel, level, names),
        names,
        spec=spec,
        has_own_call=subject.has_own_call and not is_pack,
        reference=ByReference(reference, kernel.signature) if reference else None,
        ulp=None if spec is None else ULP.get(spec.name, stated_ulp(spec)),
        interpreter=interpreter,
        why_no_interpreter=why_not,
        is_unchecked=subject.is_unchecked,
        reopen=None if reopen is None else lambda: _bind(reopen(), level, names),
        seed=seed,
    )


def _spec_of(kernel: Kernel, runtime: Runtime) -> OpSpec | None:
    """The op of the kernel's name, if there is one."""
    try:
        return runtime.op(kernel.op).spec
    except UnknownOpError:
        return None


def _interpreter_of(subject: Subject, runtime: Runtime) -> tuple[ByInterpreter | None, str]:
    """What defines its values, or why there is nothing. Raises HologramError for IR that is not its own."""
    if not subject.ir:
        return None, "its library has no IR of it, as those of kernels in the language have"
    interpret = find_interpreter(runtime)
    if interpret is None:
        return None, "hologram-atlas, which interprets its IR, is not installed"
    kernel = interpret(subject.ir)
    if (kernel.signature, kernel.dtype) != (subject.kernel.signature, subject.kernel.dtype):
        raise HologramError(
            f"its IR is of a kernel for {kernel.dtype} with signature {kernel.signature}, "
            f"its row for {subject.kernel.dtype} with {subject.kernel.signature}"
        )
    return ByInterpreter(_bind(kernel, "python", subject.parameters)), ""


def _bind(kernel: Kernel, level: str, names: Sequence[str]) -> BoundKernel:
    """The kernel at one level, to be called on one thread."""
    names = tuple(names) or tuple(f"arg{i}" for i in range(len(kernel.signature.inputs)))
    spec = OpSpec(kernel.op, kernel.signature, names, kernel.doc)
    address = dict(kernel.variants).get(level, 0)
    return bind(spec, Offer(kernel, "", "", kernel.rank_priority, level, address), threads=1)
