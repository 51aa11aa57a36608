"""Library: one file of native kernels, opened.

In goes a path (or a table that is in memory already); out comes a LoadedLibrary with its kernels.
Refused with LibraryError naming the file: what is not trusted, no library for this machine, of
another ABI, without the symbol, or at odds with its own manifest.

What is opened is a private copy. The system's loader knows files by path and inode: a library that is
built anew under its old name would come back as the old one, and one that is overwritten in place
would change under running kernels.
"""

from __future__ import annotations

import gc
import hashlib
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from hologram_core import Kernel, LibraryError, OpSpec
from hologram_core.library import Library, read_table

from .binary import SYMBOL, check_binary
from .manifest import Description, Manifest, describe
from .spec import public_spec
from .trust import read_trusted


class OpenLibrary:
    """A library of one content in this process; closed when nothing holds it any more."""

    def __init__(self, handle: Any, address: int) -> None:
        self._handle = handle
        self.address = address  #: of its table


_opened: WeakValueDictionary[str, OpenLibrary] = WeakValueDictionary()
_lock = threading.Lock()


@dataclass(frozen=True)
class LoadedLibrary:
    """The kernels of one library, and where they came from."""

    path: Path  #: the file
    hash: str  #: SHA-256 of its content
    table: Library = field(repr=False)
    manifest: Manifest = field(repr=False)

    @cached_property
    def stem(self) -> str:
        """The name of the library: the manifest's, else its file's."""
        return self.manifest.stem or self.path.stem

    @property
    def kernels(self) -> tuple[Description, ...]:
        """What it has, in its own order."""
        return self.manifest.kernels

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of its kernels."""
        return tuple(kernel.name for kernel in self.kernels)

    @cached_property
    def ops(self) -> Mapping[str, OpSpec]:
        """What its kernels are as ops."""
        return {kernel.op: public_spec(kernel) for kernel in self.kernels}

    def kernel(self, name: str) -> Description:
        """One of its kernels. Raises LookupError."""
        for kernel in self.kernels:
            if kernel.name == name:
                return kernel
        raise LookupError(f"{self.path} has no kernel {name!r}; there are {', '.join(self.names)}")

    @cached_property
    def rows(self) -> tuple[Kernel, ...]:
        """What it offers to ops: all rows but those for handles."""
        return tuple(row for kernel in self.kernels for row in kernel.rows)

    def __str__(self) -> str:
        return str(self.path)


def open_library(path: str | os.PathLike[str], *, installed: bool = False) -> LoadedLibrary:
    """Open one file and read what it has. Raises LibraryError, UntrustedError among them.

    `installed` is for a file of a package that Python has imported: see read_trusted().
    """
    path = Path(path).absolute()
    data = read_trusted(path, installed=installed)
    try:
        digest = hashlib.sha256(data).hexdigest()
        library = _opened.get(digest)
        if library is None:
            check_binary(data)
            library = _open_once(digest, data, path.name)
        return read_opened(path, digest, library.address, library)
    except (LibraryError, ValueError) as error:
        raise LibraryError(f"{path}: {str(error).removeprefix('kernel library refused: ')}") from error


def open_again(library: LoadedLibrary) -> LoadedLibrary:
    """Open a second copy of a library, with functions and data of its own. Raises LibraryError."""
    copy = _open_copy(read_trusted(library.path), library.path.name)
    return read_opened(library.path, library.hash, copy.address, copy)


def hash_of(path: str | os.PathLike[str]) -> str:
    """Return the hash that a file has as a library. Raises OSError."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def read_opened(path: Path, digest: str, address: int, owner: object) -> LoadedLibrary:
    """Read the table of a library that is in memory; owner keeps it there. Raises LibraryError."""
    with _without_gc():
        table = read_table(address, owner)
        return LoadedLibrary(path, digest, table, describe(table))


@contextmanager
def _without_gc() -> Iterator[None]:
    """A large table makes 100,000 objects, none of them garbage; looking for some takes half of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _open_once(digest: str, data: bytes, name: str) -> OpenLibrary:
    with _lock:
        library = _opened.get(digest)
        if library is None:
            library = _opened[digest] = _open_copy(data, name)
        return library


def _open_copy(data: bytes, name: str) -> OpenLibrary:
    """Write the bytes to a folder that only this user can enter, open that, and remove it where that is possible."""
    import tempfile  # here and below: a process may have the loader and load nothing

    try:
        folder = tempfile.mkdtemp(prefix="hologram-")
    except OSError as error:
        raise LibraryError(f"cannot be opened, since no private copy can be made: {error}; set TMPDIR") from None
    copy = os.path.join(folder, name)
    try:
        with open(copy, "xb") as file:
            file.write(data)
        return _open(copy)
    except OSError as error:
        raise LibraryError(f"cannot be opened: {error}") from None
    finally:
        with suppress(OSError):  # Windows does not remove a library that is open
            os.unlink(copy)
        with suppress(OSError):
            os.rmdir(folder)


def _open(copy: str) -> OpenLibrary:
    from ._table import ffi

    handle = ffi.dlopen(copy, ffi.RTLD_NOW | ffi.RTLD_LOCAL) if hasattr(ffi, "RTLD_LOCAL") else ffi.dlopen(copy)
    try:
        function = getattr(handle, SYMBOL.decode())
    except (AttributeError, ffi.error):
        raise LibraryError(f"it exports no {SYMBOL.decode()}, so it is no kernel library") from None
    return OpenLibrary(handle, int(ffi.cast("uintptr_t", function())))
