"""Is what an index says enough to choose by, and is no library opened before one of its kernels is wanted?"""

import json
import os
import shutil
import sys
from contextlib import contextmanager

import numpy as np
import pytest
from support import loadable

import hologram_core as hg
import hologram_dynamic as hd
from hologram_core.cli import run
from hologram_dynamic import index, library
from hologram_dynamic.index import FILE, Index, refresh_index
from hologram_dynamic.plugin import DynamicProvider

X = np.arange(4, dtype="f4")


@pytest.fixture(scope="module")
def libs(tmp_path_factory):
    """Libraries of one kernel, of several, and by hand; and their index."""
    folder = tmp_path_factory.mktemp("libs")
    loadable.build(folder / "custom_op.so", loadable.manifest())
    loadable.build_all(folder / "several.so")
    loadable.build(folder / "by_hand.so", op="by_hand")
    refresh_index(folder)
    return folder


@pytest.fixture
def folder(libs, tmp_path):
    """A copy that a test may change."""
    return shutil.copytree(libs, tmp_path / "libs")


@pytest.fixture
def opened(monkeypatch):
    """The names of the files that are opened."""
    names = []
    original = library.open_library

    def note(path, **options):
        names.append(os.path.basename(path))
        return original(path, **options)

    for module in (library, sys.modules["hologram_dynamic.loader"]):
        monkeypatch.setattr(module, "open_library", note)
    return names


@contextmanager
def refused(reason):
    """A call finds no kernel, for a reason that is warned about too."""
    with pytest.warns(hg.PluginWarning, match=reason), pytest.raises(hg.UnknownKernelError, match=reason):
        yield


def starting(folder):
    """A runtime that has the folder at its start."""
    made = hg.Runtime(providers=[], kernel_path=[folder])
    made.register(DynamicProvider, "hologram-dynamic")
    return made


# ---- what it says --------------------------------------------------------------------------------


def test_index_says_what_the_libraries_do(folder):
    for listed in Index(folder).libraries:
        library = hd.open_library(listed.path)
        assert (listed.hash, listed.stem, listed.names) == (library.hash, library.stem, library.names)
        assert listed.ops == library.ops
        for late, row in zip(listed.rows, library.rows, strict=True):
            for field in ("op", "signature", "dtype", "min_n", "max_n", "doc", "rank_priority"):
                assert getattr(late, field) == getattr(row, field)
            assert [level for level, _ in late.variants] == [level for level, _ in row.variants]
            assert late.opened() == row


def test_index_is_the_same_whatever_the_order_and_time(folder, tmp_path):
    text = (folder / FILE).read_bytes()
    os.utime(folder / "custom_op.so", (1, 1))
    (folder / FILE).unlink()
    refresh_index(folder)
    assert (folder / FILE).read_bytes() == text
    assert str(tmp_path).encode() not in text


def test_refreshing_opens_only_what_has_changed_and_leaves_out_what_is_broken(folder, opened):
    loadable.build(folder / "custom_op.so", loadable.manifest(), value=3)
    (folder / "by_hand.so").unlink()
    (folder / "text.so").write_text("not a library")
    refresh_index(folder)
    assert opened == ["custom_op.so", "text.so"]
    assert Index(folder).names == ("custom_op.so", "several.so")
    assert list(folder.glob("*.part")) == []


def test_build_command_writes_it(tmp_path):
    (tmp_path / "twice.py").write_text(
        "def twice(x: DeviceArray[f32], out: DeviceArray[f32], n: u32):\n"
        "    i = get_global_id()\n    if i < n:\n        out[i] = x[i] * 2.0\n"
    )
    assert run(["build", str(tmp_path / "twice.py"), "-o", str(tmp_path / "libs"), "--level", "baseline"]) == 0
    (listed,) = Index(tmp_path / "libs").libraries
    assert (listed.path.name, listed.names) == ("twice.so", ("twice",))


