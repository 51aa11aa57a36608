"""Does each rule say its law, and only that; and what do circuits read and write?"""

import inspect
import re

import pytest

from hologram_sigmatics import Phrase, SigmaticsError, canonicalize, equivalent, parse
from hologram_sigmatics.effects import inputs_of, outputs_of, steps_of
from hologram_sigmatics.nodes import Op, Par, Sigil
from hologram_sigmatics.rules import data

H, X, Z, S, I = "copy@c05 . mark@c21", "mark@c21", "mark@c42", "mark@c07", "mark@c00"  # noqa: E741


def _phrase(*parts):
    return " . ".join(parts)


# ---- gates ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "normal", "applied"),
    [
        (_phrase(H, X, H), Z, ["HXH=Z"]),
        (_phrase(H, H), I, ["H²=I"]),
        (_phrase(X, X), I, ["X²=I"]),
        (_phrase(Z, Z), I, ["Z²=I"]),
        (_phrase(S, S), Z, ["S²=Z"]),
        (_phrase(I, I), I, ["I·I=I"]),
        (_phrase(I, X), X, ["unit"]),
        (_phrase(X, I), X, ["unit"]),
        (_phrase("swap@c03", I), "swap@c03", ["unit"]),
        (_phrase(H, Z, H), X, ["HZH=X"]),
        (_phrase(X, H), _phrase(H, Z), ["XH=HZ"]),
        (_phrase(Z, H), "copy@c05", ["ZH=HX", "X²=I", "unit"]),  # H X
        (_phrase(S, S, S, S), I, None),
        (_phrase(H, H, H), H, None),
        (H, H, []),
        ("copy@c05", "copy@c05", []),
        (_phrase(Z, X), _phrase(Z, X), []),
        # groups, branches, transforms
        (f"({X} . {S}) . ({S} . {X})", _phrase(X, Z, X), ["S²=Z"]),
        (f"{X} . {X} || {S} . {S}", f"{I} || {Z}", ["X²=I", "S²=Z"]),
        (f"({X} . {X} || {Z}) . {I}", f"{I} || {Z}", ["X²=I", "unit"]),
        (f"({I} . ({X} || {Z})) || {S}", f"{X} || {Z} || {S}", ["unit"]),
        (f"{X} . ({X} || {Z}) . {X}", f"{X} . ({X} || {Z}) . {X}", []),
        ("T+1@ mark@c20 . mark@c20", I, ["transform push-down", "X²=I"]),
        ("mark@c20^+1 . mark@c13~", I, ["transform push-down", "X²=I"]),
        ("R+1@ mark@c21 . mark@c21", "mark@c45 . mark@c45", ["transform push-down"]),
        ("T+6@ mark@c[00..03]", "T+6@ mark@c[00..03]", []),
        ("R+1@ mark@c[06..09]^~".replace("^~", "~"), "R+1 ~@ mark@c[06..09]", ["transform push-down"]),
        ("D+1@ mark@c[00..03]", "mark@c[08..11]", ["transform push-down"]),
    ],
)
def test_gate_rules_lead_to_the_normal_form(text, normal, applied):
    found = canonicalize(text)
    assert str(found.phrase) == normal
    assert applied is None or found.applied == applied


@pytest.mark.parametrize(
    "text",
    [
        "mark@c21@3 . mark@c21@3",  # on a page it is not the gate
        "mark:x@c21 . mark:x@c21",
        "mark@c05 . mark@c05",
        "copy@c21 . copy@c21",
        "mark@c21->c21 . mark@c21->c21",
        "copy@c04 . copy@c04",
    ],
)
def test_what_is_no_gate_is_left_alone(text):
    assert (str(canonicalize(text).phrase), canonicalize(text).applied) == (text, [])


def test_equivalent_phrases_have_one_normal_form():
    assert equivalent(_phrase(H, X, H), Z)
    assert equivalent(_phrase(X, H), _phrase(H, Z))
    assert equivalent(parse(f"({X})"), f"(T+1@ mark@c20) . {I}")
    assert not equivalent(X, Z)
    assert not equivalent(_phrase(X, Z), _phrase(Z, X))
    assert not equivalent(f"{X} || {Z}", f"{Z} || {X}")
    assert not equivalent(f"{X} || {X}", I)


def test_long_words_are_rewritten():
    assert str(canonicalize(_phrase(*[Z, X] * 100, *[H] * 101)).phrase).startswith("copy@c05")
    assert canonicalize(_phrase(*[X] * 4001)).phrase == parse(X)
    assert canonicalize(_phrase(*[H, S, S, H, X] * 1000)).phrase == parse(I)


