"""Watching: a folder of libraries, or any other files, followed in a thread of its own.

In go a way to list files and what to do about those that are new, changed or gone; out comes a Watch, which
does it until it is stopped. Refused with HologramError: to watch without the package watchfiles.

What watchfiles tells of is acted upon at once. A file that is gone or empty may be about to be written, so that
counts after GRACE only; after that time a change is seen too of which nobody has told.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias
from weakref import WeakSet

from hologram_core import HologramError, LibraryError

if TYPE_CHECKING:
    from .loader import KernelLoader, LoadReport

GRACE = 0.5  #: seconds that a difference lasts before it counts, where watchfiles has told of none
QUIET = 10  #: milliseconds without a change after which those before are acted upon
LONGEST = 200  #: milliseconds of changes after which they are acted upon anyway, and between looks without any
EXIT = 2.0  #: seconds that the end of the process waits for a watch

Act: TypeAlias = Callable[[Sequence[Path], Sequence[Path]], Mapping[Path, Exception]]


class Stamp(NamedTuple):
    """What changes with a file."""

    size: int
    modified: int
    changed: int
    file: int


class Watch:
    """Follows files from now on until stop(), the end of a `with`, or that of the process.

    list_files  says which files there are now; raises FileNotFoundError where their folder is not there.
    act         is given the files that are new or changed and those that are gone, and returns what is wrong
                with the former. It is called once before the constructor returns, then from the thread.
    complain    is told why files cannot be listed, once.

    Nobody needs to hold a watch to keep it going. A forked child has what was loaded, and follows nothing.
    """

    def __init__(
        self,
        folders: Iterable[str | os.PathLike[str]],
        list_files: Callable[[], Iterable[Path]],
        act: Act,
        complain: Callable[[Path, Exception], object],
        *,
        extra: str = "hologram-dynamic[watch]",
        on_stop: Callable[[], object] = lambda: None,
    ) -> None:
        self.folders = tuple(Path(folder).absolute() for folder in folders)
        self._list_files, self._act, self._complain, self._on_stop = list_files, act, complain, on_stop
        self._stamps: dict[Path, Stamp | None] = {}  # of what was acted upon
        self._since: dict[tuple[Path, Stamp | None], float] = {}  # of differences that wait
        self._errors: dict[Path, Exception] = {}
        self._stopping = threading.Event()
        self._follow = _import_watchfiles(extra)
        self._look(told=True)
        if listing := self._errors.get(self.folders[0]):
            raise listing
        self._thread = threading.Thread(target=self._run, name=f"hologram watch {self.folders[0]}", daemon=True)
        self._thread.start()
        _running.add(self)

    @property
    def errors(self) -> dict[Path, Exception]:
        """What is wrong now, by file: the last good version of each of these is still in use."""
        return dict(self._errors)

    @property
    def is_running(self) -> bool:
        """Whether changes are followed."""
        return self._thread.is_alive() and not self._stopping.is_set()

    def stop(self) -> None:
        """Follow no longer. What is being done is finished first; what is loaded stays loaded."""
        self._end(None)

    def wait(self) -> None:
        """Return when the watch has been stopped."""
        while self.is_running:
            self._stopping.wait(0.2)  # not longer: some systems deliver no interrupt meanwhile

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<Watch of {', '.join(map(str, self.folders))}{'' if self.is_running else ', stopped'}>"

    def _end(self, seconds: float | None) -> None:
        first = not self._stopping.is_set()
        self._stopping.set()
        if threading.current_thread() is not self._thread:
            self._thread.join(seconds)
        _running.discard(self)
        if first:
            self._on_stop()

    # ---- the thread ----

    def _run(self) -> None:
        while self._goes_on():
            with suppress(OSError, RuntimeError):  # a folder that is not there, or cannot be watched
                self._follow_folders()
            self._stopping.wait(LONGEST / 1000)
            self._look_safely(told=True)

    def _goes_on(self) -> bool:
        return not self._stopping.is_set() and threading.main_thread().is_alive()

    def _follow_folders(self) -> None:
        """Look whenever watchfiles tells of a change, and now and then, until a folder is another one."""
        which = [_identity(folder) for folder in self.folders]
        changes = self._follow(
            *self.folders,
            watch_filter=None,
            debounce=LONGEST,
            step=QUIET,
            stop_event=self._stopping,
            rust_timeout=LONGEST,
            yield_on_timeout=True,
            raise_interrupt=False,
            recursive=False,
        )
        with closing(changes):
            for batch in changes:
                self._look_safely(told=bool(batch))
                if not self._goes_on() or [_identity(folder) for folder in self.folders] != which:
                    return

    def _look_safely(self, *, told: bool) -> None:
        """Look; an error in what is called, such as somebody's on_report, is shown and ends nothing."""
        try:
            if self._goes_on():
                self._look(told=told)
        except Exception:
            if self._goes_on():  # at the end of a process much does not work any more
                threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))

    def _look(self, *, told: bool) -> None:
        """Compare the files with what was acted upon, and act on the differences that are due."""
        now = self._list()
        if now is None:
            return
        due = self._due({path: now.get(path) for path in {*now, *self._stamps}}, told=told)
        if not due:
            return
        changed = sorted(path for path, stamp in due.items() if stamp is not None)
        gone = sorted(path for path, stamp in due.items() if stamp is None)
        self._stamps = {path: stamp for path, stamp in {**self._stamps, **due}.items() if stamp is not None}
        errors = self._act(changed, gone)
        self._errors = {path: error for path, error in self._errors.items() if path not in due} | dict(errors)

    def _list(self) -> dict[Path, Stamp | None] | None:
        """The files and their stamps, or None where they cannot be listed: then everything stays as it is."""
        place = self.folders[0]
        before = self._errors.pop(place, None)
        try:
            return {path: _stamp(path) for path in self._list_files()}
        except FileNotFoundError:
            return {}
        except (HologramError, OSError) as error:
            self._errors[place] = error
            if str(error) != str(before):
                self._complain(place, error)
            return None

    def _due(self, now: Mapping[Path, Stamp | None], *, told: bool) -> dict[Path, Stamp | None]:
        """The differences that are acted upon now."""
        clock = time.monotonic()
        different = [(path, stamp) for path, stamp in now.items() if stamp != self._stamps.get(path)]
        self._since = {item: self._since.get(item, clock) for item in different}
        return {
            path: stamp
            for (path, stamp), since in self._since.items()
            if (told and stamp is not None and stamp.size > 0) or clock - since >= GRACE
        }


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _import_watchfiles(extra: str) -> Callable[..., Generator[set[Any], None, None]]:
    try:
        from watchfiles import watch
    except ImportError as error:
        raise HologramError(f"watching needs the package watchfiles ({error}); pip install '{extra}'") from None
    return watch


