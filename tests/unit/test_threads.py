"""Is a call that is split over threads the same call, what are kernels lent, and does the pool survive a fork?"""

import ctypes
import os
import signal
import threading

import numpy as np
import pytest
from support.abi import KernelCall
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


# ---- what a kernel is lent: hologram_host ----


def spread(runtime, n, grain, depth=0, slow=0):
    """How often each of n items was done, where its piece began, on which thread, and in which order."""
    return runtime.ops["test.spread"](np.zeros(n, "i8"), grain, depth, slow)


@pytest.mark.parametrize("grain", [1, 7, 64, 1000, 5000])
@pytest.mark.parametrize("n", [1, 63, 64, 1000, 4999])
def test_kernel_divides_its_work_by_grains(parallel, n, grain):
    times, begins, *_ = spread(parallel, n, grain)
    assert np.all(times == 1)
    assert np.all(begins % grain == 0)


def test_kernel_gets_no_more_threads_than_the_runtime_has(serial, parallel):
    assert len(np.unique(spread(serial, 5000, 1)[2])) == 1
    for _ in range(20):
        assert len(np.unique(spread(parallel, 5000, 1)[2])) <= parallel.settings.threads


def test_pieces_are_more_than_threads_so_that_a_late_one_delays_nobody(parallel):
    _, begins, _, order = spread(parallel, 4096, 1, slow=200)
    late = begins == 0
    assert np.all(order[~late] < order[0])  # others did all the rest
    assert np.count_nonzero(late) <= 4096 // parallel.settings.threads // 4


def test_nothing_to_divide(parallel):
    assert spread(parallel, 0, 1)[0].size == 0
    assert np.all(spread(parallel, 100, 0)[0] == 1)  # a grain of 1
    assert np.all(spread(parallel, 100, -5)[0] == 1)


@pytest.mark.parametrize("depth", [1, 3])
def test_work_divided_inside_a_task_runs_on_its_thread(parallel, depth):
    times, _, threads, _ = spread(parallel, 3000, 100, depth)
    assert np.all(times == 1)
    assert all(len(np.unique(threads[i : i + 100])) == 1 for i in range(0, 3000, 100))


def test_batch_items_that_divide_their_work(parallel):
    times, *_ = parallel.ops["test.spread"](np.zeros((70_000, 5), "i8"), 1, 0, 0)
    assert np.all(times == 1)


def test_calls_from_several_threads_share_one_pool(parallel):
    wrong = []

    def work():
        for n in range(1, 400):
            if not np.all(spread(parallel, n, 3)[0] == 1):
                wrong.append(n)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("host", ["beyond the size", "NULL"])
def test_kernel_that_is_lent_nothing_does_its_work_alone(library, host):
    entry = library.kernel("test.spread", "i64").variants[0][1]
    n = 100
    arrays = [np.zeros(n, "i8"), *(np.array(value) for value in (1, 0, 0)), *(np.full(n, -1) for _ in range(4))]
    call = KernelCall.of(arrays, dims=[n])
    call.host = 0x10 if host == "beyond the size" else None
    if host == "beyond the size":
        call.size = KernelCall.host.offset
    assert ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)(entry)(ctypes.addressof(call)) == 0
    assert np.all(arrays[4] == 1)
    assert np.all(arrays[5] == 0)


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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_child_forked_in_the_middle_of_a_task_has_a_pool(parallel):
    x = np.ones(300_000, "f4")
    x[0] = 40  # milliseconds for each piece, without the GIL
    busy = threading.Thread(target=lambda: parallel.ops["test.sleep"](x))
    busy.start()
    while len(np.unique(spread(parallel, 1000, 1)[2])) > 1:
        pass  # until the sleeping call has the pool
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        done = [spread(parallel, 1000, 1, slow=5) for _ in range(5)]
        several = any(len(np.unique(threads)) > 1 for _, _, threads, _ in done)
        os._exit(0 if several and all(np.all(times == 1) for times, *_ in done) else 1)
    busy.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert np.all(spread(parallel, 1000, 1)[0] == 1)
