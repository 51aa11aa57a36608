"""Does a call with plain arrays do what its usage says, in every form of arguments and signature?"""

import inspect

import numpy as np
import pytest
from support.providers import DeclaringProvider, python_kernel, runtime_of

import hologram_core as hg

RNG = np.random.default_rng(0)


def _f32(*shape):
    return RNG.standard_normal(shape).astype("f4")


@pytest.fixture
def ops(shared_runtime):
    return shared_runtime.ops


# ---- out -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), (0,), (1,), (7,), (2, 3), (2, 0, 3)])
def test_out_in_every_form_gives_the_same_and_is_returned(ops, shape):
    a, b = _f32(*shape), _f32(*shape)
    new = ops.vector_add(a, b)
    assert type(new) is np.ndarray
    assert (new.shape, new.dtype) == (shape, np.float32)
    np.testing.assert_array_equal(new, a + b)
    np.testing.assert_array_equal(ops.vector_add(a, b, None), new)
    np.testing.assert_array_equal(ops.vector_add(a, b, out=None), new)
    for call in (lambda out: ops.vector_add(a, b, out), lambda out: ops.vector_add(a, b, out=out)):
        out = np.full(shape, np.nan, "f4")
        assert call(out) is out
        np.testing.assert_array_equal(out, new)


def test_new_results_share_no_memory(ops):
    a = _f32(4)
    first, second = ops.vector_add(a, a), ops.vector_add(a, a)
    assert not np.may_share_memory(first, second)
    assert not np.may_share_memory(first, a)


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a"), ("b", "a", "out"), ("out", "a", "b")])
def test_parameters_may_be_given_by_name_in_any_order(ops, order):
    a, b = _f32(4), _f32(4)
    out = np.empty(4, "f4")
    values = {"a": a, "b": b, "out": out}
    result = ops.vector_add(**{name: values[name] for name in order})
    np.testing.assert_array_equal(result, a + b)
    assert (result is out) == ("out" in order)


def test_positional_and_named_parameters_mix(ops):
    x, y = _f32(3), _f32(3)
    np.testing.assert_array_equal(ops.axpy(2.0, x, y=y), ops.axpy(2.0, x, y))
    np.testing.assert_array_equal(ops.axpy(y=y, x=x, alpha=2.0), ops.axpy(2.0, x, y))


def test_name_out_need_not_be_interned(ops):
    a, out = _f32(3), np.empty(3, "f4")
    assert ops.vector_neg(a, **{"".join(["o", "ut"]): out}) is out
    np.testing.assert_array_equal(out, -a)


def test_call_through_tuple_and_dictionary(ops):
    a, b = _f32(3), _f32(3)
    np.testing.assert_array_equal(ops.vector_add(*(a, b), **{}), a + b)


def test_defaults_are_those_of_the_catalogue(ops):
    x, weight, bias = _f32(2, 5), _f32(5), _f32(5)
    expected = ops.layer_norm(x, weight, bias, 1e-5)
    np.testing.assert_array_equal(ops.layer_norm(x, weight, bias), expected)
    out = np.empty_like(x)
    assert ops.layer_norm(x, weight, bias, out=out) is out
    np.testing.assert_array_equal(out, expected)
    assert not np.array_equal(ops.layer_norm(x, weight, bias, eps=1.0), expected)


# ---- shapes of signatures ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def centred():
    """The op x - sum(x): a whole array in, one of its shape out, and the sum."""

    def run(x, out, total):
        total[...] = np.sum(x)
        out[...] = x - total

    kernel = python_kernel(run, "centred", "(...)->(...),()", "f32")
    return runtime_of(whole=DeclaringProvider([kernel])).ops.centred