# ---- what circuits read and write ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "inputs", "outputs"),
    [
        ("mark@c02", [2], [2]),
        ("copy@c00->c01", [0], [1]),
        ("swap@c03<->c01", [1, 3], [1, 3]),
        ("merge@c00[c01,c02]", [0, 1], [2]),
        ("split:div@c02[c01,c02]", [1, 2], [2]),
        ("merge:exp@c00->c00", [0], [0]),
        ("evaluate:vector_fma@c[00..03]", [0, 1, 2], [3]),
        ("evaluate:softmax@c09->c01", [9], [1]),
        ("mark@c[04..06]", [4, 5, 6], [4, 5, 6]),
        ("quote@c07", [], []),
        ("evaluate@c02 . quote@c05 . merge@c00[c01,c02]", [0, 1], [2]),
        ("merge:mul@c02[c03,c04] . merge@c00[c01,c02]", [0, 1, 3], [4]),
        ("merge@c00[c01,c02] || merge:mul@c00[c01,c03] . mark@c04", [0, 1, 4], [2, 3]),
        ("(mark@c05 || quote@c06) . copy@c00->c05", [0], [5]),
        ("R+1@ merge@c00[c01,c02^+1]", [24, 25], [27]),
        ("~@ D+1@ merge@c00[c08,c16]", [8, 16], [0]),
    ],
)
def test_inputs_and_outputs_follow_from_the_ops(text, inputs, outputs):
    assert (list(inputs_of(text)), list(outputs_of(text))) == (inputs, outputs)


def test_steps_are_in_the_order_of_running():
    steps = steps_of("R+1@ mark@c02 . (copy@c00->c01 || swap@c03<->c04)")
    assert [(step.op.generator, step.classes, step.reads, step.writes) for step in steps] == [
        ("copy", (24, 25), (24,), (25,)),
        ("swap", (27, 28), (27, 28), (27, 28)),
        ("mark", (26,), (26,), (26,)),
    ]


@pytest.mark.parametrize(
    ("text", "column", "form"),
    [
        ("copy@c05", 1, "copy@cA->cB"),
        ("copy:x@c00->c01", 1, "copy without a name"),
        ("mark@c00 . swap@c05", 12, "swap@cA<->cB"),
        ("mark@c00->c01", 1, "mark@cA"),
        ("merge@c00->c01", 1, "merge:NAME@cS->cD"),
        ("merge:exp@c00", 1, "merge:NAME@cS[cC,cD]"),
        ("split:div@c00->c01", 1, "split:NAME@cS[cC,cD]"),
        ("split@c[00..03]", 1, "split@cS[cC,cD]"),
        ("evaluate:relu@c00", 1, "evaluate:NAME@cS->cD"),
        ("evaluate@c00->c01", 1, "evaluate:NAME@cS->cD"),
        ("quote@c00[c01,c02]", 1, "quote@cA"),
    ],
)
def test_symbolic_forms_are_refused_on_data_with_the_form_to_write(text, column, form):
    for call in (steps_of, inputs_of, outputs_of, lambda text: canonicalize(text, "data")):
        with pytest.raises(SigmaticsError, match="no meaning on data") as caught:
            call(text)
        assert caught.value.column == column
        assert form in str(caught.value)


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("mark@c00 || mark@c00", 13),
        ("copy@c00->c01 || copy@c00->c02 || copy@c02->c03", 35),
        ("copy@c00->c01 || mark@c00", 18),
        ("mark@c24 || quote@c24 || (R+1@ copy@c00->c02)", 27),
        ("mark@c05 . (copy@c00->c01 || merge@c02[c03,c04] . mark@c01)", 30),
    ],
)
def test_branches_that_depend_on_each_other_are_refused(text, column):
    with pytest.raises(SigmaticsError, match='write "\\."') as caught:
        steps_of(text)
    assert caught.value.column == column


def test_branches_may_read_the_same():
    assert len(steps_of("copy@c00->c01 || copy@c00->c02 || quote@c01")) == 3


def test_trees_made_by_hand_are_refused_without_a_place():
    with pytest.raises(SigmaticsError) as caught:
        steps_of(Phrase(Par((Op("mark", Sigil(0)), Op("mark", Sigil(0))))))
    assert (caught.value.line, caught.value.column) == (0, 0)


