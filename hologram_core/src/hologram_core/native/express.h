/* The express lane: the same steps as call.c for the calls that decide what the runtime costs.
 * A header, since it is compiled into the two functions of op.c that Python calls.
 *
 * Element-wise, arrays only, one dtype, one output, one dimension, short enough to keep the GIL:
 * then nothing is left of the general path but these comparisons, and the compiler unrolls them
 * for each number of parameters. Whatever does not fit goes on to call.c, with nothing done yet.
 */
#ifndef HOLOGRAM_EXPRESS_H
#define HOLOGRAM_EXPRESS_H

#include "native.h"

#define UNROLL   _Pragma("GCC unroll 4")   /* at -O2 the compiler would not */
#define NOINLINE __attribute__((noinline)) /* so that the lane saves no registers for it */
#define NEEDED   (NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED)

/* What a kernel serves on the express lane, given the n it was chosen for. */
static inline Express express_for(const State *state, Bound *kernel, int64_t lo, int64_t hi) {
    lo = lo > 1 ? lo : 1; /* nothing to do is call.c's */
    hi = hi < kernel->release_from ? hi : kernel->release_from;
    if (kernel->entry == NULL || lo > hi)
        return (Express){NULL, 0, 0, NULL};
    return (Express){state->descrs[kernel->dtype], lo, (uint64_t)(hi - lo), kernel};
}

/* The function for whatever is not on the lane; a constant where express() is inlined. */
typedef PyObject *call_fn(PyObject *self, PyObject *const *args, size_t flags, PyObject *keywords);

/* self(*args, out=) on the lane, or what `otherwise` returns. */
static inline __attribute__((always_inline)) PyObject *
express(PyObject *self, const State *state, const Express *lane, const int inputs,
        PyObject *const *args, size_t flags, PyObject *keywords, call_fn *otherwise) {
    const Py_ssize_t count = PyVectorcall_NARGS(flags);
    PyObject *out = NULL;
    if (keywords == NULL) {
        if (count == inputs + 1)
            out = args[inputs];
        else if (count != inputs)
            return otherwise(self, args, flags, keywords);
    } else {
        if (count != inputs || PyTuple_GET_SIZE(keywords) != 1 ||
            PyTuple_GET_ITEM(keywords, 0) != state->out_name)
            return otherwise(self, args, flags, keywords);
        out = args[inputs];
    }

    PyTypeObject *ndarray = state->ndarray;
    PyArrayObject *first = (PyArrayObject *)args[0];
    if (!Py_IS_TYPE(first, ndarray) || PyArray_NDIM(first) != 1)
        return otherwise(self, args, flags, keywords);
    PyArray_Descr *descr = PyArray_DESCR(first);
    const int64_t n = PyArray_DIM(first, 0);
    if (lane->descr != descr || (uint64_t)(n - lane->lo) > lane->span)
        return otherwise(self, args, flags, keywords);
    Bound *kernel = lane->kernel;

    void *data[MAX_EXPRESS_INPUTS + 1];
    int64_t lengths[MAX_EXPRESS_INPUTS + 1];
    int common = PyArray_FLAGS(first);
    data[0] = PyArray_DATA(first);
    lengths[0] = lengths[inputs] = n;
    UNROLL
    for (int i = 1; i < inputs; i++) {
        PyArrayObject *array = (PyArrayObject *)args[i];
        if (!Py_IS_TYPE(array, ndarray) || PyArray_DESCR(array) != descr ||
            PyArray_NDIM(array) != 1 || PyArray_DIM(array, 0) != n)
            return otherwise(self, args, flags, keywords);
        common &= PyArray_FLAGS(array);
        data[i] = PyArray_DATA(array);
        lengths[i] = n;
    }
    if ((common & NEEDED) != NEEDED)
        return otherwise(self, args, flags, keywords);

    if (out == NULL) {
        npy_intp shape = n;
        Py_INCREF(descr); /* which the new array takes */
        out = PyArray_NewFromDescr(ndarray, descr, 1, &shape, NULL, NULL, 0, NULL);
        if (out == NULL)
            return NULL;
        data[inputs] = PyArray_DATA((PyArrayObject *)out);
    } else {
        PyArrayObject *array = (PyArrayObject *)out;
        const int writable = NEEDED | NPY_ARRAY_WRITEABLE;
        if (!Py_IS_TYPE(array, ndarray) || PyArray_DESCR(array) != descr ||
            PyArray_NDIM(array) != 1 || PyArray_DIM(array, 0) != n ||
            (PyArray_FLAGS(array) & writable) != writable)
            return otherwise(self, args, flags, keywords);
        data[inputs] = PyArray_DATA(array);
        const uintptr_t begin = (uintptr_t)data[inputs];
        const uintptr_t size = (uintptr_t)(n * PyDataType_ELSIZE(descr));
        UNROLL
        for (int i = 0; i < inputs; i++) {
            uintptr_t distance = begin - (uintptr_t)data[i]; /* wraps where out comes first */
            if (distance + size - 1 < 2 * size - 1 && !(distance == 0 && kernel->may_alias))
                return otherwise(self, args, flags, keywords);
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
                                .error = error,
                                .host = &kernel->host};
    Py_INCREF(kernel); /* it may be a callback into Python, which takes its own provider away */
    int32_t code = kernel->entry(&call);
    if (code != HOLOGRAM_OK) {
        hologram_raise(state, kernel, code, error);
        Py_CLEAR(out);
    }
    Py_DECREF(kernel);
    return out;
}

#endif
