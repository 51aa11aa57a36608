"""Lowering: a phrase with a meaning on data becomes a flow.

In go a phrase, the names of inputs, outputs and constants, and the runtime whose ops it may name; out
comes a flow in which classes are gone: copies, swaps and transforms only say where a value is, and what is
computed twice is one value. Refused with SigmaticsError: ops that the runtime does not know, or that take
other numbers of classes; names for classes that play no such part; arrays where an op takes a number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import NoReturn

from hologram_core import OpSpec, Runtime, UnknownOpError
from hologram_core.catalogue import STANDARD

from .classes import class_number
from .effects import Step as Effect
from .effects import inputs_of, outputs_of, steps_of
from .errors import SigmaticsError
from .flow import COPY, MARK, Flow, Input, Number, Output, Shape, Step, array_positions, broadcast, kind_of
from .nodes import Context, Phrase

#: the shape of the arrays of a phrase: rows of n elements, and any number of dimensions before
ARRAY: Shape = ("...", "n")

_DEFAULTS = {"merge": "add", "split": "sub"}


@dataclass(frozen=True)
class Names:
    """What plays a part from outside, in order: name -> class, and the numbers that classes hold."""

    inputs: Mapping[str, int]
    outputs: Mapping[str, int]
    constants: Mapping[int, Number]


def lower(phrase: Phrase, names: Names, runtime: Runtime) -> Flow:
    """Return the flow of a phrase."""
    lowering = _Lowering(phrase, names, runtime)
    for effect in steps_of(phrase):
        lowering.take(effect)
    return lowering.finish()


def names_of(
    phrase: Phrase,
    inputs: Mapping[str, str] | None,
    outputs: Mapping[str, str] | None,
    constants: Mapping[str, Number] | None,
) -> Names:
    """Return the names that a caller gave, or the classes' own: c00, c01, ..."""
    numbers = {class_number(text): value for text, value in (constants or {}).items()}
    read = [number for number in inputs_of(phrase) if number not in numbers]
    if not read:
        raise SigmaticsError("the phrase reads nothing that comes from outside, so there is nothing to call it with")
    unread = [number for number in numbers if number not in inputs_of(phrase)]
    for number in unread:
        raise SigmaticsError(f"the constant of c{number:02} is never read")
    given = _by_name("inputs", inputs, read, "is read before it is written")
    written = {number for effect in steps_of(phrase) for number in effect.writes}
    wanted = _by_name("outputs", outputs, None, "") or {f"c{number:02}": number for number in outputs_of(phrase)}
    for name, number in wanted.items():
        if number not in written:
            raise SigmaticsError(f"output {name!r}: c{number:02} is never written")
    if not wanted:
        raise SigmaticsError(
            "the phrase writes nothing, so a circuit has no output; write merge:NAME@cS->cD, for example"
        )
    return Names(given or {f"c{number:02}": number for number in read}, wanted, numbers)


def _by_name(what: str, given: Mapping[str, str] | None, needed: Sequence[int] | None, why: str) -> dict[str, int]:
    """The classes that a caller names; if it is known which ones are needed, all of them and no others."""
    named = {name: class_number(text) for name, text in (given or {}).items()}
    for name, number in named.items():
        if not name.isidentifier() or name == "out":
            raise SigmaticsError(f"{what}: {name!r} cannot be the name of an argument")
        if needed is not None and number not in needed:
            raise SigmaticsError(f"{what}: c{number:02}, named {name!r}, is not one that {why}")
    if len(set(named.values())) < len(named):
        raise SigmaticsError(f"{what}: two names for one class")
    missing = [number for number in needed or () if named and number not in named.values()]
    if missing:
        raise SigmaticsError(f"{what}: c{missing[0]:02} {why}, and has no name")
    return named


@dataclass(frozen=True)
class _Made:
    """A step without shapes, which depend on what turns out to be a number."""

    spec: OpSpec
    reads: tuple[int, ...]
    write: int
    effect: Effect | None  #: where the phrase says so


