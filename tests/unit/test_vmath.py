"""Are the functions of vmath.h and vmath64.h as exact as they say, and as NumPy where there is no exact answer?"""

import importlib.util
import itertools
import math
from pathlib import Path

import numpy as np
import pytest

import hologram_core as hg
from hologram_core.dtypes import find

PROGRAM = Path(__file__).resolve().parents[2] / "benchmarks/ulp/sample.py"
spec = importlib.util.spec_from_file_location("sample", PROGRAM)
assert spec is not None
assert spec.loader is not None
measuring = importlib.util.module_from_spec(spec)
spec.loader.exec_module(measuring)

LEVELS = sorted({"baseline", hg.cpu_levels()[-1]})  # without fused multiplication, and with where there is one
SPECIAL = [0.0, 0.5, 1.0, 2.0, 3.0, 2.5, 2.0**53 + 2, 5e-324, 2.0**-1022, 1.7976931348623157e308, math.inf]
SPECIAL = [*SPECIAL, *(-x for x in SPECIAL), math.nan]
NUMPY = {"exp", "exp2", "expm1", "log", "log2", "log1p", "tanh", "sin", "cos"}
#: at -inf, -0, +0, +inf
LIMITS = {
    "sigmoid": (0.0, 0.5, 0.5, 1.0),
    "silu": (-0.0, -0.0, 0.0, math.inf),
    "gelu": (-0.0, -0.0, 0.0, math.inf),
    "gelu_tanh": (-0.0, -0.0, 0.0, math.inf),
    "erf": (-1.0, -0.0, 0.0, 1.0),
    "rsqrt": (math.nan, -math.inf, math.inf, 0.0),
}


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return measuring.Sample(tmp_path_factory.mktemp("sample"), LEVELS)


@pytest.mark.parametrize("function", measuring.GOALS)
def test_errors_are_within_the_goal_on_a_sample(sample, function):
    for level, worst in zip(LEVELS, sample.worst(function, 100_000), strict=True):
        assert worst.passes(measuring.GOALS[function]), measuring.row(function, level, worst)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", sorted(NUMPY))
def test_special_values_are_numpys(sample, name, level):
    x = np.array(SPECIAL)
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(x)
    _assert_special(sample.call(f"{name}_f64", level, x), expected)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", LIMITS)
def test_limits_of_activations(sample, name, level):
    got = sample.call(f"{name}_f64", level, np.array([-math.inf, -0.0, 0.0, math.inf, math.nan]))
    np.testing.assert_array_equal(got, [*LIMITS[name], math.nan])
    np.testing.assert_array_equal(np.signbit(got[1:3]), np.signbit(LIMITS[name][1:3]))


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("dtype", ["f64", "f32"])
def test_special_powers_are_numpys(sample, dtype, level):
    with np.errstate(all="ignore"):
        x, y = np.array(list(itertools.product(SPECIAL, SPECIAL))).T.astype(find(dtype).numpy)
        expected = np.power(x, y)
    got = sample.call(f"pow_{dtype}", level, x.astype(np.float64), y.astype(np.float64))
    _assert_special(got, expected)


def _assert_special(got, expected):
    """NaN, infinities, zeros and the signs of these are the same; others are near."""
    np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
    plain = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(got[plain]), np.signbit(expected[plain]))
    np.testing.assert_allclose(got[plain], expected[plain], rtol=1e-6)
