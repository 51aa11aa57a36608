/* Products of small row-major matrices.
 *
 * Formula      gemv  out[i] = sum_p a[i, p] x[p]            dims: m, n
 *              gemm  out[i, j] = sum_p a[i, p] b[p, j]      dims: m, k, n
 * Accumulator  f32, fused products where the machine has them. gemv keeps LANES parts per row; gemm
 *              adds in the order of p, so its error grows with k as that of a running sum.
 * Limits       sums over nothing are zero.
 * Aliasing     none: out must not overlap an input (some elements are computed twice).
 *
 * gemm computes a block of out at a time in registers: MAX_ROWS rows, two vectors of columns. All
 * three matrices fit the first-level cache, so nothing is packed. Where the columns are no multiple
 * of LANES the last vector overlaps the one before; only matrices narrower than LANES need parts.
 */
#include "fold.h"

/* As many rows as leave registers for the row of b and for one element of a. */
#if LANES == 16 || defined(__aarch64__)
#define MAX_ROWS 8
#elif LANES == 8
#define MAX_ROWS 6
#else
#define MAX_ROWS 4
#endif

/* ---- gemv: several rows share each load of x ------------------------------------------------ */

#define GEMV_ROWS 4

typedef float v4 __attribute__((vector_size(16)));
typedef float v4_anywhere __attribute__((vector_size(16), aligned(4), may_alias));

#if defined(__clang__) || __GNUC__ >= 12
#define PICK(x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#else
typedef int32_t v4_lanes __attribute__((vector_size(16)));
#define PICK(x, y, ...) __builtin_shuffle(x, y, (v4_lanes){__VA_ARGS__})
#endif

/* Four sums, each over every fourth lane of x. */
INLINE v4 sum_quarters(vf x) {
#if LANES == 16
    __m256 half = _mm512_extractf32x8_ps((__m512)x, 1);
    half = _mm256_add_ps(half, _mm512_castps512_ps256((__m512)x));
    return (v4)_mm_add_ps(_mm256_extractf128_ps(half, 1), _mm256_castps256_ps128(half));
#elif LANES == 8
    return (v4)_mm_add_ps(_mm256_extractf128_ps((__m256)x, 1), _mm256_castps256_ps128((__m256)x));
#else
    return x;
#endif
}

/* The sums of four vectors, for less than four times the work of one. */
INLINE v4 sum_each(const vf x[GEMV_ROWS]) {
    const v4 a = sum_quarters(x[0]), b = sum_quarters(x[1]);
    const v4 c = sum_quarters(x[2]), d = sum_quarters(x[3]);
    const v4 ab = PICK(a, b, 0, 4, 1, 5) + PICK(a, b, 2, 6, 3, 7);
    const v4 cd = PICK(c, d, 0, 4, 1, 5) + PICK(c, d, 2, 6, 3, 7);
    return PICK(ab, cd, 0, 1, 4, 5) + PICK(ab, cd, 2, 3, 6, 7);
}

/* out[r] = a[r] . x for `rows` consecutive rows of a. */
INLINE void gemv_rows(const float *a, const float *x, float *out, int64_t n, int rows) {
    vf sum[GEMV_ROWS];
    int64_t p = 0;
    UNROLL
    for (int r = 0; r < rows; r++)
        sum[r] = (vf){0};
    for (; n - p >= LANES; p += LANES) {
        const vf xs = v_load(x + p);
        UNROLL
        for (int r = 0; r < rows; r++)
            sum[r] = v_muladd(v_load(a + r * n + p), xs, sum[r]);
    }
    if (p < n) {
        const vf none = {0}, xs = v_load_part(x + p, n - p, none);
        UNROLL
        for (int r = 0; r < rows; r++)
            sum[r] = v_muladd(v_load_part(a + r * n + p, n - p, none), xs, sum[r]);
    }
    if (rows == GEMV_ROWS) {
        *(v4_anywhere *)out = sum_each(sum);
        return;
    }
    UNROLL
    for (int r = 0; r < rows; r++)
        out[r] = join_lanes(sum[r], v_plus);
}

