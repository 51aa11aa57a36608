/* The extension hologram_core._native: the types Op and BoundKernel and three functions.
 *
 * Multi-phase initialisation, heap types, state per module. The dtype table is not repeated here:
 * dtypes.py hands it over by set_dtypes().
 */
#define HOLOGRAM_IMPORTS_NUMPY
#include "native.h"

State *hologram_state_of_type(PyTypeObject *type) {
    return (State *)PyType_GetModuleState(type); /* the types cannot be subclassed */
}

PyDoc_STRVAR(set_dtypes_doc, "set_dtypes(dtypes): the NumPy dtypes an index stands for, in order.");
static PyObject *set_dtypes(PyObject *module, PyObject *sequence) {
    State *state = PyModule_GetState(module);
    PyObject *items = PySequence_Tuple(sequence);
    if (items == NULL)
        return NULL;
    if (PyTuple_GET_SIZE(items) > MAX_DTYPES || state->dtype_count > 0) {
        PyErr_SetString(PyExc_ValueError, "set_dtypes(): once, and at most 16 dtypes");
        goto failed;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(items); i++) {
        PyObject *item = PyTuple_GET_ITEM(items, i);
        if (!PyArray_DescrCheck(item)) {
            PyErr_SetString(PyExc_TypeError, "set_dtypes(): expected numpy.dtype instances");
            goto failed;
        }
        state->descrs[i] = PyArray_DescrFromType(((PyArray_Descr *)item)->type_num);
        if (state->descrs[i] == NULL)
            goto failed;
        state->dtype_count = (int)i + 1;
    }
    Py_DECREF(items);
    Py_RETURN_NONE;
failed:
    Py_DECREF(items);
    return NULL;
}

PyDoc_STRVAR(set_kernel_error_doc, "set_kernel_error(type): what a failing kernel raises.");
static PyObject *set_kernel_error(PyObject *module, PyObject *type) {
    State *state = PyModule_GetState(module);
    if (!PyExceptionClass_Check(type)) {
        PyErr_SetString(PyExc_TypeError, "set_kernel_error(): expected an exception class");
        return NULL;
    }
    Py_XSETREF(state->kernel_error, Py_NewRef(type));
    Py_RETURN_NONE;
}

/* The floor that benchmarks compare with: what CPython needs to call any builtin. */
PyDoc_STRVAR(empty_doc, "empty(*args): does nothing, for benchmarks.");
static PyObject *empty(PyObject *Py_UNUSED(module), PyObject *const *Py_UNUSED(args),
                       Py_ssize_t Py_UNUSED(count), PyObject *Py_UNUSED(keywords)) {
    Py_RETURN_NONE;
}

static int module_exec(PyObject *module) {
    State *state = PyModule_GetState(module);
    if (PyArray_ImportNumPyAPI() < 0)
        return -1;
    state->ndarray = &PyArray_Type;
    state->kernel_error = Py_NewRef(PyExc_RuntimeError);
    state->out_name = PyUnicode_InternFromString("out");
    state->op_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &hologram_op_spec, NULL);
    state->bound_type =
        (PyTypeObject *)PyType_FromModuleAndSpec(module, &hologram_bound_spec, NULL);
    if (state->out_name == NULL || state->op_type == NULL || state->bound_type == NULL ||
        PyModule_AddType(module, state->op_type) < 0 ||
        PyModule_AddType(module, state->bound_type) < 0)
        return -1;
    return PyModule_AddIntConstant(module, "ABI_VERSION", HOLOGRAM_ABI_VERSION);
}

static int module_traverse(PyObject *module, visitproc visit, void *arg) {
    State *state = PyModule_GetState(module);
    Py_VISIT(state->op_type);
    Py_VISIT(state->bound_type);
    Py_VISIT(state->kernel_error);
    return 0;
}

static int module_clear(PyObject *module) {
    State *state = PyModule_GetState(module);
    Py_CLEAR(state->op_type);
    Py_CLEAR(state->bound_type);
    Py_CLEAR(state->out_name);
    Py_CLEAR(state->kernel_error);
    for (int i = 0; i < state->dtype_count; i++)
        Py_CLEAR(state->descrs[i]);
    return 0;
}

static void module_free(void *module) { module_clear(module); }

static PyMethodDef module_methods[] = {
    {"set_dtypes", set_dtypes, METH_O, set_dtypes_doc},
    {"set_kernel_error", set_kernel_error, METH_O, set_kernel_error_doc},
    {"cpu_levels", hologram_cpu_levels, METH_NOARGS,
     PyDoc_STR("cpu_levels() -> names of the instruction-set levels of this CPU, lowest first.")},
    {"read_library", hologram_read_library, METH_O,
     PyDoc_STR("read_library(address) -> the hologram_library table there, as a dictionary.")},
    {"empty", (PyCFunction)(void (*)(void))empty, METH_FASTCALL | METH_KEYWORDS, empty_doc},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_USED}, /* the slot tables are guarded by the GIL */
#endif
    {0, NULL},
};

struct PyModuleDef hologram_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "hologram_core._native",
    .m_doc = "The call path of Hologram.",
    .m_size = sizeof(State),
    .m_methods = module_methods,
    .m_slots = module_slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
    .m_free = module_free,
};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&hologram_module); }