# ---- the end of the process, and forks -----------------------------------------------------------

_running: WeakSet[Watch] = WeakSet()
_swapping = threading.Lock()  # held while a watch changes what is loaded: a fork in the middle would never end it
_forking = 0  # the thread that holds it in order to fork


@atexit.register
def _stop_all() -> None:
    for watch in list(_running):
        watch._end(EXIT)


def _before_fork() -> None:
    global _forking
    if _swapping.acquire(timeout=EXIT):
        _forking = threading.get_ident()


def _after_fork() -> None:
    global _forking
    if _forking == threading.get_ident():
        _forking = 0
        _swapping.release()


def _after_fork_in_child() -> None:
    global _forking, _swapping
    _forking, _swapping = 0, threading.Lock()
    for watch in list(_running):
        watch._stopping = threading.Event()  # the old one may be held by the thread, which is not here
        watch._stopping.set()
    _running.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork_in_child)


# ---- libraries -----------------------------------------------------------------------------------


def swap(loader: KernelLoader, changed: Iterable[Path], gone: Iterable[Path]) -> LoadReport:
    """Let a loader swap libraries, as KernelLoader.swap(), from the thread of a watch."""
    with _swapping:
        return loader.swap(changed, gone)


class _Libraries:
    """The libraries of a folder, for a loader."""

    def __init__(self, loader: KernelLoader, folder: Path, on_report: Callable[[LoadReport], object]) -> None:
        self.loader, self.folder, self.on_report = loader, folder, on_report
        self.broken: dict[Path, Exception] = {}
        self.listed: list[Path] = []

    def files(self) -> list[Path]:
        """The libraries there are; whether they are to be trusted is asked when they are opened. Raises OSError."""
        from .loader import list_libraries

        self.listed = []  # if the folder is not there
        self.listed = list_libraries(self.folder)[0]
        return self.listed

    def act(self, changed: Sequence[Path], gone: Sequence[Path]) -> dict[Path, Exception]:
        """Swap; return what is broken among what has changed."""
        before = self.loader.libraries
        report = swap(self.loader, [*changed, *self._others(changed)], gone)
        broken: dict[Path, Exception] = {skipped.path: LibraryError(skipped.reason) for skipped in report.skipped}
        self.broken = {path: error for path, error in self.broken.items() if path not in (*changed, *gone)} | broken
        fresh = tuple(library for library in report.libraries if all(library is not old for old in before))
        if fresh or report.removed or report.skipped:
            self.on_report(replace(report, libraries=fresh))
        return broken

    def _others(self, changed: Sequence[Path]) -> list[Path]:
        """Files that have no library of their own yet, since one of the same content came from another file."""
        known = {*changed, *self.broken, *(library.path for library in self.loader.libraries)}
        return [path for path in self.listed if path not in known]

    def complain(self, place: Path, error: Exception) -> None:
        """Report that the folder cannot be listed."""
        from .loader import LoadReport, Skipped

        self.on_report(LoadReport(skipped=(Skipped(place, str(error)),)))


def watch_libraries(
    loader: KernelLoader, folder: str | os.PathLike[str], on_report: Callable[[LoadReport], object] | None
) -> Watch:
    """Load a folder, and follow it. KernelLoader.watch() is this. Raises as load_from_directory() does."""
    from .loader import find_libraries

    find_libraries(folder)  # raises
    libraries = _Libraries(loader, Path(folder).absolute(), on_report or print_report)
    return Watch([libraries.folder], libraries.files, libraries.act, libraries.complain)


def print_report(report: LoadReport) -> None:
    """Write what did not load to stderr."""
    for skipped in report.skipped:
        print(skipped.reason, file=sys.stderr, flush=True)