@pytest.mark.parametrize("shape", [(), (0,), (7,), (2, 3), (2, 0, 3)])
def test_whole_output_has_the_shape_of_the_whole_input(centred, shape):
    x = np.asarray(_f32(*shape), "f4")
    for argument in (x, x.astype(">f4"), memoryview(x)):
        y, total = centred(argument)
        assert (y.shape, total.shape) == (shape, ())
        np.testing.assert_array_equal(y, x - np.sum(x))
    out = np.empty_like(x), np.empty((), "f4")
    assert centred(x, out=out)[0] is out[0]
    np.testing.assert_array_equal(out[0], x - np.sum(x))


def test_whole_output_of_another_shape_is_refused(centred):
    with pytest.raises(ValueError, match=r"argument 'out\[0\]': expected float32 of shape \(2, 3\), got .*\(6,\)"):
        centred(_f32(2, 3), out=(np.empty(6, "f4"), np.empty((), "f4")))


def test_whole_arrays_of_any_shape(ops):
    for shape in [(), (6,), (2, 3), (0,), (2, 0)]:
        x = _f32(*shape)
        result = ops.reduce_sum(x)
        assert (type(result), result.shape) == (np.ndarray, ())
        np.testing.assert_allclose(result, x.sum(dtype="f8"), rtol=1e-6)
    a, b = _f32(2, 3), _f32(2, 3)
    np.testing.assert_allclose(ops.vector_dot(a, b), np.sum(a * b), rtol=1e-5)
    out = np.empty((), "f4")
    assert ops.reduce_sum(a, out=out) is out


def test_rows_of_nothing_take_no_time_however_many(ops):
    assert ops.softmax(np.empty((2**58, 0), "f4")).shape == (2**58, 0)
    assert ops.gemm(np.empty((2**58, 0, 3), "f4"), np.ones((3, 4), "f4")).shape == (2**58, 0, 4)
    with pytest.raises(ValueError, match="no elements"):
        ops.reduce_max(np.empty((2**58, 0), "f4"))


def _softmax(x):
    weights = np.exp(x - x.max(-1, keepdims=True, initial=-np.inf))
    return weights / weights.sum(-1, keepdims=True)


@pytest.mark.parametrize("shape", [(4,), (1,), (0,), (3, 4), (2, 3, 4), (0, 4), (3, 0), (2, 0, 4)])
def test_rows_go_over_the_last_axis(ops, shape):
    x = _f32(*shape)
    result = ops.softmax(x)
    assert result.shape == shape
    np.testing.assert_allclose(result, _softmax(x), rtol=1e-5)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((2, 3), (3, 4)),
        ((5, 2, 3), (5, 3, 4)),
        ((5, 2, 3), (3, 4)),
        ((2, 3), (5, 3, 4)),
        ((6, 5, 2, 3), (6, 5, 3, 4)),
        ((6, 5, 2, 3), (5, 3, 4)),
        ((6, 1, 2, 3), (1, 5, 3, 4)),
        ((1, 2, 3), (3, 4)),
        ((0, 2, 3), (3, 4)),
        ((2, 0), (0, 4)),
        ((0, 3), (3, 4)),
        ((5, 0, 3), (5, 3, 0)),
    ],
)
def test_stacks_of_matrices_broadcast_as_matmul_does(ops, a, b):
    a, b = _f32(*a), _f32(*b)
    expected = np.matmul(a, b)
    result = ops.gemm(a, b)
    assert result.shape == expected.shape
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-6)
    out = np.full(expected.shape, np.nan, "f4")
    assert ops.gemm(a, b, out=out) is out
    np.testing.assert_array_equal(out, result)


def test_form_for_one_dtype_uses_the_general_kernels(ops):
    a, x = _f32(3, 4), _f32(4)
    np.testing.assert_array_equal(ops.gemv_f32(a, x), ops.gemv(a, x))
    np.testing.assert_array_equal(ops.gemm_f32([[1, 2]], [[3], [4]]), [[11]])
    with pytest.raises(TypeError, match=r"gemv_f32\(\) argument 'a': expected float32 of shape \(3, 4\), got float64"):
        ops.gemv_f32(a.astype("f8"), x.astype("f8"))


