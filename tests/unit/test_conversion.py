"""Does whatever else a NumPy user passes give exactly what plain arrays give?"""

import array

import numpy as np
import pytest
from support.forms import READABLE, WRITABLE, WithArray, value_of

import hologram_core as hg


@pytest.fixture
def ops(shared_runtime):
    return shared_runtime.ops


def _values(seed, dtype="f4", shape=(4, 6)):
    return (np.random.default_rng(seed).standard_normal(shape) * 9).astype(dtype)


# ---- inputs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "u1", "i8"])
@pytest.mark.parametrize("form", READABLE)
def test_input_in_any_form_gives_what_a_plain_array_gives(ops, form, dtype):
    a, b = _values(1, dtype), np.abs(_values(2, dtype))
    expected = ops.vector_add.__self__.run(a, b)
    other = READABLE[form](b)
    for result in (ops.vector_add(a, other), ops.vector_add(other, a), ops.vector_add(a, other, np.empty_like(a))):
        assert type(result) is np.ndarray
        assert result.dtype is expected.dtype
        np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(value_of(other), b)


@pytest.mark.parametrize("form", READABLE)
def test_rows_whole_arrays_and_matrices_in_any_form(ops, form):
    x = _values(3)
    np.testing.assert_array_equal(ops.softmax(READABLE[form](x), np.empty_like(x)), ops.softmax.__self__.run(x))
    np.testing.assert_array_equal(ops.reduce_sum(READABLE[form](x), np.empty((), "f4")), ops.reduce_sum.__self__.run(x))
    np.testing.assert_array_equal(ops.gemm(READABLE[form](x), x.T.copy()), ops.gemm.__self__.run(x, x.T.copy()))
    np.testing.assert_array_equal(ops.gemm(x.T, READABLE[form](x)), ops.gemm.__self__.run(x.T.copy(), x))


@pytest.mark.parametrize("form", READABLE)
def test_bound_kernel_takes_any_form(shared_runtime, form):
    a, b = _values(1), _values(2)
    kernel = shared_runtime.get_kernel("vector_add", "f32", a.size)
    np.testing.assert_array_equal(kernel(READABLE[form](a), READABLE[form](b)), a + b)


@pytest.mark.parametrize("code", ["longlong", "long", "int", "short", "uint", "ulonglong", "byte"])
def test_c_types_of_equal_size_are_one_dtype(ops, code):
    x = np.arange(6, dtype=code).reshape(2, 3)
    for form in (x, x[:, ::-1], READABLE["read-only"](x)):
        np.testing.assert_array_equal(ops.vector_add(form, x), form + x)
    out = np.zeros((2, 3), code)
    assert ops.vector_add(x, x, out=out) is out
    np.testing.assert_array_equal(out, x + x)


def test_array_of_the_standard_library(ops):
    x = array.array("f", [1, 2, 3])
    out = array.array("f", [0, 0, 0])
    assert ops.vector_add(x, x, out=out) is out
    assert out.tolist() == [2, 4, 6]


def test_numbers_and_lists_take_the_dtype_of_the_arrays_beside_them(ops):
    x = np.array([1, 2], "f4")
    for other in ([3, 4], (3.0, 4), 5, 2.5, True, [[1], [2]]):
        result = ops.vector_add(other, x)
        assert result.dtype == np.float32
        np.testing.assert_array_equal(result, np.asarray(other, "f4") + x)
    np.testing.assert_array_equal(ops.vector_add([1, 2], [3, 4]), [4, 6])
    assert ops.vector_add([1, 2], [3, 4]).dtype == np.int64
    assert ops.vector_add([1.5, 2], [3, 4]).dtype == np.float64
    assert ops.vector_add([1, 2], [3, 4], out=np.empty(2, "f4")).dtype == np.float32
    assert ops.vector_add(1.5, 2).shape == ()


