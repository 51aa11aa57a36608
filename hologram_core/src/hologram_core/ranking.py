"""Ranking: offers in, their order and the reasons out. Pure functions, no plugins, no state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .kernel import Kernel, range_text
from .signature import Signature


@dataclass(frozen=True)
class Offer:
    """A kernel proposed for one request: by whom, at which priority, and the code it would run."""

    kernel: Kernel
    provider: str  #: the provider's name as the runtime knows it, not as the provider says
    version: str  #: of the provider's distribution, "" if unknown
    priority: int  #: after the user's overrides
    isa: str  #: instruction set of the chosen variant, "python" for a Python function
    entry: int  #: its address, 0 for a Python function

    @property
    def op(self) -> str:
        """The op it serves."""
        return self.kernel.op

    @property
    def signature(self) -> Signature:
        """The signature it keeps."""
        return self.kernel.signature

    @property
    def dtype(self) -> str:
        """Hologram's name of its dtype."""
        return self.kernel.dtype

    @property
    def min_n(self) -> int:
        """The smallest n it serves."""
        return self.kernel.min_n

    @property
    def max_n(self) -> int:
        """The largest n it serves."""
        return self.kernel.max_n

    @property
    def tier(self) -> str:
        """ "inline", "user" or "fallback"."""
        return self.kernel.tier

    @property
    def doc(self) -> str:
        """One line about the kernel."""
        return self.kernel.doc

    def __str__(self) -> str:
        return f"{self.op} {self.dtype} by {self.provider} ({self.tier} {self.priority}, {self.isa})"

    def _repr_html_(self) -> str:
        """Of BoundKernel too, which has the attributes of its offer."""
        from .html import facts  # here, since only notebooks ask

        served = {"signature": self.signature, "n": range_text(self.min_n, self.max_n), "doc": self.doc}
        return facts(self, {"provider": f"{self.provider} {self.version}".strip(), **served})


def rank(offers: Iterable[Offer], pinned: str | None = None) -> list[Offer]:
    """Order offers, best first: the pinned provider, priority, the narrower range, the provider's name."""
    return sorted(
        offers,
        key=lambda offer: (
            offer.provider != pinned,
            -offer.priority,
            offer.max_n - offer.min_n,
            offer.provider,
        ),
    )


def reason(winner: Offer, loser: Offer, pinned: str | None = None) -> str:
    """Say in a few words why loser comes after winner."""
    if pinned == winner.provider != loser.provider:
        return f"{winner.provider} is pinned"
    if winner.priority != loser.priority:
        return f"priority {loser.priority} < {winner.priority}"
    if winner.max_n - winner.min_n != loser.max_n - loser.min_n:
        return f"same priority, and {winner.provider} has the narrower range of n"
    return f"same priority and range, and {winner.provider!r} sorts before {loser.provider!r}"


def interval(n: int, ranges: Sequence[tuple[int, int]], limit: tuple[int, int]) -> tuple[int, int]:
    """Return the largest interval around n, inside limit, on which the set of ranges that hold n is the same."""
    low, high = limit
    for begin, end in ranges:
        if n < begin:
            high = min(high, begin - 1)
        elif n > end:
            low = max(low, end + 1)
        else:
            low, high = max(low, begin), min(high, end)
    return low, high
