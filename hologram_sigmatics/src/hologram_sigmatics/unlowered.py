"""From a flow back to a phrase: what a traced function is as a circuit.

In goes a plan; out comes its phrase with the classes of inputs, outputs and constants. compile_circuit
makes the same circuit of them. Refused with SigmaticsError is a flow that needs more classes than there
are: it runs, but cannot be written.
"""

from __future__ import annotations

from dataclasses import dataclass

from hologram_core import dtypes
from hologram_core.catalogue import STANDARD

from .errors import SigmaticsError
from .flow import MARK, Flow, Number, Step
from .liveness import Use, allocate
from .nodes import CLASSES, Arrow, Context, Node, Op, Phrase, Range, Seq, Sigil
from .plan import Plan
from .show import show_plan


@dataclass(frozen=True)
class Unlowered:
    """A flow as a phrase: print it, compile it again, or ask what runs."""

    phrase: Phrase
    inputs: dict[str, str]  #: name -> class
    outputs: dict[str, str]
    constants: dict[str, Number]  #: class -> number
    plan: Plan

    def program(self, dtype: object = None) -> str:
        """Return what runs for a dtype, by default f32."""
        return show_plan(self.plan, dtypes.name(dtype or "f32"))

    def __str__(self) -> str:
        return str(self.phrase)


def unlower(plan: Plan) -> Unlowered:
    """Return the phrase of a plan."""
    flow = plan.flow
    classes = _classes(flow)
    ops = [op for step in flow.steps for op in _ops(step, classes)]
    body: Node = Seq(tuple(reversed(ops))) if len(ops) > 1 else ops[0]
    return Unlowered(
        Phrase(body),
        {item.name: f"c{classes[index]:02}" for index, item in enumerate(flow.inputs)},
        {output.name: f"c{classes[output.value]:02}" for output in flow.outputs},
        {f"c{classes[value]:02}": number for value, number in flow.constant_values.items()},
        plan,
    )


def _classes(flow: Flow) -> dict[int, int]:
    """A class for each value: inputs, constants, then the fewest that hold what is computed."""
    first = len(flow.inputs) + len(flow.constants)
    uses = [Use(step.reads, step.writes, in_place=True) for step in flow.steps]
    registers = allocate(uses, {output.value for output in flow.outputs})
    needed = first + registers.count + _scratch(flow)
    if needed > CLASSES:
        raise SigmaticsError(f"as a phrase the function would need {needed} classes, and there are {CLASSES}")
    classes = {value: value for value in range(first)}
    return classes | {value: first + register for value, register in registers.of.items() if isinstance(value, int)}


def _scratch(flow: Flow) -> int:
    """How many classes at the end serve as a range for ops of many arguments."""
    return max((len(step.reads) + 1 for step in flow.steps if len(step.reads) > 2), default=0)


def _ops(step: Step, classes: dict[int, int]) -> list[Op]:
    """The ops for a step, in the order of running."""
    if len(step.writes) != 1:
        raise SigmaticsError(f"{step.spec.name} has {len(step.writes)} results, which no op of a phrase has")
    reads = [Sigil(classes[value]) for value in step.reads]
    write = Sigil(classes[step.writes[0]])
    if step.spec is MARK:
        return [Op("copy", Arrow(reads[0], write)), Op("mark", write)]
    if step.spec.name == "copy":
        return [Op("copy", Arrow(reads[0], write))]
    match reads:
        case [one]:
            return [_op(step.spec.name, Arrow(one, write))]
        case [one, two]:
            return [_op(step.spec.name, Context(one, two, write))]
        case _:
            first = CLASSES - len(reads) - 1
            copies = [Op("copy", Arrow(sigil, Sigil(first + at))) for at, sigil in enumerate(reads)]
            return [
                *copies,
                Op("evaluate", Range(first, CLASSES - 1), step.spec.name),
                Op("copy", Arrow(Sigil(CLASSES - 1), write)),
            ]


def _op(name: str, target: Arrow | Context) -> Op:
    """The generator that means an op: for two arguments and a vector_ op merge or split, and so on."""
    prefixes = ("vector_",) if isinstance(target, Context) else ("vector_", "reduce_", "")
    arguments = len(target.sigils) - 1
    for prefix in prefixes:
        short = name.removeprefix(prefix)
        means = next(
            (
                form
                for form in (f"{each}{short}" for each in prefixes)
                if form in STANDARD and len(STANDARD[form].parameters) == arguments
            ),
            None,
        )
        if name.startswith(prefix) and means == name:
            return Op("split" if short in ("sub", "div") else "merge", target, short)
    return Op("evaluate", target, name)
