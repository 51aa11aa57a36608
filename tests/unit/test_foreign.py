"""Is a C function that cffi knows called as its description says, and is a description that does not fit refused?"""

import gc
import os
import shutil
import subprocess
import sys
import sysconfig
import threading
from pathlib import Path

import cffi
import numpy as np
import pytest
from support.providers import DeclaringProvider, runtime_of

import hologram_core as hg
from hologram_core import Kernel
from hologram_core.testing import check_kernel

SOURCE = """
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
void scale(const float *x, float *out, size_t n, float by) { for (size_t i = 0; i < n; i++) out[i] = x[i] * by; }
void multiply(int m, int n, int k, const double *a, const double *b, double *c) {
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            double sum = 0;
            for (int l = 0; l < k; l++)
                sum += a[i * k + l] * b[l * n + j];
            c[i * n + j] = sum;
        }
}
float dot(const float *a, const float *b, short n) { float s = 0; for (int i = 0; i < n; i++) s += a[i] * b[i]; return s; }
int at_most(int64_t n, const float *x, float limit) { for (int64_t i = 0; i < n; i++) if (x[i] > limit) return 7; return 0; }
int64_t total(const int32_t *x, size_t n) { int64_t s = 0; for (size_t i = 0; i < n; i++) s += x[i]; return s; }
void add_to(float *acc, const float *x, int n, int step) { for (int i = 0; i < n; i++) acc[i * step] += x[i * step]; }
void invert(const bool *x, bool *out, unsigned n, bool really) { for (unsigned i = 0; i < n; i++) out[i] = x[i] != really; }
void shift(const float *x, float *out, int n, int8_t by) { for (int i = 0; i < n; i++) out[i] = x[i] + by; }
void anything(void *p, char *q, int n) {}
void nothing(void) {}
int printf_like(const char *format, ...) { return 0; }
int constant = 5;
"""
DECLARED = """
void scale(const float *x, float *out, size_t n, float by);
void multiply(int m, int n, int k, const double *a, const double *b, double *c);
float dot(const float *a, const float *b, short n);
int at_most(int64_t n, const float *x, float limit);
int64_t total(const int32_t *x, size_t n);
void add_to(float *acc, const float *x, int n, int step);
void invert(const bool *x, bool *out, unsigned n, bool really);
void shift(const float *x, float *out, int n, int8_t by);
void anything(void *p, char *q, int n);
void nothing(void);
int printf_like(const char *format, ...);
extern int constant;
"""
X = np.arange(6, dtype="f4")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("foreign")
    (folder / "foreign.c").write_text(SOURCE)
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc").split()
    command = [*compiler, "-O1", "-shared", "-fPIC", str(folder / "foreign.c"), "-o", str(folder / "foreign.so")]
    subprocess.run(command, check=True)
    return str(folder / "foreign.so")


@pytest.fixture(scope="module")
def ffi():
    made = cffi.FFI()
    made.cdef(DECLARED)
    return made


@pytest.fixture(scope="module")
def lib(ffi, path):
    return ffi.dlopen(path)


@pytest.fixture
def use(ffi, lib):
    """The op of a function."""

    def op(name, signature, parameters, arguments, dtype="f32", **more):
        kernel = Kernel.from_cffi(
            ffi, lib, name, signature=signature, dtype=dtype, parameters=parameters, arguments=arguments, **more
        )
        return runtime_of(mine=DeclaringProvider([kernel])).get_kernel(kernel.op, dtype, kernel.min_n + 4)

    return op


def scaled(use, **more):
    return use("scale", "(),scalar->()", "x by out", "x out n by", **more)


# ---- calls ---------------------------------------------------------------------------------------


def test_elementwise_function_keeps_the_contract_of_kernels(use):
    kernel = scaled(use)
    np.testing.assert_array_equal(kernel(X, 3.0), X * 3)
    np.testing.assert_array_equal(kernel(X.reshape(2, 3), 3.0), X.reshape(2, 3) * 3)
    np.testing.assert_array_equal(kernel(X[::2], 3.0), X[::2] * 3)
    check_kernel(kernel, reference=lambda x, by: x * by)


def test_sizes_are_those_of_the_signature_by_name(use):
    kernel = use("multiply", "(m,k),(k,n)->(m,n)", "a b out", "m n k a b out", dtype="f64")
    a, b = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
    np.testing.assert_array_equal(kernel(a, b), a @ b)
    stack = np.stack([a, a + 1])
    np.testing.assert_array_equal(kernel(stack, b), stack @ b)
    check_kernel(kernel, reference=np.matmul)


