"""Callers in several threads while the world changes: every result is an old or a new kernel's, and nobody crashes."""

import ctypes
import gc
import os
import random
import signal
import sys
import threading
import time
import weakref

import numpy as np
import pytest
from support.providers import DeclaringProvider, Provider, runtime_of

import hologram_core as hg

SECONDS = 1.5


@pytest.fixture(autouse=True)
def _frequent_switches():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


class _Threads:
    """Threads that run until the time is over; the first exception of any of them is raised at the end."""

    def __init__(self):
        self.stop = threading.Event()
        self.errors = []
        self.threads = []

    def start(self, function, *arguments):
        def run():
            try:
                while not self.stop.is_set():
                    function(*arguments)
            except BaseException as error:
                self.errors.append(error)
                self.stop.set()

        self.threads.append(threading.Thread(target=run))
        self.threads[-1].start()

    def finish(self, seconds=SECONDS):
        self.stop.wait(seconds)
        self.stop.set()
        for thread in self.threads:
            thread.join(20)
        assert not any(thread.is_alive() for thread in self.threads)
        if self.errors:
            raise self.errors[0]


@pytest.fixture
def threads():
    return _Threads()


def _changer(runtime, library, rng):
    """Add, remove, rank and pin providers that add 1 to 4; the one that adds 0 is always there."""

    def change():
        value = rng.randint(1, 4)
        name = f"p{value}"
        action = rng.choice(["register", "unregister", "priority", "pin", "refresh"])
        try:
            if action == "register":
                kind = rng.choice([DeclaringProvider, Provider])
                kernel = library.adder(
                    value, max_n=rng.choice([10, 100, hg.MAX_N]), tier=rng.choice(["inline", "user"])
                )
                runtime.register(kind([kernel]), name)
            elif action == "unregister":
                runtime.unregister(name)
            elif action == "priority":
                runtime.set_priority(name, rng.choice([None, 50, 250, 400]))
            elif action == "pin":
                runtime.pin("vector_add", rng.choice([None, name]))
            else:
                runtime.refresh()
        except (ValueError, LookupError):
            pass  # it is there already, or not there

    return change


def test_every_result_is_that_of_an_old_or_a_new_kernel(library, threads):
    runtime = runtime_of(base=DeclaringProvider([library.adder(0, tier="fallback")]))
    op = runtime.ops.vector_add
    seen = set()

    def call(n):
        a = np.full(n, 10, "f4")
        out = np.full(n, -1, "f4")
        assert op(a, a, out=out) is out
        value = int(out[0]) - 20
        assert value in range(5)
        assert np.all(out == 20 + value)
        seen.add(value)
        explained = runtime.explain("vector_add", "f32", n).winner.provider
        assert explained in ("base", "p1", "p2", "p3", "p4")

    for n in (5, 50, 500, 100_000):
        threads.start(call, n)
    threads.start(_changer(runtime, library, random.Random(0)))
    threads.finish(2.0)
    assert len(seen) > 1


def test_large_calls_from_several_threads_share_the_pool(library, threads):
    runtime = runtime_of(base=DeclaringProvider(library.kernels), threads=4)
    rng = np.random.default_rng(0)

    def call(a, b, rows, expected, expected_rows):
        np.testing.assert_array_equal(runtime.ops.vector_add(a, b), expected)
        np.testing.assert_array_equal(runtime.ops.softmax(rows), expected_rows)

    serial = runtime_of(base=DeclaringProvider(library.kernels), threads=1)
    for _ in range(4):
        a, b = rng.standard_normal((2, 400_000)).astype("f4")
        rows = rng.standard_normal((3000, 100)).astype("f4")
        threads.start(call, a, b, rows, a + b, serial.ops.softmax(rows))
    threads.finish(1.0)


