"""Symbols: what stands for the arrays and numbers of a call while a function is traced.

They take part in operators, NumPy's ufuncs and functions, and hg.ops; the trace they belong to notes it.
The shape of an array and the value of a number may be looked at, which is noted too, since another call
may have others. Refused with TraceError is what needs the elements of an array.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from hologram_core import BoundKernel, Op, dtypes

from .flow import Number
from .numpy_calls import FUNCTIONS, call_ufunc

if TYPE_CHECKING:
    from .trace import Expression, Leaf, Node, Trace


class _Symbol:
    """What arrays and numbers have in common: they answer for the calls that they take part in."""

    trace: Trace

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return call_ufunc(self.trace, ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Callable[..., Any], types: object, args: Any, kwargs: Any) -> Any:
        if function not in FUNCTIONS:
            known = ", ".join(sorted(item.__name__ for item in FUNCTIONS))
            self.trace.refuse(f"np.{function.__name__} is no step of a circuit; of such functions it knows {known}")
        return FUNCTIONS[function](self.trace, *args, **kwargs)

    def __hologram_op__(self, target: Op | BoundKernel, args: tuple[object, ...], kwargs: Mapping[str, object]) -> Any:
        return self.trace.call_op(target, args, kwargs)


class SymbolicArray(_Symbol, np.lib.mixins.NDArrayOperatorsMixin):
    """An array of the call, or one that was computed."""

    __hash__ = object.__hash__

    def __init__(self, trace: Trace, node: Node, argument: str = "") -> None:
        self.trace = trace
        self.node = node
        self.argument = argument  #: its name, if it is an argument itself

    # ---- what may be known -----------------------------------------------------------------------

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype, which all arrays of the call have."""
        return dtypes.find(self.trace.dtype).numpy

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape in this call: calls with other shapes are traced anew."""
        self.trace.look_at_shapes()
        return self.node.shape

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        return int(np.prod(self.shape))

    def __len__(self) -> int:
        if not self.node.shape:
            raise TypeError("len() of an array without dimensions")
        return self.shape[0]

    # ---- methods of arrays -----------------------------------------------------------------------

    def sum(self, axis: object = None, **others: object) -> Any:
        """As np.sum."""
        return np.sum(self, axis, **others)  # type: ignore[call-overload]

    def prod(self, axis: object = None, **others: object) -> Any:
        """As np.prod."""
        return np.prod(self, axis, **others)  # type: ignore[call-overload]

    def min(self, axis: object = None, **others: object) -> Any:
        """As np.min."""
        return np.min(self, axis, **others)  # type: ignore[call-overload]

    def max(self, axis: object = None, **others: object) -> Any:
        """As np.max."""
        return np.max(self, axis, **others)  # type: ignore[call-overload]

    def mean(self, axis: object = None, **others: object) -> Any:
        """As np.mean."""
        return np.mean(self, axis, **others)  # type: ignore[call-overload]

    def clip(self, low: object, high: object) -> Any:
        """As np.clip."""
        return np.clip(self, low, high)  # type: ignore[call-overload]

    def dot(self, other: object) -> Any:
        """As np.dot."""
        return np.dot(self, other)  # type: ignore[call-overload]

    def copy(self) -> SymbolicArray:
        """Return another symbol of the same values."""
        return SymbolicArray(self.trace, self.node)

    def assign(self, result: SymbolicArray) -> SymbolicArray:
        """Let this symbol stand for another result: what writing to an array that was computed comes to."""
        if self.argument:
            self.trace.refuse(
                f"it writes to its argument {self.argument!r}; write {self.argument} = {self.argument} + ..., "
                "which makes an array of its own"
            )
        if result.node.shape != self.node.shape:
            self.trace.refuse(f"it writes an array of shape {result.node.shape} to one of shape {self.node.shape}")
        self.node = result.node
        return self

    # ---- what needs the elements -----------------------------------------------------------------

    def _needs_elements(self, what: str) -> NoReturn:
        self.trace.refuse(f"{what} needs the elements of an array, and while a function is traced there are none")

    def __bool__(self) -> bool:
        self._needs_elements("to branch on it (if, while, and, or)")

    def __iter__(self) -> Any:
        self._needs_elements("to go through it")

    def __float__(self) -> float:
        self._needs_elements("float()")

    def __int__(self) -> int:
        self._needs_elements("int()")

    def __index__(self) -> int:
        self._needs_elements("to count with it")

    def __contains__(self, item: object) -> bool:
        self._needs_elements("in")

    def __array__(self, *args: object, **kwargs: object) -> Any:
        self._needs_elements("to make an ndarray of it")

    def __getitem__(self, key: object) -> Any:
        self.trace.refuse("a circuit takes arrays as a whole: no x[...]; slice before the call")

    def __setitem__(self, key: object, value: object) -> None:
        self.trace.refuse("a circuit takes arrays as a whole: no x[...] = y")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self.trace.refuse(
            f"no .{name} of an array; it knows operators, hg.ops, NumPy's ufuncs, and .sum() and the like"
        )

    def __repr__(self) -> str:
        return f"<an array of shape {self.node.shape} in {self.trace.name}(), which is being traced>"


class SymbolicNumber(_Symbol):
    """A number of the call, or one that was computed of such.

    What Python does with it is done again, with Python's numbers, in each call; whoever asks for its value
    gets it, and calls with other values are traced anew.
    """

    def __init__(self, trace: Trace, expression: Expression, names: frozenset[str], value: Number) -> None:
        self.trace = trace
        self.expression = expression
        self.names = names  #: of the arguments it follows from
        self.value = value
        self._leaf: Leaf | None = None

    @property
    def node(self) -> Leaf:
        """The input that it is for steps."""
        if self._leaf is None:
            name = next(iter(self.names)) if len(self.names) == 1 else "number"
            self._leaf = self.trace.leaf(name, (), self.expression)
        return self._leaf

    def look(self) -> Number:
        """The value in this call."""
        self.trace.looks.update(self.names)
        return self.value

    def __bool__(self) -> bool:
        return bool(self.look())

    def __float__(self) -> float:
        return float(self.look())

    def __int__(self) -> int:
        return int(self.look())

    def __index__(self) -> int:
        return operator.index(self.look())  # type: ignore[arg-type]  # which raises for a float

    def __hash__(self) -> int:
        return hash(self.look())

    def __eq__(self, other: object) -> Any:
        return _compare(operator.eq, self, other)

    def __ne__(self, other: object) -> Any:
        return _compare(operator.ne, self, other)

    def __lt__(self, other: Any) -> Any:
        return _compare(operator.lt, self, other)

    def __le__(self, other: Any) -> Any:
        return _compare(operator.le, self, other)

    def __gt__(self, other: Any) -> Any:
        return _compare(operator.gt, self, other)

    def __ge__(self, other: Any) -> Any:
        return _compare(operator.ge, self, other)

    def __repr__(self) -> str:
        return f"<the number {self.value} in {self.trace.name}(), which is being traced>"


def _compare(compare: Callable[[Any, Any], Any], left: SymbolicNumber, right: object) -> Any:
    if isinstance(right, SymbolicArray):
        return NotImplemented
    return compare(left.look(), right.look() if isinstance(right, SymbolicNumber) else right)


def deferred(trace: Trace, function: Callable[..., Number], values: Sequence[object]) -> SymbolicNumber:
    """Return the number that a function gives for numbers, in this call and in every other."""
    symbols = [value for value in values if isinstance(value, SymbolicNumber)]
    expressions = [value.expression if isinstance(value, SymbolicNumber) else _constant(value) for value in values]
    now = [value.value if isinstance(value, SymbolicNumber) else value for value in values]

    def expression(numbers: Mapping[str, Number]) -> Number:
        return function(*(item(numbers) for item in expressions))

    names = frozenset().union(*(symbol.names for symbol in symbols))
    return SymbolicNumber(trace, expression, names, function(*now))


def _constant(value: Any) -> Expression:
    return lambda numbers: value


def _arithmetic(function: Callable[..., Any], *, reflected: bool = False) -> Callable[..., Any]:
    """A method for an operator: of numbers alone it is deferred, beside an array it is the array's."""

    def method(self: SymbolicNumber, *others: object) -> Any:
        if any(isinstance(other, (SymbolicArray, np.ndarray)) for other in others):
            return NotImplemented
        return deferred(self.trace, function, (*others, self) if reflected else (self, *others))

    return method


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
    _function = getattr(operator, _name)
    setattr(SymbolicNumber, f"__{_name}__", _arithmetic(_function))
    setattr(SymbolicNumber, f"__r{_name}__", _arithmetic(_function, reflected=True))
for _name in ("neg", "pos", "abs"):
    setattr(SymbolicNumber, f"__{_name}__", _arithmetic(getattr(operator, _name)))
