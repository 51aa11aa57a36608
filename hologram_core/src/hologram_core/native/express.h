/* The express lane: the same steps as call.c for the calls that decide what the runtime costs.
 * A header, since it is compiled into the two functions of op.c that Python calls.
 *
 * Element-wise, arrays only, one dtype, one output, one dimension, short enough to keep the GIL:
 * then nothing is left of the general path but these comparisons, and the compiler unrolls them
 * for each number of parameters. Whatever does not fit answers NOT_MINE, with nothing done and no
 * error set, and takes call.c.
 */
#ifndef HOLOGRAM_EXPRESS_H
#define HOLOGRAM_EXPRESS_H

#include "native.h"

#define NEEDED (NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED)

static inline __attribute__((always_inline)) PyObject *
express(const State *state, Op *op, Bound *bound, PyObject *const *args, const int inputs,
        PyObject *out) {
    if (!PyArray_CheckExact(args[0]))
        return NOT_MINE;
    PyArrayObject *first = (PyArrayObject *)args[0];
    PyArray_Descr *descr = PyArray_DESCR(first);
    if (PyArray_NDIM(first) != 1)
        return NOT_MINE;
    const int64_t n = PyArray_DIM(first, 0);

    void *data[MAX_EXPRESS_INPUTS + 1];
    int64_t lengths[MAX_EXPRESS_INPUTS + 1];
    int flags = PyArray_FLAGS(first);
    data[0] = PyArray_DATA(first);
    lengths[0] = lengths[inputs] = n;
    for (int i = 1; i < inputs; i++) {
        PyArrayObject *array = (PyArrayObject *)args[i];
        if (!PyArray_CheckExact(array) || PyArray_DESCR(array) != descr ||
            PyArray_NDIM(array) != 1 || PyArray_DIM(array, 0) != n)
            return NOT_MINE;
        flags &= PyArray_FLAGS(array);
        data[i] = PyArray_DATA(array);
        lengths[i] = n;
    }
    if ((flags & NEEDED) != NEEDED)
        return NOT_MINE;

    Bound *kernel = bound;
    if (op != NULL) {
        int dtype = 0;
        while (state->descrs[dtype] != descr)
            if (++dtype >= state->dtype_count)
                return NOT_MINE;
        kernel = table_find(&op->tables[dtype], n);
        if (kernel == NULL)
            return NOT_MINE;
    } else if (descr != state->descrs[bound->dtype] || n < bound->min_n || n > bound->max_n) {
        return NOT_MINE;
    }
    if (n > kernel->release_from || n == 0 || kernel->entry == NULL)
        return NOT_MINE;

    if (out == NULL) {
        npy_intp shape = n;
        Py_INCREF(descr); /* which the new array takes */
        out = PyArray_NewFromDescr(&PyArray_Type, descr, 1, &shape, NULL, NULL, 0, NULL);
        if (out == NULL)
            return NULL;
        data[inputs] = PyArray_DATA((PyArrayObject *)out);
    } else {
        PyArrayObject *array = (PyArrayObject *)out;
        const int writable = NEEDED | NPY_ARRAY_WRITEABLE;
        if (!PyArray_CheckExact(array) || PyArray_DESCR(array) != descr ||
            PyArray_NDIM(array) != 1 || PyArray_DIM(array, 0) != n ||
            (PyArray_FLAGS(array) & writable) != writable)
            return NOT_MINE;
        data[inputs] = PyArray_DATA(array);
        const uintptr_t begin = (uintptr_t)data[inputs];
        const uintptr_t size = (uintptr_t)(n * PyDataType_ELSIZE(descr));
        for (int i = 0; i < inputs; i++) {
            uintptr_t distance = begin - (uintptr_t)data[i]; /* wraps where out comes first */
            if (distance + size - 1 < 2 * size - 1 && !(distance == 0 && kernel->may_alias))
                return NOT_MINE;
        }
        Py_INCREF(out);
    }

    char error[ERROR_SIZE];
    error[0] = '\0';
    const hologram_call call = {.size = sizeof(hologram_call),
                                .error_size = ERROR_SIZE,
                                .args = data,
                                .lengths = lengths,
                                .dims = NULL,
                                .begin = 0,
                                .end = n,
                                .context = kernel->context,
                                .error = error};
    int32_t code = kernel->entry(&call);
    if (code != HOLOGRAM_OK) {
        Py_INCREF(kernel); /* until here no Python code ran that could have taken it away */
        hologram_raise(state, kernel, code, error);
        Py_DECREF(kernel);
        Py_CLEAR(out);
    }
    return out;
}

/* Exactly one of `op` and `bound` is given. The result, NULL with an exception, or NOT_MINE. */
static inline __attribute__((always_inline)) PyObject *
call_express(const State *state, Op *op, Bound *bound, PyObject *const *args, Py_ssize_t count,
             PyObject *keywords) {
    const Layout *layout = op != NULL ? &op->layout : &bound->layout;
    const int inputs = layout->express_inputs;
    PyObject *out = NULL;
    if (keywords == NULL) {
        if (count == inputs + 1)
            out = args[inputs];
        else if (count != inputs)
            return NOT_MINE;
    } else {
        if (count != inputs || PyTuple_GET_SIZE(keywords) != 1 ||
            PyTuple_GET_ITEM(keywords, 0) != state->out_name)
            return NOT_MINE;
        out = args[inputs];
    }
    switch (inputs) {
    case 1:
        return express(state, op, bound, args, 1, out);
    case 2:
        return express(state, op, bound, args, 2, out);
    case 3:
        return express(state, op, bound, args, 3, out);
    default:
        return NOT_MINE;
    }
}

#endif