@pytest.mark.parametrize(
    ("values", "dtype", "error"),
    [
        ([1.5, 2], "i4", TypeError),
        ([1, 2**40], "i4", ValueError),
        ([-1, 2], "u1", ValueError),
        ([1j, 2], "f4", TypeError),
        (["1", "2"], "f4", TypeError),
        ([None, 1], "f4", TypeError),
        ([[1], [1, 2]], "f4", TypeError),
        ([2**70, 1], "f4", TypeError),
    ],
)
def test_list_that_does_not_fit_is_refused(ops, values, dtype, error):
    with pytest.raises(error, match=r"vector_add\(\) argument 'b': "):
        ops.vector_add(np.ones(2, dtype), values)


def test_list_too_large_for_a_float_is_infinite_as_in_numpy(ops):
    np.testing.assert_array_equal(ops.vector_add(np.ones(2, "f4"), [1e300, -1e300]), [np.inf, -np.inf])


@pytest.mark.parametrize("other", ["f8", "i4", "c8", "S2", "O", "M8[s]", "f2"])
def test_array_of_another_dtype_is_never_converted(ops, other):
    a, b = np.ones(2, "f4"), np.ones(2).astype(other)
    with pytest.raises(TypeError, match=r"vector_add\(\) argument 'b': expected "):
        ops.vector_add(a, b)


def test_message_names_op_argument_found_and_expected(ops):
    with pytest.raises(TypeError) as caught:
        ops.vector_add(np.ones(100, "f4"), np.ones(100))
    expected = "vector_add() argument 'b': expected float32 of shape (100,), got float64 of shape (100,)"
    assert str(caught.value) == expected


def test_masked_arrays_are_refused(ops):
    masked = np.ma.masked_array(np.ones(3, "f4"), [True, False, False])
    for call in (lambda: ops.vector_neg(masked), lambda: ops.vector_neg(np.ones(3, "f4"), out=masked)):
        with pytest.raises(TypeError, match=r"got a masked one; fill it first: x\.filled"):
            call()


# ---- broadcasting --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((3,), ()),
        ((), (3,)),
        ((2, 3), (3,)),
        ((2, 1), (1, 3)),
        ((2, 1, 4), (3, 1)),
        ((1,), (0,)),
        ((0, 3), (1, 3)),
        ((2, 3), (1, 1)),
    ],
)
def test_elementwise_arguments_broadcast(ops, a, b):
    a, b = _values(1, shape=a), _values(2, shape=b)
    expected = a + b
    result = ops.vector_add(a, b)
    assert result.shape == expected.shape
    np.testing.assert_array_equal(result, expected)
    out = np.empty(expected.shape, "f4")
    assert ops.vector_add(a, b, out=out) is out
    np.testing.assert_array_equal(out, expected)


def test_what_does_not_broadcast_is_refused(ops):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        ops.vector_add(np.ones(3, "f4"), np.ones(4, "f4"))
    assert str(caught.value) == "vector_add() arguments do not broadcast together: 'a' (3,), 'b' (4,)"
    with pytest.raises(ValueError, match=r"gemm\(\) arguments do not broadcast together"):
        ops.gemm(np.ones((2, 3, 3), "f4"), np.ones((4, 3, 3), "f4"))


def test_whole_arrays_do_not_broadcast(ops):
    with pytest.raises(
        ValueError, match=r"vector_dot\(\) argument 'b': expected shape \(2, 3\), that of 'a', got \(6,\)"
    ):
        ops.vector_dot(np.ones((2, 3), "f4"), np.ones(6, "f4"))


def test_core_dimensions_do_not_broadcast(ops):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        ops.gemm(np.ones((2, 3), "f4"), np.ones((4, 5), "f4"))
    assert str(caught.value) == (
        "gemm() argument 'b': expected (k,n) to be (3, n) where k = 3, got shape (4, 5) (signature (m,k),(k,n)->(m,n))"
    )
    with pytest.raises(
        ValueError, match=r"gemv\(\) argument 'a': expected at least 2 dimensions \(m,n\), got shape \(3,\)"
    ):
        ops.gemv(np.ones(3, "f4"), np.ones(3, "f4"))


