"""docs/cli.md from the help texts of `hologram`; `make pages` writes it, and a test compares.

In go the commands of the installed distributions; out comes a section for each.
"""

from collections.abc import Iterator
from pathlib import Path

import click

from hologram_core.cli import hologram

PATH = Path(__file__).resolve().parents[1] / "cli.md"
WIDTH = 80
HEAD = """# Commands

<!-- Written by make pages; do not edit. -->

`hologram` comes with `hologram-core[cli]`; without it, it says how to get it. Other distributions add commands:
`build`, `watch`, `new`, `pack` and `bundle` are those of `hologram-atlas`, `inspect` that of `hologram-dynamic`,
`circuit` that of `hologram-sigmatics`.

- What a command prints goes to stdout, all else to stderr. Lists have `--json`. On a terminal lines are folded at its
  width, in a pipe they are whole; `NO_COLOR=1` keeps colours away.
- An error is one line. The exit status is 1 for an error (`doctor`: if anything fails) and 2 for misuse of the command
  line. `--debug`, anywhere, shows the traceback.
- [Variables](environment.md) are honoured: `HOLOGRAM_ISA=avx2 hologram explain sigmoid f32 8`.

Names of commands, ops, dtypes and providers are completed by the shell, once it is told:

| shell | line for its start-up file |
|---|---|
| bash | `eval "$(_HOLOGRAM_COMPLETE=bash_source hologram)"` |
| zsh | `eval "$(_HOLOGRAM_COMPLETE=zsh_source hologram)"` |
| fish | `_HOLOGRAM_COMPLETE=fish_source hologram \\| source` |
"""


def commands(group: click.Group) -> Iterator[click.Context]:
    """The context of every command, that of the group itself first."""
    context = click.Context(group, info_name="hologram", terminal_width=WIDTH, **group.context_settings)
    yield context
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield click.Context(command, info_name=name, parent=context, terminal_width=WIDTH)


def page() -> str:
    """Return the text of docs/cli.md."""
    return HEAD + "".join(map(section, commands(hologram)))


def section(context: click.Context) -> str:
    help_text = "\n".join(line.rstrip() for line in context.get_help().splitlines())
    return f"\n## {context.command_path}\n\n```text\n{help_text}\n```\n"
