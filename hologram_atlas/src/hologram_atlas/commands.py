"""`hologram build`, `watch`, `new`, `pack`, `bundle`: parse arguments, call a function that returns values, print."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from hologram_core.printing import source_errors
from hologram_dynamic.index import refresh_index
from hologram_dynamic.pack import FOLDER

from . import build as building
from .build import BuildReport, Built, c_text, find_sources
from .compiler import lower, read, to_json
from .errors import CompileError
from .toolchain import LEVELS, find_compiler

EMITTED = ("ir", "json", "c", "asm")


def add_commands(cli: Any) -> None:
    """Add the sub-commands to the group `hologram`."""
    for command in (build, watch, new, pack, bundle):
        cli.add_command(command)


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
    """Build kernels in Python, JSON or C into native libraries.

    SOURCES are files, or folders of them. Only what has changed is built.
    """
    if emit:
        _emit(sources, output, emit, levels, unchecked=unchecked)
        return
    if output is None:
        raise click.UsageError("say where to: -o DIR")
    files = find_sources(sources)
    with _progress(len(files)) as step:
        report = building.build_libraries(
            files, output, levels=levels or None, unchecked=unchecked, jobs=jobs, progress=step
        )
    refresh_index(output)
    _print_report(report, verbose=verbose)


@click.command()
@click.argument("name", type=click.Path(path_type=Path))
def new(name: Path) -> None:
    """Begin a project of kernels.

    It is a folder NAME with a package, two kernels, their tests and a README.
    """
    from .project import new_project  # here, as below: most runs are of another command

    folder = new_project(name)
    (kernels,) = folder.glob("src/*/kernels")
    click.echo(f"{folder}: kernels go to {kernels}; hologram pack {folder} builds its wheel")


@click.command()
@click.argument("folder", default=".", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Where to; FOLDER/dist if left out.")
def pack(folder: Path, output: Path | None) -> None:
    """Build the wheel and the sdist of a project of kernels.

    The project is in FOLDER, or here.
    """
    from .project import build_project

    with source_errors(CompileError):
        for made in build_project(folder, output):
            click.echo(made)


@click.command()
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The folder of the bundle.")
@click.option("-k", "--kernel", "kernels", multiple=True, help="Only this kernel; may be given several times.")
@click.option("--level", "levels", multiple=True, type=click.Choice(list(LEVELS)), help="Only these levels.")
def bundle(sources: Sequence[Path], output: Path, kernels: Sequence[str], levels: Sequence[str]) -> None:
    """Gather kernels into one folder with a manifest, for release.

    SOURCES are kernels in Python, JSON or C, libraries that are built already, and folders of either. What
    the folder needs to run is hologram-dynamic: hologram_core.load_kernels(FOLDER).
    """
    from .packs import build_pack

    with source_errors(CompileError), _progress(None) as step:
        report = build_pack(sources, output, kernels=kernels or None, levels=levels or None, progress=step)
    if kernels:  # what has none of them is of no interest
        report = BuildReport(tuple(built for built in report.results if built.library or built.error))
    _print_report(report, verbose=True)


@contextmanager
def _progress(total: int | None) -> Iterator[Callable[[Built], object]]:
    """A bar on a terminal; what it yields is called after each source."""
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("building", total=total)
        yield lambda built: bar.advance(task)


def _print_report(report: BuildReport, *, verbose: bool) -> None:
    for built in report.results:
        _print(built, verbose=verbose)
    if report.errors:
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The folder of the libraries; SOURCE/_kernels.")
@click.option("--unchecked", is_flag=True, help="Leave all checks of indices out: out of bounds is then undefined.")
@click.option("--level", "levels", multiple=True, type=click.Choice(list(LEVELS)), help="These, not this machine's.")
def watch(sources: Sequence[Path], output: Path | None, unchecked: bool, levels: Sequence[str]) -> None:
    """Build kernels again whenever their files change, until Ctrl-C.

    SOURCES are files and folders of kernels. A process uses them from then on that follows the folder of the
    libraries: hologram_dynamic.KernelLoader().watch(FOLDER).
    """
    from .watch import WatchReport, watch_sources  # here: most runs are of another command

    first = sources[0]
    folder = output or (first if first.is_dir() else first.parent) / FOLDER

    def show(report: WatchReport) -> None:
        for built in report.built:
            _print(built, verbose=False)
        for source in report.gone:
            click.echo(f"{source}: its kernels are taken out")

    with watch_sources(sources, folder, levels=levels or None, unchecked=unchecked, on_report=show) as following:
        click.echo(f"watching, Ctrl-C ends it; in Python: KernelLoader().watch({str(folder.absolute())!r})")
        with suppress(KeyboardInterrupt):
            following.wait()


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
    with source_errors(CompileError):
        if stage == "json":
            text = to_json([kernel for file in files for kernel in read(file)])
        else:
            text = "\n".join(map(show[stage], files))
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
