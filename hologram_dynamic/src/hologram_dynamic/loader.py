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
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from hologram_core import HologramError, LibraryError, Runtime, Signature, UnknownKernelError, default_runtime
from hologram_core.catalogue import STANDARD

from . import naming
from .errors import FolderNotFoundError, LoadWarning
from .handle import KernelHandle
from .library import LoadedLibrary, open_library
from .offers import Snapshot, offers_of
from .spec import PROVIDER
from .startup import start
from .trust import check_folder

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

    libraries: tuple[LoadedLibrary, ...] = ()  #: those that are loaded now, whether or not they were before
    skipped: tuple[Skipped, ...] = ()  #: files that were left out
    notes: tuple[str, ...] = ()  #: what else there is to know, one line each

    @property
    def kernels(self) -> tuple[str, ...]:
        """The names of the kernels, as get_kernel() takes them."""
        return tuple(kernel.name for library in self.libraries for kernel in library.kernels)

    def __str__(self) -> str:
        lines = [f"{len(self.libraries)} libraries with {len(self.kernels)} kernels"]
        lines += [f"  left out: {skipped.reason}" for skipped in self.skipped]
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])


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
        self._libraries: tuple[LoadedLibrary, ...] = ()
        self._handles: dict[tuple[str, str], KernelHandle] = {}
        self._lock = threading.RLock()

    @property
    def runtime(self) -> Runtime:
        """The runtime whose ops get the kernels."""
        return self._runtime() or default_runtime()

    @property
    def libraries(self) -> tuple[LoadedLibrary, ...]:
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

    def load_at_start(self, folders: Iterable[StrPath]) -> None:
        """Load folders for a runtime that is waiting for the answer, so without telling it of a change."""
        opened: list[LoadedLibrary] = []
        for folder in folders:
            try:
                files, _ = find_libraries(folder)
            except (HologramError, OSError) as error:
                warnings.warn(f"HOLOGRAM_KERNEL_PATH: {error}", LoadWarning, stacklevel=2)
                continue
            libraries, skipped = self._open(files)
            opened += libraries
            _warn(folder, files, skipped)
        self._merge(opened, {})

    def load_library(self, path: StrPath) -> LoadReport:
        """Load one library; what was loaded from the same file before is replaced. Raises LibraryError."""
        return self._add([open_library(path)], [], [])

    def _open(self, files: Iterable[Path]) -> tuple[list[LoadedLibrary], list[Skipped]]:
        opened, skipped = [], []
        for file in files:
            try:
                opened.append(open_library(file))
            except LibraryError as error:
                if self._on_error == "raise":
                    raise
                skipped.append(Skipped(file, str(error)))
        return opened, skipped

    def _add(self, opened: Sequence[LoadedLibrary], skipped: Sequence[Skipped], notes: Sequence[str]) -> LoadReport:
        """Make the opened libraries part of this loader and of what the runtime is offered."""
        start(self.runtime)  # so that what lies in the start-up folders is older
        loaded, fresh, snapshot = self._merge(opened, self._known_ops(opened))
        lines = [*notes, *(line for library in fresh for line in snapshot.notes(library))]
        lines += self._refresh() if fresh else []
        for line in lines:
            self.runtime.log("info", line)
        return LoadReport(tuple(loaded), tuple(skipped), tuple(lines))

    def _merge(
        self, opened: Sequence[LoadedLibrary], known: Mapping[str, Signature]
    ) -> tuple[list[LoadedLibrary], list[LoadedLibrary], Snapshot]:
        """Add libraries, in place of those of the same files; return them, the new ones, and what is offered."""
        with self._lock:
            held = {library.hash: library for library in self._libraries}
            fresh = {library.hash: library for library in opened if library.hash not in held}
            paths = {library.path for library in fresh.values()}
            kept = [library for library in self._libraries if library.path not in paths]
            snapshot = self._replace([*kept, *fresh.values()], known)
            loaded = {library.hash: held.get(library.hash) or fresh[library.hash] for library in opened}
        return list(loaded.values()), list(fresh.values()), snapshot

    def _replace(self, libraries: Sequence[LoadedLibrary], known: Mapping[str, Signature]) -> Snapshot:
        self._libraries = tuple(libraries)
        self._handles = {
            key: handle for key, handle in self._handles.items() if any(handle.library is held for held in libraries)
        }
        return offers_of(self.runtime).hold(self._token, self._libraries, known)

    def _known_ops(self, opened: Sequence[LoadedLibrary]) -> dict[str, Signature]:
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
            library, kernel = naming.find(name, self._libraries)
            key = (library.hash, kernel.name)
            if key not in self._handles:
                self._handles[key] = KernelHandle(kernel, library=library, settings=self.runtime.settings)
            return self._handles[key]

    # ---- unloading ----

    def unload(self, what: str | Path | LoadedLibrary) -> LoadedLibrary:
        """Take a library out: by itself, its path, its stem, or a name that get_kernel() takes. Returns it.

        Ops forget its kernels; handles that exist, and calls in flight, keep it open and go on. Raises
        UnknownKernelError, AmbiguousKernelError.
        """
        with self._lock:
            library = self._find_library(what)
            self._replace([other for other in self._libraries if other is not library], {})
        self.runtime.refresh(PROVIDER)
        return library

    def _find_library(self, what: str | Path | LoadedLibrary) -> LoadedLibrary:
        if isinstance(what, str):
            by_stem = [library for library in self._libraries if library.stem == what]
            if len(by_stem) == 1:
                return by_stem[0]
            if os.sep not in what:
                return naming.find(what, self._libraries)[0]
        for library in self._libraries:
            if library is what or (not isinstance(what, LoadedLibrary) and library.path == Path(what).absolute()):
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


def _warn(folder: StrPath, files: Sequence[Path], skipped: Sequence[Skipped]) -> None:
    if skipped:
        reasons = "\n".join(f"  {item.reason}" for item in skipped)
        text = f"load_from_directory({os.fspath(folder)!r}) left out {len(skipped)} of {len(files)} files:\n{reasons}"
        warnings.warn(text, LoadWarning, stacklevel=3)


def find_libraries(folder: StrPath) -> tuple[list[Path], list[str]]:
    """Return the library files of a folder by name, and a note for each that is an old version of another.

    Of custom_op.so and custom_op-<hash>.so, which a build writes both, the first is the current one.
    """
    path = Path(folder).absolute()
    if not path.exists():
        raise FolderNotFoundError(folder, "there is no such folder")
    if not path.is_dir():
        raise FolderNotFoundError(folder, "this is no folder (load_library() loads a file)")
    check_folder(path)
    files = sorted((file for file in path.iterdir() if file.suffix in SUFFIXES), key=lambda file: file.name)
    stems = {file.stem for file in files}
    versions = {file: match[1] for file in files if (match := _VERSION.fullmatch(file.stem)) and match[1] in stems}
    notes = [f"{file}: left out, {stem}{file.suffix} is its current version" for file, stem in versions.items()]
    return [file for file in files if file not in versions], notes
