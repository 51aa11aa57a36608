"""Does `hologram circuit` show what the library says of a phrase?"""

import json

import numpy as np
import pytest

from hologram_core.cli import run
from hologram_sigmatics import canonicalize, compile_circuit, evaluate_bytes, evaluate_words

PHRASE = "R+1@ (copy@c05@3 . mark@c21 . (evaluate@c21))"


def test_circuit_shows_what_a_phrase_means(capsys):
    assert run(["circuit", PHRASE]) == 0
    assert [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()] == [
        ["phrase", "R+1@ copy@c05@3 . mark@c21 . evaluate@c21"],
        ["bytes", "74 106 106"],
        ["addresses", "842"],
        ["words", "→ρ[1] phase[h₂=1] evaluate mark copy[d=0] ←ρ[1]"],  # noqa: RUF001
        ["canonical", "copy@c29@3 . mark@c45 . evaluate@c45"],
        ["applied", "transform push-down"],
    ]


def test_circuit_says_none_where_there_is_nothing(capsys):
    assert run(["circuit", "mark@c00"]) == 0
    lines = dict(line.split()[:2] for line in capsys.readouterr().out.splitlines())
    assert (lines["addresses"], lines["applied"]) == ("none", "none")


def test_circuit_prints_plain_data(capsys):
    assert run(["circuit", "--json", PHRASE]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "phrase": "R+1@ copy@c05@3 . mark@c21 . evaluate@c21",
        "bytes": evaluate_bytes(PHRASE).bytes,
        "addresses": evaluate_bytes(PHRASE).addresses,
        "words": evaluate_words(PHRASE).words,
        "canonical": str(canonicalize(PHRASE).phrase),
        "applied": ["transform push-down"],
    }


def test_circuit_shows_where_a_phrase_is_wrong(capsys):
    assert run(["circuit", "mark c00"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("line 1, column 6: unexpected 'c00'\n    mark c00\n         ^~~\n")


# ---- on data -------------------------------------------------------------------------------------

MEAN = "// of squares\nmerge:sum@c02->c03 . merge:mul@c00[c01,c02]"


def test_circuit_shows_what_runs_on_data(capsys):
    assert run(["circuit", "merge:relu@c02->c02 . split@c00[c01,c02]", "--dtype", "f64"]) == 0
    printed = capsys.readouterr().out
    assert "\ninputs     c00 c01\noutputs    c02\nprogram    stage 1 of 1: element-wise, (),()->(), f64\n" in printed
    assert " r0 = vector_sub(c00, c01) " in printed
    assert " c02 = r0\n" in printed


def test_circuit_says_which_kernel_is_missing(capsys):
    assert run(["circuit", "merge:exp@c00->c01", "--dtype", "i32", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["inputs"], facts["outputs"]) == (["c00"], ["c01"])
    assert facts["program"][0].startswith("no kernel 'exp' for i32")


@pytest.fixture
def files(tmp_path):
    """A file with a phrase, and two arrays."""
    (tmp_path / "mean.sigil").write_text(MEAN)
    np.save(tmp_path / "x.npy", np.arange(5, dtype="f4"))
    np.save(tmp_path / "y.npy", np.full(5, 2, "f4"))
    return tmp_path


@pytest.mark.parametrize("names", [("a", "b"), ("c00", "c01")])
def test_circuit_runs_a_phrase_on_files(files, capsys, names):
    words = [f"{name}={files / file}" for name, file in zip(names, ("x.npy", "y.npy"), strict=True)]
    assert run(["circuit", "--run", str(files / "mean.sigil"), *words]) == 0
    assert capsys.readouterr().out == "c03  float32 ()  20.\n"
    assert run(["circuit", "--run", str(files / "mean.sigil"), *words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"c03": {"dtype": "float32", "shape": [], "values": 20.0}}


def test_names_that_are_classes_go_to_these_classes(files, capsys):
    (files / "split.sigil").write_text("split@c00[c01,c02]")
    words = [f"c01={files / 'x.npy'}", "c00=1"]
    assert run(["circuit", "--run", str(files / "split.sigil"), *words, "--out", str(files / "z.npy")]) == 0
    assert capsys.readouterr().out == "c02  float32 (5,)  [ 1.  0. -1. -2. -3.]\n"
    np.testing.assert_array_equal(np.load(files / "z.npy"), 1 - np.arange(5, dtype="f4"))


def test_outputs_are_saved_by_name(files, capsys):
    (files / "two.sigil").write_text("mark@c[00..01]")
    words = [f"a={files / 'x.npy'}", f"b={files / 'y.npy'}"]
    assert run(["circuit", "--run", str(files / "two.sigil"), *words, "--out", f"c01={files / 'z.npy'}"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "c00  float32 (5,)  [-0. -1. -2. -3. -4.]",
        "c01  float32 (5,)  [-2. -2. -2. -2. -2.]",
    ]
    np.testing.assert_array_equal(np.load(files / "z.npy"), np.full(5, -2, "f4"))


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        ([], 2, "expected one phrase, in quotes, or --run FILE"),
        (["mark@c00", "mark@c01"], 2, "expected one phrase, in quotes, or --run FILE"),
        (["--run", "{}/nothing"], 2, "does not exist"),
        (["--run", "{}/mean.sigil"], 1, "the phrase has the inputs c00, c01; 0 are given"),
        (["--run", "{}/mean.sigil", "a={}/x.npy", "a={}/x.npy"], 2, "expected NAME=VALUE, each name once"),
        (["--run", "{}/mean.sigil", "a={}/x.npy", "b"], 2, "'b': expected NAME=VALUE, each name once"),
        (["--run", "{}/mean.sigil", "a={}/x.npy", "b={}/nothing.npy"], 1, "hologram: [Errno 2]"),
        (["--run", "{}/mean.sigil", "a={}/mean.sigil", "b=1"], 1, "hologram: "),
        (["--run", "{}/mean.sigil", "a={}/x.npy", "b={}/y.npy", "--out", "y={}/z.npy"], 2, "the outputs are c03"),
        (["--run", "{}/x.npy", "a=1"], 1, "hologram: "),
    ],
)
def test_mistakes_with_run_are_one_line(files, capsys, words, status, message):
    assert run(["circuit", *(word.format(files) for word in words)]) == status
    assert message in capsys.readouterr().err


def test_the_program_is_that_of_the_library(capsys):
    phrase = "merge:sum@c01->c02 . merge:exp@c00->c01"
    assert run(["circuit", phrase, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert "\n".join(facts["program"]) == compile_circuit(phrase).program()
