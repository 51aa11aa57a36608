"""Tracing: a function is called once with symbols in place of arrays and numbers, which note what it does.

In go the arguments of a call; out comes the flow of what the function computed of them. A symbol takes
part in operators, hg.ops, NumPy's ufuncs and the functions of ufuncs.py, and what it meets there becomes a
step. Refused with TraceError is all that would need the values of an array: to branch on it, to go through
its elements, to write to an argument.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeAlias

import numpy as np

from hologram_core import BoundKernel, Op, OpSpec, Runtime, UnknownOpError, dtypes
from hologram_core.catalogue import STANDARD
from hologram_core.coerce import result_shapes

from .errors import TraceError
from .flow import COPY, Flow, Input, Number, Output, Step, kind_of
from .symbols import SymbolicArray, SymbolicNumber

Array: TypeAlias = np.ndarray[Any, Any]
Sizes: TypeAlias = tuple[int, ...]
#: a number of a call, given all that the call has by name
Expression: TypeAlias = Callable[[Mapping[str, Number]], Number]
#: where an input comes from: an argument, an array that the function knows, a number to compute
Source: TypeAlias = str | Array | Expression

#: among the names of arguments that were looked at: a shape
SHAPES = ""


@dataclass(eq=False)
class Leaf:
    """An input of the flow to be."""

    name: str
    shape: Sizes
    source: Source


@dataclass(eq=False)
class Result:
    """What a call of an op gives."""

    shape: Sizes
    call: Call
    index: int


Node: TypeAlias = Leaf | Result


@dataclass(eq=False)
class Call:
    """An op that the function called."""

    spec: OpSpec
    operands: tuple[Node | Number, ...]
    results: tuple[Result, ...] = ()


@dataclass(frozen=True)
class Traced:
    """A function as a flow, where the inputs of it come from, and at which arguments the function looked."""

    flow: Flow
    sources: tuple[Source, ...]
    looks: frozenset[str]
    is_tuple: bool  #: whether it returned a tuple


@dataclass
class Trace:
    """One call of a function with symbols."""

    name: str
    runtime: Runtime
    dtype: str
    leaves: list[Leaf] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    known: dict[object, Call] = field(default_factory=dict)
    looks: set[str] = field(default_factory=set)

    def refuse(self, what: str) -> NoReturn:
        """Raise the error of a function that cannot be fused."""
        raise TraceError(f"{self.name}() cannot be fused: {what}")

    # ---- symbols ---------------------------------------------------------------------------------

    def array(self, name: str, array: Array) -> SymbolicArray:
        """Return the symbol of an argument that is an array."""
        return SymbolicArray(self, self.leaf(name, array.shape, name), name)

    def number(self, name: str, value: Number) -> SymbolicNumber:
        """Return the symbol of an argument that is a number."""
        return SymbolicNumber(self, operator.itemgetter(name), frozenset([name]), value)

    def leaf(self, name: str, shape: Sizes, source: Source) -> Leaf:
        """Add an input."""
        leaf = Leaf(name, shape, source)
        self.leaves.append(leaf)
        return leaf

    def operand(self, value: object) -> Node | Number:
        """What a step reads for an argument of an op."""
        if isinstance(value, (SymbolicArray, SymbolicNumber)):
            if value.trace is not self:
                self.refuse("it works on the symbols of another call")
            return value.node
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, (bool, int, float)):
            return value
        if not isinstance(value, np.ndarray):
            self.refuse(f"a {type(value).__name__} is neither an array nor a number")
        for leaf in self.leaves:
            if leaf.source is value:
                return leaf
        return self.leaf(f"captured{len(self.leaves)}", value.shape, value)

    def look_at_shapes(self) -> None:
        """Note that the function asked for a shape."""
        self.looks.add(SHAPES)

    # ---- ops -------------------------------------------------------------------------------------

    def call_op(self, target: Op | BoundKernel, args: tuple[object, ...], kwargs: Mapping[str, object]) -> Any:
        """Call what the function called with symbols: an op of the runtime, or one of its kernels."""
        flow = getattr(target.spec, "flow", None) if isinstance(target, Op) else None
        spec = target.spec if isinstance(target, Op) else self.spec(target.op)
        if flow is None:
            self.check_known(spec)
        try:
            bound = spec.__signature__.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{spec.name}() has {error}: {spec.usage}") from None
        bound.apply_defaults()
        out = bound.arguments.pop("out", None)
        values = list(bound.arguments.values())
        return self.write(out, self.apply_spec(spec, values) if flow is None else self.inline(flow, values))

    def check_known(self, spec: OpSpec) -> None:
        """Refuse what is no op of the runtime, unless it is element-wise and brings its kernels, as @kernel does."""
        if not hasattr(spec, "kernel_for"):
            if spec is not self.spec(spec.name):
                self.refuse(f"{spec.name} is no op of the runtime")
        elif kind_of(spec) != "each":
            self.refuse(f"{spec.name} is not element-wise; register it, and call hg.ops.{spec.name}")

    def write(self, out: Any, result: Any) -> Any:
        """Let `out` stand for a result, if there is one."""
        if out is None:
            return result
        outs, results = (out, result) if isinstance(out, tuple) else ((out,), (result,))
        if not all(isinstance(item, SymbolicArray) for item in outs):
            self.refuse("it writes to an array that is none of its own")
        for item, value in zip(outs, results, strict=True):
            item.assign(value)
        return out

    def inline(self, flow: Flow, values: Sequence[object]) -> Any:
        """Do what a circuit does; return its outputs."""
        held = {**dict(enumerate(values)), **flow.constant_values}
        for step in flow.steps:
            result = self.apply_spec(step.spec, [held[value] for value in step.reads])
            held.update(zip(step.writes, result if isinstance(result, tuple) else (result,), strict=True))
        results = tuple(held[output.value] for output in flow.outputs)
        return results[0] if len(results) == 1 else results

    def apply(self, name: str, *values: object) -> Any:
        """Call an op of the runtime with symbols, arrays and numbers; return symbols of its results."""
        return self.apply_spec(self.spec(name), values)

    def spec(self, name: str) -> OpSpec:
        """Return what an op of the runtime is."""
        try:
            return self.runtime.op(name).spec
        except UnknownOpError:
            self.refuse(f"{name} is no op of the runtime")

    def apply_spec(self, spec: OpSpec, values: Sequence[object]) -> Any:
        """Do the same for an op by what it is."""
        if any(param.role == "inout" for param in spec.signature.params):
            self.refuse(f"{spec.name} writes to what it reads")
        operands = tuple(map(self.operand, values))
        shapes = result_shapes(spec, list(map(self.stand_in, values)), self.dtype)
        if not any(isinstance(value, (SymbolicArray, np.ndarray)) for value in values):
            self.refuse(f"hg.ops.{spec.name} of numbers alone; use Python's or NumPy's function for numbers")
        if spec.name == "copy" and isinstance(operands[0], Leaf | Result):
            return SymbolicArray(self, operands[0])
        if kind_of(spec) == "fold" and all(_shape(item) == () for item in operands):
            spec = COPY if len(operands) == 1 else STANDARD["vector_mul"]  # of one element
        results = [SymbolicArray(self, node) for node in self.call(spec, operands, shapes).results]
        return results[0] if len(results) == 1 else tuple(results)

    def stand_in(self, value: object) -> object:
        """What shows the shape of a symbol and takes no memory, or the number that it is now."""
        if isinstance(value, SymbolicNumber):
            return value.value
        if isinstance(value, SymbolicArray):
            return np.broadcast_to(np.zeros((), dtypes.find(self.dtype).numpy), value.node.shape)
        return value

    def call(self, spec: OpSpec, operands: tuple[Node | Number, ...], shapes: Sequence[Sizes]) -> Call:
        """Add a step, unless the same has been computed before."""
        key = id(spec), tuple(repr(item) if isinstance(item, (bool, int, float)) else id(item) for item in operands)
        if key not in self.known:
            call = self.known[key] = Call(spec, operands)
            call.results = tuple(Result(shape, call, index) for index, shape in enumerate(shapes))
            self.calls.append(call)
        return self.known[key]

    # ---- the flow --------------------------------------------------------------------------------

    def finish(self, returned: object) -> Traced:
        """Return the flow of what the function returned."""
        is_tuple = isinstance(returned, (tuple, list))
        items = list(returned) if isinstance(returned, (tuple, list)) else [returned]
        if not items:
            self.refuse("it returns nothing")
        results: list[Result] = []
        for item in items:
            results.append(self._result(item, results))
        names = ["y"] if not is_tuple else [f"y{index}" for index in range(len(results))]
        flow, leaves = self._flow(results, names)
        return Traced(flow, tuple(leaf.source for leaf in leaves), frozenset(self.looks), is_tuple)

    def _result(self, item: object, earlier: Sequence[Result]) -> Result:
        """The node of one result, which is no argument and no other result: then it is a copy."""
        if not isinstance(item, SymbolicArray):
            self.refuse(f"it returns {_described(item)}, which is not computed from its arrays")
        node = item.node
        if isinstance(node, Leaf) or node in earlier:
            call = Call(COPY, (node,))
            self.calls.append(call)
            call.results = (Result(node.shape, call, 0),)
            return call.results[0]
        return node

    def _flow(self, results: Sequence[Result], names: Sequence[str]) -> tuple[Flow, list[Leaf]]:
        calls = list(_needed(self.calls, results))
        read = {id(item) for call in calls for item in call.operands}
        leaves = [leaf for leaf in self.leaves if id(leaf) in read]
        numbers = [item for call in calls for item in call.operands if isinstance(item, (bool, int, float))]
        constants = list({repr(item): item for item in numbers}.values())
        value = {id(leaf): index for index, leaf in enumerate(leaves)}
        of_number = {repr(item): index for index, item in enumerate(constants, len(leaves))}
        for call in calls:
            for result in call.results:
                value[id(result)] = len(value) + len(constants)
        steps = [
            Step(
                call.spec,
                tuple(
                    of_number[repr(item)] if isinstance(item, (bool, int, float)) else value[id(item)]
                    for item in call.operands
                ),
                tuple(value[id(result)] for result in call.results),
                tuple(result.shape for result in call.results),
            )
            for call in calls
        ]
        outputs = [Output(name, value[id(result)]) for name, result in zip(names, results, strict=True)]
        inputs = [
            Input(name, leaf.shape, callable(leaf.source))
            for name, leaf in zip(_different([leaf.name for leaf in leaves]), leaves, strict=True)
        ]
        return Flow(tuple(inputs), tuple(constants), tuple(steps), tuple(outputs)), leaves


def _different(names: Sequence[str]) -> list[str]:
    """Names of which no two are the same."""
    found: list[str] = []
    for name in names:
        found.append(next(free for free in (name, *(f"{name}_{at}" for at in range(len(names)))) if free not in found))
    return found


def _shape(operand: Node | Number) -> Sizes:
    return operand.shape if isinstance(operand, (Leaf, Result)) else ()


def _needed(calls: Sequence[Call], results: Sequence[Result]) -> Iterator[Call]:
    """The calls, in order, on which results depend."""
    needed = {id(result.call) for result in results}
    for call in reversed(calls):
        if id(call) in needed:
            needed.update(id(item.call) for item in call.operands if isinstance(item, Result))
    return (call for call in calls if id(call) in needed)


def _described(item: object) -> str:
    return "a number" if isinstance(item, (SymbolicNumber, bool, int, float)) else f"a {type(item).__name__}"
