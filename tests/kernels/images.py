"""Convolutions, pooling, stencils, resizing."""

from atlas_kernel import DeviceArray, f32, get_global_id, i32, kernel, u8, u32


def conv1d(x: DeviceArray[f32], w: DeviceArray[f32], out: DeviceArray[f32], n_out: u32, k: u32):
    i = get_global_id()
    if i < n_out:
        acc = 0.0
        for j in range(k):
            acc += w[j] * x[i + j]
        out[i] = acc


def conv2d(
    x: DeviceArray[f32], w: DeviceArray[f32], bias: DeviceArray[f32], out: DeviceArray[f32],
    C_in: u32, H_in: u32, W_in: u32, C_out: u32, K_h: u32, K_w: u32, stride: u32, pad: u32,
):  # fmt: skip
    H_out = (H_in + 2 * pad - K_h) // stride + 1
    W_out = (W_in + 2 * pad - K_w) // stride + 1
    idx = get_global_id()
    if idx < C_out * H_out * W_out:
        ow = idx % W_out
        oh = (idx // W_out) % H_out
        oc = idx // (W_out * H_out)
        acc = bias[oc]
        for c in range(C_in):
            for kh in range(K_h):
                ih = oh * stride + kh - pad
                if ih < 0 or ih >= H_in:
                    continue
                for kw in range(K_w):
                    iw = ow * stride + kw - pad
                    if iw >= 0 and iw < W_in:
                        acc += x[(c * H_in + ih) * W_in + iw] * w[((oc * C_in + c) * K_h + kh) * K_w + kw]
        out[idx] = acc


def max_pool(x: DeviceArray[f32], out: DeviceArray[f32], H: u32, W: u32, size: u32):
    H_out = H // size
    W_out = W // size
    idx = get_global_id()
    if idx < H_out * W_out:
        row = (idx // W_out) * size
        col = (idx % W_out) * size
        best = x[row * W + col]
        for i in range(size):
            for j in range(size):
                best = max(best, x[(row + i) * W + col + j])
        out[idx] = best


@kernel(shapes="(h,w)->(h,w)")
def laplacian(x: DeviceArray[f32], out: DeviceArray[f32], h: u32, w: u32):
    idx = get_global_id()
    if idx < h * w:
        r = idx // w
        c = idx % w
        up = x[max(r - 1, 0), c]
        down = x[min(r + 1, h - 1), c]
        left = x[r, max(c - 1, 0)]
        right = x[r, min(c + 1, w - 1)]
        out[r, c] = up + down + left + right - 4.0 * x[r, c]


def life(board: DeviceArray[u8], out: DeviceArray[u8], h: u32, w: u32):
    idx = get_global_id()
    if idx < h * w:
        r = idx // w
        c = idx % w
        alive = 0
        for i in range(-1, 2):
            for j in range(-1, 2):
                if i != 0 or j != 0:
                    alive += board[((r + i) % h) * w + (c + j) % w]
        out[idx] = 1 if alive == 3 or (alive == 2 and board[idx] == 1) else 0


def grey(rgb: DeviceArray[u8], out: DeviceArray[u8], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = u8(0.299 * rgb[3 * i] + 0.587 * rgb[3 * i + 1] + 0.114 * rgb[3 * i + 2] + 0.5)


def resize_bilinear(x: DeviceArray[f32], out: DeviceArray[f32], h: u32, w: u32, h2: u32, w2: u32):
    idx = get_global_id()
    if idx < h2 * w2:
        y = f32(idx // w2) * f32(h - 1) / f32(max(h2 - 1, 1))
        z = f32(idx % w2) * f32(w - 1) / f32(max(w2 - 1, 1))
        r = min(i32(floor(y)), h - 1)
        c = min(i32(floor(z)), w - 1)
        r2 = min(r + 1, h - 1)
        c2 = min(c + 1, w - 1)
        a = y - f32(r)
        b = z - f32(c)
        top = x[r * w + c] * (1.0 - b) + x[r * w + c2] * b
        bottom = x[r2 * w + c] * (1.0 - b) + x[r2 * w + c2] * b
        out[idx] = top * (1.0 - a) + bottom * a


def mandelbrot(out: DeviceArray[i32], h: u32, w: u32, limit: u32):
    idx = get_global_id()
    if idx < h * w:
        re = f64(idx % w) * 3.0 / w - 2.0
        im = f64(idx // w) * 2.0 / h - 1.0
        x, y = 0.0, 0.0
        turns = 0
        while x * x + y * y <= 4.0 and turns < limit:
            x, y = x * x - y * y + re, 2.0 * x * y + im
            turns += 1
        out[idx] = turns
