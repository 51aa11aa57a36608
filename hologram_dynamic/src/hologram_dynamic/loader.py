"""KernelLoader: libraries in, kernels by name out, and the same kernels for the ops of a runtime.

In go folders and files; out come reports of what was loaded, and handles. Refused: a file that is no
kernel library or not to be trusted (LibraryError, or one line of the report where a folder is
loaded), names that fit no kernel or several. A library is there as a whole or not at all.
"""

from __future__ import annotations

import os
import re
import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from hologram_core import HologramError, LibraryError, Runtime, Signature, UnknownKernelError, default_runtime
from hologram_core.catalogue import STANDARD

from . import naming
from .errors import FolderNotFoundError, LoadWarning
from .handle import KernelHandle
from .index import FILE, Index, IndexedLibrary
from .library import LoadedLibrary, hash_of, open_library
from .offers import Snapshot, offers_of
from .spec import PROVIDER
from .startup import start
from .trust import check_folder

if TYPE_CHECKING:
    from .index import AnyLibrary
    from .watch import Watch

StrPath: TypeAlias = str | os.PathLike[str]
SUFFIXES = {"darwin": (".dylib", ".so"), "win32": (".dll",)}.get(sys.platform, (".so",))
_VERSION = re.compile(r"(.+)-[0-9a-f]{8,64}")  # custom_op-3f2a99c1.so, beside custom_op.so of the same content