# ---- data ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "normal", "applied"),
    [
        ("merge@c00[c01,c02]", "merge@c00[c01,c02]", []),
        # double mark
        ("mark@c02 . mark@c02 . copy@c00->c02", "copy@c00->c02", ["double mark"]),
        ("copy@c00->c01 . mark@c00 . mark@c02 . mark@c00", "copy@c00->c01", ["double mark", "dead write"]),
        ("mark@c00 . copy@c00->c01 . mark@c00 . copy@c01->c02", "mark@c00 . mark@c00", None),
        ("mark@c02 . mark@c02 . mark@c02 . copy@c00->c02", "mark@c02 . copy@c00->c02", ["double mark"]),
        ("mark@c00", "mark@c00", []),
        # double swap
        ("copy@c00->c02 . swap@c00<->c01 . swap@c01<->c00", "copy@c00->c02", ["double swap"]),
        ("copy@c00->c02 . swap@c00<->c01 . mark@c01 . swap@c01<->c00", None, []),
        # dead write
        ("copy@c00->c02 . merge@c00[c01,c02]", "copy@c00->c02", ["dead write"]),
        ("merge@c00[c02,c03] . merge@c00[c01,c02]", "merge@c00[c02,c03] . merge@c00[c01,c02]", []),
        ("copy@c00->c02 . evaluate:my.op@c00->c05", None, []),
        ("copy@c00->c02 . evaluate:exp@c00->c05", "copy@c00->c02", ["dead write"]),
        ("copy@c00->c02 . quote@c00 . evaluate@c00", "copy@c00->c02", ["dead write", "dead write"]),
        # no change
        ("merge@c00[c01,c02] . copy@c00->c00", "merge@c00[c01,c02]", ["no change"]),
        ("copy@c00->c00", "copy@c00->c00", []),
        # common sub-expression, copy propagation
        (
            "merge:mul@c02[c03,c04] . merge@c01[c00,c03] . merge@c00[c01,c02]",
            "merge:mul@c02[c02,c04] . merge@c00[c01,c02]",
            ["common sub-expression", "copy propagation", "dead write"],
        ),
        ("merge:mul@c02[c03,c04] . split@c01[c00,c03] . split@c00[c01,c02]", None, []),
        ("merge:mul@c02[c03,c04] . merge:min@c01[c00,c03] . merge:min@c00[c01,c02]", None, []),
        ("merge:mul@c02[c03,c04] . merge:pow@c01[c00,c03] . merge:pow@c00[c01,c02]", None, []),
        ("merge@c02[c03,c04] . evaluate:exp@c00->c03 . merge:exp@c00->c02", None, []),
        ("merge@c02[c03,c04] . evaluate:my.op@c00->c03 . evaluate:my.op@c00->c02", None, []),
        (
            "merge@c02[c03,c04] . evaluate:exp@c00->c03 . evaluate:exp@c00->c02",
            "merge@c02[c02,c04] . evaluate:exp@c00->c02",
            None,
        ),
        ("merge@c02[c03,c04] . evaluate:exp@c00->c03 . mark@c00 . evaluate:exp@c00->c02", None, []),
        ("merge:exp@c01->c02 . copy@c00->c01", "merge:exp@c00->c02", ["copy propagation", "dead write"]),
        ("merge@c01[c00,c02] . mark@c00 . copy@c00->c01", None, []),
        (
            "merge@c02[c01,c03] . mark@c01 . merge:abs@c01->c02 . mark@c01 . copy@c00->c01",
            "merge@c02[c00,c03] . merge:abs@c01->c02 . mark@c01 . copy@c00->c01",
            ["copy propagation", "dead write"],
        ),
        # branches stay independent, outputs stay the same
        ("merge@c00[c01,c02] || merge@c00[c01,c03]", None, []),
        ("(merge:exp@c01->c02 || mark@c00) . copy@c00->c01", None, []),
        ("mark@c05 . mark@c05 . merge@c00[c01,c02]", "mark@c05 . mark@c05", ["dead write"]),
        ("copy@c01->c02 . copy@c02->c01", "copy@c02->c02", None),
        # transforms
        ("R+1@ merge@c00[c01^+1,c02]", "merge@c24[c26,c26]", ["transform push-down"]),
    ],
)
def test_data_rules_lead_to_the_normal_form(text, normal, applied):
    found = canonicalize(text, rules="data")
    assert str(found.phrase) == (normal or text)
    assert applied is None or found.applied == applied
    assert (found.ops_before, found.ops_after) == (len(steps_of(text)), len(steps_of(found.phrase)))


def test_named_outputs_are_those_that_count():
    text = "copy@c00->c03 . mark@c05 . mark@c05 . merge@c00[c01,c02]"
    assert str(canonicalize(text, "data").phrase) == "copy@c00->c03"
    assert str(canonicalize(text, "data", outputs=["c02"]).phrase) == "merge@c00[c01,c02]"
    assert str(canonicalize(text, "data", outputs=("c3", "c02")).phrase) == "copy@c00->c03 . merge@c00[c01,c02]"
    assert canonicalize(text, "data", outputs=["c05"]).ops_after == 1  # there is no phrase of nothing


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"rules": "both"}, ValueError, 'expected "gates", or "data"'),
        ({"rules": "gates", "outputs": ["c00"]}, ValueError, "alone takes outputs"),
        ({"rules": "data", "outputs": ["c96"]}, SigmaticsError, "no class 'c96'"),
        ({"rules": "data", "outputs": [3]}, TypeError, "c05"),
    ],
)
def test_wrong_arguments_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        canonicalize("mark@c00", **arguments)


def test_every_data_rule_states_its_law():
    source = inspect.getsource(data)
    for rule in data.RULES.values():
        assert re.search(rf"^# Law: .+\ndef {rule.__name__}\(", source, re.MULTILINE)
