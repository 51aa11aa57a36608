"""Does compile_circuit make of a phrase what the phrase means on data, and say what is wrong with any other?"""

import gc
import subprocess
import sys
import threading
import time
import weakref

import numpy as np
import pytest
from support.providers import DeclaringProvider, Provider, python_kernel, runtime_of

import hologram_core as hg
from hologram_core import UnknownKernelError, dtypes
from hologram_sigmatics import SigmaticsError, compile_circuit

RNG = np.random.default_rng(5)
SIGMOID = "merge:sigmoid@c04->c05 . merge:add@c03[c02,c04] . merge:mul@c00[c01,c03]"
SIZES = [0, 1, 5, 3071, 3072, 3073, 3 * 3072 + 5]


def _f32(*shape):
    return RNG.standard_normal(shape).astype("f4")


def _by_pages(function, *arrays):
    """A function of arrays, page by page."""
    parts = [function(*(array[at : at + 3072] for array in arrays)) for at in range(0, len(arrays[0]), 3072)]
    return np.concatenate(parts) if parts else np.empty(0, arrays[0].dtype)


# ---- calling -------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", SIZES)
def test_circuit_gives_what_its_ops_give(n):
    circuit = compile_circuit(SIGMOID, {"a": "c00", "b": "c01", "c": "c02"}, {"y": "c05"}, "f32")
    a, b, c = _f32(3, n)
    ops = hg.ops
    expected = _by_pages(lambda a, b, c: ops.sigmoid(ops.vector_add(ops.vector_mul(a, b), c)), a, b, c)
    out = np.empty(n, "f4")
    assert circuit(a, b, c=c, out=out) is out
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(circuit(a, b, c), expected)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 0, 3), (40, 100)])
def test_arrays_have_any_shape(shape):
    circuit = compile_circuit("merge@c00[c01,c02]", dtype="f64")
    a, b = RNG.standard_normal((2, *shape))
    np.testing.assert_array_equal(circuit(a, b), a + b)


@pytest.mark.parametrize("which", ["c00", "c01", "c02"])
@pytest.mark.parametrize("n", [100, 10_000])
def test_output_may_be_an_input(which, n):
    circuit = compile_circuit(SIGMOID)
    arrays = dict(zip(("c00", "c01", "c02"), _f32(3, n), strict=True))
    expected = circuit(**arrays)
    assert circuit(**arrays, out=arrays[which]) is arrays[which]
    np.testing.assert_array_equal(arrays[which], expected)


def test_output_may_overlap_an_input():
    circuit = compile_circuit(SIGMOID)
    memory, b, c = _f32(10_001), _f32(10_000), _f32(10_000)
    expected = circuit(memory[:-1].copy(), b, c)
    circuit(memory[:-1], b, c, out=memory[1:])
    np.testing.assert_array_equal(memory[1:], expected)


def test_arguments_are_converted_as_those_of_any_op():
    circuit = compile_circuit(SIGMOID, dtype="f32")
    a, b, c = _f32(3, 6, 8)
    expected = circuit(a, b, c)
    np.testing.assert_array_equal(circuit(a.astype(">f4"), np.asfortranarray(b), memoryview(c)), expected)
    np.testing.assert_array_equal(circuit(a, b, c[:1]), circuit(a, b, np.repeat(c[:1], 6, axis=0)))
    np.testing.assert_array_equal(circuit([1, 2], [3, 4.5], 1), circuit(*np.array([[1, 2], [3, 4.5], [1, 1]], "f4")))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda f, x: f(x), TypeError, "circuit() misses argument 'b', 'c': circuit(a, b, c, out=None)"),
        (lambda f, x: f(x, x, x, x, x), TypeError, "circuit() takes at most 4 arguments, got 5: circuit(a, b, c, out=None)"),
        (lambda f, x: f(x, x, d=x), TypeError, "circuit() got an unexpected argument 'd': circuit(a, b, c, out=None)"),
        (lambda f, x: f(x, x, x.astype("f8")), TypeError, "circuit() argument 'c': expected float32 of shape (3,), got float64 of shape (3,)"),
        (lambda f, x: f(x, x, x[:2]), ValueError, "circuit() arguments do not broadcast together: 'a' (3,), 'b' (3,), 'c' (2,)"),
        (lambda f, x: f(x, x, x, out=x[:2]), ValueError, "circuit() argument 'out': expected float32 of shape (3,), got float32 of shape (2,)"),
        (lambda f, x: f(x, x, "abc"), TypeError, "circuit() argument 'c': expected one of the dtypes f32, f64, f16, i8, i16, i32, i64, u8, u16, u32, u64, bool, got str (<U3 of shape ())"),
    ],
)  # fmt: skip
def test_bad_calls_are_explained_as_those_of_any_op(call, error, message):
    circuit = compile_circuit(SIGMOID, {"a": "c00", "b": "c01", "c": "c02"}, dtype="f32")
    with pytest.raises(error) as caught:
        call(circuit, np.ones(3, "f4"))
    assert str(caught.value) == message


