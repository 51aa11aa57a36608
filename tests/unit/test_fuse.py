"""Does a fused function give what it gives unfused, trace when it must and only then, and explain what it cannot do?"""

import inspect
import math
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from support.providers import DeclaringProvider, python_kernel, runtime_of

import hologram_core as hg
from atlas_kernel import DeviceArray, f32, get_global_id, kernel, u32
from hologram_core import ops
from hologram_core.bound import call_slow
from hologram_sigmatics import SigmaticsError, TraceError, compile_circuit, fuse

RNG = np.random.default_rng(6)
DIGITS = Path(__file__).resolve().parents[2] / "examples" / "digits"


def _f32(*shape):
    return RNG.standard_normal(shape).astype("f4")


class Counted:
    """A function that counts how often it is traced or called."""

    def __init__(self, function):
        self.function, self.count = function, 0
        self.__signature__ = inspect.signature(function)
        self.__name__ = function.__name__

    def __call__(self, *args, **named):
        self.count += 1
        return self.function(*args, **named)


# ---- the same results ----------------------------------------------------------------------------

GELU = math.sqrt(2 / math.pi)
#: a function of NumPy and hg.ops, and the same as ops one after the other
FUNCTIONS = {
    "sigmoid(a * b + c)": (
        lambda a, b, c: ops.sigmoid(a * b + c),
        lambda a, b, c: ops.sigmoid(ops.vector_add(ops.vector_mul(a, b), c)),
    ),
    "2 - a": (lambda a, b, c: 2 - a, lambda a, b, c: ops.vector_sub(np.full_like(a, 2), a)),
    "a - 2": (lambda a, b, c: a - 2, lambda a, b, c: ops.vector_sub(a, np.full_like(a, 2))),
    "a / 3 + a / 4": (
        lambda a, b, c: a / 3 + a / 4,
        lambda a, b, c: ops.vector_add(ops.vector_div(a, np.full_like(a, 3)), ops.vector_div(a, np.full_like(a, 4))),
    ),
    "1 / a": (lambda a, b, c: 1 / a, lambda a, b, c: ops.vector_div(np.full_like(a, 1), a)),
    "2 ** a": (lambda a, b, c: 2**a, lambda a, b, c: ops.vector_pow(np.full_like(a, 2), a)),
    "a ** 2 + b ** 3": (
        lambda a, b, c: a**2 + b**3,
        lambda a, b, c: ops.vector_add(ops.vector_mul(a, a), ops.vector_pow(b, np.full_like(a, 3))),
    ),
    "abs, -, +": (lambda a, b, c: abs(-a) + +b, lambda a, b, c: ops.vector_add(ops.vector_abs(ops.vector_neg(a)), b)),
    "tanh form of gelu": (
        lambda a, b, c: 0.5 * a * (1 + np.tanh(GELU * (a + 0.044715 * a * a * a))),
        lambda a, b, c: ops.vector_mul(
            ops.scalar_mul(a, 0.5),
            ops.scalar_add(
                ops.tanh(
                    ops.scalar_mul(
                        ops.vector_add(a, ops.vector_mul(ops.vector_mul(ops.scalar_mul(a, 0.044715), a), a)), GELU
                    )
                ),
                1,
            ),
        ),
    ),
    "ufuncs": (
        lambda a, b, c: np.exp(np.minimum(a, b)) * np.sin(np.maximum(b, 0.5)) - np.sqrt(np.abs(c)) + np.square(np.cos(a)),
        lambda a, b, c: ops.vector_add(
            ops.vector_sub(
                ops.vector_mul(ops.exp(ops.vector_min(a, b)), ops.sin(ops.vector_max(b, np.full_like(b, 0.5)))),
                ops.sqrt(ops.vector_abs(c)),
            ),
            ops.vector_mul(ops.cos(a), ops.cos(a)),
        ),
    ),
    "ops with numbers": (
        lambda a, b, c: ops.axpy(0.5, a, y=ops.clip(b, -1, high=1)),
        lambda a, b, c: ops.axpy(0.5, a, ops.clip(b, -1, 1)),
    ),
    "three arrays at once": (lambda a, b, c: ops.vector_fma(a, b, c), lambda a, b, c: ops.vector_fma(a, b, c)),
    "computed twice": (
        lambda a, b, c: np.exp(a) * np.exp(a) + (a + b) * (b + a),
        lambda a, b, c: ops.vector_add(
            ops.vector_mul(ops.exp(a), ops.exp(a)), ops.vector_mul(ops.vector_add(a, b), ops.vector_add(b, a))
        ),
    ),
    "numbers of NumPy": (
        lambda a, b, c: np.float32(2) * a + b * np.float64(0.1) - np.int64(3),
        lambda a, b, c: ops.scalar_add(ops.vector_add(ops.scalar_mul(a, 2), ops.scalar_mul(b, 0.1)), -3),
    ),
    "one argument": (lambda a, b, c: c * c, lambda a, b, c: ops.vector_mul(c, c)),
    "in place": (None, lambda a, b, c: ops.vector_mul(ops.vector_add(ops.vector_mul(a, b), c), a)),
}  # fmt: skip


