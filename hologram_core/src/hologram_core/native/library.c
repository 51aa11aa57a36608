/* Reads the table behind a hologram_library pointer into Python values, trusting nothing in it.
 *
 * The ABI version is checked before anything else is read, then the sizes, then every string of
 * every row. What comes out is a plain dictionary; library.py makes Kernel values of it.
 */
#include "native.h"

#include <stddef.h>

#define MAX_TEXT     4096
#define MAX_MANIFEST (16 << 20)
#define MAX_ROWS     1000000
#define MAX_VARIANTS 64

static int refuse(const char *format, ...) {
    va_list values;
    va_start(values, format);
    PyErr_FormatV(PyExc_ValueError, format, values);
    va_end(values);
    return -1;
}

/* A new str of a C string of at most `limit` bytes, or NULL with ValueError. The header is row -1.
 */
static PyObject *bounded_text(const char *string, size_t limit, const char *what, long row) {
    size_t length = string == NULL ? 0 : strnlen(string, limit + 1);
    char wrong[64] = "NULL";
    if (string != NULL && length <= limit) {
        PyObject *result = PyUnicode_DecodeUTF8(string, (Py_ssize_t)length, NULL);
        if (result != NULL)
            return result;
        PyErr_Clear();
        strcpy(wrong, "not UTF-8");
    } else if (string != NULL) {
        snprintf(wrong, sizeof wrong, "longer than %zu bytes", limit);
    }
    if (row < 0)
        refuse("%s is %s", what, wrong);
    else
        refuse("row %ld: %s is %s", row, what, wrong);
    return NULL;
}

static PyObject *text(const char *string, const char *what, long row) {
    return bounded_text(string, MAX_TEXT, what, row);
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

/* The manifest as text, "" where the library has none or was built before there were any. */
static PyObject *read_manifest(const hologram_library *library) {
    bool has_field = library->size >= offsetof(hologram_library, manifest) + sizeof(char *);
    if (!has_field || library->manifest == NULL)
        return PyUnicode_New(0, 0);
    return bounded_text(library->manifest, MAX_MANIFEST, "manifest", -1);
}

static int check_header(const hologram_library *library) {
    const size_t smallest = offsetof(hologram_library, manifest); /* where version 1 began */
    if (library->abi_version != HOLOGRAM_ABI_VERSION)
        return refuse("ABI version %lu, this runtime reads version %d",
                      (unsigned long)library->abi_version, HOLOGRAM_ABI_VERSION);
    if (library->size < smallest)
        return refuse("a library table of %lu bytes, expected at least %zu",
                      (unsigned long)library->size, smallest);
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
    PyObject *producer = NULL, *hash = NULL, *manifest = NULL, *rows = NULL;
    PyObject *result = NULL;
    if (library == NULL) {
        if (!PyErr_Occurred())
            refuse("the library's table is NULL");
        return NULL;
    }
    if (check_header(library) < 0)
        return NULL;
    if ((producer = text(library->producer, "producer", -1)) == NULL ||
        (hash = text(library->source_hash, "source_hash", -1)) == NULL ||
        (manifest = read_manifest(library)) == NULL ||
        (rows = PyList_New(library->row_count)) == NULL)
        goto done;
    for (uint32_t i = 0; i < library->row_count; i++) {
        const char *at = (const char *)library->rows + (size_t)i * library->row_size;
        PyObject *row = read_row((const hologram_kernel_row *)(const void *)at, (long)i);
        if (row == NULL)
            goto done;
        PyList_SET_ITEM(rows, i, row);
    }
    result = Py_BuildValue("{s:O,s:O,s:O,s:O}", "producer", producer, "source_hash", hash,
                           "manifest", manifest, "rows", rows);
done:
    Py_XDECREF(producer);
    Py_XDECREF(hash);
    Py_XDECREF(manifest);
    Py_XDECREF(rows);
    return result;
}
