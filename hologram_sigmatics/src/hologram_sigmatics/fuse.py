"""fuse: a function of arrays becomes one circuit, so that none of its intermediate arrays exists.

In go a function in operators, NumPy's functions and hg.ops; out comes something to call in its place. It
is traced with the first call of a kind (dtype, which sizes are equal, constants) and runs as a circuit
from then on. Refused with TraceError is a function that does more than compute arrays from arrays.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Protocol, cast, overload

import numpy as np

from hologram_core import Op, OpSpec, Runtime, Signature, default_runtime, dtypes
from hologram_core.coerce import take_input
from hologram_core.signature import MAX_PARAMS, Param

from .errors import SigmaticsError
from .flow import Number
from .plan import Plan
from .stages import Stage
from .symbols import SymbolicArray, SymbolicNumber
from .trace import SHAPES, Trace, Traced
from .unlowered import Unlowered, unlower

MAX_VARIANTS = 256  #: traced forms of one function that are kept
_ARRAY = Param("core", "in")


class Fused(Protocol):
    """What fuse makes of a function: call it as the function, with `out` for the result."""

    __name__: str
    __wrapped__: Callable[..., Any]
    circuit: Unlowered  #: of the latest call that was traced; print it

    def __call__(self, *args: Any, **named: Any) -> Any:
        """Run it. Raises TraceError if the function cannot be fused, and otherwise what its ops raise."""


@overload
def fuse(function: Callable[..., Any], /) -> Fused: ...
@overload
def fuse(*, runtime: Runtime | None = None) -> Callable[[Callable[..., Any]], Fused]: ...
def fuse(
    function: Callable[..., Any] | None = None, /, *, runtime: Runtime | None = None
) -> Fused | Callable[[Callable[..., Any]], Fused]:
    """Make one circuit of a function: @fuse, or fuse(lambda a, b, c: hg.ops.sigmoid(a * b + c)).

    Arguments are arrays of one dtype, and numbers; everything else (a flag, a name, None) is a constant for
    which the function is traced anew. So it is where it looked at a shape, or at the value of a number, and
    that is another now. `runtime` is whose kernels run; default: the default runtime.
    Raises TypeError for what is no function of named arguments.
    """
    if function is None:
        return lambda function: _make(function, runtime)
    return _make(function, runtime)


def _make(function: Callable[..., Any], runtime: Runtime | None) -> Fused:
    if not callable(function):
        raise TypeError(f"fuse() takes a function, got {type(function).__name__}")
    return cast(Fused, FusedFunction(function, runtime or default_runtime()).op)


class _Kind(NamedTuple):
    """What two calls have in common that can run the same plan."""

    dtype: str
    sizes: tuple[tuple[int, ...], ...]  #: the shape of each array, equal sizes having one number
    constants: tuple[tuple[str, Hashable], ...]
    numbers: tuple[str, ...]


@dataclass(frozen=True)
class _Arguments:
    """The arguments of a call by what they are."""

    arrays: dict[str, np.ndarray[Any, Any]]
    numbers: dict[str, Number]
    constants: dict[str, Any]
    dtype: str

    @property
    def by_name(self) -> dict[str, Any]:
        """All that a plan may ask for."""
        return {**self.arrays, **self.numbers}

    def kind(self) -> _Kind:
        return _Kind(
            self.dtype,
            _pattern([array.shape for array in self.arrays.values()]),
            tuple((name, _key(value)) for name, value in self.constants.items()),
            tuple(self.numbers),
        )

    def looked_at(self, looks: frozenset[str]) -> tuple[Hashable, ...]:
        """What a function saw that looked at these."""
        return tuple(
            tuple(array.shape for array in self.arrays.values()) if name == SHAPES else _key(self.numbers[name])
            for name in sorted(looks)
        )


def _pattern(shapes: Sequence[tuple[int, ...]]) -> tuple[tuple[int, ...], ...]:
    """Shapes with numbers for sizes, so that shapes of one pattern broadcast and multiply alike."""
    numbers = {1: 1}
    return tuple(tuple(numbers.setdefault(size, -len(numbers)) for size in shape) for shape in shapes)


def _key(value: Any) -> Hashable:
    """A value as part of a key: 1, 1.0 and True are different, and so are 0.0 and -0.0."""
    return type(value), repr(value) if isinstance(value, float) else value


@dataclass(frozen=True)
class _Variant:
    """The function for calls of one kind."""

    traced: Traced
    plan: Plan

    def run(self, arguments: Mapping[str, Any], out: object) -> object:
        """Run it with the arguments by name."""
        values = [
            arguments[source] if isinstance(source, str) else source(arguments) if callable(source) else source
            for source in self.traced.sources
        ]
        return self.call(values, out)

    def call(self, values: Sequence[object], out: object) -> object:
        """Run it with what goes into the plan."""
        if not self.traced.is_tuple or len(self.plan.flow.outputs) > 1:
            return self.plan.call(values, out)
        if out is not None and not (isinstance(out, tuple) and len(out) == 1):
            raise TypeError(f"argument 'out': expected a tuple of 1 array, got {type(out).__name__}")
        return (self.plan.call(values, None if out is None else out[0]),)

    def values_of(self, parameters: tuple[str, ...]) -> Callable[[tuple[object, ...]], Sequence[object]] | None:
        """A quick function from the arguments by position to what goes into the plan; None if numbers are computed."""
        if any(callable(source) for source in self.traced.sources):
            return None
        items = [
            f"args[{parameters.index(source)}]" if isinstance(source, str) else f"known[{index}]"
            for index, source in enumerate(self.traced.sources)
        ]
        made: Callable[[tuple[object, ...]], Sequence[object]] = eval(
            f"lambda args: ({', '.join(items)},)", {"known": self.traced.sources}
        )
        return made


class FusedFunction:
    """A function and what became of it; `op` is what users call."""

    def __init__(self, function: Callable[..., Any], runtime: Runtime) -> None:
        self.__wrapped__ = function
        self.name = getattr(function, "__name__", type(function).__name__)
        self.name = self.name if self.name.isidentifier() else "fused"  # a lambda
        self.runtime = runtime
        self.signature = _signature(function)
        self._lock = threading.RLock()
        self._looks: dict[_Kind, frozenset[str]] = {}
        self._variants: dict[tuple[_Kind, tuple[Hashable, ...]], _Variant] = {}
        self._quick: dict[Hashable, tuple[Callable[..., object], Callable[..., Sequence[object]]]] = {}
        self._generation = -1
        self._latest: _Variant | None = None
        self.spec = _FusedSpec.of(self)
        self.op = Op(self.spec, self.spec.signature.layout(), 0, None, self._call)
        runtime.attach(self.op)

    @property
    def _is_positional(self) -> bool:
        """Whether all arguments may go by position, as those of the op do."""
        kinds = [parameter.kind for parameter in self.signature.parameters.values()]
        return inspect.Parameter.KEYWORD_ONLY not in kinds

    @property
    def circuit(self) -> Unlowered:
        """The circuit of the latest call that was traced."""
        if self._latest is None:
            raise SigmaticsError(f"{self.name}() has not been traced yet; call it once")
        return unlower(self._latest.plan)

    # ---- calling ---------------------------------------------------------------------------------

    def _call(self, op: Op, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        """Called by the op for all that it has no kernel for."""
        key = _quick_key(args)
        quick = self._quick.get(key)
        if quick and self._generation == self.runtime.generation and (not kwargs or [*kwargs] == ["out"]):
            call, values_of = quick
            return call(values_of(args), kwargs.get("out"))
        if any(isinstance(value, (SymbolicArray, SymbolicNumber)) for value in (*args, *kwargs.values())):
            return self.__wrapped__(*args, **kwargs)  # of another function that is being fused
        arguments, out = self._bind(args, kwargs)
        variant = self._find(arguments, key if len(args) == len(self.spec.parameters) else ())
        return variant.run(arguments.by_name, out)

    def _bind(self, args: tuple[object, ...], kwargs: dict[str, object]) -> tuple[_Arguments, object]:
        """Sort the arguments."""
        named = dict(kwargs)
        out = named.pop("out", None)
        count = len(self.signature.parameters)
        if len(args) == count + 1 and out is None:  # as with any op, it may come last
            args, out = args[:-1], args[-1]
        try:
            bound = self.signature.bind(*args, **named)
        except TypeError as error:
            raise TypeError(f"{self.name}() has {error}: {self.name}{self.spec.__signature__}") from None
        bound.apply_defaults()
        numbers, constants, others = {}, {}, {}
        for name, value in bound.arguments.items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                numbers[name] = value
            elif isinstance(value, np.generic) and value.dtype.kind in "iuf":
                numbers[name] = value.item()
            elif value is None or isinstance(value, (bool, str, bytes, type, np.dtype, np.bool_)):
                constants[name] = value
            else:
                others[name] = value
        dtype = self._dtype(others)
        arrays = {name: self._array(name, value, dtype) for name, value in others.items()}
        return _Arguments(arrays, numbers, constants, dtype), out

    def _dtype(self, values: Mapping[str, object]) -> str:
        """The dtype of the first array that has one of its own."""
        if not values:
            raise TypeError(f"{self.name}() has no array among its arguments: {self.name}{self.spec.__signature__}")
        stated = [item for item in values.items() if not isinstance(item[1], (list, tuple))]
        name, value = stated[0] if stated else next(iter(values.items()))
        try:
            return dtypes.name(value.dtype if isinstance(value, np.ndarray) else np.asarray(value).dtype)
        except TypeError as error:
            raise TypeError(f"{self.name}() argument {name!r}: {error}") from None

    def _array(self, name: str, value: object, dtype: str) -> np.ndarray[Any, Any]:
        if type(value) is np.ndarray and value.dtype is dtypes.find(dtype).numpy:
            return value
        return take_input(self.spec, name, _ARRAY, value, dtype)

    # ---- variants --------------------------------------------------------------------------------

    def _find(self, arguments: _Arguments, quick_key: Hashable) -> _Variant:
        """The variant for a call, traced if there is none; with a quick key it is found by that from now on."""
        kind, generation = arguments.kind(), self.runtime.generation
        with self._lock:
            if generation != self._generation or len(self._variants) >= MAX_VARIANTS:
                self._variants, self._looks, self._quick = {}, {}, {}
                self._generation = generation
            looks = self._looks.get(kind, frozenset())
            variant = self._variants.get((kind, arguments.looked_at(looks)))
        if variant is None:
            variant = self._trace(arguments)
        values_of = variant.values_of(self.spec.parameters) if quick_key else None
        with self._lock:
            if generation == self._generation:  # else the world has changed while the function was traced
                looks = self._looks[kind] = self._looks.get(kind, frozenset()) | variant.traced.looks
                self._variants[kind, arguments.looked_at(looks)] = variant
                self._keep_quick(quick_key, variant, values_of)
        self._install(arguments, variant, generation)
        return variant

    def _keep_quick(self, key: Hashable, variant: _Variant, values_of: Callable[..., Sequence[object]] | None) -> None:
        if values_of is not None:
            quick = self._quick if len(self._quick) < MAX_VARIANTS else {}
            self._quick = {**quick, key: (variant.call, values_of)}  # anew, since others are reading it

    def _trace(self, arguments: _Arguments) -> _Variant:
        trace = Trace(self.name, self.runtime, arguments.dtype)
        symbols: dict[str, Any] = {name: trace.array(name, array) for name, array in arguments.arrays.items()}
        symbols |= {name: trace.number(name, value) for name, value in arguments.numbers.items()}
        values = {name: symbols.get(name, arguments.constants.get(name)) for name in self.signature.parameters}
        bound = inspect.BoundArguments(self.signature, values)
        traced = trace.finish(self.__wrapped__(*bound.args, **bound.kwargs))
        self._latest = _Variant(traced, Plan(traced.flow, self.runtime, self._stage_spec))
        return self._latest

    def _stage_spec(self, stage: Stage) -> OpSpec:
        names = [item.name for item in stage.flow.inputs]
        if len(set(names)) < len(names):
            names = [f"{name}_{index}" for index, name in enumerate(names)]
        return OpSpec(self.name, stage.signature, tuple(names), "A stage of a fused function.")

    def _install(self, arguments: _Arguments, variant: _Variant, generation: int) -> None:
        """Where nothing but equal shapes was asked for, further calls are the op's alone."""
        stage, traced = variant.plan.single, variant.traced
        if stage is None or stage.stage.form != "each" or traced.is_tuple or traced.looks or arguments.constants:
            return
        one_shape = len(set(arguments.kind().sizes)) == 1
        if traced.sources != self.spec.parameters or not one_shape or not self._is_positional:
            return
        kernel = stage.bound(arguments.dtype)
        self.op.install(generation, dtypes.index(arguments.dtype), kernel.min_n, kernel.max_n, kernel)


