"""Named libraries: what somebody means by the name of a file, a folder or an installed pack.

In goes a name; out come the libraries, opened but offered to no runtime. Refused: a name of nothing, and a
distribution that is no pack (LookupError), broken libraries (LibraryError).
"""

from __future__ import annotations

import os
from pathlib import Path

from hologram_core.plugins import discover, normalized

from .library import LoadedLibrary, open_library
from .loader import find_libraries
from .pack import KernelPack


def open_named(name: str | os.PathLike[str]) -> list[LoadedLibrary]:
    """Open a library file, the libraries of a folder, or those of an installed pack, in that order of trial.

    Raises LookupError, LibraryError.
    """
    if files := _find_files(name):
        return [open_library(file) for file in files]
    index = _find_pack(os.fspath(name)).index
    return [index.library(file) for file in index.names]


def _find_files(name: str | os.PathLike[str]) -> list[Path]:
    """The library files of that name; no name is not the working directory."""
    path = Path(name)
    if path.is_dir():
        return find_libraries(path)[0] if os.fspath(name) else []
    return [path] if path.exists() else []


def _find_pack(name: str) -> KernelPack:
    """Import an installed pack. Raises LookupError."""
    distribution, colon, point = name.partition(":")
    wanted = f"{normalized(distribution)}{colon}{point}"
    plugins = [found.load() for found in discover() if wanted in (found.provider, found.provider.partition(":")[0])]
    packs = [plugin for plugin in plugins if isinstance(plugin, KernelPack)]
    if not packs:
        raise LookupError(
            f"{name!r} is no library, no folder of them and no installed pack; hologram providers lists packs"
        )
    if len(packs) > 1:
        raise LookupError(f"{name!r} has {len(packs)} packs; name one as hologram providers does: {name}:ENTRY-POINT")
    return packs[0]
