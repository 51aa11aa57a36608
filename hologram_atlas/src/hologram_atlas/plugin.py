"""The plugin of hologram-atlas: sub-commands of `hologram`. Kernels reach the runtime through hologram-dynamic."""

from __future__ import annotations

from hologram_core import hookimpl


@hookimpl
def register_commands(cli: object) -> None:
    """Add `hologram build` and `watch`."""
    from .commands import add_commands  # here, since few processes run the command

    add_commands(cli)
