"""Trust: the bytes of a library that nobody else can have written.

In goes a path; out come the bytes of that file. Refused with UntrustedError (on POSIX; elsewhere permissions
are not looked at): a file or folder that others may write to or that belongs to another user, and a folder
above it in which others may put another in its place. Refused with LibraryError: what is no regular file or
cannot be read. The bytes are read from the file that was looked at, and it is these that are loaded, so
nothing can be put in its place in between.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from hologram_core import LibraryError

from .errors import UntrustedError

CHECKS = os.name == "posix"
_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)  # a pipe must not block


def check_folder(folder: str | os.PathLike[str]) -> None:
    """Raise UntrustedError if others may put files into a folder, or another folder there. Raises OSError."""
    path = Path(folder).absolute()
    _check(str(path), path.stat(), "folder")
    _check_above(path, Path(os.path.realpath(path)))


def read_trusted(path: str | os.PathLike[str], *, installed: bool = False) -> bytes:
    """Return the bytes of a regular file that only its owner can change or replace. Raises LibraryError.

    With `installed`, folders above its own are not looked at: Python runs code from there already.
    """
    text = os.fspath(path)
    try:
        real = Path(os.path.realpath(path, strict=True))
        _check_kind(text, real.stat())
        file = os.open(real, _FLAGS)
        try:
            status = os.fstat(file)
            _check_kind(text, status)
            _check(str(real), status, "file")
            folders = Path(path).absolute().parent, real.parent
            for folder in dict.fromkeys(folders):
                _check(str(folder), folder.stat(), "folder", sticky=True)
            if not installed:
                _check_above(*folders)
            return _read(file, status.st_size)
        finally:
            os.close(file)
    except OSError as error:
        raise LibraryError(f"{text}: cannot be read: {error.strerror or error}") from None


def _read(file: int, size: int) -> bytes:
    """All there is, in one piece where it has the size that it had: every call may have to wait for the GIL."""
    pieces = [os.read(file, size + 1)]
    while len(pieces[-1]) > 0 and sum(map(len, pieces)) != size:
        pieces.append(os.read(file, size + 1))
    return b"".join(pieces)


def _check_kind(path: str, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
        raise LibraryError(f"{path}: is {kind}, expected a library file")


def _check_above(folder: Path, real: Path) -> None:
    """Nobody else can give the path of a folder to another one, by its links or without."""
    for above in dict.fromkeys((*folder.parents, *real.parents)):
        _check(str(above), above.stat(), f"folder above {folder}", sticky=True)


def _check(path: str, status: os.stat_result, what: str, *, sticky: bool = False) -> None:
    """Raise UntrustedError if a file or folder is not in the hands of this user alone, or of root.

    In a folder with the sticky bit, such as /tmp, nobody can replace what is another's; with `sticky` that will do.
    """
    if not CHECKS:
        return
    if status.st_uid not in _trusted_users():
        raise UntrustedError(
            f"{path}: this {what} belongs to {_user_name(status.st_uid)}, who can change it, so code in it is not "
            f"trusted; chown {_user_name(os.geteuid())} {path}, or copy the libraries to a folder of yours"
        )
    if sticky and status.st_mode & stat.S_ISVTX:
        return
    for who, others in _writers(status):
        if others:
            raise UntrustedError(
                f"{path}: this {what} can be written by {who} ({stat.filemode(status.st_mode)}), "
                f"so code in it is not trusted; chmod go-w {path}"
            )


def _writers(status: os.stat_result) -> Iterator[tuple[str, bool]]:
    """Who else there may be, and whether they can write."""
    yield "everybody", bool(status.st_mode & stat.S_IWOTH)
    by_group = bool(status.st_mode & stat.S_IWGRP)
    yield "its group", by_group and not _is_private_group(status.st_uid, status.st_gid)


@cache
def _installer() -> int:
    """Who has installed this loader, and so could have it load anything."""
    return os.stat(__file__).st_uid


def _trusted_users() -> tuple[int, ...]:
    return 0, os.geteuid(), _installer()


def _user_name(user: int) -> str:
    import pwd  # here and below: not on Windows

    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"user {user}"


def _is_private_group(user: int, group: int) -> bool:
    """Whether a group is that of one user alone, as many systems have for each, with a umask of 002."""
    import grp
    import pwd

    try:
        owner, entry = pwd.getpwuid(user), grp.getgrgid(group)
    except KeyError:
        return False
    return owner.pw_gid == group and owner.pw_name == entry.gr_name and set(entry.gr_mem) <= {owner.pw_name}