def _in_place(a, b, c):
    t = a * b
    t += c
    u = t
    np.multiply(u, a, out=u)
    return t


FUNCTIONS["in place"] = (_in_place, FUNCTIONS["in place"][1])


@pytest.mark.parametrize("shape", [(0,), (1,), (100,), (3072,), (30, 40)])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_fused_function_gives_every_bit_of_its_ops_one_after_the_other(name, shape):
    function, one_by_one = FUNCTIONS[name]
    fused = fuse(function)
    a, b, c = _f32(3, *shape)
    expected = one_by_one(a, b, c)
    np.testing.assert_array_equal(fused(a, b, c), expected)
    np.testing.assert_array_equal(fused(a, b, c), expected)  # now from the op
    out = np.empty_like(a)
    assert fused(a, b, c, out=out) is out
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(fused(a, b, c, out=a), expected)


@pytest.mark.parametrize("dtype", ["f8", "f2", "i4", "u1"])
def test_other_dtypes(dtype):
    fused = fuse(lambda a, b: np.maximum(a * b + 3, b) - a)
    for n in (5, 30_000):
        a, b = RNG.integers(0, 10, (2, n)).astype(dtype)
        found = fused(a, b)
        assert found.dtype == np.dtype(dtype)
        np.testing.assert_array_equal(found, np.maximum(a * b + dtype_number(dtype, 3), b) - a)


def dtype_number(dtype, value):
    return np.dtype(dtype).type(value)


@pytest.mark.parametrize("shape", [(500,), (20, 30), (9, 4000)])
def test_sums_and_rows_in_functions(shape):
    @fuse
    def softmax(x):
        e = np.exp(x - x.max())
        return e / e.sum()

    @fuse
    def normalised(x, r, weight, bias):
        return ops.layer_norm(x + r, weight, bias) * 2

    x, r = _f32(2, *shape)
    weights = np.exp(x.astype("f8") - x.max())
    np.testing.assert_allclose(softmax(x), weights / weights.sum(), rtol=2e-6)
    weight, bias = _f32(2, shape[-1])
    np.testing.assert_allclose(
        normalised(x, r, weight, bias), 2 * ops.layer_norm(x + r, weight, bias), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize(
    "shapes",
    [
        [(4, 5), (5,)],
        [(4, 5), (4, 1)],
        [(5,), (4, 5)],
        [(4, 1), (1, 5)],
        [(4, 1), (5,)],
        [(3, 4, 5), (4, 5)],
        [(3, 4, 5), (4, 1)],
        [(3, 4, 5), (5,)],
        [(3, 1, 5), (4, 1)],
        [(4, 5), ()],
        [(), (4, 5)],
        [(1,), (5,)],
        [(1, 1), (4, 5)],
        [(1, 5), (4, 5)],
        [(4, 5), (1,)],
        [(4, 1), (1,)],
        [(0, 5), (5,)],
        [(4, 0), (4, 1)],
        [(), ()],
        [(6000,), (1,)],
        [(3, 6000), (3, 1)],
        [(3, 6000), (6000,)],
    ],
    ids=str,
)
def test_shapes_broadcast_as_in_numpy(shapes):
    fused = fuse(lambda a, b: (a * b + a) * 2 - b)
    a, b = (_f32(*shape) for shape in shapes)
    a, b = np.asarray(a, "f4"), np.asarray(b, "f4")
    expected = (a * b + a) * np.float32(2) - b
    found = fused(a, b)
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)
    out = np.empty_like(expected)
    fused(a, b, out=out)
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("n", [100, 7000])
def test_rows_are_kept_for_the_sums_of_a_later_pass(n):
    fused = fuse(lambda x: ops.log_softmax(x) * ops.softmax(x).max())
    x = _f32(n)
    np.testing.assert_allclose(fused(x), ops.log_softmax(x) * ops.softmax(x).max(), rtol=1e-5)


