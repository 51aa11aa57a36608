"""Does a pack offer what its index says, open a library only when it is chosen, and refuse what is not its own?"""

import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from support import loadable

import hologram_core as hg
import hologram_dynamic as hd
from hologram_dynamic.index import FILE, Index, write_index
from hologram_dynamic.pack import FOLDER

X = np.arange(4, dtype="f4")


@pytest.fixture
def folder(tmp_path):
    """The libraries of a package `packed`, custom_op.so that squares and more.so that also adds 1, and their index."""
    folder = tmp_path / "packed" / FOLDER
    folder.mkdir(parents=True)
    loadable.build(folder / "custom_op.so", loadable.manifest())
    about = loadable.manifest("more", loadable.custom("other_operation"))
    loadable.build(folder / "more.so", about, op="other_operation", value=1)
    write_index(folder, [hd.open_library(path) for path in sorted(folder.glob("*.so"))])
    return folder


@pytest.fixture
def packed(folder, monkeypatch):
    """The pack of an imported package, and a runtime that has nothing else."""
    module = types.ModuleType("packed")
    module.__file__ = str(folder.parent / "__init__.py")
    monkeypatch.setitem(sys.modules, "packed", module)
    return hd.KernelPack("packed")


def runtime(pack, **settings):
    made = hg.Runtime(**{"providers": [], **settings})
    made.register(pack, "packed")
    return made


def opened(pack):
    """The names of the libraries that are open."""
    return sorted(library.path.name for library in pack.index.libraries if "_library" in vars(library))


def test_kernels_are_listed_without_opening_a_library(packed):
    rows = runtime(packed).list_kernels()
    assert [(row.op, row.provider, row.tier, row.isa, row.problem) for row in rows] == [
        (name, "packed", "user", "baseline", "") for name in ("custom_operation", "other_operation")
    ]
    assert opened(packed) == []


def test_call_opens_the_one_library_that_it_needs(packed):
    here = runtime(packed)
    np.testing.assert_array_equal(here.ops.custom_operation(X), X * X)
    assert opened(packed) == ["custom_op.so"]
    winner = here.explain("custom_operation", "f32", 4).winner
    assert (winner.provider, winner.isa, winner.entry != 0) == ("packed", "baseline", True)


def test_broken_library_harms_no_other(packed, folder):
    (folder / "more.so").write_bytes(b"broken")
    here = runtime(packed)
    np.testing.assert_array_equal(here.ops.custom_operation(X), X * X)
    with pytest.warns(hg.PluginWarning, match=r"packed: open: LibraryError: .*more\.so"):
        explanation = here.explain("other_operation", "f32", 4)
    assert explanation.winner is None
    assert "more.so" in explanation.candidates[0].reason


def test_next_provider_serves_what_a_broken_library_does_not(packed, folder):
    (folder / "custom_op.so").unlink()
    here = runtime(packed)
    double = hg.Kernel.from_python(
        lambda x, out: np.multiply(x, 2, out=out), op="custom_operation", signature="()->()", dtype="f32", priority=1
    )

    class Spare:
        @hg.hookimpl
        def provide_kernel(self, name, dtype, n):
            return double if name == "custom_operation" else None

    here.register(Spare(), "spare")
    with pytest.warns(hg.PluginWarning, match="cannot be read"):
        np.testing.assert_array_equal(here.ops.custom_operation(X), 2 * X)


def test_library_of_another_content_is_refused(packed, folder):
    (folder / "custom_op.so").write_bytes((folder / "more.so").read_bytes())
    with pytest.warns(hg.PluginWarning, match=f"it is not the library that {FILE} beside it was made from"):
        assert runtime(packed).explain("custom_operation", "f32", 4).winner is None


def test_kernel_that_is_not_as_announced_is_refused(packed, folder):
    index = json.loads((folder / FILE).read_text())
    index["libraries"]["custom_op.so"]["kernels"][0]["n"] = [0, 10]
    (folder / FILE).write_text(json.dumps(index))
    with pytest.warns(hg.PluginWarning, match="max_n is 9223372036854775807, not 10"):
        assert runtime(packed).explain("custom_operation", "f32", 4).winner is None


