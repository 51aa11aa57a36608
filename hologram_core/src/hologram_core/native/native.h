/* What the native files of hologram_core share: module state, layouts, bound kernels, the pool. */
#ifndef HOLOGRAM_NATIVE_H
#define HOLOGRAM_NATIVE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

#define NPY_NO_DEPRECATED_API  NPY_2_0_API_VERSION
#define NPY_TARGET_VERSION     NPY_2_0_API_VERSION
#define PY_ARRAY_UNIQUE_SYMBOL hologram_core_ARRAY_API
#ifndef HOLOGRAM_IMPORTS_NUMPY
#define NO_IMPORT_ARRAY
#endif
#include <numpy/arrayobject.h>
#include <numpy/arrayscalars.h>

#include "hologram/kernel.h"

#define MAX_PARAMS 16
#define MAX_CORE   4 /* core dimensions of one parameter */
#define MAX_DIMS   16
#define MAX_DTYPES 16
#define ERROR_SIZE 512 /* bytes of a kernel's message */

#define MAX_EXPRESS_INPUTS 3

/* ---- module state ------------------------------------------------------------------------- */

typedef struct {
    PyTypeObject *op_type;
    PyTypeObject *bound_type;
    PyTypeObject *ndarray; /* numpy.ndarray, without a detour through NumPy's table */
    PyObject *out_name;    /* the interned string "out" */
    PyObject *kernel_error;
    PyArray_Descr *descrs[MAX_DTYPES]; /* the native dtypes, in the order of dtypes.py */
    int dtype_count;
} State;

extern struct PyModuleDef hologram_module;
State *hologram_state_of_type(PyTypeObject *type);

/* ---- layouts: a signature as the call path reads it ---------------------------------------- */

typedef enum { ROLE_IN, ROLE_INOUT, ROLE_OUT } Role;
typedef enum { KIND_SCALAR, KIND_CORE, KIND_WHOLE } Kind;

typedef struct {
    uint8_t kind;
    uint8_t role;
    int8_t dtype; /* index into State.descrs; -1: the op's dtype */
    uint8_t core; /* how many core dimensions */
    uint8_t dims[MAX_CORE];
    int32_t flags; /* the NumPy array flags that an argument must have */
} Param;

typedef struct {
    int params, inputs, outputs; /* inputs are the first `inputs` parameters, in-outs included */
    int scalars;                 /* how many parameters are numbers */
    int written_count;
    int dims;
    int anchor;       /* the parameter whose dtype is the op's, -1 if all dtypes are stated */
    int anchor_dtype; /* the op's dtype when there is no anchor */
    bool elementwise;
    bool single;                 /* arrays have no batch dimensions */
    int express_inputs;          /* the inputs of a signature that express.h can serve, else 0 */
    uint8_t written[MAX_PARAMS]; /* the parameters that are written: in-outs and outputs */
    int64_t fixed[MAX_DIMS];     /* the size of a dimension given as a number, else -1 */
    Param param[MAX_PARAMS];
} Layout;

int hologram_layout_parse(Layout *layout, PyObject *description);

/* ---- the objects --------------------------------------------------------------------------- */

struct Bound;

/* The kernel that express.h calls without a look at a table: for arrays of this dtype with
 * 0 <= n - lo <= span. Borrowed from a slot, and gone when the slots are. */
typedef struct {
    const PyArray_Descr *descr; /* NULL: there is none */
    int64_t lo;
    uint64_t span;
    struct Bound *kernel;
} Express;

/* One kernel ready to be called: every field the call needs, and the offer that keeps it alive. */
typedef struct Bound {
    PyObject_HEAD vectorcallfunc vectorcall;
    State *state; /* of the module, which the type keeps alive */
    Express express;
    Layout layout;
    int dtype;
    int64_t min_n, max_n;
    hologram_kernel_fn entry;
    hologram_extent_fn extent;
    void *context;
    hologram_host host;   /* what a call lends to the kernel */
    int64_t release_from; /* the n from which a call hands the GIL over */
    int64_t split_from;   /* the n from which a call is split over threads */
    bool splittable, may_alias;
    PyObject *function; /* a Python callable that stands in for `entry`, or NULL */
    PyObject *offer;    /* the ranking.Offer; attributes of it are attributes of this object */
    PyObject *on_slow;  /* on_slow(self, args, kwargs): whatever the call path does not take */
} Bound;

