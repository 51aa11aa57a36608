"""Watching sources: kernels are compiled anew when their files change, and used at once.

In go source files and folders; out come a library for each, again after every change, in a folder for others
to follow or loaded into this process. Refused, with the words of the compiler on stderr or a report: what does
not compile, whose last good version stays; CompileError at the start for sources that are not there.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hologram_core import LibraryError
from hologram_core.settings import Settings
from hologram_dynamic import KernelLoader, LoadReport, default_loader
from hologram_dynamic.watch import Watch, swap

from .build import Built, build_libraries, find_sources, remove_library, stable_path
from .errors import CompileError

EXTRA = "hologram-atlas[watch]"


@dataclass(frozen=True)
class WatchReport:
    """What came of a change of sources."""

    built: tuple[Built, ...] = ()  #: the sources that are new or changed, with what is wrong with them
    gone: tuple[Path, ...] = ()  #: those that were deleted, and whose kernels were taken out
    loaded: LoadReport = field(default_factory=LoadReport)  #: what this process has loaded of it

    @property
    def errors(self) -> dict[Path, Exception]:
        """What is wrong, by source."""
        return {built.source: built.error for built in self.built if built.error is not None}


def watch_sources(
    sources: Iterable[str | os.PathLike[str]],
    output: str | os.PathLike[str] | None = None,
    *,
    loader: KernelLoader | None = None,
    levels: Sequence[str] | None = None,
    unchecked: bool = False,
    on_report: Callable[[WatchReport], object] | None = None,
) -> Watch:
    """Compile sources, files or folders, and compile them again when they change, until the Watch is stopped.

    With `output` the libraries go to that folder, for KernelLoader.watch() of other processes; without it they
    are loaded by `loader`, or the default runtime's own one. Levels are that of this machine alone if none are
    given. The kernels of a source that is deleted are taken out; a source that does not compile, or has none any
    more, keeps those that it had. Reports go to `on_report`, in the thread that watches; without it, errors go to
    stderr. Raises CompileError for sources that are not there, HologramError without the package watchfiles.
    """
    paths = [Path(source).absolute() for source in ([sources] if isinstance(sources, (str, os.PathLike)) else sources)]
    find_sources(paths)  # raises
    folder = Path(tempfile.mkdtemp(prefix="hologram-") if output is None else output)
    if output is None and loader is None:
        loader = default_loader()
    levels = levels or Settings.from_environment().levels[-1:]
    followed = _Sources(paths, folder, loader, levels, unchecked, on_report or print_errors)

    def clean_up() -> None:
        if output is None:
            shutil.rmtree(folder, ignore_errors=True)

    try:
        return Watch(followed.folders(), followed.files, followed.act, followed.complain, extra=EXTRA, on_stop=clean_up)
    except BaseException:
        clean_up()
        raise


@dataclass(frozen=True)
class _Sources:
    """Sources, the folder of their libraries, and maybe a loader of these."""

    paths: Sequence[Path]
    folder: Path
    loader: KernelLoader | None
    levels: Sequence[str]
    unchecked: bool
    on_report: Callable[[WatchReport], object]

    def folders(self) -> list[Path]:
        """What has to be watched: a file that is saved may be another file under its name."""
        return list(dict.fromkeys(path if path.is_dir() else path.parent for path in self.paths))

    def files(self) -> list[Path]:
        """The sources there are now. Raises CompileError for two of one name."""
        return find_sources(path for path in self.paths if path.exists())

    def act(self, changed: Sequence[Path], gone: Sequence[Path]) -> Mapping[Path, Exception]:
        """Compile what has changed, take out what is gone; return what is wrong with the sources."""
        built = self._build([path for path in changed if path.exists()])
        for source in gone:
            remove_library(source, self.folder)
        report = WatchReport(built, tuple(gone), self._load(built, gone))
        self.on_report(report)
        return report.errors

    def _build(self, sources: Sequence[Path]) -> tuple[Built, ...]:
        try:
            return build_libraries(sources, self.folder, levels=self.levels, unchecked=self.unchecked).results
        except CompileError as error:  # no compiler, no folder
            return tuple(Built(source, error=error) for source in sources)

    def _load(self, built: Iterable[Built], gone: Iterable[Path]) -> LoadReport:
        if self.loader is None:
            return LoadReport()
        changed = [stable_path(result.source, self.folder) for result in built if result.library is not None]
        return swap(self.loader, changed, [stable_path(source, self.folder) for source in gone])

    def complain(self, place: Path, error: Exception) -> None:
        """Report that the sources cannot be told from each other."""
        wrong = error if isinstance(error, CompileError) else CompileError(str(error), file=str(place))
        self.on_report(WatchReport((Built(place, error=wrong),)))


def print_errors(report: WatchReport) -> None:
    """Write to stderr what is wrong with sources, as a compiler does, and with their libraries."""
    for error in (*report.errors.values(), *(LibraryError(skipped.reason) for skipped in report.loaded.skipped)):
        print(error, file=sys.stderr, flush=True)