def test_a_circuit_shows_what_it_is():
    circuit = compile_circuit(SIGMOID, {"b": "c01", "a": "c00", "c": "c02"}, {"y": "c05"}, constants=None)
    assert str(circuit) == SIGMOID
    assert repr(circuit) == "<hologram op circuit(b, a, c, out=None)>"
    assert circuit.inputs == {"b": "c01", "a": "c00", "c": "c02"}
    assert list(circuit.inputs) == ["b", "a", "c"]
    assert (circuit.outputs, circuit.constants) == ({"y": "c05"}, {})
    a, b, c = _f32(3, 9)
    np.testing.assert_array_equal(circuit(b, a, c), compile_circuit(SIGMOID)(a, b, c))


# ---- what generators do --------------------------------------------------------------------------

X, Y, Z = RNG.integers(-9, 9, (3, 50)).astype("f4")
FORMS = [
    ("copy@c00->c07", [X], X),
    ("mark@c00", [X], -X),
    ("mark@c00 . mark@c00", [X], X),
    ("mark@c[00..01]", [X, Y], (-X, -Y)),
    ("swap@c00<->c01", [X, Y], (Y, X)),
    ("merge@c00[c01,c02]", [X, Y], X + Y),
    ("merge@c00[c00,c00]", [X], X + X),
    ("split@c00[c01,c00]", [X, Y], X - Y),
    ("split:div@c00[c01,c01]", [X, np.abs(Y) + 1], X / (np.abs(Y) + 1)),
    *((f"merge:{name}@c00[c01,c02]", [X, Y], f(X, Y)) for name, f in
      (("add", np.add), ("mul", np.multiply), ("min", np.minimum), ("max", np.maximum))),
    ("merge:pow@c00[c01,c02]", [np.abs(X), np.full_like(X, 2)], X * X),
    ("merge:dot@c00[c01,c02]", [X, Y], np.dot(X, Y)),
    ("merge:abs@c00->c01", [X], np.abs(X)),
    ("merge:neg@c00->c00", [X], -X),
    ("merge:relu@c00->c01", [X], np.maximum(X, 0)),
    ("merge:sum@c00->c01", [X], X.sum()),
    ("merge:min@c00->c01", [X], X.min()),
    ("merge:max@c00->c01", [X], X.max()),
    ("merge:prod@c00->c01", [X[:5] + 0.5], np.prod(X[:5] + 0.5)),
    ("evaluate:vector_sub@c00[c01,c02]", [X, Y], X - Y),
    ("evaluate:relu@c00->c01", [X], np.maximum(X, 0)),
    ("evaluate:vector_fma@c[10..13]", [X, Y, Z], X * Y + Z),
    ("quote@c00 . evaluate@c05 . mark@c00", [X], -X),
    ("R+1 T+2@ split@c00[c01,c02]", [X, Y], X - Y),
    ("merge:mul@c02[c02,c03] . merge@c00[c01,c02]", [X, Y], (X + Y) ** 2),
    ("mark@c01 || merge:relu@c00->c02", [X, Y], (-Y, np.maximum(X, 0))),
    ("merge@c03[c04,c05] . (mark@c00 || merge@c01[c01,c03] || copy@c01->c04)", [X, Y], 3 * Y),
    ("merge@c00[c01,c02] . merge:sum@c00->c01", [X], X + X.sum()),
    ("merge:mul@c01[c01,c02] . merge:sum@c00->c01", [X], X.sum() ** 2),
    ("merge:sum@c01->c02 . merge:max@c00->c01", [X], X.max()),
    ("copy@c01->c02 . split@c00[c01,c03] . merge:max@c00->c01", [X], X.max()),
    ("evaluate:scalar_mul@c00[c02,c03] . merge@c01[c01,c02] . merge:sum@c00->c01", [X], X * 2 * X.sum()),
]  # fmt: skip


@pytest.mark.parametrize(("phrase", "arguments", "expected"), FORMS, ids=[form[0] for form in FORMS])
def test_every_generator_does_what_the_table_says(phrase, arguments, expected):
    found = compile_circuit(phrase)(*arguments)
    found, expected = (item if isinstance(item, tuple) else (item,) for item in (found, expected))
    assert [np.shape(item) for item in found] == [np.shape(item) for item in expected]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_mark_of_bool_is_not():
    x = RNG.random(20_000) < 0.5
    np.testing.assert_array_equal(compile_circuit("mark@c00")(x), ~x)
    np.testing.assert_array_equal(compile_circuit("mark@c02 . merge:mul@c00[c01,c02]")(x, x), ~x)


