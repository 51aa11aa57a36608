"""`hologram build`: parse arguments, call a function that returns values, print."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from . import build as building
from .build import Built, c_text, find_sources
from .compiler import lower, read, to_json
from .errors import CompileError
from .toolchain import LEVELS, find_compiler

EMITTED = ("ir", "json", "c", "asm")


def add_commands(cli: Any) -> None:
    """Add the sub-commands to the group `hologram`."""
    cli.add_command(build)


@click.command()
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The folder of the libraries; for --emit a file.")
@click.option("--emit", type=click.Choice(EMITTED), help="Print a stage instead of building.")
@click.option("--unchecked", is_flag=True, help="Leave all checks of indices out: out of bounds is then undefined.")
@click.option("--level", "levels", multiple=True, type=click.Choice(list(LEVELS)), help="Only these levels.")
@click.option("-j", "--jobs", type=click.IntRange(min=1), help="How many files at once.")
@click.option("-v", "--verbose", is_flag=True, help="List the kernels of each file.")
def build(
    sources: Sequence[Path],
    output: Path | None,
    emit: str | None,
    unchecked: bool,
    levels: Sequence[str],
    jobs: int | None,
    verbose: bool,
) -> None:
    """Build kernels in Python or JSON into native libraries.

    SOURCES are files, or folders of them. Only what has changed is built.
    """
    if emit:
        _emit(sources, output, emit, levels, unchecked=unchecked)
        return
    if output is None:
        raise click.UsageError("say where to: -o DIR")
    files = find_sources(sources)
    with Progress(console=Console(stderr=True), disable=not Console(stderr=True).is_terminal) as bar:
        task = bar.add_task("building", total=len(files))
        report = building.build_libraries(
            files,
            output,
            levels=levels or None,
            unchecked=unchecked,
            jobs=jobs,
            progress=lambda built: bar.advance(task),
        )
    for built in report.results:
        _print(built, verbose=verbose)
    if report.errors:
        raise click.exceptions.Exit(1)


def _print(built: Built, *, verbose: bool) -> None:
    if built.error is not None:
        click.echo(str(built.error), err=True)
    elif built.library is None:
        click.echo(f"{built.source}: {built.note}")
    else:
        click.echo(f"{built.source} -> {built.library}{'' if built.is_new else ' (up to date)'}")
        if verbose:
            click.echo("".join(f"  {name}\n" for name in built.kernels), nl=False)


def _emit(sources: Sequence[Path], output: Path | None, stage: str, levels: Sequence[str], *, unchecked: bool) -> None:
    """Print a stage of all sources, or write it to the output."""
    show: dict[str, Callable[[Path], str]] = {
        "ir": lambda path: "\n".join(_lowered(path, unchecked=unchecked)),
        "c": lambda path: c_text(path, unchecked=unchecked)[0],
        "asm": lambda path: find_compiler().assembly(
            c_text(path, unchecked=unchecked)[0], levels[-1] if levels else list(LEVELS)[-1]
        ),
    }
    files = find_sources(sources)
    try:
        if stage == "json":
            text = to_json([kernel for file in files for kernel in read(file)])
        else:
            text = "\n".join(map(show[stage], files))
    except CompileError as error:  # as compilers say it, the file first
        click.echo(str(error), err=True)
        raise click.exceptions.Exit(1) from None
    if output is None:
        click.echo(text)
    else:
        output.write_text(text + "\n", encoding="utf-8")


def _lowered(path: Path, *, unchecked: bool) -> list[str]:
    """Each kernel as it is lowered: extent, signature, what is known of its accesses, and the typed tree."""
    texts = []
    for kernel in read(path):
        lowered = lower(kernel, unchecked=unchecked)
        texts.append(
            f"kernel {kernel.name}: {lowered.interface.signature} for {lowered.interface.dtype}\n"
            f"work items: {lowered.extent_text}\n{lowered.certificate}\n{lowered.kernel.tree()}\n"
        )
    return texts