def test_result_is_an_output(use):
    kernel = use("dot", "(n),(n)->()", "a b out", "a b n", returns="out")
    assert kernel(X, X) == 55
    np.testing.assert_array_equal(kernel(X.reshape(2, 3), X.reshape(2, 3)), [5, 50])
    check_kernel(kernel, reference=np.dot)


def test_result_has_its_own_dtype_and_whole_arrays_are_counted(use):
    kernel = use("total", "(...)->():i64", "x out", "x n", dtype="i32", returns="out")
    values = np.array([[2**31 - 1, 1], [1, 1]], "i4")
    assert kernel(values) == 2**31 + 2
    assert kernel(values[:0]) == 0


def test_status_is_an_error(use):
    kernel = use("at_most", "inout(n),scalar->", "x limit", "n x limit", returns="status")
    kernel(X.copy(), 9.0)
    with pytest.raises(hg.KernelError, match=r"at_most\(\) failed with status 7"):
        kernel(X.copy(), 3.0)
    ignoring = use("at_most", "inout(n),scalar->", "x limit", "n x limit", returns="ignore")
    ignoring(X.copy(), 3.0)


def test_in_outs_and_whole_numbers_are_passed(use):
    kernel = use("add_to", "inout(n),(n)->", "acc x", "acc x n 1")
    total = np.ones(6, "f4")
    kernel(total, X)
    np.testing.assert_array_equal(total, X + 1)


def test_other_numbers_than_floats_are_passed(use):
    truth = np.array([True, False, True])
    kernel = use("invert", "(n),scalar->(n)", "x really out", "x out n really", dtype="bool")
    np.testing.assert_array_equal(kernel(truth, True), ~truth)
    shift = use("shift", "(n),scalar:i64->(n)", "x by out", "x out n by")
    np.testing.assert_array_equal(shift(X, -3), X - 3)


def test_size_and_number_that_c_cannot_hold_are_errors_and_nothing_is_called(use):
    kernel = use("dot", "(n),(n)->()", "a b out", "a b n", returns="out")
    long = np.ones(2**15, "f4")
    with pytest.raises(OverflowError):
        kernel(long, long)
    shift = use("shift", "(n),scalar:i64->(n)", "x by out", "x out n by")
    out = np.full(6, 9, "f4")
    with pytest.raises(OverflowError):
        shift(X, 1000, out=out)
    assert set(out) == {9}


def test_kernel_has_the_fields_it_is_given(ffi, lib):
    kernel = Kernel.from_cffi(
        ffi, lib, "scale", signature="(),scalar->()", dtype="f32", parameters="x by out", arguments="x out n by",
        op="my.scale", doc="x times by", priority=350, max_n=100,
    )  # fmt: skip
    assert (kernel.op, kernel.doc, kernel.rank_priority, kernel.max_n) == ("my.scale", "x times by", 350, 100)
    assert Kernel.from_cffi(
        ffi, lib, "scale", signature="(),scalar->()", dtype="f32", parameters="x by out", arguments="x out n by"
    ).op == "scale"  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="looks at what is mapped")
@pytest.mark.parametrize("mode", ["in-line", "out-of-line"])  # in one of these the ffi holds its libraries
def test_kernel_keeps_its_library_open(path, tmp_path, mode):
    own = shutil.copy(path, tmp_path / "own.so")
    made = cffi.FFI()
    made.cdef(DECLARED)
    if mode == "out-of-line":
        made.set_source("declared", None)
        made.emit_python_code(str(tmp_path / "declared.py"))
        names = {}
        exec((tmp_path / "declared.py").read_text(), names)
        made = names.pop("ffi")
    opened = made.dlopen(str(own))
    kernel = Kernel.from_cffi(
        made, opened, "scale", signature="(),scalar->()", dtype="f32", parameters="x by out", arguments="x out n by"
    )
    del made, opened
    gc.collect()
    assert str(own) in Path("/proc/self/maps").read_text()
    out = np.empty(6, "f4")
    kernel.function(X, np.float32(2), out)
    np.testing.assert_array_equal(out, 2 * X)
    del kernel
    gc.collect()
    assert str(own) not in Path("/proc/self/maps").read_text()


