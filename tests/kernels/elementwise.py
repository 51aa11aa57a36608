"""Element-wise kernels, of every kind of guard."""

from atlas_kernel import DeviceArray, f32, f64, fma, get_global_id, inline, u32

SLOPE = 0.01
ROOT_2_OVER_PI = 0.7978845608028654


def axpby(a: f32, x: DeviceArray[f32], b: f32, y: DeviceArray[f32], out: DeviceArray[f32], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = a * x[i] + b * y[i]


def leaky(x: DeviceArray[f32], out: DeviceArray[f32], n: u32):
    i = get_global_id()
    if i >= n:
        return
    if x[i] > 0:
        out[i] = x[i]
    else:
        out[i] = SLOPE * x[i]


def clipped(x: DeviceArray[f32], low: f32, high: f32, out: DeviceArray[f32], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = min(max(x[i], low), high)


@inline
def cdf(x: f32) -> f32:
    """Of the normal distribution."""
    return 0.5 * (1.0 + erf(x / sqrt(2.0)))


def gelu_erf(x: DeviceArray[f32], out: DeviceArray[f32], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = x[i] * cdf(x[i])


def gelu_of_tanh(x: DeviceArray[f32], out: DeviceArray[f32], n: u32):
    i = get_global_id()
    if i < n:
        v = x[i]
        out[i] = 0.5 * v * (1.0 + tanh(ROOT_2_OVER_PI * (v + 0.044715 * v * v * v)))


def swish(x: DeviceArray[f32], beta: f32, out: DeviceArray[f32], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = x[i] * sigmoid(beta * x[i])


def softplus_safe(x: DeviceArray[f64], out: DeviceArray[f64], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = max(x[i], 0.0) + log1p(exp(-abs(x[i])))


def horner(x: DeviceArray[f64], out: DeviceArray[f64], n: u32):
    i = get_global_id()
    if i < n:
        v = x[i]
        out[i] = fma(fma(fma(-2.0, v, 3.5), v, -1.25), v, 0.5)


def in_place(x: DeviceArray[f32], factor: f32):
    i = get_global_id()
    x[i] *= factor


def ternary(x: DeviceArray[f32], out: DeviceArray[f32], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = -1.0 if x[i] < -1 else 1.0 if x[i] > 1 else x[i]


def black_scholes(
    s: DeviceArray[f64], k: DeviceArray[f64], t: DeviceArray[f64], call: DeviceArray[f64], r: f64, sigma: f64, n: u32
):
    i = get_global_id()
    if i < n:
        root = sigma * sqrt(t[i])
        d1 = (log(s[i] / k[i]) + (r + 0.5 * sigma**2) * t[i]) / root
        d2 = d1 - root
        first = 0.5 * (1.0 + erf(d1 / 1.4142135623730951))
        second = 0.5 * (1.0 + erf(d2 / 1.4142135623730951))
        call[i] = s[i] * first - k[i] * exp(-r * t[i]) * second
