"""Is a phrase parsed, evaluated and printed as docs/grammar.md says, and does every mistake get its message?"""

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import hologram_sigmatics
from hologram_core import HologramError
from hologram_sigmatics import (
    SigmaticsError,
    belt_address,
    class_info,
    evaluate_bytes,
    evaluate_words,
    parse,
    parser,
)
from hologram_sigmatics.nodes import (
    Arrow,
    Context,
    Exchange,
    Op,
    Par,
    Phrase,
    Prefix,
    Range,
    Seq,
    Sigil,
    Span,
    Transform,
)

GRAMMAR = Path(__file__).resolve().parents[2] / "docs" / "grammar.md"


def test_the_documented_grammar_is_the_parsers():
    lines = re.findall(r"^ +# BNF: (.+)\n +def (\w+)\(", inspect.getsource(parser), re.MULTILINE)
    assert [rule.split()[0] for rule, _ in lines] == [method for _, method in lines]
    documented = re.search(r"^```bnf\n(.*?)^```", GRAMMAR.read_text("utf-8"), re.MULTILINE | re.DOTALL)[1]
    assert [" ".join(line.split()) for line in documented.splitlines()] == [" ".join(rule.split()) for rule, _ in lines]


# ---- trees ---------------------------------------------------------------------------------------

MARK, COPY = Op("mark", Sigil(1)), Op("copy", Sigil(2))


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("copy@c00->c01", Op("copy", Arrow(Sigil(0), Sigil(1)))),
        ("swap@c00<->c95", Op("swap", Exchange(Sigil(0), Sigil(95)))),
        ("merge:mul@c00[c01,c02]", Op("merge", Context(Sigil(0), Sigil(1), Sigil(2)), "mul")),
        ("evaluate:my.op@c[00..95]~", Op("evaluate", Range(0, 95, Transform(mirror=True)), "my.op")),
        ("mark@c5^R-3~@47", Op("mark", Sigil(5, Transform(r=-3, mirror=True), 47))),
        ("mark@c0005^-0", Op("mark", Sigil(5, Transform(t=0)))),
        ("mark@c01^T-1->c02", Op("mark", Arrow(Sigil(1, Transform(t=-1)), Sigil(2)))),
        ("merge:copy@c01->c02", Op("merge", Arrow(Sigil(1), Sigil(2)), "copy")),
        ("((mark@c01))", MARK),
        ("mark@c01 . copy@c02 || mark@c01", Par((Seq((MARK, COPY)), MARK))),
        ("mark@c01 . (copy@c02 || mark@c01)", Seq((MARK, Par((COPY, MARK))))),
        ("(mark@c01 . copy@c02) . mark@c01", Seq((Seq((MARK, COPY)), MARK))),
        ("mark@c01 . R+1@ copy@c02 || mark@c01", Seq((MARK, Prefix(Transform(r=1), Par((COPY, MARK)))))),
        ("(R+1 D-2 T+0 ~@ mark@c01) . copy@c02", Seq((Prefix(Transform(1, -2, 0, mirror=True), MARK), COPY))),
        ("// first\nmark@c01 // and\n . copy@c02 //", Seq((MARK, COPY))),
        ("mark@c01\t.\r\n\f\vcopy@c02", Seq((MARK, COPY))),
    ],
)
def test_phrase_is_parsed_to_its_tree(text, tree):
    assert parse(text).body == tree


@pytest.mark.parametrize(
    "text",
    [
        "mark@c01 . R+1@ copy@c02 || mark@c03",
        "(R+1@ mark@c01) . copy@c02",
        "(mark@c01 . R+1@ copy@c02) || mark@c03",
        "R+1 D-2 T+0 ~@ ~@ mark@c01",
        "(mark@c01 . copy@c02) . (mark@c03 || mark@c04)",
        "mark@c01^R-3~@47 || mark@c[00..12]^D+1~ || mark@c05^-2",
        "merge:my.op@c00^+1[c01,c02] . swap@c00<->c01",
    ],
)
def test_phrase_prints_as_it_was_written(text):
    assert str(parse(text)) == text.replace("(mark@c01 . R+1@ copy@c02) ||", "mark@c01 . (R+1@ copy@c02) ||")


def test_every_node_knows_where_it_was_written():
    text = "R+1@ (mark@c01 .\n copy@c02^+1->c03@4)"
    prefix = parse(text).body
    assert prefix.span == Span(0, len(text))
    assert [text[slice(*node.span)] for node in (prefix.transform, prefix.body.items[1])] == [
        "R+1", "copy@c02^+1->c03@4",
    ]  # fmt: skip
    arrow = prefix.body.items[1].target
    assert [text[slice(*sigil.span)] for sigil in arrow.sigils] == ["c02^+1", "c03@4"]
    assert text[slice(*arrow.source.postfix.span)] == "^+1"


def test_spans_do_not_make_trees_different():
    assert parse("mark@c01") == parse(" mark @ c1 // same")
    assert hash(parse("mark@c01")) == hash(parse(" mark @ c1"))


