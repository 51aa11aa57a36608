/* hologram_sigmatics._primitives: the address of the kernel table, and what the kernels must know
 * of this machine.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "primitive.h"

#if !defined(_WIN32)
#include <unistd.h>
#endif

#define LARGE_CACHE (INT64_C(32) << 20)

int64_t sigmatics_stream_from = LARGE_CACHE;

/* What one core may have of the last level of cache, in bytes. Systems tell the whole of it, even
 * where it is in parts that belong to some cores each. */
static int64_t cache_size(void) {
#if defined(_SC_LEVEL3_CACHE_SIZE)
    const long size = sysconf(_SC_LEVEL3_CACHE_SIZE);
    if (size > 0 && size < LARGE_CACHE)
        return size;
#endif
    return LARGE_CACHE;
}

PyDoc_STRVAR(
    library_doc,
    "library(blas) -> int: the address of the hologram_library table, valid for ever; blas is\n"
    "the path of a module whose libraries may have cblas functions.");
static PyObject *library(PyObject *Py_UNUSED(module), PyObject *path) {
    const char *text = PyUnicode_AsUTF8(path);
    if (text == NULL)
        return NULL;
    sigmatics_find_blas(text);
    return PyLong_FromVoidPtr((void *)(uintptr_t)hologram_library_v1());
}

PyDoc_STRVAR(stream_from_doc,
             "stream_from(bytes) -> bytes before: from which size on arrays are written past the\n"
             "caches; for benchmarks and tests.");
static PyObject *stream_from(PyObject *Py_UNUSED(module), PyObject *bytes) {
    const long long size = PyLong_AsLongLong(bytes), before = sigmatics_stream_from;
    if (size == -1 && PyErr_Occurred())
        return NULL;
    sigmatics_stream_from = size;
    return PyLong_FromLongLong(before);
}

PyDoc_STRVAR(
    blas_threads_doc,
    "blas_threads() -> int: how many threads the BLAS has; 0 where there is none or it does\n"
    "not say.");
static PyObject *blas_threads(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused)) {
    return PyLong_FromLong(sigmatics_blas_threads());
}

static int module_exec(PyObject *Py_UNUSED(module)) {
    sigmatics_stream_from = cache_size() / 4 * 3;
    return 0;
}

static PyMethodDef methods[] = {
    {"library", library, METH_O, library_doc},
    {"blas_threads", blas_threads, METH_NOARGS, blas_threads_doc},
    {"stream_from", stream_from, METH_O, stream_from_doc},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, module_exec},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#if PY_VERSION_HEX >= 0x030D0000
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "hologram_sigmatics._primitives",
    .m_doc = PyDoc_STR("The kernel table of hologram_sigmatics."),
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__primitives(void) { return PyModuleDef_Init(&definition); }
