"""Random phrases: trees of every kind, circuits with a meaning on data, words of gates, damaged texts."""

from __future__ import annotations

import random

from hologram_sigmatics.nodes import (
    GENERATORS,
    Arrow,
    Context,
    Exchange,
    Node,
    Op,
    Par,
    Phrase,
    Prefix,
    Range,
    Seq,
    Sigil,
    Transform,
)

NAMES = (None, None, "mul", "my.op", "copy", "R", "c05", "_x9")
PIECES = (
    *GENERATORS, *"()@.,[]:^~+-RDTc$|", "||", "->", "<->", "..", " ", "\n", "//", "c00", "c95", "c96", "mark@c21", "0", "47", "96",
    "R+1@", "~@ ", "\u2113", "\xe9", "\0", "\ud800", "99999999999999999999", "c[00..03]", "x",
)  # fmt: skip


def random_tree(rng: random.Random, depth: int) -> Node:
    """Any tree that the nodes allow."""
    choice = rng.random()
    if depth <= 0 or choice < 0.3:
        return _random_op(rng)
    parts = tuple(random_tree(rng, depth - 1) for _ in range(rng.randint(2, 4)))
    if choice < 0.55:
        return Seq(parts)
    if choice < 0.8:
        return Par(parts)
    return Prefix(_random_transform(rng), parts[0])


def _random_op(rng: random.Random) -> Op:
    one, two, three = (_random_sigil(rng) for _ in range(3))
    first = rng.randint(0, 94)
    span = Range(first, rng.randint(first + 1, min(first + 12, 95)), _random_postfix(rng))
    target = rng.choice([one, one, Arrow(one, two), Exchange(one, two), Context(one, two, three), span])
    return Op(rng.choice(GENERATORS), target, rng.choice(NAMES))


def _random_sigil(rng: random.Random) -> Sigil:
    return Sigil(rng.randint(0, 95), _random_postfix(rng), rng.choice([None, None, 0, rng.randint(0, 47)]))


def _random_postfix(rng: random.Random) -> Transform | None:
    shift = rng.choice([{}, {}, {rng.choice("rdt"): rng.randint(-9, 9)}])
    mirror = rng.random() < 0.2
    return Transform(**shift, mirror=mirror) if shift or mirror else None


def _random_transform(rng: random.Random) -> Transform:
    shifts = {axis: rng.randint(-9, 9) for axis in "rdt" if rng.random() < 0.5}
    return Transform(**shifts, mirror=not shifts or rng.random() < 0.3)


def random_gates(rng: random.Random, depth: int = 2) -> Node:
    """A tree of gates and a few other ops, in groups, branches and under prefixes."""
    if depth <= 0 or rng.random() < 0.3:
        return Op("copy", Sigil(5)) if rng.random() < 0.35 else Op("mark", Sigil(rng.choice([0, 21, 21, 42, 7, 33])))
    parts = tuple(random_gates(rng, depth - 1) for _ in range(rng.randint(2, 6)))
    choice = rng.random()
    if choice < 0.75:
        return Seq(parts)
    return Par(parts) if choice < 0.9 else Prefix(_random_transform(rng), parts[0])


def random_circuit(rng: random.Random, size: int, classes: int) -> Node:
    """A tree with a meaning on data, of about so many ops; its branches may not be independent."""
    first = rng.randint(0, 95 - classes)
    return _Circuit(rng).part(size, list(range(first, first + classes)))


class _Circuit:
    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.seen: list[Op] = []

    def part(self, size: int, classes: list[int]) -> Node:
        choice = self.rng.random()
        if size <= 1:
            return self.step(classes)
        if choice < 0.15 and len(classes) > 3:
            self.rng.shuffle(classes)
            middle = len(classes) // 2
            shared = classes[middle : middle + self.rng.randint(0, 1)]  # legal if both branches only read it
            parts = classes[:middle] + shared, classes[middle:]
            return Par(tuple(self.part(size // 2, list(part)) for part in parts))
        if choice < 0.25:
            return Prefix(_random_transform(self.rng), self.part(size, classes))
        left = self.rng.randint(1, size - 1)
        return Seq((self.part(size - left, list(classes)), self.part(left, list(classes))))

    def step(self, classes: list[int]) -> Op:
        """An op on some of the classes, often one that has been, into the same class or another."""
        if self.seen and self.rng.random() < 0.3:
            op = self.rng.choice(self.seen)
            if isinstance(op.target, Context) and self.rng.random() < 0.5:
                target = Context(op.target.source, op.target.context, Sigil(self.rng.choice(classes)))
                return Op(op.generator, target, op.name)
            return op
        self.seen.append(_random_step(self.rng, classes))
        return self.seen[-1]


def _random_step(rng: random.Random, classes: list[int]) -> Op:
    one, two, three = (
        Sigil(rng.choice(classes), _random_postfix(rng) if rng.random() < 0.05 else None) for _ in range(3)
    )
    low, high = min(classes), max(classes)
    span = Range(low, high) if low < high else one
    return rng.choice(
        [
            Op("mark", one),
            Op("mark", one),
            Op("mark", span),
            Op("copy", Arrow(one, two)),
            Op("copy", Arrow(one, two)),
            Op("swap", Exchange(one, two)),
            Op("merge", Context(one, two, three), rng.choice([None, "add", "mul", "min"])),
            Op("merge", Context(one, two, three), rng.choice([None, "add", "mul", "min"])),
            Op("split", Context(one, two, three), rng.choice([None, "sub"])),
            Op("merge", Arrow(one, two), rng.choice(["abs", "sum"])),
            Op("evaluate", Arrow(one, two), rng.choice(["relu", "mine"])),
            Op("evaluate", Context(one, two, three), rng.choice(["vector_add", "mine"])),
            Op("evaluate", span if low < high else Arrow(one, two), rng.choice(["mse", "mine"])),
            Op(rng.choice(["quote", "evaluate"]), one),
        ]
    )


def damaged(rng: random.Random, text: str) -> str:
    """A text with some pieces put in, taken out or doubled."""
    for _ in range(rng.randint(1, 4)):
        at, to = sorted(rng.randint(0, len(text)) for _ in range(2))
        text = rng.choice(
            [text[:at] + rng.choice(PIECES) + text[at:], text[:at] + text[min(to, at + 5) :], text[:to] + text[at:]]
        )
    return text


def as_text(node: Node) -> str:
    """The text of a tree."""
    return str(Phrase(node))