@pytest.mark.parametrize(
    ("phrase", "message"),
    [
        ("copy@c05", "line 1, column 1: copy on this target has no meaning on data; write copy@cA->cB"),
        ("mark@c00 . merge@c05", "line 1, column 12: merge on this target has no meaning on data; write merge@cS[cC,cD]"),
        ("mark@c00 || merge@c01[c00,c02]", "this branch and an earlier one use c00, and one of them writes it"),
        ("merge:nonsense@c00[c01,c02]", "no op 'nonsense' of the catalogue takes 2; evaluate:NAME is for all others"),
        ("merge:exp@c00[c01,c02]", "no op 'exp' of the catalogue takes 2"),
        ("split:sub@c00[c01,c02] . merge:mul@c00->c01", "line 1, column 26: no op 'mul' of the catalogue takes 1"),
        ("evaluate:vector_ad@c00[c01,c02]", "closest names: vector_add"),
        ("evaluate:vector_add@c00->c01", "vector_add takes 2 arguments and gives 1 results; here are 1 classes and 1"),
        ("evaluate:vector_fma@c[0..1]", "vector_fma takes 3 arguments and gives 1 results; here are 1 classes and 1"),
        ("evaluate:scalar_add@c02[c01,c03] . merge@c00[c00,c01]", "scalar_add takes a number for 'value', and c01 holds an array"),
        ("merge@c01[c01,c02] . evaluate:scalar_add@c00[c01,c03]", "vector_add here follows from numbers alone; compute it before the call"),
        ("evaluate:softmax@c01->c02 . merge:sum@c00->c01", "softmax takes rows, and one of its classes holds a single number"),
        ("quote@c00", "the phrase reads nothing that comes from outside"),
    ],
)  # fmt: skip
def test_phrases_without_a_meaning_are_refused(phrase, message):
    with pytest.raises(SigmaticsError) as caught:
        compile_circuit(phrase)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"inputs": {"a": "c00"}}, "inputs: c01 is read before it is written, and has no name"),
        ({"inputs": {"a": "c00", "b": "c01", "c": "c02"}}, "inputs: c02, named 'c', is not one that is read before it is written"),
        ({"inputs": {"a": "c00", "b": "c00"}}, "inputs: two names for one class"),
        ({"inputs": {"out": "c00", "b": "c01"}}, "inputs: 'out' cannot be the name of an argument"),
        ({"inputs": {"a b": "c00", "b": "c01"}}, "inputs: 'a b' cannot be the name of an argument"),
        ({"inputs": {"a": "c96", "b": "c01"}}, "no class 'c96'"),
        ({"inputs": {"a": "00", "b": "c01"}}, "no class '00'"),
        ({"outputs": {"y": "c00"}}, "output 'y': c00 is never written"),
        ({"outputs": {"y": "c02", "z": "c02"}}, "outputs: two names for one class"),
        ({"constants": {"c02": 1.0}}, "the constant of c02 is never read"),
        ({"constants": {"c00": 1.0, "c01": 2.0}}, "the phrase reads nothing that comes from outside"),
    ],
)  # fmt: skip
def test_names_for_what_is_not_there_are_refused(names, message):
    with pytest.raises(SigmaticsError) as caught:
        compile_circuit("merge@c00[c01,c02]", **names)
    assert message in str(caught.value)


@pytest.mark.parametrize("phrase", [None, 5, b"mark@c00", ["mark@c00"]])
def test_what_is_no_phrase_is_a_type_error(phrase):
    with pytest.raises(TypeError, match="a phrase is text or a Phrase"):
        compile_circuit(phrase)


# ---- several outputs -----------------------------------------------------------------------------


@pytest.mark.parametrize("n", [10, 7000])
def test_several_outputs_are_a_tuple(n):
    circuit = compile_circuit("merge:mul@c02[c00,c03] . merge@c00[c01,c02]", outputs={"total": "c02", "y": "c03"})
    a, b = _f32(2, n)
    total, y = circuit(a, b)
    np.testing.assert_array_equal(total, a + b)
    np.testing.assert_array_equal(y, (a + b) * a)
    outs = np.empty((2, n), "f4")
    found = circuit(a, b, out=(outs[0], outs[1]))
    assert isinstance(found, tuple)
    np.testing.assert_array_equal(outs, [total, y])
    circuit(a, b, out=(a, b))  # which are both read
    np.testing.assert_array_equal([a, b], [total, y])


def test_outputs_that_overlap_are_refused():
    circuit = compile_circuit("mark@c[0..1]")
    a, b, out = _f32(3, 10)
    with pytest.raises(ValueError, match="arguments that are written overlap one another"):
        circuit(a, b, out=(out, out))


def test_arrays_and_sums_can_both_be_outputs():
    circuit = compile_circuit("merge:sum@c01->c02 . merge:exp@c00->c01", outputs={"s": "c02", "e": "c01"})
    for x in (_f32(11), _f32(3, 5000)):
        s, e = circuit(x)
        assert (s.shape, e.shape) == ((), x.shape)
        np.testing.assert_allclose(s, np.exp(x.astype("f8")).sum(), rtol=1e-6)
        np.testing.assert_array_equal(circuit(x, out=(None, x))[1], e)


# ---- numbers -------------------------------------------------------------------------------------


