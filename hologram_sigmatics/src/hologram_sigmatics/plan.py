"""Plan: a flow as calls, one for each stage.

In go a flow and a runtime; out comes what runs it on arrays: an Op of its own for each stage that the
executor runs, whose kernel is made with the first call for a dtype and anew when the runtime has changed,
and the runtime's own op for every other. Refused, by the ops: arguments that do not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from hologram_core import BoundKernel, Op, OpSpec, Runtime, dtypes
from hologram_core.bound import call_slow

from .executor import Compiled, bind_compiled, compile_stage
from .flow import Flow
from .stages import Stage, cut


@dataclass
class StageKernel:
    """A stage that the executor runs, under the name of its circuit: `op` is what is called.

    With a dtype it is for that one alone, and takes lists and numbers as of that dtype.
    """

    stage: Stage
    runtime: Runtime
    spec: OpSpec
    dtype: str | None = None

    def __post_init__(self) -> None:
        on_slow: Callable[..., object] = partial(call_slow, self.spec) if self.dtype is None else self._call_slow
        self.op = Op(self.spec, self.stage.signature.layout(), 0, self._fill, on_slow)
        self.runtime.attach(self.op)

    def compile(self, dtype: str) -> Compiled:
        """Return the stage for a dtype, of the kernels there are now. Raises UnknownKernelError, TypeError."""
        if self.dtype not in (None, dtype):
            raise TypeError(f"{self.spec.name}() is a circuit for {self.dtype}, got arrays of {dtype}")
        return compile_stage(self.stage, self.spec.name, dtype, self.runtime)

    def bound(self, dtype: str) -> BoundKernel:
        """Return the kernel for a dtype, which the op remembers until the runtime changes."""
        index, generation = dtypes.index(dtype), self.runtime.generation
        for known, _, _, kernel in self.op.slots():
            if known == index:
                return kernel
        kernel = bind_compiled(self.compile(dtype), self.spec, self.runtime)
        self.op.install(generation, index, kernel.min_n, kernel.max_n, kernel)
        return kernel

    def _fill(self, op: Op, dtype: int, n: int) -> BoundKernel:
        return self.bound(dtypes.NAMES[dtype])

    def _call_slow(self, op: Op, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        assert self.dtype is not None
        return call_slow(self.spec, self.bound(self.dtype), args, kwargs)


class Plan:
    """The stages of a flow, ready to run."""

    def __init__(
        self, flow: Flow, runtime: Runtime, make_spec: Callable[[Stage], OpSpec], dtype: str | None = None
    ) -> None:
        self.flow = flow
        self.runtime = runtime
        self.stages = cut(flow)
        self.kernels = [
            None if stage.form == "call" else StageKernel(stage, runtime, make_spec(stage), dtype)
            for stage in self.stages
        ]
        self._last_use = {value: index for index, stage in enumerate(self.stages) for value in stage.reads}

    @property
    def single(self) -> StageKernel | None:
        """The one stage, if there is one and the executor runs it."""
        return self.kernels[0] if len(self.kernels) == 1 else None

    def prepare(self, dtype: str) -> None:
        """Compile all stages for a dtype. Raises UnknownKernelError, TypeError."""
        for kernel in self.kernels:
            if kernel is not None:
                kernel.bound(dtype)

    def call(self, arguments: Sequence[object], out: object) -> object:
        """Run the stages as a call does: `out` is one output or a tuple, and so is the result."""
        if len(self.flow.outputs) > 1:
            return tuple(self.run(arguments, self.outs(out)))
        return self.run(arguments, (out,))[0]

    def outs(self, out: object) -> Sequence[object]:
        """Return the outputs that `out` gives, None for those to be made. Raises TypeError if it is no such tuple."""
        count = len(self.flow.outputs)
        if out is None:
            return (None,) * count
        if not isinstance(out, tuple) or len(out) != count:
            raise TypeError(f"argument 'out': expected a tuple of {count} arrays, got {type(out).__name__}")
        return out

    def run(self, arguments: Sequence[object], outs: Sequence[object]) -> list[object]:
        """Return the results, those that were given with what is in them now.

        An output is written by the last stage, or when all have run, since it may be the memory of an input.
        """
        values: dict[int, object] = dict(enumerate(arguments))
        given = {output.value: out for output, out in zip(self.flow.outputs, outs, strict=True) if out is not None}
        last = len(self.stages) - 1
        for index, stage in enumerate(self.stages):
            targets = [given.get(value) if index == last else None for value in stage.writes]
            values.update(zip(stage.writes, self._run_stage(index, values, targets), strict=True))
            for value in stage.reads:
                if self._last_use[value] == index:
                    values[value] = None  # memory that is needed no more
        copy = self.runtime.ops.copy
        late = {value for stage in self.stages[:-1] for value in stage.writes}
        for value, out in given.items():
            if value in late:
                copy(values[value], out=out)
        return [values[output.value] if out is None else out for output, out in zip(self.flow.outputs, outs, strict=True)]

    def _run_stage(self, index: int, values: dict[int, object], targets: list[object]) -> Sequence[object]:
        stage, kernel = self.stages[index], self.kernels[index]
        if kernel is None:
            (step,) = stage.flow.steps
            known = [*(values[value] for value in stage.reads), *stage.flow.constants]
            arguments = [known[value] for value in step.reads]
            function: Callable[..., object] = self.runtime.ops[step.spec.name]
        else:
            arguments = [values[value] for value in stage.reads]
            function = kernel.op
        if len(targets) == 1:
            return [function(*arguments, out=targets[0])]
        out = None if all(target is None for target in targets) else tuple(targets)
        return function(*arguments, out=out)  # type: ignore[return-value]  # a tuple
