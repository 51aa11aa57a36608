/* The two callables of the house: Op chooses a kernel by dtype and n, BoundKernel is one kernel.
 *
 * What users call is Op.function: a builtin function of CPython, since the interpreter calls those
 * with an instruction of their own, in 5 ns less than any other object. Its __self__ is the Op.
 * Both are vectorcall objects around the call path of call.c. What it does not take goes to
 * on_slow(self, args, kwargs) in Python, which converts the arguments and comes back through
 * run(), where there is no second detour. Attributes that are not here are those of the value
 * behind the object: an Op's OpSpec, a BoundKernel's Offer.
 */
#include "express.h"
#include "native.h"

#include <stddef.h>
#include <structmember.h>

/* ---- calling ------------------------------------------------------------------------------- */

/* on_slow(self, args, kwargs) */
static PyObject *call_slow(PyObject *self, PyObject *on_slow, PyObject *const *args,
                           Py_ssize_t count, PyObject *keywords) {
    PyObject *result = NULL;
    PyObject *positional = PyTuple_New(count);
    PyObject *named = PyDict_New();
    if (positional == NULL || named == NULL)
        goto done;
    for (Py_ssize_t i = 0; i < count; i++)
        PyTuple_SET_ITEM(positional, i, Py_NewRef(args[i]));
    for (Py_ssize_t i = 0; keywords != NULL && i < PyTuple_GET_SIZE(keywords); i++)
        if (PyDict_SetItem(named, PyTuple_GET_ITEM(keywords, i), args[count + i]) < 0)
            goto done;
    result = PyObject_CallFunctionObjArgs(on_slow, self, positional, named, NULL);
done:
    Py_XDECREF(positional);
    Py_XDECREF(named);
    return result;
}

static NOINLINE PyObject *op_call(PyObject *self, PyObject *const *args, size_t flags,
                                  PyObject *keywords) {
    Op *op = (Op *)self;
    Py_ssize_t count = PyVectorcall_NARGS(flags);
    PyObject *result = hologram_call_arrays(op->state, op, NULL, args, count, keywords);
    if (result == NOT_MINE)
        result = call_slow(self, op->on_slow, args, count, keywords);
    return result;
}

static NOINLINE PyObject *bound_call(PyObject *self, PyObject *const *args, size_t flags,
                                     PyObject *keywords) {
    Bound *bound = (Bound *)self;
    Py_ssize_t count = PyVectorcall_NARGS(flags);
    PyObject *result = hologram_call_arrays(bound->state, NULL, bound, args, count, keywords);
    if (result == NOT_MINE)
        result = call_slow(self, bound->on_slow, args, count, keywords);
    return result;
}

/* The same behind the express lane, one function for each number of inputs. */
#define EXPRESS_CALLS(inputs)                                                                      \
    static PyObject *op_express_##inputs(PyObject *self, PyObject *const *args, size_t flags,      \
                                         PyObject *keywords) {                                     \
        Op *op = (Op *)self;                                                                       \
        return express(self, op->state, &op->express, inputs, args, flags, keywords, op_call);     \
    }                                                                                              \
    static PyObject *op_function_##inputs(PyObject *self, PyObject *const *args, Py_ssize_t count, \
                                          PyObject *keywords) {                                    \
        Op *op = (Op *)self;                                                                       \
        return express(self, op->state, &op->express, inputs, args, (size_t)count, keywords,       \
                       op_call);                                                                   \
    }                                                                                              \
    static PyObject *bound_express_##inputs(PyObject *self, PyObject *const *args, size_t flags,   \
                                            PyObject *keywords) {                                  \
        Bound *bound = (Bound *)self;                                                              \
        return express(self, bound->state, &bound->express, inputs, args, flags, keywords,         \
                       bound_call);                                                                \
    }

EXPRESS_CALLS(1)
EXPRESS_CALLS(2)
EXPRESS_CALLS(3)

static PyObject *op_function(PyObject *self, PyObject *const *args, Py_ssize_t count,
                             PyObject *keywords) {
    return op_call(self, args, (size_t)count, keywords);
}