def test_numbers_are_arguments_of_their_own():
    circuit = compile_circuit("evaluate:clip@c[0..3]", {"x": "c00", "low": "c01", "high": "c02"})
    x = _f32(5000)
    np.testing.assert_array_equal(circuit(x, -0.5, high=0.5), np.clip(x, np.float32(-0.5), np.float32(0.5)))
    with pytest.raises(TypeError, match="argument 'low': expected a number, got an array"):
        circuit(x, x, 1.0)


@pytest.mark.parametrize("n", [4, 7000])
def test_a_number_stands_for_an_array_where_one_is_read(n):
    circuit = compile_circuit("split@c01[c02,c03] . evaluate:scalar_mul@c00[c01,c02]", {"x": "c00", "k": "c01"})
    x = _f32(n)
    np.testing.assert_array_equal(circuit(x, 3.0), 3 - x * 3)


@pytest.mark.parametrize("n", [4, 7000])
def test_constants_are_in_the_circuit(n):
    circuit = compile_circuit("split:div@c01[c02,c03] . evaluate:scalar_add@c00[c01,c02]", constants={"c01": 0.5})
    x = np.abs(_f32(n))
    assert (circuit.inputs, circuit.constants) == ({"c00": "c00"}, {"c01": 0.5})
    np.testing.assert_array_equal(circuit(x), np.float32(0.5) / (x + np.float32(0.5)))


@pytest.mark.parametrize(
    ("dtype", "number", "error", "message"),
    [
        ("i32", 0.5, TypeError, "the number 0.5 of the circuit is none of i32"),
        ("u8", 256, ValueError, "the number 256 of the circuit does not fit u8"),
        ("u8", -1, ValueError, "the number -1 of the circuit does not fit u8"),
        ("bool", 2, TypeError, "the number 2 of the circuit is none of bool"),
    ],
)
def test_constants_must_be_of_the_dtype(dtype, number, error, message):
    with pytest.raises(error) as caught:
        compile_circuit("merge:max@c00[c01,c02]", constants={"c01": number}, dtype=dtype)
    assert str(caught.value) == message


# ---- whole arrays and rows -----------------------------------------------------------------------

SOFTMAX = "split:div@c03[c04,c05] . merge:sum@c03->c04 . merge:exp@c02->c03 . split@c00[c01,c02] . merge:max@c00->c01"


@pytest.mark.parametrize("dtype", ["f32", "f64", "f16"])
@pytest.mark.parametrize("shape", [(1,), (100,), (5, 1000), (100_000,)])
def test_sums_are_of_the_whole_array(dtype, shape):
    x = RNG.standard_normal(shape).astype(dtypes.find(dtype).numpy)
    found = compile_circuit(SOFTMAX, dtype=dtype)(x)
    weights = np.exp(x.astype("f8") - x.max())
    tolerance = {"f32": 1e-6, "f64": 1e-14, "f16": 1e-3}[dtype]
    np.testing.assert_allclose(found, weights / weights.sum(), rtol=tolerance, atol=tolerance * 1e-4)


def test_arrays_without_elements_have_sums_and_no_maximum():
    empty = np.empty((2, 0), "f4")
    assert compile_circuit("merge:sum@c00->c01")(empty) == 0
    assert compile_circuit("merge@c00[c01,c02] . merge:sum@c00->c01")(empty).shape == (2, 0)
    with pytest.raises(ValueError, match=r"circuit\(\): reduce_max: "):
        compile_circuit("merge:max@c00->c01")(empty)


@pytest.mark.parametrize("shape", [(7,), (4, 7), (2, 3, 7), (3, 5000), (2, 0), (0, 5)])
def test_ops_for_rows_work_on_the_last_axis(shape):
    circuit = compile_circuit("merge@c03[c02,c04] . evaluate:softmax@c03->c03 . merge:mul@c00[c01,c03]")
    a, b, c = _f32(3, *shape)
    scores = (a * b).astype("f8")
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True, initial=-np.inf))
    expected = weights / weights.sum(axis=-1, keepdims=True) + c
    np.testing.assert_allclose(circuit(a, b, c), expected, rtol=1e-5, atol=1e-6)
    out = a.copy()
    circuit(out, b, c, out=out)
    np.testing.assert_array_equal(out, circuit(a, b, c))


@pytest.mark.parametrize("n", [100, 5000])
def test_rows_written_over_an_input_are_not_read_as_that_input(n):
    circuit = compile_circuit(
        "merge:mul@c03[c00,c04] . evaluate:softmax@c02->c03 . merge:mul@c00[c01,c02]",
        outputs={"weights": "c03", "y": "c04"},
    )
    a, b = _f32(2, 3, n)
    weights, y = circuit(a, b)
    np.testing.assert_array_equal(y, weights * a)
    over = a.copy()
    found = circuit(over, b, out=(over, None))
    np.testing.assert_array_equal(found[0], weights)
    np.testing.assert_array_equal(found[1], y)


