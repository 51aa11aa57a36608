"""Commands on a pseudo-terminal of a given width, and in a pipe: what their user sees, and the exit status."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from dataclasses import dataclass

HOLOGRAM = (sys.executable, "-m", "hologram_core")
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Screen:
    """What a command printed, and its exit status."""

    raw: str
    status: int

    @property
    def text(self) -> str:
        """The text without colours."""
        return _ESCAPE.sub("", self.raw)

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def words(self) -> str:
        """The text on one line: what it says, wherever lines end."""
        return " ".join(self.text.split())


def on_terminal(*arguments: str, columns: int = 80, command: tuple[str, ...] = HOLOGRAM, **variables: str) -> Screen:
    """Run a command on a terminal so many columns wide."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        [*command, *arguments], stdin=slave, stdout=slave, stderr=slave, env=environment(**variables), close_fds=True
    )
    os.close(slave)
    chunks = []
    while chunk := _read(master):
        chunks.append(chunk)
    os.close(master)
    return Screen(b"".join(chunks).decode().replace("\r\n", "\n"), process.wait())


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux: the other end is closed
        return b""


def environment(**variables: str) -> dict[str, str]:
    """The environment of a terminal that has colours, whatever that of the tests is."""
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    return {**kept, "TERM": "xterm-256color", **variables}
