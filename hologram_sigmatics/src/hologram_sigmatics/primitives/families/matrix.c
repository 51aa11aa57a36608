/* Products of row-major matrices.
 *
 * Formula      gemv  out[i] = sum_p a[i, p] x[p]            dims: m, n
 *              gemm  out[i, j] = sum_p a[i, p] b[p, j]      dims: m, k, n
 * Accumulator  gemv of floats: double over pages of sums as sums.h has them. gemm of floats: f32 or
 *              f64, in the order of p, fused where that is one instruction; large ones are those of
 *              NumPy's BLAS. f16 is computed in f32. Integers are modulo 2^bits; of bools, + is or
 *              and * is and.
 * Limits       sums over nothing are zero.
 * Aliasing     none: out must not overlap an input.
 */
#include "../level.h"

/* As many rows as leave registers for two vectors of b and for one element of a. */
#if LEVEL_INDEX == 2 || defined(__aarch64__)
#define ROWS 8
#elif LEVEL_INDEX == 1
#define ROWS 6
#else
#define ROWS 4
#endif

#define BAND  48  /* rows of a packed part of a; a multiple of ROWS */
#define DEPTH 256 /* its columns, and rows of a packed stripe of b */
#define GROUP 16  /* stripes that one task does */

/* ---- gemm ------------------------------------------------------------------------------------ */

#define CLEAN(x)  (x)
#define ADD(a, b) ((a) + (b))

#define TYPE                    float
#define OF_TYPE(name)           name##_f32
#define MULTIPLY_ADD(sum, a, b) term_fused_f32(a, b, sum)
#include "product.h"
#undef TYPE
#undef OF_TYPE
#undef MULTIPLY_ADD

#define TYPE                    double
#define OF_TYPE(name)           name##_f64
#define MULTIPLY_ADD(sum, a, b) term_fused_f64(a, b, sum)
#include "product.h"
#undef TYPE
#undef OF_TYPE
#undef MULTIPLY_ADD

#define MULTIPLY_ADD(sum, a, b) ((sum) + (a) * (b))
#define TYPE                    uint8_t
#define OF_TYPE(name)           name##_u8
#include "product.h"
#undef TYPE
#undef OF_TYPE
#define TYPE          uint16_t
#define OF_TYPE(name) name##_u16
#include "product.h"
#undef TYPE
#undef OF_TYPE
#define TYPE          uint32_t
#define OF_TYPE(name) name##_u32
#include "product.h"
#undef TYPE
#undef OF_TYPE
#define TYPE          uint64_t
#define OF_TYPE(name) name##_u64
#include "product.h"
#undef TYPE
#undef OF_TYPE
#undef MULTIPLY_ADD
#undef CLEAN
#undef ADD

#define CLEAN(x)                ((x) != 0)
#define ADD(a, b)               ((a) | (b))
#define MULTIPLY_ADD(sum, a, b) ((sum) | ((a) & (b)))
#define TYPE                    uint8_t
#define OF_TYPE(name)           name##_b8
#include "product.h"
#undef TYPE
#undef OF_TYPE
#undef MULTIPLY_ADD
#undef CLEAN
#undef ADD

