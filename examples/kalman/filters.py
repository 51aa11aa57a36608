"""The same Kalman filter four ways: each takes a model and measurements, a row a step, and returns what runs it.

A run starts from the model's first state and returns the state after each step, in an array that the next run reuses.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from kernels import invert, kalman

import hologram_core as hg

Run = Callable[[], np.ndarray]


class Model(NamedTuple):
    """x' = F x + noise of covariance Q, z = H x + noise of covariance R, from x with covariance P."""

    F: np.ndarray
    Q: np.ndarray
    H: np.ndarray
    R: np.ndarray
    x: np.ndarray
    P: np.ndarray


class Arithmetic(NamedTuple):
    """What the textbook's filter is made of; every result goes into out."""

    gemv: Callable[..., object]
    gemm: Callable[..., object]
    add: Callable[..., object]
    subtract: Callable[..., object]
    invert: Callable[[np.ndarray], object]  # in place


HOLOGRAM = Arithmetic(hg.ops.gemv, hg.ops.gemm, hg.ops.vector_add, hg.ops.vector_sub, invert)
NUMPY = Arithmetic(np.dot, np.dot, np.add, np.subtract, lambda S: np.copyto(S, np.linalg.inv(S)))


def textbook(model: Model, measurements: np.ndarray, arithmetic: Arithmetic) -> Run:
    """The equations of the textbook, a call each, without a new array but in NumPy's inverse."""
    gemv, gemm, add, subtract, invert = arithmetic
    F, Q, H, R, start, P0 = model
    m, n = H.shape
    Ft, Ht = np.ascontiguousarray(F.T), np.ascontiguousarray(H.T)
    x, Hx, Ky, y = np.empty(n, F.dtype), np.empty(m, F.dtype), np.empty(n, F.dtype), np.empty(m, F.dtype)
    P, FP, FPF, KHP = np.empty((4, n, n), F.dtype)
    PH, K, HP, HPH, S = *np.empty((2, n, m), F.dtype), np.empty((m, n), F.dtype), *np.empty((2, m, m), F.dtype)
    estimates = np.empty((len(measurements), n), F.dtype)
    steps = list(zip(measurements, estimates, strict=True))

    def run() -> np.ndarray:
        before = start
        P[:] = P0
        for z, estimate in steps:
            gemv(F, before, out=x)
            gemm(F, P, out=FP)
            gemm(FP, Ft, out=FPF)
            add(FPF, Q, out=P)
            gemm(H, P, out=HP)
            gemm(HP, Ht, out=HPH)
            add(HPH, R, out=S)
            invert(S)
            gemm(P, Ht, out=PH)
            gemm(PH, S, out=K)
            gemv(H, x, out=Hx)
            subtract(z, Hx, out=y)
            gemv(K, y, out=Ky)
            add(x, Ky, out=estimate)
            gemm(K, HP, out=KHP)
            subtract(P, KHP, out=P)
            before = estimate
        return estimates

    return run


def one_kernel(model: Model, measurements: np.ndarray, *, at_once: int) -> Run:
    """One kernel, which is given so many measurements with each call: 1 as they come in, or all of a record."""
    F, Q, H, R, start, P0 = model
    x, P, column, square, r = start.copy(), P0.copy(), np.empty_like(start), np.empty_like(P0), R.diagonal().copy()
    estimates = np.empty((len(measurements), len(x)), F.dtype)
    calls = [(measurements[i : i + at_once], estimates[i : i + at_once]) for i in range(0, len(estimates), at_once)]

    def run() -> np.ndarray:
        x[:], P[:] = start, P0
        for z, estimate in calls:
            kalman(z, F, Q, H, r, x, P, column, square, out=estimate)
        return estimates

    return run


def reference(model: Model, measurements: np.ndarray) -> np.ndarray:
    """In f64, by Joseph's form of the update, which holds for any gain and so does not rest on the formula of ours."""
    F, Q, H, R, x, P = (part.astype(np.float64) for part in model)
    estimates = []
    for z in measurements.astype(np.float64):
        x, P = F @ x, F @ P @ F.T + Q
        K = np.linalg.solve(H @ P @ H.T + R, H @ P).T
        x, L = x + K @ (z - H @ x), np.eye(len(x)) - K @ H
        P = L @ P @ L.T + K @ R @ K.T
        estimates.append(x)
    return np.array(estimates)


def filterpy(model: Model, measurements: np.ndarray) -> Run:
    """The filter of the package filterpy, in f64."""
    from filterpy.kalman import KalmanFilter

    def run() -> np.ndarray:
        theirs = KalmanFilter(dim_x=len(model.x), dim_z=len(model.R))
        theirs.F, theirs.Q, theirs.H, theirs.R, theirs.x, theirs.P = (part.astype(np.float64) for part in model)
        estimates = []
        for z in measurements:
            theirs.predict()
            theirs.update(z)
            estimates.append(theirs.x)
        return np.array(estimates)

    return run
