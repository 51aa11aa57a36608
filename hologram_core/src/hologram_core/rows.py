"""The rows that list_kernels() and providers() return: plain values, for printing and for JSON.

In go the providers of a runtime and its rules; out come rows in order, in a list that prints as a table.
Nothing is refused: a kernel that cannot be used here, and a provider that failed, are rows that say why.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Protocol, TypeVar

from .catalogue import OpSpec
from .dispatch import Rules, judge
from .kernel import Kernel, range_text
from .provider import Failure, Provider
from .ranking import Offer


class Row(Protocol):
    """What a table is made of."""

    HEADINGS: ClassVar[tuple[str, ...]]

    def cells(self) -> tuple[str, ...]:
        """Return a text for each heading."""

    def notes(self) -> tuple[str, ...]:
        """Return what else there is to say, a line each; it stands below the table."""


AnyRow = TypeVar("AnyRow", bound=Row)


class Rows(list[AnyRow]):
    """A list of rows that prints as a table."""

    def __repr__(self) -> str:
        if not self:
            return "none"
        return "\n".join([*aligned([self[0].HEADINGS, *(row.cells() for row in self)]), *self.notes()])

    def _repr_html_(self) -> str:
        from .html import table  # here, since only notebooks ask

        headings = self[0].HEADINGS if self else ()
        return table(headings, [row.cells() for row in self], title="" if self else "none", notes=self.notes())

    def notes(self) -> list[str]:
        """Return what the rows have to say besides their cells, a line each."""
        return [note for row in self for note in row.notes()]


def aligned(lines: Iterable[Sequence[str]], right: Collection[int] = ()) -> list[str]:
    """Return lines of cells as texts with columns under each other; those at the positions `right` end at one edge."""
    columns = [
        [cell.rjust(width) if i in right else cell.ljust(width) for cell in column]
        for i, column in enumerate(zip(*lines, strict=True))
        for width in [max(map(len, column))]
    ]
    return ["  ".join(line).rstrip() for line in zip(*columns, strict=True)]


@dataclass(frozen=True)
class KernelRow:
    """One kernel that a provider has declared, as list_kernels() tells it."""

    HEADINGS: ClassVar[tuple[str, ...]] = ("op", "dtype", "n", "provider", "tier", "isa")

    op: str
    dtype: str
    signature: str
    min_n: int
    max_n: int
    provider: str
    tier: str
    priority: int
    isa: str
    problem: str = ""  #: why it cannot be used here, if it cannot

    def cells(self) -> tuple[str, ...]:
        """Return a text for each heading."""
        served = range_text(self.min_n, self.max_n)
        tier = f"{self.tier} {self.priority}"
        return self.op, self.dtype, served, self.provider, tier, self.isa or "unusable"

    def notes(self) -> tuple[str, ...]:
        """Return why it cannot be used, if it cannot."""
        return (f"{self.op} {self.dtype} of {self.provider}: {self.problem}",) if self.problem else ()

    def to_dict(self) -> dict[str, Any]:
        """Return the row as plain data."""
        return asdict(self)


def kernel_row(kernel: Kernel, spec: OpSpec, provider: Provider, rules: Rules) -> KernelRow:
    """Return the row of a declared kernel of the op of a spec."""
    outcome = judge(kernel, spec, provider, rules)
    usable = isinstance(outcome, Offer)
    return KernelRow(
        kernel.op,
        kernel.dtype,
        str(kernel.signature),
        kernel.min_n,
        kernel.max_n,
        provider.name,
        kernel.tier,
        rules.priority_of(provider, kernel),
        outcome.isa if isinstance(outcome, Offer) else "",
        "" if usable else str(outcome),
    )


@dataclass(frozen=True)
class ProviderRow:
    """One provider, as providers() tells it."""

    HEADINGS: ClassVar[tuple[str, ...]] = ("provider", "version", "priority", "kernels", "state", "hooks")

    name: str
    version: str
    hooks: tuple[str, ...]
    kernels: int  #: how many it has declared
    failures: tuple[Failure, ...]
    distribution: str = ""  #: that it came with; "" where it was registered by hand
    priorities: tuple[int, ...] = ()  #: of its declared kernels, highest first

    @property
    def state(self) -> str:
        """ "ready", "faulty" where some hook of it fails, "failed" where it could not be used at all."""
        if not self.failures:
            return "ready"
        return "faulty" if self.hooks else "failed"

    def cells(self) -> tuple[str, ...]:
        """Return a text for each heading."""
        priority, hooks = ", ".join(map(str, self.priorities)), ", ".join(self.hooks)
        return self.name, self.version, priority or "none", str(self.kernels), self.state, hooks or "none"

    def notes(self) -> tuple[str, ...]:
        """Return what failed."""
        return tuple(f"{self.name}: {failure.where}: {failure.message}" for failure in self.failures)

    def to_dict(self) -> dict[str, Any]:
        """Return the row as plain data."""
        failures = [{"where": failure.where, "message": failure.message} for failure in self.failures]
        return {
            "name": self.name,
            "distribution": self.distribution,
            "version": self.version,
            "priorities": list(self.priorities),
            "hooks": list(self.hooks),
            "kernels": self.kernels,
            "state": self.state,
            "failures": failures,
        }


def provider_row(provider: Provider, rules: Rules) -> ProviderRow:
    """Return the row of a provider."""
    declared = list(provider.declared_kernels())
    priorities = {rules.priority_of(provider, kernel) for kernel in declared}
    return ProviderRow(
        provider.name,
        provider.version,
        provider.hooks,
        len(declared),
        tuple(provider.failures),
        provider.distribution,
        tuple(sorted(priorities, reverse=True)),
    )