def test_broadcasting_together_with_sums():
    @fuse
    def scaled(x, w):
        y = x * w
        return y / y.sum(), y.max()

    for shape, other in [((5, 300), (300,)), ((5, 300), (5, 1)), ((300,), ())]:
        x, w = np.abs(np.asarray(_f32(*shape))), np.abs(np.asarray(_f32(*other), "f4"))
        y, largest = scaled(x, w)
        np.testing.assert_allclose(y, x * w / np.sum(x * w), rtol=1e-5)
        assert largest == np.max(x * w)


@pytest.mark.parametrize("form", ["arguments", "captured"])
def test_the_forward_pass_of_the_demo_gives_identical_predictions(form):
    weights = np.load(DIGITS / "weights.npz")
    w1, b1, w2, b2 = (weights[name] for name in ("w1", "b1", "w2", "b2"))
    images = np.load(DIGITS / "digits.npz")["images"][:200].reshape(-1, 64).astype("f4") / 16

    def forward(x, w1, b1, w2, b2):
        hidden = ops.gelu(ops.gemv(w1, x) + b1)
        return ops.softmax(w2 @ hidden + b2)

    fused = fuse(forward) if form == "arguments" else fuse(lambda x: forward(x, w1, b1, w2, b2))
    layers = (w1, b1, w2, b2) if form == "arguments" else ()
    for image in images:
        hidden = ops.gelu(ops.vector_add(ops.gemv(w1, image), b1))
        expected = ops.softmax(ops.vector_add(ops.gemv(w2, hidden), b2))
        np.testing.assert_array_equal(fused(image, *layers), expected)
    batched = fuse(lambda x: ops.softmax(ops.gelu(x @ w1.T + b1) @ w2.T + b2))(images)
    np.testing.assert_allclose(batched, [fused(image, *layers) for image in images], atol=1e-5)


# ---- arguments -----------------------------------------------------------------------------------


def test_numbers_may_be_others_in_each_call():
    function = Counted(lambda x, k: (x * k + 1) * (1 - k) - k / x)
    fused = fuse(function)
    x = np.abs(_f32(50)) + 1
    for k in (2.0, 3.0, 4, np.float32(0.1), np.int64(5)):
        k = k.item() if isinstance(k, np.generic) else k
        f4 = np.float32
        expected = (x * f4(k) + f4(1)) * f4(1 - k) - f4(k) / x  # 1 - k is Python's
        np.testing.assert_array_equal(fused(x, k), expected)
    assert function.count == 1


def test_a_number_that_is_looked_at_is_part_of_the_trace():
    function = Counted(lambda x, k, count: sum([x * k for _ in range(count)], start=x) if k > 1 else x - k)
    fused = fuse(function)
    x = np.arange(5, dtype="f4")
    np.testing.assert_array_equal(fused(x, 2.0, 2), x + x * 2 + x * 2)
    np.testing.assert_array_equal(fused(x, 2.0, 1), x + x * 2)
    np.testing.assert_array_equal(fused(x, 3.0, 2), x + x * 3 + x * 3)
    np.testing.assert_array_equal(fused(x, 0.5, 2), x - np.float32(0.5))
    traced = function.count
    for _ in range(3):
        np.testing.assert_array_equal(fused(x, 2.0, 2), x + x * 2 + x * 2)
        np.testing.assert_array_equal(fused(x, 0.5, 2), x - np.float32(0.5))
    assert function.count == traced


