"""A circuit run one op after the other, as docs/sigmatics.md says it: the definition that rules are held against.

Nothing of the library is used but its nodes. Values are terms, or arrays of one dtype; a kernel called
"mine" is unknown to the rules, and each of its calls is counted.
"""

from __future__ import annotations

import itertools
from typing import Any, ClassVar

import numpy as np

from hologram_sigmatics.nodes import Node, Op, Par, Prefix, Range, Seq, Transform


class RaceError(Exception):
    """A branch writes what another reads or writes."""


def run(node: Node, values: Any) -> dict[int, Any]:
    """What every class that was used holds in the end; `values` says what classes hold before and what ops do."""
    registers: dict[int, Any] = {}
    _run(node, [], registers, values)
    return registers


def _run(node: Node, around: list[Transform], registers: dict[int, Any], values: Any) -> tuple[set[int], set[int]]:
    """Run a node; return the classes that it read and those that it wrote."""
    match node:
        case Op():
            return _step(node, [_class(number, around, own) for number, own in _named(node)], registers, values)
        case Prefix():
            return _run(node.body, [node.transform, *around], registers, values)
        case Seq() | Par():
            parts = reversed(node.items) if isinstance(node, Seq) else node.branches
            used = [_run(part, around, registers, values) for part in parts]
            if isinstance(node, Par):
                for (reads, writes), (other_reads, other_writes) in itertools.permutations(used, 2):
                    if writes & (other_reads | other_writes) or reads & other_writes:
                        raise RaceError
            return set().union(*(reads for reads, _ in used)), set().union(*(writes for _, writes in used))


def _named(op: Op) -> list[tuple[int, Transform | None]]:
    if isinstance(op.target, Range):
        return [(number, op.target.postfix) for number in range(op.target.first, op.target.last + 1)]
    return [(sigil.number, sigil.postfix) for sigil in op.target.sigils]


def _class(number: int, around: list[Transform], own: Transform | None) -> int:
    h2, d, low = number // 24, number // 8 % 3, number % 8
    for transform in ([own] if own else []) + around:
        h2, d, low = h2 + (transform.r or 0), (d + (transform.d or 0)) % 3, low + (transform.t or 0)
        d = (0, 2, 1)[d] if transform.mirror else d
    return h2 % 4 * 24 + d * 8 + low % 8


def _step(op: Op, classes: list[int], registers: dict[int, Any], values: Any) -> tuple[set[int], set[int]]:
    for number in classes:
        registers.setdefault(number, values.input(number))
    if op.generator == "mark":
        registers.update({number: values.mark(registers[number]) for number in classes})
        return set(classes), set(classes)
    if op.generator == "swap":
        one, two = classes
        registers[one], registers[two] = registers[two], registers[one]
        return set(classes), set(classes)
    if op.generator == "quote" or (op.generator == "evaluate" and op.name is None):
        return set(), set()
    *reads, destination = classes
    if op.generator == "copy":
        registers[destination] = registers[reads[0]]
    else:
        name = op.name or {"merge": "add", "split": "sub"}[op.generator]
        registers[destination] = values.compute(name, *(registers[number] for number in reads))
    return set(reads), {destination}


class Terms:
    """Values as what they were computed from: equal terms are equal for every dtype and every kernel."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def input(self, number: int) -> Any:
        return ("input", number)

    def mark(self, value: Any) -> Any:
        return value[1] if value[0] == "mark" else ("mark", value)

    def compute(self, name: str, *values: Any) -> Any:
        if name == "mine":
            self.calls.append(values)
            return ("mine", len(self.calls), values)
        return (name, *(sorted(values, key=repr) if name in ("add", "mul") else values))


class Arrays:
    """Values as arrays of one dtype, with NumPy's functions."""

    FUNCTIONS: ClassVar[dict[str, Any]] = {
        "add": np.add,
        "vector_add": np.add,
        "mul": np.multiply,
        "min": np.minimum,
        "sub": lambda a, b: np.logical_xor(a, b) if a.dtype == bool else np.subtract(a, b),
        "abs": np.abs,
        "relu": lambda x: np.maximum(x, x.dtype.type(0)),
        "sum": lambda x: np.full_like(x, np.sum(x, dtype=x.dtype)),
        "mse": lambda *x: x[-1] * x[-1] + x[0],
        "mine": lambda *x: np.add(x[0], x[-1]),
    }

    def __init__(self, dtype: str, seed: int) -> None:
        self.dtype, self.seed = np.dtype(dtype), seed

    def input(self, number: int) -> Any:
        rng = np.random.default_rng((self.seed, number))
        special = np.array([0, 1, 255, 3, -0.0, 100, 7])
        return np.where(rng.random(7) < 0.3, special, rng.integers(0, 250, 7) / 3).astype(self.dtype)

    def mark(self, value: Any) -> Any:
        return ~value if self.dtype == bool else -value

    def compute(self, name: str, *values: Any) -> Any:
        with np.errstate(all="ignore"):
            return self.FUNCTIONS[name](*values).astype(self.dtype)
