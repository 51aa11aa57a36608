"""Body: one kernel at one level, with what is needed to call it with arguments of its own making.

In goes a bound kernel; out come sizes for the dimensions of its signature, arguments for a size, always the same
ones for the same seed, and calls. Nothing is judged here: a call that is refused is a value.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import isqrt, prod
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .. import dtypes
from .._native import BoundKernel
from ..catalogue import OpSpec
from ..errors import KernelError
from ..kernel import MAX_N
from ..signature import Signature
from .child import Doing
from .definition import Definition
from .memory import Arena, Array, Side

Dims: TypeAlias = Mapping[str | int, int]
Values: TypeAlias = list[Any]  # an array or a number for each parameter, outputs last

TAILS = (*range(71), 97, 128, 255, 256, 257, 1000)
SEVERAL = (0, 1, 3, 7, 16, 17, 33)  #: of signatures with several dimensions
FEW, FEW_OF_SEVERAL = (1, 5, 16, 33, 64), (3, 17)
ROOMY = 250  #: elements that are enough for a kernel whose sizes are numbers of its call, where they are small
LARGEST = 4096  #: elements of the largest array of a call, where the kernel takes so few
MOST = 800  #: calls of one check with all combinations of sizes; more are a random choice of them
FILL = 0x5B  #: every byte of an output before a call


class Style(NamedTuple):
    """What random arguments look like."""

    low: int  #: of integers
    high: int
    unit: bool  #: whether floats are in (0, 1) rather than around 0


WIDE, POSITIVE, SMALL = Style(-100, 100, False), Style(1, 100, True), Style(0, 3, True)
STYLES = (WIDE, POSITIVE, SMALL)  #: which of them a kernel takes is tried in this order
_PROBABILITIES = ("log", "sqrt", "rsqrt", "vector_pow", "cross_entropy", "binary_cross_entropy")


@dataclass(eq=False)
class Body:
    """One kernel at one level, and what is known of it."""

    bound: BoundKernel
    parameters: Sequence[str] = ()  #: names of its inputs; without them arg0, arg1, ...
    spec: OpSpec | None = None  #: of the op of its name, if there is one
    has_own_call: bool = False  #: it can be called by its own name, whether or not an op uses it
    reference: Definition | None = None
    ulp: float | None = None  #: the error allowed against the reference, None for rounding each term
    interpreter: Definition | None = None
    why_no_interpreter: str = ""
    is_unchecked: bool = False  #: what it does is undefined where the interpreter refuses
    reopen: Callable[[], BoundKernel] | None = None  #: gives the same body of a second copy of its library
    given_sizes: Sequence[int] | None = None  #: in place of the sizes that each check chooses
    seed: int = 0
    doing: Doing = field(default_factory=Doing)  #: told before each call what is about to be done

    def __post_init__(self) -> None:
        self.signature = self.bound.signature  #: of its row
        inputs = self.parameters or [f"arg{i}" for i in range(len(self.signature.inputs))]
        self.names = (*inputs, *_output_names(self.signature))  #: of all parameters
        self._arenas: dict[int, Arena] = {}
        self._drawn: dict[tuple[object, ...], Values] = {}
        self._may_not_end = False  # for some arguments, as the interpreter has found

    @property
    def definition(self) -> Definition | None:
        """What says which arguments have a result: the reference, else the interpreter."""
        return self.reference or self.interpreter

    @property
    def is_native(self) -> bool:
        """Whether there is a function to be called by the ABI."""
        return bool(self.bound.entry)

    @cached_property
    def arrays(self) -> list[int]:
        """Which parameters are arrays."""
        return [i for i, param in enumerate(self.signature.params) if param.kind != "scalar"]

    @cached_property
    def written(self) -> list[int]:
        """Which parameters are written: in-outs, then outputs."""
        return [i for i, param in enumerate(self.signature.params) if param.role != "in"]

    @cached_property
    def dtypes(self) -> list[np.dtype[Any]]:
        """The dtype of each parameter."""
        return [dtypes.find(param.dtype or self.bound.dtype).numpy for param in self.signature.params]

    @cached_property
    def _has_free_sizes(self) -> bool:
        """Whether there are whole numbers that may be sizes of its arrays."""
        params = zip(self.signature.params, self.dtypes, strict=True)
        return any(param.kind == "scalar" and dtype.kind in "iu" for param, dtype in params)

    # ---- sizes ----

    def sizes(self, one: Iterable[int] = TAILS, several: Iterable[int] = SEVERAL) -> list[Dims]:
        """Sizes, within its range of n, for each dimension: "()" is the length of element-wise arrays."""
        signature, kernel = self.signature, self.bound
        names = [dim for dim in signature.dims if isinstance(dim, str)] or ["()"]
        fixed: Dims = {dim: dim for dim in signature.dims if isinstance(dim, int)}
        largest = min(kernel.max_n, max(LARGEST, 2 * kernel.min_n))
        if self.given_sizes is not None:
            choices = {*self.given_sizes}
        elif len(names) == 1:
            choices = {*one, *([kernel.min_n, largest] if (kernel.min_n, kernel.max_n) != (0, MAX_N) else [])}
        else:
            choices = {*several, *([ROOMY] if self._has_free_sizes else []), isqrt(kernel.min_n) + 1}
        found = []
        for combination in self._combinations(sorted(choices), len(names)):
            dims: Dims = {**fixed, **dict(zip(names, combination, strict=True))}
            n = max(prod(shape) for shape in self.shapes(dims) if shape is not None)
            if kernel.min_n <= n <= largest:
                found.append(dims)
        return found

    def few_sizes(self) -> list[Dims]:
        """Some sizes, for checks that take many calls at each."""
        return self.sizes(FEW, FEW_OF_SEVERAL)

    def _combinations(self, choices: Sequence[int], count: int) -> Iterator[tuple[int, ...]]:
        """All combinations of sizes, or some where there are too many: all equal ones among them."""
        if len(choices) ** count <= MOST:
            yield from itertools.product(choices, repeat=count)
            return
        yield from ((size,) * count for size in choices)
        rng = np.random.default_rng(self.seed)
        yield from (tuple(map(int, row)) for row in rng.choice(choices, (MOST // 4, count)))

    def shapes(self, dims: Dims) -> list[tuple[int, ...] | None]:
        """A shape for each parameter, None for numbers."""
        return [
            None
            if param.kind == "scalar"
            else (dims["()"],)
            if self.signature.elementwise
            else tuple(dims[dim] for dim in param.core)
            for param in self.signature.params
        ]

    # ---- arguments ----

    def values(self, dims: Dims, salt: int = 0, *, fill: int = FILL) -> Values:
        """Arguments for a size, the same for the same salt; every byte of the outputs is `fill`."""
        key = (*dims.values(), salt)
        if key not in self._drawn:
            self._drawn[key] = self._draw(self.style, dims, salt)
        values = [value.copy() if isinstance(value, np.ndarray) else value for value in self._drawn[key]]
        if fill != FILL:
            for i in self.written:
                if self.signature.params[i].role == "out":
                    values[i].reshape(-1).view(np.uint8).fill(fill)
        return values

    @cached_property
    def style(self) -> Style:
        """The first style of which this kernel takes all arguments that are tried, or most of them."""
        if self.bound.op in _PROBABILITIES:
            return Style(-100, 100, True)
        tries = self.few_sizes()[-8:]
        refused: dict[Style, list[Exception]] = {}
        for style in STYLES:
            refusals = (self._refusal(style, dims) for dims in tries)
            refused[style] = [refusal for refusal in refusals if refusal is not None]
            if not refused[style]:
                return style
        best = min(STYLES, key=lambda style: len(refused[style]))
        self._may_not_end = any(isinstance(refusal, TimeoutError) for refusal in refused[best])
        return best

    def _refusal(self, style: Style, dims: Dims) -> Exception | None:
        """Why there is no result for the arguments of a style, if there is none."""
        values = self._draw(style, dims, 0)
        if self.definition is not None:
            return self.definition.refusal(values)
        return self.call(self.place(values), f"called with {self.text(dims)}")

    def _draw(self, style: Style, dims: Dims, salt: int) -> Values:
        rng = np.random.default_rng([self.seed, salt, *dims.values()])
        values: Values = []
        for param, dtype, shape in zip(self.signature.params, self.dtypes, self.shapes(dims), strict=True):
            if shape is None:
                number = _draw_array(rng, style, (), dtype)[()]
                values.append(dtype.type(abs(number) + 1 if dtype.kind != "b" else number))
            elif param.role == "out":
                blank = np.empty(shape, dtype)
                blank.reshape(-1).view(np.uint8).fill(FILL)
                values.append(blank)
            else:
                values.append(_draw_array(rng, style, shape, dtype))
        return values

    def text(self, dims: Dims) -> str:
        """Sizes in words: "n = 5"."""
        names = {"()": "n", "...": "n"}
        return ", ".join(f"{names.get(str(dim), dim)} = {size}" for dim, size in dims.items() if dim != size)

    # ---- calls ----

    def call(self, values: Values, doing: str, bound: BoundKernel | None = None) -> Exception | None:
        """Call the kernel; return its refusal, if it has no result for these values.

        It is not called where the interpreter does not come to an end, or where what it does would be undefined.
        """
        if self.interpreter is not None and (self._may_not_end or self.is_unchecked):
            refusal = self.interpreter.refusal(values)
            if isinstance(refusal, TimeoutError) or (refusal is not None and self.is_unchecked):
                return refusal
        self.doing(doing)
        try:
            with np.errstate(all="ignore"):  # of a kernel that is a Python function
                (bound or self.bound)(*values)
        except (ValueError, KernelError) as error:
            return error
        return None

    def place(
        self, values: Values, sides: Mapping[int, Side] | None = None, offsets: Mapping[int, int] | None = None
    ) -> Values:
        """Return copies of the arrays in arenas, in the middle at a multiple of 64 unless it is said otherwise."""
        placed = list(values)
        for i in self.arrays:
            arena = self._arenas.get(i)
            if arena is None or arena.capacity < values[i].nbytes + 64:
                arena = self._arenas[i] = Arena(values[i].nbytes)
            placed[i] = arena.place(values[i], (sides or {}).get(i, "middle"), (offsets or {}).get(i, 0))
        return placed

    def arena(self, i: int) -> Arena:
        """The arena that an array was placed in."""
        return self._arenas[i]

    def results(self, values: Values) -> list[Array]:
        """What a call has written."""
        return [values[i] for i in self.written]


def _draw_array(rng: np.random.Generator, style: Style, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Random values of moderate size."""
    drawn: Any
    if dtype.kind == "b":
        drawn = rng.random(shape) < 0.5
    elif dtype.kind in "iu":
        drawn = rng.integers(max(style.low, 0) if dtype.kind == "u" else style.low, style.high, shape)
    else:
        drawn = rng.uniform(0.01, 0.99, shape) if style.unit else rng.standard_normal(shape) * 3
    return np.asarray(drawn).astype(dtype)


def _output_names(signature: Signature) -> list[str]:
    count = len(signature.outputs)
    return ["out"] if count == 1 else [f"out[{i}]" for i in range(count)]