def test_a_tree_is_taken_wherever_a_text_is():
    tree = parse("R+1@ mark@c00")
    assert parse(tree) is tree
    assert evaluate_bytes(tree) == evaluate_bytes("R+1@ mark@c00")
    assert evaluate_words(tree) == evaluate_words("R+1@ mark@c00")


@pytest.mark.parametrize("value", [None, 3, b"mark@c00", ["mark@c00"]])
def test_what_is_no_text_is_a_type_error(value):
    with pytest.raises(TypeError, match=f"got {type(value).__name__}"):
        parse(value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Sigil(96), "class 96"),
        (lambda: Sigil(-1), "class -1"),
        (lambda: Sigil(0, page=48), "page 48"),
        (lambda: Sigil(0, Transform(r=1, t=1)), "at most one of r, d, t"),
        (lambda: Range(3, 3), "3..3"),
        (lambda: Range(0, 96), "0..96"),
        (lambda: Transform(), "does nothing"),
        (lambda: Op("paint", Sigil(0)), "'paint'"),
        (lambda: Op("merge", Sigil(0), "a b"), "'a b'"),
        (lambda: Seq((MARK,)), "one"),
        (lambda: Par(()), "branch"),
    ],
)
def test_nodes_that_no_text_gives_are_refused(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


# ---- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "mark c01",
            'line 1, column 6: unexpected \'c01\'\n    mark c01\n         ^~~\n  expected "@" or ":"',
        ),
        (
            "mark@c01 .\n\tcopy@c96",
            "line 2, column 7: there is no class 96\n    \tcopy@c96\n    \t     ^~~\n  expected a class c00 to c95",
        ),
        ("mark@c00^3", 'line 1, column 10: unexpected \'3\'\n    mark@c00^3\n             ^\n  expected "+" or "-"'),
        (
            "mark@c[07..03]",
            "line 1, column 6: the range 7..3 ends before it begins\n    mark@c[07..03]\n         ^~~~~~~~~\n  expected start < end",
        ),
        (
            "mark@c[3..3]",
            "line 1, column 6: the range 3..3 ends before it begins\n    mark@c[3..3]\n         ^~~~~~~\n  expected start < end",
        ),
        (
            "mark@c00@48",
            "line 1, column 10: there is no page 48\n    mark@c00@48\n             ^~\n  expected a page 0 to 47",
        ),
        (
            "(mark@c00",
            'line 1, column 10: the text ends here\n    (mark@c00\n             ^\n  expected ")", "." or "||"',
        ),
    ],
)
def test_error_shows_the_place_and_what_was_expected(text, message):
    with pytest.raises(SigmaticsError) as caught:
        parse(text)
    assert str(caught.value) == message


def test_error_has_its_parts():
    with pytest.raises(SigmaticsError) as caught:
        parse("mark@c00 .\n  merge:mul@c00[c01 c02]")
    error = caught.value
    assert (error.line, error.column, error.expected) == (2, 21, ('","',))
    assert error.message == "unexpected 'c02'"
    assert isinstance(error, HologramError)
    assert isinstance(error, ValueError)


@pytest.mark.parametrize("text", ["mark@c00 . " * 20_000, "$" * 1_000_000, "mark@c" + "9" * 1_000_000])
def test_errors_of_long_texts_are_short(text):
    with pytest.raises(SigmaticsError) as caught:
        parse(text)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "text",
    ["R+1234567890@ mark@c00", "mark@c00^-" + "9" * 5000, "mark@c[0.." + "9" * 5000 + "]", "mark@c00@" + "9" * 5000],
)
def test_numbers_of_any_length_are_errors(text):
    with pytest.raises(SigmaticsError, match="there is no"):
        parse(text)


def test_leading_zeros_do_not_count():
    assert evaluate_bytes("R+" + "0" * 5000 + "1@ mark@c" + "0" * 5000 + "5") == evaluate_bytes("R+1@ mark@c05")


@pytest.mark.parametrize("opening", ["(", "R+1@", "R+1@(", "(R+1@", "(mark@c00 . ", "(~@ mark@c00 || "])
def test_phrases_are_nested_to_a_limit_and_no_deeper(opening):
    closing = ")" if "(" in opening else ""
    steps = parser.MAX_DEPTH - (opening == "R+1@(")  # its first prefix has no parenthesis before it

    def nested(times):
        return opening * times + "mark@c00" + closing * times

    tree = parse(nested(steps))
    assert parse(str(tree)) == tree
    assert hash(tree) == hash(parse(str(tree)))
    assert evaluate_bytes(tree).bytes[-1] == evaluate_bytes(str(tree)).bytes[-1]
    for times in (steps + 1, 100_000):
        with pytest.raises(SigmaticsError, match=f"more than {parser.MAX_DEPTH} deep") as caught:
            parse(nested(times))
        assert caught.value.column > steps
    with pytest.raises(SigmaticsError):
        parse(opening * 100_000)


