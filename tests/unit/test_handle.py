"""Can a kernel of a library be called in every form its author and its users would write?"""

import inspect
import json

import numpy as np
import pytest
from support import loadable

import hologram_core as hg
import hologram_dynamic as hd
from hologram_core.library import Library
from hologram_dynamic.library import read_opened
from hologram_dynamic.manifest import describe

X = np.arange(6, dtype="f4")
Y = np.full(6, 10, "f4")
A = np.arange(6, dtype="f4").reshape(2, 3)
B = np.arange(12, dtype="f4").reshape(3, 4)


@pytest.fixture(scope="module")
def loader(tmp_path_factory):
    folder = tmp_path_factory.mktemp("many")
    loadable.build_all(folder / "many.so")
    made = hd.KernelLoader(hg.Runtime(providers=[]))
    made.load_from_directory(folder)
    return made


@pytest.fixture
def square(loader):
    return loader.get_kernel("custom_operation")


@pytest.fixture
def saxpy(loader):
    return loader.get_kernel("saxpy")


def test_handle_tells_what_it_is(loader, saxpy):
    assert (saxpy.name, saxpy.stem, saxpy.op, saxpy.doc.partition("\n")[0]) == (
        "saxpy", "many", "saxpy", "saxpy, for tests.",
    )  # fmt: skip
    assert [param.name for param in saxpy.params] == ["alpha", "x", "y", "out", "n"]
    assert str(saxpy.signature) == "scalar,(),()->()"
    assert saxpy.usage == "saxpy(alpha, x, y, out, n=len(x))"
    assert saxpy.library is loader.libraries[0]
    assert repr(saxpy) == f"<kernel saxpy(alpha, x, y, out, n=len(x)) of {saxpy.library.path}>"
    assert loader.get_kernel("matmul").usage == "matmul(A, B, C, m=A.shape[0], k=A.shape[1], n=B.shape[1])"