def test_equal_numbers_of_another_kind_are_not_the_same_constant():
    fused = fuse(lambda x, k: x * (2 if isinstance(k, bool) or math.copysign(1, k) > 0 else 3))
    x = np.ones(3, "f4")
    assert [fused(x, k)[0] for k in (0.0, -0.0, 0, True)] == [2, 3, 2, 2]


def test_flags_and_names_are_constants():
    function = Counted(
        lambda x, mode="add", twice=False, *, sign=None: (x + x if mode == "add" else x * x) * (2 if twice else 1)
    )
    fused = fuse(function)
    x = np.arange(5, dtype="f4")
    np.testing.assert_array_equal(fused(x), x + x)
    np.testing.assert_array_equal(fused(x, "mul"), x * x)
    np.testing.assert_array_equal(fused(x, mode="mul", twice=True), x * x * 2)
    np.testing.assert_array_equal(fused(x, twice=True, sign="no"), (x + x) * 2)
    np.testing.assert_array_equal(fused(x, "mul"), x * x)
    assert function.count == 4


def test_sizes_do_not_matter_unless_the_function_asks():
    plain = Counted(lambda x, w: x * w + w)
    asking = Counted(lambda x, w: x * w / x.shape[0])
    for function, traces in ((plain, 3), (asking, 5)):
        fused = fuse(function)
        for shape in [(4, 5), (6, 7), (4, 5), (8, 9)]:  # one pattern of sizes
            x, w = _f32(*shape), _f32(shape[1])
            np.testing.assert_allclose(fused(x, w), function.function(x, w), rtol=1e-6)
        for shape in [(5, 5), (1, 5)]:  # others: here equal sizes, there one to repeat
            x, w = _f32(*shape), _f32(5)
            np.testing.assert_allclose(fused(x, w), function.function(x, w), rtol=1e-6)
        assert function.count == traces


def test_arguments_are_converted_as_those_of_any_op():
    fused = fuse(lambda a, b: a * b + 1)
    a, b = _f32(2, 6, 4)
    expected = fused(a, b)
    np.testing.assert_array_equal(fused(a.astype(">f4"), np.asfortranarray(b)), expected)
    np.testing.assert_array_equal(fused(memoryview(a), b), expected)
    np.testing.assert_array_equal(fused(a, b.tolist()), expected)
    np.testing.assert_array_equal(fused(a[::2], b[::2]), expected[::2])
    assert fused([1, 2.5], [3, 4]).dtype == np.float64


@pytest.mark.parametrize(
    ("arguments", "named", "error", "message"),
    [
        ((np.ones(3, "f4"), np.ones(3)), {}, TypeError, "f() argument 'b': expected float32 of shape (3,), got float64 of shape (3,)"),
        ((np.ones(3, "f4"), np.ones(4, "f4")), {}, ValueError, "vector_mul() arguments do not broadcast together: 'a' (3,), 'b' (4,)"),
        ((np.ones(3, "f4"),), {}, TypeError, "f() has missing a required argument: 'b': f(a, b, out=None)"),
        ((np.ones(3, "f4"), np.ones(3, "f4")), {"c": 1}, TypeError, "f() has got an unexpected keyword argument 'c': f(a, b, out=None)"),
        ((1.0, 2), {}, TypeError, "f() has no array among its arguments: f(a, b, out=None)"),
        ((np.ones(3, "f4"), np.ones(3, "f4")), {"out": np.ones(4, "f4")}, ValueError, "f() argument 'out': expected float32 of shape (3,), got float32 of shape (4,)"),
        ((np.ones(3, "f4"), np.ones(3, "f4")), {"out": np.ones(3)}, TypeError, "f() argument 'out': expected float32 of shape (3,), got float64 of shape (3,)"),
        ((np.ones(3, "f4"), object()), {}, TypeError, "f() argument 'b': expected one of the dtypes f32, f64, f16, i8, i16, i32, i64, u8, u16, u32, u64, bool, got object (object of shape ())"),
        ((np.ones(3, "c8"), 1), {}, TypeError, "f() argument 'a': dtype('complex64') is not a dtype of Hologram; those are f32, f64, f16, i8, i16, i32, i64, u8, u16, u32, u64, bool"),
        ((np.ones(3, "i4"), 0.5), {}, TypeError, "scalar_mul() argument 'value': expected int32, got float (float64 of shape ())"),
    ],
)  # fmt: skip
def test_bad_calls_are_explained(arguments, named, error, message):
    def f(a, b):
        return a * b

    with pytest.raises(error) as caught:
        fuse(f)(*arguments, **named)
    assert str(caught.value) == message


