"""Is a call that is split over threads the same call, and does the pool survive a fork?"""

import os
import signal

import numpy as np
import pytest
from support.providers import DeclaringProvider, python_kernel, runtime_of


@pytest.fixture(scope="module")
def serial(library):
    return library.runtime(threads=1)


@pytest.fixture(scope="module", params=[2, 3, 7])
def parallel(request, library):
    return library.runtime(threads=request.param)


SIZES = [262_144, 262_145, 300_001, 1_048_576]


@pytest.mark.parametrize("n", SIZES)
def test_elementwise_calls_give_the_same_bits(serial, parallel, n):
    x = np.random.default_rng(0).standard_normal(n).astype("f4")
    for op, arguments in [
        ("vector_add", (x, x)),
        ("axpy", (1.5, x, x)),
        ("vector_neg", (x,)),
        ("vector_fma", (x, x, x)),
    ]:
        np.testing.assert_array_equal(parallel.ops[op](*arguments), serial.ops[op](*arguments))


def test_batches_give_the_same_bits(serial, parallel):
    rng = np.random.default_rng(0)
    for shape in [(3000, 101), (270_001, 1), (2, 140_000), (1, 300_000)]:
        x = rng.standard_normal(shape).astype("f4")
        np.testing.assert_array_equal(parallel.ops.softmax(x), serial.ops.softmax(x))
    a, b = rng.standard_normal((5000, 8, 8)).astype("f4"), rng.standard_normal((8, 8)).astype("f4")
    np.testing.assert_array_equal(parallel.ops.gemm(a, b), serial.ops.gemm(a, b))


@pytest.mark.parametrize("shape", [(3000, 101), (300_000, 1), (1, 300_000), (2, 1500, 101)])
def test_kernel_that_says_what_its_work_items_are(serial, parallel, shape):
    x = np.random.default_rng(0).standard_normal(shape).astype("f4")
    result = parallel.ops["test.row_sums"](x)
    np.testing.assert_array_equal(result, serial.ops["test.row_sums"](x))
    np.testing.assert_allclose(result, x.sum(-1), rtol=1e-3, atol=1e-3)


def test_kernel_that_is_not_splittable_gets_its_whole_range(library):
    pieces = library.kernel("vector_neg", splittable=False)
    x = np.ones(300_000, "f4")
    runtime = runtime_of(mine=DeclaringProvider([pieces]), threads=4)
    np.testing.assert_array_equal(runtime.ops.vector_neg(x), -x)


def test_in_place_and_into_out(serial, parallel):
    x = np.random.default_rng(0).standard_normal(300_000).astype("f4")
    expected = serial.ops.vector_add(x, x)
    work = x.copy()
    assert parallel.ops.vector_add(work, work, out=work) is work
    np.testing.assert_array_equal(work, expected)


@pytest.mark.parametrize("code", [1, 2])
def test_error_of_one_piece_is_the_error_of_the_call(parallel, code):
    x = np.full(500_000, code, "f4")
    with pytest.raises((ValueError, RuntimeError), match=f"failed with {code} on purpose"):
        parallel.ops["test.fail"](x)
    assert parallel.ops["test.fail"](np.zeros(500_000, "f4")).shape == (500_000,)


def test_python_kernel_may_call_ops_itself(parallel):
    x = np.arange(300_000, dtype="f4")

    def twice(x, out):
        parallel.ops.vector_add(x, x, out=out)

    runtime = runtime_of(mine=DeclaringProvider([python_kernel(twice, "relu", "()->()", "f32", splittable=True)]))
    np.testing.assert_array_equal(runtime.ops.relu(x), x + x)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_pool_survives_a_fork(parallel):
    x = np.arange(400_000, dtype="f4")
    expected = parallel.ops.vector_add(x, x)  # the workers run now
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        same = all(np.array_equal(parallel.ops.vector_add(x, x), expected) for _ in range(5))
        os._exit(0 if same else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    np.testing.assert_array_equal(parallel.ops.vector_add(x, x), expected)
