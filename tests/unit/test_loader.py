"""Does the loader load what it should, find kernels by name, and give them to the ops of a runtime?"""

import gc
import os
import shutil
import subprocess
import sys
import types
import warnings
import weakref
from pathlib import Path

import cffi
import numpy as np
import platformdirs
import pytest
from support import loadable

import hologram_core as hg
import hologram_dynamic as hd
from hologram_dynamic import startup
from hologram_dynamic.library import open_again
from hologram_dynamic.plugin import DynamicProvider

X = np.arange(4, dtype="f4")


def runtime(**settings):
    """A runtime that asks this provider alone."""
    made = hg.Runtime(**{"providers": [], **settings})
    made.register(DynamicProvider, "hologram-dynamic")
    return made


@pytest.fixture(autouse=True)
def _no_user_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "nothing"))


@pytest.fixture(scope="module")
def libs(tmp_path_factory):
    """libs/custom_op.so, and its version with a hash."""
    folder = tmp_path_factory.mktemp("libs")
    loadable.build(folder / "custom_op.so", loadable.manifest())
    (folder / "custom_op-0123456789ab.so").write_bytes((folder / "custom_op.so").read_bytes())
    return folder


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """A second folder: the same kernel, that adds 1; and one of C without a manifest."""
    folder = tmp_path_factory.mktemp("others")
    loadable.build(folder / "custom_op.so", loadable.manifest(), value=1)
    loadable.build(folder / "by_hand.so", op="by_hand")
    return folder


def test_folder_is_loaded_into_ops_and_names(libs):
    here = runtime()
    loader = hd.KernelLoader(here)
    report = loader.load_from_directory(libs)
    assert [library.path for library in report.libraries] == [libs / "custom_op.so"]
    assert report.kernels == ("custom_operation",)
    assert report.skipped == ()
    assert report.notes == (f"{libs / 'custom_op-0123456789ab.so'}: left out, custom_op.so is its current version",)
    assert str(report).splitlines()[0] == "1 libraries with 1 kernels"
    np.testing.assert_array_equal(here.ops.custom_operation(X), X * X)
    assert loader.list_kernels() == ["custom_op:custom_operation"]


def test_op_has_the_authors_parameter_names_and_documentation(libs):
    here = runtime()
    hd.KernelLoader(here).load_library(libs / "custom_op.so")
    spec = here.op("custom_operation").spec
    assert (spec.parameters, spec.doc) == (("input",), "custom_operation, for tests.")
    explanation = here.explain("custom_operation", "f32", 4)
    assert (explanation.winner.provider, explanation.winner.tier) == ("hologram-dynamic", "user")
    assert explanation.interval == (0, hg.MAX_N)


@pytest.mark.parametrize("name", ["custom_operation", "custom_op", "custom_op:custom_operation"])
def test_kernel_is_found_by_function_library_and_both(libs, name):
    loader = hd.KernelLoader(runtime())
    loader.load_from_directory(libs)
    handle = loader.get_kernel(name)
    assert (handle.name, handle.stem, handle.op) == ("custom_operation", "custom_op", "custom_operation")
    assert loader.has_kernel(name)
    assert loader.get_kernel("custom_op") is handle


def test_unknown_name_tells_the_closest(libs):
    loader = hd.KernelLoader(runtime())
    with pytest.raises(hg.UnknownKernelError, match="loaded nothing yet"):
        loader.get_kernel("custom_op")
    loader.load_from_directory(libs)
    assert not loader.has_kernel("custom_opp")
    with pytest.raises(hg.UnknownKernelError, match="closest names: custom_operation"):
        loader.get_kernel("custom_operatio")


def test_library_of_several_kernels_is_not_one_kernel(tmp_path):
    loadable.build_all(tmp_path / "many.so")
    loader = hd.KernelLoader(runtime())
    loader.load_from_directory(tmp_path)
    with pytest.raises(hg.UnknownKernelError, match="library 'many' has several: many:custom_operation, many:saxpy"):
        loader.get_kernel("many")
    assert loader.get_kernel("saxpy") is loader.get_kernel("many:saxpy")