def test_groups_beside_each_other_are_no_deeper():
    assert len(parse(" . ".join(["(mark@c00 || ~@ mark@c01)"] * 1000)).body.items) == 1000


# ---- meaning -------------------------------------------------------------------------------------


def test_bytes_fall_into_96_classes():
    found = {byte: class_info(byte) for byte in range(256)}
    assert {info.number for info in found.values()} == set(range(96))
    for byte, info in found.items():
        assert info.number == 24 * info.h2 + 8 * info.d + info.l
        assert info.h2 == 2 * (byte >> 7 & 1) + (byte >> 6 & 1)
        assert info.d == {(0, 0): 0, (1, 1): 0, (1, 0): 1, (0, 1): 2}[byte >> 4 & 1, byte >> 5 & 1]
        assert info.l == 4 * (byte >> 3 & 1) + 2 * (byte >> 2 & 1) + (byte >> 1 & 1)
        assert byte in info.bytes
        assert info.byte == 64 * info.h2 + (0, 16, 32)[info.d] + 2 * info.l
        assert class_info(info.byte) == info == class_info(f"c{info.number}")
        assert len(info.bytes) == (4 if info.d == 0 else 2)


def test_belt_address_counts_bytes_of_pages():
    assert belt_address(0, 0) == 0
    assert belt_address(47, 255) == 12_287
    assert belt_address(3, 6) == 774


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: class_info(256), "byte 256: expected 0 to 255"),
        (lambda: class_info(-1), "byte -1"),
        (lambda: class_info("c96"), "no class 'c96'"),
        (lambda: class_info("21"), "no class '21'"),
        (lambda: class_info("c" + "0" * 9 + "9" * 9), "no class"),
        (lambda: belt_address(48, 0), "page 48: expected 0 to 47"),
        (lambda: belt_address(0, 256), "byte 256"),
    ],
)
def test_classes_and_pages_that_do_not_exist_are_errors(call, message):
    with pytest.raises(SigmaticsError, match=message):
        call()


@pytest.mark.parametrize("call", [lambda: class_info(1.5), lambda: belt_address("1", 0), lambda: class_info(None)])
def test_what_is_no_number_is_a_type_error(call):
    with pytest.raises(TypeError):
        call()


@pytest.mark.parametrize(
    ("text", "bytes_", "addresses"),
    [
        ("merge@c00[c01,c02@2]", [0, 2, 4], [516]),
        ("swap@c00@1<->c01", [0, 2], [256]),
        ("copy@c00->c08", [0, 16], []),
        ("mark@c[06..09]", [12, 14, 16, 18], []),
        ("R+1@ mark@c[06..09]^+1", [78, 64, 82, 84], []),
        ("mark@c00 . mark@c01@1 || mark@c02@0", [0, 2, 4], [258, 4]),
        ("D+1@ (~@ mark@c08)", [0], []),
        ("~@ (D+1@ mark@c08)", [16], []),
    ],
)
def test_bytes_are_those_of_all_classes_as_written(text, bytes_, addresses):
    assert (evaluate_bytes(text).bytes, evaluate_bytes(text).addresses) == (bytes_, addresses)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("copy@c00->c08", "copy[d=0]"),
        ("merge:mul@c08[c01,c02]", "merge[d=1]"),
        ("quote@c[06..09]", "quote[ℓ=6]"),  # noqa: RUF001
        ("D+1@ (~@ merge@c08)", "→δ[1] →δ[1] →μ merge[d=0] ←δ[1] ←μ ←δ[1]"),
        ("R+0 T+8@ mark@c00", "→τ[8] mark ←τ[8]"),
        ("D-4@ mark@c00", "→δ[2] mark ←δ[2]"),
    ],
)
def test_words_take_the_first_class_after_all_transforms(text, words):
    assert evaluate_words(text).words == words.split()


# ---- the package ---------------------------------------------------------------------------------


def test_everything_that_is_named_exists():
    for name in hologram_sigmatics.__all__:
        assert getattr(hologram_sigmatics, name).__name__ == name
    assert set(hologram_sigmatics.__all__) <= set(dir(hologram_sigmatics))
    with pytest.raises(AttributeError, match="no attribute 'compile'"):
        hologram_sigmatics.compile  # noqa: B018


def test_a_process_that_reads_no_phrase_imports_nothing_of_the_language():
    code = (
        "import sys, hologram_sigmatics.plugin; print(*sorted(m for m in sys.modules if m.startswith('hologram_sig')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    language = {
        "parser",
        "lexer",
        "nodes",
        "classes",
        "evaluate",
        "canonical",
        "effects",
        "rules",
        "printer",
        "commands",
    }
    assert not language & {name.rpartition(".")[2] for name in done.stdout.split()}


def test_phrase_made_by_hand_prints():
    assert str(Phrase(Seq((MARK, Par((COPY, MARK)))))) == "mark@c01 . (copy@c02 || mark@c01)"
