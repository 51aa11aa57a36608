"""Offers: which kernels of which libraries a runtime gets, and for which ops.

In go libraries, in the order of loading; out come answers to the runtime's hooks. Of several kernels for
one op and dtype the one loaded last is offered. A kernel whose signature is not that of the op of its
name is declared, so that listings show it and why it is not used, but never chosen over one that fits.

State is replaced, never changed: a hook reads one snapshot, without a lock.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakKeyDictionary

from hologram_core import Kernel, OpSpec, Refusal, Runtime, Signature
from hologram_core.catalogue import STANDARD

if TYPE_CHECKING:
    from .index import AnyLibrary
    from .loader import KernelLoader

Key: TypeAlias = tuple[str, str]
Entry: TypeAlias = "tuple[AnyLibrary, Kernel]"


class Snapshot:
    """What is offered at one time. (No dataclass: making one takes a millisecond of every process's start.)"""

    def __init__(self, libraries: tuple[AnyLibrary, ...] = (), known: Mapping[str, Signature] | None = None) -> None:
        self.libraries = libraries  #: oldest first, each content once
        self.known = known or {}  #: ops that other providers have defined

    @cached_property
    def defining(self) -> Mapping[str, OpSpec]:
        """The ops that these libraries define, as the first of a new name has it."""
        first: dict[str, OpSpec] = {}
        for library in self.libraries:
            for name, spec in library.ops.items():
                if name not in STANDARD and name not in self.known:
                    first.setdefault(name, spec)
        return first

    @cached_property
    def index(self) -> Mapping[Key, list[Entry]]:
        """The rows by op and dtype, newest first, those with the signature of the op before the others."""
        index: dict[Key, list[Entry]] = {}
        for library in reversed(self.libraries):
            for row in library.rows:
                index.setdefault((row.op, row.dtype), []).append((library, row))
        for entries in index.values():
            if len(entries) > 1:
                entries.sort(key=lambda entry: not self.fits(entry[1]))  # stable
        return index

    def fits(self, row: Kernel) -> bool:
        """Whether a row has the signature of its op."""
        return row.signature == self.signature(row.op)

    def signature(self, op: str) -> Signature | None:
        """The signature that kernels of an op must have."""
        if op in STANDARD:
            return STANDARD[op].kernel_signature if STANDARD[op].kernel_op == op else None
        if op in self.known:
            return self.known[op]
        return self.defining[op].signature if op in self.defining else None

    def provide(self, op: str, dtype: str, n: int) -> Kernel | Refusal | None:
        """Answer one request."""
        entries = self.index.get((op, dtype))
        if entries is None:
            return None
        rows = [row for _, row in entries if self.fits(row)] or [row for _, row in entries]
        ranges = ", ".join(f"{row.min_n} to {row.max_n}" for row in rows)
        return next((row for row in rows if row.serves(n)), Refusal(f"the loaded kernels serve n from {ranges}"))

    def notes(self, library: AnyLibrary) -> list[str]:
        """What there is to say about a library that is loaded now: what it does not serve, what it takes over."""
        lines = []
        for row in library.rows:
            if not self.fits(row):
                lines.append(
                    f"{row.op!r} of {library}: its signature is {row.signature}, that of the op is "
                    f"{self.signature(row.op) or 'another'}; it is called through get_kernel() only"
                )
                continue
            fitting = [other for other, its in self.index[row.op, row.dtype] if self.fits(its)]
            if fitting[0] is library and fitting[-1] is not library:
                older = next(other for other in fitting if other is not library)
                lines.append(f"{row.op!r} for {row.dtype} is now served by {library}, no longer by {older}")
        return lines


class Offers:
    """The kernels that loaders have given to one runtime."""

    def __init__(self) -> None:
        self.snapshot = Snapshot()
        self.attached = False  #: whether the runtime asks: its provider has been made
        self.started = False  #: whether the start-up folders have been loaded
        self.starting = threading.Lock()
        self.own: KernelLoader | None = None  #: the runtime's own loader, which loader.own_loader() makes
        self._held: list[tuple[object, AnyLibrary]] = []  #: with whose they are, oldest first
        self._lock = threading.Lock()

    def hold(self, owner: object, libraries: Sequence[AnyLibrary], known: Mapping[str, Signature]) -> Snapshot:
        """Replace what an owner has loaded; return what is offered from now on."""
        with self._lock:
            kept = [pair for pair in self._held if pair[0] is not owner or _holds(libraries, pair[1])]
            before = [library for whose, library in kept if whose is owner]
            self._held = kept + [(owner, library) for library in libraries if not _holds(before, library)]
            latest = {library.hash: library for _, library in self._held}
            order = tuple(library for _, library in self._held if latest[library.hash] is library)
            self.snapshot = Snapshot(order, {**self.snapshot.known, **known})
            return self.snapshot


def _holds(libraries: Sequence[AnyLibrary], library: AnyLibrary) -> bool:
    return any(other is library for other in libraries)


_offers: WeakKeyDictionary[Runtime, Offers] = WeakKeyDictionary()
_lock = threading.Lock()


def offers_of(runtime: Runtime) -> Offers:
    """Return the offers of a runtime, the same object each time."""
    with _lock:
        return _offers.setdefault(runtime, Offers())
