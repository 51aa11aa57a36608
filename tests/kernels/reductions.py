"""Reductions, with atomics and by one work item."""

from atlas_kernel import DeviceArray, atomic_add, atomic_max, f32, f64, get_global_id, i32, i64, u8, u32


def total(x: DeviceArray[f32], out: DeviceArray[f32], n: u32):
    i = get_global_id()
    if i < n:
        atomic_add_f32(out, x[i])


def dot_product(a: DeviceArray[f64], b: DeviceArray[f64], out: DeviceArray[f64], n: u32):
    i = get_global_id()
    if i < n:
        atomic_add(out, 0, a[i] * b[i])


def highest(x: DeviceArray[i32], out: DeviceArray[i32], n: u32):
    i = get_global_id()
    if i < n:
        atomic_max(out, 0, x[i])


def histogram(x: DeviceArray[u8], counts: DeviceArray[u32], n: u32):
    i = get_global_id()
    if i < n:
        atomic_add(counts, x[i], 1)


def order_of_arrival(x: DeviceArray[i32], counter: DeviceArray[u32], out: DeviceArray[i32], n: u32):
    i = get_global_id()
    if i < n and x[i] > 0:
        place = atomic_add(counter, 0, 1)
        out[place] = x[i]


def argmax(x: DeviceArray[f32], out: DeviceArray[i64], n: u32):
    best = 0
    for i in range(1, n):
        if x[i] > x[best]:
            best = i
    if n > 0:
        out[0] = best


def prefix_sum(x: DeviceArray[i64], out: DeviceArray[i64], n: u32):
    running = 0
    for i in range(n):
        running += x[i]
        out[i] = running


def mean_and_variance(x: DeviceArray[f64], out: DeviceArray[f64], n: u32):
    if get_global_id() == 0:
        mean, m2 = 0.0, 0.0
        for i in range(n):
            delta = x[i] - mean
            mean += delta / (i + 1)
            m2 += delta * (x[i] - mean)
        out[0] = mean
        out[1] = m2 / n


def largest_by_map(x: DeviceArray[f32], out: DeviceArray[f32], n: u32):
    parallel_reduce(x, out, "max", n)
