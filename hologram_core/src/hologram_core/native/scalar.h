/* Scalars of a call: a Python or NumPy number as the bytes that its parameter has.
 *
 * What does not fit its dtype is left to coerce.py, which says so.
 */
#ifndef HOLOGRAM_SCALAR_H
#define HOLOGRAM_SCALAR_H

#include "native.h"

/* Stores an integer that fits; size is 1, 2, 4 or 8 bytes. */
static inline bool store_integer(PyArray_Descr *descr, PyObject *value, void *to) {
    int overflow;
    long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
    size_t size = (size_t)PyDataType_ELSIZE(descr);
    bool is_unsigned = PyTypeNum_ISUNSIGNED(descr->type_num);
    if (overflow != 0 || (is_unsigned && number < 0))
        return false; /* also an int64 beyond the signed range, which is rare */
    if (size < sizeof number) {
        long long top = 1LL << (8 * size - (is_unsigned ? 0 : 1));
        if (number >= top || (!is_unsigned && number < -top))
            return false;
    }
    switch (size) {
    case 1:
        *(int8_t *)to = (int8_t)number;
        return true;
    case 2:
        *(int16_t *)to = (int16_t)number;
        return true;
    case 4:
        *(int32_t *)to = (int32_t)number;
        return true;
    default:
        *(int64_t *)to = (int64_t)number;
        return true;
    }
}

static inline bool store_float(PyArray_Descr *descr, double number, void *to) {
    if (descr->type_num == NPY_FLOAT)
        *(float *)to = (float)number;
    else if (descr->type_num == NPY_DOUBLE)
        *(double *)to = number;
    else
        return false;
    return true;
}

/* Writes a number as a dtype, or answers false for whatever needs a thought. */
static inline bool store_scalar(PyArray_Descr *descr, PyObject *value, void *to) {
    if (PyFloat_CheckExact(value))
        return store_float(descr, PyFloat_AS_DOUBLE(value), to);
    if (PyLong_CheckExact(value)) {
        if (PyTypeNum_ISINTEGER(descr->type_num))
            return store_integer(descr, value, to);
        double number = PyLong_AsDouble(value);
        if (number == -1.0 && PyErr_Occurred()) {
            PyErr_Clear();
            return false;
        }
        return store_float(descr, number, to);
    }
    if (PyBool_Check(value) && descr->type_num == NPY_BOOL) {
        *(npy_bool *)to = value == Py_True;
        return true;
    }
    if (PyArray_CheckExact(value)) {
        PyArrayObject *array = (PyArrayObject *)value;
        if (PyArray_NDIM(array) != 0 || PyArray_DESCR(array) != descr)
            return false;
        memcpy(to, PyArray_DATA(array), (size_t)PyDataType_ELSIZE(descr));
        return true;
    }
    if (Py_TYPE(value) == descr->typeobj) {
        PyArray_ScalarAsCtype(value, to);
        return true;
    }
    if (PyArray_IsScalar(value, Float))
        return store_float(descr, PyArrayScalar_VAL(value, Float), to);
    return false;
}

#endif