def test_new_ops_are_found_while_others_look_for_them(library, threads):
    runtime = runtime_of()

    class Slow(DeclaringProvider):
        @hg.hookimpl
        def declare_ops(self):
            time.sleep(0.002)
            return DeclaringProvider.declare_ops(self)

    runtime.register(Slow(library.kernels), "slow")

    def look():
        assert runtime.explain("test.accumulate", "f32", 3).winner is not None
        assert "test.accumulate" in runtime.ops
        assert runtime.op("test.accumulate").name == "test.accumulate"

    for _ in range(4):
        threads.start(look)
    threads.start(runtime.refresh)
    threads.finish(1.0)


def test_one_op_object_whoever_asks_first(library):
    for _ in range(50):
        runtime = library.runtime()
        barrier = threading.Barrier(4)
        found = []

        def look(runtime=runtime, barrier=barrier, found=found):
            barrier.wait()
            found.append(runtime.ops.gemm)

        workers = [threading.Thread(target=look) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert len(found) == 4
        assert len({id(op) for op in found}) == 1


class _Owner:
    """Stands for a loaded library."""


@pytest.mark.parametrize("bound", [False, True])
def test_library_stays_while_a_call_is_in_flight(library, bound):
    owner = _Owner()
    kernel = library.kernel("test.sleep", op="vector_neg", owner=owner)
    alive = weakref.ref(owner)
    runtime = runtime_of(mine=Provider([kernel]))
    del owner, kernel
    x = np.full(4, 800, "f4")  # milliseconds: longer than a collection takes in a large process on a busy machine
    call = runtime.get_kernel("vector_neg", "f32", 4) if bound else runtime.ops.vector_neg
    results = []

    def work(call):
        results.append(call(x))

    thread = threading.Thread(target=work, args=(call,))
    thread.start()
    del call
    time.sleep(0.05)
    runtime.unregister("mine")  # the GIL is free meanwhile, or this would wait for the kernel
    gc.collect()
    assert thread.is_alive()
    assert alive() is not None
    thread.join()
    np.testing.assert_array_equal(results[0], 2 * x)
    results.clear()
    del thread
    gc.collect()
    assert alive() is None


def test_long_calls_release_the_gil(library):
    runtime = library.runtime()
    x = np.full(4, 150, "f4")
    workers = [threading.Thread(target=runtime.ops["test.sleep"], args=(x,)) for _ in range(4)]
    begin = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert time.perf_counter() - begin < 0.45  # one after the other they take 0.6


def _in_child(function):
    """Run a function in a forked child and return its exit status; a child that hangs is ended."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.alarm(20)
            function()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_fork_in_the_middle(library, threads):
    runtime = runtime_of(base=DeclaringProvider(library.kernels), threads=4)
    a = np.arange(400_000, dtype="f4")
    expected = a + a

    def call():
        np.testing.assert_array_equal(runtime.ops.vector_add(a, a), expected)

    def child():
        for _ in range(3):
            call()

    call()
    for _ in range(2):
        threads.start(call)
    statuses = [_in_child(child) for _ in range(10)]
    threads.finish(0.1)
    assert statuses == [0] * 10


@pytest.mark.parametrize("calls", [1, 2, 3], ids=["on a miss", "from a slot", "on the express lane"])
def test_kernel_that_takes_its_own_provider_away_finishes(calls):
    runtime = runtime_of()
    left = [calls]

    @ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)
    def callback(_):
        left[0] -= 1
        if left[0] > 0:
            return 0
        runtime.unregister("mine")
        gc.collect()
        return 2

    kernel = hg.Kernel.native(
        "relu", "()->()", "f32", {"baseline": ctypes.cast(callback, ctypes.c_void_p).value}, owner=callback
    )
    runtime.register(DeclaringProvider([kernel]), "mine")
    del kernel, callback
    x, out = np.ones(3, "f4"), np.empty(3, "f4")
    for _ in range(calls - 1):
        runtime.ops.relu(x, out=out)
    with pytest.raises(hg.KernelError, match="failed with code 2"):
        runtime.ops.relu(x, out=out)
    with pytest.raises(hg.UnknownKernelError):
        runtime.ops.relu(x, out=out)
