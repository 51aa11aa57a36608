"""The index of a folder: what its libraries have, in a file that is read without opening them.

In go opened libraries when a folder is built, the file when it is used; out come the file, and libraries that
are opened when one of their kernels is first chosen. Refused with LibraryError: a file that is missing or
none of ours, and libraries that are not those the index was made from.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeAlias

from hologram_core import Kernel, LibraryError, OpSpec
from hologram_core.kernel import MAX_N

if TYPE_CHECKING:
    from pathlib import Path

    from hologram_core.library import Library

    from .library import LoadedLibrary
    from .manifest import Description, Manifest

    AnyLibrary: TypeAlias = "LoadedLibrary | IndexedLibrary"

FILE = "_index.json"  #: begins with _, so that no build takes it for kernels in JSON
VERSION = 1
_WRONG = (KeyError, TypeError, ValueError, AttributeError)  # what reading JSON of another shape ends in


# ---- writing -------------------------------------------------------------------------------------


def write_index(folder: str | os.PathLike[str], libraries: Iterable[LoadedLibrary]) -> Path:
    """Write the index of libraries that lie in a folder; return its path."""
    return _write(folder, {library.path.name: _describe(library) for library in libraries})


def refresh_index(folder: str | os.PathLike[str]) -> Path:
    """Write the index of whatever loads in a folder; what it has already is not opened. Returns its path."""
    from .library import hash_of, open_library
    from .loader import find_libraries

    known = _known(folder)
    entries = {}
    for path in find_libraries(folder)[0]:
        entry = known.get(path.name)
        try:
            fits = entry is not None and entry["hash"] == hash_of(path)
            entries[path.name] = entry if fits else _describe(open_library(path))
        except (LibraryError, OSError):
            continue  # whoever loads the folder is told
    return _write(folder, entries)


def _write(folder: str | os.PathLike[str], entries: Mapping[str, Any]) -> Path:
    from pathlib import Path

    path = Path(folder) / FILE
    part = path.with_suffix(".part")
    part.write_text(json.dumps({"version": VERSION, "libraries": entries}, separators=(",", ":")), encoding="utf-8")
    os.replace(part, path)
    return path


def _describe(library: LoadedLibrary) -> dict[str, Any]:
    """What is said of a library; short, since a process may read hundreds of these at its start."""
    described = {"hash": library.hash, "names": list(library.names), "kernels": [_entry(row) for row in library.rows]}
    if library.stem != library.path.stem:
        described["stem"] = library.stem
    return {**described, "ops": {name: _op(spec) for name, spec in library.ops.items()}}


def _entry(row: Kernel) -> dict[str, Any]:
    """What ranking and listings want to know of a row."""
    entry: dict[str, Any] = {"op": row.op, "signature": str(row.signature), "dtype": row.dtype, "doc": row.doc}
    if (row.min_n, row.max_n) != (0, MAX_N):
        entry["n"] = [row.min_n, row.max_n]
    return {**entry, "levels": " ".join(level for level, _ in row.variants)}


def _op(spec: OpSpec) -> dict[str, Any]:
    return {"signature": str(spec.signature), "parameters": " ".join(spec.parameters), "doc": spec.doc}


# ---- reading -------------------------------------------------------------------------------------


class IndexedLibrary:
    """A library as an index has it. What the index does not say is found out by opening it, once."""

    def __init__(self, file: str, entry: Mapping[str, Any], *, installed: bool = False) -> None:
        self._file = file
        self._installed = installed
        self._entry = entry
        self._lock = threading.Lock()
        self.hash: str = entry["hash"]  #: SHA-256 of its content
        self.names: tuple[str, ...] = tuple(entry["names"])  #: of its kernels
        self._rows: list[Kernel | None] = [None] * len(entry["kernels"])

    @cached_property
    def path(self) -> Path:
        """The file."""
        from pathlib import Path  # here: whoever uses no kernel of it wants no path

        return Path(self._file)

    @property
    def stem(self) -> str:
        """The name of the library."""
        return str(self._entry.get("stem") or self.path.stem)

    @cached_property
    def ops(self) -> Mapping[str, OpSpec]:
        """What its kernels are as ops. Raises LibraryError."""
        try:
            return {
                name: OpSpec.make(name, op["signature"], op["parameters"], op["doc"])
                for name, op in self._entry["ops"].items()
            }
        except _WRONG as error:
            raise self._broken(error) from None

    @cached_property
    def rows(self) -> tuple[Kernel, ...]:
        """What it offers to ops. Raises LibraryError."""
        return tuple(map(self.row, range(len(self._rows))))

    def row(self, i: int) -> Kernel:
        """One of the rows. Raises LibraryError."""
        row = self._rows[i]
        if row is None:
            try:
                row = self._rows[i] = self._late(i, self._entry["kernels"][i])
            except _WRONG as error:
                raise self._broken(error) from None
        return row

    def _late(self, i: int, entry: Mapping[str, Any]) -> Kernel:
        low, high = entry.get("n", (0, MAX_N))
        levels = entry["levels"].split()
        kind = entry["op"], entry["signature"], entry["dtype"]
        return Kernel.late(*kind, levels, partial(self._open, i), min_n=low, max_n=high, doc=entry["doc"])

    def _open(self, i: int) -> Kernel:
        return self.opened.rows[i]

    def _broken(self, error: Exception) -> LibraryError:
        return LibraryError(f"{self._file}: what {FILE} says about it is not what this version reads: {error!r}")

    # ---- by opening it ----

    @property
    def opened(self) -> LoadedLibrary:
        """The library itself. Raises LibraryError, also if it is not the one the index was made from."""
        with self._lock:
            return self._library

    @cached_property
    def _library(self) -> LoadedLibrary:
        from .library import open_library  # here: an index may be read and no library opened

        library = open_library(self._file, installed=self._installed)
        if library.hash != self.hash:
            raise LibraryError(
                f"{self._file}: it is not the library that {FILE} beside it was made from; "
                "install the pack or build the folder again"
            )
        return library

    @property
    def kernels(self) -> tuple[Description, ...]:
        """What it has, in its own order. Raises LibraryError."""
        return self.opened.kernels

    @property
    def manifest(self) -> Manifest:
        """What it says about itself. Raises LibraryError."""
        return self.opened.manifest

    @property
    def table(self) -> Library:
        """Its table. Raises LibraryError."""
        return self.opened.table

    def kernel(self, name: str) -> Description:
        """One of its kernels. Raises LibraryError, LookupError."""
        return self.opened.kernel(name)

    def __str__(self) -> str:
        return self._file

    def __repr__(self) -> str:
        return f"IndexedLibrary({self._file!r})"


class Index:
    """The libraries of one folder, each opened when one of its kernels is first wanted. Raises LibraryError.

    `installed` is for the folder of a package that Python has imported: see trust.read_trusted().
    """

    def __init__(self, folder: str | os.PathLike[str], *, installed: bool = False) -> None:
        self.folder = os.fspath(folder)
        self._installed = installed
        self._entries = _read(self.folder)
        self._libraries: dict[str, IndexedLibrary] = {}
        self._places: dict[str, list[tuple[str, int]]] = {}
        try:
            for name, entry in self._entries.items():
                for i, row in enumerate(entry["kernels"]):
                    self._places.setdefault(row["op"], []).append((name, i))
        except _WRONG as error:
            raise _broken(self.folder, error) from None

    @property
    def names(self) -> tuple[str, ...]:
        """The file names of the libraries."""
        return tuple(self._entries)

    @property
    def libraries(self) -> list[IndexedLibrary]:
        """The libraries, none of them opened. Raises LibraryError."""
        return list(map(self._library, self._entries))

    def _library(self, name: str) -> IndexedLibrary:
        if name not in self._libraries:
            try:
                file, entry = os.path.join(self.folder, name), self._entries[name]
                library = IndexedLibrary(file, entry, installed=self._installed)
            except _WRONG as error:
                raise _broken(self.folder, error) from None
            self._libraries.setdefault(name, library)  # one object, whoever asks first
        return self._libraries[name]

    def kernels(self, op: str | None = None) -> list[Kernel]:
        """Every kernel, as listed, or those of one op; none is opened. Raises LibraryError."""
        if op is not None:
            return [self._library(name).row(i) for name, i in self._places.get(op, ())]
        return [row for library in self.libraries for row in library.rows]

    def ops(self) -> dict[str, OpSpec]:
        """What the ops of the kernels are, by name. Raises LibraryError."""
        return {name: spec for library in reversed(self.libraries) for name, spec in library.ops.items()}

    def library(self, name: str) -> LoadedLibrary:
        """Open one library, once. Raises LibraryError if it is not the one the index was made from."""
        return self._library(name).opened


def _broken(folder: str, error: Exception) -> LibraryError:
    return LibraryError(f"{_file(folder)}: not an index that this version reads: {error!r}")


def _file(folder: str) -> str:
    return os.path.join(folder, FILE)


def _read(folder: str) -> Mapping[str, Any]:
    path = _file(folder)
    try:
        with open(path, "rb") as file:
            data = json.loads(file.read())
    except OSError as error:
        raise LibraryError(f"{path}: cannot be read: {error.strerror}; has the pack been built?") from None
    except ValueError as error:
        raise LibraryError(f"{path}: not JSON: {error}") from None
    libraries = data.get("libraries") if isinstance(data, dict) and data.get("version") == VERSION else None
    if not isinstance(libraries, dict):
        raise LibraryError(f"{path}: not an index that this version reads")
    strange = next((name for name in libraries if os.path.basename(name) != name), None)
    if strange is not None:
        raise LibraryError(f"{path}: {strange!r} is no name of a file here")
    return libraries


def _known(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """The entries that there are; a broken index has none."""
    try:
        return {library.path.name: library._entry for library in Index(folder).libraries}
    except LibraryError:
        return {}
