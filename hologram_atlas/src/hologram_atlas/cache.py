"""The cache of compiled kernels: a folder of libraries whose names are hashes of all that made them.

In goes a key and a way to make its file; out comes the path. A file is made under a lock, under
another name, and renamed, so that what is there is whole; the folder may be deleted at any time.
Where it cannot be written, files go to a temporary folder, and one CacheWarning says so.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

from hologram_core.settings import Settings

SUFFIX = {"darwin": ".dylib", "win32": ".dll"}.get(sys.platform, ".so")
TIMEOUT = 900  #: seconds to wait for another process that builds the same


class CacheWarning(UserWarning):
    """Compiled kernels cannot be kept."""


def default_folder() -> Path:
    """Return the folder of HOLOGRAM_CACHE_DIR, else the user's cache folder."""
    wanted = Settings.from_environment().cache_dir
    return Path(wanted) if wanted else _user_folder()


@cache
def _user_folder() -> Path:
    from platformdirs import user_cache_path  # here: it takes a millisecond

    return user_cache_path("hologram", appauthor=False)


def key_of(parts: Iterable[str]) -> str:
    """Return the hash of everything that can change the bytes of a library."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(f"{len(data)}:".encode())
        digest.update(data)
    return digest.hexdigest()[:32]


class Cache:
    """A folder of libraries by key."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or default_folder()

    def find(self, key: str) -> Path | None:
        """Return the library of a key, or None."""
        path = self.folder / f"{key}{SUFFIX}"
        return path if path.exists() else None

    def build(self, key: str, make: Callable[[Path], None]) -> Path:
        """Return the library of a key; where it is missing, `make` writes it to the path that it is given."""
        found = self.find(key)
        if found is not None:
            return found
        folder = _writable(self.folder)
        path = folder / f"{key}{SUFFIX}"
        from filelock import FileLock, Timeout  # here: a hit needs no lock

        try:
            with FileLock(folder / f"{key}.lock", timeout=TIMEOUT):
                if not path.exists():
                    _make(path, make)
        except Timeout:  # another process hangs; two files of one content do no harm
            _make(path, make)
        return path


def _make(path: Path, make: Callable[[Path], None]) -> None:
    handle, name = tempfile.mkstemp(prefix=f"{path.stem}.", suffix=".part", dir=path.parent)
    os.close(handle)
    try:
        make(Path(name))
        os.chmod(name, 0o700)
        os.replace(name, path)
    finally:
        with suppress(OSError):
            os.unlink(name)


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file that others see whole or not at all; where that is impossible, not at all."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(name, path)


_said: set[Path] = set()


def check_folder(folder: Path) -> None:
    """Make a folder if it is missing, and write to it. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryFile(dir=folder):
        pass


def _writable(folder: Path) -> Path:
    """The folder, made if it is missing, or a temporary one."""
    try:
        check_folder(folder)
        return folder
    except OSError as error:
        if folder not in _said:
            _said.add(folder)
            advice = "set HOLOGRAM_CACHE_DIR to a folder of yours"
            text = f"compiled kernels are not kept: {folder}: {error.strerror}; {advice}"
            warnings.warn(text, CacheWarning, stacklevel=2)
        return _temporary()


@cache
def _temporary() -> Path:
    return Path(tempfile.mkdtemp(prefix="hologram-"))
