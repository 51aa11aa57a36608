"""Do calls on arrays of any shape, stride, byte order and overlap give what NumPy gives?"""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

COMMON = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def ops(shared_runtime):
    return shared_runtime.ops


@st.composite
def views(draw, shape, dtype):
    """An array of a shape: a view of a larger one with steps of any sign, transposed, swapped or plain."""
    steps = [draw(st.sampled_from([1, 1, 1, 2, 3, -1, -2])) for _ in shape]
    starts = [draw(st.integers(0, 2)) for _ in shape]
    order = draw(st.permutations(range(len(shape))))
    base_shape = [starts[i] + max(0, shape[i] - 1) * abs(steps[i]) + 1 for i in order]
    kind = np.dtype(dtype).newbyteorder() if draw(st.booleans()) and draw(st.booleans()) else np.dtype(dtype)
    seed = draw(st.integers(0, 1000))
    base = np.asarray(np.random.default_rng(seed).standard_normal(base_shape) * 50).astype(kind)
    index = tuple(
        slice(start, start + (size - 1) * abs(step) + 1, abs(step)) if size else slice(0, 0)
        for start, size, step in zip(starts, shape, steps, strict=True)
    )
    if not shape:
        return base
    view = base.transpose(np.argsort(order))[index][tuple(slice(None, None, -1 if step < 0 else 1) for step in steps)]
    assert view.shape == tuple(shape)
    return view


dtypes = st.sampled_from(["f4", "f8", "i4", "u1"])


@st.composite
def pairs(draw, count=2):
    """Arrays of one dtype whose shapes broadcast together, and their common shape."""
    shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=count, max_dims=4, max_side=5))
    dtype = draw(dtypes)
    return [draw(views(shape, dtype)) for shape in shapes.input_shapes], shapes.result_shape, dtype


@COMMON
@given(pairs(), st.data())
def test_elementwise_ops_are_numpys(ops, arguments, data):
    (a, b), shape, dtype = arguments
    before = a.copy(), b.copy()
    expected = np.add(a.astype(dtype), b.astype(dtype))
    result = ops.vector_add(a, b)
    assert result.shape == shape
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, expected)
    out = data.draw(views(shape, dtype))
    assert ops.vector_add(a, b, out=out) is out
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(a, before[0])
    np.testing.assert_array_equal(b, before[1])


@COMMON
@given(st.integers(0, 40), st.data())
def test_overlap_is_as_if_the_inputs_were_read_first(ops, n, data):
    memory = np.random.default_rng(0).standard_normal(200).astype("f4")

    def part():
        step = data.draw(st.sampled_from([1, 1, 2, -1, -2]))
        start = data.draw(st.integers(80, 119))
        return memory[start : start + n * step : step]

    a, b, out = part(), part(), part()
    op = data.draw(st.sampled_from(["vector_add", "vector_fma", "vector_neg"]))
    arguments = {"vector_add": (a, b), "vector_fma": (a, b, a), "vector_neg": (a,)}[op]
    expected = ops[op](*(argument.copy() for argument in arguments))
    rest = memory.copy()
    assert ops[op](*arguments, out=out) is out
    np.testing.assert_array_equal(out, expected)
    out[...] = 0
    changed = memory.copy()
    memory[...] = rest
    out[...] = 0
    np.testing.assert_array_equal(changed, memory)  # nothing beside out was written


@COMMON
@given(
    hnp.mutually_broadcastable_shapes(signature="(m,k),(k,n)->(m,n)", max_dims=2, max_side=4, min_side=0),
    st.data(),
)
def test_matrix_products_are_numpys(ops, shapes, data):
    a, b = (data.draw(views(shape, "f4")) for shape in shapes.input_shapes)
    expected = np.matmul(a.astype("f8"), b.astype("f8"))
    result = ops.gemm(a, b)
    assert result.shape == expected.shape == shapes.result_shape
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-1)
    out = data.draw(views(result.shape, "f4"))
    assert ops.gemm(a, b, out=out) is out
    np.testing.assert_array_equal(out, result)


@COMMON
@given(hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5), st.data())
def test_rows_and_whole_arrays_do_not_depend_on_layout(ops, shape, data):
    x = data.draw(views(shape, "f4"))
    plain = np.ascontiguousarray(x, "f4")
    np.testing.assert_array_equal(ops.softmax(x), ops.softmax.__self__.run(plain))
    np.testing.assert_array_equal(ops.reduce_sum(x), ops.reduce_sum.__self__.run(plain))
    least, largest = ops["test.min_and_max"](x)
    np.testing.assert_array_equal(least, plain.min(-1, initial=np.inf))
    np.testing.assert_array_equal(largest, plain.max(-1, initial=-np.inf))


@COMMON
@given(st.integers(0, 6), st.lists(st.integers(0, 3), max_size=2), st.data())
def test_in_out_parameters_are_added_to(ops, n, batch, data):
    total = data.draw(views((*batch, n), "f4"))
    x = data.draw(views((*batch, n), "f4"))
    op = data.draw(st.sampled_from(["test.accumulate", "test.add_to_row"]))
    expected = total.astype("f4") + x.astype("f4")
    assert ops[op](total, x) is None
    np.testing.assert_array_equal(total, expected)


@COMMON
@given(
    dtypes,
    st.floats(width=32) | st.integers(-(2**70), 2**70) | st.booleans(),
)
def test_scalars_are_what_numpy_makes_of_them(ops, dtype, value):
    x = np.array([1, 2, 3], dtype)
    try:
        result = ops.scalar_add(x, value)
    except (TypeError, ValueError):
        assert dtype in ("i4", "u1")
        info = np.iinfo(dtype)
        assert isinstance(value, float) or not info.min <= value <= info.max
        return
    with np.errstate(over="ignore", invalid="ignore"):
        expected = x + (np.asarray(float(value)).astype(dtype) if dtype[0] == "f" else np.asarray(value).astype(dtype))
    np.testing.assert_array_equal(result, expected)
