/* Layouts: Signature.layout (see signature.py), a tuple of small integers, becomes a Layout.
 *
 * ((kind, role, dtype, (dim, ...)), ...), (size or -1 per dimension, ...), elementwise, dtype,
 * single The tuple comes from our own Python, but anything can call this, so every number is
 * checked.
 */
#include "native.h"

static int bad_layout(const char *what) {
    PyErr_Format(PyExc_ValueError, "layout: %s", what);
    return -1;
}

static int parse_param(Param *param, PyObject *item, int dims) {
    int kind, role, dtype;
    PyObject *core;
    if (!PyTuple_Check(item))
        return bad_layout("a parameter is a tuple");
    if (!PyArg_ParseTuple(item, "iiiO!", &kind, &role, &dtype, &PyTuple_Type, &core))
        return -1;
    Py_ssize_t count = PyTuple_GET_SIZE(core);
    if (kind < KIND_SCALAR || kind > KIND_WHOLE || role < ROLE_IN || role > ROLE_OUT ||
        dtype < -1 || dtype >= MAX_DTYPES || count > MAX_CORE || (kind == KIND_WHOLE && count != 1))
        return bad_layout("a parameter is out of range");
    param->kind = (uint8_t)kind;
    param->role = (uint8_t)role;
    param->dtype = (int8_t)dtype;
    param->core = (uint8_t)count;
    param->flags =
        NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED | (role == ROLE_IN ? 0 : NPY_ARRAY_WRITEABLE);
    for (Py_ssize_t i = 0; i < count; i++) {
        long dimension = PyLong_AsLong(PyTuple_GET_ITEM(core, i));
        if (dimension == -1 && PyErr_Occurred())
            return -1;
        if (dimension < 0 || dimension >= dims)
            return bad_layout("a core dimension is out of range");
        param->dims[i] = (uint8_t)dimension;
    }
    return 0;
}

/* Inputs come first, outputs last; the first array without a dtype of its own is the anchor. */
static int check_order(Layout *layout) {
    for (int i = 0; i < layout->params; i++) {
        const Param *param = &layout->param[i];
        if (param->role != ROLE_OUT) {
            if (layout->outputs > 0)
                return bad_layout("an input after an output");
            layout->inputs++;
        } else {
            layout->outputs++;
        }
        if (param->role != ROLE_IN)
            layout->written[layout->written_count++] = (uint8_t)i;
        layout->scalars += param->kind == KIND_SCALAR;
        if (param->kind == KIND_SCALAR && param->role != ROLE_IN)
            return bad_layout("a scalar that is written");
        if (param->kind == KIND_WHOLE && param->role != ROLE_OUT && layout->whole < 0)
            layout->whole = i;
        if (param->kind == KIND_WHOLE && layout->whole < 0)
            return bad_layout("an output of unknown shape");
        if (layout->anchor < 0 && param->kind != KIND_SCALAR && param->dtype < 0)
            layout->anchor = i;
        if (layout->elementwise && param->kind != KIND_SCALAR && param->core > 0)
            return bad_layout("an element-wise parameter with core dimensions");
    }
    if (layout->anchor < 0 && layout->anchor_dtype < 0)
        return bad_layout("no parameter tells the dtype");
    return 0;
}

/* Arrays of the op's dtype only, element-wise, one output. */
static bool is_express(const Layout *layout) {
    for (int i = 0; i < layout->params; i++)
        if (layout->param[i].dtype >= 0 || layout->param[i].role == ROLE_INOUT)
            return false;
    return layout->elementwise && layout->scalars == 0 && layout->outputs == 1 &&
           layout->inputs <= MAX_EXPRESS_INPUTS;
}

int hologram_layout_parse(Layout *layout, PyObject *description) {
    PyObject *params, *sizes;
    int elementwise, dtype, single;
    if (!PyTuple_Check(description))
        return bad_layout("expected a tuple");
    if (!PyArg_ParseTuple(description, "O!O!pip", &PyTuple_Type, &params, &PyTuple_Type, &sizes,
                          &elementwise, &dtype, &single))
        return -1;
    Py_ssize_t count = PyTuple_GET_SIZE(params), dims = PyTuple_GET_SIZE(sizes);
    if (count < 1 || count > MAX_PARAMS || dims > MAX_DIMS || dtype < -1 || dtype >= MAX_DTYPES)
        return bad_layout("too many parameters or dimensions");
    memset(layout, 0, sizeof(Layout)); /* padding too: layouts are compared byte by byte */
    layout->params = (int)count;
    layout->dims = (int)dims;
    layout->anchor = layout->whole = -1;
    layout->anchor_dtype = dtype;
    layout->elementwise = elementwise;
    layout->single = single;
    for (Py_ssize_t i = 0; i < dims; i++) {
        layout->fixed[i] = PyLong_AsLongLong(PyTuple_GET_ITEM(sizes, i));
        if (layout->fixed[i] == -1 && PyErr_Occurred())
            return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++)
        if (parse_param(&layout->param[i], PyTuple_GET_ITEM(params, i), (int)dims) < 0)
            return -1;
    if (check_order(layout) < 0)
        return -1;
    layout->express_inputs = is_express(layout) ? layout->inputs : 0;
    return 0;
}