static const _PyCFunctionFastWithKeywords op_functions[] = {op_function, op_function_1,
                                                            op_function_2, op_function_3};
static call_fn *const op_calls[] = {op_call, op_express_1, op_express_2, op_express_3};
static call_fn *const bound_calls[] = {bound_call, bound_express_1, bound_express_2,
                                       bound_express_3};

/* run(*arrays): the call path alone, for arguments that on_slow has made conforming. */
static PyObject *run_conforming(const State *state, Op *op, Bound *bound, PyObject *const *args,
                                Py_ssize_t count) {
    PyObject *result = hologram_call_arrays(state, op, bound, args, count, NULL);
    if (result == NOT_MINE) {
        PyErr_SetString(PyExc_TypeError,
                        "run() takes arrays that need no conversion; call the object itself");
        return NULL;
    }
    return result;
}

static PyObject *op_run(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    return run_conforming(((Op *)self)->state, (Op *)self, NULL, args, count);
}

static PyObject *bound_run(PyObject *self, PyObject *const *args, Py_ssize_t count) {
    return run_conforming(((Bound *)self)->state, NULL, (Bound *)self, args, count);
}

/* Looks the name up here, then in the value behind the object. */
static PyObject *get_through(PyObject *self, PyObject *name, PyObject *behind) {
    PyObject *value = PyObject_GenericGetAttr(self, name);
    if (value == NULL && behind != NULL && PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyErr_Clear();
        value = PyObject_GetAttr(behind, name);
    }
    return value;
}

/* ---- slots --------------------------------------------------------------------------------- */

static void table_clear(Table *table) {
    Slot *slots = table->slots;
    Py_ssize_t count = table->count;
    *table = (Table){0};
    for (Py_ssize_t i = 0; i < count; i++)
        Py_DECREF(slots[i].kernel);
    PyMem_Free(slots);
}

/* Adds [lo, hi] -> kernel, which overlaps no slot. A full table starts over: what is in use comes
 * back by one miss each. */
