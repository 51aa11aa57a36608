"""Errors of the compiler: what is wrong, where, the line with a caret, and what to write instead."""

from __future__ import annotations

import os
from collections.abc import Sequence

from hologram_core.errors import HologramError

from . import ir


class CompileError(HologramError):
    """A kernel cannot be compiled.

    `.message` and `.advice` are the two sentences, `.file`, `.line` and `.column` the place; parts
    that are not known are "" or 0.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str = "",
        source: str = "",
        span: ir.Span | None = None,
        advice: str = "",
    ) -> None:
        self.message, self.advice, self.file = message, advice, file
        self.line, self.column = (span.line, span.column) if span else (0, 0)
        place = [file, *([str(span.line), str(span.column)] if span else [])]
        lines = [": ".join(filter(None, [":".join(filter(None, place)), message]))]
        lines += _excerpt(source, span)
        lines += [f"  {advice}"] if advice else []
        super().__init__("\n".join(lines))


def _excerpt(source: str, span: ir.Span | None) -> list[str]:
    """The line of the source and a caret under the place, or nothing."""
    lines = source.splitlines()
    if span is None or not 1 <= span.line <= len(lines):
        return []
    line = lines[span.line - 1]
    text = line.lstrip().rstrip()
    indent = len(line) - len(line.lstrip())
    start = min(max(_characters(line, span.column - 1) - indent, 0), len(text))
    width = max(min(_characters(line, span.end_column - 1) - indent, len(text)) - start, 1)
    return [f"    {text}", f"    {' ' * start}^{'~' * (width - 1)}"]


def _characters(line: str, offset: int) -> int:
    """A position in characters for one in bytes of UTF-8, which is what ast counts."""
    return len(line.encode()[:offset].decode(errors="ignore"))


class BuildError(CompileError):
    """The C compiler failed. `.command`, `.exit_code`, `.output` and `.kept` (the C file) say how."""

    def __init__(self, command: Sequence[str], exit_code: int, output: str, kept: str) -> None:
        self.command, self.exit_code, self.output, self.kept = tuple(command), exit_code, output, kept
        said = output.strip() or "it said nothing"
        super().__init__(
            f"the C compiler failed with exit code {exit_code}: {' '.join(command)}\n{said}\nsource: {kept}"
        )

    def naming(self, source: str | os.PathLike[str]) -> BuildError:
        """Return the error with the file that the text came from in place of the copy that was compiled."""
        copy = next((item for item in self.command if item.endswith(".c")), "")
        output = self.output.replace(copy, os.fspath(source)) if copy else self.output
        return BuildError(self.command, self.exit_code, output, self.kept)


class CompilerNotFound(CompileError):  # noqa: N818  # reads as what happened
    """There is no C compiler. `.tried` is what was looked for."""

    def __init__(self, tried: Sequence[str]) -> None:
        self.tried = tuple(tried)
        super().__init__(
            f"no C compiler; looked for {', '.join(tried)}",
            advice="install one (apt install gcc, xcode-select --install), or pip install 'hologram-atlas[zig]'; "
            "interpret() runs a kernel without one",
        )