def test_parameters_without_batch_dimensions_repeat(ops):
    x, weight, bias = _f32(3, 2, 5), _f32(5), _f32(5)
    expected = np.stack([[ops.layer_norm(row, weight, bias) for row in matrix] for matrix in x])
    np.testing.assert_array_equal(ops.layer_norm(x, weight, bias), expected)


def test_several_outputs_are_a_tuple(ops):
    op = ops["test.sum_and_difference"]
    a, b = _f32(3), _f32(3)
    total, difference = op(a, b)
    np.testing.assert_array_equal(total, a + b)
    np.testing.assert_array_equal(difference, a - b)
    outs = np.empty(3, "f4"), np.empty(3, "f4")
    for result in (op(a, b, *outs), op(a, b, out=outs)):
        assert result[0] is outs[0]
        assert result[1] is outs[1]
        np.testing.assert_array_equal(outs[1], a - b)
    mixed = op(a, b, out=(None, outs[1]))
    assert mixed[1] is outs[1]
    np.testing.assert_array_equal(mixed[0], a + b)
    mixed = op(a, b, outs[0])
    assert mixed[0] is outs[0]
    np.testing.assert_array_equal(mixed[1], a - b)


def test_several_outputs_with_batch_dimensions(ops):
    x = _f32(2, 3, 4)
    least, largest = ops["test.min_and_max"](x)
    np.testing.assert_array_equal(least, x.min(-1))
    np.testing.assert_array_equal(largest, x.max(-1))


def test_output_of_a_stated_dtype(ops):
    op = ops["test.count_positive"]
    x = _f32(3, 5)
    counts = op(x)
    assert counts.dtype == np.int64
    np.testing.assert_array_equal(counts, (x > 0).sum(-1))
    with pytest.raises(TypeError, match=r"argument 'out': expected int64 of shape \(3,\), got float32 of shape \(3,\)"):
        op(x, out=np.empty(3, "f4"))


def test_in_out_parameter_is_written_and_none_returned(ops):
    total, x = _f32(4), _f32(4)
    expected = total + x
    assert ops["test.accumulate"](total, x) is None
    np.testing.assert_array_equal(total, expected)
    rows, row = _f32(3, 4), _f32(4)
    expected = rows + row
    assert ops["test.add_to_row"](rows, row) is None
    np.testing.assert_array_equal(rows, expected)


@pytest.mark.parametrize("op", ["test.accumulate", "test.add_to_row"])
def test_in_out_parameter_cannot_be_broadcast(ops, op):
    total = _f32(4)
    before = total.copy()
    with pytest.raises(ValueError, match=rf"{op}\(\) argument '(total|row)': is written and cannot be broadcast"):
        ops[op](total, _f32(3, 4))
    np.testing.assert_array_equal(total, before)


def test_op_without_outputs_takes_no_out(ops):
    with pytest.raises(TypeError, match="got an unexpected argument 'out'"):
        ops["test.accumulate"](_f32(3), _f32(3), out=_f32(3))


def test_size_that_only_out_tells(ops):
    op = ops["test.repeat"]
    np.testing.assert_array_equal(op(np.array([1, 2], "f4"), out=np.empty(5, "f4")), [1, 2, 1, 2, 1])
    batch = op(np.array([[1, 2], [3, 4]], "f4"), out=np.empty((2, 3), "f4"))
    np.testing.assert_array_equal(batch, [[1, 2, 1], [3, 4, 3]])
    with pytest.raises(TypeError, match="argument 'out': is needed: no other argument tells the shape"):
        op(_f32(2))
    with pytest.raises(ValueError, match="argument 'out'"):
        op(_f32(2), out=np.empty((2, 3), "f4"))
    with pytest.raises(ValueError, match="argument 'out'"):
        op(_f32(2), out=np.empty((), "f4"))


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (0,)])
def test_fill_takes_shape_and_dtype_from_out(ops, shape):
    out = np.empty(shape, "f4")
    assert ops.fill(2.5, out=out) is out
    assert np.all(out == 2.5)
    with pytest.raises(TypeError, match=r"fill\(\) argument 'out': is needed"):
        ops.fill(2.5)


