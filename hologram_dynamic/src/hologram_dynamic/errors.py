"""The errors and the warning of the loader; each says what was asked, what was found, what to do."""

from __future__ import annotations

import os
from collections.abc import Sequence

from hologram_core import HologramError, LibraryError


class UntrustedError(LibraryError):
    """A library, or the folder it is in, can be written by others."""


class FolderNotFoundError(HologramError, FileNotFoundError):
    """A folder to load kernels from is not there, or is no folder."""

    def __init__(self, folder: str | os.PathLike[str], found: str) -> None:
        self.folder = os.fspath(folder)
        super().__init__(f"load_from_directory({self.folder!r}): {found}; pass a folder that holds kernel libraries")


class AmbiguousKernelError(HologramError, LookupError):
    """A name fits more than one kernel. `.name` is the name, `.places` are the kernels it fits."""

    def __init__(self, name: str, places: Sequence[str], advice: str) -> None:
        self.name, self.places = name, tuple(places)
        super().__init__(f"kernel {name!r} is ambiguous: {' and '.join(places)}; {advice}")


class LoadWarning(UserWarning):
    """Files of a folder were left out; the kernels of the others are loaded."""
