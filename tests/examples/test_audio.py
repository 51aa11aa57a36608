"""Is the meter of the example right, for other filters and blocks than its own?"""

import numpy as np
from scipy.signal import butter, lfilter, sosfilt
from support.examples import load_module, run_demo

kernels, weighting = load_module("audio", "kernels"), load_module("audio", "weighting")
SHARE = 0.01


def test_demo_agrees_with_scipy():
    printed = run_demo("audio")
    assert "2.99 s of speech at 16000 Hz" in printed
    assert "SciPy, and blocks of any size bit by bit" in printed


def _heard(sos, blocks):
    state, power = np.zeros((len(sos), 2)), np.zeros(1)
    return np.concatenate([kernels.meter(block, sos, state, power, SHARE) for block in blocks]), power[0]


def test_meter_is_scipys_filter_and_the_mean_square():
    noise = np.random.default_rng(0).standard_normal(1000).astype("f4")
    sos = butter(6, 0.2, output="sos")
    samples, power = _heard(sos, [noise])
    wanted = sosfilt(sos, noise.astype("f8"))
    np.testing.assert_allclose(samples, wanted, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(power, lfilter([SHARE], [1, SHARE - 1], wanted**2)[-1], rtol=1e-9)


def test_meter_goes_on_from_block_to_block():
    random = np.random.default_rng(1)
    noise, sos = random.standard_normal(1000).astype("f4"), butter(4, [0.1, 0.3], "band", output="sos")
    at_once, power = _heard(sos, [noise])
    cut, same_power = _heard(sos, np.split(noise, np.sort(random.integers(0, 1000, 20))))  # empty ones too
    np.testing.assert_array_equal(cut, at_once)
    assert same_power == power


def test_weighting_is_the_table_of_the_standard():
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285, 1, -1.69065929318241, 0.73248077421585]
    high_pass = [1, -2, 1, 1, -1.99004745483398, 0.99007225036621]
    np.testing.assert_allclose(weighting.k_weighting(48000), [shelf, high_pass], rtol=0, atol=1e-14)