@dataclass
class _Lowering:
    """The phrase so far: the value that each class holds, and how values were made."""

    phrase: Phrase
    names: Names
    runtime: Runtime
    holds: dict[int, int] = field(default_factory=dict)
    made: list[_Made] = field(default_factory=list)
    known: dict[tuple[str, tuple[int, ...]], int] = field(default_factory=dict)
    numbers: set[int] = field(default_factory=set)  #: inputs that some op takes as a number

    def __post_init__(self) -> None:
        values = count()
        self.holds = {number: next(values) for number in (*self.names.inputs.values(), *self.names.constants)}

    @property
    def first_made(self) -> int:
        return len(self.names.inputs) + len(self.names.constants)

    def refuse(self, message: str, effect: Effect) -> NoReturn:
        raise SigmaticsError(message, text=self.phrase.text or None, span=effect.op.span)

    # ---- steps -----------------------------------------------------------------------------------

    def take(self, effect: Effect) -> None:
        """Run one op on what the classes hold."""
        values = [self.holds[number] for number in effect.reads]
        match effect.op.generator:
            case "copy":
                self.holds[effect.writes[0]] = values[0]
            case "swap":
                self.holds.update(zip(effect.writes, reversed(values), strict=True))
            case "mark":
                self.holds.update((number, self.mark(self.holds[number], effect)) for number in effect.writes)
            case _ if effect.writes:
                self.holds[effect.writes[0]] = self.compute(effect, tuple(values))

    def mark(self, value: int, effect: Effect) -> int:
        """Marking twice is nothing."""
        maker = self.made[value - self.first_made] if value >= self.first_made else None
        return maker.reads[0] if maker is not None and maker.spec is MARK else self.make(MARK, (value,), effect)

    def compute(self, effect: Effect, values: tuple[int, ...]) -> int:
        spec = self.spec_of(effect)
        if len(spec.parameters) != len(values) or len(spec.signature.outputs) != 1:
            takes, gives = len(spec.parameters), len(spec.signature.outputs)
            self.refuse(
                f"{spec.name} takes {takes} arguments and gives {gives} results; here are {len(values)} classes and 1",
                effect,
            )
        if any(param.role == "inout" for param in spec.signature.params):
            self.refuse(
                f"{spec.name} writes to what it reads; a circuit takes ops that leave their arguments alone", effect
            )
        self.numbers.update(
            values[position] for position in _number_positions(spec) if values[position] < self.first_made
        )
        if spec.name in ("copy", "fill"):  # of a value there is no need for another
            return values[0]
        return self.make(spec, values, effect)

    def make(self, spec: OpSpec, reads: tuple[int, ...], effect: Effect) -> int:
        """The value of an op, the one there is if it was computed before."""
        key = spec.name, reads
        if key not in self.known:
            self.known[key] = self.first_made + len(self.made)
            self.made.append(_Made(spec, reads, self.known[key], effect))
        return self.known[key]

    # ---- ops -------------------------------------------------------------------------------------

    def spec_of(self, effect: Effect) -> OpSpec:
        """The op that a generator means by its name."""
        op = effect.op
        if op.generator == "evaluate":
            return self.spec(str(op.name), effect)
        name = op.name or _DEFAULTS[op.generator]
        forms = (
            [f"vector_{name}", name] if isinstance(op.target, Context) else [f"vector_{name}", f"reduce_{name}", name]
        )
        for form in forms:
            if form in STANDARD and len(STANDARD[form].parameters) == len(effect.reads):
                return self.spec(form, effect)
        self.refuse(
            f"no op {name!r} of the catalogue takes {len(effect.reads)}; evaluate:NAME is for all others", effect
        )

    def spec(self, name: str, effect: Effect) -> OpSpec:
        try:
            return self.runtime.op(name).spec
        except UnknownOpError as error:
            self.refuse(" ".join(str(error).split()), effect)

    # ---- the flow --------------------------------------------------------------------------------

    def finish(self) -> Flow:
        outputs: list[Output] = []
        for name, number in self.names.outputs.items():
            value = self.holds[number]
            if value < self.first_made or value in (output.value for output in outputs):
                value = self.copy(value)
            outputs.append(Output(name, value))
        shapes = self.shapes()
        inputs = [Input(name, shapes[value], value in self.numbers) for value, name in enumerate(self.names.inputs)]
        steps = [
            Step(_of_one(made.spec, shapes[made.reads[0]]), made.reads, (made.write,), (shapes[made.write],))
            for made in self.made
        ]
        return Flow(tuple(inputs), tuple(self.names.constants.values()), tuple(steps), tuple(outputs)).live()

    def check_numbers(self, made: _Made, shapes: Mapping[int, Shape]) -> None:
        """Where an op takes a number, the class holds one."""
        for position in _number_positions(made.spec):
            if shapes[made.reads[position]] != () and made.effect is not None:
                name, number = made.spec.parameters[position], made.effect.classes[position]
                message = f"{made.spec.name} takes a number for {name!r}, and c{number:02} holds an array"
                self.refuse(message, made.effect)

    def copy(self, value: int) -> int:
        copied = self.first_made + len(self.made)
        self.made.append(_Made(COPY, (value,), copied, None))
        return copied

    def shapes(self) -> dict[int, Shape]:
        """The shape of every value. An input has that of what it first meets, a product one of its own."""
        numbers = self.numbers.union(range(len(self.names.inputs), self.first_made))
        shapes: dict[int, Shape] = dict.fromkeys(numbers, ())
        for made in self.made:
            arrays = [made.reads[position] for position in array_positions(made.spec)]
            kind, own = kind_of(made.spec), (f"v{made.write}...", f"v{made.write}")
            if made.effect is not None and numbers.issuperset(arrays):
                self.refuse(
                    f"{made.spec.name} here follows from numbers alone; compute it before the call", made.effect
                )
            self.check_numbers(made, shapes)
            if kind == "call":
                shapes[made.write] = own
                continue
            known = broadcast(shapes[value] for value in arrays if value in shapes)
            shapes.update((value, known or ARRAY) for value in arrays if value not in shapes)
            if kind == "row" and made.effect is not None and any(shapes[value] == () for value in arrays):
                self.refuse(f"{made.spec.name} takes rows, and one of its classes holds a single number", made.effect)
            result = _result(made.spec, broadcast(shapes[value] for value in arrays))
            shapes[made.write] = own if result is None else result
        return {**dict.fromkeys(range(len(self.names.inputs)), ARRAY), **shapes}


def _number_positions(spec: OpSpec) -> list[int]:
    arrays = set(array_positions(spec))
    return [position for position in range(len(spec.parameters)) if position not in arrays]


def _result(spec: OpSpec, shape: Shape | None) -> Shape | None:
    """The shape of what an op makes of a shape."""
    if kind_of(spec) == "fold":
        return ()
    is_row = kind_of(spec) == "row" and not spec.signature.outputs[0].core
    return shape[:-1] if shape is not None and is_row else shape


def _of_one(spec: OpSpec, shape: Shape) -> OpSpec:
    """What a fold is for a single element: nothing, or the product of two."""
    if shape != () or kind_of(spec) != "fold":
        return spec
    return COPY if len(spec.parameters) == 1 else STANDARD["vector_mul"]
