"""Subjects: the kernels of libraries, as hologram_core.testing checks them.

In goes a file, a folder or the folder of a pack; out comes a Source for each library, which is opened when the source
is. Refused as in loading: what is no library, or can be written by others. A library of a pack must be the one that its
index was made from.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from hologram_core import Kernel
from hologram_core.testing import Source, Subject

from .index import Index
from .library import LoadedLibrary, open_again, open_library
from .loader import find_libraries
from .pack import FOLDER
from .spec import public_spec


def find_sources(path: str | os.PathLike[str]) -> list[Source]:
    """Return a source for each library. Raises LibraryError for a pack without an index, FolderNotFoundError."""
    folder = Path(path).absolute()
    if folder.name == FOLDER:
        return [Source(name, partial(_open_indexed, folder, name)) for name in Index(folder).names]
    files = find_libraries(folder)[0] if folder.is_dir() else [folder]
    return [Source(file.name, partial(_open_file, file)) for file in files]


def _open_file(file: Path) -> list[Subject]:
    return _subjects(open_library(file))


def _open_indexed(folder: Path, name: str) -> list[Subject]:
    return _subjects(Index(folder).library(name))


def _subjects(library: LoadedLibrary) -> list[Subject]:
    rows = [(kernel, row) for kernel in library.kernels for row in kernel.rows]
    return [
        Subject(
            row,
            kernel.name,
            public_spec(kernel).parameters if kernel.raw else (),  # else they are arg0, arg1, ...
            ir=kernel.raw.get("ir"),
            reopen=partial(_reopen, library, number),
            is_unchecked=library.manifest.unchecked,
            has_own_call=kernel.direct is not None,
        )
        for number, (kernel, row) in enumerate(rows)
    ]


def _reopen(library: LoadedLibrary, number: int) -> Kernel:
    """A row of a second copy of a library; which stays open as long as the row is there."""
    return open_again(library).rows[number]