def _entry(**more):
    """An index of one library, with something wrong in it."""
    return json.dumps(
        {"version": 1, "libraries": {"a.so": {"hash": "", "names": [], "kernels": [], "ops": {}, **more}}}
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", "not an index that this version reads"),
        ('{"version": 2, "libraries": {}}', "not an index that this version reads"),
        ('{"version": 1, "libraries": {"a.so": 3}}', "not an index that this version reads"),
        ('{"version": 1, "libraries": {"a.so": {"kernels": []}}}', "KeyError"),
        (_entry(kernels=[{"op": "a"}]), r"a\.so: what _index.json says about it is not .*KeyError"),
        (_entry(kernels=5), "TypeError"),
        (_entry(ops={"a": {}}), r"a\.so: what _index.json says about it is not .*KeyError"),
        ('{"version": 1, "libraries": {"../a.so": {"kernels": []}}}', "'../a.so' is no name of a file here"),
    ],
)
def test_index_that_is_none_is_a_failure_of_the_provider(packed, folder, text, message):
    (folder / FILE).write_text(text)
    here = runtime(packed)
    with pytest.warns(hg.PluginWarning, match=message):
        assert here.list_kernels() == []
        assert "custom_operation" not in here.ops


def test_pack_that_was_never_built_says_so(packed, folder):
    (folder / FILE).unlink()
    with pytest.warns(hg.PluginWarning, match="has the pack been built"):
        assert runtime(packed).list_kernels() == []


def test_pack_of_no_package_says_so():
    with pytest.raises(hg.LibraryError, match=r"KernelPack\('nothing'\): expected the name of an imported package"):
        _ = hd.KernelPack("nothing").folder


def test_declared_ops_win_over_implied_ones(packed):
    spec = hg.OpSpec.make("custom_operation", "()->()", "x", "x, as its author has it.")
    here = runtime(hd.KernelPack("packed", ops=[spec]))
    assert here.op("custom_operation").doc == "x, as its author has it."
    assert here.op("other_operation").doc == "other_operation, for tests."


def test_other_dtypes_and_sizes_are_refused_with_the_reason(packed):
    explanation = runtime(packed).explain("custom_operation", "f64", 4)
    assert explanation.candidates[0].reason == "for f32 only"


def test_handle_is_called_as_its_author_wrote_it(packed):
    out = np.zeros(4, "f4")
    packed.get_kernel("other_operation")(X, out, 4)
    np.testing.assert_array_equal(out, X * X + 1)
    with pytest.raises(LookupError, match="packed has no kernel 'nothing'; there are custom_operation, other_op"):
        packed.get_kernel("nothing")


def test_level_of_the_runtime_is_used(packed):
    assert runtime(packed, isa="baseline").explain("custom_operation", "f32", 4).winner.isa == "baseline"


def test_index_opens_each_library_once_from_many_threads(folder):
    from concurrent.futures import ThreadPoolExecutor

    index = Index(folder)
    with ThreadPoolExecutor(8) as pool:
        libraries = list(pool.map(index.library, ["more.so"] * 32))
    assert len({id(library) for library in libraries}) == 1


def test_late_kernel_must_announce_what_it_is():
    real = hg.Kernel.from_python(np.negative, op="flip", signature="()->()", dtype="f32")
    right = hg.Kernel.late("flip", "()->()", "f32", ["baseline"], lambda: real)
    assert right.opened() is real
    for wrong in (
        hg.Kernel.late("flop", "()->()", "f32", ["baseline"], lambda: real),
        hg.Kernel.late("flip", "(n)->(n)", "f32", ["baseline"], lambda: real),
        hg.Kernel.late("flip", "()->()", "f64", ["baseline"], lambda: real),
        hg.Kernel.late("flip", "()->()", "f32", ["baseline"], lambda: real, tier="fallback"),
        hg.Kernel.late("flip", "()->()", "f32", ["baseline"], lambda: None),
    ):
        with pytest.raises(ValueError, match="not"):
            wrong.opened()


def test_named_libraries_are_files_folders_and_packs(folder, tmp_path, monkeypatch):
    from hologram_dynamic.named import open_named

    assert [library.stem for library in open_named(folder)] == ["custom_op", "more"]
    assert [library.stem for library in open_named(folder / "more.so")] == ["more"]
    site = tmp_path
    (site / "packed" / "__init__.py").write_text(
        "from hologram_dynamic import KernelPack\npack = KernelPack(__name__)\n"
    )
    metadata = site / "my_packed-1.0.dist-info"
    metadata.mkdir()
    (metadata / "entry_points.txt").write_text("[hologram.plugins]\nmy-packed = packed:pack\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "packed", raising=False)
    assert [library.stem for library in open_named("my_packed")] == ["custom_op", "more"]
    del sys.modules["packed"]  # for good: it holds its libraries
    with pytest.raises(LookupError, match="'nothing' is no library, no folder of them and no installed pack"):
        open_named("nothing")
    with pytest.raises(LookupError, match="'hologram-dynamic' is no library"):
        open_named("hologram-dynamic")
    monkeypatch.chdir(folder)
    with pytest.raises(LookupError, match="'' is no library"):
        open_named("")


def test_index_holds_no_path(folder):
    assert str(Path(folder).parent) not in (folder / FILE).read_text()