def test_captured_arrays_are_read_at_each_call():
    weights = np.ones(4, "f4")
    fused = fuse(lambda x: x * weights + weights.sum())
    x = np.arange(4, dtype="f4")
    np.testing.assert_array_equal(fused(x), x + 4)  # the sum is NumPy's, when it was traced
    weights[:] = 2
    np.testing.assert_array_equal(fused(x), x * 2 + 4)


# ---- results -------------------------------------------------------------------------------------


def test_results_of_every_form():
    x, y = _f32(2, 5)
    found = fuse(lambda a, b: (a + b, a, [a + b][0], b.sum()))(x, y)
    assert isinstance(found, tuple)
    np.testing.assert_array_equal(found[0], x + y)
    np.testing.assert_array_equal(found[1], x)
    assert not np.may_share_memory(found[1], x)
    assert not np.may_share_memory(found[0], found[2])
    assert found[3].shape == ()
    (only,) = fuse(lambda a: [a * 2])(x)
    np.testing.assert_array_equal(only, x * 2)
    outs = np.empty_like(x), None
    found = fuse(lambda a, b: (a + b, a - b))(x, y, out=outs)
    assert found[0] is outs[0]
    np.testing.assert_array_equal(found[1], x - y)
    (out,) = fuse(lambda a: (a * 2,))(x, out=(y,))
    assert out is y
    np.testing.assert_array_equal(fuse(lambda a: a)(x), x)


@pytest.mark.parametrize("out", [np.empty(5, "f4"), (np.empty(5, "f4"),) * 3, [np.empty(5, "f4")] * 2])
def test_out_of_several_results_is_a_tuple(out):
    with pytest.raises(TypeError, match="expected a tuple of 2 arrays"):
        fuse(lambda a: (a + 1, a - 1))(np.ones(5, "f4"), out=out)


# ---- what cannot be fused ------------------------------------------------------------------------

ELEMENTS = "needs the elements of an array, and while a function is traced there are none"


def _write(x):
    x += 1
    return x


def _write_out(x):
    np.exp(x, out=x)
    return x


