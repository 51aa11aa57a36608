/* The call path: from Python's arguments to a native kernel and back, read top to bottom.
 *
 * unpack -> check each array -> find the slot -> scalars -> overlap -> outputs -> run -> return.
 * It is written by hand because it is the product: a general argument parser, a ufunc or an FFI
 * costs more than the arithmetic of a small array. It takes what needs no thought (exact,
 * contiguous, aligned, native ndarrays whose shapes fit) and formats no message about arguments:
 * for anything else it answers NOT_MINE, and coerce.py converts or explains.
 */
#include "express.h"
#include "native.h"
#include "scalar.h"

#include <stdatomic.h>

#define SPLIT_GRAIN 1024 /* elements; pieces that share no cache line */

typedef struct {
    const Layout *layout;
    const Bound *kernel;
    PyObject *objects[MAX_PARAMS];
    PyArrayObject *prefix; /* the first array with batch dimensions */
    int prefix_ndim;
    void *data[MAX_PARAMS];
    int64_t lengths[MAX_PARAMS]; /* elements of one core item; element-wise: of the array */
    uintptr_t bytes[MAX_PARAMS]; /* of the whole argument, 0 for scalars and outputs to come */
    int64_t strides[MAX_PARAMS]; /* bytes from one batch item to the next, 0 where broadcast */
    int64_t dims[MAX_DIMS];
    int64_t batch, n;
    union {
        double alignment;
        char bytes[16];
    } scalars[MAX_PARAMS];
    _Atomic int32_t code;
    char error[ERROR_SIZE];
} Call;

/* ---- unpack -------------------------------------------------------------------------------- */

/* Spreads positional arguments and `out` over call->objects; a missing output stays NULL. */
static bool unpack(const State *state, Call *call, PyObject *const *args, Py_ssize_t count,
                   PyObject *keywords) {
    const Layout *layout = call->layout;
    PyObject *out = NULL;
    if (keywords != NULL && PyTuple_GET_SIZE(keywords) > 0) {
        if (PyTuple_GET_SIZE(keywords) != 1 || PyTuple_GET_ITEM(keywords, 0) != state->out_name)
            return false;
        out = args[count] == Py_None ? NULL : args[count];
        if (count != layout->inputs)
            return false;
    } else if (count != layout->inputs && count != layout->params) {
        return false;
    }
    for (Py_ssize_t i = 0; i < count; i++)
        call->objects[i] = args[i];
    for (Py_ssize_t i = count; i < layout->params; i++)
        call->objects[i] = NULL;
    if (out != NULL && layout->outputs == 1) {
        call->objects[layout->inputs] = out;
    } else if (out != NULL) {
        if (!PyTuple_CheckExact(out) || PyTuple_GET_SIZE(out) != layout->outputs)
            return false;
        for (int i = 0; i < layout->outputs; i++)
            call->objects[layout->inputs + i] = PyTuple_GET_ITEM(out, i);
    }
    return true;
}

/* ---- check each array ---------------------------------------------------------------------- */

static inline bool is_plain(PyObject *object, const Param *param) {
    return PyArray_CheckExact(object) &&
           (PyArray_FLAGS((PyArrayObject *)object) & param->flags) == param->flags;
}

/* The index of a descriptor that is one of the native singletons, else -1. */
static inline int dtype_index(const State *state, const PyArray_Descr *descr) {
    for (int i = 0; i < state->dtype_count; i++)
        if (state->descrs[i] == descr)
            return i;
    return -1;
}

static inline bool same_shape(PyArrayObject *a, PyArrayObject *b) {
    int ndim = PyArray_NDIM(a);
    if (PyArray_NDIM(b) != ndim)
        return false;
    for (int i = 0; i < ndim; i++)
        if (PyArray_DIM(a, i) != PyArray_DIM(b, i))
            return false;
    return true;
}

/* Whether an array has the dtype that its parameter wants; the first one of the op's dtype sets it.
 */
