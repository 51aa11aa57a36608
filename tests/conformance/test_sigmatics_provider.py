"""Does the fallback serve every op of the catalogue for every dtype and size, right and the same on every thread count?"""

import os
import signal
import threading

import numpy as np
import pytest

import hologram_core as hg
from hologram_core import dtypes
from hologram_core.catalogue import STANDARD
from hologram_core.kernel import MAX_N
from hologram_core.testing import check_kernel
from hologram_sigmatics import _primitives

PAGE = 3072
FLOATS = ("f16", "f32", "f64")
INTEGERS = ("i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64")
FLOATS_ONLY = {
    *"vector_div sigmoid tanh gelu gelu_tanh silu exp log sqrt rsqrt sin cos erf".split(),
    *"softmax log_softmax layer_norm rms_norm mse cross_entropy binary_cross_entropy".split(),
}
NOT_OF_BOOLS = {
    *"vector_sub vector_neg vector_pow relu clip reduce_sum reduce_prod vector_dot".split(),
    *FLOATS_ONLY,
}
OPS = sorted({spec.kernel_op for spec in STANDARD.values()})
SERVED = [
    (op, dtype)
    for op in OPS
    for dtype in dtypes.NAMES
    if dtype in FLOATS or (op not in FLOATS_ONLY and (dtype != "bool" or op not in NOT_OF_BOOLS))
]
LEVELS = {level: hg.Runtime(providers=["hologram-sigmatics"], isa=level, threads=2) for level in hg.cpu_levels()}
RUNTIME = list(LEVELS.values())[-1]
POSITIVE = ("log", "sqrt", "rsqrt", "vector_pow", "cross_entropy", "binary_cross_entropy")


def draw(op, shape, dtype, seed=0):
    """Random values of which the op has results."""
    rng, dtype = np.random.default_rng(seed), dtypes.find(dtype).numpy
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind in "iu":
        least = 0 if dtype.kind == "u" or op == "vector_pow" else np.iinfo(dtype).min
        values = rng.integers(least, 20 if op == "vector_pow" else np.iinfo(dtype).max, shape, dtype, endpoint=True)
        return values | dtype.type(op == "reduce_prod")  # odd ones, whose product is not zero soon
    if op == "reduce_prod":
        return rng.uniform(0.98, 1.02, shape).astype(dtype)
    return (rng.uniform(0.05, 0.95, shape) if op in POSITIVE else rng.standard_normal(shape) * 3).astype(dtype)


def arguments(op, dtype, n):
    """Inputs of an op whose largest array has about n elements."""
    side = int(n**0.5)
    sizes = {"gemv": {"m": side, "n": side}, "gemm": {"m": side, "k": side + 1, "n": max(side - 1, 0)}}.get(op, {})
    inputs = []
    for i, param in enumerate(STANDARD[op].signature.inputs):
        if param.kind == "scalar":
            inputs.append(dtypes.find(dtype).numpy.type(i + 1))
        else:
            inputs.append(draw(op, tuple(sizes.get(dim, n) for dim in param.core) or n, dtype, seed=i))
    return inputs


def call(runtime, op, inputs):
    if op == "fill":
        return runtime.ops.fill(inputs[0], out=np.empty(PAGE + 1, inputs[0].dtype))
    return runtime.ops[op](*inputs)


def expected(op, inputs, dtype):
    """What the catalogue defines, in the widest float or in the integers themselves."""
    wide = np.longdouble if dtype == np.float64 and op not in ("erf", "gelu") else np.float64
    with np.errstate(all="ignore"):
        if dtype.kind == "f":
            return np.asarray(STANDARD[op].reference(*(value.astype(wide) for value in inputs)))
        return np.asarray(STANDARD[op].reference(*inputs)).astype(dtype)


def assert_right(op, inputs, result):
    """Within a few units in the last place of what the terms add up to."""
    wanted = np.broadcast_to(expected(op, inputs, result.dtype), result.shape)
    if result.dtype.kind != "f":
        np.testing.assert_array_equal(result, wanted)
        return
    arrays = [np.abs(value.astype(np.float64)).max(initial=1.0) for value in inputs]
    sums = op.startswith(("gem", "reduce", "vector_dot")) and op not in ("reduce_min", "reduce_max")
    scale = np.prod(arrays) * (inputs[0].shape[-1] if sums else 1) if not STANDARD[op].signature.elementwise else 0
    eps = np.finfo(result.dtype).eps
    units = 256 if op.startswith("gelu") else 8  # the references of those multiply exponents by rounded constants
    with np.errstate(over="ignore"):
        wanted = wanted.astype(result.dtype).astype(np.float64)
    np.testing.assert_allclose(result.astype(np.float64), wanted, rtol=units * eps, atol=eps * scale)


