"""Print values on a terminal or into a pipe, in one voice: for the commands of every package.

In go rows, plain data and sentences; out they come on stdout. On a terminal what is too long continues below its own
beginning; in a pipe every row and every sentence is one line, without colour.
"""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from .rows import AnyRow, Rows, aligned

#: the option of every command that prints a list
as_json = click.option("--json", "as_json", is_flag=True, help="Print plain data.")


def print_json(data: Any) -> None:
    """Print plain data."""
    click.echo(json.dumps(data, indent=2))


def print_rows(rows: Rows[AnyRow], right: Collection[int] = ()) -> None:
    """Print a table of rows and what they have to say besides, or "none"; `right` is print_table's."""
    if rows:
        print_table(rows[0].HEADINGS, [row.cells() for row in rows], right)
    else:
        click.echo("none")
    for note in rows.notes():
        print_sentence(f"!  {note}", hang=3, style="bold red")


def print_table(headings: Sequence[str], lines: Sequence[Sequence[str]], right: Collection[int] = ()) -> None:
    """Print lines of cells below their headings; the columns at the positions `right` end at one edge."""
    console = _console()
    if not console.is_terminal:
        click.echo("\n".join(aligned([headings, *lines], right)))
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for i, heading in enumerate(headings):
        table.add_column(heading, overflow="fold", justify="right" if i in right else "left")
    for line in lines:
        table.add_row(*map(Text, line))
    console.print(table)


def print_sentence(text: str, *, hang: int = 0, style: str = "") -> None:
    """Print one line, its first word in a style; on a terminal what is too long continues so many columns in."""
    console = _console()
    first = len(text) - len(text.lstrip())
    styled = Text()
    if console.is_terminal:
        lines = textwrap.wrap(
            text, console.width, subsequent_indent=" " * hang, break_long_words=False, break_on_hyphens=False
        )
        text = "\n".join(lines)
    styled.append(text)
    styled.stylize(style, first, first + len(text.split(maxsplit=1)[0]) if text.strip() else 0)
    console.print(styled, soft_wrap=True)


def _console() -> Console:
    return Console(highlight=False, color_system=None if os.environ.get("NO_COLOR") else "auto")


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], object]]:
    """A bar on a terminal; what it yields is called with how many are done, of how many."""
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True, auto_refresh=False) as bar:
        task = bar.add_task(what, total=None)  # without a thread, which would disturb what is timed
        yield lambda done, total: bar.update(task, completed=done, total=total, refresh=True)
