"""Programs that are not in the language: each is refused, with exactly the message in rejected.txt.

A section of that file is a name, a program, and what the compiler says about it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hologram_atlas.compiler import lower, read
from hologram_atlas.errors import CompileError
from hologram_atlas.parse import parse_source


def sections() -> Iterator[tuple[str, str, str]]:
    text = Path(__file__).with_name("rejected.txt").read_text(encoding="utf-8")
    for section in text.split("=== ")[1:]:
        name, _, rest = section.partition("\n")
        source, _, message = rest.partition("---\n")
        yield name, source, message.rstrip("\n")


SECTIONS = list(sections())


@pytest.mark.parametrize(("source", "message"), [item[1:] for item in SECTIONS], ids=[item[0] for item in SECTIONS])
def test_program_is_refused_with_its_message(source: str, message: str) -> None:
    with pytest.raises(CompileError) as caught:
        compile_all(source)
    assert str(caught.value) == message


def compile_all(source: str) -> None:
    for kernel in parse_source(source, "k.py"):
        lower(kernel)


def test_there_are_at_least_a_hundred() -> None:
    assert len(SECTIONS) >= 100
    assert len({message for _, _, message in SECTIONS}) >= 100


def test_error_has_its_place_and_advice_as_attributes() -> None:
    with pytest.raises(CompileError) as caught:
        parse_source("def f(x: DeviceArray[f32]):\n    x[0] = foo(1)\n", "k.py")
    error = caught.value
    assert (error.file, error.line, error.column) == ("k.py", 2, 12)
    assert error.message == "unknown function 'foo'"
    assert error.advice == "closest: floor, floorf"


def test_caret_is_under_the_place_in_lines_with_other_letters() -> None:
    with pytest.raises(CompileError) as caught:
        parse_source("def f(größe: DeviceArray[f32]):\n    größe[0] = größe[0] + höhe\n", "k.py")
    *_, line, caret, _ = str(caught.value).split("\n")
    assert line[caret.index("^") :] == "höhe"
    assert caret.strip() == "^~~~"


EVIL = """
import pathlib
pathlib.Path(__file__).with_name("executed").touch()

def f(x: DeviceArray[f32], n: u32):
    i = get_global_id()
    if i < n:
        x[i] = 1.0
"""


def test_compiler_never_executes_the_file(tmp_path: Path) -> None:
    file = tmp_path / "evil.py"
    file.write_text(EVIL)
    assert [kernel.name for kernel in read(file)] == ["f"]
    subprocess.run([sys.executable, "-m", "atlas_compile", str(file)], check=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["evil.json", "evil.py"]


def test_source_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "latin.py"
    file.write_bytes(b"# \xe9\n")
    with pytest.raises(CompileError, match="not UTF-8"):
        read(file)
