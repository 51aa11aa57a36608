/* Kernels as hologram-atlas makes them, by hand: each with a public row and one that takes
 * everything. LIBRARY_VALUE makes libraries that differ; MANIFEST is a C string, or not defined. */
#define _POSIX_C_SOURCE 200809L
#include "hologram/kernel.h"

#include <time.h>

#ifndef LIBRARY_VALUE
#define LIBRARY_VALUE 0
#endif
#ifndef OP
#define OP "custom_operation"
#endif

#ifndef SIGNATURE
#define SIGNATURE "()->()"
#endif

#define SCALAR(type, i) (*(const type *)call->args[i])
#define ROW(op_, signature_, fn, extent_)                                                          \
    {.op = op_,                                                                                    \
     .signature = signature_,                                                                      \
     .dtype = "f32",                                                                               \
     .doc = "For tests.",                                                                          \
     .max_n = INT64_MAX,                                                                           \
     .work = 1,                                                                                    \
     .variants = fn##_variants,                                                                    \
     .variant_count = 1,                                                                           \
     .extent = extent_}
#define VARIANT(fn) static const hologram_variant fn##_variants[] = {{"baseline", fn}}

/* ---- custom_operation(input, output, n): output = input^2 + LIBRARY_VALUE ---- */

static int32_t square(const hologram_call *call) {
    const float *x = call->args[0];
    float *y = call->args[1];
    for (int64_t i = call->begin; i < call->end; i++)
        y[i] = x[i] * x[i] + LIBRARY_VALUE;
    return HOLOGRAM_OK;
}
VARIANT(square);

/* ---- (input, n, extent) -> output ---- */

static int64_t square_extent(const hologram_call *call) {
    int64_t given = SCALAR(int64_t, 2);
    return given >= 0 ? given : (int64_t)SCALAR(uint32_t, 1);
}

static int32_t square_direct(const hologram_call *call) {
    const float *x = call->args[0];
    float *y = call->args[3];
    int64_t n = SCALAR(uint32_t, 1);
    for (int64_t i = call->begin; i < call->end && i < n; i++) {
        if (i >= call->lengths[0] || i >= call->lengths[3])
            return hologram_fail(call, HOLOGRAM_FAILED, "index %lld is outside", (long long)i);
        y[i] = x[i] * x[i] + LIBRARY_VALUE;
    }
    return HOLOGRAM_OK;
}
VARIANT(square_direct);

#ifdef ALL_KERNELS

/* ---- saxpy(alpha, x, y, out, n): out = alpha x + y ---- */

static int32_t saxpy(const hologram_call *call) {
    const float alpha = SCALAR(float, 0), *x = call->args[1], *y = call->args[2];
    float *out = call->args[3];
    for (int64_t i = call->begin; i < call->end; i++)
        out[i] = alpha * x[i] + y[i];
    return HOLOGRAM_OK;
}
VARIANT(saxpy);

static int64_t saxpy_extent(const hologram_call *call) {
    int64_t given = SCALAR(int64_t, 4);
    return given >= 0 ? given : (int64_t)SCALAR(uint32_t, 3);
}

static int32_t saxpy_direct(const hologram_call *call) {
    const float alpha = SCALAR(float, 0), *x = call->args[1], *y = call->args[2];
    float *out = call->args[5];
    for (int64_t i = call->begin; i < call->end && i < (int64_t)SCALAR(uint32_t, 3); i++) {
        if (i >= call->lengths[1] || i >= call->lengths[2] || i >= call->lengths[5])
            return hologram_fail(call, HOLOGRAM_FAILED, "index %lld is outside", (long long)i);
        out[i] = alpha * x[i] + y[i];
    }
    return HOLOGRAM_OK;
}
VARIANT(saxpy_direct);

/* ---- accumulate(acc, x, n): acc += x ---- */

static int32_t accumulate(const hologram_call *call) {
    float *acc = call->args[0];
    const float *x = call->args[1];
    for (int64_t i = call->begin; i < call->end; i++)
        acc[i] += x[i];
    return HOLOGRAM_OK;
}
VARIANT(accumulate);

static int64_t accumulate_extent(const hologram_call *call) {
    int64_t given = SCALAR(int64_t, 3);
    return given >= 0 ? given : (int64_t)SCALAR(uint64_t, 2);
}

/* ---- matmul(A, B, C, m, k, n), shaped (m,k),(k,n)->(m,n) ---- */

static int32_t multiply(const float *a, const float *b, float *c, int64_t m, int64_t k, int64_t n) {
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++) {
            float sum = 0;
            for (int64_t l = 0; l < k; l++)
                sum += a[i * k + l] * b[l * n + j];
            c[i * n + j] = sum;
        }
    return HOLOGRAM_OK;
}

static int32_t matmul(const hologram_call *call) {
    return multiply(call->args[0], call->args[1], call->args[2], call->dims[0], call->dims[1],
                    call->dims[2]);
}
VARIANT(matmul);

