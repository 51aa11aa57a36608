"""Is a manifest believed only where it agrees with the rows of its library?"""

import json
from pathlib import Path

import pytest
from support import loadable

import hologram_core as hg
from hologram_core.library import Library
from hologram_dynamic import Manifest, Parameter
from hologram_dynamic.library import LoadedLibrary
from hologram_dynamic.manifest import describe


def row(op, signature, dtype="f32", **fields):
    return hg.Kernel.native(op, signature, dtype, {"baseline": 0x1000}, **fields)


SQUARE = row("custom_operation", "()->()", doc="Squares.")
DIRECT = row("custom_operation!direct", "(a),scalar:u32,scalar:i64->(b)")
ROWS = (SQUARE, DIRECT)


def read(about, *rows):
    text = about if isinstance(about, str) else json.dumps(about)
    return describe(Library("tests", "", text, list(rows or ROWS)))


def test_manifest_becomes_descriptions():
    about = loadable.manifest(unchecked=True, flags="-O3", compiler="cc 12")
    manifest = read(about)
    assert (manifest.stem, manifest.file, manifest.levels) == ("custom_op", "custom_op.py", ("baseline",))
    assert (manifest.unchecked, manifest.flags, manifest.compiler) == (True, "-O3", "cc 12")
    (kernel,) = manifest.kernels
    assert kernel.params == (
        Parameter("input", "f32", "in"),
        Parameter("output", "f32", "out"),
        Parameter("n", "u32", "scalar", places=(("input", None), ("output", None))),
    )
    assert (kernel.rows, kernel.direct) == ((SQUARE,), DIRECT)
    assert (kernel.name, kernel.op, kernel.line, kernel.extent) == ("custom_operation", "custom_operation", 3, "n")
    assert (kernel.doc.partition("\n")[0], kernel.needs_extent) == ("custom_operation, for tests.", False)
    assert kernel.raw["certificate"] == []


def test_size_in_usize_is_stored_as_u64():
    entry = loadable.entry("f", loadable.array("x", "inout"), loadable.size("n", ["x", None], type="usize"))
    (kernel,) = read(
        loadable.manifest("f", entry), row("f", "inout()->"), row("f!direct", "inout(x),scalar:u64,scalar:i64->")
    ).kernels
    assert (kernel.params[1].type, kernel.params[1].dtype) == ("usize", "u64")


def test_library_without_a_manifest_is_described_by_its_signatures():
    first, second = row("f", "inout(n),scalar:i64,()->(n),():i32", "f64", doc="Doc."), row("g", "()->()")
    manifest = read("", first, second)
    assert manifest == Manifest(kernels=manifest.kernels)
    kernel = manifest.kernels[0]
    assert kernel.params == (
        Parameter("arg0", "f64", "inout"),
        Parameter("arg1", "i64", "scalar"),
        Parameter("arg2", "f64", "in"),
        Parameter("out0", "f64", "out"),
        Parameter("out1", "i32", "out"),
    )
    assert (kernel.doc, kernel.direct) == ("Doc.", None)
    assert [param.name for param in manifest.kernels[1].params] == ["arg0", "out"]
    assert LoadedLibrary(Path("/x/by_hand.so"), "", Library("", "", "", []), manifest).stem == "by_hand"


def test_rows_of_one_op_are_one_kernel():
    rows = [row("f", "()->()"), row("f", "()->()", "f64"), row("f", "()->()", max_n=3)]
    (kernel,) = read("", *rows).kernels
    assert kernel.rows == tuple(rows)
    with pytest.raises(
        hg.LibraryError, match=r"two rows of 'f' have different signatures, \(\)->\(\) and \(n\)->\(n\)"
    ):
        read("", rows[0], row("f", "(n)->(n)", "f64"))


def test_rows_that_the_manifest_leaves_out_are_kernels_too():
    manifest = read(loadable.manifest(), *ROWS, row("by_hand", "(),()->()"))
    assert [kernel.name for kernel in manifest.kernels] == ["custom_operation", "by_hand"]
    with pytest.raises(hg.LibraryError, match="row 'other!direct' belongs to no kernel"):
        read(loadable.manifest(), *ROWS, row("other!direct", "()->()"))


def test_kernel_whose_caller_gives_the_extent_is_recognized():
    entry = loadable.entry("ids", loadable.array("out", "out"))
    rows = row("ids", "scalar:i64->(n)"), row("ids!direct", "scalar:i64->(a)")
    assert read(loadable.manifest("ids", entry), *rows).kernels[0].needs_extent


def test_kernel_without_a_direct_row_is_read():
    entry = loadable.custom()
    del entry["direct"]
    assert read(loadable.manifest("custom_op", entry), SQUARE).kernels[0].direct is None