def read_everything(folder):
    listed = Index(folder)
    return listed.kernels(), listed.ops()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"version": 2, "libraries": {}}',
        '{"version": 1, "libraries": []}',
        '{"version": 1, "libraries": {"a.so": 5}}',
        '{"version": 1, "libraries": {"a.so": {"hash": "0", "names": [], "kernels": [5]}}}',
        '{"version": 1, "libraries": {"a.so": {"hash": "0", "names": 5, "kernels": []}}}',
        '{"version": 1, "libraries": {"a.so": {"hash": "0", "names": [], "kernels": [{"op": "relu"}]}}}',
        '{"version": 1, "libraries": {"a.so": {"hash": "0", "names": [], "kernels": [], "ops": {"f": {}}}}}',
        b"\xff\xfe",
    ],
    ids=repr,
)
def test_text_that_is_no_index_is_refused(tmp_path, text):
    (tmp_path / FILE).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(hg.LibraryError, match="_index.json"):
        read_everything(tmp_path)


def test_missing_index_is_refused(tmp_path):
    with pytest.raises(hg.LibraryError, match="cannot be read: No such file or directory"):
        Index(tmp_path)


# ---- folders at the start ------------------------------------------------------------------------


def test_nothing_is_opened_before_a_kernel_is_chosen(folder, opened):
    runtime = starting(folder)
    assert {"custom_operation", "saxpy", "by_hand"} <= set(runtime.op_names())
    assert runtime.op("saxpy").parameters == ("alpha", "x", "y")
    assert len(runtime.list_kernels(op="custom_operation")) == 2
    assert hd.default_loader is not None
    assert opened == []
    np.testing.assert_array_equal(runtime.ops.by_hand(X), X * X)
    assert opened == ["by_hand.so"]
    assert runtime.explain("by_hand", "f32", 4).winner.isa == "baseline"
    runtime.refresh()
    runtime.ops.by_hand(X)
    assert opened == ["by_hand.so"]


def test_names_and_handles_open_their_library_alone(folder, opened):
    runtime = starting(folder)
    runtime.op_names()
    loader = sys.modules["hologram_dynamic.loader"].own_loader(runtime)
    assert "many:saxpy" in loader.list_kernels()
    assert loader.has_kernel("by_hand")
    assert opened == []
    handle = loader.get_kernel("many:saxpy")
    assert opened == ["several.so"]
    assert handle(2.0, X, X)[1] == 3
    assert handle.library.path == folder / "several.so"
    assert loader.get_kernel("many:saxpy") is handle


def test_listed_library_can_be_unloaded_and_loaded_again(folder):
    runtime = starting(folder)
    runtime.op_names()
    loader = sys.modules["hologram_dynamic.loader"].own_loader(runtime)
    loader.unload("by_hand")
    assert "by_hand" not in runtime.op_names()
    assert loader.load_from_directory(folder).kernels.count("by_hand") == 1
    np.testing.assert_array_equal(runtime.ops.by_hand(X), X * X)


def test_library_that_breaks_later_does_no_harm_until_it_is_chosen(folder):
    runtime = starting(folder)
    assert len(runtime.list_kernels(op="custom_operation")) == 2
    (folder / "several.so").write_text("broken")
    np.testing.assert_array_equal(runtime.ops.by_hand(X), X * X)
    with refused("several.so: not a shared library: it is text"):
        runtime.ops.saxpy(2.0, X, X)


def test_library_that_is_replaced_later_is_refused(folder):
    runtime = starting(folder)
    runtime.op_names()
    loadable.build(folder / "by_hand.so", op="by_hand", value=5)
    with refused("it is not the library that _index.json beside it was made from"):
        runtime.ops.by_hand(X)


def test_library_that_is_not_what_the_index_says_is_opened_at_once(folder, opened):
    loadable.build(folder / "by_hand.so", op="other")
    (folder / "custom_op.so").rename(folder / "new.so")
    runtime = starting(folder)
    assert "other" in runtime.op_names()
    assert "by_hand" not in runtime.op_names()
    assert opened == ["by_hand.so", "new.so"]


