"""Dispatch: ask every provider, rank the offers, find the interval of n the answer holds for.

resolve() is the one place where a kernel is chosen; what it returns is also what explain() shows,
so the two cannot disagree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .catalogue import OpSpec
from .kernel import MAX_N, Kernel, Refusal
from .provider import Failure, Provider
from .ranking import Offer, interval, rank, reason


@dataclass(frozen=True)
class Candidate:
    """What one provider said: an offer with its rank (1 = chosen), or a refusal, and why."""

    provider: str
    version: str
    offer: Offer | None
    rank: int | None
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return the candidate as plain data."""
        offer = self.offer
        return {
            "provider": self.provider,
            "version": self.version,
            "rank": self.rank,
            "reason": self.reason,
            "kernel": None
            if offer is None
            else {
                "tier": offer.tier,
                "priority": offer.priority,
                "isa": offer.isa,
                "min_n": offer.min_n,
                "max_n": offer.max_n,
                "doc": offer.doc,
            },
        }


@dataclass(frozen=True, repr=False)
class Explanation:
    """The answer to "which kernel, and why": print it, or use the fields."""

    op: str
    dtype: str
    n: int
    candidates: tuple[Candidate, ...]  #: offers by rank, then refusals; who said "not mine" is left out
    interval: tuple[int, int]  #: the n for which the same answer holds, both ends inclusive
    asked: tuple[str, ...]  #: every provider, by name
    problems: tuple[str, ...] = ()  #: providers that failed, one line each
    advice: tuple[str, ...] = ()  #: what would change the answer

    @property
    def winner(self) -> Offer | None:
        """The offer that is used, None if there is none."""
        first = self.candidates[0] if self.candidates else None
        return first.offer if first is not None and first.rank == 1 else None

    def to_dict(self) -> dict[str, Any]:
        """Return the explanation as plain data, for JSON."""
        return {
            "op": self.op,
            "dtype": self.dtype,
            "n": self.n,
            "winner": self.candidates[0].to_dict() if self.winner else None,
            "candidates": [candidate.to_dict() for candidate in self.candidates],
            "interval": list(self.interval),
            "asked": list(self.asked),
            "problems": list(self.problems),
            "advice": list(self.advice),
        }

    @property
    def _answer(self) -> str:
        """The answer in one line."""
        winner = self.winner
        request = f"{self.op} {self.dtype} n={self.n}"
        if winner is None:
            return f"{request}: no kernel; asked: {', '.join(self.asked) or 'nobody'}"
        return f"{request}: {winner.provider} ({winner.tier}, {winner.isa}), for {_range(*self.interval)}"

    def __repr__(self) -> str:
        lines = [self._answer]
        lines += [f"  {_line(candidate)}" for candidate in self.candidates]
        lines += [f"  !  {problem}" for problem in self.problems]
        lines += [f"  >  {line}" for line in self.advice]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from .html import table  # here, since only notebooks ask

        rows = [
            ("-" if candidate.rank is None else candidate.rank, _name(candidate), _what(candidate), candidate.reason)
            for candidate in self.candidates
        ]
        notes = [*(f"! {problem}" for problem in self.problems), *self.advice]
        strong = {0} if self.winner is not None else set()
        return table(("rank", "provider", "kernel", "reason"), rows, title=self._answer, notes=notes, strong=strong)


def _range(low: int, high: int) -> str:
    if low == high:
        return f"n = {low}"
    return f"n >= {low}" if high == MAX_N else f"{low} <= n <= {high}"


def _name(candidate: Candidate) -> str:
    return f"{candidate.provider} {candidate.version}".strip()


def _what(candidate: Candidate) -> str:
    """What a candidate offers, "" where it refuses."""
    offer = candidate.offer
    if offer is None:
        return ""
    return f"{offer.tier} {offer.priority}, {offer.isa}, {_range(offer.min_n, offer.max_n)}"


def _line(candidate: Candidate) -> str:
    if candidate.offer is None:
        return f"-  {_name(candidate)}: {candidate.reason}"
    return f"{candidate.rank}  {_name(candidate)}: {_what(candidate)}; {candidate.reason}"


