"""The plugin of hologram-sigmatics. It imports nothing of the language, since every process imports it."""

from __future__ import annotations

from hologram_core import hookimpl


@hookimpl
def register_commands(cli: object) -> None:
    """Add `hologram circuit`."""
    from .commands import add_commands  # here, since few processes run the command

    add_commands(cli)
