"""Does `hologram bench` print, draw and refuse what the bench measures, on a terminal and in a pipe?"""

import importlib.util
import json

import pytest
from support.terminal import on_terminal

from hologram_core import default
from hologram_core.cli import run


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    """In a folder of its own, with one provider of kernels."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOLOGRAM_DISABLE", "hologram-sigmatics")
    monkeypatch.setattr(default, "_runtime", None)


def test_table_and_picture(tmp_path, capsys):
    assert run(["bench", "relu", "--n", "1,100", "--against", "numpy"]) == 0
    printed = capsys.readouterr()
    heading, *rows = printed.out.splitlines()
    assert heading.split() == ["op", "dtype", "n", "who", "best", "p50", "p99", "p99.9", "numpy", "takes"]
    assert [row.split()[:4] for row in rows] == [
        ["relu", "f32", n, who] for n in ("1", "100") for who in ("hologram-stdlib", "numpy")
    ]
    assert rows[1].endswith(" 1.00x")
    assert printed.err == "saved hologram-bench.svg\n"
    assert (tmp_path / "hologram-bench.svg").stat().st_size > 5000


def test_json_alone_is_on_stdout(tmp_path, capsys):
    assert run(["bench", "relu", "--n", "8", "--json", "--plot", "relu.png"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [row["who"] for row in data["rows"]] == ["hologram-stdlib", "numpy"]
    assert (tmp_path / "relu.png").is_file()


def test_no_picture_if_none_is_wanted(tmp_path, capsys):
    assert run(["bench", "relu", "--n", "8", "--against", "", "--no-plot"]) == 0
    assert capsys.readouterr().err == ""
    assert list(tmp_path.iterdir()) == []


def test_what_is_left_out_is_named(capsys):
    assert run(["bench", "relu", "--n", "8,100000,200000", "--no-plot"]) == 0
    assert capsys.readouterr().err == "left out: no provider serves relu f32 at n = 100000, 200000\n"


def test_without_matplotlib_the_table_is_there_and_a_line_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    line = "no plot: matplotlib is not installed; pip install 'hologram-core[plot]'"
    assert run(["bench", "relu", "--n", "8"]) == 0
    printed = capsys.readouterr()
    assert "relu" in printed.out
    assert printed.err == f"{line}\n"
    assert run(["bench", "relu", "--n", "8", "--plot", "x.svg"]) == 1
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", f"hologram: {line}\n")


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["bench", "--n", "1,x"], 2, "hologram bench: Invalid value for '--n': expected numbers of elements, such as"),
        (["bench", "relo"], 1, "hologram: no kernel 'relo'; "),
        (["bench", "relu", "--against", "jax"], 1, "hologram: no peer 'jax'; there are numpy, numba, torch"),
        (["bench", "relu", "--dtype", "f33"], 1, "hologram: 'f33' is not a dtype of Hologram"),
        (["bench", "relu", "--plot", "x.pdf"], 1, "hologram: x.pdf: expected a name that ends with .svg or .png"),
    ],
)
def test_misuse_is_one_line(capsys, arguments, status, message):
    assert run(arguments) == status
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert line.startswith(message)


@pytest.mark.parametrize("columns", [80, 160])
def test_terminal_shows_a_bar_and_then_the_table(columns):
    screen = on_terminal("bench", "vector_add", "--n", "1,3072", "--no-plot", columns=columns)
    assert screen.status == 0
    assert "timing" in screen.raw
    table = screen.text[screen.text.rindex("op ") :].splitlines()
    assert len(table) == 5
    assert max(map(len, table)) <= columns
    assert {len(row.split()) for row in table[1:]} == {9}