# ---- outputs -------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", WRITABLE)
def test_out_in_any_form_is_written_and_returned_as_the_same_object(ops, form):
    a, b = _values(1), _values(2)
    out = WRITABLE[form](np.zeros_like(a))
    assert ops.vector_add(a, b, out=out) is out
    np.testing.assert_array_equal(value_of(out), a + b)
    out = WRITABLE[form](np.zeros_like(a))
    assert ops.softmax(a, out) is out
    np.testing.assert_array_equal(value_of(out), ops.softmax(a))


@pytest.mark.parametrize("form", [form for form in WRITABLE if form != "matrix"])
def test_in_out_parameter_in_any_form_is_written(ops, form):
    x = _values(1)
    for op in ("test.accumulate", "test.add_to_row"):
        total = WRITABLE[form](_values(2))
        ops[op](total, x)
        np.testing.assert_array_equal(value_of(total), _values(2) + x)


@pytest.mark.parametrize("form", WRITABLE)
def test_several_outputs_in_any_form(ops, form):
    a, b = _values(1), _values(2)
    outs = WRITABLE[form](np.zeros_like(a)), WRITABLE[form](np.zeros_like(a))
    results = ops["test.sum_and_difference"](a, b, out=outs)
    assert results[0] is outs[0]
    assert results[1] is outs[1]
    np.testing.assert_array_equal(value_of(outs[0]), a + b)
    np.testing.assert_array_equal(value_of(outs[1]), a - b)


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        (np.empty(4, "f4"), ValueError, "expected float32 of shape (3,), got float32 of shape (4,)"),
        (np.empty((1, 3), "f4"), ValueError, "expected float32 of shape (3,), got float32 of shape (1, 3)"),
        (np.empty((), "f4"), ValueError, "expected float32 of shape (3,), got float32 of shape ()"),
        (np.empty(3, "f8"), TypeError, "expected float32 of shape (3,), got float64 of shape (3,)"),
        (np.empty(3, "O"), TypeError, "expected float32 of shape (3,), got object of shape (3,)"),
        (np.empty(3, "S4"), TypeError, "expected float32 of shape (3,), got |S4 of shape (3,)"),
        (READABLE["read-only"](np.empty(3, "f4")), ValueError, "expected a writable array, got a read-only float32"),
        (memoryview(bytes(12)).cast("f"), ValueError, "expected a writable array, got a read-only memoryview"),
        ([0.0, 0.0, 0.0], TypeError, "expected an array to write to, got list"),
        (5.0, TypeError, "expected an array to write to, got float"),
        ("abc", TypeError, "expected an array to write to, got str"),
        (WithArray(np.empty(3, "f4")), TypeError, "expected an array to write to, got WithArray"),
        (b"abcdefghijkl", ValueError, "expected a writable array, got a read-only bytes"),
        (np.float32(0), ValueError, "expected a writable array, got a read-only float32"),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("keyword", [True, False])
def test_unfit_out_is_refused(ops, out, error, message, keyword):
    x = np.ones(3, "f4")
    with pytest.raises(error) as caught:
        ops.vector_neg(x, out=out) if keyword else ops.vector_neg(x, out)
    assert str(caught.value).startswith(f"vector_neg() argument 'out': {message}")
    assert x.tolist() == [1, 1, 1]


def test_out_tuple_must_have_one_array_for_each_output(ops):
    x = np.ones(3, "f4")
    for out in ((x,), (x, x, x), [x, x], x, ()):
        with pytest.raises(TypeError, match=r"argument 'out': expected a tuple of 2 arrays"):
            ops["test.sum_and_difference"](x, x, out=out)


# ---- overlap: as if the inputs were read first ---------------------------------------------------


