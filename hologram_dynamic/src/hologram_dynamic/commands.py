"""`hologram inspect`: parse arguments, call a function that returns values, print."""

from __future__ import annotations

from typing import Any

import click

from hologram_core.printing import as_json, print_json

from .inspection import describe_library, inspect_library
from .named import open_named


def add_commands(cli: Any) -> None:
    """Add the sub-commands to the group `hologram`."""
    cli.add_command(inspect)


@click.command()
@click.argument("target")
@as_json
def inspect(target: str, as_json: bool) -> None:
    """Tell what is in a kernel library or a pack.

    TARGET is a library, a folder of them, or an installed pack. Of each library its hash, source, compiler and flags;
    of each kernel how it is called, its signature and levels, and whether each access is proved to be inside its array,
    or checked.
    """
    facts = [inspect_library(library) for library in open_named(target)]
    if as_json:
        print_json(facts)
    else:
        click.echo("\n\n".join(map(describe_library, facts)) or "none")
