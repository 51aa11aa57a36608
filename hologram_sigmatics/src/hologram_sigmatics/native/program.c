/* The extension hologram_sigmatics._pages: the type Program, and the addresses of native code.
 *
 * executor.py describes a program as tuples of numbers, in the order of the structures of pages.h.
 * Every number is checked here, once; an address is what it says. A program keeps its owner alive,
 * which keeps the kernels.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "pages.h"

#include <string.h>

typedef struct Block {
    struct Block *next;
    max_align_t memory[];
} Block;

typedef struct {
    PyObject_HEAD Program program;
    Block *blocks;
    PyObject *description; /* with the names of the steps */
    PyObject *owner;
} ProgramObject;

/* Zeroed memory that lives as long as the program. */
static void *take(ProgramObject *self, Py_ssize_t count, size_t size) {
    Block *block = PyMem_Calloc(1, sizeof(Block) + (size_t)count * size);
    if (block == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    block->next = self->blocks;
    self->blocks = block;
    return block->memory;
}

/* ---- parsing ------------------------------------------------------------------------------- */

static int bad(const char *what) {
    PyErr_Format(PyExc_ValueError, "Program(): %s", what);
    return -1;
}

/* In the order of pages.h. */
static void number_places(Program *program) {
    program->first_constant = program->params;
    program->first_cell = program->first_constant + program->constants;
    program->first_buffer = program->first_cell + program->cells;
    program->first_partial = program->first_buffer + program->buffers;
    program->first_register = program->first_partial + program->partials;
}

/* PyArg_ParseTuple for what is a tuple only if our own Python made it. */
static int unpack(PyObject *item, const char *format, ...) {
    if (!PyTuple_Check(item))
        return bad("expected a tuple");
    va_list values;
    va_start(values, format);
    const int parsed = PyArg_VaParse(item, format, values);
    va_end(values);
    return parsed ? 0 : -1;
}

static int parse_address(PyObject *number, void **address) {
    *address = PyLong_AsVoidPtr(number);
    return *address == NULL && PyErr_Occurred() ? -1 : 0;
}

/* (name, entry, extent, context, elementwise, one, ((place, single), ...)) */
static int parse_step(Step *step, PyObject *item, int places) {
    PyObject *entry, *extent, *context, *args;
    int elementwise, one;
    void *code[2];
    if (unpack(item, "sOOOppO!", &step->name, &entry, &extent, &context, &elementwise, &one,
               &PyTuple_Type, &args) < 0 ||
        parse_address(entry, &code[0]) < 0 || parse_address(extent, &code[1]) < 0 ||
        parse_address(context, &step->context) < 0)
        return -1;
    if (code[0] == NULL || PyTuple_GET_SIZE(args) > MAX_ARGS)
        return bad("a step without code, or with too many arguments");
    step->entry = (hologram_kernel_fn)(uintptr_t)code[0];
    step->extent = (hologram_extent_fn)(uintptr_t)code[1];
    step->elementwise = elementwise;
    step->one = one;
    step->args = (int)PyTuple_GET_SIZE(args);
    for (int i = 0; i < step->args; i++) {
        int place, single;
        if (unpack(PyTuple_GET_ITEM(args, i), "ip", &place, &single) < 0)
            return -1;
        if (place < 0 || place >= places)
            return bad("a step works on a place that does not exist");
        step->place[i] = (uint16_t)place;
        step->single[i] = single;
    }
    return 0;
}

static int parse_steps(ProgramObject *self, Steps *steps, PyObject *items, int places) {
    steps->step = take(self, PyTuple_GET_SIZE(items), sizeof(Step));
    if (steps->step == NULL)
        return -1;
    for (; steps->count < PyTuple_GET_SIZE(items); steps->count++)
        if (parse_step(&steps->step[steps->count], PyTuple_GET_ITEM(items, steps->count), places))
            return -1;
    return 0;
}

/* (step, partials, cell), the places of the step being its own two */
static int parse_fold(Program *program, Fold *fold, PyObject *item) {
    PyObject *step;
    int partials, cell;
    if (unpack(item, "Oii", &step, &partials, &cell) < 0 || parse_step(&fold->combine, step, 2) < 0)
        return -1;
    if (partials < program->first_partial || partials >= program->first_register ||
        cell < program->first_cell || cell >= program->first_buffer || fold->combine.args != 2)
        return bad("a fold is from partials to a cell");
    fold->partials = (uint16_t)partials;
    fold->cell = (uint16_t)cell;
    return 0;
}

/* (param, place, home) */
static int parse_store(const Program *program, Store *store, PyObject *item, int places) {
    int param, place, home;
    if (unpack(item, "iip", &param, &place, &home) < 0)
        return -1;
    if (param < program->inputs || param >= program->params || place < 0 || place >= places)
        return bad("what is stored is the value of a place, in an output");
    *store = (Store){param, (uint16_t)place, home};
    return 0;
}

static int parse_stores(ProgramObject *self, Store **stores, int *count, PyObject *items,
                        int places) {
    *stores = take(self, PyTuple_GET_SIZE(items), sizeof(Store));
    if (*stores == NULL)
        return -1;
    for (; *count < PyTuple_GET_SIZE(items); (*count)++)
        if (parse_store(&self->program, &(*stores)[*count], PyTuple_GET_ITEM(items, *count),
                        places) < 0)
            return -1;
    return 0;
}

/* (registers, once, each, after, folds, stores) */
static int parse_pass(ProgramObject *self, Pass *pass, PyObject *item) {
    PyObject *once, *each, *after, *folds, *stores;
    PyTypeObject *tuple = &PyTuple_Type;
    if (unpack(item, "iO!O!O!O!O!", &pass->registers, tuple, &once, tuple, &each, tuple, &after,
               tuple, &folds, tuple, &stores) < 0)
        return -1;
    if (pass->registers < 0 || pass->registers > MAX_PLACES)
        return bad("too many registers");
    const int places = self->program.first_register + pass->registers;
    if (places > MAX_PLACES)
        return bad("too many places");
    if (parse_steps(self, &pass->once, once, places) < 0 ||
        parse_steps(self, &pass->each, each, places) < 0 ||
        parse_steps(self, &pass->after, after, self->program.first_register) < 0 ||
        parse_stores(self, &pass->store, &pass->stores, stores, places) < 0)
        return -1;
    pass->fold = take(self, PyTuple_GET_SIZE(folds), sizeof(Fold));
    if (pass->fold == NULL)
        return -1;
    for (; pass->folds < PyTuple_GET_SIZE(folds); pass->folds++)
        if (parse_fold(&self->program, &pass->fold[pass->folds],
                       PyTuple_GET_ITEM(folds, pass->folds)) < 0)
            return -1;
    return 0;
}

static int parse_buffers(ProgramObject *self, PyObject *homes) {
    Program *program = &self->program;
    program->buffers = (int)PyTuple_GET_SIZE(homes);
    program->buffer_home = take(self, program->buffers, sizeof(int));
    if (program->buffer_home == NULL)
        return -1;
    for (int i = 0; i < program->buffers; i++) {
        const long home = PyLong_AsLong(PyTuple_GET_ITEM(homes, i));
        if (home == -1 && PyErr_Occurred())
            return -1;
        if (home != -1 && (home < program->inputs || home >= program->params))
            return bad("the home of a buffer is an output");
        program->buffer_home[i] = (int)home;
    }
    return 0;
}

static int parse_constants(ProgramObject *self, const char *bytes, Py_ssize_t size) {
    Program *program = &self->program;
    if (size % CELL != 0 || size / CELL > MAX_PLACES)
        return bad("constants have 8 bytes each");
    program->constants = (int)(size / CELL);
    program->constant = take(self, size, 1);
    if (program->constant == NULL)
        return -1;
    memcpy(program->constant, bytes, (size_t)size);
    return 0;
}

static int parse_params(Program *program, PyObject *singles, int outputs) {
    program->inputs = (int)PyTuple_GET_SIZE(singles);
    program->params = program->inputs + outputs;
    if (outputs < 1 || program->params > MAX_ARGS)
        return bad("too many parameters, or no output");
    for (int i = 0; i < program->inputs; i++) {
        const int single = PyObject_IsTrue(PyTuple_GET_ITEM(singles, i));
        if (single < 0)
            return -1;
        program->param_single[i] = single;
    }
    return 0;
}

static narrow_fn *narrow_of(const char *level) {
#if defined(HOLOGRAM_X86)
    if (strcmp(level, "avx2") == 0)
        return hologram_narrow_avx2;
#endif
    return strcmp(level, "baseline") == 0 ? hologram_narrow_baseline : NULL;
}

/* ---- the type ------------------------------------------------------------------------------ */

static int parse_program(ProgramObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"inputs", "outputs", "dimension", "page",  "strip",   "item",
                            "narrow", "split",   "constants", "cells", "buffers", "partials",
                            "flat",   "passes",  "singles",   "owner", NULL};
    Program *program = &self->program;
    PyTypeObject *tuple = &PyTuple_Type;
    PyObject *inputs, *buffers, *flat, *passes, *singles, *owner;
    const char *narrow, *constants;
    Py_ssize_t constants_size;
    int outputs;
    long long page, strip, item, split;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!iiLLLsLy#iO!iOO!O!O:Program", names, tuple,
                                     &inputs, &outputs, &program->dimension, &page, &strip, &item,
                                     &narrow, &split, &constants, &constants_size, &program->cells,
                                     tuple, &buffers, &program->partials, &flat, tuple, &passes,
                                     tuple, &singles, &owner))
        return -1;
    if (page < 1 || page > 1 << 20 || strip < 1 || strip > page || item < 1 || item > CELL ||
        program->cells < 0 || program->cells > MAX_PLACES || program->partials < 0 ||
        program->partials > MAX_PLACES || program->dimension < -1 || program->dimension > MAX_ARGS)
        return bad("a number is out of range");
    program->page = page;
    program->strip = strip;
    program->item = item;
    program->split_from = split;
    program->narrow = narrow_of(narrow);
    if (parse_params(program, inputs, outputs) < 0 ||
        parse_constants(self, constants, constants_size) < 0 || parse_buffers(self, buffers) < 0)
        return -1;
    number_places(program);
    if (parse_pass(self, &program->flat, flat) < 0 ||
        parse_stores(self, &program->single, &program->singles, singles, program->first_register) <
            0)
        return -1;
    program->pass = take(self, PyTuple_GET_SIZE(passes), sizeof(Pass));
    if (program->pass == NULL)
        return -1;
    for (; program->passes < PyTuple_GET_SIZE(passes); program->passes++)
        if (parse_pass(self, &program->pass[program->passes],
                       PyTuple_GET_ITEM(passes, program->passes)) < 0)
            return -1;
    self->owner = Py_NewRef(owner);
    self->description = Py_BuildValue("(OO)", flat, passes);
    return self->description == NULL ? -1 : 0;
}