def test_sizes_given_as_numbers(ops):
    a, b = _f32(5, 3), _f32(5, 3)
    np.testing.assert_allclose(ops["test.cross"](a, b), np.cross(a, b), rtol=1e-5)
    with pytest.raises(
        ValueError, match=r"test.cross\(\) argument 'a': expected \(3\) to be \(3\) where 3 = 3, got shape"
    ):
        ops["test.cross"](_f32(4), _f32(4))


# ---- scalars -------------------------------------------------------------------------------------

SCALARS = [
    2.5, 2, True, np.float32(2.5), np.float64(2.5), np.int8(2), np.uint64(2), np.bool_(True), np.float16(2.5),
    np.array(2.5, "f4"), np.array(2.5), np.array(2), np.array(2.5, ">f4"), float("inf"), float("nan"), -0.0, 1e300,
    2**24 + 1, -(2**62) - 1, 2**60 + 2**36 + 1, 2**70,
]  # fmt: skip


@pytest.mark.parametrize("value", SCALARS, ids=repr)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_scalar_of_any_kind_is_that_number(ops, value, dtype):
    x = np.array([1, -2, 0.5], dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        expected = x + np.asarray(float(value)).astype(dtype)
    np.testing.assert_array_equal(ops.scalar_add(x, value), expected)
    np.testing.assert_array_equal(ops.scalar_add(np.repeat(x, 2)[::2], value), expected)


@pytest.mark.parametrize("value", [2, True, np.int8(2), np.int64(2), np.uint8(2), np.array(2)], ids=repr)
def test_scalar_for_integers(ops, value):
    x = np.array([1, -2], "i4")
    np.testing.assert_array_equal(ops.scalar_add(x, value), x + np.int32(value))


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (2.5, TypeError),
        (2**40, ValueError),
        (-(2**31) - 1, ValueError),
        (np.int64(2**40), ValueError),
        (2**70, (TypeError, ValueError)),
        (1j, TypeError),
        ("2", TypeError),
        (None, TypeError),
        ([2], TypeError),
        (np.array([2]), TypeError),
    ],
    ids=repr,
)
def test_number_that_does_not_fit_integers_is_refused(ops, value, error):
    with pytest.raises(error, match=r"scalar_add\(\) argument 'value'"):
        ops.scalar_add(np.array([1, -2], "i4"), value)


@pytest.mark.parametrize(
    "value", [1j, "2", None, [2.0], np.array([2.0]), object(), 10**400, b"2", np.datetime64(2, "s")], ids=repr
)
def test_what_is_no_number_is_refused(ops, value):
    with pytest.raises(TypeError, match=r"scalar_add\(\) argument 'value': expected"):
        ops.scalar_add(np.ones(2, "f4"), value)


# ---- kernels in Python ---------------------------------------------------------------------------


def _python_runtime(function, op, signature, dtype="f32", **fields):
    kernel = python_kernel(function, op, signature, dtype, **fields)
    return runtime_of(mine=DeclaringProvider([kernel]))


def test_python_kernel_gets_arrays_and_numpy_scalars():
    seen = []

    def axpy(alpha, x, y, out):
        seen.append((type(alpha), type(x), out.flags.carray, x.shape))
        np.add(alpha * x, y, out=out)
        return "ignored"

    ops = _python_runtime(axpy, "axpy", "scalar,(),()->()").ops
    x = _f32(2, 3)
    np.testing.assert_array_equal(ops.axpy(2, x, x), 3 * x)
    np.testing.assert_array_equal(ops.axpy(np.float64(2), x.T, x.T, out=np.empty((3, 2), "f4")), 3 * x.T)
    assert seen == [(np.float32, np.ndarray, True, (2, 3)), (np.float32, np.ndarray, True, (3, 2))]


