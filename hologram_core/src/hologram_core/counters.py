"""Counters: what a runtime did besides calling kernels.

In go the events of its slow paths; out come Stats. A call that takes the call path is not an event, so that it costs
nothing. Nothing is refused; what is kept of the events is bounded.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ._native import BoundKernel, Op
from .bound import call_slow
from .catalogue import OpSpec

if TYPE_CHECKING:
    from .dispatch import Explanation
    from .statistics import Stats

MAX_REQUESTS = 1000  #: for a fallback, and without a kernel, that are told apart; further ones are counted only


class Counters:
    """The events of one runtime. All methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.misses = 0
        self.resolutions = 0
        self.slow_calls = 0
        self.reasons: dict[tuple[str, str], int] = {}  # by (reason, op)
        self.fallbacks: dict[tuple[str, str, int], int] = {}
        self.unserved: dict[tuple[str, str, int], int] = {}
        self.reloads: dict[str, int] = {}

    def missed(self) -> None:
        """An op found nothing remembered for its dtype and n."""
        with self._lock:
            self.misses += 1

    def resolved(self, explanation: Explanation) -> None:
        """Providers were asked, and this is the answer."""
        winner = explanation.winner
        request = explanation.op, explanation.dtype, explanation.n
        with self._lock:
            self.resolutions += 1
            if winner is None:
                _count(self.unserved, request)
            elif winner.tier == "fallback":
                _count(self.fallbacks, request)

    def reloaded(self, provider: str) -> None:
        """A provider said that its kernels have changed."""
        with self._lock:
            self.reloads[provider] = self.reloads.get(provider, 0) + 1

    def call_slow(
        self, spec: OpSpec, target: Op | BoundKernel, args: tuple[object, ...], kwargs: dict[str, object]
    ) -> object:
        """Count a call that the call path did not take, and make it; see coerce.call_slow."""
        reasons = _reasons(spec, args, kwargs)
        with self._lock:
            self.slow_calls += 1
            for reason in reasons:
                key = reason, spec.name
                self.reasons[key] = self.reasons.get(key, 0) + 1
        return call_slow(spec, target, args, kwargs)

    def stats(self) -> Stats:
        """Return what has been counted so far."""
        from .statistics import Stats, requests  # here, as few processes ask

        with self._lock:
            slow: dict[str, dict[str, int]] = {}
            for (reason, op), count in self.reasons.items():
                slow.setdefault(reason, {})[op] = count
            return Stats(
                self.resolutions,
                self.misses,
                requests(self.fallbacks),
                requests(self.unserved),
                self.slow_calls,
                slow,
                dict(self.reloads),
            )


def _count(table: dict[tuple[str, str, int], int], request: tuple[str, str, int]) -> None:
    """Count a request in a table that stays small: when it is full, further ones are counted as n = -1."""
    if request not in table and len(table) >= MAX_REQUESTS:
        request = (*request[:2], -1)
    table[request] = table.get(request, 0) + 1


_OTHERWISE = "overlap, shapes or dtypes"


def _reasons(spec: OpSpec, args: tuple[object, ...], kwargs: Mapping[str, object]) -> set[str]:
    """Why the call path did not take a call, as far as its arguments show it one by one."""
    found = set()
    named = {name: value for name, value in kwargs.items() if name != "out"}
    if named or len(args) < len(spec.parameters):
        found.add("arguments by name")
    params = spec.signature.inputs
    scalars = [i for i, param in enumerate(params) if param.kind == "scalar"]
    arrays = [value for i, value in enumerate(args) if i not in scalars]
    arrays += [value for name, value in named.items() if not _is_scalar(spec, name)]
    out = kwargs.get("out")
    arrays += out if isinstance(out, tuple) else [out]
    shapes = set()
    for value in arrays:
        if type(value) is np.ndarray:
            shapes.add(value.shape)
            if not (value.flags.c_contiguous and value.flags.aligned):
                found.add("not contiguous")
            if not value.dtype.isnative:
                found.add("byte order")
        elif value is not None:
            found.add("list or number" if isinstance(value, (int, float, list, tuple)) else "another array type")
    if len(shapes) > 1 and spec.signature.elementwise:
        found.add("broadcast")
    return found or {_OTHERWISE}


def _is_scalar(spec: OpSpec, name: str) -> bool:
    kinds = {name: param.kind for name, param in zip(spec.parameters, spec.signature.inputs, strict=True)}
    return kinds.get(name) == "scalar"