#define GEMM(d)                                                                                    \
    int32_t AT_LEVEL(gemm_##d)(const hologram_call *call) {                                        \
        const int64_t m = call->dims[0], k = call->dims[1], n = call->dims[2];                     \
        if (!BLAS_##d(call, call->args[0], call->args[1], call->args[2], m, k, n))                 \
            multiply_##d(call, call->args[0], call->args[1], call->args[2], m, k, n);              \
        return HOLOGRAM_OK;                                                                        \
    }

#define BLAS_f32      sigmatics_blas_f32
#define BLAS_f64      sigmatics_blas_f64
#define BLAS_u8(...)  false
#define BLAS_u16(...) false
#define BLAS_u32(...) false
#define BLAS_u64(...) false
#define BLAS_b8(...)  false
GEMM(f32)
GEMM(f64)
GEMM(u8)
GEMM(u16)
GEMM(u32)
GEMM(u64)
GEMM(b8)

/* In f32, which needs room for all three matrices. */
int32_t AT_LEVEL(gemm_f16)(const hologram_call *call) {
    const int64_t m = call->dims[0], k = call->dims[1], n = call->dims[2];
    float *a = malloc((size_t)(m * k + k * n + m * n + 1) * sizeof *a);
    if (a == NULL)
        return hologram_fail(call, HOLOGRAM_FAILED, "no memory for these matrices as f32");
    float *b = a + m * k, *out = b + k * n;
    widen(call->args[0], a, m * k);
    widen(call->args[1], b, k * n);
    if (!sigmatics_blas_f32(call, a, b, out, m, k, n))
        multiply_f32(call, a, b, out, m, k, n);
    narrow(out, call->args[2], m * n);
    free(a);
    return HOLOGRAM_OK;
}

/* ---- gemv ------------------------------------------------------------------------------------ */

#define GEMV_PAGE  1024  /* columns at a time */
#define GEMV_ROWS  32    /* that share those of x while they are in the first level of the cache */
#define GEMV_NEAR  16384 /* columns up to which all of x is near enough to be read anew */
#define GEMV_GRAIN 32768 /* elements of a that are worth a task */
#define ABREAST    4     /* rows that share each load of x */

/* Rows are the work; each is the same whoever does it. */
static int32_t share_rows(const hologram_call *call, hologram_task_fn rows) {
    const int64_t m = call->dims[0], n = call->dims[1];
    const int64_t grain = n < GEMV_GRAIN ? GEMV_GRAIN / (n > 0 ? n : 1) : 1;
    const int64_t whole = grain / GEMV_ROWS * GEMV_ROWS; /* so that rows abreast stay that */
    hologram_run(call, rows, (void *)(uintptr_t)call, m,
                 m * n < SPLIT_FROM ? m
                 : whole > 0        ? whole
                                    : GEMV_ROWS);
    return HOLOGRAM_OK;
}

/* Memory is read quicker along a row than in pages of many; where a row is one page that is the
 * same, and halves of x would be widened anew. */
INLINE bool reads_rows_whole(int64_t n, size_t size) {
    return n > GEMV_PAGE && n <= GEMV_NEAR && size > sizeof(uint16_t);
}

/* sum[r] += a[r] . x for `rows` rows, a constant where this is inlined. */
#define DOTS                                                                                       \
    INLINE void OF_REAL(add_dots)(const REAL *const *a, const REAL *x, int64_t n, int rows,        \
                                  double *sum) {                                                   \
        vec even[ABREAST], odd[ABREAST];                                                           \
        int64_t i = 0;                                                                             \
        UNROLL                                                                                     \
        for (int r = 0; r < rows; r++)                                                             \
            even[r] = odd[r] = (vec){0};                                                           \
        for (; i <= n - 2 * LANES; i += 2 * LANES) {                                               \
            const vec first = OF_REAL(load)(x + i), second = OF_REAL(load)(x + i + LANES);         \
            UNROLL                                                                                 \
            for (int r = 0; r < rows; r++) {                                                       \
                even[r] = OF_REAL(term_fused)(OF_REAL(load)(a[r] + i), first, even[r]);            \
                odd[r] = OF_REAL(term_fused)(OF_REAL(load)(a[r] + i + LANES), second, odd[r]);     \
            }                                                                                      \
        }                                                                                          \
        if (i <= n - LANES) {                                                                      \
            UNROLL                                                                                 \
            for (int r = 0; r < rows; r++)                                                         \
                even[r] =                                                                          \
                    OF_REAL(term_fused)(OF_REAL(load)(a[r] + i), OF_REAL(load)(x + i), even[r]);   \
            i += LANES;                                                                            \
        }                                                                                          \
        if (i < n) {                                                                               \
            const vec none = {0}, last = OF_REAL(load_part)(x + i, n - i, none);                   \
            UNROLL                                                                                 \
            for (int r = 0; r < rows; r++)                                                         \
                odd[r] =                                                                           \
                    OF_REAL(term_fused)(OF_REAL(load_part)(a[r] + i, n - i, none), last, odd[r]);  \
        }                                                                                          \
        UNROLL                                                                                     \
        for (int r = 0; r < rows; r++) {                                                           \
            double_vector wide[PARTS];                                                             \
            OF_REAL(widen_lanes)(even[r] + odd[r], wide);                                          \
            sum[r] += OF_REAL(add_up)(wide);                                                       \
        }                                                                                          \
    }

#define GEMV_OF_FLOATS(d, STORED)                                                                  \
    static void gemv_rows_##d(void *work, int64_t begin, int64_t end) {                            \
        const hologram_call *call = work;                                                          \
        const int64_t n = call->dims[1];                                                           \
        STORED *const out = call->args[2];                                                         \
        REAL x_buffer[GEMV_PAGE], buffer[ABREAST][GEMV_PAGE];                                      \
        const REAL *row[ABREAST];                                                                  \
        const int64_t group = reads_rows_whole(n, sizeof(STORED)) ? ABREAST : GEMV_ROWS;           \
        for (int64_t i = begin; i < end; i += group) {                                             \
            const STORED *a = (const STORED *)call->args[0] + i * n;                               \
            const int64_t rows = least(group, end - i);                                            \
            double sum[GEMV_ROWS] = {0};                                                           \
            for (int64_t p = 0; p < n; p += GEMV_PAGE) {                                           \
                const int64_t count = least(GEMV_PAGE, n - p);                                     \
                const REAL *x = read_##d((const STORED *)call->args[1] + p, x_buffer, count);      \
                int64_t r = 0;                                                                     \
                for (; r <= rows - ABREAST; r += ABREAST) {                                        \
                    for (int k = 0; k < ABREAST; k++)                                              \
                        row[k] = read_##d(a + (r + k) * n + p, buffer[k], count);                  \
                    OF_REAL(add_dots)(row, x, count, ABREAST, sum + r);                            \
                }                                                                                  \
                for (; r < rows; r++) {                                                            \
                    row[0] = read_##d(a + r * n + p, buffer[0], count);                            \
                    OF_REAL(add_dots)(row, x, count, 1, sum + r);                                  \
                }                                                                                  \
            }                                                                                      \
            for (int64_t r = 0; r < rows; r++)                                                     \
                out[i + r] = store_##d(sum[r]);                                                    \
        }                                                                                          \
    }                                                                                              \
    int32_t AT_LEVEL(gemv_##d)(const hologram_call *call) {                                        \
        return share_rows(call, gemv_rows_##d);                                                    \
    }

#define store_f32(x) ((float)(x))
#define store_f64(x) (x)
#define store_f16(x) narrow_one((float)(x))

#define REAL          float
#define OF_REAL(name) name##_f32
DOTS
GEMV_OF_FLOATS(f32, float)
GEMV_OF_FLOATS(f16, uint16_t)
#undef REAL
#undef OF_REAL

#define REAL          double
#define OF_REAL(name) name##_f64
DOTS
GEMV_OF_FLOATS(f64, double)
#undef REAL
#undef OF_REAL

/* Of bools a row is done when one product is true, which is looked for a little at a time: first in
 * one word, since where many are true one of its bytes is. */
#define WORD   ((int64_t)sizeof(uint64_t))
#define GLANCE (8 * WORD)

/* The top bit of each byte that is not zero. */
INLINE uint64_t true_bytes(const uint8_t *from, int64_t count) {
    const uint64_t low = 0x7f7f7f7f7f7f7f7f;
    uint64_t word = 0;
    memcpy(&word, from, (size_t)count);
    return (((word & low) + low) | word) & ~low;
}

INLINE uint64_t any_product(const uint8_t *a, const uint8_t *x, int64_t count) {
    uint64_t found = 0;
    int64_t i = 0;
    for (; i <= count - WORD; i += WORD)
        found |= true_bytes(a + i, WORD) & true_bytes(x + i, WORD);
    return i < count ? found | (true_bytes(a + i, count - i) & true_bytes(x + i, count - i))
                     : found;
}

INLINE bool any_product_of_row(const uint8_t *a, const uint8_t *x, int64_t n) {
    int64_t i = 0;
    if (n >= WORD && any_product(a, x, WORD) != 0)
        return true;
    for (; i <= n - GLANCE; i += GLANCE)
        if (any_product(a + i, x + i, GLANCE) != 0)
            return true;
    return any_product(a + i, x + i, n - i) != 0;
}

static void gemv_rows_b8(void *work, int64_t begin, int64_t end) {
    const hologram_call *call = work;
    const int64_t n = call->dims[1];
    const uint8_t *a = (const uint8_t *)call->args[0], *x = call->args[1];
    uint8_t *out = call->args[2];
    for (int64_t i = begin; i < end; i++)
        out[i] = any_product_of_row(a + i * n, x, n);
}

int32_t AT_LEVEL(gemv_b8)(const hologram_call *call) { return share_rows(call, gemv_rows_b8); }

#define GEMV_OF_INTEGERS(d, T)                                                                     \
    static void gemv_rows_##d(void *work, int64_t begin, int64_t end) {                            \
        const hologram_call *call = work;                                                          \
        const int64_t n = call->dims[1];                                                           \
        const T *as = (const T *)call->args[0] + begin * n, *bs = call->args[1];                   \
        T *out = call->args[2];                                                                    \
        for (int64_t i = begin; i < end; i++, as += n) {                                           \
            T sum = 0;                                                                             \
            for (int64_t p = 0; p < n; p++) {                                                      \
                const T a = as[p], b = bs[p];                                                      \
                sum = (T)(sum + (T)(1u * a * b));                                                  \
            }                                                                                      \
            out[i] = sum;                                                                          \
        }                                                                                          \
    }                                                                                              \
    int32_t AT_LEVEL(gemv_##d)(const hologram_call *call) {                                        \
        return share_rows(call, gemv_rows_##d);                                                    \
    }

GEMV_OF_INTEGERS(u8, uint8_t)
GEMV_OF_INTEGERS(u16, uint16_t)
GEMV_OF_INTEGERS(u32, uint32_t)
GEMV_OF_INTEGERS(u64, uint64_t)