static inline bool take_dtype(const State *state, const Param *param, PyObject *array, int *dtype) {
    const PyArray_Descr *descr = PyArray_DESCR((PyArrayObject *)array);
    if (param->dtype >= 0)
        return descr == state->descrs[param->dtype];
    if (*dtype < 0)
        *dtype = dtype_index(state, descr);
    return *dtype >= 0 && descr == state->descrs[*dtype];
}

/* Element-wise: all arrays have one shape, which is the batch shape. The op's dtype, or -1. */
static inline int check_elementwise(const State *state, Call *call) {
    const Layout *layout = call->layout;
    int dtype = layout->anchor_dtype;
    PyArrayObject *first = NULL;
    int64_t n = 0;
    for (int i = 0; i < layout->params; i++) {
        const Param *param = &layout->param[i];
        PyObject *object = call->objects[i];
        if (object == NULL || param->kind == KIND_SCALAR) {
            call->data[i] = NULL;
            call->lengths[i] = n;
            call->bytes[i] = 0;
            continue;
        }
        if (!is_plain(object, param) || !take_dtype(state, param, object, &dtype))
            return -1;
        PyArrayObject *array = (PyArrayObject *)object;
        if (first == NULL) {
            first = array;
            n = PyArray_NDIM(array) == 1 ? PyArray_DIM(array, 0) : PyArray_SIZE(array);
        } else if (!same_shape(first, array)) {
            return -1;
        }
        call->data[i] = PyArray_DATA(array);
        call->lengths[i] = n;
        call->bytes[i] = (uintptr_t)(n * PyDataType_ELSIZE(PyArray_DESCR(array)));
    }
    if (first == NULL)
        return -1; /* nothing tells the shape */
    call->prefix = first;
    call->prefix_ndim = PyArray_NDIM(first);
    call->n = n;
    call->batch = 1;
    return dtype;
}

static bool bind_dimension(Call *call, int dimension, int64_t size) {
    if (call->dims[dimension] < 0)
        call->dims[dimension] = size;
    return call->dims[dimension] == size;
}

/* The leading dimensions of every array that has any are the same; they are the batch. */
static bool bind_prefix(Call *call, PyArrayObject *array, int ndim) {
    if (call->prefix == NULL) {
        call->prefix = array;
        call->prefix_ndim = ndim;
        for (int i = 0; i < ndim; i++)
            call->batch *= PyArray_DIM(array, i);
        return true;
    }
    if (ndim != call->prefix_ndim)
        return false;
    for (int i = 0; i < ndim; i++)
        if (PyArray_DIM(array, i) != PyArray_DIM(call->prefix, i))
            return false;
    return true;
}

static bool bind_array(Call *call, const Param *param, PyArrayObject *array) {
    if (param->kind == KIND_WHOLE)
        return bind_dimension(call, param->dims[0], PyArray_SIZE(array));
    int leading = PyArray_NDIM(array) - param->core;
    bool follows = param->role == ROLE_OUT && call->layout->scalars < call->layout->inputs;
    if (follows && leading > 0 && call->prefix == NULL)
        return false; /* batch dimensions come from the inputs, if any input is an array */
    if (leading < 0 ||
        (leading > 0 && (call->layout->single || !bind_prefix(call, array, leading))))
        return false;
    for (int i = 0; i < param->core; i++)
        if (!bind_dimension(call, param->dims[i], PyArray_DIM(array, leading + i)))
            return false;
    return true;
}

/* Whole arrays ("(...)") share one flat dimension, and must share one shape too. */
static bool whole_shapes_agree(const Call *call) {
    const Layout *layout = call->layout;
    PyArrayObject *first = NULL;
    for (int i = 0; i < layout->params; i++) {
        PyArrayObject *array = (PyArrayObject *)call->objects[i];
        if (layout->param[i].kind != KIND_WHOLE || array == NULL)
            continue;
        if (first != NULL && !same_shape(first, array))
            return false;
        first = array;
    }
    return true;
}