OTHER = np.empty(4, "f4")
_spec = hg.OpSpec.make("own", "()->()", "x", "For tests.")
OWN = hg.Op(_spec, _spec.signature.layout(), 0, None, partial(call_slow, _spec))
REFUSED = [
    (lambda x: x if x.sum() > 0 else -x, "there is no op for np.greater; hg.ops has vector_min, vector_max, clip and relu to choose by size"),
    (lambda x: x if x else -x, f"to branch on it (if, while, and, or) {ELEMENTS}"),
    (lambda x: x and x, f"to branch on it (if, while, and, or) {ELEMENTS}"),
    (lambda x: sum(x), f"to go through it {ELEMENTS}"),
    (lambda x: float(x), f"float() {ELEMENTS}"),
    (lambda x: math.exp(x), f"float() {ELEMENTS}"),
    (lambda x: [1, 2][x], f"to count with it {ELEMENTS}"),
    (lambda x: x * int(x), f"int() {ELEMENTS}"),
    (lambda x: 1 in x, f"in {ELEMENTS}"),
    (lambda x: np.asarray(x) + 1, f"to make an ndarray of it {ELEMENTS}"),
    (lambda x: x[0], "a circuit takes arrays as a whole: no x[...]; slice before the call"),
    (lambda x: x.__setitem__(0, 1), "a circuit takes arrays as a whole: no x[...] = y"),
    (lambda x: x.T, "no .T of an array; it knows operators, hg.ops, NumPy's ufuncs, and .sum() and the like"),
    (lambda x: np.where(x, x, 0), "np.where is no step of a circuit"),
    (lambda x: np.add.reduce(x), "np.add.reduce is no step of a circuit"),
    (lambda x: np.add(x, x, where=True), "np.add(where=) is no step of a circuit"),
    (lambda x: np.arctan2(x, x), "there is no op for np.arctan2; hg.ops has what dir(hg.ops) lists"),
    (lambda x: x % 2, "there is no op for np.remainder"),
    (lambda x: x < 2, "there is no op for np.less; hg.ops has vector_min, vector_max, clip and relu to choose by size"),
    (lambda x: x @ np.ones((4, 4), "f4"), "no op multiplies a vector by a matrix; write matrix.T @ vector"),
    (lambda x: (x * np.ones((3, 4), "f4")).sum(axis=0), "a sum over one axis of several; a circuit sums over all"),
    (lambda x: x.sum(keepdims=True), "keepdims= of a sum is no step of a circuit"),
    (lambda x: np.clip(x, x, 1), "np.clip takes an array and two numbers in a circuit"),
    (lambda x: np.add(x, [1, 2]), "a list is neither an array nor a number"),
    (lambda x: 3, "it returns a number, which is not computed from its arrays"),
    (lambda x: None, "it returns a NoneType, which is not computed from its arrays"),
    (lambda x: (), "it returns nothing"),
    (lambda x: np.ones(3), "it returns a ndarray, which is not computed from its arrays"),
    (lambda x: {"x": x}, "it returns a dict, which is not computed from its arrays"),
    (_write, "it writes to its argument 'x'; write x = x + ..., which makes an array of its own"),
    (_write_out, "it writes to its argument 'x'; write x = x + ..., which makes an array of its own"),
    (lambda x: ops.exp(x, out=OTHER), "it writes to an array that is none of its own"),
    (lambda x: np.exp(x, out=OTHER), "it writes to an array that is none of its own"),
    (lambda x: np.add(x * 1, np.ones((3, 4), "f4"), out=x * 2), "it writes an array of shape (3, 4) to one of shape (4,)"),
    (lambda x: OWN(x), "own is no op of the runtime"),
]  # fmt: skip


@pytest.mark.parametrize(("function", "message"), REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_be_fused_is_a_trace_error(function, message):
    x = np.ones(4, "f4")
    fused = fuse(function)
    with pytest.raises(TraceError) as caught:
        fused(x)
    name = function.__name__ if function.__name__ != "<lambda>" else "fused"
    assert str(caught.value).startswith(f"{name}() cannot be fused: {message}")
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize(
    ("function", "dtype", "message"),
    [
        (lambda x: np.exp(x), "i4", "np.exp of i32 gives another dtype, and a circuit has one; hg.ops keep it"),
        (lambda x: x / 2, "i4", "np.divide of i32 gives another dtype"),
        (lambda x: x.sum(), "i4", "np.sum of i32 gives another dtype; hg.ops.reduce_sum keeps it"),
        (lambda x: x.mean(), "i8", "the mean of integers has another dtype"),
    ],
)
def test_numpy_functions_that_change_the_dtype_are_refused(function, dtype, message):
    with pytest.raises(TraceError) as caught:
        fuse(function)(np.ones(3, dtype))
    assert message in str(caught.value)


def test_symbols_do_not_outlive_their_call():
    kept = []
    fuse(lambda x: kept.append(x) or x + 1)(np.ones(3, "f4"))
    assert repr(kept[0]) == "<an array of shape (3,) in fused(), which is being traced>"
    with pytest.raises(TraceError, match="it works on the symbols of another call"):
        fuse(lambda y: y + kept[0])(np.ones(3, "f4"))


def test_errors_of_the_function_are_its_own():
    def broken(x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        fuse(broken)(np.ones(3, "f4"))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (3, "fuse() takes a function, got int"),
        (lambda: 1, "fuse() takes a function of 1 to 15 arguments, got 0"),
        (lambda *x: x, "fuse() takes a function of named arguments, none of them out; got *x"),
        (lambda **x: x, "fuse() takes a function of named arguments, none of them out; got **x"),
        (lambda x, out: x, "fuse() takes a function of named arguments, none of them out; got out"),
    ],
)
def test_what_is_no_function_of_named_arguments_is_refused(function, message):
    with pytest.raises(TypeError) as caught:
        fuse(function)
    assert str(caught.value) == message