@pytest.mark.parametrize("n", [100, 5000])
def test_outputs_are_written_after_kernels_for_rows_have_read(n):
    circuit = compile_circuit(
        "evaluate:cross_entropy@c00[c01,c03] . merge@c00[c00,c02]", outputs={"double": "c02", "loss": "c03"}
    )
    p, target = np.abs(_f32(2, 3, n))
    double, loss = circuit(p, target)
    over = p.copy()
    found = circuit(over, target, out=(over, None))
    np.testing.assert_array_equal(found[0], double)
    np.testing.assert_array_equal(found[1], loss)


def test_what_all_rows_share_need_not_be_repeated():
    circuit = compile_circuit(
        "evaluate:layer_norm@c[0..4] . merge@c00[c05,c00]",
        {"x": "c00", "w": "c01", "b": "c02", "eps": "c03", "r": "c05"},
    )
    x, r, w, b = _f32(6, 40), _f32(6, 40), _f32(40), _f32(40)
    np.testing.assert_array_equal(circuit(x, w, b, 1e-5, r), hg.ops.layer_norm(x + r, w, b))


@pytest.mark.parametrize("shape", [(5,), (3, 5), (3, 4000)])
def test_rows_with_one_result_each(shape):
    circuit = compile_circuit("evaluate:cross_entropy@c00[c01,c02] . evaluate:softmax@c00->c00")
    x, t = _f32(*shape), np.abs(_f32(*shape))
    found = circuit(x, t)
    assert found.shape == shape[:-1]
    np.testing.assert_allclose(found, hg.ops.cross_entropy(hg.ops.softmax(x), t), rtol=1e-5)


@pytest.mark.parametrize("shape", [(5,), (3, 5), (2, 3, 5)])
def test_a_sum_over_rows_is_over_all_of_them(shape):
    circuit = compile_circuit("merge:sum@c02->c03 . evaluate:cross_entropy@c00[c01,c02]")
    p, target = np.abs(_f32(2, *shape))
    found = circuit(p, target)
    assert found.shape == ()
    np.testing.assert_allclose(found, -np.sum(target * np.log(p)), rtol=1e-5)


def test_matrices_are_stages_of_their_own():
    circuit = compile_circuit(
        "merge@c04[c02,c05] . merge:relu@c03->c04 . evaluate:gemv@c00[c01,c03]", {"w": "c00", "x": "c01", "b": "c02"}
    )
    w, x, b = _f32(30, 40), _f32(40), _f32(30)
    expected = np.maximum(hg.ops.gemv(w, x), 0) + b
    np.testing.assert_array_equal(circuit(w, x, b), expected)
    np.testing.assert_array_equal(circuit(w, b=b, x=x, out=b), expected)
    np.testing.assert_array_equal(b, expected)
    assert repr(circuit) == "<hologram circuit(w, x, b, out=None)>"
    assert "stage 2 of 2: element-wise" in circuit.program()
    with pytest.raises(
        TypeError, match=r"circuit\(\) has missing a required argument: 'x': circuit\(w, x, b, out=None\)"
    ):
        circuit(w)
    with pytest.raises(ValueError, match=r"gemv\(\) argument 'x': expected"):
        circuit(w, b, b)


def test_an_output_of_an_early_stage_may_be_what_a_later_one_reads():
    circuit = compile_circuit(
        "merge@c03[c02,c04] . evaluate:gemv@c00[c01,c03]",
        {"w": "c00", "x": "c01", "b": "c02"},
        {"z": "c03", "y": "c04"},
    )
    w, x, b = _f32(5, 5), _f32(5), _f32(5)
    z, y = circuit(w, x, b)
    np.testing.assert_array_equal(y, z + b)
    found = circuit(w, x, b, out=(b, None))
    assert found[0] is b
    np.testing.assert_array_equal(b, z)
    np.testing.assert_array_equal(found[1], y)
    with pytest.raises(TypeError, match="expected a tuple of 2 arrays, got ndarray"):
        circuit(w, x, b, out=b)


# ---- dtypes --------------------------------------------------------------------------------------


def test_a_circuit_for_one_dtype_is_for_no_other():
    circuit = compile_circuit(SIGMOID, dtype=np.float64)
    assert circuit([0.0], [0], 0).dtype == np.float64
    with pytest.raises(TypeError, match=r"circuit\(\) is a circuit for f64, got arrays of f32"):
        circuit(*_f32(3, 4))


def test_a_circuit_for_any_dtype_is_made_for_each():
    circuit = compile_circuit("merge:max@c00[c01,c02]")
    for dtype in ("f4", "f8", "f2", "i1", "i8", "u2", "?"):
        a, b = RNG.integers(0, 2, (2, 5000)).astype(dtype)
        found = circuit(a, b)
        assert found.dtype == np.dtype(dtype)
        np.testing.assert_array_equal(found, np.maximum(a, b))