/* Sets length, stride and bytes of parameter i from the bound sizes. */
static bool measure(const State *state, Call *call, int i, int dtype) {
    const Param *param = &call->layout->param[i];
    PyArrayObject *array = (PyArrayObject *)call->objects[i];
    call->data[i] = NULL;
    call->bytes[i] = 0;
    if (param->kind == KIND_SCALAR)
        return true;
    int64_t length = 1;
    for (int k = 0; k < param->core; k++) {
        int64_t size = call->dims[param->dims[k]];
        if (size < 0 || (size > 0 && length > PY_SSIZE_T_MAX / 16 / size))
            return false; /* an output dimension that no input tells, or beyond any memory */
        length *= size;
    }
    /* what has no batch dimensions is the same for every batch item; what is written cannot be */
    bool batched = param->kind == KIND_CORE && call->prefix_ndim > 0 &&
                   (array == NULL || PyArray_NDIM(array) > param->core);
    if (!batched && param->role != ROLE_IN && call->prefix_ndim > 0)
        return false;
    if (batched && length > 0 && call->batch > PY_SSIZE_T_MAX / 16 / length)
        return false;
    int64_t elements = batched ? length * call->batch : length;
    int64_t size = PyDataType_ELSIZE(state->descrs[param->dtype < 0 ? dtype : param->dtype]);
    call->lengths[i] = length;
    call->strides[i] = batched ? length * size : 0;
    if (array != NULL) {
        call->data[i] = PyArray_DATA(array);
        call->bytes[i] = (uintptr_t)(elements * size);
    }
    if (elements > call->n)
        call->n = elements;
    return true;
}

/* Core dimensions: every array is bound to the sizes, then measured. The op's dtype, or -1. */
static int check_cores(const State *state, Call *call) {
    const Layout *layout = call->layout;
    int dtype = layout->anchor_dtype;
    call->prefix = NULL;
    call->prefix_ndim = 0;
    call->batch = 1;
    call->n = 0;
    for (int i = 0; i < layout->dims; i++)
        call->dims[i] = layout->fixed[i];
    for (int i = 0; i < layout->params; i++) {
        const Param *param = &layout->param[i];
        PyObject *object = call->objects[i];
        if (object == NULL || param->kind == KIND_SCALAR)
            continue;
        if (!is_plain(object, param) || !take_dtype(state, param, object, &dtype) ||
            !bind_array(call, param, (PyArrayObject *)object))
            return -1;
    }
    if (dtype < 0 || !whole_shapes_agree(call))
        return -1;
    for (int i = 0; i < layout->params; i++)
        if (!measure(state, call, i, dtype))
            return -1;
    return dtype;
}

/* ---- scalars ------------------------------------------------------------------------------- */

static bool store_scalars(const State *state, Call *call, int dtype) {
    const Layout *layout = call->layout;
    for (int i = 0; i < layout->params; i++) {
        const Param *param = &layout->param[i];
        if (param->kind != KIND_SCALAR)
            continue;
        int index = param->dtype < 0 ? dtype : param->dtype;
        if (!store_scalar(state->descrs[index], call->objects[i], call->scalars[i].bytes))
            return false;
        call->data[i] = call->scalars[i].bytes;
        call->lengths[i] = 1;
        call->strides[i] = 0;
    }
    return true;
}

/* ---- overlap ------------------------------------------------------------------------------- */

/* Whether what the call writes may be written while the rest is read. Memory that is exactly the
 * same is fine for a kernel that says so, as long as batch items stay in step. */