# ---- what there is -----------------------------------------------------------------------------------------------


def test_every_op_is_served_for_every_dtype_it_has_a_meaning_for():
    assert sorted({(row.op, row.dtype) for row in RUNTIME.list_kernels()}) == sorted(SERVED)
    for op, dtype in SERVED:
        for n in (0, 1, PAGE, 10**9):
            kernel = RUNTIME.get_kernel(op, dtype, n)
            assert (kernel.tier, kernel.min_n, kernel.max_n) == ("fallback", 0, MAX_N)


@pytest.mark.parametrize("op", sorted(FLOATS_ONLY))
@pytest.mark.parametrize("dtype", ["i8", "u64", "bool"])
def test_ops_of_floats_refuse_integers_with_the_reason(op, dtype):
    with pytest.raises(hg.UnknownKernelError, match="floating point only; cast to f32 or f64"):
        RUNTIME.get_kernel(op, dtype, 8)


@pytest.mark.parametrize(
    ("op", "reason"),
    [
        ("vector_sub", "bools have no difference, as in NumPy; cast to i8"),
        ("vector_neg", "bools have no difference, as in NumPy; cast to i8"),
        ("reduce_sum", "the sum of bools is a count; cast to i64"),
        ("vector_dot", "the sum of bools is a count; cast to i64"),
        ("reduce_prod", "bools have no product; reduce_min says whether all are true"),
        ("vector_pow", "numbers only; cast to i8"),
    ],
)
def test_what_bools_do_not_have_is_refused_with_the_reason(op, reason):
    with pytest.raises(hg.UnknownKernelError, match=reason):
        RUNTIME.ops[op](*[np.ones(4, bool)] * len(STANDARD[op].signature.inputs))


def test_ops_that_are_nobodys_are_not_refused():
    assert all(candidate.provider != "hologram-sigmatics" for candidate in hg.explain("gemv", "bool", 8).candidates[1:])
    with pytest.raises(hg.UnknownOpError):
        RUNTIME.explain("no_such_op", "f32", 8)


def test_explain_shows_inline_up_to_a_page_and_sigmatics_beyond():
    inline, beyond = hg.explain("sigmoid", "f32", PAGE), hg.explain("sigmoid", "f32", PAGE + 1)
    assert (inline.winner.provider, inline.interval) == ("hologram-stdlib", (0, PAGE))
    assert (beyond.winner.provider, beyond.interval) == ("hologram-sigmatics", (PAGE + 1, MAX_N))
    assert [candidate.provider for candidate in inline.candidates] == ["hologram-stdlib", "hologram-sigmatics"]
    assert f"hologram-stdlib 0.1.0: n <= {PAGE} only" in str(beyond)
    assert hg.explain("sigmoid", "f64", 1).interval == (0, MAX_N)


def test_default_runtime_needs_nothing_for_large_arrays_and_other_dtypes():
    np.testing.assert_array_equal(hg.ops.vector_add(np.ones(5000, "f4"), np.ones(5000, "f4")), np.full(5000, 2, "f4"))
    assert hg.ops.sigmoid(np.zeros(3)).tolist() == [0.5, 0.5, 0.5]
    assert hg.ops.vector_add(np.full(3, 250, "u1"), np.full(3, 10, "u1")).tolist() == [4, 4, 4]


# ---- right results ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", OPS)
def test_kernels_keep_the_contract(op):
    for dtype in [dtype for name, dtype in SERVED if name == op]:
        if (op, dtype) not in NOT_IN_THE_KIT:
            sizes = (0, 1, 7, 17, 64, 100) if len(STANDARD[op].signature.dims) < 2 else (0, 1, 17)
            check_kernel(RUNTIME.get_kernel(op, dtype, 64), sizes=sizes)


#: Where the kit's own reference is less accurate than the kernel, has no result for some arguments, or takes long.
NOT_IN_THE_KIT = {
    *((op, "f64") for op in ("axpy", "vector_fma", "gelu", "gelu_tanh")),
    *(("vector_pow", dtype) for dtype in ("i8", "i16", "i32", "i64")),
    *(("gemm", dtype) for dtype in ("i8", "i16", "i32", "i64", "u16", "u32", "u64")),
}


@pytest.mark.parametrize("op", OPS)
def test_results_are_right_around_pages(op):
    for dtype in [dtype for name, dtype in SERVED if name == op]:
        for n in (1, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE + 5):
            inputs = arguments(op, dtype, n)
            assert_right(op, inputs, call(RUNTIME, op, inputs))