def _changed(*path_and_value):
    """The manifest of custom_operation with one value changed, or taken out."""
    *path, key, value = path_and_value
    about = json.loads(json.dumps(loadable.manifest()))
    at = about
    for step in path:
        at = at[step]
    if value is ...:
        del at[key]
    else:
        at[key] = value
    return about


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ("{", "its manifest is no JSON"),
        ("[" * 100_000, "its manifest is no JSON"),
        ([], "top: expected an object, found []"),
        (_changed("version", 2), "version 2, this loader reads 1; update hologram-dynamic, or rebuild it"),
        (_changed("version", True), "expected 'version' to be int, found true"),
        (_changed("version", ...), "expected 'version' to be int, found null"),
        (_changed("stem", 3), "expected 'stem' to be str, found 3"),
        (_changed("unchecked", "no"), "expected 'unchecked' to be bool"),
        (_changed("levels", [1]), "expected 'levels' to be texts"),
        (_changed("kernels", {}), "expected 'kernels' to be list"),
        (_changed("kernels", [3]), "a kernel: expected an object, found 3"),
        (_changed("kernels", 0, "name", None), "a kernel: expected 'name' to be str"),
        (_changed("kernels", 0, "row", "other"), "the table has 0 rows 'other', expected one"),
        (_changed("kernels", 0, "direct", "other"), "the table has 0 rows 'other', expected one"),
        (_changed("kernels", 0, "dims", "x"), "expected 'dims' to be list"),
        (_changed("kernels", 0, "dims", ["d"]), "which is not what the parameters say"),
        (_changed("kernels", 0, "line", "x"), "expected 'line' to be int"),
        (_changed("kernels", 0, "params", 0, "name", 3), "expected a parameter with name, type, kind"),
        (_changed("kernels", 0, "params", 0, "name", "output"), "two parameters have one name"),
        (_changed("kernels", 0, "params", 0, "type", "f31"), "expected a parameter with name, type, kind"),
        (_changed("kernels", 0, "params", 0, "type", "f64"), "which is not what the parameters say: in array f64, out"),
        (_changed("kernels", 0, "params", 0, "kind", "scalar"), "which is not what the parameters say"),
        (_changed("kernels", 0, "params", 0, "kind", "matrix"), "expected a parameter with name, type, kind"),
        (_changed("kernels", 0, "params", 0, "role", "inout"), "which is not what the parameters say"),
        (_changed("kernels", 0, "params", 0, "role", ["in"]), "expected a parameter with name, type, kind"),
        (_changed("kernels", 0, "params", 0, "shape", [1.5]), "expected a parameter with name, type, kind"),
        (_changed("kernels", 0, "params", 0, "shape", 3), "expected a parameter with name, type, kind"),
        (_changed("kernels", 0, "params", 0, "shape", ["k"]), "'input' has the unknown size 'k'"),
        (_changed("kernels", 0, "params", 0, "found"), "expected a parameter with name, type, kind"),
        (_changed("kernels", 0, "params", 2, "from", 3), "expected 'from' to be a list"),
        (_changed("kernels", 0, "params", 2, "from", [["input"]]), "expected [array, axis], found [\"input\"]"),
        (_changed("kernels", 0, "params", 2, "from", [["input", -1]]), "expected an axis or null"),
        (_changed("kernels", 0, "params", 2, "from", [["input", 0]]), "size 'n' comes from 'input', which has none"),
        (_changed("kernels", 0, "params", 2, "from", [["x", None]]), "size 'n' comes from 'x', which has none"),
        (_changed("kernels", 0, "params", 2, "from", []), "which is not what the parameters say"),
        (_changed("kernels", [loadable.custom(), {**loadable.custom(), "row": "b", "direct": "c"}]), "two kernels have the name"),
    ],
)  # fmt: skip
def test_wrong_manifest_is_refused(about, message):
    rows = (*ROWS, row("b", "()->()"), row("c", "(a),scalar:u32,scalar:i64->(b)"))
    with pytest.raises(hg.LibraryError) as caught:
        read(about, *rows)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "signature",
    ["(a),scalar:u32,scalar:i64->(a)", "(),scalar:u32,scalar:i64->(b)", "(a,c),scalar:u32,scalar:i64->(b)",
     "(a),scalar:i64->(b)", "(a),scalar:u32,scalar:i64->(b):f64"],
)  # fmt: skip
def test_direct_row_of_another_form_is_refused(signature):
    with pytest.raises(hg.LibraryError, match="each array needs one dimension of its own|not what the parameters say"):
        read(loadable.manifest(), SQUARE, row("custom_operation!direct", signature))


def test_row_that_is_there_twice_is_refused():
    with pytest.raises(hg.LibraryError, match="the table has 2 rows 'custom_operation', expected one"):
        read(loadable.manifest(), *ROWS, row("custom_operation", "()->()", "f64"))