def test_an_op_without_a_kernel_for_the_dtype_is_an_unknown_kernel():
    with pytest.raises(UnknownKernelError, match="no kernel 'sigmoid' for i32"):
        compile_circuit(SIGMOID, dtype="i32")
    circuit = compile_circuit(SIGMOID)
    with pytest.raises(UnknownKernelError, match="no kernel 'sigmoid' for i32"):
        circuit(*np.ones((3, 4), "i4"))


def test_halves_are_computed_as_f32_and_rounded_once():
    circuit = compile_circuit("split@c02[c01,c02] . merge@c00[c01,c02]")
    a, b = np.full(5000, 1.0, "f2"), np.full(5000, 2.0**-12, "f2")
    np.testing.assert_array_equal(circuit(a, b), a)  # op by op too
    a, b = np.full(5000, 2048.0, "f2"), np.full(5000, 1.0, "f2")
    lost = (a + b) - a
    circuit = compile_circuit("split@c02[c00,c02] . merge@c00[c01,c02]")
    assert not lost.any()
    np.testing.assert_array_equal(circuit(a, b), b)


def test_numbers_are_halves_beside_halves():
    circuit = compile_circuit("evaluate:scalar_mul@c00[c01,c02]", constants={"c01": 0.1}, dtype="f16")
    given = compile_circuit("evaluate:scalar_mul@c00[c01,c02]", dtype="f16")
    x = np.arange(2000, dtype="f2")
    np.testing.assert_array_equal(circuit(x), x * np.float16(0.1))
    np.testing.assert_array_equal(given(x, 0.1), x * np.float16(0.1))


@pytest.mark.parametrize("isa", ["baseline", None])
def test_every_half_is_read_and_written_as_numpy_does(isa):
    runtime = hg.Runtime(isa=isa)
    copy = compile_circuit("mark@c00", dtype="f16", runtime=runtime)
    halves = np.arange(65536, dtype="u2").view("f2")
    found = -copy(halves)
    numbers = ~np.isnan(halves)
    np.testing.assert_array_equal(found.view("u2")[numbers], halves.view("u2")[numbers])
    assert np.isnan(found[~numbers]).all()
    # rounding: sums of two halves hit every place, ties and the borders of subnormal and infinite numbers
    add = compile_circuit("merge@c00[c01,c02]", dtype="f16", runtime=runtime)
    a, b = RNG.integers(0, 65536, (2, 200_000)).astype("u2").view("f2")
    with np.errstate(all="ignore"):
        for one, other in ((a, b), (a, a * np.float16(0.001)), (a, a * np.float16(0.4))):
            expected = (one.astype("f4") + other.astype("f4")).astype("f2")
            np.testing.assert_array_equal(add(one, other), expected)


# ---- kernels of others ---------------------------------------------------------------------------


@pytest.fixture
def mine(library):
    """A runtime with the installed providers and the support kernels."""
    runtime = hg.Runtime()
    runtime.register(DeclaringProvider(library.kernels), "mine")
    return runtime


def test_any_kernel_of_the_runtime_runs_in_a_circuit(mine):
    circuit = compile_circuit(
        "merge:relu@c02->c02 . evaluate:test.fused@c00[c01,c02]", runtime=_with(mine, _python("test.fused"))
    )
    x, y = _f32(2, 7000)
    expected = np.maximum(x * 2 + y, 0)
    np.testing.assert_array_equal(circuit(x, y), expected)
    np.testing.assert_array_equal(circuit(x, y, out=y), expected)


def _python(op, signature="(),()->()", function=None, **fields):
    def run(x, y, out):
        out[...] = x * 2 + y

    return python_kernel(function or run, op, signature, "f32", **fields)


def _with(runtime, *kernels, name="python"):
    runtime.register(DeclaringProvider(kernels), name)
    return runtime


def test_kernels_in_python_get_arrays_of_their_own_and_may_keep_them(mine):
    kept = []

    def run(x, scale, out):
        kept.append((x, scale, out))
        out[...] = x * scale

    runtime = _with(
        mine,
        _python("test.scale", "(),scalar->()", run),
        _python("test.reverse", "(n)->(n)", lambda x, out: np.copyto(out, x[::-1])),
    )
    circuit = compile_circuit("evaluate:test.reverse@c02->c02 . evaluate:test.scale@c00[c01,c02]", runtime=runtime)
    for n in (5, 7000, 600_000):
        x = _f32(n)
        np.testing.assert_array_equal(circuit(x, 3.0), x[::-1] * 3)
    assert {type(scale) for _, scale, _ in kept} == {np.float32}
    assert sum(len(x) for x, _, _ in kept) == 607_005
    for x, _, out in kept:
        np.testing.assert_array_equal(out, x * 3)


def test_a_kernel_in_python_may_give_one_result_for_each_row(mine):
    total = _python("test.total", "(n),scalar->()", lambda x, k, out: np.copyto(out, x.sum() * k))
    circuit = compile_circuit(
        "evaluate:test.total@c01[c02,c03] . merge:abs@c00->c01", {"x": "c00", "k": "c02"}, runtime=_with(mine, total)
    )
    for shape in ((5,), (4, 3), (2, 5000)):
        x = _f32(*shape)
        np.testing.assert_allclose(circuit(x, 2.0), 2 * np.abs(x).sum(axis=-1), rtol=1e-5)