@pytest.mark.parametrize("op", OPS)
def test_levels_agree(op):
    for dtype in [dtype for name, dtype in SERVED if name == op]:
        inputs = arguments(op, dtype, PAGE + 77)
        for level, runtime in LEVELS.items():
            assert runtime.get_kernel(op, dtype, 1).isa == level
            assert_right(op, inputs, call(runtime, op, inputs))


@pytest.mark.parametrize("op", ["vector_add", "vector_pow", "tanh", "reduce_sum", "softmax", "log_softmax", "mse"])
@pytest.mark.parametrize("dtype", FLOATS)
def test_results_are_right_for_a_million(op, dtype):
    inputs = arguments(op, dtype, 1_000_001)
    assert_right(op, inputs, call(RUNTIME, op, inputs))


def test_results_that_go_past_the_caches_are_the_same():
    inputs = {dtype: arguments("vector_fma", dtype, 20_011) for dtype in ("f64", "f16", "u8")}
    near = {dtype: call(RUNTIME, "vector_fma", values) for dtype, values in inputs.items()}
    before = _primitives.stream_from(0)
    try:
        for runtime in LEVELS.values():
            for dtype, values in inputs.items():
                for start in range(3):  # wherever out begins in a line
                    out = np.zeros(20_020, values[0].dtype)
                    runtime.ops.vector_fma(*values, out=out[start : start + 20_011])
                    np.testing.assert_array_equal(out[start : start + 20_011], near[dtype])
                    assert not out[:start].any()
                    assert not out[start + 20_011 :].any()
    finally:
        _primitives.stream_from(before)


# ---- integers, bools, specials --------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [3, 300_000])
def test_integers_have_no_negative_powers(n):
    base, exponent = np.full(n, 2, "i4"), np.full(n, 3, "i4")
    exponent[n - 1] = -1
    for level in LEVELS.values():
        with pytest.raises(ValueError, match=r"vector_pow\(\): integers to negative powers"):
            level.ops.vector_pow(base, exponent)
        assert level.ops.vector_pow(base, np.abs(exponent))[-2:].tolist() == [8, 2]


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("into", ["base", "exponent", "elsewhere"])
def test_powers_of_stretches_with_unusual_numbers(dtype, into):
    base, exponent = np.random.default_rng(0).uniform(0.5, 3, (2, 6 * 1024 + 5)).astype(dtypes.find(dtype).numpy)
    unusual = [
        (0, 2),
        (-2, 3),
        (np.nan, 1),
        (np.inf, -1),
        (2, np.nan),
        (1e-40, 0.5),
        (4, 1e30),
        (0.9, -np.inf),
        (-8, 0.5),
    ]
    for at, (x, y) in zip([700, 1024, 1025, 2047, 4100, 4200, 4300, 4400, 6148], unusual, strict=True):
        base[at], exponent[at] = x, y
    with np.errstate(all="ignore"):
        wanted = np.power(base.astype("f8"), exponent.astype("f8")).astype(base.dtype)
    for runtime in LEVELS.values():
        a, b = base.copy(), exponent.copy()
        out = {"base": a, "exponent": b, "elsewhere": np.empty_like(a)}[into]
        runtime.ops.vector_pow(a, b, out=out)
        np.testing.assert_allclose(out, wanted, rtol=3e-7 if dtype == "f32" else 1e-15)


def test_bools_are_true_whatever_their_byte_is():
    strange, usual = np.array([0, 1, 2, 255], "u1").view(bool), np.array([1, 1, 1, 1], bool)
    for runtime in LEVELS.values():
        assert runtime.ops.vector_mul(strange, usual).view("u1").tolist() == [0, 1, 1, 1]
        assert runtime.ops.vector_add(strange, ~usual).view("u1").tolist() == [0, 1, 1, 1]
        assert runtime.ops.vector_fma(strange, usual, ~usual).view("u1").tolist() == [0, 1, 1, 1]
        assert runtime.ops.gemm(strange.reshape(2, 2), usual.reshape(2, 2)).view("u1").tolist() == [[1, 1], [1, 1]]


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 63, 64, 72, 130, 1000])
def test_one_true_product_settles_a_row_of_bools(n):
    rng = np.random.default_rng(n)
    for density in (0, 0.02, 0.3, 1):
        a, x = rng.random((9, n)) < density, rng.random(n) < max(density, 0.5)
        strange = (a * rng.integers(1, 256, a.shape)).astype("u1").view(bool)
        for runtime in LEVELS.values():
            np.testing.assert_array_equal(runtime.ops.gemv(strange, x).view("u1"), (a & x).any(axis=1))