static inline bool outputs_are_free(const Call *call, bool may_alias) {
    const Layout *layout = call->layout;
    for (int w = 0; w < layout->written_count; w++) {
        int i = layout->written[w];
        uintptr_t begin = (uintptr_t)call->data[i], size = call->bytes[i];
        for (int k = 0; k < layout->params; k++) {
            uintptr_t other = (uintptr_t)call->data[k];
            if (begin + size <= other || other + call->bytes[k] <= begin || k == i)
                continue;
            bool in_step = begin == other && size == call->bytes[k] &&
                           PyArray_DESCR((PyArrayObject *)call->objects[i]) ==
                               PyArray_DESCR((PyArrayObject *)call->objects[k]) &&
                           (layout->elementwise || call->strides[i] == call->strides[k]);
            if (!(may_alias && in_step && layout->param[k].role == ROLE_IN))
                return false;
        }
    }
    return true;
}

/* ---- outputs ------------------------------------------------------------------------------- */

/* New arrays for the outputs that were not given: batch dimensions, then the core's. */
static inline int allocate_outputs(const State *state, Call *call, int dtype, uint32_t *allocated) {
    const Layout *layout = call->layout;
    for (int i = layout->inputs; i < layout->params; i++) {
        const Param *param = &layout->param[i];
        npy_intp shape[NPY_MAXDIMS];
        int ndim = call->prefix_ndim;
        if (call->objects[i] != NULL)
            continue;
        if (ndim + param->core > NPY_MAXDIMS) {
            PyErr_Format(PyExc_ValueError, "a result of more than %d dimensions", NPY_MAXDIMS);
            return -1;
        }
        for (int k = 0; k < ndim; k++)
            shape[k] = PyArray_DIM(call->prefix, k);
        for (int k = 0; k < param->core; k++)
            shape[ndim++] = (npy_intp)call->dims[param->dims[k]];
        PyArray_Descr *descr = state->descrs[param->dtype < 0 ? dtype : param->dtype];
        Py_INCREF(descr);
        PyObject *array =
            PyArray_NewFromDescr(&PyArray_Type, descr, ndim, shape, NULL, NULL, 0, NULL);
        if (array == NULL)
            return -1;
        *allocated |= 1u << i;
        call->objects[i] = array;
        call->data[i] = PyArray_DATA((PyArrayObject *)array);
    }
    return 0;
}

/* ---- run ----------------------------------------------------------------------------------- */

static inline hologram_call describe(Call *call, void *const *args, char *error) {
    return (hologram_call){.size = sizeof(hologram_call),
                           .error_size = ERROR_SIZE,
                           .args = args,
                           .lengths = call->lengths,
                           .dims = call->dims,
                           .begin = 0,
                           .end = 1,
                           .context = call->kernel->context,
                           .error = error,
                           .host = &call->kernel->host};
}

/* One piece of work may fail on several threads at once: the first code stays. The message is
 * written by the thread that wins, and read when all are done. */
static void keep_error(Call *call, int32_t code, const char *error) {
    int32_t none = HOLOGRAM_OK;
    if (atomic_compare_exchange_strong(&call->code, &none, code))
        memcpy(call->error, error, ERROR_SIZE);
}

/* A task: work items [begin, end) of a call without batch dimensions. */
static void run_items(void *work, int64_t begin, int64_t end) {
    Call *call = work;
    char error[ERROR_SIZE];
    error[0] = '\0';
    hologram_call invocation = describe(call, call->data, error);
    invocation.begin = begin;
    invocation.end = end;
    int32_t code = call->kernel->entry(&invocation);
    if (code != HOLOGRAM_OK)
        keep_error(call, code, error);
}

/* A task: batch items [begin, end), one kernel call each. */
static void run_batch(void *work, int64_t begin, int64_t end) {
    Call *call = work;
    int params = call->layout->params;
    void *args[MAX_PARAMS];
    char error[ERROR_SIZE];
    error[0] = '\0';
    for (int i = 0; i < params; i++)
        args[i] = (char *)call->data[i] + begin * call->strides[i];
    hologram_call invocation = describe(call, args, error);
    if (call->kernel->extent != NULL)
        invocation.end = call->kernel->extent(&invocation);
    for (int64_t item = begin; item < end; item++) {
        int32_t code = call->kernel->entry(&invocation);
        if (code != HOLOGRAM_OK) {
            keep_error(call, code, error);
            return;
        }
        for (int i = 0; i < params; i++)
            args[i] = (char *)args[i] + call->strides[i];
    }
}

