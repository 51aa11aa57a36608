"""Stats: what the counters of a runtime stood at when they were asked.

In go tables of counts; out comes a value that prints as lines, as HTML and as plain data. Nothing is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Request:
    """A request that was answered in one way, so many times."""

    op: str
    dtype: str
    n: int  #: of the call that asked; -1 stands for further ones, which are not told apart
    count: int

    def __str__(self) -> str:
        n = f"n={self.n}" if self.n >= 0 else "other n"
        return f"{self.op} {self.dtype} {n}" + (f" ({self.count} times)" if self.count > 1 else "")


def requests(table: Mapping[tuple[str, str, int], int]) -> tuple[Request, ...]:
    """Return the rows of a table of counts, the most frequent first."""
    return tuple(sorted((Request(*key, count) for key, count in table.items()), key=lambda row: -row.count))


@dataclass(frozen=True, repr=False)
class Stats:
    """What a runtime did besides calling kernels. Calls on the call path are not counted: they cost nothing more."""

    resolutions: int  #: how often providers were asked for a kernel, by calls and by get_kernel()
    misses: int  #: calls of an op that remembered nothing for their dtype and n
    fallbacks: tuple[Request, ...]  #: resolutions that ended with a kernel of the tier fallback
    unserved: tuple[Request, ...]  #: resolutions that ended without a kernel
    slow_calls: int  #: calls whose arguments were converted, or refused, in Python
    slow_reasons: Mapping[str, Mapping[str, int]]  #: why, by reason and op; a call may have several
    reloads: Mapping[str, int]  #: how often kernels have changed, by provider

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as plain data."""
        return asdict(self)

    def rows(self) -> list[tuple[str, str, str]]:
        """Return what was counted, how often, and for what."""
        slow = [f"{reason}: {_each(ops)}" for reason, ops in self.slow_reasons.items()]
        return [
            ("resolutions", str(self.resolutions), ""),
            ("misses", str(self.misses), ""),
            ("fallbacks", str(sum(row.count for row in self.fallbacks)), ", ".join(map(str, self.fallbacks))),
            ("unserved", str(sum(row.count for row in self.unserved)), ", ".join(map(str, self.unserved))),
            ("slow calls", str(self.slow_calls), "; ".join(slow)),
            ("reloads", str(sum(self.reloads.values())), _each(self.reloads)),
        ]

    def __repr__(self) -> str:
        return "\n".join(f"{what:<12}{count:>8}  {of}".rstrip() for what, count, of in self.rows())

    def _repr_html_(self) -> str:
        from .html import table  # here, since only notebooks ask

        return table(("", "count", "of"), self.rows(), right={1})


def _each(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
