/* hologram_stdlib._kernels: hands the address of the kernel table to hologram_core.read_library. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <hologram/kernel.h>

static PyObject *library(PyObject *module, PyObject *arguments) {
    (void)module, (void)arguments;
    return PyLong_FromVoidPtr((void *)hologram_library_v1());
}

static PyMethodDef methods[] = {
    {"library", library, METH_NOARGS,
     PyDoc_STR("library() -> int: the address of the hologram_library table, valid for ever.")},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
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
    .m_name = "hologram_stdlib._kernels",
    .m_doc = PyDoc_STR("The kernel table of hologram_stdlib."),
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__kernels(void) { return PyModuleDef_Init(&definition); }