def test_several_threads_call_at_once(use):
    kernel = scaled(use)
    wrong = []

    def work(by):
        for _ in range(200):
            if not np.array_equal(kernel(X, by), X * by):
                wrong.append(by)

    threads = [threading.Thread(target=work, args=(by,)) for by in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# ---- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "signature", "parameters", "arguments", "more", "message"),
    [
        ("scale", "(),scalar->()", "x by", "x out n by", {}, "expected 3 different names for the parameters of (),scalar->(), got x by"),
        ("scale", "(),scalar->()", "x x out", "x out n by", {}, "expected 3 different names"),
        ("scale", "(),scalar->()", "", "x out n by", {}, "got none"),
        ("scale", "(),scalar->()", "x by out", "x out n", {}, "it has 4 arguments in C, 3 are described"),
        ("scale", "(),scalar->()", "x by out", "x out m by", {}, "argument 'm' is no parameter, size or whole number; there are x, by, out, n"),
        ("scale", "(),scalar->()", "x by out", "by out n by", {}, "the signature has a number of float32 here, C has float *"),
        ("scale", "(),scalar->()", "x by out", "x out by by", {}, "the signature has a number of float32 here, C has"),
        ("scale", "(),scalar->()", "x by out", "x out x by", {}, "the signature has an array of float32 here, C has"),
        ("scale", "(),scalar->()", "x by out", "n out n by", {}, "argument 'n' is a whole number, C has float *"),
        ("scale", "(),scalar->()", "x by out", "x out n n", {}, "argument 'n' is a whole number, C has float"),
        ("scale", "(),scalar->()", "x by out", "x x n by", {}, "parameter 'out' is neither passed nor returned"),
        ("scale", "(),scalar->()", "x by out", "x out n 3", {}, "parameter 'by' is neither passed nor returned"),
        ("scale", "(),scalar->()", "x n out", "x out n n", {}, "'n' is a parameter and a size of (),scalar->(); rename the parameter"),
        ("scale", "(n),scalar->(n)", "x n out", "x out n n", {}, "'n' is a parameter and a size"),
        ("scale", "(),scalar->()", "x by out", "x out n by", {"dtype": "f64"}, "the signature has an array of float64 here, C has float *"),
        ("scale", "(),scalar->()", "x by out", "x out n by", {"dtype": "i32"}, "the signature has an array of int32 here, C has float *"),
        ("scale", "(),scalar:f64->()", "x by out", "x out n by", {}, "the signature has a number of float64 here, C has float"),
        ("scale", "(),scalar->()", "x by out", "x out n by", {"returns": "out"}, "it returns nothing, so returns='out' means nothing"),
        ("dot", "(n),(n)->()", "a b out", "a b n", {}, "it returns float; say what that is with returns=: 'ignore', 'status', or an output '()' by name"),
        ("dot", "(n),(n)->()", "a b out", "a b n", {"returns": "a"}, "say what that is with returns="),
        ("dot", "(),()->()", "a b out", "a b n", {"returns": "out"}, "say what that is with returns="),
        ("dot", "(n),(n)->(n)", "a b out", "a b n", {"returns": "out"}, "say what that is with returns="),
        ("dot", "(n),(n)->():f64", "a b out", "a b n", {"returns": "out"}, "the signature has float64 for 'out', C returns float"),
        ("dot", "(n),(n)->()", "a b out", "a b n", {"returns": "status"}, "argument 'status' is a whole number, C has float"),
        ("anything", "(n),(n)->(n)", "a b out", "a b n", {}, "the signature has an array of float32 here, C has void *"),
        ("anything", "(n),(n)->(n)", "a b out", "1 b n", {}, "argument '1' is a whole number, C has void *"),
        ("anything", "(n),scalar:i32->(n)", "a b out", "b a n", {}, "the signature has a number of int32 here, C has void *"),
        ("nothing", "(n)->(n)", "a out", "", {}, "parameter 'a', 'out' is neither passed nor returned"),
        ("absent", "(n)->(n)", "a out", "", {}, "absent"),
    ],
)  # fmt: skip
def test_description_that_does_not_fit_is_refused(ffi, lib, name, signature, parameters, arguments, more, message):
    more = {"dtype": "f32", **more}
    with pytest.raises(ValueError, match=f"^from_cffi\\('{name}'\\): ") as caught:
        Kernel.from_cffi(ffi, lib, name, signature=signature, parameters=parameters, arguments=arguments, **more)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [("printf_like", "it takes any number of arguments"), ("constant", "expected a function that cffi knows, got 5")],
)
def test_what_is_no_function_of_fixed_arguments_is_refused(ffi, lib, name, message):
    with pytest.raises(TypeError, match=message):
        Kernel.from_cffi(ffi, lib, name, signature="(n)->(n)", dtype="f32", parameters="a out", arguments="a out")


def test_whole_number_that_c_cannot_hold_is_refused_at_once(ffi, lib):
    with pytest.raises(ValueError, match="argument '1000' does not fit int8_t"):
        Kernel.from_cffi(
            ffi, lib, "shift", signature="(n)->(n)", dtype="f32", parameters="x out", arguments="x out n 1000"
        )