def test_ambiguous_name_names_both_places_and_how_to_qualify(tmp_path):
    loadable.build(tmp_path / "one.so", loadable.manifest("one"))
    loadable.build(tmp_path / "two.so", loadable.manifest("two"), value=2)
    loader = hd.KernelLoader(runtime())
    loader.load_from_directory(tmp_path)
    with pytest.raises(hd.AmbiguousKernelError) as caught:
        loader.get_kernel("custom_operation")
    assert str(caught.value) == (
        f"kernel 'custom_operation' is ambiguous: 'custom_operation' in {tmp_path / 'one.so'} and "
        f"'custom_operation' in {tmp_path / 'two.so'}; ask for 'one:custom_operation' or 'two:custom_operation'"
    )
    assert isinstance(caught.value, LookupError)
    assert loader.get_kernel("two:custom_operation")(X)[1] == 3


def test_two_folders_with_the_same_kernel_are_both_loaded_and_the_later_serves_the_op(libs, others):
    here = runtime()
    loader = hd.KernelLoader(here)
    loader.load_from_directory(libs)
    assert here.ops.custom_operation(X)[1] == 1
    report = loader.load_from_directory(others)
    assert report.notes == (
        f"'custom_operation' for f32 is now served by {others / 'custom_op.so'}, no longer by {libs / 'custom_op.so'}",
    )
    assert here.ops.custom_operation(X)[1] == 2
    assert len(here.list_kernels(op="custom_operation")) == 2
    with pytest.raises(hd.AmbiguousKernelError, match="unload one of them, or use a KernelLoader for each folder"):
        loader.get_kernel("custom_op")
    loader.unload(others / "custom_op.so")
    assert here.ops.custom_operation(X)[1] == 1
    assert loader.get_kernel("custom_op")(X)[1] == 1


def test_loaders_see_their_own_folders_alone(libs, others):
    here = runtime()
    first, second = hd.KernelLoader(here), hd.KernelLoader(here)
    first.load_from_directory(libs)
    second.load_from_directory(others)
    assert [loader.get_kernel("custom_op")(X)[1] for loader in (first, second)] == [1, 2]
    assert here.ops.custom_operation(X)[1] == 2
    first.load_from_directory(libs)  # nothing new, so nothing changes
    assert here.ops.custom_operation(X)[1] == 2
    second.unload("custom_op")
    assert here.ops.custom_operation(X)[1] == 1


def test_runtimes_do_not_see_each_others_kernels(libs, others):
    first, second, third = runtime(), runtime(), runtime()
    hd.KernelLoader(first).load_from_directory(libs)
    hd.KernelLoader(second).load_from_directory(others)
    assert first.ops.custom_operation(X)[1] == 1
    assert second.ops.custom_operation(X)[1] == 2
    assert "custom_operation" not in third.op_names()


def test_offers_outlive_their_loader_and_not_their_runtime(libs):
    here = runtime()
    hd.KernelLoader(here).load_from_directory(libs)
    here.load_kernels(libs)
    gc.collect()
    assert here.ops.custom_operation(X)[1] == 1
    gone = weakref.ref(here)
    del here
    gc.collect()
    assert gone() is None


def test_same_content_is_opened_once(libs, tmp_path):
    (tmp_path / "another_name.so").write_bytes((libs / "custom_op.so").read_bytes())
    loader = hd.KernelLoader(runtime())
    loader.load_from_directory(libs)
    report = loader.load_from_directory(tmp_path)
    assert [library.path for library in report.libraries] == [libs / "custom_op.so"]
    other = hd.KernelLoader(runtime())
    other.load_from_directory(tmp_path)
    (one,), (two,) = loader.libraries, other.libraries
    assert one.table.kernels[0].owner is two.table.kernels[0].owner
    assert one.path != two.path


def test_library_is_closed_when_nothing_holds_it(libs):
    loader = hd.KernelLoader(runtime())
    loader.load_from_directory(libs)
    handle = loader.get_kernel("custom_op")
    opened = weakref.ref(loader.libraries[0].table.kernels[0].owner)
    loader.unload("custom_op")
    gc.collect()
    assert handle(X)[2] == 4
    assert opened() is not None
    del handle
    gc.collect()
    assert opened() is None


def test_library_opened_again_is_apart_from_the_first(libs):
    first = hd.open_library(libs / "custom_op.so")
    again = open_again(first)
    addresses = {library.rows[0].variants[0][1] for library in (first, again, hd.open_library(libs / "custom_op.so"))}
    assert len(addresses) == 2
    kept = weakref.ref(again.rows[0].owner)
    del again
    gc.collect()
    assert kept() is None


