"""The default runtime, made from the environment on first use, and its methods as functions."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from ._native import BoundKernel, Op
from .dispatch import Explanation
from .runtime import Runtime

if TYPE_CHECKING:
    from .rows import KernelRow, ProviderRow, Rows
    from .statistics import Stats

_runtime: Runtime | None = None
_lock = threading.Lock()


def default_runtime() -> Runtime:
    """Return the runtime behind hologram_core.ops. Raises SettingsError for bad HOLOGRAM_* variables."""
    global _runtime
    if _runtime is None:
        with _lock:
            if _runtime is None:
                _runtime = Runtime()
    return _runtime


def op(name: str) -> Op:
    """Return the Op behind hologram_core.ops[name]: signature, documentation, slots; see Runtime.op."""
    return default_runtime().op(name)


def get_kernel(name: str, dtype: object, n: int, *, provider: str | None = None) -> BoundKernel:
    """Return the kernel that serves (name, dtype, n); see Runtime.get_kernel."""
    return default_runtime().get_kernel(name, dtype, n, provider=provider)


def explain(name: str, dtype: object, n: int) -> Explanation:
    """Return which kernel serves (name, dtype, n) and why; see Runtime.explain."""
    return default_runtime().explain(name, dtype, n)


def list_kernels(*, op: str | None = None, dtype: object = None, provider: str | None = None) -> Rows[KernelRow]:
    """Return every declared kernel; see Runtime.list_kernels."""
    return default_runtime().list_kernels(op=op, dtype=dtype, provider=provider)


def providers() -> Rows[ProviderRow]:
    """Return every provider with its hooks and failures; see Runtime.providers."""
    return default_runtime().providers()


def stats() -> Stats:
    """Return what the default runtime did besides calling kernels; see Runtime.stats."""
    return default_runtime().stats()


def register(plugin: object, name: str | None = None) -> str:
    """Add a provider to the default runtime; see Runtime.register."""
    return default_runtime().register(plugin, name)


def unregister(name: str) -> None:
    """Remove a provider from the default runtime; see Runtime.unregister."""
    default_runtime().unregister(name)


def load_kernels(path: str | os.PathLike[str]) -> object:
    """Load native kernel libraries into the default runtime; see Runtime.load_kernels."""
    return default_runtime().load_kernels(path)


def get_include() -> str:
    """Return the folder to put on a C compiler's include path for hologram/kernel.h and hologram/vmath.h."""
    return os.path.join(os.path.dirname(__file__), "include")
