"""Does every stdlib kernel keep the contract, on every instruction-set level?"""

import numpy as np
import pytest

import hologram_core as hg
from hologram_core.testing import check_kernel

CATALOGUE = [
    *"vector_add vector_sub vector_mul vector_div vector_min vector_max vector_pow".split(),
    *"vector_neg vector_abs relu sigmoid tanh gelu gelu_tanh silu exp log sqrt rsqrt sin cos erf".split(),
    *"scalar_add scalar_mul clip axpy vector_fma".split(),
    *"reduce_sum reduce_min reduce_max reduce_prod vector_dot".split(),
    *"softmax log_softmax layer_norm rms_norm gemv gemm gemv_f32 gemm_f32".split(),
    *"mse cross_entropy binary_cross_entropy copy fill".split(),
]
RUNTIMES = {level: hg.Runtime(providers=["hologram-stdlib"], isa=level) for level in hg.cpu_levels()}


@pytest.fixture(params=RUNTIMES)
def runtime(request):
    return RUNTIMES[request.param]


@pytest.mark.parametrize("op", CATALOGUE)
def test_kernel_keeps_the_contract(runtime, op):
    kernel = runtime.get_kernel(op, "f32", 64)
    assert kernel.isa == runtime.settings.isa
    check_kernel(kernel)


def test_every_row_of_the_catalogue_is_served():
    served = {row.op for row in RUNTIMES["baseline"].list_kernels()}
    aliases = {"gemv_f32", "gemm_f32"}
    assert served == set(CATALOGUE) - aliases
    assert set(CATALOGUE) <= set(RUNTIMES["baseline"].op_names())


@pytest.mark.parametrize(("dtype", "n", "reason"), [("f32", 3073, "n <= 3072 only"), ("f64", 8, "f32 only")])
def test_other_sizes_and_dtypes_are_refused_with_the_reason(runtime, dtype, n, reason):
    with pytest.raises(hg.UnknownKernelError, match=reason):
        runtime.get_kernel("vector_add", dtype, n)


def test_largest_size_is_served(runtime):
    a = np.arange(3072, dtype="f4")
    assert np.array_equal(runtime.ops.vector_add(a, a), a + a)


def test_min_and_max_propagate_nan_as_numpy_does(runtime):
    values = np.array([np.nan, -np.inf, -1, -0.0, 0.0, 1, np.inf], "f4")
    a, b = (np.ascontiguousarray(grid.ravel()) for grid in np.meshgrid(values, values))
    np.testing.assert_array_equal(runtime.ops.vector_min(a, b), np.minimum(a, b))
    np.testing.assert_array_equal(runtime.ops.vector_max(a, b), np.maximum(a, b))
    for size in range(1, 70):
        x = np.ones(size, "f4")
        x[size // 2] = np.nan
        assert np.isnan(runtime.ops.reduce_min(x))
        assert np.isnan(runtime.ops.reduce_max(x))


def test_clip_is_numpys_even_with_nan_and_reversed_bounds(runtime):
    x = np.array([np.nan, -np.inf, -2, -0.0, 0.5, 3, np.inf] * 5, "f4")
    for low, high in [(-1.0, 1.0), (1.0, -1.0), (np.nan, 1.0), (0.0, np.nan), (-np.inf, np.inf)]:
        expected = np.clip(x, np.float32(low), np.float32(high))
        np.testing.assert_array_equal(runtime.ops.clip(x, low, high), expected)


def test_power_has_the_special_cases_of_ieee(runtime):
    values = np.array(
        [0.0, -0.0, 1, -1, 0.5, -0.5, 2, -2, 3, -3, 1e30, -1e30, 2.0**24 + 2, np.inf, -np.inf, np.nan], "f4"
    )
    a, b = (np.ascontiguousarray(grid.ravel()) for grid in np.meshgrid(values, values))
    with np.errstate(all="ignore"):
        expected = np.power(a.astype("f8"), b.astype("f8")).astype("f4")
    got = runtime.ops.vector_pow(a, b)
    np.testing.assert_array_max_ulp(np.nan_to_num(got), np.nan_to_num(expected), maxulp=2)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
    np.testing.assert_array_equal(np.signbit(got[got == 0]), np.signbit(expected[got == 0]))


@pytest.mark.parametrize("op", ["vector_neg", "vector_abs", "sqrt", "sin", "tanh", "erf", "gelu", "silu", "copy"])
def test_the_sign_of_zero_is_kept(runtime, op):
    zeros = np.array([0.0, -0.0] * 20, "f4")
    expected = {"vector_neg": np.negative, "vector_abs": np.abs}.get(op, np.positive)(zeros)
    np.testing.assert_array_equal(np.signbit(runtime.ops[op](zeros)), np.signbit(expected))


def test_reductions_of_nothing(runtime):
    empty = np.empty(0, "f4")
    assert runtime.ops.reduce_sum(empty) == 0
    assert runtime.ops.reduce_prod(empty) == 1
    assert runtime.ops.vector_dot(empty, empty) == 0
    assert np.isnan(runtime.ops.mse(empty, empty))
    with pytest.raises(ValueError, match="reduce_min"):
        runtime.ops.reduce_min(empty)


def test_losses_skip_terms_of_zero_weight(runtime):
    p, target = np.array([0.0, 1.0], "f4"), np.array([0.0, 1.0], "f4")
    assert runtime.ops.cross_entropy(p, target) == 0
    assert runtime.ops.binary_cross_entropy(p, target) == 0
    assert np.isposinf(runtime.ops.cross_entropy(p, target[::-1].copy()))


def test_sums_are_better_than_a_running_sum(runtime):
    x = np.full(3072, 0.1, "f4")
    exact = float(x.astype("f8").sum())
    assert abs(float(runtime.ops.reduce_sum(x)) - exact) < abs(float(np.cumsum(x)[-1]) - exact) / 4


def test_large_arguments_of_sine_and_cosine(runtime):
    x = np.array([1e4, 1e7, 1e15, 1e30, 3.4028235e38, 8388608.5, np.pi * 1e6] * 9, "f4")
    for op in ("sin", "cos"):
        exact = getattr(np, op)(x.astype("f8"))
        np.testing.assert_allclose(runtime.ops[op](x), exact, rtol=3e-7)


def test_levels_agree_within_the_stated_error():
    x = np.random.default_rng(0).standard_normal(3072).astype("f4") * 4
    for op in ("sigmoid", "tanh", "exp", "sin", "cos", "erf"):
        first, *others = (runtime.ops[op](x) for runtime in RUNTIMES.values())
        for other in others:
            np.testing.assert_array_max_ulp(first, other, maxulp=4)