/* How many batch items there are to do: where none of them has any elements, they are all the same
 * one, and there may be 2^60 of it. */
static int64_t batch_items(const Call *call) {
    for (int i = 0; i < call->layout->params; i++)
        if (call->strides[i] != 0)
            return call->batch;
    return call->batch > 0 ? 1 : 0;
}

/* Whether every batch item writes memory of its own. */
static bool batch_is_independent(const Call *call) {
    for (int i = 0; i < call->layout->params; i++)
        if (call->layout->param[i].role != ROLE_IN && call->strides[i] == 0)
            return false;
    return true;
}

static void run(Call *call) {
    const Bound *kernel = call->kernel;
    int threads = 1;
    if (call->n > kernel->split_from)
        threads = kernel->host.threads;
    if (call->batch != 1) {
        int64_t batch = batch_items(call);
        int64_t grain = SPLIT_GRAIN * batch / (call->n > 0 ? call->n : 1);
        hologram_pool_run(run_batch, call, batch, grain > 0 ? grain : 1,
                          batch_is_independent(call) ? threads : 1);
        return;
    }
    int64_t total = 1;
    if (call->layout->elementwise) {
        total = call->n;
    } else if (kernel->extent != NULL) {
        hologram_call invocation = describe(call, call->data, call->error);
        total = kernel->extent(&invocation);
    }
    if (threads > 1 && kernel->splittable)
        hologram_pool_run(run_items, call, total, SPLIT_GRAIN, threads);
    else
        run_items(call, 0, total);
}

/* A kernel written in Python gets the call's arrays as they are, outputs last. */
static int run_function(const State *state, Call *call, int dtype) {
    PyObject *objects[MAX_PARAMS];
    int count = call->layout->params;
    for (int i = 0; i < count; i++)
        objects[i] = call->objects[i];
    for (int i = 0; i < call->layout->inputs; i++) {
        const Param *param = &call->layout->param[i];
        if (param->kind != KIND_SCALAR)
            continue;
        PyArray_Descr *descr = state->descrs[param->dtype < 0 ? dtype : param->dtype];
        objects[i] = PyArray_Scalar(call->data[i], descr, NULL);
        if (objects[i] == NULL) {
            count = i;
            break;
        }
    }
    PyObject *answer = NULL;
    if (count == call->layout->params)
        answer = PyObject_Vectorcall(call->kernel->function, objects, (size_t)count, NULL);
    for (int i = 0; i < count; i++)
        if (call->layout->param[i].kind == KIND_SCALAR)
            Py_DECREF(objects[i]);
    Py_XDECREF(answer);
    return answer == NULL ? -1 : 0;
}

void hologram_raise(const State *state, const Bound *kernel, int32_t code, const char *error) {
    PyObject *type = code == HOLOGRAM_BAD_VALUE ? PyExc_ValueError : state->kernel_error;
    PyObject *op = PyObject_GetAttrString(kernel->offer, "op");
    PyObject *message =
        PyUnicode_DecodeUTF8(error, (Py_ssize_t)strnlen(error, ERROR_SIZE), "replace");
    if (op != NULL && message != NULL) {
        if (PyUnicode_GET_LENGTH(message) > 0)
            PyErr_Format(type, "%U(): %U", op, message);
        else
            PyErr_Format(type, "%U(): the kernel failed with code %d and no message", op,
                         (int)code);
    }
    Py_XDECREF(op);
    Py_XDECREF(message);
}