def test_rebuilt_library_replaces_the_one_of_its_path(tmp_path):
    path = loadable.build(tmp_path / "custom_op.so", loadable.manifest())
    here = runtime()
    loader = hd.KernelLoader(here)
    loader.load_from_directory(tmp_path)
    before = loader.get_kernel("custom_op")
    loadable.build(path, loadable.manifest(), value=5)  # in place: the same file, and maybe the same inode
    loader.load_from_directory(tmp_path)
    assert len(loader.libraries) == 1
    assert here.ops.custom_operation(X)[1] == 6
    assert loader.get_kernel("custom_op")(X)[1] == 6
    assert before(X)[1] == 1


def test_broken_rebuild_keeps_the_old_library(tmp_path):
    path = loadable.build(tmp_path / "custom_op.so", loadable.manifest())
    loader = hd.KernelLoader(runtime())
    loader.load_from_directory(tmp_path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.warns(hd.LoadWarning, match="truncated"):
        loader.load_from_directory(tmp_path)
    assert loader.get_kernel("custom_op")(X)[3] == 9


def test_good_files_of_a_folder_are_loaded_and_bad_ones_reported_once(tmp_path):
    loadable.build(tmp_path / "custom_op.so", loadable.manifest())
    (tmp_path / "text.so").write_text("not a library")
    (tmp_path / "empty.so").touch()
    (tmp_path / "notes.txt").write_text("not looked at")
    loader = hd.KernelLoader(runtime())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        report = loader.load_from_directory(tmp_path)
    assert report.skipped == (
        (tmp_path / "empty.so", f"{tmp_path / 'empty.so'}: not a shared library: the file is empty"),
        (tmp_path / "text.so", f"{tmp_path / 'text.so'}: not a shared library: it is text"),
    )
    (warning,) = caught
    assert warning.category is hd.LoadWarning
    assert warning.filename == __file__
    assert "left out 2 of 3 files" in str(warning.message)
    assert all(item.reason in str(warning.message) for item in report.skipped)
    assert loader.list_kernels() == ["custom_op:custom_operation"]


def test_on_error_raise_loads_all_or_nothing(tmp_path):
    loadable.build(tmp_path / "custom_op.so", loadable.manifest())
    (tmp_path / "text.so").write_text("not a library")
    here = runtime()
    loader = hd.KernelLoader(here, on_error="raise")
    with pytest.raises(hg.LibraryError, match="text.so: not a shared library"):
        loader.load_from_directory(tmp_path)
    assert loader.list_kernels() == []
    assert "custom_operation" not in here.op_names()
    with pytest.raises(ValueError, match="expected 'report' or 'raise', got 'ignore'"):
        hd.KernelLoader(on_error="ignore")


def test_missing_folder_says_so(tmp_path):
    loader = hd.KernelLoader(runtime())
    with pytest.raises(FileNotFoundError, match="there is no such folder; pass a folder that holds kernel libraries"):
        loader.load_from_directory(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(hd.FolderNotFoundError, match=r"this is no folder \(load_library\(\) loads a file\)"):
        loader.load_from_directory(tmp_path / "file")
    assert loader.load_from_directory(tmp_path).libraries == ()


@pytest.mark.parametrize("what", ["path", "text", "stem", "name", "full", "library"])
def test_unload_takes_paths_names_and_libraries(libs, what):
    here = runtime()
    loader = hd.KernelLoader(here)
    (library,) = loader.load_from_directory(libs).libraries
    names = {"stem": "custom_op", "name": "custom_operation", "full": "custom_op:custom_operation", "library": library}
    names |= {"path": library.path, "text": str(library.path)}
    op = here.ops.custom_operation
    assert loader.unload(names[what]) is library
    assert loader.list_kernels() == []
    assert "custom_operation" not in here.op_names()
    with pytest.raises(hg.UnknownKernelError):
        op(X)
    with pytest.raises(hg.UnknownKernelError):
        loader.unload(names[what])


def test_kernel_of_another_signature_than_its_op_is_for_handles_alone(tmp_path):
    loadable.build(tmp_path / "relu.so", loadable.manifest("relu", loadable.custom("vector_add")), op="vector_add")
    here = runtime()
    loader = hd.KernelLoader(here)
    (note,) = loader.load_from_directory(tmp_path).notes
    assert note == (
        f"'vector_add' of {tmp_path / 'relu.so'}: its signature is ()->(), that of the op is (),()->(); "
        "it is called through get_kernel() only"
    )
    (candidate,) = here.explain("vector_add", "f32", 4).candidates
    assert candidate.reason == "refused: its signature is ()->(), that of 'vector_add' is (),()->()"
    np.testing.assert_array_equal(loader.get_kernel("vector_add")(X), X * X)
    assert loader.load_from_directory(tmp_path).notes == ()  # said once


def test_kernel_of_a_standard_op_joins_its_ranking(tmp_path):
    loadable.build(tmp_path / "square.so", loadable.manifest("mine", loadable.custom("relu")), op="relu")
    here = hg.Runtime(providers=["hologram-stdlib", "hologram-dynamic"])
    hd.KernelLoader(here).load_from_directory(tmp_path)
    assert here.explain("relu", "f32", 4).winner.provider == "hologram-stdlib"
    assert here.explain("relu", "f32", 5000).winner.provider == "hologram-dynamic"
    here.set_priority("hologram-dynamic", 400)
    assert here.ops.relu(X)[3] == 9


def test_fitting_kernel_is_not_hidden_by_a_later_one_of_another_signature(tmp_path):
    loadable.build(tmp_path / "a.so", loadable.manifest("a", loadable.custom("relu")), op="relu")
    loadable.build(tmp_path / "b.so", op="relu", flags=('-DSIGNATURE="(n)->(n)"',))
    here = runtime()
    report = hd.KernelLoader(here).load_from_directory(tmp_path)
    assert "its signature is (n)->(n), that of the op is ()->()" in report.notes[0]
    assert here.ops.relu(X)[3] == 9


def test_op_of_another_provider_keeps_its_signature(libs):
    class Other:
        @hg.hookimpl
        def declare_ops(self):
            return [hg.OpSpec.make("custom_operation", "(),()->()", "a b", "Another one.")]

    here = runtime()
    here.register(Other(), "another")
    loader = hd.KernelLoader(here)
    (_, note) = loader.load_from_directory(libs).notes
    assert "that of the op is (),()->(); it is called through get_kernel() only" in note
    assert here.op("custom_operation").parameters == ("a", "b")
    assert loader.get_kernel("custom_op")(X)[3] == 9


def test_runtime_without_the_provider_has_handles_only(libs):
    here = hg.Runtime(providers=[])
    loader = hd.KernelLoader(here)
    assert loader.load_library(libs / "custom_op.so").notes == (
        "this runtime does not use hologram-dynamic (HOLOGRAM_PROVIDERS, HOLOGRAM_DISABLE): handles only, no ops",
    )
    assert loader.get_kernel("custom_op")(X)[3] == 9
    assert "custom_operation" not in here.op_names()


def test_notes_go_to_the_log(libs, caplog):
    here = runtime(log="info")
    caplog.clear()
    with caplog.at_level("INFO", "hologram"):
        report = hd.KernelLoader(here).load_from_directory(libs)
    assert report.notes
    assert [record.message for record in caplog.records] == ["kernels of hologram-dynamic have changed", *report.notes]


def test_load_kernels_takes_files_and_folders(libs, others):
    here = runtime()
    assert here.load_kernels(libs).kernels == ("custom_operation",)
    assert here.load_kernels(others / "by_hand.so").kernels == ("by_hand",)
    np.testing.assert_array_equal(here.ops.by_hand(X), X * X)


def test_kernel_path_is_loaded_when_first_asked_and_before_all_else(libs, others):
    here = runtime(kernel_path=[libs])
    hd.KernelLoader(here).load_from_directory(others)
    assert here.ops.custom_operation(X)[1] == 2
    assert len(here.list_kernels(op="custom_operation")) == 2
    assert runtime(kernel_path=[libs, others]).ops.custom_operation(X)[1] == 2
    assert runtime(kernel_path=[others, libs]).ops.custom_operation(X)[1] == 1


def test_kernel_path_that_is_missing_is_reported(tmp_path, libs):
    here = runtime(kernel_path=[tmp_path / "nowhere", libs])
    with pytest.warns(hd.LoadWarning, match="HOLOGRAM_KERNEL_PATH: .*nowhere.*there is no such folder"):
        here.op_names()
    assert here.ops.custom_operation(X)[1] == 1


def test_user_folder_is_loaded(tmp_path, libs, monkeypatch):
    folder = tmp_path / "data" / "hologram" / "kernels"
    folder.mkdir(parents=True)
    (folder / "custom_op.so").write_bytes((libs / "custom_op.so").read_bytes())
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert runtime().ops.custom_operation(X)[1] == 1


@pytest.mark.parametrize("value", ["/somewhere", "", None])
def test_user_folder_is_that_of_platformdirs(monkeypatch, value):
    if value is None:
        monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    else:
        monkeypatch.setenv("XDG_DATA_HOME", value)
    expected = os.path.join(platformdirs.user_data_dir("hologram"), "kernels")
    assert startup.user_folder() == expected
    monkeypatch.setenv("XDG_DATA_HOME", "relative")  # which the standard of these variables has ignored
    assert startup.user_folder() == os.path.expanduser("~/.local/share/hologram/kernels")
    monkeypatch.setenv("XDG_DATA_HOME", value or "")
    monkeypatch.setattr(startup, "_USES_XDG", False)
    assert startup.user_folder() == expected


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"HOLOGRAM_KERNEL_PATH": ""},
        {"HOLOGRAM_KERNEL_PATH": f"/nowhere-at-all{os.pathsep}{os.pathsep}"},  # PATH would mean it by nothing
        {"XDG_DATA_HOME": "data"},
        {"XDG_DATA_HOME": "."},
        {"XDG_DATA_HOME": "", "HOME": "home"},
    ],
    ids=str,
)
def test_nothing_is_loaded_from_the_working_directory(libs, tmp_path, variables):
    for folder in ("", "hologram/kernels", "data/hologram/kernels", "home/.local/share/hologram/kernels"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(libs / "custom_op.so", tmp_path / folder)
    program = "import hologram_core as hg; assert 'custom_operation' not in hg.default_runtime().op_names()"
    environment = {**os.environ, **variables}
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], cwd=tmp_path, env=environment, check=True)