def test_python_kernel_gets_batches_whole():
    def softmax(x, out):
        assert x.shape == (2, 3)
        out[...] = _softmax(x)

    x = _f32(2, 3)
    np.testing.assert_allclose(_python_runtime(softmax, "softmax", "(n)->(n)").ops.softmax(x), _softmax(x), rtol=1e-6)


def test_python_kernel_that_raises_is_heard_as_it_is():
    class OwnError(Exception):
        pass

    def fail(x, out):
        raise OwnError("mine")

    with pytest.raises(OwnError, match="mine"):
        _python_runtime(fail, "vector_neg", "()->()").ops.vector_neg(_f32(3))


def test_python_kernel_serves_empty_arrays_and_f16():
    ops = _python_runtime(lambda x, out: np.negative(x, out=out), "vector_neg", "()->()", "f16").ops
    assert ops.vector_neg(np.ones(3, "f2")).tolist() == [-1, -1, -1]
    assert ops.vector_neg(np.ones((0, 2), "f2")).shape == (0, 2)


# ---- errors of kernels ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        (1, ValueError, "test.fail(): failed with 1 on purpose"),
        (2, hg.KernelError, "test.fail(): failed with 2 on purpose"),
        (7, hg.KernelError, "test.fail(): the kernel failed with code 7 and no message"),
        (-3, hg.KernelError, "test.fail(): the kernel failed with code -3 and no message"),
        (9, hg.KernelError, "test.fail(): " + "\N{REPLACEMENT CHARACTER}" * 512),
    ],
)
@pytest.mark.parametrize("shape", [(1,), (2, 1), (70_000,), (1_000_000,)])
def test_error_code_becomes_an_exception_with_the_kernels_message(shared_runtime, code, error, message, shape):
    x = np.full(shape, code, "f4")
    for call in (shared_runtime.ops["test.fail"], shared_runtime.get_kernel("test.fail", "f32", x.size)):
        with pytest.raises(error) as caught:
            call(x)
        assert str(caught.value) == message
        assert type(caught.value) is error


def test_reduction_of_nothing_is_a_value_error(ops):
    with pytest.raises(ValueError, match=r"reduce_max\(\): no elements"):
        ops.reduce_max(np.empty(0, "f4"))


def test_error_in_one_row_of_a_batch(library):
    kernel = library.kernel("reduce_max", signature=hg.Signature.parse("(n)->()"), op="test.row_max")
    op = runtime_of(mine=DeclaringProvider([kernel])).ops["test.row_max"]
    np.testing.assert_array_equal(op(np.array([[1, 3], [5, 2]], "f4")), [3, 5])
    with pytest.raises(ValueError, match="no elements"):
        op(np.empty((3, 0), "f4"))


# ---- bound kernels -------------------------------------------------------------------------------


def test_bound_kernel_gives_what_the_op_gives(shared_runtime):
    a, b, out = _f32(5), _f32(5), np.empty(5, "f4")
    kernel = shared_runtime.get_kernel("vector_add", "f32", 5)
    np.testing.assert_array_equal(kernel(a, b), shared_runtime.ops.vector_add(a, b))
    assert kernel(a, b, out=out) is out
    np.testing.assert_array_equal(kernel(a[::-1], b.tolist()), a[::-1] + b)


def test_bound_kernel_refuses_other_sizes(library):
    runtime = runtime_of(mine=DeclaringProvider([library.kernel("vector_neg", min_n=3, max_n=5)]))
    kernel = runtime.get_kernel("vector_neg", "f32", 4)
    for n in (3, 5):
        np.testing.assert_array_equal(kernel(np.ones(n, "f4")), -np.ones(n))
    for n in (0, 2, 6):
        for x in (np.ones(n, "f4"), np.ones(2 * n, "f4")[::2], [1.0] * n):
            with pytest.raises(ValueError) as caught:  # noqa: PT011
                kernel(x)
            assert str(caught.value) == (
                f"vector_neg() has n={n}, and this kernel of mine serves n from 3 to 5; the op itself chooses another one"
            )


