"""Does `hologram circuit` show what the library says of a phrase?"""

import json

from hologram_core.cli import run
from hologram_sigmatics import canonicalize, evaluate_bytes, evaluate_words

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
    lines = dict(line.split() for line in capsys.readouterr().out.splitlines())
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
    assert printed.err.startswith("hologram: line 1, column 6: unexpected 'c00'\n    mark c00\n         ^~~\n")
