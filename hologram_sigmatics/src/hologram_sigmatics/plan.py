"""Plan: a flow as calls, one for each stage.

In go a flow and a runtime; out comes what runs it on arrays: an Op of its own for each stage that the
executor runs, whose kernel is made with the first call for a dtype and anew when the runtime has changed,
and the runtime's own op for every other. Refused, by the ops: arguments that do not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from hologram_core import BoundKernel, Op, OpSpec, Runtime, UnknownKernelError, dtypes
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
        index = dtypes.index(dtype)
        for known, _, _, kernel in self.op.slots():
            if known == index:
                return kernel
        while True:  # until all kernels are of one world
            generation = self.runtime.generation
            try:
                kernel = bind_compiled(self.compile(dtype), self.spec, self.runtime)
            except UnknownKernelError:
                if generation == self.runtime.generation:
                    raise
                continue
            if generation == self.runtime.generation:
                self.op.install(generation, index, kernel.min_n, kernel.max_n, kernel)
                return kernel

    def _fill(self, op: Op, dtype: int, n: int) -> BoundKernel:
        return self.bound(dtypes.NAMES[dtype])

    def _call_slow(self, op: Op, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        assert self.dtype is not None
        return call_slow(self.spec, self.bound(self.dtype), args, kwargs)


class Plan:
    """The stages of a flow, ready to run.

    `run(*inputs)` is a function of straight-line Python, made of the stages; `run_into(*inputs, *outs)` takes an
    array or None for each output. Both return the output, or a tuple of several.
    """

    def __init__(
        self, flow: Flow, runtime: Runtime, make_spec: Callable[[Stage], OpSpec], dtype: str | None = None
    ) -> None:
        self.flow = flow
        self.stages = cut(flow)
        self.kernels = [
            None if stage.form == "call" else StageKernel(stage, runtime, make_spec(stage), dtype)
            for stage in self.stages
        ]
        names: dict[str, object] = {
            f"f{index}": runtime.ops[stage.flow.steps[0].spec.name] if kernel is None else kernel.op.function
            for index, (stage, kernel) in enumerate(zip(self.stages, self.kernels, strict=True))
        }
        names |= {f"v{value}": number for value, number in flow.constant_values.items()}
        names["copy"] = runtime.ops.copy
        exec(self._source(), names)  # of names and numbers made here alone
        self.run: Callable[..., Any] = names["run"]  # type: ignore[assignment]
        self.run_into: Callable[..., Any] = names["run_into"]  # type: ignore[assignment]

    @property
    def single(self) -> StageKernel | None:
        """The one stage, if there is one and the executor runs it."""
        return self.kernels[0] if len(self.kernels) == 1 else None

    def prepare(self, dtype: str) -> None:
        """Compile all stages for a dtype. Raises UnknownKernelError, TypeError."""
        for kernel in self.kernels:
            if kernel is not None:
                kernel.bound(dtype)

    def call(self, arguments: Sequence[object], out: object) -> Any:
        """Run the stages as a call does: `out` is None, an array, or a tuple where there are several outputs.

        Raises TypeError for another tuple.
        """
        if out is None:
            return self.run(*arguments)
        count = len(self.flow.outputs)
        if count == 1:
            return self.run_into(*arguments, out)
        if not isinstance(out, tuple) or len(out) != count:
            raise TypeError(f"argument 'out': expected a tuple of {count} arrays, got {type(out).__name__}")
        return self.run_into(*arguments, *out)

    # ---- as Python -------------------------------------------------------------------------------

    def _source(self) -> str:
        inputs = [f"v{index}" for index in range(len(self.flow.inputs))]
        outs = [f"o{index}" for index in range(len(self.flow.outputs))]
        results = ", ".join(f"v{output.value}" for output in self.flow.outputs)
        lines = []
        for name, parameters in (("run", inputs), ("run_into", [*inputs, *outs])):
            lines.append(f"def {name}({', '.join(parameters)}):")
            lines += [f"    {line}" for line in self._body(into=name == "run_into")]
            lines.append(f"    return {results}")
        return "\n".join(lines)

    def _body(self, *, into: bool) -> Iterator[str]:
        """A line for each stage. What nobody reads any more is let go, with its memory.

        An output is written by the last stage, or when all have run, since it may be the memory of an input.
        """
        out_of = {output.value: f"o{index}" for index, output in enumerate(self.flow.outputs)}
        last = len(self.stages) - 1
        for index, stage in enumerate(self.stages):
            reads = [f"v{value}" for value in self._reads(index)]
            writes = ", ".join(f"v{value}" for value in stage.writes)
            if into and index == last and len(stage.writes) == 1:
                reads.append(f"out={out_of[stage.writes[0]]}")
            elif into and index == last:
                reads.append(f"out=({', '.join(out_of[value] for value in stage.writes)})")
            yield f"{writes} = f{index}({', '.join(reads)})"
            later = {value for other in self.stages[index + 1 :] for value in other.reads}
            yield from (f"v{value} = None" for value in stage.reads if value not in later and value not in out_of)
        for value in (value for stage in self.stages[:-1] for value in stage.writes if into and value in out_of):
            yield f"v{value} = v{value} if {out_of[value]} is None else copy(v{value}, out={out_of[value]})"

    def _reads(self, index: int) -> tuple[int, ...]:
        """The arguments of a stage: of an op, all that it takes, constants too."""
        stage = self.stages[index]
        if stage.form != "call":
            return stage.reads
        return next(
            step.reads
            for step in self.flow.steps
            if step.writes == stage.writes or set(step.writes) >= set(stage.writes)
        )
