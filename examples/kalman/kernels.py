"""A Kalman filter for any number of states and measurements, as one kernel, and the inverse that hg.ops lacks.

A kernel has no arrays of its own, so `column` and `square` are room to compute in. P is kept symmetric, bit by bit,
because what rounding makes unequal would grow.
"""

from atlas_kernel import DeviceArray, f32, i64, inline, kernel, u32


@inline
def predict(
    F: DeviceArray[f32],
    Q: DeviceArray[f32],
    x: DeviceArray[f32],
    P: DeviceArray[f32],
    column: DeviceArray[f32],
    square: DeviceArray[f32],
    n: u32,
):
    """x = F x, P = F P F' + Q."""
    for i in range(n):
        total = 0.0
        for j in range(n):
            total += F[i, j] * x[j]
        column[i] = total
        for j in range(n):
            total = 0.0
            for p in range(n):
                total += F[i, p] * P[p, j]
            square[i, j] = total
    for i in range(n):
        x[i] = column[i]
        for j in range(i + 1):
            total = Q[i, j]
            for p in range(n):
                total += square[i, p] * F[j, p]
            P[i, j] = total
            P[j, i] = total


@inline
def correct(
    seen: f32,
    variance: f32,
    H: DeviceArray[f32],
    row: i64,
    x: DeviceArray[f32],
    P: DeviceArray[f32],
    column: DeviceArray[f32],
    n: u32,
):
    """x and P after one number was seen: one at a time, nothing has to be inverted."""
    surprise = seen
    spread = variance
    for i in range(n):
        total = 0.0
        for j in range(n):
            total += P[i, j] * H[row, j]
        column[i] = total
        spread += H[row, i] * total
        surprise -= H[row, i] * x[i]
    for i in range(n):
        gain = column[i] / spread
        x[i] += gain * surprise
        for j in range(i + 1):
            P[i, j] -= gain * column[j]
            P[j, i] = P[i, j]


@kernel(shapes="(steps,m),(n,n),(n,n),(m,n),(m),(n),(n,n),(n),(n,n)->(steps,n)")
def kalman(
    z: DeviceArray[f32],
    F: DeviceArray[f32],
    Q: DeviceArray[f32],
    H: DeviceArray[f32],
    r: DeviceArray[f32],
    x: DeviceArray[f32],
    P: DeviceArray[f32],
    column: DeviceArray[f32],
    square: DeviceArray[f32],
    out: DeviceArray[f32],
    steps: u32,
    m: u32,
    n: u32,
):
    """The state after each row of z, whose errors are independent, of variances r; x and P go on from call to call."""
    for k in range(steps):
        predict(F, Q, x, P, column, square, n)
        for o in range(m):
            correct(z[k, o], r[o], H, o, x, P, column, n)
        for i in range(n):
            out[k, i] = x[i]


@kernel(shapes="->(n,n)")
def invert(A: DeviceArray[f32], n: u32):
    """A becomes its inverse, by Gauss and Jordan without a search for pivots: for positive definite matrices."""
    for k in range(n):
        pivot = A[k, k]
        A[k, k] = 1.0
        for j in range(n):
            A[k, j] /= pivot
        for i in range(n):
            if i != k:
                factor = A[i, k]
                A[i, k] = 0.0
                for j in range(n):
                    A[i, j] -= factor * A[k, j]