@pytest.mark.parametrize("dtype", ["f16", "f32", "f64", "i32", "u8"])
@pytest.mark.parametrize(
    ("rows", "columns"), [(0, 5), (5, 0), (7, 1024), (7, 1025), (39, 3000), (6, 16_384), (35, 16_391)]
)
def test_rows_of_any_length_times_a_vector(dtype, rows, columns):
    inputs = [draw("gemv", (rows, columns), dtype), draw("gemv", columns, dtype, seed=1)]
    for runtime in LEVELS.values():
        assert_right("gemv", inputs, runtime.ops.gemv(*inputs))


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_of_more_pages_than_there_are_chunks(dtype):
    a = draw("reduce_sum", 513 * PAGE + 7, dtype)
    for runtime in LEVELS.values():
        assert runtime.ops.reduce_sum(a) == np.add.reduce(a, dtype=a.dtype)
        assert (runtime.ops.reduce_min(a), runtime.ops.reduce_max(a)) == (a.min(), a.max())
        assert runtime.ops.vector_dot(a, a) == np.add.reduce(a * a, dtype=a.dtype)
        assert runtime.ops.reduce_prod(a | 1) == np.multiply.reduce(a | 1, dtype=a.dtype)


@pytest.mark.parametrize("n", [1, PAGE + 5, 1_000_000, 513 * PAGE + 7])
def test_one_bool_settles_what_all_and_any_are(n):
    for runtime in LEVELS.values():
        for at in (0, n // 2, n - 1):
            one = np.zeros(n, bool)
            one[at] = True
            assert (runtime.ops.reduce_max(one), runtime.ops.reduce_min(one)) == (True, n == 1)
            assert (runtime.ops.reduce_max(~one), runtime.ops.reduce_min(~one)) == (n > 1, False)
        assert runtime.ops.reduce_max(np.full(3, 2, "u1").view(bool)).view("u1") == 1


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n", [5, PAGE + 5, 3 * PAGE + 5])
def test_rows_with_infinities_and_nan_are_as_the_reference_says(dtype, n):
    row = draw("softmax", n, dtype)
    minus, plus, nan = (row.copy() for _ in range(3))
    minus[: n - 2] = -np.inf  # whole pages of it
    plus[1], nan[n - 1] = np.inf, np.nan
    for x in (minus, plus, nan, np.full(n, -np.inf, row.dtype)):
        for op in ("softmax", "log_softmax"):
            with np.errstate(invalid="ignore", divide="ignore"):
                wanted = expected(op, [x], row.dtype).astype(row.dtype)
            for runtime in LEVELS.values():
                np.testing.assert_allclose(runtime.ops[op](x), wanted, rtol=1e-2 if dtype == "f16" else 1e-5)


@pytest.mark.parametrize("dtype", FLOATS)
def test_extremes_are_nan_wherever_a_nan_is(dtype):
    for runtime in LEVELS.values():
        for at in (0, 37, PAGE, 2 * PAGE + 4):
            x = draw("reduce_min", 2 * PAGE + 5, dtype)
            x[at] = np.nan
            assert np.isnan(runtime.ops.reduce_min(x))
            assert np.isnan(runtime.ops.reduce_max(x))
        x = np.array([1, np.inf, -np.inf, 2] * 20, dtypes.find(dtype).numpy)
        assert (runtime.ops.reduce_min(x), runtime.ops.reduce_max(x)) == (-np.inf, np.inf)


@pytest.mark.parametrize("dtype", ["f32", "i16", "u8"])
def test_no_elements_have_no_extremes(dtype):
    empty = np.empty(0, dtypes.find(dtype).numpy)
    for op, word in [("reduce_min", "minimum"), ("reduce_max", "maximum")]:
        with pytest.raises(ValueError, match=rf"{op}\(\): no elements have no {word}"):
            RUNTIME.ops[op](empty)
    assert RUNTIME.ops.reduce_sum(empty) == 0
    assert RUNTIME.ops.reduce_prod(empty) == 1


def test_halves_are_rounded_as_numpy_rounds_them():
    halves = np.arange(65536, dtype="u2").view("f2")
    for runtime in LEVELS.values():
        with np.errstate(all="ignore"):
            for factor in (np.float16(1), np.float16(0.33325), np.float16(1.001), np.float16(1e-3), np.float16(300)):
                result = runtime.ops.scalar_mul(halves, factor)
                np.testing.assert_array_equal(result, halves * factor)


def test_functions_of_halves_are_as_exact_as_a_half():
    halves = np.arange(65536, dtype="u2").view("f2")
    for op in ("exp", "log", "tanh", "sin", "cos"):
        with np.errstate(all="ignore"):
            exact = STANDARD[op].reference(halves.astype("f8"))
            wanted = exact.astype("f2")
        for runtime in LEVELS.values():
            result = runtime.ops[op](halves)
            finite = np.isfinite(wanted)
            np.testing.assert_array_equal(result[~finite], wanted[~finite])
            error = np.abs(result[finite].astype("f8") - exact[finite])
            assert np.all(error <= 0.53 * np.spacing(np.abs(wanted[finite])).astype("f8"))
            zero = (wanted == 0) & (result == 0)
            np.testing.assert_array_equal(np.signbit(result[zero]), np.signbit(exact[zero]))


# ---- sums ---------------------------------------------------------------------------------------------------------


def test_sum_of_many_f32_is_that_of_f64():
    x = (1 + np.random.default_rng(0).random(10_000_000, "f4") / 8).astype("f4")
    x[:3_000_000] = np.float32(0.1)  # whose running sum is off by much
    exact = x.sum(dtype="f8")
    for runtime in LEVELS.values():
        assert abs(float(runtime.ops.reduce_sum(x)) - exact) <= 1e-7 * exact


def test_sum_of_f64_keeps_what_pages_lose():
    x = np.ones(40 * PAGE)
    x[::PAGE] = 2.0**53  # to which a running sum of pages would add nothing
    exact = 40 * 2.0**53 + 40 * (PAGE - 1)
    assert RUNTIME.ops.reduce_sum(x) == exact


# ---- threads ------------------------------------------------------------------------------------------------------

THREADED = [
    *("vector_add", "tanh", "reduce_sum", "reduce_prod", "reduce_max", "vector_dot", "mse", "binary_cross_entropy"),
    *("cross_entropy", "softmax", "log_softmax", "layer_norm", "rms_norm", "gemv"),
]


@pytest.mark.parametrize("op", THREADED)
def test_results_are_the_same_to_the_bit_for_every_number_of_threads(op):
    runtimes = [hg.Runtime(providers=["hologram-sigmatics"], threads=threads) for threads in (1, 2, 3, 8)]
    for dtype in FLOATS:
        inputs = arguments(op, dtype, 700_001)
        first, *others = (call(runtime, op, inputs) for runtime in runtimes)
        assert all(result.tobytes() == first.tobytes() for result in others)


@pytest.mark.parametrize("dtype", ["f16", "u8", "i32", "i64", "bool"])
def test_products_of_integers_are_the_same_for_every_number_of_threads(dtype):
    inputs = [draw("gemm", (150, 300), dtype), draw("gemm", (300, 170), dtype)]
    for threads in (1, 2, 3, 8):
        runtime = hg.Runtime(providers=["hologram-sigmatics"], threads=threads)
        assert_right("gemm", inputs, runtime.ops.gemm(*inputs))


@pytest.mark.parametrize("dtype", ["f32", "f64"])
@pytest.mark.parametrize("threads", [1, 2])
def test_large_products_are_right_and_leave_the_blas_as_it_was(dtype, threads):
    inputs = [draw("gemm", (130, 200), dtype), draw("gemm", (200, 90), dtype)]
    runtime = hg.Runtime(providers=["hologram-sigmatics"], threads=threads)
    before = _primitives.blas_threads()
    assert_right("gemm", inputs, runtime.ops.gemm(*inputs))
    assert _primitives.blas_threads() == before


def test_rows_of_a_batch_that_are_long_themselves():
    x = draw("softmax", (3, 100_000), "f32")
    np.testing.assert_array_equal(RUNTIME.ops.softmax(x), np.stack([RUNTIME.ops.softmax(row) for row in x]))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_child_forked_in_the_middle_of_a_sum_sums_too():
    x, runtime = draw("reduce_sum", 2_000_000, "f64"), hg.Runtime(providers=["hologram-sigmatics"], threads=3)
    wanted = runtime.ops.reduce_sum(x).tobytes()
    stop = threading.Event()

    def keep_busy():
        while not stop.is_set():
            runtime.ops.reduce_sum(x)

    busy = threading.Thread(target=keep_busy)
    busy.start()
    try:
        for _ in range(3):
            child = os.fork()
            if child == 0:
                signal.alarm(20)
                os._exit(0 if all(runtime.ops.reduce_sum(x).tobytes() == wanted for _ in range(3)) else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        stop.set()
        busy.join()
