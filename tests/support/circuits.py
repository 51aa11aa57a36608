"""Random circuits that can be run, and what NumPy says they give."""

from __future__ import annotations

import random
from typing import Any, ClassVar

import numpy as np

from hologram_core import dtypes
from hologram_sigmatics.nodes import Arrow, Context, Exchange, Node, Op, Sigil
from support import phrases, registers

#: elements of a page, by dtype
PAGES = {row.name: 12288 // (4 if row.name == "f16" else row.itemsize) for row in dtypes.TABLE}


class _Computable(phrases._Circuit):
    """Only ops that are exact, so that results can be compared to the bit."""

    def __init__(self, rng: random.Random, dtype: str) -> None:
        super().__init__(rng)
        self.binary = ["min", "max", "add", "mul"] + ["sub"] * (dtype != "bool")
        self.unary = ["min", "max"] + ["sum"] * (dtype[0] in "iu") + ["abs", "relu"] * (dtype != "bool")

    def step(self, classes: list[int]) -> Op:
        one, two, three = (Sigil(self.rng.choice(classes)) for _ in range(3))
        binary = self.rng.choice(self.binary)
        kinds = [
            Op("mark", one),
            Op("copy", Arrow(one, two)),
            Op("swap", Exchange(one, two)),
            Op("merge", Arrow(one, two), self.rng.choice(self.unary)),
            Op("evaluate", Context(one, two, three), f"vector_{binary}"),
        ]
        return self.rng.choice([*kinds, *[Op("merge", Context(one, two, three), binary)] * 4])


def random_computable(rng: random.Random, dtype: str) -> Node:
    """A circuit of some ops on some classes; its branches may not be independent."""
    classes = rng.choice([2, 3, 5, 8])
    first = rng.randint(0, 95 - classes)
    return _Computable(rng, dtype).part(rng.choice([1, 2, 3, 5, 8, 13, 20]), list(range(first, first + classes)))


class Arrays(registers.Arrays):
    """Arrays of n elements; f16 is computed in f32 and rounded in the end, as circuits do."""

    FUNCTIONS: ClassVar[dict[str, Any]] = {
        **registers.Arrays.FUNCTIONS,
        "max": np.maximum,
        **{
            f"vector_{name}": function
            for name, function in (*registers.Arrays.FUNCTIONS.items(), ("max", np.maximum))
            if name in ("add", "mul", "min", "max", "sub")
        },
    }

    def __init__(self, dtype: str, seed: int, n: int) -> None:
        self.outer = dtypes.find(dtype).numpy
        super().__init__("f4" if dtype == "f16" else self.outer.str, seed)
        self.n = n

    def argument(self, number: int) -> Any:
        """What a circuit is called with for a class."""
        rng = np.random.default_rng((self.seed, number))
        special = np.array([0.0, 1, -0.0, 100, np.nan, np.inf] if self.outer.kind == "f" else [0.0, 1, 127, 3])
        drawn = np.where(rng.random(self.n) < 0.05, rng.choice(special, self.n), rng.integers(0, 100, self.n) - 30)
        with np.errstate(all="ignore"):
            return drawn.astype(np.int64 if self.outer.kind in "iu" else np.float64).astype(self.outer)

    def input(self, number: int) -> Any:
        return self.argument(number).astype(self.dtype)

    def mark(self, value: Any) -> Any:
        with np.errstate(all="ignore"):
            return np.asarray(super().mark(value))

    def compute(self, name: str, *values: Any) -> Any:
        if len(values) == 1 and name in ("min", "max", "sum"):  # one element, as of NumPy without dimensions
            function = {"min": np.min, "max": np.max, "sum": np.sum}[name]
            return np.asarray(function(values[0])).astype(self.dtype)
        return np.asarray(super().compute(name, *values))

    def result(self, value: Any) -> Any:
        """A value as a circuit gives it."""
        with np.errstate(all="ignore"):
            return np.asarray(value).astype(self.outer)


def same_bits(found: Any, expected: Any) -> bool:
    """Whether arrays are equal, signs of zeros too, one NaN being like another; a single element is like many."""
    found, expected = np.broadcast_arrays(found, expected)
    if found.dtype != expected.dtype:
        return False
    if found.dtype.kind != "f":
        return bool(np.array_equal(found, expected))
    equal = (found == expected) & (np.signbit(found) == np.signbit(expected))
    return bool(np.all(equal | (np.isnan(found) & np.isnan(expected))))