static inline int execute(const State *state, Call *call, int dtype) {
    const Bound *kernel = call->kernel;
    if (kernel->function != NULL)
        return run_function(state, call, dtype);
    if (call->layout->elementwise && call->n == 0)
        return 0;
    atomic_init(&call->code, HOLOGRAM_OK);
    if (call->n > kernel->release_from) {
        Py_BEGIN_ALLOW_THREADS;
        run(call);
        Py_END_ALLOW_THREADS;
    } else if (call->layout->elementwise) {
        run_items(call, 0, call->n);
    } else {
        run(call);
    }
    int32_t code = atomic_load_explicit(&call->code, memory_order_relaxed);
    if (code == HOLOGRAM_OK)
        return 0;
    hologram_raise(state, kernel, code, call->error);
    return -1;
}

/* ---- return -------------------------------------------------------------------------------- */

/* A new reference to the output, or a tuple of them; None where the signature has none. */
static PyObject *take_result(const Call *call) {
    const Layout *layout = call->layout;
    if (layout->outputs == 1)
        return Py_NewRef(call->objects[layout->inputs]);
    if (layout->outputs == 0)
        Py_RETURN_NONE;
    PyObject *result = PyTuple_New(layout->outputs);
    for (int i = 0; result != NULL && i < layout->outputs; i++)
        PyTuple_SET_ITEM(result, i, Py_NewRef(call->objects[layout->inputs + i]));
    return result;
}

/* ---- the call ------------------------------------------------------------------------------ */

/* The kernel for n: from the table, else by asking Python once. A new reference. What the table has
 * is put on the express lane, where the next call of its kind finds it. */
static Bound *find_kernel(const State *state, Op *op, int dtype, int64_t n) {
    const Slot *slot = table_find(&op->tables[dtype], n);
    if (slot != NULL) {
        if (op->layout.express_inputs > 0)
            op->express = express_for(state, slot->kernel, slot->lo, slot->hi);
        return (Bound *)Py_NewRef(slot->kernel);
    }
    PyObject *answer =
        PyObject_CallFunction(op->on_miss, "OiL", (PyObject *)op, dtype, (long long)n);
    if (answer != NULL && !hologram_kernel_fits(state, op, dtype, answer)) {
        PyErr_SetString(PyExc_TypeError, "on_miss() answered with no kernel of this op and dtype");
        Py_CLEAR(answer);
    }
    return (Bound *)answer;
}

PyObject *hologram_call_arrays(const State *state, Op *op, Bound *bound, PyObject *const *args,
                               Py_ssize_t count, PyObject *keywords) {
    Call call; /* large, and not cleared: every field that is read is set on the way */
    const Layout *layout = call.layout = op != NULL ? &op->layout : &bound->layout;
    if (!unpack(state, &call, args, count, keywords))
        return NOT_MINE;
    int dtype = layout->elementwise ? check_elementwise(state, &call) : check_cores(state, &call);
    if (dtype < 0 || (layout->scalars > 0 && !store_scalars(state, &call, dtype)))
        return NOT_MINE;

    Bound *kernel;
    if (op != NULL) {
        kernel = find_kernel(state, op, dtype, call.n);
        if (kernel == NULL)
            return NULL;
    } else {
        if (dtype != bound->dtype || call.n < bound->min_n || call.n > bound->max_n)
            return NOT_MINE;
        kernel = (Bound *)Py_NewRef(bound);
    }
    call.kernel = kernel;

    PyObject *result = NOT_MINE;
    if (outputs_are_free(&call, kernel->may_alias)) {
        uint32_t allocated = 0; /* a bit for each output that is made here */
        result = NULL;
        if (allocate_outputs(state, &call, dtype, &allocated) == 0 &&
            execute(state, &call, dtype) == 0)
            result = take_result(&call);
        for (int i = layout->inputs; allocated >> i != 0; i++)
            if (allocated >> i & 1)
                Py_DECREF(call.objects[i]);
    }
    Py_DECREF(kernel);
    return result;
}
