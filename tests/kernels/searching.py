"""Gathering, scattering, searching, sequences, bits."""

from atlas_kernel import DeviceArray, f32, f64, get_global_id, i32, i64, inline, u8, u32, u64


def gather(x: DeviceArray[f32], index: DeviceArray[i32], out: DeviceArray[f32], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = x[index[i]]


def gather_guarded(x: DeviceArray[f32], index: DeviceArray[i64], out: DeviceArray[f32], n: u32):
    i = get_global_id()
    if i < n:
        j = index[i]
        out[i] = x[j] if 0 <= j < len(x) else -1.0


def scatter(x: DeviceArray[i32], index: DeviceArray[u32], out: DeviceArray[i32], n: u32):
    i = get_global_id()
    if i < n:
        out[index[i]] = x[i]


def embedding(table: DeviceArray[f32], ids: DeviceArray[i32], out: DeviceArray[f32], count: u32, width: u32):
    idx = get_global_id()
    if idx < count * width:
        word = ids[idx // width]
        out[idx] = table[word * width + idx % width]


def concat(a: DeviceArray[f32], b: DeviceArray[f32], out: DeviceArray[f32], n_a: u32, n_b: u32):
    i = get_global_id()
    if i < n_a + n_b:
        if i < n_a:
            out[i] = a[i]
        else:
            out[i] = b[i - n_a]


def reversed_copy(x: DeviceArray[i32], out: DeviceArray[i32], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = x[n - 1 - i]


def first_not_below(x: DeviceArray[f64], wanted: DeviceArray[f64], out: DeviceArray[i64], n: u32, m: u32):
    i = get_global_id()
    if i < m:
        low, high = 0, i64(n)
        while low < high:
            middle = (low + high) // 2
            if x[middle] < wanted[i]:
                low = middle + 1
            else:
                high = middle
        out[i] = low


def collatz(x: DeviceArray[i64], steps: DeviceArray[i32], n: u32):
    i = get_global_id()
    if i >= n:
        return
    v = x[i]
    count = 0
    while v != 1:
        v = v // 2 if v % 2 == 0 else 3 * v + 1
        count += 1
    steps[i] = count


@inline
def ones(v: u64) -> i64:
    count = 0
    rest = v
    while rest != u64(0):
        rest = rest & (rest - u64(1))
        count += 1
    return count


def hamming(a: DeviceArray[u64], b: DeviceArray[u64], out: DeviceArray[u8], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = ones(a[i] ^ b[i])


def hashed(x: DeviceArray[u32], out: DeviceArray[u32], n: u32):
    i = get_global_id()
    if i < n:
        h = u32(x[i] ^ 61 ^ (x[i] >> 16))
        h = u32(h * 9)
        h = h ^ (h >> 4)
        h = u32(h * 0x27D4EB2D)
        out[i] = h ^ (h >> 15)


def find_first(x: DeviceArray[i32], wanted: i32, out: DeviceArray[i64], n: u32):
    place = -1
    for i in range(n):
        if x[i] == wanted:
            place = i
            break
    out[0] = place


def biquad(x: DeviceArray[f64], c: DeviceArray[f64], out: DeviceArray[f64], n: u32):
    s1, s2 = 0.0, 0.0
    for i in range(n):
        y = c[0] * x[i] + s1
        s1 = c[1] * x[i] - c[3] * y + s2
        s2 = c[2] * x[i] - c[4] * y
        out[i] = y


def edit_distance(a: DeviceArray[u8], b: DeviceArray[u8], row: DeviceArray[i32], out: DeviceArray[i32], n: u32, m: u32):
    for j in range(m + 1):
        row[j] = j
    for i in range(n):
        diagonal = i64(row[0])
        row[0] = i + 1
        for j in range(m):
            change = diagonal if a[i] == b[j] else diagonal + 1
            diagonal = i64(row[j + 1])
            row[j + 1] = min(min(row[j], diagonal) + 1, change)
    out[0] = row[m]


def countdown(out: DeviceArray[i32], n: int):
    for i in range(n - 1, -1, -1):
        out[n - 1 - i] = i
    assert n >= 0, "n is a number of elements"


def n_body_step(x: DeviceArray[f64], v: DeviceArray[f64], out: DeviceArray[f64], dt: float, n: u32):
    i = get_global_id()
    if i < n:
        force = 0.0
        for j in range(n):
            d = x[j] - x[i]
            if j != i:
                force += d / (abs(d) ** 3 + 0.01)
        out[i] = x[i] + dt * (v[i] + dt * force)