class Skipped(NamedTuple):
    """A file that was left out, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class LoadReport:
    """What a load has done."""

    libraries: tuple[AnyLibrary, ...] = ()  #: those that are loaded now, whether or not they were before
    skipped: tuple[Skipped, ...] = ()  #: files that were left out
    notes: tuple[str, ...] = ()  #: what else there is to know, one line each
    removed: tuple[AnyLibrary, ...] = ()  #: those that were taken out because their files are gone

    @property
    def kernels(self) -> tuple[str, ...]:
        """The names of the kernels, as get_kernel() takes them."""
        return tuple(name for library in self.libraries for name in library.names)

    def __str__(self) -> str:
        lines = [f"{len(self.libraries)} libraries with {len(self.kernels)} kernels"]
        lines += [f"  left out: {skipped.reason}" for skipped in self.skipped]
        lines += [f"  taken out: {library}" for library in self.removed]
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])


class _Merged(NamedTuple):
    """What a loader has after a change."""

    loaded: list[AnyLibrary]  #: for the files that were opened
    fresh: list[AnyLibrary]  #: those of them that were not there before
    removed: list[AnyLibrary]  #: those whose files are gone
    snapshot: Snapshot


class KernelLoader:
    """Loads libraries of native kernels, for handles and for the ops of a runtime.

    What is loaded is offered to the runtime (the default one if none is given) at user priority until it
    is unloaded; of several kernels for one op the one loaded last serves it. Names are those of the
    libraries of this loader alone. With on_error="raise" a folder with a bad file raises LibraryError
    and loads nothing. All methods may be called from any thread.
    """

    def __init__(self, runtime: Runtime | None = None, on_error: Literal["report", "raise"] = "report") -> None:
        if on_error not in ("report", "raise"):
            raise ValueError(f"KernelLoader() argument 'on_error': expected 'report' or 'raise', got {on_error!r}")
        self._runtime: Callable[[], Runtime | None] = lambda: runtime
        self._on_error = on_error
        self._token = object()  # what offers_of() knows this loader by; offers outlive the loader
        self._libraries: tuple[AnyLibrary, ...] = ()
        self._handles: dict[tuple[str, str], KernelHandle] = {}
        self._lock = threading.RLock()

    @property
    def runtime(self) -> Runtime:
        """The runtime whose ops get the kernels."""
        return self._runtime() or default_runtime()

    @property
    def libraries(self) -> tuple[AnyLibrary, ...]:
        """What is loaded, oldest first."""
        return self._libraries

    # ---- loading ----

    def load_from_directory(self, folder: StrPath) -> LoadReport:
        """Load every library of a folder, and again those whose files have changed.

        Broken files are left out: they are in the report, and one LoadWarning lists them. Raises
        FolderNotFoundError, UntrustedError for a folder that others can write to.
        """
        files, notes = find_libraries(folder)
        opened, skipped = self._open(files)
        report = self._add(opened, skipped, notes)
        _warn(folder, files, skipped)
        return report

    def load_at_start(self, folders: Iterable[tuple[str, StrPath]]) -> None:
        """Load folders, each with who wants it, for a runtime that waits for the answer and is told of no change.

        A library that the index of its folder has is not opened before one of its kernels is chosen.
        """
        loaded: list[AnyLibrary] = []
        for wanted_by, folder in folders:
            try:
                files, _ = find_libraries(folder)
                indexed = _indexed(folder, files)
            except (HologramError, OSError) as error:
                warnings.warn(f"{wanted_by}: {error}", LoadWarning, stacklevel=2)
                continue
            opened, skipped = self._open(file for file in files if file not in indexed)
            loaded += [*indexed.values(), *opened]
            _warn(folder, files, skipped)
        self._merge(loaded, {})

    def load_library(self, path: StrPath) -> LoadReport:
        """Load one library; what was loaded from the same file before is replaced. Raises LibraryError."""
        return self._add([open_library(path)], [], [])

    def swap(self, changed: Iterable[Path], gone: Iterable[Path] = ()) -> LoadReport:
        """Load files, and take out the libraries of others, in one step for whoever calls their kernels.

        What does not load is in the report, whatever on_error says, and its library stays as it was.
        """
        opened, skipped = _open_all(changed)
        return self._add(opened, skipped, [], frozenset(gone))

    def watch(self, folder: StrPath, on_report: Callable[[LoadReport], object] | None = None) -> Watch:
        """Load a folder and follow it: what is built anew is loaded, what is deleted is taken out.

        A library that does not load leaves the one that was there in use. What changes and what is wrong goes to
        `on_report`, in the thread that watches; without it, what is wrong to stderr. Raises as load_from_directory()
        does, and HologramError without the package watchfiles.
        """
        from .watch import watch_libraries

        return watch_libraries(self, folder, on_report)

    def _open(self, files: Iterable[Path]) -> tuple[list[AnyLibrary], list[Skipped]]:
        return _open_all(files, strict=self._on_error == "raise")

    def _add(
        self,
        opened: Sequence[AnyLibrary],
        skipped: Sequence[Skipped],
        notes: Sequence[str],
        gone: Collection[Path] = (),
    ) -> LoadReport:
        """Make the opened libraries part of this loader and of what the runtime is offered."""
        start(self.runtime)  # so that what lies in the start-up folders is older
        merged = self._merge(opened, self._known_ops(opened), gone)
        lines = [*notes, *(line for library in merged.fresh for line in merged.snapshot.notes(library))]
        lines += self._refresh() if merged.fresh or merged.removed else []
        for line in lines:
            self.runtime.log("info", line)
        return LoadReport(tuple(merged.loaded), tuple(skipped), tuple(lines), tuple(merged.removed))

    def _merge(
        self, opened: Sequence[AnyLibrary], known: Mapping[str, Signature], gone: Collection[Path] = ()
    ) -> _Merged:
        """Add libraries, in place of those of the same files, and take out those of files that are gone."""
        with self._lock:
            anew = {library.path: library.hash for library in opened}
            removed = [library for library in self._libraries if library.path in gone]
            kept = [
                library
                for library in self._libraries
                if library.path not in gone and anew.get(library.path, library.hash) == library.hash
            ]
            held = {library.hash: library for library in kept}
            fresh = {library.hash: library for library in opened if library.hash not in held}
            snapshot = self._replace([*kept, *fresh.values()], known)
            loaded = {library.hash: held.get(library.hash) or fresh[library.hash] for library in opened}
        return _Merged(list(loaded.values()), list(fresh.values()), removed, snapshot)

    def _replace(self, libraries: Sequence[AnyLibrary], known: Mapping[str, Signature]) -> Snapshot:
        self._libraries = tuple(libraries)
        held = {library.hash for library in libraries}
        self._handles = {key: handle for key, handle in self._handles.items() if key[0] in held}
        return offers_of(self.runtime).hold(self._token, self._libraries, known)

    def _known_ops(self, opened: Sequence[AnyLibrary]) -> dict[str, Signature]:
        """The signatures of ops that other providers have defined and that these libraries have kernels for."""
        offers = offers_of(self.runtime)
        names = {row.op for library in opened for row in library.rows} - set(STANDARD) - set(offers.snapshot.defining)
        return {name: self.runtime.op(name).signature for name in names & set(self.runtime.op_names())} if names else {}

    def _refresh(self) -> list[str]:
        self.runtime.refresh(PROVIDER)
        if offers_of(self.runtime).attached:
            return []
        return [f"this runtime does not use {PROVIDER} (HOLOGRAM_PROVIDERS, HOLOGRAM_DISABLE): handles only, no ops"]

    # ---- asking ----

    def list_kernels(self) -> list[str]:
        """Return the full name of each kernel, "library:function", in order of loading."""
        return [naming.full_name(entry) for entry in naming.entries(self._libraries)]

    def has_kernel(self, name: str) -> bool:
        """Whether a name fits a kernel, or several."""
        return bool(naming.matches(name, self._libraries))

    def get_kernel(self, name: str) -> KernelHandle:
        """Return the kernel of a name, the same object each time.

        A name is that of the function, that of a library of one kernel, or both: "custom_op:custom_operation".
        Raises UnknownKernelError, AmbiguousKernelError.
        """
        with self._lock:
            library, function = naming.find(name, self._libraries)
            key = (library.hash, function)
            if key not in self._handles:
                opened = library if isinstance(library, LoadedLibrary) else library.opened
                kernel = opened.kernel(function)
                self._handles[key] = KernelHandle(kernel, library=opened, settings=self.runtime.settings)
            return self._handles[key]

    # ---- unloading ----

    def unload(self, what: str | Path | AnyLibrary) -> AnyLibrary:
        """Take a library out: by itself, its path, its stem, or a name that get_kernel() takes. Returns it.

        Ops forget its kernels; handles that exist, and calls in flight, keep it open and go on. Raises
        UnknownKernelError, AmbiguousKernelError.
        """
        with self._lock:
            library = self._find_library(what)
            self._replace([other for other in self._libraries if other is not library], {})
        self.runtime.refresh(PROVIDER)
        return library

    def _find_library(self, what: str | Path | AnyLibrary) -> AnyLibrary:
        if isinstance(what, str):
            by_stem = [library for library in self._libraries if library.stem == what]
            if len(by_stem) == 1:
                return by_stem[0]
            if os.sep not in what:
                return naming.find(what, self._libraries)[0]
        for library in self._libraries:
            if library is what or (isinstance(what, (str, Path)) and library.path == Path(what).absolute()):
                return library
        raise UnknownKernelError(str(what), None, None, asked=(PROVIDER,), found=["no library of it is loaded here"])


def own_loader(runtime: Runtime) -> KernelLoader:
    """Return the loader of a runtime itself: of its start-up folders and of Runtime.load_kernels()."""
    offers = offers_of(runtime)
    if offers.own is None:
        loader = KernelLoader()
        loader._runtime = weakref.ref(runtime)  # which keeps the offers, and so the loader, alive
        offers.own = loader
    return offers.own


def _open_all(files: Iterable[Path], *, strict: bool = False) -> tuple[list[AnyLibrary], list[Skipped]]:
    opened: list[AnyLibrary] = []
    skipped: list[Skipped] = []
    for file in files:
        try:
            opened.append(open_library(file))
        except LibraryError as error:
            if strict:
                raise
            skipped.append(Skipped(file, str(error)))
    return opened, skipped


def _warn(folder: StrPath, files: Sequence[Path], skipped: Sequence[Skipped]) -> None:
    if skipped:
        reasons = "\n".join(f"  {item.reason}" for item in skipped)
        text = f"load_from_directory({os.fspath(folder)!r}) left out {len(skipped)} of {len(files)} files:\n{reasons}"
        warnings.warn(text, LoadWarning, stacklevel=3)


def _indexed(folder: StrPath, files: Iterable[Path]) -> dict[Path, IndexedLibrary]:
    """Those of the files that are what the index of their folder says. A broken index gets a LoadWarning."""
    if not os.path.exists(os.path.join(folder, FILE)):
        return {}
    try:
        known = {library.path: library for library in Index(os.path.abspath(folder)).libraries}
    except LibraryError as error:
        warnings.warn(f"{error}; so its libraries are opened; hologram build writes it", LoadWarning, stacklevel=3)
        return {}
    return {file: known[file] for file in files if file in known and _has_hash(file, known[file].hash)}


def _has_hash(file: Path, wanted: str) -> bool:
    try:
        return file.is_file() and hash_of(file) == wanted
    except OSError:
        return False  # whoever opens it says why


def find_libraries(folder: StrPath) -> tuple[list[Path], list[str]]:
    """Return the library files of a folder by name, and a note for each that is an old version of another.

    Raises FolderNotFoundError, UntrustedError.
    """
    path = Path(folder).absolute()
    if not path.exists():
        raise FolderNotFoundError(folder, "there is no such folder")
    if not path.is_dir():
        raise FolderNotFoundError(folder, "this is no folder (load_library() loads a file)")
    check_folder(path)
    return list_libraries(path)


def list_libraries(folder: Path) -> tuple[list[Path], list[str]]:
    """List the library files of a folder as find_libraries() does, whoever can write to it. Raises OSError.

    Of custom_op.so and custom_op-<hash>.so, which a build writes both, the first is the current one.
    """
    names = sorted(name for name in os.listdir(folder) if name.endswith(SUFFIXES) and not name.startswith("."))
    files = [folder / name for name in names]
    stems = {file.stem for file in files}
    versions = {file: match[1] for file in files if (match := _VERSION.fullmatch(file.stem)) and match[1] in stems}
    notes = [f"{file}: left out, {stem}{file.suffix} is its current version" for file, stem in versions.items()]
    return [file for file in files if file not in versions], notes
