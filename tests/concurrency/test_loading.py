"""Callers in several threads while libraries come and go: every result is some library's, and nobody crashes."""

import gc
import threading
import time

import numpy as np
import pytest
from support import loadable

import hologram_core as hg
import hologram_dynamic as hd
from hologram_dynamic.plugin import DynamicProvider

SECONDS = 1.0
X = np.arange(64, dtype="f4")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Three folders with the same kernel, which adds 0, 1 and 2; the first one has a slow kernel too."""
    made = [tmp_path_factory.mktemp(f"libs{value}") for value in range(3)]
    for value, folder in enumerate(made):
        loadable.build(folder / "custom_op.so", loadable.manifest(), value=value)
    loadable.build_all(made[0] / "many.so")
    return made


@pytest.fixture
def runtime():
    made = hg.Runtime(providers=[])
    made.register(DynamicProvider, "hologram-dynamic")
    return made


def test_unload_while_calling(folders, runtime):
    base, changing = hd.KernelLoader(runtime), hd.KernelLoader(runtime)
    base.load_library(folders[0] / "custom_op.so")
    op = runtime.ops.custom_operation
    stop = time.monotonic() + SECONDS
    seen, errors = set(), []

    def call():
        try:
            while time.monotonic() < stop:
                result = op(X)
                (value,) = set((result - X * X).tolist())
                seen.add(value)
        except BaseException as error:
            errors.append(error)

    def change():
        try:
            while time.monotonic() < stop:
                for folder in folders[1:]:
                    changing.load_library(folder / "custom_op.so")
                    handle = changing.get_kernel("custom_op")
                    changing.unload("custom_op")
                    assert handle(X)[0] in (1, 2)
                gc.collect()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=target) for target in (call, call, change)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not errors, errors[0]
    assert 0 in seen
    assert seen <= {0, 1, 2}
    assert changing.libraries == ()


def test_call_in_flight_finishes_after_its_library_is_unloaded(folders, runtime):
    loader = hd.KernelLoader(runtime)
    loader.load_library(folders[0] / "many.so")
    results = []
    op = runtime.ops.doze
    thread = threading.Thread(target=lambda: results.append(op(X)))
    thread.start()
    time.sleep(0.02)
    loader.unload("many")
    assert results == []
    gc.collect()
    thread.join(10)
    np.testing.assert_array_equal(results[0], X * X)
    with pytest.raises(hg.UnknownKernelError):
        op(X)


def test_first_requests_from_many_threads_load_the_start_up_folders_once(folders):
    for _ in range(10):
        runtime = hg.Runtime(providers=[], kernel_path=folders)
        runtime.register(DynamicProvider, "hologram-dynamic")
        barrier = threading.Barrier(4)
        results = []

        def ask(index, runtime=runtime, barrier=barrier, results=results):
            barrier.wait()
            if index % 2:
                results.append(runtime.ops.custom_operation(X)[0])
            else:
                loader = hd.KernelLoader(runtime)
                loader.load_library(folders[2] / "custom_op.so")
                results.append(loader.get_kernel("custom_op")(X)[0])

        threads = [threading.Thread(target=ask, args=(index,)) for index in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert results == [2, 2, 2, 2]
        assert len(runtime.list_kernels(op="custom_operation")) == 4  # one more is in many.so
