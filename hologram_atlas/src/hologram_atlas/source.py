"""The source text of a live function, wherever it was typed.

In goes a function; out comes the text that it was compiled from, a file, a cell, a REPL line or a
string given to exec(). A text is believed only when compiling it gives the very same code.
Refused with CompileError: functions whose text is gone.
"""

from __future__ import annotations

import inspect
import linecache
import sys
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from types import CodeType, FrameType, FunctionType
from typing import Any

from .errors import CompileError

MAX_FRAMES = 20  #: how far up the stack the text of an exec() is looked for


def find_source(function: FunctionType) -> tuple[str, str]:
    """Return (text of the whole module or cell, file name for messages). Raises CompileError."""
    code = function.__code__
    for text in _candidates(code):
        if _holds(text, code):
            return text, code.co_filename
    block = _block(function)
    if block is not None:
        return block, code.co_filename
    raise CompileError(
        f"the source of {function.__name__!r} cannot be found",
        file=code.co_filename,
        advice="put it in a file, or compile the text with hologram_atlas.compile_text(text)",
    )


def _candidates(code: CodeType) -> Iterator[str]:
    """Texts that the code may come from."""
    lines = linecache.getlines(code.co_filename)
    if lines:
        yield "".join(lines)
    if code.co_filename == "<string>":
        argv = getattr(sys, "orig_argv", [])
        yield from (argument for option, argument in pairwise(argv) if option == "-c")
    yield from _texts_of_callers(sys._getframe(1), f"def {code.co_name}")
    yield from _typed_lines()


def _texts_of_callers(frame: FrameType | None, head: str) -> Iterator[str]:
    """Strings with a function of this head that the callers hold: what they gave to exec()."""
    for _ in range(MAX_FRAMES):
        if frame is None:
            return
        values: list[Any] = [*frame.f_locals.values(), *frame.f_code.co_consts, *frame.f_globals.values()]
        yield from (value for value in values if isinstance(value, str) and head in value)
        frame = frame.f_back


def _typed_lines() -> Iterator[str]:
    """What was typed last in an interactive interpreter, from the last decorator or def on."""
    readline = sys.modules.get("readline")
    if readline is None:
        return
    count = readline.get_current_history_length()
    lines: list[str] = []
    for position in range(count, max(count - 500, 0), -1):
        lines.insert(0, readline.get_history_item(position) or "")
        if lines[0].startswith(("@", "def ")):
            yield "\n".join(lines) + "\n"


def _holds(text: str, code: CodeType) -> bool:
    """Whether compiling a text gives this code, at this line."""
    try:
        module = compile(text, code.co_filename, "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return any(_same(found, code) for found in _codes(module))


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _same(found: CodeType, code: CodeType) -> bool:
    return (found.co_name, found.co_code, found.co_names, found.co_varnames, found.co_firstlineno) == (
        code.co_name,
        code.co_code,
        code.co_names,
        code.co_varnames,
        code.co_firstlineno,
    ) and _plain(found.co_consts) == _plain(code.co_consts)


def _plain(constants: tuple[Any, ...]) -> list[str]:
    return [repr(constant) for constant in constants if not isinstance(constant, CodeType)]


def _block(function: FunctionType) -> str | None:
    """The text of the function alone, as inspect finds it, at its own line."""
    try:
        lines, first = inspect.getsourcelines(function)
    except (OSError, TypeError):
        return None
    return "\n" * (first - 1) + textwrap.dedent("".join(lines))