/* kernel is the winner for every n in [lo, hi] */
typedef struct {
    int64_t lo, hi;
    Bound *kernel;
} Slot;

typedef struct {
    Slot *slots; /* sorted, disjoint */
    Py_ssize_t count;
    Py_ssize_t recent; /* where the last call found its slot */
} Table;

typedef struct {
    PyObject_HEAD vectorcallfunc vectorcall;
    State *state; /* of the module, which the type keeps alive */
    Express express;
    Layout layout;
    uint64_t generation; /* of the runtime, when the tables were last emptied */
    Table tables[MAX_DTYPES];
    PyMethodDef method;
    PyObject *function; /* the builtin function made of `method`, whose __self__ is this Op */
    PyObject *texts;    /* the str objects behind the C strings of `method` */
    PyObject *spec;     /* the catalogue.OpSpec; attributes of it are attributes of this object */
    PyObject *on_miss;  /* on_miss(self, dtype index, n): installs a slot or raises */
    PyObject *on_slow;
} Op;

extern PyType_Spec hologram_op_spec;
extern PyType_Spec hologram_bound_spec;

/* The slot for n, or NULL where nothing is remembered. */
static inline const Slot *table_find(Table *table, int64_t n) {
    if (table->recent < table->count) {
        const Slot *slot = &table->slots[table->recent];
        if (slot->lo <= n && n <= slot->hi)
            return slot;
    }
    Py_ssize_t low = 0, high = table->count;
    while (low < high) {
        Py_ssize_t middle = (low + high) / 2;
        const Slot *slot = &table->slots[middle];
        if (n < slot->lo) {
            high = middle;
        } else if (n > slot->hi) {
            low = middle + 1;
        } else {
            table->recent = middle;
            return slot;
        }
    }
    return NULL;
}

/* ---- the call path ------------------------------------------------------------------------- */

#define NOT_MINE                                                                                   \
    Py_NotImplemented /* "take the next slower path"; borrowed, never given to Python */

/* Element count times the kernel's `work`: from here on a call lasts tens of microseconds, which
 * pays for handing the GIL over, and somewhat later for waking a thread. */
#define RELEASE_GIL_FROM 65536
#define SPLIT_FROM       262144

/* Exactly one of `op` and `bound` is given. The result, NULL with an exception, or NOT_MINE. */
PyObject *hologram_call_arrays(const State *state, Op *op, Bound *bound, PyObject *const *args,
                               Py_ssize_t count, PyObject *keywords);

/* Whether an object is a BoundKernel that this op can call for this dtype. */
static inline bool hologram_kernel_fits(const State *state, const Op *op, int dtype,
                                        PyObject *object) {
    return Py_IS_TYPE(object, state->bound_type) && ((Bound *)object)->dtype == dtype &&
           memcmp(&((Bound *)object)->layout, &op->layout, sizeof(Layout)) == 0;
}

/* Sets the exception for a kernel's return code and message. */
void hologram_raise(const State *state, const Bound *kernel, int32_t code, const char *error);

/* ---- the thread pool ----------------------------------------------------------------------- */

/* Runs task over [0, total) on at most `threads` threads, in pieces whose borders are multiples of
 * `grain`; returns when all are done. Nested or concurrent calls run serially. */
void hologram_pool_run(hologram_task_fn task, void *work, int64_t total, int64_t grain,
                       int threads);

/* The same as a kernel calls it: hologram_host.run. */
void hologram_host_run(const hologram_host *host, hologram_task_fn task, void *work, int64_t total,
                       int64_t grain);

/* ---- the rest of the module ---------------------------------------------------------------- */

PyObject *hologram_cpu_levels(PyObject *module, PyObject *unused);
PyObject *hologram_read_library(PyObject *module, PyObject *address);

#endif
