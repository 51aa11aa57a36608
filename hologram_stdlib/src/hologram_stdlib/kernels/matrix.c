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
 * of LANES the last vector overlaps the one before, and is half as wide if that will do; only
 * matrices narrower than a vector need parts.
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
    for (; p <= n - LANES; p += LANES) {
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
    for (; i <= m - GEMV_ROWS; i += GEMV_ROWS)
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

/* Where the elements of one column of a are: every third row has a pointer that moves along, and
 * the next two are k and 2k away from it. A pointer for each of eight rows would not fit the
 * registers.
 */
typedef struct {
    const float *row[3];
} Column;

INLINE Column column_of(const float *a, int64_t k, int rows) {
    Column at = {{a, rows > 3 ? a + 3 * k : a, rows > 6 ? a + 6 * k : a}};
    if (rows > 3) /* the compiler, seeing where they come from, would go back to a pointer a row */
        __asm__("" : "+r"(at.row[1]), "+r"(at.row[2]));
    return at;
}

INLINE float column_element(const Column *at, int r, int64_t k) {
    return at->row[r / 3][r % 3 * k];
}

INLINE void next_column(Column *at) { at->row[0]++, at->row[1]++, at->row[2]++; }

enum width { HALF_VECTOR, ONE_VECTOR, TWO_VECTORS };

#if LANES == 16
#define HALF (LANES / 2)

/* Like gemm_block, with half a vector of columns: two of them take the time of one of gemm_block's.
 */
INLINE void gemm_half_block(const Gemm *g, int64_t i, int64_t j, int rows, bool part) {
    const float *b = g->b + j;
    float *out = g->out + i * g->n + j;
    const int64_t k = g->k, n = g->n;
    Column at = column_of(g->a + i * k, k, rows);
    const __mmask8 mask = part ? (__mmask8)_bzhi_u32(0xff, (unsigned)n) : 0xff;
    __m256 sum[MAX_ROWS];
    UNROLL
    for (int r = 0; r < rows; r++)
        sum[r] = _mm256_setzero_ps();
    for (int64_t p = 0; p < k; p++, next_column(&at)) {
        const __m256 bs = _mm256_maskz_loadu_ps(mask, b + p * n);
        UNROLL
        for (int r = 0; r < rows; r++)
            sum[r] = _mm256_fmadd_ps(_mm256_set1_ps(column_element(&at, r, k)), bs, sum[r]);
    }
    UNROLL
    for (int r = 0; r < rows; r++)
        _mm256_mask_storeu_ps(out + r * n, mask, sum[r]);
}
#else
#define HALF 0 /* not worth it: no remainder is that short */
#define gemm_half_block(g, i, j, rows, part)
#endif

/* The block of out at row i, column j: `rows` rows of one or two vectors of columns, of which the
 * second begins `second` columns after the first. With `part`, the one vector holds only n columns.
 */
INLINE void gemm_block(const Gemm *g, int64_t i, int64_t j, int64_t second, int rows,
                       enum width width, bool part) {
    if (width == HALF_VECTOR) {
        gemm_half_block(g, i, j, rows, part);
        return;
    }
    const float *b = g->b + j;
    float *out = g->out + i * g->n + j;
    const int64_t k = g->k, n = g->n;
    Column at = column_of(g->a + i * k, k, rows);
    vf sum[MAX_ROWS][2];
    UNROLL
    for (int r = 0; r < rows; r++)
        sum[r][0] = sum[r][1] = (vf){0};
    for (int64_t p = 0; p < k; p++, next_column(&at)) {
        const vf none = {0};
        const vf first = part ? v_load_part(b + p * n, n, none) : v_load(b + p * n);
        const vf other = width == TWO_VECTORS ? v_load(b + p * n + second) : none;
        UNROLL
        for (int r = 0; r < rows; r++) {
            const vf factor = v_all(column_element(&at, r, k));
            sum[r][0] = v_muladd(factor, first, sum[r][0]);
            if (width == TWO_VECTORS)
                sum[r][1] = v_muladd(factor, other, sum[r][1]);
        }
    }
    UNROLL
    for (int r = 0; r < rows; r++) {
        if (part)
            v_store_part(out + r * n, sum[r][0], n);
        else
            v_store(out + r * n, sum[r][0]);
        if (width == TWO_VECTORS)
            v_store(out + r * n + second, sum[r][1]);
    }
}

/* All rows of some columns, in blocks as equal as can be. */
INLINE void gemm_columns(const Gemm *g, int64_t j, int64_t second, enum width width, bool part) {
    int64_t blocks = (g->m + MAX_ROWS - 1) / MAX_ROWS;
    for (int64_t i = 0; i < g->m; blocks--) {
        const int64_t rows = (g->m - i + blocks - 1) / blocks;
        switch (rows) {
#define ROWS(count)                                                                                \
    case count:                                                                                    \
        gemm_block(g, i, j, second, count, width, part);                                           \
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
    for (; j <= g.n - 2 * LANES; j += 2 * LANES)
        gemm_columns(&g, j, LANES, TWO_VECTORS, false);
    int64_t left = g.n - j;
    if (left > LANES + HALF) {
        gemm_columns(&g, j, left - LANES, TWO_VECTORS, false);
        return HOLOGRAM_OK;
    }
    if (left > HALF) {
        if (g.n < LANES)
            gemm_columns(&g, 0, 0, ONE_VECTOR, true);
        else
            gemm_columns(&g, left < LANES ? g.n - LANES : j, 0, ONE_VECTOR, false);
        left -= LANES;
    }
    if (left > 0) {
        if (g.n < HALF)
            gemm_columns(&g, 0, 0, HALF_VECTOR, true);
        else
            gemm_columns(&g, g.n - HALF, 0, HALF_VECTOR, false);
    }
    return HOLOGRAM_OK;
}