def test_strips_are_shared_out_to_threads(library):
    """Two strips wait for each other, which one thread could not do."""
    barrier, met = threading.Barrier(2, timeout=30), []

    def run(x, out):
        if x[0] != 0:
            met.append(barrier.wait())
        out[...] = x

    runtime = runtime_of(mine=DeclaringProvider([_python("test.wait", "()->()", run)]), threads=2)
    x = np.zeros(400_000, "f4")
    x[0] = x[130 * 3072] = 1
    np.testing.assert_array_equal(compile_circuit("evaluate:test.wait@c00->c01", runtime=runtime)(x), x)
    assert sorted(met) == [0, 1]


def test_of_several_failures_the_first_strip_is_reported():
    """The later strip is at work when the first one fails, and fails after it."""
    started, failed = threading.Event(), threading.Event()

    def run(x, out):
        if x[0] == 1:
            started.wait(30)
            failed.set()
            raise ValueError("the first")
        if x[0] == 2:
            started.set()
            failed.wait(30)
            time.sleep(0.05)
            raise ValueError("the second")

    runtime = runtime_of(mine=DeclaringProvider([_python("test.wait", "()->()", run)]), threads=2)
    x = np.zeros(400_000, "f4")
    x[0], x[130 * 3072] = 1, 2
    with pytest.raises(ValueError, match="the first"):
        compile_circuit("evaluate:test.wait@c00->c01", runtime=runtime)(x)


def test_what_a_kernel_in_python_raises_is_a_failure_of_the_circuit(mine):
    def run(x, y, out):
        raise (ValueError if x[0] > 0 else KeyError)("no " + "é" * 1000)

    circuit = compile_circuit("evaluate:test.bad@c00[c01,c02]", runtime=_with(mine, _python("test.bad", function=run)))
    with pytest.raises(ValueError, match=r"circuit\(\): test.bad: ValueError: no é"):
        circuit(np.ones(3, "f4"), np.ones(3, "f4"))
    with pytest.raises(hg.KernelError, match=r"circuit\(\): test.bad: KeyError: 'no é"):
        circuit(np.zeros(3, "f4"), np.ones(3, "f4"))


def test_a_failing_kernel_names_itself(mine):
    circuit = compile_circuit("mark@c01 . evaluate:test.fail@c00->c01", runtime=mine)
    for n in (3, 500_000):
        with pytest.raises((ValueError, hg.KernelError), match=r"^circuit\(\): test.fail"):
            circuit(np.full(n, -1, "f4"))


def test_a_kernel_that_must_not_work_in_place_does_not(library):
    kernels = [library.kernel("vector_neg", may_alias=False), library.kernel("vector_add")]
    circuit = compile_circuit("mark@c02 . merge@c00[c01,c02]", runtime=runtime_of(mine=DeclaringProvider(kernels)))
    x, y = _f32(2, 5000)
    expected = -(x + y)
    np.testing.assert_array_equal(circuit(x, y), expected)
    np.testing.assert_array_equal(circuit(x, y, out=x), expected)


def test_the_best_kernel_that_serves_every_size_is_chosen(library):
    narrow = Provider([library.adder(1, tier="inline", min_n=1000)])
    wide = Provider([library.adder(2)])
    circuit = compile_circuit("merge@c00[c01,c02]", runtime=runtime_of(narrow=narrow, wide=wide))
    assert set(circuit(*np.zeros((2, 10_000), "f4"))) == {2}
    alone = runtime_of(narrow=narrow)
    with pytest.raises(UnknownKernelError, match="a circuit needs one for every n from 1 to 3072"):
        compile_circuit("merge@c00[c01,c02]", runtime=alone, dtype="f32")


def test_rows_longer_than_any_kernel_takes_are_refused(library):
    softmax = library.kernel("softmax", max_n=3072)
    circuit = compile_circuit("evaluate:softmax@c00->c01", runtime=runtime_of(mine=DeclaringProvider([softmax])))
    np.testing.assert_allclose(circuit(np.zeros((2000, 4), "f4")), 0.25)
    with pytest.raises(
        ValueError, match=r"circuit\(\): rows of 4000 elements, and some op has no kernel for more than 3072"
    ):
        circuit(np.zeros((2, 4000), "f4"))


@pytest.mark.parametrize(
    ("phrase", "message"),
    [
        ("evaluate:test.accumulate@c00[c01,c02]", "takes 2 arguments and gives 0 results"),
        ("evaluate:test.min_and_max@c00->c02", "takes 1 arguments and gives 2 results"),
    ],
)
def test_kernels_that_are_no_functions_are_refused(mine, phrase, message):
    with pytest.raises(SigmaticsError, match=message):
        compile_circuit(phrase, runtime=mine)


