"""The plugin of hologram-atlas: sub-commands of `hologram`, and what its doctor asks.

Kernels reach the runtime through hologram-dynamic.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hologram_core import hookimpl

if TYPE_CHECKING:
    from hologram_core.doctor import Finding


@hookimpl
def register_commands(cli: object) -> None:
    """Add `hologram build`, `new`, `pack` and `bundle`."""
    from .commands import add_commands  # here, since few processes run the command

    add_commands(cli)


@hookimpl
def diagnose() -> Iterable[Finding]:
    """Tell of the C compiler and the cache."""
    from .examine import findings

    return findings()
