"""Executor: a stage, a dtype and a runtime become one native kernel.

Each step gets the kernel that the runtime ranks highest among those that serve every size up to a page;
the program holds them, so that they live as long as it does. Refused are steps for which there is none
(UnknownKernelError) and numbers that the dtype does not have (TypeError, ValueError).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from hologram_core import MAX_N, BoundKernel, Kernel, Offer, OpSpec, Runtime, UnknownKernelError, dtypes
from hologram_core.bound import bind

from . import __version__, _pages
from .callback import Callback
from .flow import FOLDS, MARK, Flow, Number, Output, Step
from .liveness import shortest_lives
from .schedule import Pass, Place, Run, Schedule, schedule
from .stages import Stage

PAGE = 12288  #: bytes of the longest array that is held at once
STRIP = 1024  #: bytes of the parts in which longer ones go through the registers
PROVIDER = "hologram-sigmatics"
#: cost of a call in additions from which it is worth waking another thread, as in the call path
SPLIT_FROM = 262144

_WIDEN = OpSpec.make("widen", "()->()", "x", "f16 as f32.")
_StepTuple: TypeAlias = tuple[str, int, int, int, bool, bool, tuple[tuple[int, bool], ...]]


class Code(NamedTuple):
    """What a step calls."""

    entry: int
    extent: int = 0
    context: int = 0
    may_alias: bool = True
    work: int = 1
    by: str = PROVIDER


Codes: TypeAlias = Mapping[int, Code]  #: by the first value that a step writes


@dataclass(frozen=True)
class Compiled:
    """A stage for one dtype: the kernel, and what it consists of."""

    kernel: Kernel
    flow: Flow
    schedule: Schedule
    codes: Codes  #: for a page
    long_codes: Codes | None  #: for longer arrays, if they are served
    program: object


def compile_stage(stage: Stage, name: str, dtype: str, runtime: Runtime) -> Compiled:
    """Return the kernel of a stage for one dtype, made of the kernels that runtime has now."""
    return _Compiler(stage, dtype, runtime).compile(name)


def bind_compiled(compiled: Compiled, spec: OpSpec, runtime: Runtime) -> BoundKernel:
    """Return a compiled stage as what spec says, ready to be called."""
    kernel = compiled.kernel
    offer = Offer(kernel, PROVIDER, __version__, kernel.rank_priority, *kernel.variants[0])
    return bind(spec, offer, runtime.settings.threads)


class _Compiler:
    """One stage on its way to a kernel."""

    def __init__(self, stage: Stage, dtype: str, runtime: Runtime) -> None:
        self.dtype = dtype
        self.runtime = runtime
        self.is_half = dtype == "f16"
        self.inner = dtypes.find("f32" if self.is_half else dtype)  # of the registers
        self.page = PAGE // self.inner.itemsize
        stage = _widened(stage) if self.is_half else stage
        self.stage = replace(stage, flow=shortest_lives(stage.flow))
        self.owners: list[object] = []  # of code that the program calls
        self.calls_python = False
        self.codes = {step.writes[0]: self.code_of(step) for step in self.stage.flow.steps}
        self.long_codes = self._find_long()

    @property
    def flow(self) -> Flow:
        return self.stage.flow

    def compile(self, name: str) -> Compiled:
        long_codes = self.long_codes or self.codes
        plan = schedule(self.stage, *(partial(_may_alias, codes) for codes in (self.codes, long_codes)))
        work = sum(code.work for code in self.codes.values())
        signature = self.stage.signature
        program = _pages.Program(
            inputs=tuple(index not in self.stage.full for index in range(len(self.flow.inputs))),
            outputs=len(self.flow.outputs),
            dimension=_dimension(self.stage),
            page=self.page,
            strip=self.page if self.calls_python else STRIP // self.inner.itemsize,
            item=self.inner.itemsize,
            narrow=self.level("avx2") if self.is_half else "",
            split=SPLIT_FROM // work,
            constants=b"".join(_constant(value, self.dtype, self.inner.numpy) for value in self.flow.constants),
            cells=plan.cells,
            buffers=plan.buffers,
            partials=plan.partials,
            flat=self.describe(plan.flat, plan, self.codes),
            passes=tuple(self.describe(item, plan, long_codes) for item in plan.passes if self.long_codes),
            singles=tuple(self.store(index, place, plan) for index, place in plan.singles),
            owner=tuple(self.owners),
        )
        kernel = Kernel.native(
            name,
            signature,
            self.dtype,
            {"baseline": _pages.RUN},
            tier="fallback",
            may_alias=True,
            work=min(work, 2**31 - 1),
            context=program.address,
            owner=program,
            doc="A circuit.",
        )
        return Compiled(kernel, self.flow, plan, self.codes, self.long_codes, program)

    # ---- kernels ---------------------------------------------------------------------------------

    def level(self, wanted: str) -> str:
        """A level at which our own kernels exist, if this runtime uses it."""
        has = hasattr(_pages, f"WIDEN_{wanted.upper()}") and wanted in self.runtime.settings.levels
        return wanted if has else "baseline"

    def code_of(self, step: Step) -> Code:
        if step.spec is _WIDEN:
            return Code(getattr(_pages, f"WIDEN_{self.level('avx2').upper()}"), may_alias=False)
        if step.spec is MARK:
            return Code(_pages.NOT) if self.dtype == "bool" else self.find("vector_neg")
        if hasattr(step.spec, "kernel_for"):
            return self.code(step.spec.kernel_for(self.inner.name, self.page))
        return self.find(step.spec.name)

    def _find_long(self) -> Codes | None:
        """The codes for arrays of more than a page; None if an op for rows has none for them."""
        rows = [step for step in self.stage.flow.steps if step.kind == "row"]
        try:
            return {**self.codes, **{step.writes[0]: self.find(step.spec.name, long=True) for step in rows}}
        except UnknownKernelError:
            return None

    def find(self, name: str, *, long: bool = False) -> Code:
        sizes = (self.page + 1, MAX_N) if long else (1, self.page)
        return self.code(find_kernel(self.runtime, name, self.inner.name, *sizes))

    def code(self, kernel: BoundKernel) -> Code:
        """What a kernel is for a step; the program keeps it."""
        self.owners.append(kernel)
        row, entry = kernel.kernel, kernel.entry
        if row.function is not None:
            self.calls_python = True  # which costs more for each call than any strip is worth
            callback = Callback(row)
            self.owners.append(callback)
            entry = callback.address
        return Code(entry, row.extent, row.context, row.may_alias, row.work, f"{kernel.provider}, {kernel.isa}")

    # ---- tuples for native/program.c -------------------------------------------------------------

    def number(self, place: Place, plan: Schedule) -> int:
        """The number of a place, as native/pages.h counts them."""
        counts = {
            "param": len(self.flow.inputs) + len(self.flow.outputs),
            "constant": len(self.flow.constants),
            "cell": plan.cells,
            "buffer": len(plan.buffers),
            "partial": plan.partials,
            "register": 0,
        }
        kinds = list(counts)
        return sum(counts[kind] for kind in kinds[: kinds.index(place.kind)]) + place.number

    def describe(self, item: Pass, plan: Schedule, codes: Codes) -> tuple[object, ...]:
        return (
            item.registers,
            *(tuple(self.run(run, plan, codes) for run in runs) for runs in (item.once, item.each, item.after)),
            tuple(
                (self.combine(step), self.number(partials, plan), self.number(cell, plan))
                for step, partials, cell in item.folds
            ),
            tuple(self.store(store.output, store.place, plan, home=store.home) for store in item.stores),
        )

    def run(self, run: Run, plan: Schedule, codes: Codes) -> _StepTuple:
        numbers = [self.number(place, plan) for place in run.places]
        if run.step is None:
            entry = getattr(_pages, f"FILL_{self.inner.itemsize}")
            return "fill", entry, 0, 0, True, False, tuple(zip(numbers, (True, False), strict=True))
        code, signature = codes[run.step.writes[0]], run.step.spec.signature
        singles = [
            param.kind == "scalar" or (param.role == "out" and run.step.kind != "each" and not param.core)
            for param in signature.params
        ]
        return (
            run.step.spec.name,
            code.entry,
            code.extent,
            code.context,
            run.step.kind == "each",
            run.one,
            tuple(zip(numbers, singles, strict=True)),
        )

    def combine(self, step: Step) -> _StepTuple:
        code = self.find(FOLDS[step.spec.name])
        return step.spec.name, code.entry, code.extent, code.context, False, False, ((0, False), (1, True))

    def store(self, output: int, place: Place, plan: Schedule, *, home: bool = False) -> tuple[int, int, bool]:
        return len(self.flow.inputs) + output, self.number(place, plan), home


def find_kernel(runtime: Runtime, name: str, dtype: str, low: int, high: int) -> BoundKernel:
    """Return the kernel that ranks highest of those that serve every n from low to high. Raises UnknownKernelError."""
    n = low if high == MAX_N else high
    best = runtime.get_kernel(name, dtype, n)
    if best.min_n <= low and high <= best.max_n:
        return best
    explanation = runtime.explain(name, dtype, n)
    for offer in (candidate.offer for candidate in explanation.candidates):
        if offer is not None and offer.min_n <= low and high <= offer.max_n:
            return runtime.get_kernel(name, dtype, n, provider=offer.provider)
    needed = f"a circuit needs one for every n {f'from {low} to {high}' if high < MAX_N else f'from {low} on'}"
    raise UnknownKernelError(name, dtype, n, asked=explanation.asked, found=[needed])


def _may_alias(codes: Codes, step: Step) -> bool:
    """Whether a step may write where it reads. One with several results may write the first before it has read all."""
    return codes[step.writes[0]].may_alias and len(step.writes) == 1


def _dimension(stage: Stage) -> int:
    """Which of the dimensions of a call is the number of elements."""
    dims = [str(dim) for dim in stage.signature.dims]
    return next((dims.index(name) for name in ("...", "n") if name in dims), -1)


def _constant(value: Number, dtype: str, inner: np.dtype[Any]) -> bytes:
    """The 8 bytes that a number of the circuit takes: it is one of the dtype, also where registers have another."""
    wanted = dtypes.find(dtype).numpy
    given = np.asarray(value)
    if not np.can_cast(given.dtype, wanted, "same_kind") and not (given.dtype.kind in "iub" and wanted.kind in "iu"):
        raise TypeError(f"the number {value!r} of the circuit is none of {dtype}")
    with np.errstate(over="ignore"):
        converted = np.asarray(value, np.float64).astype(wanted) if wanted.kind == "f" else given.astype(wanted)
    if wanted.kind in "iu" and int(converted) != value:
        raise ValueError(f"the number {value!r} of the circuit does not fit {dtype}")
    return converted.astype(inner).tobytes().ljust(8, b"\0")


def _widened(stage: Stage) -> Stage:
    """The stage with a step for each input that makes f32 of it."""
    flow, count = stage.flow, len(stage.flow.inputs)
    new = {index: count + len(flow.constants) + index for index in range(count)}  # of inputs, as f32
    new |= {value: value for value in flow.constant_values}
    new |= {value: value + count for step in flow.steps for value in step.writes}
    steps = [Step(_WIDEN, (index,), (new[index],), (item.shape,)) for index, item in enumerate(flow.inputs)]
    steps += [step.renumbered(new) for step in flow.steps]
    outputs = tuple(Output(output.name, new[output.value]) for output in flow.outputs)
    full = {new[value] for value in stage.full} | {value for value in stage.full if value < count}
    return replace(stage, flow=Flow(flow.inputs, flow.constants, tuple(steps), outputs), full=frozenset(full))