/* A, B, m, k, n, extent -> C */
static int32_t matmul_direct(const hologram_call *call) {
    return multiply(call->args[0], call->args[1], call->args[6], (int64_t)SCALAR(uint32_t, 2),
                    (int64_t)SCALAR(uint32_t, 3), (int64_t)SCALAR(uint32_t, 4));
}
VARIANT(matmul_direct);

/* ---- row_sums(x, out), shaped (rows,columns)->(rows): no size is a parameter ---- */

static int32_t sum_rows(const float *x, float *out, int64_t rows, int64_t columns) {
    for (int64_t i = 0; i < rows; i++) {
        out[i] = 0;
        for (int64_t j = 0; j < columns; j++)
            out[i] += x[i * columns + j];
    }
    return HOLOGRAM_OK;
}

static int32_t row_sums(const hologram_call *call) {
    return sum_rows(call->args[0], call->args[1], call->dims[0], call->dims[1]);
}
VARIANT(row_sums);

/* x, rows, columns, extent -> out */
static int32_t row_sums_direct(const hologram_call *call) {
    return sum_rows(call->args[0], call->args[4], SCALAR(int64_t, 1), SCALAR(int64_t, 2));
}
VARIANT(row_sums_direct);

/* ---- fill_all(out, value, n): outputs first ---- */

static int32_t fill(const hologram_call *call) {
    float value = SCALAR(float, 0), *out = call->args[1];
    for (int64_t i = 0; i < call->lengths[1]; i++)
        out[i] = value;
    return HOLOGRAM_OK;
}
VARIANT(fill);

/* value, n, extent -> out */
static int32_t fill_direct(const hologram_call *call) {
    float value = SCALAR(float, 0), *out = call->args[3];
    for (int64_t i = 0; i < call->lengths[3] && i < (int64_t)SCALAR(uint32_t, 1); i++)
        out[i] = value;
    return HOLOGRAM_OK;
}
VARIANT(fill_direct);

/* ---- ids(out): the caller says how many; out[i] = i ---- */

static int32_t ids(const hologram_call *call) { /* extent -> out */
    float *out = call->args[1];
    if (SCALAR(int64_t, 0) < 0)
        return hologram_fail(call, HOLOGRAM_BAD_VALUE, "argument 'extent': %lld",
                             (long long)SCALAR(int64_t, 0));
    for (int64_t i = call->begin; i < call->end; i++) {
        if (i >= call->lengths[1])
            return hologram_fail(call, HOLOGRAM_FAILED, "index %lld is outside", (long long)i);
        out[i] = (float)i;
    }
    return HOLOGRAM_OK;
}
VARIANT(ids);

static int64_t ids_extent(const hologram_call *call) {
    return SCALAR(int64_t, 0) < 0 ? 1 : SCALAR(int64_t, 0);
}

/* ---- doze(x, out): out = x^2 after 250 ms ---- */

static int32_t doze(const hologram_call *call) {
    nanosleep(&(struct timespec){.tv_nsec = 250000000}, NULL);
    return square(call);
}
VARIANT(doze);
#endif

static const hologram_kernel_row rows[] = {
    ROW(OP, SIGNATURE, square, NULL),
#ifdef MANIFEST
    ROW(OP "!direct", "(a),scalar:u32,scalar:i64->(b)", square_direct, square_extent),
#endif
#ifdef ALL_KERNELS
    ROW("saxpy", "scalar,(),()->()", saxpy, NULL),
    ROW("saxpy!direct", "scalar,(a),(b),scalar:u32,scalar:i64->(c)", saxpy_direct, saxpy_extent),
    ROW("accumulate", "inout(),()->", accumulate, NULL),
    ROW("accumulate!direct", "inout(a),(b),scalar:u64,scalar:i64->", accumulate, accumulate_extent),
    ROW("matmul", "(m,k),(k,n)->(m,n)", matmul, NULL),
    ROW("matmul!direct", "(a),(b),scalar:u32,scalar:u32,scalar:u32,scalar:i64->(c)", matmul_direct,
        NULL),
    ROW("row_sums", "(rows,columns)->(rows)", row_sums, NULL),
    ROW("row_sums!direct", "(a),scalar:i64,scalar:i64,scalar:i64->(b)", row_sums_direct, NULL),
    ROW("fill_all", "scalar->(n)", fill, NULL),
    ROW("fill_all!direct", "scalar,scalar:u32,scalar:i64->(a)", fill_direct, NULL),
    ROW("ids", "scalar:i64->(n)", ids, ids_extent),
    ROW("ids!direct", "scalar:i64->(a)", ids, ids_extent),
    {.op = "doze",
     .signature = "()->()",
     .dtype = "f32",
     .max_n = INT64_MAX,
     .work = 1 << 30,
     .variants = doze_variants,
     .variant_count = 1},
#endif
};

#ifndef MANIFEST
#define MANIFEST NULL
#endif
static const hologram_library library = {
    .abi_version = HOLOGRAM_ABI_VERSION,
    .size = sizeof(hologram_library),
    .producer = "tests",
    .source_hash = "",
    .rows = rows,
    .row_count = sizeof rows / sizeof *rows,
    .row_size = sizeof(hologram_kernel_row),
    .manifest = MANIFEST,
};

const hologram_library *hologram_library_v1(void) { return &library; }
