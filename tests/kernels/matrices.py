"""Matrices: flat with leading dimensions, and with shapes."""

from atlas_kernel import DeviceArray, f32, f64, get_global_id, i32, kernel, u32


def gemm_ld(
    A: DeviceArray[f32], B: DeviceArray[f32], C: DeviceArray[f32],
    m: u32, n: u32, k: u32, lda: u32, ldb: u32, ldc: u32,
):  # fmt: skip
    idx = get_global_id()
    total = m * n
    if idx < total:
        row = idx // n
        col = idx % n
        acc = 0.0
        for p in range(k):
            acc = acc + A[row * lda + p] * B[p * ldb + col]
        C[row * ldc + col] = acc


def gemv_ld(
    A: DeviceArray[f64], x: DeviceArray[f64], y: DeviceArray[f64], alpha: f64, beta: f64, m: u32, n: u32, lda: u32
):
    row = get_global_id()
    if row < m:
        acc = 0.0
        for j in range(n):
            acc += A[row * lda + j] * x[j]
        y[row] = alpha * acc + beta * y[row]


@kernel(shapes="(m,k),(k,n)->(m,n)")
def matmul_shaped(A: DeviceArray[f64], B: DeviceArray[f64], C: DeviceArray[f64], m: u32, n: u32, k: u32):
    idx = get_global_id()
    row = idx // n
    col = idx % n
    if row < m and col < n:
        acc = 0.0
        for p in range(k):
            acc += A[row, p] * B[p, col]
        C[row, col] = acc


def transposed(x: DeviceArray[i32], out: DeviceArray[i32], rows: u32, cols: u32):
    idx = get_global_id()
    if idx < rows * cols:
        r = idx // cols
        c = idx % cols
        out[c * rows + r] = x[idx]


@kernel(shapes="(n,n)->(n,n)")
def cholesky(A: DeviceArray[f64], L: DeviceArray[f64], n: u32):
    for i in range(n):
        for j in range(i + 1):
            s = A[i, j]
            for k in range(j):
                s -= L[i, k] * L[j, k]
            if i == j:
                L[i, j] = sqrt(s)
            else:
                L[i, j] = s / L[j, j]
        for j in range(i + 1, n):
            L[i, j] = 0.0


def outer(a: DeviceArray[f32], b: DeviceArray[f32], out: DeviceArray[f32], m: u32, n: u32):
    idx = get_global_id()
    if idx < m * n:
        out[idx] = a[idx // n] * b[idx % n]


def softmax_rows(x: DeviceArray[f32], out: DeviceArray[f32], rows: u32, cols: u32):
    row = get_global_id()
    if row < rows:
        base = row * cols
        top = x[base]
        for j in range(1, cols):
            top = max(top, x[base + j])
        sum = 0.0
        for j in range(cols):
            out[base + j] = exp(x[base + j] - top)
            sum += out[base + j]
        for j in range(cols):
            out[base + j] /= sum


def layer_norm_rows(
    x: DeviceArray[f32], gamma: DeviceArray[f32], beta: DeviceArray[f32], out: DeviceArray[f32],
    rows: u32, cols: u32, eps: f32,
):  # fmt: skip
    row = get_global_id()
    if row < rows:
        mean = 0.0
        for j in range(cols):
            mean += x[row * cols + j]
        mean /= f32(cols)
        variance = 0.0
        for j in range(cols):
            d = x[row * cols + j] - mean
            variance += d * d
        scale = rsqrt(variance / f32(cols) + eps)
        for j in range(cols):
            out[row * cols + j] = (x[row * cols + j] - mean) * scale * gamma[j] + beta[j]