static int table_insert(Table *table, int64_t lo, int64_t hi, Bound *kernel) {
    enum { CAPACITY = 256 };
    if (table->count == CAPACITY)
        table_clear(table);
    Slot *slots = PyMem_Realloc(table->slots, (size_t)(table->count + 1) * sizeof(Slot));
    if (slots == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    Py_ssize_t at = table->count;
    for (; at > 0 && slots[at - 1].lo > lo; at--)
        slots[at] = slots[at - 1];
    slots[at] = (Slot){lo, hi, (Bound *)Py_NewRef(kernel)};
    table->slots = slots;
    table->count++;
    return 0;
}

static bool table_overlaps(const Table *table, int64_t lo, int64_t hi) {
    for (Py_ssize_t i = 0; i < table->count; i++)
        if (table->slots[i].lo <= hi && lo <= table->slots[i].hi)
            return true;
    return false;
}

PyDoc_STRVAR(install_doc,
             "install(generation, dtype, lo, hi, kernel) -> bool\n\n"
             "Remember kernel for lo <= n <= hi. False, and nothing remembered, where the tables\n"
             "were emptied since `generation` or another thread has answered already.");
static PyObject *op_install(PyObject *self, PyObject *args) {
    Op *op = (Op *)self;
    const State *state = op->state;
    unsigned long long generation;
    int dtype;
    long long lo, hi;
    PyObject *kernel;
    if (!PyArg_ParseTuple(args, "KiLLO", &generation, &dtype, &lo, &hi, &kernel))
        return NULL;
    if (dtype < 0 || dtype >= state->dtype_count || lo > hi ||
        !hologram_kernel_fits(state, op, dtype, kernel)) {
        PyErr_SetString(PyExc_ValueError, "install(): the kernel does not fit this op and dtype");
        return NULL;
    }
    if (generation != op->generation || table_overlaps(&op->tables[dtype], lo, hi))
        Py_RETURN_FALSE;
    op->express = (Express){NULL, 0, 0, NULL}; /* a full table is emptied */
    if (table_insert(&op->tables[dtype], lo, hi, (Bound *)kernel) < 0)
        return NULL;
    Py_RETURN_TRUE;
}

PyDoc_STRVAR(forget_doc, "forget(generation): empty the tables; older answers are not taken.");
static PyObject *op_forget(PyObject *self, PyObject *generation) {
    Op *op = (Op *)self;
    unsigned long long number = PyLong_AsUnsignedLongLong(generation);
    if (PyErr_Occurred())
        return NULL;
    op->generation = number;
    op->express = (Express){NULL, 0, 0, NULL};
    for (int i = 0; i < MAX_DTYPES; i++)
        table_clear(&op->tables[i]);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(slots_doc, "slots() -> [(dtype, lo, hi, kernel), ...]: what is remembered now.");
static PyObject *op_slots(PyObject *self, PyObject *Py_UNUSED(unused)) {
    Op *op = (Op *)self;
    PyObject *list = PyList_New(0);
    for (int dtype = 0; list != NULL && dtype < MAX_DTYPES; dtype++) {
        for (Py_ssize_t i = 0; list != NULL && i < op->tables[dtype].count; i++) {
            const Slot *slot = &op->tables[dtype].slots[i];
            PyObject *row = Py_BuildValue("(iLLO)", dtype, (long long)slot->lo, (long long)slot->hi,
                                          (PyObject *)slot->kernel);
            if (row == NULL || PyList_Append(list, row) < 0)
                Py_CLEAR(list);
            Py_XDECREF(row);
        }
    }
    return list;
}

/* ---- the function of an Op ----------------------------------------------------------------- */

/* Fills op->method and op->function; name and documentation are the spec's. */
static int make_function(Op *op) {
    PyObject *name = PyObject_GetAttrString(op->spec, "name");
    PyObject *doc = PyObject_GetAttrString(op->spec, "function_doc");
    const char *name_text = name == NULL ? NULL : PyUnicode_AsUTF8(name);
    const char *doc_text = doc == NULL ? NULL : PyUnicode_AsUTF8(doc);
    if (name_text != NULL && doc_text != NULL) {
        op->method = (PyMethodDef){
            name_text, (PyCFunction)(void (*)(void))op_functions[op->layout.express_inputs],
            METH_FASTCALL | METH_KEYWORDS, doc_text};
        op->texts = PyTuple_Pack(2, name, doc);
        if (op->texts != NULL)
            op->function = PyCFunction_NewEx(&op->method, (PyObject *)op, NULL);
    }
    Py_XDECREF(name);
    Py_XDECREF(doc);
    return op->function == NULL ? -1 : 0;
}

/* ---- the type Op --------------------------------------------------------------------------- */

static PyObject *op_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"spec", "layout", "generation", "on_miss", "on_slow", NULL};
    PyObject *spec, *layout, *on_miss, *on_slow;
    unsigned long long generation;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOKOO:Op", names, &spec, &layout, &generation,
                                     &on_miss, &on_slow))
        return NULL;
    Op *op = (Op *)type->tp_alloc(type, 0);
    if (op == NULL)
        return NULL;
    op->state = hologram_state_of_type(type);
    op->generation = generation;
    op->spec = Py_NewRef(spec);
    op->on_miss = Py_NewRef(on_miss);
    op->on_slow = Py_NewRef(on_slow);
    if (hologram_layout_parse(&op->layout, layout) < 0 || make_function(op) < 0)
        Py_CLEAR(op);
    else
        op->vectorcall = op_calls[op->layout.express_inputs];
    return (PyObject *)op;
}

static int op_traverse(PyObject *self, visitproc visit, void *arg) {
    Op *op = (Op *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(op->spec);
    Py_VISIT(op->function);
    Py_VISIT(op->on_miss);
    Py_VISIT(op->on_slow);
    for (int dtype = 0; dtype < MAX_DTYPES; dtype++)
        for (Py_ssize_t i = 0; i < op->tables[dtype].count; i++)
            Py_VISIT(op->tables[dtype].slots[i].kernel);
    return 0;
}

static int op_clear(PyObject *self) {
    Op *op = (Op *)self;
    op->express = (Express){NULL, 0, 0, NULL};
    for (int dtype = 0; dtype < MAX_DTYPES; dtype++)
        table_clear(&op->tables[dtype]);
    Py_CLEAR(op->function);
    Py_CLEAR(op->spec);
    Py_CLEAR(op->on_miss);
    Py_CLEAR(op->on_slow);
    return 0;
}

static void op_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    op_clear(self);
    Py_XDECREF(((Op *)self)->texts); /* last: the function reads them, and it keeps the Op */
    type->tp_free(self);
    Py_DECREF(type);
}