@pytest.mark.parametrize("op", ["vector_add", "vector_fma", "axpy"])
@pytest.mark.parametrize("shift", [-3, -1, 0, 1, 3, 50])
def test_out_may_overlap_inputs(ops, op, shift):
    memory = _values(1, shape=(200,))
    x, out = memory[50:150].copy(), memory[50 + shift : 150 + shift]
    arguments = {"vector_add": lambda v: (v, x), "vector_fma": lambda v: (x, v, v), "axpy": lambda v: (2.0, v, x)}[op]
    expected = ops[op](*arguments(memory[50:150].copy()))
    assert ops[op](*arguments(memory[50:150]), out=out) is out
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("shift", [0, 1, -1])
def test_out_may_overlap_where_the_kernel_does_not_allow_it(ops, shift):
    memory = _values(1, shape=(200,))
    expected = -memory[50:150]
    out = ops.vector_neg(memory[50:150], memory[50 + shift : 150 + shift])
    np.testing.assert_array_equal(out, expected)


def test_out_may_overlap_rows_and_matrices(ops):
    x = _values(1, shape=(5, 5))
    expected = ops.softmax(x)
    memory = x.copy()
    np.testing.assert_array_equal(ops.softmax(memory, out=memory), expected)
    memory = x.copy()
    np.testing.assert_array_equal(ops.softmax(memory.T, out=memory), ops.softmax(x.T.copy()))
    memory = x.copy()
    np.testing.assert_array_equal(ops.gemm(memory, memory, out=memory), ops.gemm(x, x))
    memory = x.copy()
    np.testing.assert_array_equal(ops.vector_neg(memory[::-1], out=memory), -x[::-1])
    memory = x.copy()
    np.testing.assert_array_equal(ops.vector_add(memory[0], memory, out=memory), x[0] + x)
    memory = x.copy()
    np.testing.assert_array_equal(ops.gemv(memory, memory[1], out=memory[1]), ops.gemv(x, x[1]))


def test_row_kernel_in_the_memory_of_a_repeated_input(ops):
    memory = _values(1, shape=(3, 4))
    x, weight = memory.copy(), memory[1].copy()
    expected = ops.layer_norm(x, weight, weight)
    np.testing.assert_array_equal(ops.layer_norm(memory, memory[1], memory[1], out=memory), expected)


def test_outputs_must_not_overlap_one_another(ops):
    x, out = np.ones(6, "f4"), np.zeros(12, "f4")
    for outs in [(out[:6], out[:6]), (out[:6], out[3:9]), (out[::2], out[::2])]:
        with pytest.raises(ValueError, match="written overlap one another"):
            ops["test.sum_and_difference"](x, x, out=outs)
        assert not out.any()
    ops["test.sum_and_difference"](x, x, out=(out[::2], out[1::2]))
    np.testing.assert_array_equal(out, [2, 0] * 6)


def test_in_out_parameter_may_share_memory_with_an_input(ops):
    x = _values(1, shape=(6,))
    expected = x + x[::-1]
    ops["test.accumulate"](x, x[::-1])
    np.testing.assert_array_equal(x, expected)
    doubled = x + x
    ops["test.accumulate"](x, x)
    np.testing.assert_array_equal(x, doubled)


# ---- arguments -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((), {}, "vector_add() misses argument 'a', 'b': vector_add(a, b, out=None)"),
        ((1,), {}, "vector_add() misses argument 'b': vector_add(a, b, out=None)"),
        ((1, 2, None, 3), {}, "vector_add() takes at most 3 arguments, got 4: vector_add(a, b, out=None)"),
        ((1, 2), {"c": 3}, "vector_add() got an unexpected argument 'c': vector_add(a, b, out=None)"),
        ((1, 2), {"a": 3}, "vector_add() got argument 'a' twice: vector_add(a, b, out=None)"),
        ((1, 2, np.empty(())), {"out": np.empty(())}, "vector_add() got an unexpected argument 'out'"),
    ],
)
def test_wrong_arguments_are_a_type_error_with_the_usage(ops, args, kwargs, message):
    with pytest.raises(TypeError) as caught:
        ops.vector_add(*args, **kwargs)
    assert str(caught.value).startswith(message)


def test_missing_dtype_is_an_unknown_kernel(ops):
    with pytest.raises(hg.UnknownKernelError, match="no kernel 'softmax' for f64"):
        ops.softmax(np.ones(3))
    with pytest.raises(hg.UnknownKernelError, match="no kernel 'softmax' for f64"):
        ops.softmax([1.0, 2.0])