static PyObject *program_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    ProgramObject *self = (ProgramObject *)type->tp_alloc(type, 0);
    if (self != NULL && parse_program(self, args, kwargs) < 0)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static int program_traverse(PyObject *object, visitproc visit, void *arg) {
    ProgramObject *self = (ProgramObject *)object;
    Py_VISIT(Py_TYPE(object));
    Py_VISIT(self->description);
    Py_VISIT(self->owner);
    return 0;
}

/* No tp_clear: a program that is being collected may still run. */
static void program_dealloc(PyObject *object) {
    ProgramObject *self = (ProgramObject *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyObject_GC_UnTrack(object);
    for (Block *block = self->blocks, *next; block != NULL; block = next) {
        next = block->next;
        PyMem_Free(block);
    }
    Py_XDECREF(self->description);
    Py_XDECREF(self->owner);
    type->tp_free(object);
    Py_DECREF(type);
}

static PyObject *program_address(PyObject *self, void *Py_UNUSED(closure)) {
    return PyLong_FromVoidPtr(&((ProgramObject *)self)->program);
}

static PyGetSetDef program_getset[] = {
    {"address", program_address, NULL, PyDoc_STR("The context of a kernel whose code is RUN."),
     NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot program_slots[] = {
    {Py_tp_doc, (void *)PyDoc_STR("A program of the executor; see pages.h.")},
    {Py_tp_new, program_new},
    {Py_tp_traverse, program_traverse},
    {Py_tp_dealloc, program_dealloc},
    {Py_tp_getset, program_getset},
    {0, NULL},
};

static PyType_Spec program_spec = {
    .name = "hologram_sigmatics._pages.Program",
    .basicsize = sizeof(ProgramObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = program_slots,
};

/* ---- the module ---------------------------------------------------------------------------- */

static int add_address(PyObject *module, const char *name, hologram_kernel_fn code) {
    PyObject *address = PyLong_FromVoidPtr((void *)(uintptr_t)code);
    const int status = address == NULL ? -1 : PyModule_AddObjectRef(module, name, address);
    Py_XDECREF(address);
    return status;
}

static int module_exec(PyObject *module) {
    static const struct {
        const char *name;
        hologram_kernel_fn code;
    } kernels[] = {
        {"RUN", hologram_run_pages},
        {"FILL_1", hologram_fill_1},
        {"FILL_2", hologram_fill_2},
        {"FILL_4", hologram_fill_4},
        {"FILL_8", hologram_fill_8},
        {"NOT", hologram_not},
        {"WIDEN_BASELINE", hologram_widen_baseline},
#if defined(HOLOGRAM_X86)
        {"WIDEN_AVX2", hologram_widen_avx2},
#endif
    };
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        if (add_address(module, kernels[i].name, kernels[i].code) < 0)
            return -1;
    PyObject *type = PyType_FromModuleAndSpec(module, &program_spec, NULL);
    const int status = type == NULL ? -1 : PyModule_AddType(module, (PyTypeObject *)type);
    Py_XDECREF(type);
    return status;
}

static PyModuleDef_Slot module_slots[] = {
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
    .m_name = "hologram_sigmatics._pages",
    .m_doc = PyDoc_STR("The executor of circuits."),
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__pages(void) { return PyModuleDef_Init(&definition); }
