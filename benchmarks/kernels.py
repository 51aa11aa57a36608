"""The kernels of bench_kernels.py, in the language of hologram_atlas; shapes are flat, as in a file of kernels."""

from atlas_kernel import DeviceArray, atomic_add, f32, get_global_id, i32, i64, kernel, sqrt, u32


@kernel
def saxpy(alpha: f32, x: DeviceArray[f32], y: DeviceArray[f32], out: DeviceArray[f32], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = alpha * x[i] + y[i]


@kernel
def squared(x: DeviceArray[f32], out: DeviceArray[f32], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = x[i] ** 2.0


@kernel
def leaky_relu_01(x: DeviceArray[f32], out: DeviceArray[f32], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = x[i] if x[i] > 0.0 else 0.01 * x[i]


@kernel
def normalise_rows(
    x: DeviceArray[f32], gamma: DeviceArray[f32], beta: DeviceArray[f32], out: DeviceArray[f32], rows: u32, cols: u32
):
    row = get_global_id()
    if row < rows:
        mean = 0.0
        for j in range(cols):
            mean += x[row * cols + j]
        mean = mean / cols
        variance = 0.0
        for j in range(cols):
            d = x[row * cols + j] - mean
            variance += d * d
        scale = 1.0 / sqrt(variance / cols + 1e-5)
        for j in range(cols):
            out[row * cols + j] = (x[row * cols + j] - mean) * scale * gamma[j] + beta[j]


@kernel
def stencil(x: DeviceArray[f32], w: DeviceArray[f32], out: DeviceArray[f32], height: u32, width: u32):
    idx = get_global_id()
    inner = width - 2
    if idx < (height - 2) * inner:
        row = idx // inner
        col = idx % inner
        total = 0.0
        for i in range(3):
            for j in range(3):
                total += w[i * 3 + j] * x[(row + i) * width + col + j]
        out[(row + 1) * width + col + 1] = total


@kernel
def product(a: DeviceArray[f32], b: DeviceArray[f32], out: DeviceArray[f32], m: u32, n: u32, k: u32):
    idx = get_global_id()
    if idx < m * n:
        row = idx // n
        col = idx % n
        total = 0.0
        for p in range(k):
            total += a[row * k + p] * b[p * n + col]
        out[idx] = total


@kernel
def largest(x: DeviceArray[f32], out: DeviceArray[i64], n: u32):
    best = 0
    value = x[0]
    for i in range(1, n):
        if x[i] > value:
            value = x[i]
            best = i
    out[0] = best


@kernel
def histogram(x: DeviceArray[i32], counts: DeviceArray[i32], n: u32):
    i = get_global_id()
    if i < n:
        atomic_add(counts, x[i], 1)


@kernel
def biquad(x: DeviceArray[f32], c: DeviceArray[f32], out: DeviceArray[f32], n: u32):
    b0 = c[0]
    b1 = c[1]
    b2 = c[2]
    a1 = c[3]
    a2 = c[4]
    first = 0.0
    second = 0.0
    for i in range(n):
        v = x[i]
        y = b0 * v + first
        first = b1 * v - a1 * y + second
        second = b2 * v - a2 * y
        out[i] = y