@dataclass(frozen=True)
class Rules:
    """What the user has a say in: priorities and pins by provider, and the levels of this CPU."""

    levels: Sequence[str]
    priority: Mapping[str, int]
    pins: Mapping[str, str]  #: op -> provider

    def priority_of(self, provider: Provider, kernel: Kernel) -> int:
        """The priority of a provider's kernel: what the user says, else what the kernel states."""
        return self.priority.get(provider.name, kernel.rank_priority)


def resolve(
    spec: OpSpec, dtype: str, n: int, providers: Sequence[Provider], rules: Rules, pinned: str | None = None
) -> Explanation:
    """Ask all providers for (op, dtype, n), rank what they offer, and say for which n that holds.

    Who says None is out for every n. Ranking can change only where a declared range begins or ends. So
    if every provider that answered has declared its kernels for this op, the answer holds between those
    ends; otherwise it holds for this n alone. The code of the winner is opened here; if that fails, the
    next one wins.
    """
    name = spec.kernel_op
    pinned = pinned or rules.pins.get(spec.name)
    offers: list[Offer] = []
    by_name = {provider.name: provider for provider in providers}
    refused: list[Candidate] = []
    ranges: list[tuple[int, int]] = []
    limit = (0, MAX_N)
    for provider in providers:
        answer = provider.offer(name, dtype, n)
        if answer is None:
            continue
        declared = provider.declared(name, dtype)
        ranges += [(kernel.min_n, kernel.max_n) for kernel in declared]
        if isinstance(answer, Failure) or _undeclared(answer, declared, provider.declares(name)):
            limit = (n, n)
        if isinstance(answer, Kernel):
            limit = max(limit[0], answer.min_n), min(limit[1], answer.max_n)
            outcome = judge(answer, spec, provider, rules)
            if isinstance(outcome, Offer):
                offers.append(outcome)
                continue
            answer = Refusal(f"refused: {outcome}")
        if isinstance(answer, Refusal):
            refused.append(Candidate(provider.name, provider.version, None, None, answer.reason))
    while offers:
        best = rank(offers, pinned)[0]
        offers.remove(best)
        opened = _open(best, by_name[best.provider], rules)
        if isinstance(opened, Offer):
            offers.append(opened)
            break
        refused.append(Candidate(best.provider, best.version, None, None, opened))
        limit = (n, n)
    return Explanation(
        spec.name,
        dtype,
        n,
        (*_ranked(offers, pinned), *refused),
        interval(n, ranges, limit),
        tuple(provider.name for provider in providers),
        tuple(
            f"{provider.name}: {failure.where}: {failure.message}"
            for provider in providers
            for failure in provider.failures
        ),
    )


def _open(offer: Offer, provider: Provider, rules: Rules) -> Offer | str:
    """The offer with the address of its code, or why that cannot be had. Only what is chosen is opened."""
    kernel = provider.open(offer.kernel)
    if isinstance(kernel, Failure):
        return f"refused: {kernel.message}"
    variant = kernel.best_variant(rules.levels)
    if variant is None:
        return f"refused: it has no code for {', '.join(rules.levels) or 'no level'}"
    return replace(offer, kernel=kernel, isa=variant[0], entry=variant[1])


def _undeclared(answer: Kernel | Refusal, declared: Sequence[Kernel], declares: bool) -> bool:
    """Whether an answer may be another for another n: who declares kernels of an op has declared them all."""
    return not declares if isinstance(answer, Refusal) else answer not in declared


def _ranked(offers: Sequence[Offer], pinned: str | None) -> list[Candidate]:
    order = rank(offers, pinned)
    return [
        Candidate(
            offer.provider,
            offer.version,
            offer,
            position,
            "chosen" if position == 1 else reason(order[0], offer, pinned),
        )
        for position, offer in enumerate(order, 1)
    ]


def judge(kernel: Kernel, spec: OpSpec, provider: Provider, rules: Rules) -> Offer | str:
    """Turn a provider's kernel into an Offer, or say why it cannot serve the op."""
    expected = spec.kernel_signature
    if kernel.signature != expected:
        return f"its signature is {kernel.signature}, that of {spec.kernel_op!r} is {expected}"
    variant = kernel.best_variant(rules.levels)
    if variant is None:
        has = ", ".join(level for level, _ in kernel.variants)
        return f"compiled for {has}; this runtime uses {', '.join(rules.levels) or 'no level'}"
    return Offer(kernel, provider.name, provider.version, rules.priority_of(provider, kernel), *variant)