def test_kernel_path_that_is_relative_stops_a_process_with_the_reason(libs):
    program = "import hologram_core; hologram_core.default_runtime()"
    environment = {**os.environ, "HOLOGRAM_KERNEL_PATH": "libs"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=libs.parent, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "'libs' is relative to the working directory, from which nothing is loaded" in done.stderr


def test_default_loader_functions_load_get_and_execute(libs):
    assert hd.register_all_kernels_from_directory(libs) == ["custom_operation"]
    try:
        handle = hd.get_kernel("custom_op")
        out = np.zeros(4, "f4")
        assert hd.execute_kernel(handle, [X, out, 4]) is out
        np.testing.assert_array_equal(out, X * X)
        assert hg.ops.custom_operation(X)[3] == 9
        assert hg.explain("custom_operation", "f32", 4).winner.provider == "hologram-dynamic"
    finally:
        hd.default_loader().unload("custom_op")
    with pytest.raises(hg.UnknownOpError):
        hg.ops["custom_operation"]


def test_package_imports_little_until_it_is_used():
    program = (
        "import sys, hologram_core; hologram_core.default_runtime().op_names(); import hologram_dynamic; "
        "assert not {'hologram_dynamic.loader', 'json', '_cffi_backend', 'tempfile'} & set(sys.modules), sys.modules; "
        "hologram_dynamic.KernelLoader; assert 'hologram_dynamic.loader' in sys.modules; "
        "assert set(hologram_dynamic.__all__) <= set(dir(hologram_dynamic)); "
        "[getattr(hologram_dynamic, name) for name in hologram_dynamic.__all__]"
    )
    environment = {**os.environ, "XDG_DATA_HOME": str(Path(__file__).parent)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        hd.nonsense  # noqa: B018


def _arguments_of_ffi(path, monkeypatch):
    """What a module made by cffi passes to its FFI."""
    passed = []
    fake = types.SimpleNamespace(FFI=lambda *args, **named: passed.append((args, named)))
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "_cffi_backend", fake)
        exec(compile(path.read_text("utf-8"), str(path), "exec"), {})
    return passed


def test_symbol_table_is_what_cffi_makes(tmp_path, monkeypatch):
    ffi = cffi.FFI()
    ffi.set_source("hologram_dynamic._table", None)
    ffi.cdef("const void *hologram_library_v1(void);")
    ffi.emit_python_code(str(tmp_path / "made.py"))
    ours = Path(hd.__file__).with_name("_table.py")
    assert _arguments_of_ffi(ours, monkeypatch) == _arguments_of_ffi(tmp_path / "made.py", monkeypatch)