def _quick_key(args: tuple[object, ...]) -> Hashable:
    """What tells the variant of a call with nothing but ndarrays, given by position; empty for any other."""
    key: list[Hashable] = []
    for value in args:
        if type(value) is not np.ndarray:
            return ()
        key.append(value.dtype.num)
        key.append(value.shape)
    return tuple(key)


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    """The signature of a function that can be fused. Raises TypeError."""
    try:
        signature = inspect.signature(function)
    except ValueError:
        raise TypeError(f"fuse(): {function!r} does not tell its arguments") from None
    for parameter in signature.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) or parameter.name == "out":
            raise TypeError(f"fuse() takes a function of named arguments, none of them out; got {parameter}")
    if not 0 < len(signature.parameters) < MAX_PARAMS:
        raise TypeError(f"fuse() takes a function of 1 to {MAX_PARAMS - 1} arguments, got {len(signature.parameters)}")
    return signature


@dataclass(frozen=True)
class _FusedSpec(OpSpec):
    """The spec of the op of a fused function; attributes of the op are attributes of this, and so of the function."""

    fused: FusedFunction | None = field(default=None, compare=False)

    @staticmethod
    def of(fused: FusedFunction) -> _FusedSpec:
        names = tuple(fused.signature.parameters)
        signature = Signature.parse(f"{','.join(['()'] * len(names))}->()")
        doc = (inspect.getdoc(fused.__wrapped__) or "A fused function.").partition("\n")[0]
        return _FusedSpec(fused.name, signature, names, doc, fused=fused)

    @cached_property
    def __signature__(self) -> inspect.Signature:
        """The function's own, and `out`."""
        assert self.fused is not None
        signature = self.fused.signature
        parameters = list(signature.parameters.values())
        positional = sum(parameter.kind is not parameter.KEYWORD_ONLY for parameter in parameters)
        parameters.insert(positional, inspect.Parameter("out", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None))
        return signature.replace(parameters=parameters)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__wrapped__":
            raise AttributeError(name)
        return getattr(self.fused, name)
