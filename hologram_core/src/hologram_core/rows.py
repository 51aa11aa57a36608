"""The rows that list_kernels() and providers() return: plain values, for printing and for JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .provider import Failure


@dataclass(frozen=True)
class KernelRow:
    """One kernel that a provider has declared, as list_kernels() tells it."""

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

    def to_dict(self) -> dict[str, Any]:
        """Return the row as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class ProviderRow:
    """One provider, as providers() tells it."""

    name: str
    version: str
    hooks: tuple[str, ...]
    kernels: int  #: how many it has declared
    failures: tuple[Failure, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the row as plain data."""
        failures = [{"where": failure.where, "message": failure.message} for failure in self.failures]
        return {
            "name": self.name,
            "version": self.version,
            "hooks": list(self.hooks),
            "kernels": self.kernels,
            "failures": failures,
        }