def test_a_kernel_with_another_dtype_is_a_stage_of_its_own(mine):
    circuit = compile_circuit("evaluate:test.count_positive@c01->c02 . merge@c00[c00,c01]", runtime=mine)
    x = _f32(50)
    assert circuit(x) == np.sum(x > 0)
    assert circuit(x).dtype == np.int64


# ---- while the world changes ---------------------------------------------------------------------


def test_a_circuit_is_made_anew_when_kernels_change(library):
    runtime = runtime_of(one=DeclaringProvider([library.adder(1)]))
    circuit = compile_circuit("merge@c00[c01,c02]", dtype="f32", runtime=runtime)
    zeros = np.zeros(9, "f4")
    assert circuit(zeros, zeros)[0] == 1
    runtime.register(DeclaringProvider([library.adder(2, tier="inline")]), "two")
    assert circuit(zeros, zeros)[0] == 2
    runtime.unregister("two")
    assert circuit(zeros, zeros)[0] == 1
    runtime.unregister("one")
    with pytest.raises(UnknownKernelError, match="no kernel 'vector_add' for f32"):
        circuit(zeros, zeros)


def test_kernels_that_change_while_a_circuit_is_made_are_all_old_or_all_new(library):
    class Meddler(DeclaringProvider):
        """Brings a better adder as soon as it is asked for the second op."""

        def meddle(self, name):
            if name == "scalar_add" and not self.done:
                self.done = True
                runtime.register(DeclaringProvider([library.adder(2, tier="inline")]), "two")

        @hg.hookimpl
        def provide_kernel(self, name, dtype, n):
            self.meddle(name)
            return next((kernel for kernel in self.kernels if (kernel.op, kernel.dtype) == (name, dtype)), None)

    meddler = Meddler([library.adder(1), library.kernel("scalar_add")])
    meddler.done = False
    runtime = runtime_of(one=meddler)
    circuit = compile_circuit(
        "merge@c02[c00,c02] . evaluate:scalar_add@c02[c03,c02] . merge@c00[c01,c02]", runtime=runtime
    )
    zeros = np.zeros(5, "f4")
    assert set(circuit(zeros, zeros, 10.0)) == {14.0}  # 13 would be one of each


def test_a_circuit_keeps_the_code_that_it_runs(library):
    class Owner:
        pass

    owner = Owner()
    gone = weakref.ref(owner)
    runtime = runtime_of(one=DeclaringProvider([library.adder(1, owner=owner)]))
    circuit = compile_circuit("merge@c00[c01,c02]", dtype="f32", runtime=runtime)
    del owner
    kernel = circuit.slots()[0][3]
    runtime.unregister("one")
    gc.collect()
    assert gone() is not None
    assert kernel(np.zeros(3, "f4"), np.zeros(3, "f4"))[0] == 1  # a call that began before
    del kernel
    gc.collect()
    assert gone() is None


def test_a_circuit_nobody_holds_is_gone():
    circuit = compile_circuit(SIGMOID, dtype="f32")
    gone = weakref.ref(circuit)
    del circuit
    gc.collect()
    assert gone() is None


def test_threads_share_a_circuit_while_kernels_come_and_go(library):
    runtime = runtime_of(one=DeclaringProvider([library.adder(1), library.kernel("scalar_add")]), threads=2)
    circuit = compile_circuit(
        "merge@c02[c00,c02] . evaluate:scalar_add@c02[c03,c02] . merge@c00[c01,c02]", runtime=runtime
    )
    stop = threading.Event()
    wrong = []

    def call(n):
        zeros = np.zeros(n, "f4")
        while not stop.is_set():
            found = set(circuit(zeros, zeros, 10.0).tolist())
            if found not in ({12.0}, {14.0}):  # all of it with old kernels, or with new ones
                wrong.append(found)

    threads = [threading.Thread(target=call, args=(n,)) for n in (5, 3000, 400_000)]
    for thread in threads:
        thread.start()
    for _ in range(25):
        runtime.register(DeclaringProvider([library.adder(2, tier="inline")]), "two")
        runtime.unregister("two")
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []


# ---- memory --------------------------------------------------------------------------------------

MEASURE = """
import resource, sys
import numpy as np
from hologram_sigmatics import compile_circuit
circuit = compile_circuit(sys.argv[1], dtype="f32")
arrays = [np.ones(6_000_000, "f4") for _ in range(4)]
small = [array[:100_000] for array in arrays]
circuit(*small[:-1], out=small[-1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
circuit(*arrays[:-1], out=arrays[-1])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux alone")
def test_no_memory_is_taken_but_for_outputs_and_pages():
    phrase = f"merge:sigmoid@c05->c06 . split@c05[c04,c05] . merge:max@c05->c04 . {SIGMOID}"
    found = subprocess.run([sys.executable, "-c", MEASURE, phrase], check=True, capture_output=True, text=True)
    assert int(found.stdout) < 2000  # KiB, where one array has 23,000
