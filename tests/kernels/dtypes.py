"""A kernel for every stored type, conversions, and the forms of parallel_map."""

from atlas_kernel import DeviceArray, f16, f32, f64, get_global_id, i8, i16, i32, i64, inline, u8, u16, u32, u64, usize


def half_axpy(x: DeviceArray[f16], y: DeviceArray[f16], out: DeviceArray[f16], a: f16, n: u32):
    i = get_global_id()
    if i < n:
        out[i] = a * x[i] + y[i]


def add_i8(x: DeviceArray[i8], y: DeviceArray[i8], out: DeviceArray[i8], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = x[i] + y[i]


def mean_i16(x: DeviceArray[i16], y: DeviceArray[i16], out: DeviceArray[i16], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = (x[i] + y[i]) // 2


def floor_mod(x: DeviceArray[i32], y: DeviceArray[i32], quotient: DeviceArray[i32], rest: DeviceArray[i32], n: usize):
    i = get_global_id()
    if i < n:
        quotient[i] = x[i] // y[i]
        rest[i] = x[i] % y[i]


def xor_u64(x: DeviceArray[u64], key: u64, out: DeviceArray[u64], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = (x[i] ^ u64(key)) * 0x9E3779B97F4A7C15


def wrap_u16(x: DeviceArray[u16], out: DeviceArray[u16], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = x[i] * x[i] - 1


def between(x: DeviceArray[f64], low: f64, high: f64, out: DeviceArray[bool], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = low <= x[i] < high


def flipped(x: DeviceArray[bool], y: DeviceArray[bool], out: DeviceArray[bool], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = not x[i] or (x[i] ^ y[i])


def quantise(x: DeviceArray[f32], scale: f32, zero: i32, out: DeviceArray[i8], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = i8(round(x[i] / scale) + f32(zero))


def dequantise(q: DeviceArray[i8], scale: f32, zero: i32, out: DeviceArray[f32], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = f32(q[i] - zero) * scale


def fraction_of(out: DeviceArray[f64], n: int):
    i = get_global_id()
    if i < n:
        out[i] = i / n


@inline
def tent(v):
    return 2 * v if v < 0.5 else 2 * (1 - v)


def mapped(x: DeviceArray[f64], out: DeviceArray[f64], n: u32):
    parallel_map_unary(x, out, tent, n)


def roots(x: DeviceArray[f32], out: DeviceArray[f32], n: u32):
    parallel_map_unary(x, out, "sqrt", n)


def products(a: DeviceArray[i64], b: DeviceArray[i64], out: DeviceArray[i64], n: u32):
    parallel_map_binary(a, b, out, "mul", n)
