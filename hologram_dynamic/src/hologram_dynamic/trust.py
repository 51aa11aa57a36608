"""Trust: the bytes of a library that nobody else can have written.

In goes a path; out come the bytes of that file. Refused with UntrustedError: a file, or a folder, that
others may write to (POSIX only: elsewhere permissions are not looked at). Refused with LibraryError:
what is no regular file or cannot be read. The bytes are read from the file that was looked at, and
it is these that are loaded, so nothing can be put in its place in between.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from hologram_core import LibraryError

from .errors import UntrustedError

CHECKS = os.name == "posix"
_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)  # a pipe must not block


def check_folder(folder: str | os.PathLike[str]) -> None:
    """Raise UntrustedError if others may put files into a folder. Raises OSError if it is not there."""
    _check_mode(os.fspath(folder), os.stat(folder), "folder")


def read_trusted(path: str | os.PathLike[str]) -> bytes:
    """Return the bytes of a regular file that only its owner can change or replace. Raises LibraryError."""
    text = os.fspath(path)
    try:
        real = Path(os.path.realpath(path, strict=True))
        _check_kind(text, real.stat())
        with os.fdopen(os.open(real, _FLAGS), "rb") as file:
            status = os.fstat(file.fileno())
            _check_kind(text, status)
            _check_mode(str(real), status, "file")
            for folder in {Path(path).absolute().parent, real.parent}:
                _check_around(folder, status)
            return file.read()
    except OSError as error:
        raise LibraryError(f"{text}: cannot be read: {error.strerror or error}") from None


def _check_kind(path: str, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
        raise LibraryError(f"{path}: is {kind}, expected a library file")


def _check_around(folder: Path, file: os.stat_result) -> None:
    """The folder of a file; in one like /tmp, with the sticky bit, nobody can replace a file of mine."""
    status = folder.stat()
    if not (status.st_mode & stat.S_ISVTX and file.st_uid in (0, _my_id())):
        _check_mode(str(folder), status, "folder")


def _my_id() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else 0


def _check_mode(path: str, status: os.stat_result, what: str) -> None:
    mode = status.st_mode
    by_all, by_group = mode & stat.S_IWOTH, mode & stat.S_IWGRP
    if CHECKS and (by_all or (by_group and not _is_private_group(status.st_uid, status.st_gid))):
        raise UntrustedError(
            f"{path}: this {what} can be written by {'everybody' if by_all else 'its group'} "
            f"({stat.filemode(mode)}), so code in it is not trusted; chmod go-w {path}"
        )


def _is_private_group(user: int, group: int) -> bool:
    """Whether a group is that of one user alone, as many systems have for each, with a umask of 002."""
    import grp  # here: not on Windows
    import pwd

    try:
        owner, entry = pwd.getpwuid(user), grp.getgrgid(group)
    except KeyError:
        return False
    return owner.pw_gid == group and owner.pw_name == entry.gr_name and set(entry.gr_mem) <= {owner.pw_name}