# ---- what it is ----------------------------------------------------------------------------------


def test_a_fused_function_looks_like_the_function():
    @fuse
    def swish(x, beta=1.0):
        """x times sigmoid of beta x."""
        return x * ops.sigmoid(beta * x)

    assert (swish.__name__, repr(swish)) == ("swish", "<hologram op swish(x, beta=1.0, out=None)>")
    assert "x times sigmoid of beta x." in swish.__doc__
    assert swish.__wrapped__(np.zeros(1), 2.0) == 0
    with pytest.raises(SigmaticsError, match=r"swish\(\) has not been traced yet; call it once"):
        _ = swish.circuit
    swish(np.ones(3, "f4"))
    assert str(swish.circuit) == "merge:mul@c00[c02,c02] . merge:sigmoid@c02->c02 . evaluate:scalar_mul@c00[c01,c02]"
    assert (swish.circuit.inputs, swish.circuit.outputs) == ({"x": "c00", "beta": "c01"}, {"y": "c02"})
    assert "r0 = scalar_mul(x, beta)" in swish.circuit.program()


def test_same_shapes_are_served_without_python():
    function = Counted(lambda a, b: a * b + a)
    fused = fuse(function)
    a, b = _f32(2, 10)
    fused(a, b)
    assert [(dtype, low) for dtype, low, _, _ in fused.slots()] == [(0, 0)]
    for shape in ((3,), (4, 5), ()):
        x, y = np.asarray(_f32(*shape), "f4"), np.asarray(_f32(*shape), "f4")
        np.testing.assert_array_equal(fused(x, y), x * y + x)
    assert function.count == 1


def test_an_argument_by_name_alone_stays_one():
    fused = fuse(lambda x, *, y: x - y)
    x, y = _f32(2, 4)
    np.testing.assert_array_equal(fused(x, y=y), x - y)
    with pytest.raises(TypeError, match="takes 1 positional argument but 2 were given|too many positional arguments"):
        fused(x, y)


def test_many_kinds_of_calls_do_not_fill_memory():
    function = Counted(lambda x, w: x * w)
    fused = fuse(function)
    for size in range(2, 700):
        x, w = np.ones((2, size), "f4"), np.full(size, 2.0, "f4")
        assert fused(x, w).sum() == 4 * size
    assert function.count == 2  # (2, 2) is another pattern than (2, 3)
    assert len(fused._quick) <= 256


def test_functions_that_ask_are_not_served_without_python():
    x = np.ones(3, "f4")
    for function in (lambda a: a / a.size, lambda a, flag=True: a * 2, lambda a: (a, a), lambda a: a * OTHER[:1]):
        fused = fuse(function)
        fused(x)
        assert fused.slots() == []


def test_more_values_than_classes_run_but_have_no_phrase():
    def many(x):
        held = [x * (2 * number + 3) for number in range(100)]
        return sum(np.exp(item) for item in held[::-1]) * sum(item * item for item in held)

    fused = fuse(many)
    x = np.full(4000, 0.01, "f4")
    held = [x * np.float32(2 * number + 3) for number in range(100)]
    expected = sum(np.exp(item.astype("f8")) for item in held) * sum(item.astype("f8") ** 2 for item in held)
    np.testing.assert_allclose(fused(x), expected, rtol=1e-4)
    with pytest.raises(SigmaticsError, match="as a phrase the function would need .* classes, and there are 96"):
        _ = fused.circuit