FORMS = {
    "all": lambda h, out: h(2.0, X, Y, out, 6),
    "without the size": lambda h, out: h(2.0, X, Y, out),
    "out by name": lambda h, out: h(2.0, X, Y, out=out),
    "nothing but names": lambda h, out: h(n=6, out=out, y=Y, x=X, alpha=2.0),
    "size by name": lambda h, out: h(2.0, X, Y, out, n=6),
    "both by name": lambda h, out: h(2.0, X, Y, out=out, n=6),
    "size of NumPy": lambda h, out: h(2.0, X, Y, out, np.int64(6)),
    "integer for a float": lambda h, out: h(2, X, Y, out, 6),
    "zero-dimensional number": lambda h, out: h(np.float32(2), X, Y, out, np.array(6)),
    "list": lambda h, out: h(2.0, list(range(6)), Y, out, 6),
    "list and extent": lambda h, out: h(2.0, list(range(6)), Y, out, extent=6),
    "strided": lambda h, out: h(2.0, np.repeat(X, 2)[::2], Y, out, 6),
    "strided and extent": lambda h, out: h(2.0, np.repeat(X, 2)[::2], Y, out, extent=6),
    "byte-swapped and extent": lambda h, out: h(2.0, X.astype(">f4"), Y, out, extent=6),
    "extent": lambda h, out: h(2.0, X, Y, out, extent=6),
    "larger extent": lambda h, out: h(2.0, X, Y, out, extent=100),
    "size and extent": lambda h, out: h(2.0, X, Y, out, 6, extent=6),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("through", ["handle", "function"])
def test_every_form_of_call_gives_the_result_in_out(saxpy, form, through):
    for _ in range(2):  # the second time the form is known
        out = np.full(6, -1, "f4")
        assert FORMS[form](saxpy if through == "handle" else saxpy.function, out) is out
        np.testing.assert_array_equal(out, 2 * X + Y)


@pytest.mark.parametrize(
    "call",
    [
        lambda h: h(2.0, X, Y),
        lambda h: h(2.0, X, Y, n=6),
        lambda h: h(alpha=2.0, x=X, y=Y),
        lambda h: h(2.0, X, Y, extent=6),
        lambda h: h.function(2.0, X, Y),
        lambda h: h(2.0, X, 10.0)[...],  # a number for an array, as hg.ops takes it
    ],
)
def test_output_that_is_left_out_is_allocated(saxpy, call):
    np.testing.assert_array_equal(call(saxpy), 2 * X + Y)


def test_multidimensional_arrays_are_elements(square):
    np.testing.assert_array_equal(square(A), A * A)
    np.testing.assert_array_equal(square(A, n=6), A * A)
    out = np.zeros((3, 2), "f4").T
    assert square(A, out, 6) is out
    np.testing.assert_array_equal(out, A * A)


def test_given_size_is_passed_as_it_is(square):
    out = np.full(6, -1, "f4")
    square(X, out, 3)
    np.testing.assert_array_equal(out, [0, 1, 4, -1, -1, -1])
    np.testing.assert_array_equal(square(X, n=3), [0, 1, 4])
    with pytest.raises(hg.KernelError, match=r"custom_operation\(\): index 6 is outside"):
        square(X, np.zeros(6, "f4"), 7)
    with pytest.raises(hg.KernelError, match=r"index 3 is outside"):
        square(X, np.zeros(3, "f4"), 6)


def test_extent_says_how_many_work_items_run(square):
    np.testing.assert_array_equal(square(X, extent=2), [0, 1, 0, 0, 0, 0])
    np.testing.assert_array_equal(square(X, extent=0), np.zeros(6))
    with pytest.raises(ValueError, match="argument 'extent': expected a number of work items, got -1"):
        square(X, extent=-1)
    with pytest.raises(TypeError, match="argument 'extent': expected a whole number, got 1.5"):
        square(X, extent=1.5)


def test_elements_that_no_work_item_writes_keep_their_value(square):
    out = np.full(12, 7, "f4")
    square(X, out[::2], extent=2)
    np.testing.assert_array_equal(out, [0, 7, 1, 7, 7, 7, 7, 7, 7, 7, 7, 7])


def test_overlap_is_as_if_inputs_were_read_first(saxpy):
    for extent in (None, 5):
        memory = np.arange(6, dtype="f4")
        saxpy(1.0, memory[:5], memory[:5], memory[1:], extent=extent)
        np.testing.assert_array_equal(memory, [0, 0, 2, 4, 6, 8])


def test_in_out_is_changed_and_returned_only_as_out(loader):
    accumulate = loader.get_kernel("accumulate")
    for call in (
        lambda acc: accumulate(acc, X),
        lambda acc: accumulate(acc, X, 6),
        lambda acc: accumulate.function(acc, X),
        lambda acc: accumulate(x=X, acc=acc),
    ):
        acc = np.ones(6, "f4")
        assert call(acc) is None
        np.testing.assert_array_equal(acc, X + 1)
    acc = np.ones(6, "f4")
    assert accumulate(X, out=acc) is acc
    assert accumulate.function(X, out=acc) is acc
    np.testing.assert_array_equal(acc, 2 * X + 1)
    with pytest.raises(TypeError, match=r"misses argument 'acc': accumulate\(acc, x, n=len\(acc\)\)"):
        accumulate(x=X)
    with pytest.raises(ValueError, match="'acc': expected a writable array, got a read-only"):
        accumulate(np.broadcast_to(np.float32(1), 6), X, extent=6)


def test_strided_in_out_is_written_back(loader):
    memory = np.ones(12, "f4")
    loader.get_kernel("accumulate")(memory[::2], X, 6)
    np.testing.assert_array_equal(memory[::2], X + 1)
    np.testing.assert_array_equal(memory[1::2], 1)


def test_shaped_arrays_tell_their_sizes(loader):
    matmul = loader.get_kernel("matmul")
    out = np.empty((2, 4), "f4")
    for call in (
        lambda: matmul(A, B),
        lambda: matmul(A, B, m=2),
        lambda: matmul(A, B, m=2, k=3, n=4),
        lambda: matmul(A, B, out),
        lambda: matmul(A, B, out, 2, 3, 4),
        lambda: matmul(A, B, out=out, k=3),
        lambda: matmul(np.asfortranarray(A), B, k=3),
        lambda: matmul(A.ravel(), B.ravel(), m=2, k=3, n=4),
        lambda: matmul(A.ravel(), B, m=2),
    ):
        np.testing.assert_array_equal(call(), A @ B)
    stack = np.stack([A, 2 * A])
    np.testing.assert_array_equal(matmul(stack, B), stack @ B)  # as hg.ops, where no size is given


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: f(A, B.T), "matmul() misses size 'k', and the arrays disagree: axis 1 of 'A' has 3, axis 0 of 'B' "
                              "has 4; pass k="),
        (lambda f: f(A, B, k=5), "matmul() argument 'A': expected shape (m, k) with 5 on axis 1, got shape (2, 3)"),
        (lambda f: f(A, B, np.zeros((2, 5), "f4"), 2, 3, 4), "matmul() argument 'C': expected shape (m, n) with 4 on "
                                                             "axis 1, got shape (2, 5)"),
        (lambda f: f(A.ravel(), B, np.zeros((2, 4), "f4"), 5, 3, 4), "matmul() argument 'A': expected shape (m, k) = "
                                                                     "(5, 3), got shape (6,)"),
        (lambda f: f(A.ravel(), B.ravel(), n=4, k=3), "matmul() misses size 'm': no array of the call tells it; pass m="),
        (lambda f: f(A, B, m=-1), "matmul() argument 'm': -1 does not fit u32"),
        (lambda f: f(A, B, m=2**32), "matmul() argument 'm': 4294967296 does not fit u32"),
    ],
)  # fmt: skip
def test_shapes_that_do_not_fit_are_refused(loader, call, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        call(loader.get_kernel("matmul"))
    assert str(caught.value) == message


def test_named_dimensions_come_from_the_arrays(loader):
    row_sums = loader.get_kernel("row_sums")
    np.testing.assert_array_equal(row_sums(A), A.sum(1))
    np.testing.assert_array_equal(row_sums(A, extent=2), A.sum(1))
    with pytest.raises(ValueError, match="misses size 'rows': no array of the call tells it; pass the arrays in their"):
        row_sums(A.ravel(), extent=2)


def test_outputs_before_inputs_are_in_the_authors_order(loader):
    fill = loader.get_kernel("fill_all")
    assert fill.function is fill  # a builtin has its outputs last
    for call in (
        lambda out: fill(out, 3.0),
        lambda out: fill(out, 3.0, 4),
        lambda out: fill(3.0, out=out),
        lambda out: fill(value=3.0, out=out, n=4),
    ):
        out = np.zeros(4, "f4")
        assert call(out) is out
        np.testing.assert_array_equal(out, 3)
    np.testing.assert_array_equal(fill(value=3.0, n=5), np.full(5, 3))
    with pytest.raises(TypeError, match="argument 'out': is needed: no other argument tells the shape of the result"):
        fill(value=3.0)


def test_kernel_that_needs_an_extent_says_so(loader):
    ids = loader.get_kernel("ids")
    assert ids.usage == "ids(out, extent)"
    out = np.zeros(4, "f4")
    ids(out, extent=3)
    np.testing.assert_array_equal(out, [0, 1, 2, 0])
    with pytest.raises(TypeError, match=r"ids\(\) misses extent=, how many work items run: ids\(out, extent\)"):
        ids(out)
    with pytest.raises(hg.KernelError, match="index 4 is outside"):
        ids(out, extent=5)


def test_kernel_without_a_manifest_has_no_sizes(loader):
    doze = loader.get_kernel("doze")
    assert doze.usage == "doze(arg0, out)"
    np.testing.assert_array_equal(doze(X), X * X)
    with pytest.raises(TypeError, match=r"takes no sizes and no extent= beside its arrays: doze\(arg0, out\)"):
        doze(X, extent=3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: f(), "saxpy() misses argument 'alpha', 'x', 'y'"),
        (lambda f: f(2.0, X), "saxpy() misses argument 'y'"),
        (lambda f: f(2.0, X, Y, Y, 6, 7), "saxpy() takes at most 5 positional arguments, got 6"),
        (lambda f: f(2.0, X, Y, z=3), "saxpy() got an unexpected argument 'z'"),
        (lambda f: f(2.0, X, Y, alpha=3), "saxpy() got argument 'alpha' twice"),
        (lambda f: f(2.0, X, Y, Y, 6, n=6), "saxpy() got argument 'n' twice"),
        (lambda f: f(X, 2.0, Y), "saxpy() argument 'alpha': expected a number (f32), got an array of shape (6,)"),
        (lambda f: f(2.0, X, Y, 6), "saxpy() argument 'out': expected an array of f32, got int 6"),
        (lambda f: f(2.0, X, Y, Y, X), "saxpy() argument 'n': expected a number (u32), got an array of shape (6,)"),
        (lambda f: f("2", X, "Y", Y, "6"), None),
        (lambda f: f(2.0, X, Y, n=1.5), "saxpy() argument 'n': expected a whole number, got 1.5"),
        (lambda f: f(2.0, X, Y.astype("f8")), "saxpy() argument 'y': expected float32 of shape (6,), got float64 of shape (6,)"),
        (lambda f: f(2.0, A, Y.astype("f8"), n=6), "saxpy() argument 'y': expected float32 of shape (6,), got float64 of shape (6,)"),
        (lambda f: f(2.0, A, A, np.zeros((2, 3)), n=5), "saxpy() argument 'out': expected float32 of shape (2, 3), got float64 of shape (2, 3)"),
        (lambda f: f(2.0, A, A, [1, 2], extent=5), "saxpy() argument 'out': expected an array to write to, got list"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("through", ["handle", "function"])
def test_wrong_arguments_get_a_type_error_with_the_usage(saxpy, call, message, through):
    with pytest.raises(TypeError) as caught:
        call(saxpy if through == "handle" else saxpy.function)
    text = str(caught.value)
    if message is not None:
        assert text in (message, f"{message}: saxpy(alpha, x, y, out, n=len(x))")


def test_arrays_that_disagree_about_an_omitted_size_are_named(square):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        square(X, np.zeros(4, "f4"))
    assert str(caught.value) == (
        "custom_operation() misses size 'n', and the arrays disagree: 'input' has 6 elements, 'output' has 4 elements; "
        "pass n="
    )
    with pytest.raises(ValueError, match="pass n="):
        square(X, np.zeros(4, "f4"), extent=4)
    out = square(X, np.zeros(4, "f4"), 4)
    np.testing.assert_array_equal(out, [0, 1, 4, 9])


def test_written_arrays_that_overlap_are_refused(tmp_path):
    params = [loadable.array("x"), loadable.array("a", "out"), loadable.array("b", "out")]
    kernel = _by_python(lambda x, a, b: None, lambda x, e, a, b: None, "()->(),()", "(x),scalar:i64->(a),(b)", params)
    memory = np.zeros(6, "f4")
    with pytest.raises(ValueError, match=r"'a' and 'b' are written and overlap"):
        kernel(X[:4], memory[:4], memory[2:], extent=4)
    first, second = kernel(X, out=(memory, None))
    assert first is memory
    assert second.shape == (6,)
    for out in (memory, (memory,), [memory, memory]):
        with pytest.raises(TypeError, match=r"argument 'out': expected a tuple of 2 arrays, got"):
            kernel(X, out=out)


def _by_python(public, direct, signature, direct_signature, params, **more):
    """A handle of two Python functions: what a handle passes on can be looked at."""
    rows = [hg.Kernel.from_python(public, op="f", signature=signature, dtype="f32")]
    rows.append(hg.Kernel.from_python(direct, op="f!direct", signature=direct_signature, dtype="f32"))
    manifest = loadable.manifest("f", loadable.entry("f", *params, **more))
    (kernel,) = describe(Library("tests", "", json.dumps(manifest), rows)).kernels
    return hd.KernelHandle(kernel)


def test_sizes_in_the_middle_are_told_from_scalars_by_kind():
    seen = []
    params = [
        loadable.array("x"), loadable.size("n", ["x", None]), loadable.scalar("alpha"), loadable.array("y", "out"),
    ]  # fmt: skip
    handle = _by_python(
        lambda x, alpha, y: seen.append(("public", float(alpha))),
        lambda x, n, alpha, extent, y: seen.append((int(n), float(alpha), int(extent))),
        "(),scalar->()", "(x),scalar:u32,scalar,scalar:i64->(y)", params,
    )  # fmt: skip
    y = np.zeros(6, "f4")
    handle(X, 2.0)
    handle(X, 2)
    handle(X, 2.0, y)
    handle(X, 3, 2.0, y)
    handle(X, 3, 2.0)
    handle(X, 6, 2.0, y)
    handle(X, 3, alpha=2.0)
    assert seen == [*[("public", 2.0)] * 3, (3, 2.0, -1), (3, 2.0, -1), ("public", 2.0), (3, 2.0, -1)]


def test_arrays_without_a_shape_are_flat_unless_elements_are_all_there_is():
    seen = []
    params = [loadable.array("x"), loadable.array("y", "out"), loadable.scalar("alpha")]
    handle = _by_python(
        lambda x, alpha, y: seen.append(("public", x.shape, y.shape)),
        lambda x, alpha, extent, y: seen.append(("direct", x.shape, y.shape)),
        "(x_length),scalar->(y_length)", "(x),scalar,scalar:i64->(y)", params,
    )  # fmt: skip
    y = np.zeros((2, 1), "f4")
    for call in (handle, handle.function):
        assert call(A, y, 2.0) is y
        call(X, np.zeros(2, "f4"), 2.0)
        call(np.float32(3), np.zeros((2, 2), "f4"), 2.0)
    assert seen == [("direct", (6,), (2,)), ("public", (6,), (2,)), ("direct", (1,), (4,))] * 2


def test_call_that_fits_with_and_without_sizes_is_refused():
    params = [loadable.size("n", ["x", None]), loadable.array("x"), loadable.array("y", "out")]
    handle = _by_python(
        lambda x, y: None, lambda n, x, extent, y: None, "()->()", "scalar:u32,(x),scalar:i64->(y)", params
    )
    number = np.array(1, "f4")  # both a number and an array
    with pytest.raises(TypeError, match=r"fits with and without its sizes; pass them by name: f\(n=len\(x\), x, y\)"):
        handle(number, np.array(1, "f4"))


def test_parameters_may_be_called_out_and_extent():
    seen = []
    params = [loadable.array("out"), loadable.scalar("extent", "i64"), loadable.array("y", "out")]
    handle = _by_python(
        lambda out, extent, y: seen.append((out.tolist(), int(extent))), lambda *args: None,
        "(),scalar:i64->()", "(a),scalar:i64,scalar:i64->(b)", params,
    )  # fmt: skip
    handle(out=np.ones(2, "f4"), extent=5)
    assert seen == [([1, 1], 5)]


def test_library_of_several_dtypes_chooses_by_dtype(tmp_path):
    text = """
    #include "hologram/kernel.h"
    #define KERNEL(T, name) static int32_t name(const hologram_call *call) { \\
        const T *x = call->args[0]; T *y = call->args[1]; \\
        for (int64_t i = call->begin; i < call->end; i++) {y[i] = x[i] + x[i];} return HOLOGRAM_OK; } \\
        static const hologram_variant name##_variants[] = {{"baseline", name}};
    KERNEL(float, f32) KERNEL(double, f64)
    #define ROW(name, low, high) {.op = "twice", .signature = "()->()", .dtype = #name, .min_n = low, .max_n = high, \\
        .work = 1, .variants = name##_variants, .variant_count = 1}
    static const hologram_kernel_row rows[] = {ROW(f32, 0, 10), ROW(f32, 11, 20), ROW(f64, 0, INT64_MAX)};
    static const hologram_library library = {.abi_version = 1, .size = sizeof(hologram_library), .producer = "tests",
        .source_hash = "", .rows = rows, .row_count = 3, .row_size = sizeof *rows};
    const hologram_library *hologram_library_v1(void) { return &library; }
    """
    (tmp_path / "twice.c").write_text(text)
    loader = hd.KernelLoader(hg.Runtime(providers=[]))
    loader.load_library(loadable.compile_c(tmp_path / "twice.c", tmp_path / "twice.so"))
    twice = loader.get_kernel("twice")
    for dtype, n in [("f4", 3), ("f4", 15), ("f8", 100)]:
        for call in (twice, twice.function, twice.public):
            np.testing.assert_array_equal(call(np.ones(n, dtype)), np.full(n, 2, dtype))
    with pytest.raises(TypeError, match=r"twice\(\) is for f32, f64, got arrays of i32: twice\(arg0, out\)"):
        twice(np.ones(3, "i4"))
    with pytest.raises(ValueError, match=r"twice\(\) has no kernel for n=21"):
        twice(np.ones(21, "f4"))


def test_handle_without_a_file_is_made_from_a_table(loader):
    library = loader.libraries[0]
    owner = library.table.kernels[0].owner
    again = read_opened(library.path, "", owner.address, owner)
    handle = hd.KernelHandle(again.kernels[0])
    assert repr(handle) == "<kernel custom_operation(input, output, n=len(input))>"
    assert handle.stem == ""
    np.testing.assert_array_equal(handle(X), X * X)


def test_kernel_for_another_instruction_set_is_refused_when_called(loader, monkeypatch):
    monkeypatch.setattr(hg.Kernel, "best_variant", lambda self, levels: None)
    handle = hd.KernelHandle(loader.libraries[0].kernels[0])
    with pytest.raises(hg.HologramError, match=r"custom_operation\(\) is compiled for baseline; this process uses"):
        handle(X)


def test_function_costs_what_a_builtin_costs(saxpy):
    assert inspect.isbuiltin(saxpy.function)
    assert saxpy.function.__name__ == "saxpy"
    assert str(inspect.signature(saxpy.function)) == "(alpha, x, y, out=None)"
