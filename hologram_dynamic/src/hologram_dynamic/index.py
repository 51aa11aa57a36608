"""The index of a pack: what its libraries have, in a file that is read without opening them.

In go opened libraries when a pack is built, the file when it is used; out come the file and Kernels whose
libraries are opened when they are first chosen. Refused with LibraryError: a file that is missing or none
of ours, and libraries that are not those the index was made from.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hologram_core import Kernel, LibraryError, OpSpec, Signature
from hologram_core.kernel import MAX_N

from .spec import public_spec

if TYPE_CHECKING:
    from .library import LoadedLibrary

FILE = "_index.json"  #: begins with _, so that no build takes it for kernels in JSON
VERSION = 1


def write_index(folder: str | os.PathLike[str], libraries: Iterable[LoadedLibrary]) -> Path:
    """Write the index of libraries that lie in a folder; return its path."""
    entries = {
        library.path.name: {
            "hash": library.hash,
            "kernels": [_entry(row) for row in library.rows],
            "ops": {kernel.op: _op(public_spec(kernel)) for kernel in library.kernels},
        }
        for library in libraries
    }
    path = Path(folder) / FILE
    path.write_text(json.dumps({"version": VERSION, "libraries": entries}, indent=1) + "\n", encoding="utf-8")
    return path


def _entry(row: Kernel) -> dict[str, Any]:
    """What ranking and listings want to know of a row."""
    return {
        "op": row.op,
        "signature": str(row.signature),
        "dtype": row.dtype,
        "levels": [level for level, _ in row.variants],
        "n": [row.min_n, None if row.max_n == MAX_N else row.max_n],
        "doc": row.doc,
    }


def _op(spec: OpSpec) -> dict[str, Any]:
    return {"signature": str(spec.signature), "parameters": list(spec.parameters), "doc": spec.doc}


class Index:
    """The libraries of one folder, each opened when one of its kernels is first wanted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._libraries: Mapping[str, Any] = _read(folder / FILE)
        self._opened: dict[str, LoadedLibrary] = {}
        self._lock = threading.Lock()

    @property
    def names(self) -> tuple[str, ...]:
        """The file names of the libraries."""
        return tuple(self._libraries)

    def kernels(self) -> list[Kernel]:
        """Every kernel, as listed; none is opened. Raises LibraryError."""
        found = []
        for name, library in self._libraries.items():
            try:
                found += [self._kernel(name, i, entry) for i, entry in enumerate(library["kernels"])]
            except (KeyError, TypeError, ValueError) as error:
                raise self._broken(f"{name}: {error!r}") from None
        return found

    def ops(self) -> dict[str, OpSpec]:
        """What the ops of the kernels are, by name. Raises LibraryError."""
        found: dict[str, OpSpec] = {}
        for library in self._libraries.values():
            for name, op in library.get("ops", {}).items():
                try:
                    spec = OpSpec(name, Signature.parse(op["signature"]), tuple(op["parameters"]), op["doc"])
                except (KeyError, TypeError, ValueError) as error:
                    raise self._broken(f"op {name!r}: {error!r}") from None
                found.setdefault(name, spec)
        return found

    def library(self, name: str) -> LoadedLibrary:
        """Open one library, once. Raises LibraryError if it is not the one the index was made from."""
        from .library import open_library  # here: an index may be read and no library opened

        with self._lock:
            if name not in self._opened:
                library = open_library(self.folder / name)
                if library.hash != self._libraries[name].get("hash"):
                    raise LibraryError(
                        f"{library.path}: it is not the library that {FILE} beside it was made from; "
                        "install the pack again"
                    )
                self._opened[name] = library
            return self._opened[name]

    def _kernel(self, library: str, i: int, entry: Mapping[str, Any]) -> Kernel:
        low, high = entry["n"]
        return Kernel.late(
            entry["op"],
            entry["signature"],
            entry["dtype"],
            entry["levels"],
            partial(self._open, library, i),
            min_n=low,
            max_n=MAX_N if high is None else high,
            doc=entry["doc"],
        )

    def _open(self, library: str, i: int) -> Kernel:
        return self.library(library).rows[i]

    def _broken(self, what: str) -> LibraryError:
        return LibraryError(f"{self.folder / FILE}: not an index that this version reads: {what}")


def _read(path: Path) -> Mapping[str, Any]:
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise LibraryError(f"{path}: cannot be read: {error.strerror}; has the pack been built?") from None
    except ValueError as error:
        raise LibraryError(f"{path}: not JSON: {error}") from None
    libraries = data.get("libraries") if isinstance(data, dict) and data.get("version") == VERSION else None
    if not isinstance(libraries, dict) or not all(isinstance(library, dict) for library in libraries.values()):
        raise LibraryError(f"{path}: not an index that this version reads")
    strange = next((name for name in libraries if os.path.basename(name) != name), None)
    if strange is not None:
        raise LibraryError(f"{path}: {strange!r} is no name of a file here")
    return libraries
