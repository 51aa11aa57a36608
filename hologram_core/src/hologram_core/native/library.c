/* Reads the table behind a hologram_library pointer into Python values, trusting nothing in it.
 *
 * The ABI version is checked before anything else is read, then the sizes, then every string of
 * every row. What comes out is a plain dictionary; library.py makes Kernel values of it.
 */
#include "native.h"

#define MAX_TEXT     4096
#define MAX_ROWS     1000000
#define MAX_VARIANTS 64

static int refuse(const char *format, ...) {
    va_list values;
    va_start(values, format);
    PyErr_FormatV(PyExc_ValueError, format, values);
    va_end(values);
    return -1;
}

/* A new str of a C string of bounded length, or NULL with ValueError. The header is row -1. */
static PyObject *text(const char *string, const char *what, long row) {
    size_t length = string == NULL ? 0 : strnlen(string, MAX_TEXT + 1);
    const char *wrong = string == NULL      ? "NULL"
                        : length > MAX_TEXT ? "longer than 4096 bytes"
                                            : NULL;
    if (wrong == NULL) {
        PyObject *result = PyUnicode_DecodeUTF8(string, (Py_ssize_t)length, NULL);
        if (result != NULL)
            return result;
        PyErr_Clear();
        wrong = "not UTF-8";
    }
    if (row < 0)
        refuse("%s is %s", what, wrong);
    else
        refuse("row %ld: %s is %s", row, what, wrong);
    return NULL;
}

static PyObject *read_variants(const hologram_kernel_row *row, long index) {
    if (row->variants == NULL || row->variant_count == 0 || row->variant_count > MAX_VARIANTS) {
        refuse("row %ld: expected 1 to %d variants, found %lu", index, MAX_VARIANTS,
               (unsigned long)row->variant_count);
        return NULL;
    }
    PyObject *variants = PyDict_New();
    for (uint32_t i = 0; variants != NULL && i < row->variant_count; i++) {
        const hologram_variant *variant = &row->variants[i];
        PyObject *isa = text(variant->isa, "a variant's isa", index);
        PyObject *address = NULL;
        if (isa != NULL && variant->fn == NULL)
            refuse("row %ld: variant %U has no function", index, isa);
        else if (isa != NULL)
            address = PyLong_FromVoidPtr((void *)(uintptr_t)variant->fn);
        if (address == NULL || PyDict_SetItem(variants, isa, address) < 0)
            Py_CLEAR(variants);
        Py_XDECREF(isa);
        Py_XDECREF(address);
    }
    return variants;
}

static PyObject *read_row(const hologram_kernel_row *row, long index) {
    PyObject *op = NULL, *signature = NULL, *dtype = NULL, *doc = NULL, *variants = NULL;
    PyObject *result = NULL;
    if ((op = text(row->op, "op", index)) == NULL ||
        (signature = text(row->signature, "signature", index)) == NULL ||
        (dtype = text(row->dtype, "dtype", index)) == NULL ||
        (doc = text(row->doc == NULL ? "" : row->doc, "doc", index)) == NULL ||
        (variants = read_variants(row, index)) == NULL)
        goto done;
    result = Py_BuildValue(
        "{s:O,s:O,s:O,s:O,s:O,s:L,s:L,s:O,s:O,s:I,s:N,s:N}", "op", op, "signature", signature,
        "dtype", dtype, "doc", doc, "variants", variants, "min_n", (long long)row->min_n, "max_n",
        (long long)row->max_n, "splittable", row->flags & HOLOGRAM_SPLITTABLE ? Py_True : Py_False,
        "may_alias", row->flags & HOLOGRAM_MAY_ALIAS ? Py_True : Py_False, "work",
        (unsigned int)row->work, "extent", PyLong_FromVoidPtr((void *)(uintptr_t)row->extent),
        "context", PyLong_FromVoidPtr(row->context));
done:
    Py_XDECREF(op);
    Py_XDECREF(signature);
    Py_XDECREF(dtype);
    Py_XDECREF(doc);
    Py_XDECREF(variants);
    return result;
}

static int check_header(const hologram_library *library) {
    if (library->abi_version != HOLOGRAM_ABI_VERSION)
        return refuse("ABI version %lu, this runtime reads version %d",
                      (unsigned long)library->abi_version, HOLOGRAM_ABI_VERSION);
    if (library->size < sizeof(hologram_library))
        return refuse("a library table of %lu bytes, expected at least %zu",
                      (unsigned long)library->size, sizeof(hologram_library));
    if (library->row_size < sizeof(hologram_kernel_row) || library->row_size % _Alignof(void *))
        return refuse("rows of %lu bytes, expected at least %zu", (unsigned long)library->row_size,
                      sizeof(hologram_kernel_row));
    if (library->row_count > MAX_ROWS || (library->row_count > 0 && library->rows == NULL))
        return refuse("a table of %lu rows%s", (unsigned long)library->row_count,
                      library->rows == NULL ? " at NULL" : "");
    return 0;
}

PyObject *hologram_read_library(PyObject *Py_UNUSED(module), PyObject *address) {
    const hologram_library *library = PyLong_AsVoidPtr(address);
    PyObject *producer = NULL, *hash = NULL, *rows = NULL, *result = NULL;
    if (library == NULL) {
        if (!PyErr_Occurred())
            refuse("the library's table is NULL");
        return NULL;
    }
    if (check_header(library) < 0)
        return NULL;
    if ((producer = text(library->producer, "producer", -1)) == NULL ||
        (hash = text(library->source_hash, "source_hash", -1)) == NULL ||
        (rows = PyList_New(library->row_count)) == NULL)
        goto done;
    for (uint32_t i = 0; i < library->row_count; i++) {
        const char *at = (const char *)library->rows + (size_t)i * library->row_size;
        PyObject *row = read_row((const hologram_kernel_row *)(const void *)at, (long)i);
        if (row == NULL)
            goto done;
        PyList_SET_ITEM(rows, i, row);
    }
    result =
        Py_BuildValue("{s:O,s:O,s:O}", "producer", producer, "source_hash", hash, "rows", rows);
done:
    Py_XDECREF(producer);
    Py_XDECREF(hash);
    Py_XDECREF(rows);
    return result;
}
