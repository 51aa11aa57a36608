/* Plain kernels for the tests: correct, slow, and a few that fail, sleep or count on purpose. */
#define _POSIX_C_SOURCE 200809L
#include "hologram/kernel.h"

#include <math.h>
#include <string.h>
#include <time.h>

#define FOR_ITEMS(i)  for (int64_t i = call->begin; i < call->end; i++)
#define VARIANT(name) static const hologram_variant name##_variants[] = {{"baseline", name}}

/* Each arithmetic dtype: its C type and its name. */
#define FOR_DTYPES(X)                                                                              \
    X(float, f32)                                                                                  \
    X(double, f64)                                                                                 \
    X(int8_t, i8)                                                                                  \
    X(int16_t, i16)                                                                                \
    X(int32_t, i32)                                                                                \
    X(int64_t, i64)                                                                                \
    X(uint8_t, u8)                                                                                 \
    X(uint16_t, u16)                                                                               \
    X(uint32_t, u32)                                                                               \
    X(uint64_t, u64)

#define ARITHMETIC(T, dtype)                                                                       \
    static int32_t vector_add_##dtype(const hologram_call *call) {                                 \
        const T *a = call->args[0], *b = call->args[1];                                            \
        T *out = call->args[2];                                                                    \
        FOR_ITEMS(i) out[i] = (T)(a[i] + b[i]);                                                    \
        return HOLOGRAM_OK;                                                                        \
    }                                                                                              \
    VARIANT(vector_add_##dtype);                                                                   \
    static int32_t scalar_add_##dtype(const hologram_call *call) {                                 \
        const T *x = call->args[0], value = *(const T *)call->args[1];                             \
        T *out = call->args[2];                                                                    \
        FOR_ITEMS(i) out[i] = (T)(x[i] + value);                                                   \
        return HOLOGRAM_OK;                                                                        \
    }                                                                                              \
    VARIANT(scalar_add_##dtype);
FOR_DTYPES(ARITHMETIC)

#define COPY(T, dtype)                                                                             \
    static int32_t copy_##dtype(const hologram_call *call) {                                       \
        memmove((T *)call->args[1] + call->begin, (const T *)call->args[0] + call->begin,          \
                (size_t)(call->end - call->begin) * sizeof(T));                                    \
        return HOLOGRAM_OK;                                                                        \
    }                                                                                              \
    VARIANT(copy_##dtype);
FOR_DTYPES(COPY)
COPY(uint16_t, f16)
COPY(uint8_t, bool)

static int32_t vector_fma(const hologram_call *call) {
    const float *a = call->args[0], *b = call->args[1], *c = call->args[2];
    float *out = call->args[3];
    FOR_ITEMS(i) out[i] = fmaf(a[i], b[i], c[i]);
    return HOLOGRAM_OK;
}
VARIANT(vector_fma);

/* Writes before it reads, and so is wrong in place. */
static int32_t vector_neg(const hologram_call *call) {
    const float *x = call->args[0];
    float *out = call->args[1];
    FOR_ITEMS(i) out[i] = 7;
    FOR_ITEMS(i) out[i] = -x[i];
    return HOLOGRAM_OK;
}
VARIANT(vector_neg);

static int32_t axpy(const hologram_call *call) {
    const float alpha = *(const float *)call->args[0], *x = call->args[1], *y = call->args[2];
    float *out = call->args[3];
    FOR_ITEMS(i) out[i] = alpha * x[i] + y[i];
    return HOLOGRAM_OK;
}
VARIANT(axpy);

static int32_t fill(const hologram_call *call) {
    float *out = call->args[1];
    FOR_ITEMS(i) out[i] = *(const float *)call->args[0];
    return HOLOGRAM_OK;
}
VARIANT(fill);

static int32_t reduce_sum(const hologram_call *call) {
    const float *x = call->args[0];
    double sum = 0;
    for (int64_t i = 0; i < call->dims[0]; i++)
        sum += x[i];
    *(float *)call->args[1] = (float)sum;
    return HOLOGRAM_OK;
}
VARIANT(reduce_sum);

static int32_t reduce_max(const hologram_call *call) {
    const float *x = call->args[0];
    if (call->dims[0] == 0)
        return hologram_fail(call, HOLOGRAM_BAD_VALUE, "no elements");
    float largest = x[0];
    for (int64_t i = 1; i < call->dims[0]; i++)
        largest = x[i] > largest ? x[i] : largest;
    *(float *)call->args[1] = largest;
    return HOLOGRAM_OK;
}
VARIANT(reduce_max);

static int32_t vector_dot(const hologram_call *call) {
    const float *a = call->args[0], *b = call->args[1];
    double sum = 0;
    for (int64_t i = 0; i < call->dims[0]; i++)
        sum += (double)a[i] * b[i];
    *(float *)call->args[2] = (float)sum;
    return HOLOGRAM_OK;
}
VARIANT(vector_dot);

static int32_t softmax(const hologram_call *call) {
    const float *x = call->args[0];
    float *out = call->args[1];
    float largest = -INFINITY, sum = 0;
    for (int64_t i = 0; i < call->dims[0]; i++)
        largest = x[i] > largest ? x[i] : largest;
    for (int64_t i = 0; i < call->dims[0]; i++)
        sum += expf(x[i] - largest);
    for (int64_t i = 0; i < call->dims[0]; i++)
        out[i] = expf(x[i] - largest) / sum; /* aliasing would change x under the first two loops */
    return HOLOGRAM_OK;
}
VARIANT(softmax);

static int32_t layer_norm(const hologram_call *call) {
    const float *x = call->args[0], *weight = call->args[1], *bias = call->args[2];
    const float eps = *(const float *)call->args[3];
    float *out = call->args[4];
    double mean = 0, variance = 0, n = (double)call->dims[0];
    for (int64_t i = 0; i < call->dims[0]; i++)
        mean += x[i] / n;
    for (int64_t i = 0; i < call->dims[0]; i++)
        variance += (x[i] - mean) * (x[i] - mean) / n;
    for (int64_t i = 0; i < call->dims[0]; i++)
        out[i] = (float)((x[i] - mean) / sqrt(variance + eps)) * weight[i] + bias[i];
    return HOLOGRAM_OK;
}
VARIANT(layer_norm);

static int32_t gemv(const hologram_call *call) {
    const float *a = call->args[0], *x = call->args[1];
    float *out = call->args[2];
    for (int64_t i = 0; i < call->dims[0]; i++) {
        float sum = 0;
        for (int64_t k = 0; k < call->dims[1]; k++)
            sum += a[i * call->dims[1] + k] * x[k];
        out[i] = sum;
    }
    return HOLOGRAM_OK;
}
VARIANT(gemv);

static int32_t gemm(const hologram_call *call) {
    const float *a = call->args[0], *b = call->args[1];
    float *out = call->args[2];
    const int64_t depth = call->dims[1], columns = call->dims[2];
    for (int64_t i = 0; i < call->dims[0]; i++) {
        for (int64_t j = 0; j < columns; j++) {
            float sum = 0;
            for (int64_t k = 0; k < depth; k++)
                sum += a[i * depth + k] * b[k * columns + j];
            out[i * columns + j] = sum;
        }
    }
    return HOLOGRAM_OK;
}
VARIANT(gemm);

/* ---- ops that are in no catalogue: other shapes of signatures -------------------------------- */

static int32_t sum_and_difference(const hologram_call *call) {
    const float *a = call->args[0], *b = call->args[1];
    float *sum = call->args[2], *difference = call->args[3];
    FOR_ITEMS(i) {
        sum[i] = a[i] + b[i];
        difference[i] = a[i] - b[i];
    }
    return HOLOGRAM_OK;
}
VARIANT(sum_and_difference);

static int32_t min_and_max(const hologram_call *call) {
    const float *x = call->args[0];
    float least = INFINITY, largest = -INFINITY;
    for (int64_t i = 0; i < call->dims[0]; i++) {
        least = x[i] < least ? x[i] : least;
        largest = x[i] > largest ? x[i] : largest;
    }
    *(float *)call->args[1] = least;
    *(float *)call->args[2] = largest;
    return HOLOGRAM_OK;
}
VARIANT(min_and_max);

static int32_t accumulate(const hologram_call *call) {
    float *total = call->args[0];
    const float *x = call->args[1];
    FOR_ITEMS(i) total[i] += x[i];
    return HOLOGRAM_OK;
}
VARIANT(accumulate);

static int32_t add_to_row(const hologram_call *call) {
    float *row = call->args[0];
    const float *x = call->args[1];
    for (int64_t i = 0; i < call->dims[0]; i++)
        row[i] += x[i];
    return HOLOGRAM_OK;
}
VARIANT(add_to_row);

static int32_t count_positive(const hologram_call *call) {
    const float *x = call->args[0];
    int64_t count = 0;
    for (int64_t i = 0; i < call->dims[0]; i++)
        count += x[i] > 0;
    *(int64_t *)call->args[1] = count;
    return HOLOGRAM_OK;
}
VARIANT(count_positive);

static int32_t repeat(const hologram_call *call) {
    const float *x = call->args[0];
    float *out = call->args[1];
    for (int64_t i = 0; i < call->dims[1]; i++)
        out[i] = call->dims[0] > 0 ? x[i % call->dims[0]] : 0;
    return HOLOGRAM_OK;
}
VARIANT(repeat);

static int32_t cross(const hologram_call *call) {
    const float *a = call->args[0], *b = call->args[1];
    float *out = call->args[2];
    for (int i = 0; i < 3; i++)
        out[i] = a[(i + 1) % 3] * b[(i + 2) % 3] - a[(i + 2) % 3] * b[(i + 1) % 3];
    return HOLOGRAM_OK;
}
VARIANT(cross);

/* Rows are work items here. */
static int64_t row_sums_extent(const hologram_call *call) { return call->dims[0]; }
static int32_t row_sums(const hologram_call *call) {
    const float *x = call->args[0];
    float *out = call->args[1];
    FOR_ITEMS(i) {
        out[i] = 0;
        for (int64_t k = 0; k < call->dims[1]; k++)
            out[i] += x[i * call->dims[1] + k];
    }
    return HOLOGRAM_OK;
}
VARIANT(row_sums);

/* ---- on purpose ------------------------------------------------------------------------------ */

/* x[0] is the code to fail with. */
static int32_t fail(const hologram_call *call) {
    const float *x = call->args[0];
    int32_t code = (int32_t)x[0];
    if (code == 1 || code == 2)
        return hologram_fail(call, code, "failed with %d on purpose", (int)code);
    if (code == 9)
        memset(call->error, 0xff, call->error_size); /* neither UTF-8 nor terminated */
    return code;
}
VARIANT(fail);

/* Sleeps x[0] milliseconds, then doubles. */
static int32_t sleep_and_double(const hologram_call *call) {
    const float *x = call->args[0];
    float *out = call->args[1];
    struct timespec time = {0, (long)(x[0] * 1e6f)};
    nanosleep(&time, NULL);
    FOR_ITEMS(i) out[i] = 2 * x[i];
    return HOLOGRAM_OK;
}
VARIANT(sleep_and_double);

/* a + b + context: tells which row was called. */
static int32_t add_context(const hologram_call *call) {
    const float *a = call->args[0], *b = call->args[1];
    float *out = call->args[2];
    FOR_ITEMS(i) out[i] = a[i] + b[i] + (float)(intptr_t)call->context;
    return HOLOGRAM_OK;
}
VARIANT(add_context);

/* ---- a kernel that divides its work itself --------------------------------------------------- */

typedef struct {
    const hologram_call *call;
    int64_t offset, depth; /* of what runs: `depth` times it is divided again */
} Spread;

static int64_t thread_number(void) {
    static _Atomic int64_t threads;
    static _Thread_local int64_t mine;
    if (mine == 0)
        mine = ++threads;
    return mine;
}

/* How often each item was done, where its piece began, on which thread, and as which in time. */
static void spread_piece(void *work, int64_t begin, int64_t end) {
    const Spread *spread = work;
    const hologram_call *call = spread->call;
    int64_t *times = call->args[4], *begins = call->args[5], *threads = call->args[6];
    int64_t *order = call->args[7];
    static _Atomic int64_t moment;
    begin += spread->offset;
    end += spread->offset;
    if (spread->depth > 0) {
        Spread inner = {call, begin, spread->depth - 1};
        hologram_run(call, spread_piece, &inner, end - begin, 1);
        return;
    }
    if (begin == 0 && *(const int64_t *)call->args[3] > 0) {
        struct timespec time = {0, (long)(*(const int64_t *)call->args[3] * 1000000)};
        nanosleep(&time, NULL);
    }
    const int64_t now = ++moment;
    for (int64_t i = begin; i < end; i++) {
        times[i]++;
        begins[i] = begin;
        threads[i] = thread_number();
        order[i] = now;
    }
}

static int32_t spread(const hologram_call *call) {
    Spread whole = {call, 0, *(const int64_t *)call->args[2]};
    for (int64_t i = 0; i < call->dims[0]; i++)
        ((int64_t *)call->args[4])[i] = 0;
    hologram_run(call, spread_piece, &whole, call->dims[0], *(const int64_t *)call->args[1]);
    return HOLOGRAM_OK;
}
VARIANT(spread);

/* ---- the table ------------------------------------------------------------------------------- */

#define ROW(op_, signature_, dtype_, function, flags_)                                             \
    {.op = op_,                                                                                    \
     .signature = signature_,                                                                      \
     .dtype = dtype_,                                                                              \
     .doc = "For tests.",                                                                          \
     .max_n = INT64_MAX,                                                                           \
     .flags = flags_,                                                                              \
     .work = 1,                                                                                    \
     .variants = function##_variants,                                                              \
     .variant_count = 1}
#define BOTH (HOLOGRAM_SPLITTABLE | HOLOGRAM_MAY_ALIAS)
#define ARITHMETIC_ROWS(T, dtype)                                                                  \
    ROW("vector_add", "(),()->()", #dtype, vector_add_##dtype, BOTH),                              \
        ROW("scalar_add", "(),scalar->()", #dtype, scalar_add_##dtype, BOTH),
#define COPY_ROW(T, dtype) ROW("copy", "()->()", #dtype, copy_##dtype, BOTH),

static const hologram_kernel_row rows[] = {
    FOR_DTYPES(ARITHMETIC_ROWS) FOR_DTYPES(COPY_ROW) COPY_ROW(uint16_t, f16) COPY_ROW(uint8_t, bool)
        ROW("vector_fma", "(),(),()->()", "f32", vector_fma, BOTH),
    ROW("vector_neg", "()->()", "f32", vector_neg, HOLOGRAM_SPLITTABLE),
    ROW("axpy", "scalar,(),()->()", "f32", axpy, BOTH),
    ROW("fill", "scalar->()", "f32", fill, BOTH),
    ROW("reduce_sum", "(...)->()", "f32", reduce_sum, 0),
    ROW("reduce_max", "(...)->()", "f32", reduce_max, 0),
    ROW("vector_dot", "(...),(...)->()", "f32", vector_dot, 0),
    ROW("softmax", "(n)->(n)", "f32", softmax, HOLOGRAM_MAY_ALIAS),
    ROW("layer_norm", "(n),(n),(n),scalar->(n)", "f32", layer_norm, 0),
    ROW("gemv", "(m,n),(n)->(m)", "f32", gemv, 0),
    ROW("gemm", "(m,k),(k,n)->(m,n)", "f32", gemm, 0),
    ROW("test.sum_and_difference", "(),()->(),()", "f32", sum_and_difference, BOTH),
    ROW("test.min_and_max", "(n)->(),()", "f32", min_and_max, 0),
    ROW("test.accumulate", "inout(),()->", "f32", accumulate, BOTH),
    ROW("test.add_to_row", "inout(n),(n)->", "f32", add_to_row, 0),
    ROW("test.count_positive", "(n)->():i64", "f32", count_positive, 0),
    ROW("test.repeat", "(n)->(m)", "f32", repeat, 0),
    ROW("test.cross", "(3),(3)->(3)", "f32", cross, 0),
    ROW("test.fail", "()->()", "f32", fail, BOTH),
    ROW("test.spread", "(n),scalar,scalar,scalar->(n),(n),(n),(n)", "i64", spread, 0),
    {.op = "test.row_sums",
     .signature = "(m,n)->(m)",
     .dtype = "f32",
     .max_n = INT64_MAX,
     .flags = HOLOGRAM_SPLITTABLE,
     .work = 1,
     .variants = row_sums_variants,
     .variant_count = 1,
     .extent = row_sums_extent},
    {.op = "test.sleep",
     .signature = "()->()",
     .dtype = "f32",
     .max_n = INT64_MAX,
     .flags = BOTH,
     .work = 1 << 20,
     .variants = sleep_and_double_variants,
     .variant_count = 1},
    {.op = "test.context",
     .signature = "(),()->()",
     .dtype = "f32",
     .doc = "For tests.",
     .max_n = INT64_MAX,
     .flags = BOTH,
     .work = 1,
     .variants = add_context_variants,
     .variant_count = 1,
     .context = (void *)(intptr_t)5},
};

static const hologram_library library = {
    .abi_version = HOLOGRAM_ABI_VERSION,
    .size = sizeof(hologram_library),
    .producer = "tests",
    .source_hash = "",
    .rows = rows,
    .row_count = sizeof rows / sizeof *rows,
    .row_size = sizeof(hologram_kernel_row),
};

const hologram_library *hologram_library_v1(void) { return &library; }
