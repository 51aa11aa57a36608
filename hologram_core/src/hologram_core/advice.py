"""What would change an answer: the lines that explain() ends with, and errors about kernels that are missing.

In goes an Explanation with what was asked; out come sentences that a user can follow as they stand.
Nothing is refused: where nothing would help, there are no lines.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import catalogue
from ._native import cpu_levels
from .catalogue import OpSpec
from .dispatch import Explanation
from .provider import Provider
from .ranking import Offer


def advise(explanation: Explanation, spec: OpSpec, providers: Sequence[Provider], pinned: str | None) -> list[str]:
    """Return what would give another kernel or, where there is none, what there is and what to install."""
    winner = explanation.winner
    if winner is not None:
        others = [candidate.provider for candidate in explanation.candidates[1:] if candidate.offer is not None]
        lines = [_another_provider(spec.name, winner, others, pinned), *_another_level(winner)]
        return [f"to change this: {line}" for line in lines]
    installed = {name.partition(":")[0] for name in explanation.asked}
    return _found(spec, providers) + catalogue.advice(explanation.op, explanation.dtype, explanation.n, installed)


def _another_provider(op: str, winner: Offer, others: Sequence[str], pinned: str | None) -> str:
    if pinned == winner.provider:
        return f"pin({op!r}, None)"
    if not others:
        return f"another provider's kernel, at a priority above {winner.priority}"
    return f'HOLOGRAM_PRIORITY="{others[0]}={winner.priority + 1}", or pin({op!r}, {others[0]!r})'


def _another_level(winner: Offer) -> list[str]:
    """How to run the winner's code for a lower instruction set, if it has any."""
    levels = cpu_levels()
    below = levels[: levels.index(winner.isa)] if winner.isa in levels else ()
    variant = winner.kernel.best_variant(below)
    return [] if variant is None else [f'HOLOGRAM_ISA="{variant[0]}"']


def _found(spec: OpSpec, providers: Sequence[Provider]) -> list[str]:
    """What there is instead, when there is no kernel."""
    names = {dtype for provider in providers for dtype in provider.declared_dtypes(spec.kernel_op)}
    return [f"there are kernels of {spec.kernel_op!r} for {', '.join(sorted(names))}"] if names else []