def test_broken_index_is_warned_about_and_everything_is_opened(folder):
    (folder / FILE).write_text("nonsense")
    runtime = starting(folder)
    with pytest.warns(hd.LoadWarning, match="_index.json: not JSON: .*; so its libraries are opened"):
        assert "by_hand" in runtime.op_names()
    np.testing.assert_array_equal(runtime.ops.by_hand(X), X * X)


def test_index_that_promises_another_kernel_than_there_is_is_found_out(folder):
    data = json.loads((folder / FILE).read_text())
    data["libraries"]["by_hand.so"]["kernels"][0]["signature"] = "(),()->()"
    data["libraries"]["by_hand.so"]["ops"]["by_hand"].update(signature="(),()->()", parameters="a b")
    (folder / FILE).write_text(json.dumps(data))
    runtime = starting(folder)
    with refused("kernel 'by_hand': signature is "):
        runtime.ops.by_hand(X, X)


# ---- packs ---------------------------------------------------------------------------------------


@pytest.fixture
def pack(folder, tmp_path, monkeypatch):
    """A package with the libraries, imported."""
    package = tmp_path / "somebodys_pack"
    package.mkdir()
    (package / "__init__.py").write_text("from hologram_dynamic import KernelPack\n\npack = KernelPack(__name__)\n")
    folder.rename(package / "_kernels")
    monkeypatch.syspath_prepend(tmp_path)
    import somebodys_pack

    yield somebodys_pack.pack
    del sys.modules["somebodys_pack"]


def use(pack):
    made = hg.Runtime(providers=[])
    made.register(pack, "somebodys-pack")
    return made


def test_pack_opens_a_library_when_its_kernel_is_chosen(pack, opened):
    runtime = use(pack)
    assert {"custom_operation", "saxpy", "by_hand"} <= set(runtime.op_names())
    assert opened == []
    np.testing.assert_array_equal(runtime.ops.by_hand(X), X * X)
    assert opened == ["by_hand.so"]
    assert pack.get_kernel("saxpy")(2.0, X, X)[1] == 3
    assert opened == ["by_hand.so", "several.so"]


def test_registering_a_pack_reads_nothing(pack, tmp_path):
    (tmp_path / "somebodys_pack" / "_kernels" / FILE).unlink()
    runtime = use(pack)
    with pytest.warns(hg.PluginWarning, match="_index.json: cannot be read"):
        runtime.op_names()


def test_request_for_another_op_reads_no_more_of_a_pack_than_its_index(pack, monkeypatch):
    made = []
    monkeypatch.setattr(index, "IndexedLibrary", lambda *args, **named: made.append(args))
    runtime = hg.Runtime(providers=["hologram-stdlib"])
    runtime.register(pack, "somebodys-pack")
    assert runtime.ops.vector_add(X, X)[3] == 6
    assert made == []


def test_broken_library_of_a_pack_does_no_harm_until_it_is_chosen(pack, tmp_path):
    (tmp_path / "somebodys_pack" / "_kernels" / "several.so").write_text("broken")
    runtime = use(pack)
    np.testing.assert_array_equal(runtime.ops.by_hand(X), X * X)
    with refused("several.so: not a shared library"):
        runtime.ops.saxpy(2.0, X, X)
    assert pack.get_kernel("by_hand")(X)[2] == 4
    with pytest.raises(hg.LibraryError, match="several.so: not a shared library"):
        pack.get_kernel("saxpy")


def test_folders_above_a_pack_are_not_looked_at(pack, tmp_path):
    tmp_path.chmod(0o777)  # as the site-packages of some systems are
    np.testing.assert_array_equal(use(pack).ops.by_hand(X), X * X)
    (tmp_path / "somebodys_pack" / "_kernels").chmod(0o777)
    with refused("this folder can be written by everybody"):
        use(pack).ops.saxpy(2.0, X, X)
