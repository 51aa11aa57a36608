"""What runs, as text: stages, passes, and steps with the kernels that they call and the places they use.

In go a plan and a dtype; out come lines for people. Refused is a dtype for which some op has no kernel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .executor import Codes, Compiled
from .plan import Plan
from .schedule import Pass, Place, Run, registers_in_flight
from .stages import Stage

_FORMS = {"each": "element-wise", "whole": "whole arrays", "rows": "rows", "call": "one op"}
_LETTERS = {"cell": "s", "buffer": "b", "partial": "p", "register": "r"}


def show_plan(plan: Plan, dtype: str) -> str:
    """Return the plan for a dtype as text. Raises UnknownKernelError, TypeError."""
    lines: list[str] = []
    for number, (stage, kernel) in enumerate(zip(plan.stages, plan.kernels, strict=True), 1):
        lines.append(f"stage {number} of {len(plan.stages)}: {_FORMS[stage.form]}, {stage.signature}, {dtype}")
        lines += _call_lines(stage) if kernel is None else _lines(kernel.compile(dtype))
    return "\n".join(lines)


def _call_lines(stage: Stage) -> list[str]:
    (step,) = stage.flow.steps
    names = [*(item.name for item in stage.flow.inputs), *map(str, stage.flow.constants)]
    outputs = ", ".join(output.name for output in stage.flow.outputs)
    return [f"  {outputs} = {step.spec.name}({', '.join(names[value] for value in step.reads)})"]


def _lines(compiled: Compiled) -> Iterator[str]:
    plan = compiled.schedule
    long_codes = compiled.long_codes or {}
    streams = [item for item in plan.passes if long_codes and (item.each or item.after or item.stores)]
    yield f"  registers: {max(plan.flat.registers, registers_in_flight(streams))}"
    if len(streams) == 1 and not streams[0].after and not streams[0].folds:
        yield "  on each page"
        yield from _pass_lines(compiled, streams[0], long_codes)
        return
    yield "  up to one page"
    yield from _pass_lines(compiled, plan.flat, compiled.codes)
    for number, item in enumerate(streams, 1):
        yield f"  longer, pass {number} of {len(streams)}"
        yield from _pass_lines(compiled, item, long_codes)
    yield from _singles(compiled)


def _pass_lines(compiled: Compiled, item: Pass, codes: Codes) -> Iterator[str]:
    yield from _runs(compiled, [*item.once, *item.each], item, codes)
    yield from (
        f"    {compiled.flow.outputs[store.output].name} = {_name(compiled, store.place, item)}"
        for store in item.stores
    )
    yield from _folds(compiled, item)
    yield from _runs(compiled, item.after, item, codes)


def _singles(compiled: Compiled) -> Iterator[str]:
    for output, place in compiled.schedule.singles:
        yield f"  {compiled.flow.outputs[output].name} = {_name(compiled, place, compiled.schedule.flat)}"


def _runs(compiled: Compiled, runs: Sequence[Run], item: Pass, codes: Codes) -> Iterator[str]:
    for run in runs:
        names = [_name(compiled, place, item) for place in run.places]
        if run.step is None:
            yield f"    {names[-1]} = {names[0]}, as a page"
            continue
        count = len(run.step.reads)
        line = f"    {', '.join(names[count:])} = {run.step.spec.name}({', '.join(names[:count])})"
        yield f"{line:<44}  {codes[run.step.writes[0]].by}"


def _folds(compiled: Compiled, item: Pass) -> Iterator[str]:
    for step, partials, cell in item.folds:
        yield f"    {_name(compiled, cell, item)} = {step.spec.name} of all {_name(compiled, partials, item)}"


def _name(compiled: Compiled, place: Place, item: Pass) -> str:
    """What a place is called: an argument by its name, also where an output is computed in its own place."""
    flow = compiled.flow
    if place.kind == "param":
        return flow.inputs[place.number].name
    if place.kind == "constant":
        return str(flow.constants[place.number])
    return f"{_LETTERS[place.kind]}{place.number}"