/* Under its own name an Op has its function, as pickle expects of a builtin and its __self__. */
static PyObject *op_getattro(PyObject *self, PyObject *name) {
    Op *op = (Op *)self;
    PyObject *value = get_through(self, name, op->spec);
    if (value == NULL && PyErr_ExceptionMatches(PyExc_AttributeError) && op->function != NULL &&
        PyUnicode_Check(name) && PyUnicode_CompareWithASCIIString(name, op->method.ml_name) == 0) {
        PyErr_Clear();
        value = Py_NewRef(op->function);
    }
    return value;
}

static PyObject *op_doc(PyObject *self, void *Py_UNUSED(closure)) {
    return PyObject_GetAttrString(((Op *)self)->spec, "docstring");
}

static PyObject *op_repr(PyObject *self) {
    PyObject *usage = PyObject_GetAttrString(((Op *)self)->spec, "usage");
    PyObject *text = usage == NULL ? NULL : PyUnicode_FromFormat("<hologram op %U>", usage);
    Py_XDECREF(usage);
    return text;
}

static PyMethodDef op_methods[] = {
    {"run", (PyCFunction)(void (*)(void))op_run, METH_FASTCALL,
     PyDoc_STR("run(*arrays): the call path alone; TypeError for what needs conversion.")},
    {"install", op_install, METH_VARARGS, install_doc},
    {"forget", op_forget, METH_O, forget_doc},
    {"slots", op_slots, METH_NOARGS, slots_doc},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef op_getset[] = {
    {"__doc__", op_doc, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef op_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Op, vectorcall), READONLY, NULL},
    {"function", T_OBJECT, offsetof(Op, function), READONLY,
     PyDoc_STR("The builtin function that users call: the same as this Op, in less time.")},
    {"spec", T_OBJECT, offsetof(Op, spec), READONLY,
     PyDoc_STR("The catalogue.OpSpec: name, signature, parameters, doc, reference.")},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot op_type_slots[] = {
    {Py_tp_new, op_new},
    {Py_tp_traverse, op_traverse},
    {Py_tp_clear, op_clear},
    {Py_tp_dealloc, op_dealloc},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_getattro, op_getattro},
    {Py_tp_repr, op_repr},
    {Py_tp_methods, op_methods},
    {Py_tp_getset, op_getset},
    {Py_tp_members, op_members},
    {0, NULL},
};

PyType_Spec hologram_op_spec = {
    .name = "hologram_core._native.Op",
    .basicsize = sizeof(Op),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
             Py_TPFLAGS_IMMUTABLETYPE,
    .slots = op_type_slots,
};

/* ---- the type BoundKernel ------------------------------------------------------------------ */

