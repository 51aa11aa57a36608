"""The K-weighting of loudness meters (ITU-R BS.1770) for any sampling rate, as two biquads.

The standard has a table for 48 kHz only. These are the analogue filters behind it, with the parameters that
libebur128 has for them, through the bilinear transform.
"""

from math import pi, tan

import numpy as np

SHELF, SHELF_Q, SHELF_GAIN = 1681.974450955533, 0.7071752369554196, 3.999843853973347  # Hz, 1, dB: what a head does
HIGH_PASS, HIGH_PASS_Q = 38.13547087602444, 0.5003270373238773  # Hz, 1: low tones sound softer


def k_weighting(rate: float) -> np.ndarray:
    """Rows b0 b1 b2 1 a1 a2, as scipy.signal has them."""
    K, gain = tan(pi * SHELF / rate), 10 ** (SHELF_GAIN / 20)
    middle = gain**0.4996667741545416
    a0 = 1 + K / SHELF_Q + K * K
    b = (gain + middle * K / SHELF_Q + K * K, 2 * (K * K - gain), gain - middle * K / SHELF_Q + K * K)
    shelf = (*(term / a0 for term in b), 1, 2 * (K * K - 1) / a0, (1 - K / SHELF_Q + K * K) / a0)
    K = tan(pi * HIGH_PASS / rate)
    a0 = 1 + K / HIGH_PASS_Q + K * K
    high_pass = (1, -2, 1, 1, 2 * (K * K - 1) / a0, (1 - K / HIGH_PASS_Q + K * K) / a0)
    return np.array([shelf, high_pass])
