"""Is a Kernel checked when it is made, so that nothing behind it has to?"""

from functools import partial

import pytest

import hologram_core as hg
from hologram_core import Kernel, Refusal, Signature, SignatureError

UNARY = Signature.parse("()->()")


def _nothing(x, out):
    """Do nothing.

    Not even that.
    """


def _make(**fields):
    return Kernel(**{"op": "f", "signature": UNARY, "dtype": "f32", "function": _nothing, **fields})


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"tier": "best"}, ValueError, "kernel 'f': tier 'best', expected one of inline, user, fallback"),
        ({"dtype": "f33"}, TypeError, "kernel 'f': dtype 'f33', expected one of f32, f64"),
        ({"dtype": "float32"}, TypeError, "kernel 'f': dtype 'float32', expected one of"),
        ({"min_n": -1}, ValueError, "kernel 'f': n from -1 to 9223372036854775807 is no range"),
        ({"min_n": 5, "max_n": 4}, ValueError, "kernel 'f': n from 5 to 4 is no range"),
        ({"max_n": 2**63}, ValueError, "is no range"),
        ({"function": None}, ValueError, "kernel 'f': expected native variants or a Python function, one of the two"),
        ({"variants": (("baseline", 1),)}, ValueError, "expected native variants or a Python function"),
        ({"work": 0}, ValueError, "kernel 'f': work 0, expected a positive number of additions"),
        ({"work": 2**31}, ValueError, "work 2147483648"),
    ],
)
def test_contradiction_is_refused(fields, error, message):
    with pytest.raises(error) as caught:
        _make(**fields)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"op": 5},
        {"op": ""},
        {"op": None},
        {"signature": "()->()"},
        {"min_n": 0.5},
        {"max_n": "9"},
        {"work": 1.5},
        {"priority": "high"},
        {"priority": 1.5},
        {"function": 5},
        {"extent": "x"},
        {"context": None},
        {"extent": -1},
        {"context": 2**64},
        {"function": None, "variants": (("baseline", "address"),)},
        {"function": None, "variants": (("baseline", 0),)},
        {"function": None, "variants": ((5, 5),)},
        {"function": None, "variants": ("baseline",)},
        {"doc": None},
    ],
    ids=repr,
)
def test_field_of_another_type_is_refused(fields):
    with pytest.raises((TypeError, ValueError)):
        _make(**fields)


def test_from_python_takes_name_and_documentation_from_the_function():
    kernel = Kernel.from_python(_nothing, signature="()->()", dtype=float)
    assert (kernel.op, kernel.dtype, kernel.doc, kernel.tier) == ("_nothing", "f64", "Do nothing.", "user")
    assert Kernel.from_python(_nothing, op="relu", doc="mine", signature="()->()", dtype="f4").doc == "mine"


@pytest.mark.parametrize("value", [None, 5, "add"])
def test_from_python_refuses_what_cannot_be_called(value):
    with pytest.raises(TypeError, match=r"from_python\(\) argument 'function': expected a callable, got"):
        Kernel.from_python(value, op="f", signature="()->()", dtype="f32")


def test_from_python_needs_a_name():
    with pytest.raises((TypeError, ValueError)):
        Kernel.from_python(partial(_nothing), signature="()->()", dtype="f32")


def test_native_refuses_a_signature_that_does_not_parse():
    with pytest.raises(SignatureError, match="column 3"):
        Kernel.native("f", "()", "f32", {"baseline": 1})


@pytest.mark.parametrize(
    ("tier", "priority", "expected"),
    [("inline", None, 300), ("user", None, 200), ("fallback", None, 100), ("user", 250, 250), ("inline", 0, 0)],
)
def test_priority_is_the_kernels_own_or_the_tiers(tier, priority, expected):
    assert _make(tier=tier, priority=priority).rank_priority == expected


def test_serves_both_ends_of_its_range():
    kernel = _make(min_n=3, max_n=5)
    assert [n for n in range(8) if kernel.serves(n)] == [3, 4, 5]


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        (("baseline",), ("baseline", 1)),
        (("baseline", "avx2"), ("avx2", 2)),
        (("baseline", "avx2", "avx512"), ("avx2", 2)),
        ((), None),
        (("neon",), None),
    ],
)
def test_best_variant_is_the_highest_level_there_is(levels, expected):
    kernel = Kernel.native("f", "()->()", "f32", {"avx2": 2, "baseline": 1})
    assert kernel.best_variant(levels) == expected


def test_python_function_is_a_variant_for_every_level():
    assert _make().best_variant(()) == ("python", 0)


def test_owner_makes_no_difference_to_equality():
    one, other = _make(owner=[1]), _make(owner=[2])
    assert one == other
    assert hash(one) == hash(other)


def test_kernels_and_refusals_are_frozen():
    with pytest.raises(AttributeError):
        _make().work = 5
    with pytest.raises(AttributeError):
        Refusal("no").reason = "yes"
    assert hg.MAX_N == 2**63 - 1
