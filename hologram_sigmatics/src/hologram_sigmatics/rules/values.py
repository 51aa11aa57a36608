"""What the classes of a circuit hold while it runs, as numbers: equal numbers are certainly equal values.

Steps go in, one after the other; what each would write comes out, and who holds a value already. Values
that may be equal by chance, or by an algebra of numbers, get different numbers.
"""

from __future__ import annotations

from ..effects import Step

_COMMUTATIVE = ("add", "mul")  # not min and max: of 0 and -0 they may return the first or the second
_UNNAMED = {"merge": "add", "split": "sub"}


class Registers:
    """The values of all classes at one moment. A class that was not written holds its input."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[object, ...], int] = {}
        self._marked: dict[int, int] = {}  # a value and its mark, both ways
        self._held: dict[int, int] = {}
        self._since: dict[int, int] = {}

    def read(self, number: int) -> int:
        """Return the value that a class holds."""
        return self._held.setdefault(number, self._value("input", number))

    def results(self, step: Step, known: bool) -> dict[int, int]:
        """Return what a step writes: class -> value. Nobody else computes what a step that is not known does."""
        if not step.writes:
            return {}
        values = [self.read(number) for number in step.reads]
        match step.op.generator:
            case "mark":
                results = [self._mark(value) for value in values]
            case "swap":
                results = values[::-1]
            case "copy":
                results = values
            case generator:
                name = step.op.name or _UNNAMED.get(generator)
                operands = sorted(values) if name in _COMMUTATIVE else values
                results = [self._value(generator, name, *operands) if known else self._value()]
        return dict(zip(step.writes, results, strict=True))

    def write(self, results: dict[int, int], at: int) -> None:
        """Let classes hold results from step `at` on."""
        self._held.update(results)
        self._since.update(dict.fromkeys(results, at))

    def oldest_holder(self, value: int) -> int | None:
        """Return the class that has held a value for the longest time."""
        holders = [number for number, held in self._held.items() if held == value]
        return min(holders, key=lambda number: (self._since.get(number, -1), number), default=None)

    def _value(self, *key: object) -> int:
        """The number of what a key computes; without a key, a new one."""
        return self._numbers.setdefault(key or (len(self._numbers),), len(self._numbers))

    def _mark(self, value: int) -> int:
        marked = self._marked.get(value)
        if marked is None:
            marked = self._marked[value] = self._value("mark", value)
            self._marked[marked] = value
        return marked
