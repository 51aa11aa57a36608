"""Callers in several threads while kernels are edited: every result is the old or the new version's, nothing is left behind."""

import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from support import loadable
from support.waiting import wait_for

import hologram_core as hg
import hologram_dynamic as hd
from hologram_atlas import watch_sources
from hologram_dynamic.plugin import DynamicProvider

X = np.arange(64, dtype="f4")
VARIANTS = 8  # of the library; edits go through them in turn
SWAPS = 200
EDITS = 12  # of a source, each of which a compiler runs for
SOURCE = """
def custom_operation(x: DeviceArray[f32], out: DeviceArray[f32], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = x[i] * x[i] + {}.0
"""


@pytest.fixture(autouse=True)
def _frequent_switches():
    """So that a thread which is not busy gets its turn soon; it also makes for more ways to interleave."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(interval)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Libraries with the same kernel, which adds 0, 1, 2, ..."""
    folder = tmp_path_factory.mktemp("made")
    return [loadable.build(folder / f"{i}.so", loadable.manifest(), value=i).read_bytes() for i in range(VARIANTS)]


@pytest.fixture
def runtime():
    made = hg.Runtime(providers=[])
    made.register(DynamicProvider, "hologram-dynamic")
    return made


def put(path, content):
    """Write a file the way editors and builds do."""
    part = path.with_suffix(".part")
    part.write_bytes(content)
    part.chmod(0o755)
    os.replace(part, path)


class Callers:
    """Four threads that call an op, and check that what it adds is that of the version before or after an edit."""

    def __init__(self, op, variants):
        self.op, self.variants = op, variants
        self.written = self.in_use = 0  # versions; `in_use` is known to be loaded
        self.calls, self.errors, self.stop = 0, [], threading.Event()
        self.threads = [threading.Thread(target=self._run) for _ in range(4)]

    def _run(self):
        try:
            while not self.stop.is_set():
                oldest = self.in_use
                result = self.op(X)
                newest = self.written
                (value,) = set((result - X * X).tolist())
                versions = range(oldest, newest + 1)  # two, unless this thread had to wait in between
                assert value in {version % self.variants for version in versions}, (value, oldest, newest)
                self.calls += 1
        except BaseException as error:
            self.errors.append(error)
            self.stop.set()

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join(30)
        assert not self.errors, self.errors[0]
        assert self.calls > 100

    def edit(self, write):
        """Write the next version; return when it is in use."""
        version = self.written + 1
        self.written = version
        write(version % self.variants)
        wait_for(lambda: self.op(X)[0] == version % self.variants or self.errors, f"version {version}")
        assert not self.errors, self.errors[0]
        self.in_use = version


def held():
    """(open files, mapped private copies of libraries) of this process."""
    maps = Path("/proc/self/maps").read_text().splitlines()
    return len(os.listdir("/proc/self/fd")), len([line for line in maps if "/hologram-" in line])


def test_libraries_are_swapped_while_four_threads_call(made, runtime, tmp_path):
    path = tmp_path / "custom_op.so"
    put(path, made[0])
    loader = hd.KernelLoader(runtime)
    with loader.watch(tmp_path) as watch, Callers(runtime.ops.custom_operation, VARIANTS) as callers:
        before = None
        for swap in range(SWAPS):
            callers.edit(lambda variant: put(path, made[variant]))
            if swap == 10 and sys.platform == "linux":
                before = held()
        if before is not None:
            files, maps = held()
            assert files <= before[0] + 2
            assert maps <= 2 * before[1]  # one version and maybe the one that a call still holds
        assert watch.errors == {}
        assert len(loader.libraries) == 1


def test_sources_are_edited_while_four_threads_call(runtime, tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("HOLOGRAM_CACHE_DIR", str(tmp_path / "cache"))  # so that a compiler runs for each
    path = tmp_path / "kernels" / "custom_op.py"
    path.parent.mkdir()
    path.write_text(SOURCE.format(0))
    loader = hd.KernelLoader(runtime)
    with watch_sources(path.parent, loader=loader) as watch:
        with Callers(runtime.ops.custom_operation, EDITS + 1) as callers:
            for edit in range(EDITS):
                callers.edit(lambda variant: path.write_text(SOURCE.format(variant)))
                if edit == EDITS // 2:  # a mistake, which all go on without
                    path.write_text(SOURCE.replace("if i < n:", "if i < n").format(99))
                    wait_for(lambda: watch.errors)
                    calls = callers.calls
                    wait_for(lambda calls=calls: callers.calls > calls + 100)
        assert watch.errors == {}
    printed = capfd.readouterr().err
    assert f"{path}:4:13: Python syntax error: expected ':'\n    if i < n\n            ^" in printed
    assert printed.count("syntax error") == 1
