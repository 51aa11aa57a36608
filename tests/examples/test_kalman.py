"""Is the Kalman filter of the example right, for more than its flight?"""

import numpy as np
import pytest
from support.examples import load_module, run_demo

kernels = load_module("kalman", "kernels")
n, m, STEPS = 5, 2, 40


def test_demo_follows_the_flight():
    printed = run_demo("kalman")
    assert "965 seconds of flight" in printed
    assert printed.count(" mm\n") >= 4  # a row for each form, all of them within a centimetre or it would have failed


@pytest.fixture
def system():
    """Some system of n states, of which m sums are measured."""
    random = np.random.default_rng(3)
    F, H = np.eye(n) + 0.1 * random.standard_normal((n, n)), random.standard_normal((m, n))
    Q, P = (spread @ spread.T / n for spread in random.standard_normal((2, n, n)))
    r, x, z = random.uniform(0.5, 2, m), random.standard_normal(n), 3 * random.standard_normal((STEPS, m))
    return {name: part.astype("f4") for name, part in {"z": z, "F": F, "Q": Q, "H": H, "r": r, "x": x, "P": P}.items()}


def _room():
    return {"column": np.empty(n, "f4"), "square": np.empty((n, n), "f4")}


def _textbook(z, F, Q, H, r, x, P):
    for seen in z:
        x, P = F @ x, F @ P @ F.T + Q
        K = P @ H.T @ np.linalg.inv(H @ P @ H.T + np.diag(r))
        x, P = x + K @ (seen - H @ x), P - K @ H @ P
        yield x


def test_kernel_is_the_filter_of_the_textbook(system):
    wanted = list(_textbook(**{name: part.astype("f8") for name, part in system.items()}))
    np.testing.assert_allclose(kernels.kalman(**system, **_room()), wanted, rtol=1e-3, atol=1e-4)


def test_filter_goes_on_from_call_to_call(system):
    z = system.pop("z")
    again = {name: part.copy() for name, part in system.items()}
    at_once = kernels.kalman(z, **system, **_room())
    one_by_one = [kernels.kalman(z[i : i + 1], **again, **_room())[0] for i in range(STEPS)]
    np.testing.assert_array_equal(one_by_one, at_once)
    np.testing.assert_array_equal(again["P"], system["P"])


def test_invert_is_the_inverse(system):
    A = system["P"] + np.eye(n, dtype="f4")
    inverse = A.copy()
    kernels.invert(inverse)
    np.testing.assert_allclose(inverse, np.linalg.inv(A.astype("f8")), rtol=1e-4, atol=1e-5)
