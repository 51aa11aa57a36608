"""compile_circuit: a phrase with a meaning on data becomes something to call like an op.

In go a phrase and names for the classes that come from outside; out comes a Circuit. One that the
executor runs in one go is a native Op, whose calls are checked, converted and spread over threads as
those of any op. Refused with SigmaticsError are phrases without a meaning on data, and what lower.py says.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from hologram_core import OpSpec, Runtime, default_runtime, dtypes

from .flow import Flow, Number
from .lower import Names, lower, names_of
from .nodes import Phrase
from .parser import parse
from .plan import Plan
from .show import show_plan
from .stages import Stage
from .symbols import SymbolicArray, SymbolicNumber


class Circuit(Protocol):
    """What compile_circuit makes of a phrase: call it with arrays, print it, or ask what it is.

    Inputs go by position or by name; `out` is the output, a tuple where there are several.
    """

    phrase: Phrase
    inputs: dict[str, str]  #: name -> class, in the order of the arguments
    outputs: dict[str, str]
    constants: dict[str, Number]  #: class -> number

    def __call__(self, *args: Any, **named: Any) -> Any:
        """Run the circuit. Raises TypeError, ValueError, KernelError, UnknownKernelError, as any op does."""

    def program(self, dtype: object = None) -> str:
        """Return what runs for a dtype: stages, passes, steps with their kernels, and registers. Print it."""


def compile_circuit(
    phrase: str | Phrase,
    inputs: Mapping[str, str] | None = None,
    outputs: Mapping[str, str] | None = None,
    dtype: object = None,
    *,
    constants: Mapping[str, Number] | None = None,
    runtime: Runtime | None = None,
) -> Circuit:
    """Make a circuit of a phrase.

    inputs     a name for each class that is read before it is written, in the order of the arguments:
               {"a": "c00", "b": "c01"}; default: the classes' own names, ascending.
    outputs    a name for each class that the caller gets; default: those that the leftmost op writes.
    dtype      the only dtype it is for; default: any, each being compiled with its first call.
    constants  numbers that classes hold from the start: {"c02": 0.5}.
    runtime    whose kernels it is made of; default: the default runtime.

    Raises SigmaticsError; UnknownKernelError if there is a dtype, and no kernel for an op.
    """
    tree, runtime = parse(phrase), runtime or default_runtime()
    names = names_of(tree, inputs, outputs, constants)
    name = None if dtype is None else dtypes.name(dtype)
    facts = Facts(tree, names, lower(tree, names, runtime), runtime, name)
    if name is not None:
        facts.plan.prepare(name)
    single = facts.plan.single
    return cast(Circuit, _StagedCircuit(facts) if single is None else single.op)


class Facts:
    """All that is known of a circuit."""

    def __init__(self, phrase: Phrase, names: Names, flow: Flow, runtime: Runtime, dtype: str | None) -> None:
        self.phrase, self.names, self.dtype = phrase, names, dtype
        self.plan = Plan(flow, runtime, self._spec, dtype)

    def _spec(self, stage: Stage) -> OpSpec:
        parameters = tuple(item.name for item in stage.flow.inputs)
        return _CircuitSpec("circuit", stage.signature, parameters, "A circuit.", facts=self)

    @property
    def flow(self) -> Flow:
        """What is computed."""
        return self.plan.flow

    @property
    def inputs(self) -> dict[str, str]:
        """Name -> class, in the order of the arguments."""
        return {name: f"c{number:02}" for name, number in self.names.inputs.items()}

    @property
    def outputs(self) -> dict[str, str]:
        """Name -> class."""
        return {name: f"c{number:02}" for name, number in self.names.outputs.items()}

    @property
    def constants(self) -> dict[str, Number]:
        """Class -> number."""
        return {f"c{number:02}": value for number, value in self.names.constants.items()}

    def program(self, dtype: object = None) -> str:
        """What runs for a dtype, by default its own, or f32."""
        return show_plan(self.plan, dtypes.name(dtype or self.dtype or "f32"))


@dataclass(frozen=True)
class _CircuitSpec(OpSpec):
    """The spec of the Op of a circuit; attributes of the Op are attributes of this, and so of the facts."""

    facts: Facts | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return "" if self.facts is None else str(self.facts.phrase)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.facts, name)


class _StagedCircuit:
    """A circuit of several stages."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters = [inspect.Parameter(name, kind) for name in facts.inputs]
        self.__signature__ = inspect.Signature([*parameters, inspect.Parameter("out", kind, default=None)])
        self.__name__ = "circuit"

    def __call__(self, *args: object, **named: object) -> object:
        try:
            bound = self.__signature__.bind(*args, **named)
        except TypeError as error:
            raise TypeError(f"circuit() has {error}: circuit{self.__signature__}") from None
        bound.apply_defaults()
        *arguments, out = bound.arguments.values()
        plan = self._facts.plan
        for value in arguments:
            if isinstance(value, SymbolicArray | SymbolicNumber):  # of a function that is being fused
                return value.trace.write(out, value.trace.inline(plan.flow, arguments))
        return plan.call(arguments, out)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._facts, name)

    def __str__(self) -> str:
        return str(self._facts.phrase)

    def __repr__(self) -> str:
        return f"<hologram circuit{self.__signature__}>"