def test_n_is_the_size_of_the_largest_array(library):
    runtime = runtime_of(mine=DeclaringProvider([library.kernel("gemm", max_n=12)]))
    kernel = runtime.get_kernel("gemm", "f32", 12)
    assert kernel(_f32(3, 1), _f32(1, 4)).shape == (3, 4)
    with pytest.raises(ValueError, match="n=16"):
        kernel(_f32(4, 1), _f32(1, 4))
    with pytest.raises(ValueError, match="n=24"):
        kernel(_f32(2, 3, 1), _f32(1, 4))


def test_bound_kernel_refuses_other_dtypes(shared_runtime):
    kernel = shared_runtime.get_kernel("vector_add", "f32", 5)
    message = r"vector_add\(\) argument 'a': expected float32 of shape \(2,\), got float64 of shape \(2,\)"
    with pytest.raises(TypeError, match=message):
        kernel(np.ones(2), np.ones(2))
    np.testing.assert_array_equal(kernel([1, 2], [3.5, 4]), np.array([4.5, 6], "f4"))


def test_bound_kernel_tells_about_itself(shared_runtime):
    kernel = shared_runtime.get_kernel("vector_add", "f32", 5)
    assert (kernel.op, kernel.dtype, kernel.provider, kernel.tier, kernel.isa) == (
        "vector_add", "f32", "support", "user", "baseline",
    )  # fmt: skip
    assert (kernel.min_n, kernel.max_n, str(kernel.signature)) == (0, hg.MAX_N, "(),()->()")
    assert kernel.entry == dict(kernel.kernel.variants)["baseline"]
    assert repr(kernel) == "<hologram kernel vector_add f32 by support (user 200, baseline)>"
    with pytest.raises(AttributeError):
        kernel.nothing  # noqa: B018
    with pytest.raises(AttributeError):
        kernel.provider = "me"


def test_run_takes_conforming_arrays_only(ops):
    x = _f32(4)
    np.testing.assert_array_equal(ops.vector_neg.__self__.run(x), -x)
    with pytest.raises(TypeError, match=r"run\(\) takes arrays that need no conversion"):
        ops.vector_neg.__self__.run(x[::2])


# ---- the op itself -------------------------------------------------------------------------------


def test_op_is_introspectable(ops):
    op = ops.layer_norm
    assert op.__name__ == "layer_norm"
    assert str(inspect.signature(op)) == "(x, weight, bias, eps=1e-05, out=None)"
    assert op.__doc__.startswith("(x - mean)")
    assert "Signature (n),(n),(n),scalar->(n); n is the size of the largest array." in op.__doc__
    assert repr(op.__self__) == "<hologram op layer_norm(x, weight, bias, eps=1e-05, out=None)>"
    assert callable(op)


def test_signature_of_a_dotted_name_is_found(ops):
    assert str(inspect.signature(ops["test.accumulate"])) == str(inspect.signature(ops["test.accumulate"].__self__))


def test_op_object_is_the_same_as_its_function(ops):
    op, x, out = ops.vector_neg.__self__, _f32(3), np.empty(3, "f4")
    assert isinstance(op, hg.Op)
    assert op.function is ops.vector_neg
    np.testing.assert_array_equal(op(x), -x)
    assert op(x, out=out) is out
    assert op(x[::-1], out) is out
    assert op.__doc__.startswith("vector_neg(x, out=None)\n\n-x")
    assert str(inspect.signature(op)) == "(x, out=None)"
    with pytest.raises(TypeError, match=r"vector_neg\(\) misses argument 'x'"):
        op()


def test_ops_cannot_be_changed(ops):
    with pytest.raises(AttributeError):
        ops.layer_norm.__self__.name = "other"
    with pytest.raises(TypeError):
        type("Sub", (hg.Op,), {})
