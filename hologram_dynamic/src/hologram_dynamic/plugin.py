"""The provider of kernels from libraries: what lies in the start-up folders, and what loaders load.

A runtime makes one for itself. It is asked through the same hooks as every provider, and opens the
start-up folders when it is first asked. Refused, as the hooks have it: an n that no kernel serves.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from hologram_core import Kernel, OpSpec, Refusal, Runtime, hookimpl

from .offers import Snapshot, offers_of
from .startup import start

if TYPE_CHECKING:
    from hologram_core.doctor import Finding
    from hologram_core.testing import Source

    from .loader import LoadReport


class DynamicProvider:
    """The kernels of libraries, for one runtime."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        offers_of(runtime).attached = True

    @property
    def _snapshot(self) -> Snapshot:
        return start(self._runtime).snapshot

    @hookimpl
    def provide_kernel(self, name: str, dtype: str, n: int) -> Kernel | Refusal | None:
        """Return the kernel that was loaded last, or why none serves n."""
        return self._snapshot.provide(name, dtype, n)

    @hookimpl
    def declare_kernels(self) -> Iterable[Kernel]:
        """All loaded kernels, the newest first, also those that are hidden by another or fit no op."""
        return [row for library in reversed(self._snapshot.libraries) for row in library.rows]

    @hookimpl
    def declare_ops(self) -> Iterable[OpSpec]:
        """The ops that loaded kernels define."""
        return self._snapshot.defining.values()

    @hookimpl
    def diagnose(self) -> Iterable[Finding]:
        """Tell of the start-up folders, and of libraries in them that cannot be used."""
        from .examine import findings

        return findings(self._runtime)

    @hookimpl
    def register_commands(self, cli: object) -> None:
        """Add `hologram inspect`."""
        from .commands import add_commands  # here, since few processes run the command

        add_commands(cli)

    def load_kernels(self, runtime: Runtime, path: str | os.PathLike[str]) -> LoadReport:
        """Load a folder or a library into the runtime, for good; Runtime.load_kernels() calls this."""
        from .loader import own_loader

        loader = own_loader(runtime)
        return loader.load_from_directory(path) if os.path.isdir(path) else loader.load_library(path)

    def find_sources(self, path: str | os.PathLike[str]) -> list[Source]:
        """Return the libraries of a file or folder, to be checked; hologram_core.testing.check() calls this."""
        from .subjects import find_sources

        return find_sources(path)