def test_fused_functions_and_circuits_can_be_called_in_others():
    inner = fuse(lambda x, k: x * k + 1)
    circuit = compile_circuit("merge:exp@c02->c03 . merge:mul@c00[c01,c02]")
    staged = compile_circuit("merge@c02[c02,c03] . evaluate:gemv@c00[c01,c02]", {"w": "c00", "x": "c01"})
    outer = fuse(lambda w, a, b: staged(w, circuit(inner(a, 2.0), b)))
    w, a, b = _f32(5, 5), _f32(5), _f32(5)
    z = ops.gemv(w, ops.exp(ops.vector_mul(ops.scalar_add(ops.scalar_mul(a, 2), 1), b)))
    np.testing.assert_array_equal(outer(w, a, b), z + z)


# ---- while the world changes ---------------------------------------------------------------------


def test_a_fused_function_follows_its_runtime(library):
    runtime = runtime_of(one=DeclaringProvider([library.adder(1)]))
    function = Counted(lambda a, b: runtime.ops.vector_add(a, b))
    fused = fuse(runtime=runtime)(function)
    zeros = np.zeros(5, "f4")
    assert fused(zeros, zeros)[0] == 1
    runtime.register(DeclaringProvider([library.adder(2, tier="inline")]), "two")
    assert fused(zeros, zeros)[0] == 2
    runtime.unregister("two")
    assert (fused(zeros, zeros)[0], fused(zeros, zeros)[0]) == (1, 1)
    assert fused.slots() != []


def test_ops_of_other_providers_can_be_fused(library):
    kernels = [*library.kernels, python_kernel(lambda x, out: np.copyto(out, x + 5), "test.five", "()->()", "f32")]
    runtime = runtime_of(mine=DeclaringProvider(kernels))
    mine = runtime.ops
    fused = fuse(lambda x: mine["test.sum_and_difference"](mine["test.five"](x), x), runtime=runtime)
    x = _f32(4000)
    total, difference = fused(x)
    np.testing.assert_array_equal(total, (x + 5) + x)
    np.testing.assert_array_equal(difference, (x + 5) - x)
    low, high = fuse(lambda x: mine["test.min_and_max"](mine["test.five"](x)), runtime=runtime)(x.reshape(4, 1000))
    np.testing.assert_array_equal(low, (x.reshape(4, 1000) + 5).min(axis=1))
    np.testing.assert_array_equal(high, (x.reshape(4, 1000) + 5).max(axis=1))
    with pytest.raises(TraceError, match="test.accumulate writes to what it reads"):
        fuse(lambda x: mine["test.accumulate"](x, x), runtime=runtime)(x)


@kernel
def leaky_sum(a: f32, x: DeviceArray[f32], y: DeviceArray[f32], out: DeviceArray[f32], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = max(a * x[i], x[i]) + y[i]


@kernel
def reverse(x: DeviceArray[f32], out: DeviceArray[f32], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = x[n - 1 - i]


def test_kernels_in_python_can_be_fused():
    fused = fuse(lambda x, y, a: leaky_sum(a, x * y, y) * 2)
    for n in (5, 10_000):
        x, y = _f32(2, n)
        np.testing.assert_array_equal(fused(x, y, 0.5), leaky_sum(0.5, x * y, y) * 2)
    assert "leaky_sum(a, r0, y)" in fused.circuit.program()
    with pytest.raises(TraceError, match=r"reverse is not element-wise; register it, and call hg.ops.reverse"):
        fuse(lambda x: reverse(x))(x)
    with pytest.raises(TypeError, match=r"leaky_sum\(\) is for f32, got arrays of f64"):
        fused(x.astype("f8"), y.astype("f8"), 0.5)


def test_threads_share_a_fused_function():
    fused = fuse(lambda x, k: x * k + x.shape[0])
    wrong = []

    def call(size):
        x = np.full(size, 2.0, "f4")
        for k in range(200):
            if not (fused(x, float(k)) == 2 * k + size).all():
                wrong.append((size, k))

    threads = [threading.Thread(target=call, args=(size,)) for size in (3, 4, 5, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