INLINE void multiply_vector(const float *a, const float *x, float *out, int64_t m, int64_t n) {
    int64_t i = 0;
    for (; m - i >= GEMV_ROWS; i += GEMV_ROWS)
        gemv_rows(a + i * n, x, out + i, n, GEMV_ROWS);
    if (i < m && m > GEMV_ROWS) /* the last rows together with some that are done */
        gemv_rows(a + (m - GEMV_ROWS) * n, x, out + m - GEMV_ROWS, n, GEMV_ROWS);
    else
        for (; i < m; i++)
            gemv_rows(a + i * n, x, out + i, n, 1);
}

int32_t SYMBOL(gemv)(const hologram_call *call) {
    multiply_vector(call->args[0], call->args[1], call->args[2], call->dims[0], call->dims[1]);
    return HOLOGRAM_OK;
}

/* ---- gemm ----------------------------------------------------------------------------------- */

typedef struct {
    const float *a, *b;
    float *out;
    int64_t m, k, n;
} Gemm;

/* The block of out at row i, column j: `rows` rows and `vectors` vectors of columns, of which the
 * second begins `second` columns after the first. With `part`, the one vector holds only n columns.
 */
INLINE void gemm_block(const Gemm *g, int64_t i, int64_t j, int64_t second, int rows, int vectors,
                       bool part) {
    const float *a = g->a + i * g->k, *b = g->b + j;
    float *out = g->out + i * g->n + j;
    const int64_t k = g->k, n = g->n;
    vf sum[MAX_ROWS][2];
    UNROLL
    for (int r = 0; r < rows; r++)
        sum[r][0] = sum[r][1] = (vf){0};
    for (int64_t p = 0; p < k; p++) {
        const vf none = {0};
        const vf first = part ? v_load_part(b + p * n, n, none) : v_load(b + p * n);
        const vf other = vectors == 2 ? v_load(b + p * n + second) : none;
        UNROLL
        for (int r = 0; r < rows; r++) {
            const vf factor = v_all(a[r * k + p]);
            sum[r][0] = v_muladd(factor, first, sum[r][0]);
            if (vectors == 2)
                sum[r][1] = v_muladd(factor, other, sum[r][1]);
        }
    }
    UNROLL
    for (int r = 0; r < rows; r++) {
        if (part)
            v_store_part(out + r * n, sum[r][0], n);
        else
            v_store(out + r * n, sum[r][0]);
        if (vectors == 2)
            v_store(out + r * n + second, sum[r][1]);
    }
}

/* All rows of some columns, in blocks as equal as can be. */
INLINE void gemm_columns(const Gemm *g, int64_t j, int64_t second, int vectors, bool part) {
    int64_t blocks = (g->m + MAX_ROWS - 1) / MAX_ROWS;
    for (int64_t i = 0; i < g->m; blocks--) {
        const int64_t rows = (g->m - i + blocks - 1) / blocks;
        switch (rows) {
#define ROWS(count)                                                                                \
    case count:                                                                                    \
        gemm_block(g, i, j, second, count, vectors, part);                                         \
        break;
            ROWS(1)
            ROWS(2)
            ROWS(3)
            ROWS(4)
#if MAX_ROWS >= 6
            ROWS(5)
            ROWS(6)
#endif
#if MAX_ROWS >= 8
            ROWS(7)
            ROWS(8)
#endif
#undef ROWS
        }
        i += rows;
    }
}

int32_t SYMBOL(gemm)(const hologram_call *call) {
    const Gemm g = {.a = call->args[0],
                    .b = call->args[1],
                    .out = call->args[2],
                    .m = call->dims[0],
                    .k = call->dims[1],
                    .n = call->dims[2]};
    int64_t j = 0;
    if (g.n == 1) {
        multiply_vector(g.a, g.b, g.out, g.m, g.k);
        return HOLOGRAM_OK;
    }
    if (g.n < LANES) {
        if (g.n > 0)
            gemm_columns(&g, 0, 0, 1, true);
        return HOLOGRAM_OK;
    }
    for (; g.n - j > LANES; j += 2 * LANES) {
        if (g.n - j < 2 * LANES) {
            gemm_columns(&g, j, g.n - j - LANES, 2, false);
            return HOLOGRAM_OK;
        }
        gemm_columns(&g, j, LANES, 2, false);
    }
    if (j < g.n)
        gemm_columns(&g, g.n - LANES, 0, 1, false);
    return HOLOGRAM_OK;
}
