"""What a check of kernels has found: rows, and the report that holds them.

In go verdicts; out come values to print, for people or as JSON. A kernel whose values nothing could be compared with is
named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any, Literal, TypeAlias

from .._native import BoundKernel

Verdict: TypeAlias = Literal["passed", "failed", "not applicable", "not run"]


class KernelCheckError(AssertionError):
    """A kernel broke the contract; `.check` names the first check that failed, `.rows` are all that did."""

    def __init__(self, kernel: BoundKernel, rows: Iterable[Row]) -> None:
        self.rows = tuple(rows)
        self.check = self.rows[0].check
        lines = [f"{row.check}: {row.reason}" for row in self.rows]
        super().__init__("\n  ".join([f"{kernel.op} {kernel.dtype} by {kernel.provider} ({kernel.isa})", *lines]))


@dataclass(frozen=True)
class Row:
    """One check of one kernel at one level."""

    source: str  #: the library's file or the provider's name
    kernel: str  #: "" where the library could not be opened
    dtype: str
    level: str  #: instruction set, "python" for a Python function
    check: str
    verdict: Verdict
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the row as plain data."""
        return asdict(self)


def text_of(rows: Iterable[Row]) -> str:
    """The rows of one body in words: one line, and one for each check that failed."""
    rows = list(rows)
    first, counts = rows[0], Counter(row.verdict for row in rows)
    name = f"{first.kernel} {first.dtype} ({first.level})" if first.kernel else "library"
    verdicts = ", ".join(
        f"{counts[verdict]} {verdict}" for verdict in ("passed", "failed", "not run") if counts[verdict]
    )
    lines = [f"  {row.check}: {row.reason}" for row in rows if row.verdict == "failed"]
    return "\n".join([f"{first.source}: {name}: {verdicts or f'not checked, {first.reason}'}", *lines])


@dataclass(frozen=True)
class Report:
    """What a check of kernels has found."""

    rows: tuple[Row, ...]

    @property
    def failed(self) -> tuple[Row, ...]:
        """The checks that failed."""
        return tuple(row for row in self.rows if row.verdict == "failed")

    @property
    def unchecked(self) -> tuple[str, ...]:
        """The kernels whose values were compared with nothing."""
        compared = {
            _kernel(row) for row in self.rows if row.check in _COMPARING and row.verdict in ("passed", "failed")
        }
        return tuple(dict.fromkeys(_kernel(row) for row in self.rows if row.kernel and _kernel(row) not in compared))

    @property
    def summary(self) -> str:
        """The report in a few lines."""
        counts = Counter(row.verdict for row in self.rows)
        kernels = {_kernel(row) for row in self.rows if row.kernel}
        verdicts = ", ".join(f"{counts[verdict]} {verdict}" for verdict in _VERDICTS if counts[verdict])
        lines = [f"{len(kernels)} kernel{'' if len(kernels) == 1 else 's'}: {verdicts}"]
        if self.unchecked:
            names = [*self.unchecked[:_NAMED], *(["others"] if len(self.unchecked) > _NAMED else [])]
            lines.append(f"no values were checked, for lack of a reference or an interpreter, of {', '.join(names)}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return {
            "passed": not self.failed,
            "unchecked": list(self.unchecked),
            "rows": [row.to_dict() for row in self.rows],
        }

    def __str__(self) -> str:
        bodies = groupby(self.rows, key=lambda row: (row.source, row.kernel, row.dtype, row.level))
        return "\n".join([*(text_of(rows) for _, rows in bodies), self.summary])


_VERDICTS: tuple[Verdict, ...] = ("passed", "failed", "not applicable", "not run")
_COMPARING = ("results", "interpreter")
_NAMED = 10  # kernels at most, in a summary


def _kernel(row: Row) -> str:
    return f"{row.kernel} {row.dtype}"