static PyObject *bound_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"offer",     "layout",  "dtype",    "min_n",   "max_n",
                            "entry",     "extent",  "context",  "work",    "splittable",
                            "may_alias", "threads", "function", "on_slow", NULL};
    PyObject *offer, *layout, *entry, *extent, *context, *function, *on_slow;
    int dtype, splittable, may_alias, threads;
    long long min_n, max_n;
    unsigned int work;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOiLLOOOIppiOO:BoundKernel", names, &offer,
                                     &layout, &dtype, &min_n, &max_n, &entry, &extent, &context,
                                     &work, &splittable, &may_alias, &threads, &function, &on_slow))
        return NULL;
    void *addresses[3];
    PyObject *const numbers[3] = {entry, extent, context};
    for (int i = 0; i < 3; i++) {
        addresses[i] = PyLong_AsVoidPtr(numbers[i]);
        if (addresses[i] == NULL && PyErr_Occurred())
            return NULL;
    }
    if ((addresses[0] == NULL) == (function == Py_None) || dtype < 0 ||
        dtype >= hologram_state_of_type(type)->dtype_count) {
        PyErr_SetString(PyExc_ValueError,
                        "BoundKernel(): one of entry and function, and a known dtype");
        return NULL;
    }
    Bound *bound = (Bound *)type->tp_alloc(type, 0);
    if (bound == NULL)
        return NULL;
    bound->state = hologram_state_of_type(type);
    bound->dtype = dtype;
    bound->min_n = min_n;
    bound->max_n = max_n;
    bound->entry = (hologram_kernel_fn)(uintptr_t)addresses[0];
    bound->extent = (hologram_extent_fn)(uintptr_t)addresses[1];
    bound->context = addresses[2];
    bound->release_from = RELEASE_GIL_FROM / (work > 0 ? work : 1);
    bound->split_from = SPLIT_FROM / (work > 0 ? work : 1);
    bound->splittable = splittable;
    bound->may_alias = may_alias;
    bound->host =
        (hologram_host){sizeof(hologram_host), threads > 0 ? threads : 1, hologram_host_run};
    bound->function = function == Py_None ? NULL : Py_NewRef(function);
    bound->offer = Py_NewRef(offer);
    bound->on_slow = Py_NewRef(on_slow);
    bound->express = express_for(bound->state, bound, min_n, max_n);
    if (hologram_layout_parse(&bound->layout, layout) < 0)
        Py_CLEAR(bound);
    else
        bound->vectorcall = bound_calls[bound->layout.express_inputs];
    return (PyObject *)bound;
}

static int bound_traverse(PyObject *self, visitproc visit, void *arg) {
    Bound *bound = (Bound *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(bound->function);
    Py_VISIT(bound->offer);
    Py_VISIT(bound->on_slow);
    return 0;
}

static int bound_clear(PyObject *self) {
    Bound *bound = (Bound *)self;
    Py_CLEAR(bound->function);
    Py_CLEAR(bound->offer);
    Py_CLEAR(bound->on_slow);
    return 0;
}

static void bound_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    bound_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *bound_getattro(PyObject *self, PyObject *name) {
    return get_through(self, name, ((Bound *)self)->offer);
}

static PyObject *bound_repr(PyObject *self) {
    PyObject *offer = ((Bound *)self)->offer;
    return PyUnicode_FromFormat("<hologram kernel %S>", offer);
}

static PyObject *bound_entry(PyObject *self, void *Py_UNUSED(closure)) {
    return PyLong_FromVoidPtr((void *)(uintptr_t)((Bound *)self)->entry);
}

static PyMethodDef bound_methods[] = {
    {"run", (PyCFunction)(void (*)(void))bound_run, METH_FASTCALL,
     PyDoc_STR("run(*arrays): the call path alone; TypeError for what needs conversion.")},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef bound_getset[] = {
    {"entry", bound_entry, NULL,
     PyDoc_STR("Address of the hologram_kernel_fn that is called; 0 for a Python function."), NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef bound_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Bound, vectorcall), READONLY, NULL},
    {"offer", T_OBJECT, offsetof(Bound, offer), READONLY,
     PyDoc_STR("The ranking.Offer this kernel came from.")},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot bound_type_slots[] = {
    {Py_tp_new, bound_new},
    {Py_tp_traverse, bound_traverse},
    {Py_tp_clear, bound_clear},
    {Py_tp_dealloc, bound_dealloc},
    {Py_tp_call, PyVectorcall_Call},
    {Py_tp_getattro, bound_getattro},
    {Py_tp_repr, bound_repr},
    {Py_tp_methods, bound_methods},
    {Py_tp_getset, bound_getset},
    {Py_tp_members, bound_members},
    {0, NULL},
};

PyType_Spec hologram_bound_spec = {
    .name = "hologram_core._native.BoundKernel",
    .basicsize = sizeof(Bound),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
             Py_TPFLAGS_IMMUTABLETYPE,
    .slots = bound_type_slots,
};
