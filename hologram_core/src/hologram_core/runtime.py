"""Runtime: providers, rules and ops of one world; the default runtime is made on first use.

A Runtime owns its Op objects and what they remember. Whatever changes the world (a provider that
comes or goes, a priority, a pin) raises its generation and empties every table; a call in flight
finishes on the kernel it began with.
"""

from __future__ import annotations

import operator
import os
import sys
import threading
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from . import dtypes
from ._native import BoundKernel, Op
from .bound import OnSlow, bind
from .catalogue import STANDARD, OpSpec
from .dispatch import Explanation, Rules, resolve
from .errors import HologramError, UnknownKernelError, UnknownOpError
from .kernel import MAX_N
from .plugins import ProviderSet
from .provider import Provider
from .ranking import Offer
from .settings import Settings

if TYPE_CHECKING:
    from ._native import OpFunction
    from .rows import KernelRow, ProviderRow, Rows
    from .statistics import Stats


MAX_BOUND = 1000  #: how many bound kernels are kept, so that get_kernel() gives the same object again


class Ops:
    """The ops of a runtime by name: ops.sigmoid, or ops["my.op"] for what is no identifier.

    Each is a builtin function, which CPython calls quicker than any other object; its __self__ is
    the Op, with signature, documentation and what is remembered.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def __getattr__(self, name: str) -> OpFunction:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._runtime.keep_function(name, self.__dict__)

    def __getitem__(self, name: str) -> OpFunction:
        return self._runtime.op(name).function

    def __contains__(self, name: str) -> bool:
        return name in self._runtime.op_names()

    def __dir__(self) -> list[str]:
        return self._runtime.op_names()


class Runtime:
    """Providers, rules and ops of one world, apart from every other Runtime.

    Every parameter stands for the variable HOLOGRAM_<NAME> and wins over it; `threads` is
    HOLOGRAM_NUM_THREADS. Providers are found and imported at the first request. All methods may be
    called from any thread. Raises SettingsError for values that mean nothing.
    """

    def __init__(
        self,
        *,
        providers: Iterable[str] | None = None,
        disable: Iterable[str] | None = None,
        priority: Mapping[str, int] | None = None,
        isa: str | None = None,
        threads: int | None = None,
        kernel_path: Iterable[str | os.PathLike[str]] | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        strict: bool | None = None,
        log: str | None = None,
    ) -> None:
        self.settings = Settings.from_environment().with_parameters(
            providers=providers,
            disable=disable,
            priority=priority,
            isa=isa,
            num_threads=threads,
            kernel_path=None if kernel_path is None else tuple(os.fspath(item) for item in kernel_path),
            cache_dir=None if cache_dir is None else os.fspath(cache_dir),
            strict=strict,
            log=log,
        )
        from .counters import Counters  # here: a runtime is made at the first use, not at import

        self.ops = Ops(self)
        self._counters = Counters()
        self._lock = threading.RLock()
        self._providers = ProviderSet(self, self._is_wanted, strict=self.settings.strict)
        self._specs: dict[str, OpSpec] = dict(STANDARD)
        self._added_declared = self._added_implied = False
        self._ops: dict[str, Op] = {}
        self._made: list[Op] = []  # every Op there ever was: users may hold one whose name means another by now
        self._bound: dict[tuple[str, Offer], BoundKernel] = {}
        self._kept: list[tuple[dict[str, object], str]] = []  # attributes that go with the next change
        self._generation = 0
        self._rules = Rules(self.settings.levels, dict(self.settings.priority or {}), {})

    # ---- providers -------------------------------------------------------------------------------

    def _is_wanted(self, provider: str) -> bool:
        allowed = self.settings.providers
        names = {provider, provider.partition(":")[0]}
        return (allowed is None or bool(names & set(allowed))) and not names & set(self.settings.disable)

    def providers(self) -> Rows[ProviderRow]:
        """Return every provider of this runtime with its hooks and failures, by name."""
        from .rows import Rows, provider_row  # here, as below: a listing is rare and import time is not

        return Rows(provider_row(provider, self._rules) for provider in self._listed())

    def _listed(self) -> list[Provider]:
        with self._lock:
            return list(self._providers)

    def register(self, plugin: object, name: str | None = None) -> str:
        """Add a provider (a module, an object, or a class of which this runtime makes one) and return its name.

        Raises ValueError if the name is taken, PluginError under strict if the plugin is unfit.
        """
        with self._lock:
            name = name or str(getattr(plugin, "__name__", type(plugin).__name__))
            self._providers.add(plugin, name)
            self._change(f"provider {name} is registered")
            return name

    def unregister(self, name: str) -> None:
        """Remove a provider. Raises LookupError if there is none of that name."""
        with self._lock:
            self._providers.remove(name)
            self._change(f"provider {name} is removed")

    def refresh(self, name: str | None = None) -> None:
        """Forget what was declared and decided, for a provider whose kernels have changed, or for all."""
        with self._lock:
            for provider in self._listed():
                if name in (None, provider.name):
                    provider.forget()
                    self._counters.reloaded(provider.name)
            self._change(f"kernels of {name or 'all providers'} have changed")

    def set_priority(self, provider: str, priority: int | None) -> None:
        """Give a provider another priority; None goes back to what its kernels state. Raises TypeError."""
        if not isinstance(priority, (int, type(None))):
            raise TypeError(f"set_priority() argument 'priority': expected a whole number or None, got {priority!r}")
        with self._lock:
            priorities = {key: value for key, value in self._rules.priority.items() if key != provider}
            if priority is not None:
                priorities[provider] = priority
            self._rules = replace(self._rules, priority=priorities)
            self._change(f"priority of {provider} is {'as stated' if priority is None else priority}")

    def pin(self, op: str, provider: str | None) -> None:
        """Prefer one provider for one op, before all priorities; None takes the pin out.

        Raises UnknownOpError for an op and LookupError for a provider that does not exist.
        """
        with self._lock:
            self._spec(op)
            names = self._providers.names()
            if provider is not None and provider not in names:
                raise LookupError(f"pin(): no provider {provider!r}; there are {', '.join(names) or 'none'}")
            pins = {key: value for key, value in self._rules.pins.items() if key != op}
            if provider is not None:
                pins[op] = provider
            self._rules = replace(self._rules, pins=pins)
            self._change(f"op {op} is pinned to {provider or 'nobody'}")

    def load_kernels(self, path: str | os.PathLike[str]) -> object:
        """Load a folder or library of native kernels through the provider that can.

        Raises HologramError where no provider of this runtime loads libraries.
        """
        for provider in self._listed():
            load = getattr(provider.plugin, "load_kernels", None)
            if callable(load):
                return load(self, os.fspath(path))
        raise HologramError(
            f"load_kernels({os.fspath(path)!r}): no provider loads kernel libraries; pip install hologram-dynamic"
        )

    def _change(self, what: str) -> None:
        """The world has changed: nothing that was decided before holds."""
        self.log("info", what)
        self._generation += 1
        self._bound.clear()
        for namespace, name in self._kept:
            namespace.pop(name, None)
        self._kept.clear()
        self._specs = dict(STANDARD)
        self._added_declared = self._added_implied = False
        self._ops = {name: op for name, op in self._ops.items() if name in STANDARD}
        for op in self._made:
            op.forget(self._generation)

    # ---- ops -------------------------------------------------------------------------------------

    def op_names(self) -> list[str]:
        """Return the names of all ops, sorted."""
        with self._lock:
            self._add_specs()
            return sorted(self._specs)

    def op(self, name: str) -> Op:
        """Return the Op of a name, always the same object. Raises UnknownOpError."""
        op = self._ops.get(name)
        if op is not None:
            return op
        with self._lock:
            if name not in self._ops:
                self._ops[name] = self._make_op(self._spec(name))
            return self._ops[name]

    def keep_function(self, name: str, namespace: dict[str, object]) -> OpFunction:
        """Return the builtin function of an op, and keep it in a namespace for as long as the name means it.

        Raises UnknownOpError.
        """
        with self._lock:
            function = self.op(name).function
            namespace[name] = function
            if name not in STANDARD:  # which may go with its provider
                self._kept.append((namespace, name))
            return function

    def _make_op(self, spec: OpSpec) -> Op:
        """The Op of a spec: the one there was, if the providers have changed but not what the op is."""
        for op in self._made:
            if op.name == spec.name and op.signature == spec.signature and op.parameters == spec.parameters:
                return op
        op = Op(spec, spec.signature.layout(spec.dtype), self._generation, self._fill, self._on_slow(spec))
        self._made.append(op)
        return op

    def _on_slow(self, spec: OpSpec) -> OnSlow:
        return partial(self._counters.call_slow, spec)

    def _spec(self, name: str) -> OpSpec:
        spec = self._specs.get(name)
        if spec is None:
            with self._lock:
                self._add_declared()  # which may do, and a look at all kernels takes longer
                spec = self._specs.get(name)
                if spec is None:
                    self._add_specs()
                    spec = self._specs.get(name)
        if spec is None:
            import difflib  # here, since only a mistake needs it

            closest = difflib.get_close_matches(str(name), self._specs, n=3)
            asked = self._providers.names()
            raise UnknownOpError(str(name), closest=closest, asked=asked)
        return spec

    def _add_specs(self) -> None:
        """Add the ops that providers declare, and those their declared kernels imply."""
        self._add_declared()
        if self._added_implied:
            return
        self._added_implied = True
        for provider in self._listed():
            for kernel in provider.declared_kernels():
                if kernel.op not in self._specs:
                    names = tuple(f"arg{i}" for i in range(len(kernel.signature.inputs)))
                    self._specs[kernel.op] = OpSpec(kernel.op, kernel.signature, names, kernel.doc)

    def _add_declared(self) -> None:
        """Add the ops that providers declare."""
        if self._added_declared:
            return
        self._added_declared = True
        for provider in self._listed():
            for spec in provider.declared_ops():
                self._add_spec(spec, provider)

    def _add_spec(self, spec: OpSpec, provider: Provider) -> None:
        known = self._specs.get(spec.name)
        if known is None:
            self._specs[spec.name] = spec
        elif known.signature != spec.signature:
            provider.fail(
                "declare_ops", f"op {spec.name!r} is known with signature {known.signature}, not {spec.signature}"
            )

    # ---- kernels ---------------------------------------------------------------------------------

    def explain(self, name: str, dtype: object, n: int) -> Explanation:
        """Return which kernel serves (op, dtype, n), every candidate, and why the others do not.

        Raises UnknownOpError, TypeError for a dtype that does not exist, ValueError for n < 0.
        """
        spec, dtype_name, n = self._request("explain", name, dtype, n)
        explanation = self._resolve(spec, dtype_name, n)
        return replace(explanation, advice=tuple(self._advice(explanation)))

    def _advice(self, explanation: Explanation) -> list[str]:
        from .advice import advise  # here, since a call that finds its kernel needs none

        spec = self._spec(explanation.op)
        return advise(explanation, spec, self._listed(), self._rules.pins.get(spec.name))

    def _request(self, function: str, name: str, dtype: object, n: int) -> tuple[OpSpec, str, int]:
        """Check what a caller asks about."""
        spec, dtype_name = self._spec(name), dtypes.name(dtype)
        if spec.dtype not in (None, dtype_name):
            raise TypeError(f"{function}() argument 'dtype': op {name!r} is for {spec.dtype} alone, got {dtype_name}")
        if not hasattr(n, "__index__"):
            raise TypeError(f"{function}() argument 'n': expected a number of elements, got {n!r}")
        n = operator.index(n)
        if not 0 <= n <= MAX_N:
            raise ValueError(f"{function}() argument 'n': expected a number of elements, got {n}")
        return spec, dtype_name, n

    def _decide(self, spec: OpSpec, dtype: str, n: int, pinned: str | None = None) -> Explanation:
        """Resolve a request of somebody who will use the answer."""
        explanation = self._resolve(spec, dtype, n, pinned)
        self._counters.resolved(explanation)
        winner = explanation.winner
        self.log("debug" if winner is not None and winner.tier != "fallback" else "info", explanation)
        return explanation

    def _resolve(self, spec: OpSpec, dtype: str, n: int, pinned: str | None = None) -> Explanation:
        with self._lock:
            return resolve(spec, dtype, n, list(self._providers), self._rules, pinned)

    def get_kernel(self, name: str, dtype: object, n: int, *, provider: str | None = None) -> BoundKernel:
        """Return the kernel that serves (op, dtype, n), to be called as kernel(x, out=y).

        With `provider`, that provider's kernel whatever its rank. Raises UnknownKernelError.
        """
        with self._lock:
            spec, dtype_name, n = self._request("get_kernel", name, dtype, n)
            explanation = self._decide(spec, dtype_name, n, provider)
            winner = explanation.winner
            if winner is None or (provider is not None and winner.provider != provider):
                raise self._unknown_kernel(explanation, provider)
            return self._bind(spec, winner)

    def _unknown_kernel(self, explanation: Explanation, provider: str | None = None) -> UnknownKernelError:
        said = [
            f"{candidate.provider}: {candidate.reason}"
            for candidate in explanation.candidates
            if candidate.offer is None and provider in (None, candidate.provider)
        ]
        asked = explanation.asked if provider is None else (provider,)
        more = [] if provider is not None else self._advice(explanation)
        return UnknownKernelError(
            explanation.op,
            explanation.dtype,
            explanation.n,
            asked=asked,
            found=[*said, *explanation.problems],
            advice=more,
        )

    def _bind(self, spec: OpSpec, offer: Offer) -> BoundKernel:
        key = (spec.name, offer)
        bound = self._bound.get(key)
        if bound is None:
            bound = bind(spec, offer, self.settings.threads, on_slow=self._on_slow(spec))
            if len(self._bound) >= MAX_BOUND:  # a provider that makes a kernel for every request
                self._bound.clear()
            self._bound[key] = bound
        return bound

    def _fill(self, op: Op, dtype: int, n: int) -> BoundKernel:
        """Called by an Op that has no slot for n: decide, and let it remember."""
        with self._lock:
            generation = self._generation
            spec = op.spec
            self._counters.missed()
            explanation = self._decide(spec, dtypes.NAMES[dtype], n)
            winner = explanation.winner
            if winner is None:
                raise self._unknown_kernel(explanation)
            bound = self._bind(spec, winner)
            op.install(generation, dtype, *explanation.interval, bound)
            return bound

    def list_kernels(
        self, *, op: str | None = None, dtype: object = None, provider: str | None = None
    ) -> Rows[KernelRow]:
        """Return a row for every declared kernel, by op, dtype, then priority; op, dtype and provider filter."""
        from .rows import Rows, kernel_row

        wanted = None if dtype is None else dtypes.name(dtype)
        with self._lock:
            self._add_specs()
            rows = [
                kernel_row(kernel, self._specs[kernel.op], owner, self._rules)
                for owner in self._listed()
                for kernel in owner.declared_kernels()
                if op in (None, kernel.op) and wanted in (None, kernel.dtype) and provider in (None, owner.name)
            ]
        return Rows(sorted(rows, key=lambda row: (row.op, row.dtype, -row.priority, row.provider, row.min_n)))

    def stats(self) -> Stats:
        """Return how often providers were asked, what went to a fallback, which calls were slow and why, reloads."""
        return self._counters.stats()

    def register_commands(self, cli: object) -> None:
        """Let every provider add its sub-commands to the `hologram` command."""
        for provider in self._listed():
            provider.register_commands(cli)

    def log(self, level: str, message: object) -> None:
        """Write to the logger "hologram", if the settings ask for it or the program has logging."""
        if self.settings.log is not None or "logging" in sys.modules:
            from .log import write

            write(self.settings.log, level, message)
