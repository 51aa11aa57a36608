/* Reductions of a page to a Partial: sums, products, extremes and losses.
 *
 * Formula      reduce_sum            sum a
 *              reduce_prod           prod a
 *              reduce_min, _max      min a, max a
 *              vector_dot            sum a b
 *              mse                   sum (p - t)^2 / n
 *              binary_cross_entropy  -sum (t log p + (1 - t) log(1 - p)) / n
 *              cross_entropy         -sum t log p, over a row
 * Accumulator  of floats: as sums.h says; the pages of a whole array are joined with what rounding
 *              took (fold.c). Integers are modulo 2^bits.
 * Limits       NaN if any element is. A term whose weight (t or 1 - t) is zero counts zero, also
 *              where its logarithm is infinite; nothing is clamped.
 * Aliasing     none: the result is written once everything has been read.
 */
#include "../level.h"

#define PAGE_BODY(name) Partial AT_LEVEL(name)(void *const *args, int64_t begin, int64_t end)

/* ---- floats ---------------------------------------------------------------------------------- */

#define REAL          float
#define OF_REAL(name) name##_f32
#include "sums.h"
#include "losses.h"
#undef REAL
#undef OF_REAL

#define REAL          double
#define OF_REAL(name) name##_f64
#include "sums.h"
#include "losses.h"
#undef REAL
#undef OF_REAL

/* A page of one or two arrays. */
#define ONE_PAGE                                                                                   \
    const REAL *a = (const REAL *)args[0] + begin;                                                 \
    const int64_t n = end - begin;
#define TWO_PAGES ONE_PAGE const REAL *b = (const REAL *)args[1] + begin;

#define FLOAT_PAGE(op, pages, result)                                                              \
    PAGE_BODY(OF_REAL(op)) { pages return (Partial){.number = (double)(result)}; }

#define FLOAT_PAGES                                                                                \
    FLOAT_PAGE(reduce_sum, ONE_PAGE, SUM(a, NULL, 0, n, itself))                                   \
    FLOAT_PAGE(reduce_prod, ONE_PAGE, OF_REAL(product_of)(a, n))                                   \
    FLOAT_PAGE(reduce_min, ONE_PAGE, SMALLEST(a, n))                                               \
    FLOAT_PAGE(reduce_max, ONE_PAGE, LARGEST(a, n))                                                \
    FLOAT_PAGE(vector_dot, TWO_PAGES, SUM(a, b, 0, n, product))                                    \
    FLOAT_PAGE(mse, TWO_PAGES, SUM(a, b, 0, n, square_of_difference))                              \
    FLOAT_PAGE(cross_entropy, TWO_PAGES, LOSS(a, b, n, entropy))                                   \
    FLOAT_PAGE(binary_cross_entropy, TWO_PAGES, LOSS(a, b, n, binary_entropy))

#define REAL          float
#define OF_REAL(name) name##_f32
FLOAT_PAGES
#undef REAL
#undef OF_REAL

#define REAL          double
#define OF_REAL(name) name##_f64
FLOAT_PAGES
#undef REAL
#undef OF_REAL

/* ---- half precision: the page of f32 --------------------------------------------------------- */

static __attribute__((noinline)) Partial fold_halves(void *const *args, int64_t begin, int64_t end,
                                                     fold_fn *page, int arrays) {
    _Alignas(64) float buffer[2][PAGE];
    void *wide[2] = {buffer[0], buffer[1]};
    for (int k = 0; k < arrays; k++)
        widen((const uint16_t *)args[k] + begin, buffer[k], end - begin);
    return page(wide, 0, end - begin);
}

#define HALF_PAGE(op, arrays)                                                                      \
    PAGE_BODY(op##_f16) { return fold_halves(args, begin, end, AT_LEVEL(op##_f32), arrays); }

HALF_PAGE(reduce_sum, 1)
HALF_PAGE(reduce_prod, 1)
HALF_PAGE(reduce_min, 1)
HALF_PAGE(reduce_max, 1)
HALF_PAGE(vector_dot, 2)
HALF_PAGE(mse, 2)
HALF_PAGE(cross_entropy, 2)
HALF_PAGE(binary_cross_entropy, 2)

/* ---- integers -------------------------------------------------------------------------------- */

/* A loop that the compiler makes into vectors: integers may be added in any order. */
#define INTEGER_PAGE(op, d, T, first, step)                                                        \
    PAGE_BODY(op##_##d) {                                                                          \
        const T *as = args[0];                                                                     \
        T so_far = first;                                                                          \
        for (int64_t i = begin; i < end; i++) {                                                    \
            const T a = as[i];                                                                     \
            so_far = (T)(step);                                                                    \
        }                                                                                          \
        return (Partial){.bits = (uint64_t)so_far};                                                \
    }

#define WRAPPING_PAGES(d, T)                                                                       \
    INTEGER_PAGE(reduce_sum, d, T, 0, so_far + a)                                                  \
    PAGE_BODY(vector_dot_##d) {                                                                    \
        const T *as = args[0], *bs = args[1];                                                      \
        T sum = 0;                                                                                 \
        for (int64_t i = begin; i < end; i++)                                                      \
            sum = (T)(sum + (T)(1u * as[i] * bs[i]));                                              \
        return (Partial){.bits = sum};                                                             \
    }

/* Bytes in pairs, since there is no instruction for less: the low byte of a product is that of the
 * low bytes, whatever is above them. */
PAGE_BODY(reduce_prod_u8) {
    const uint8_t *as = args[0];
    uint16_t low = 1, high = 1;
    int64_t i = begin;
    for (; i < end - 1; i += 2) {
        uint16_t pair;
        memcpy(&pair, as + i, sizeof pair);
        low = (uint16_t)(1u * low * pair);
        high = (uint16_t)(1u * high * (pair >> 8));
    }
    const uint8_t last = i < end ? as[i] : 1;
    return (Partial){.bits = (uint8_t)(1u * low * high * last)};
}

INTEGER_PAGE(reduce_prod, u16, uint16_t, 1, 1u * so_far * a)
INTEGER_PAGE(reduce_prod, u32, uint32_t, 1, 1u * so_far * a)
INTEGER_PAGE(reduce_prod, u64, uint64_t, 1, 1u * so_far * a)

#define ORDERED_PAGES(d, T)                                                                        \
    INTEGER_PAGE(reduce_min, d, T, as[begin], a < so_far ? a : so_far)                             \
    INTEGER_PAGE(reduce_max, d, T, as[begin], a > so_far ? a : so_far)

WRAPPING_PAGES(u8, uint8_t)
WRAPPING_PAGES(u16, uint16_t)
WRAPPING_PAGES(u32, uint32_t)
WRAPPING_PAGES(u64, uint64_t)
ORDERED_PAGES(u8, uint8_t)
ORDERED_PAGES(u16, uint16_t)
ORDERED_PAGES(u32, uint32_t)
ORDERED_PAGES(u64, uint64_t)
ORDERED_PAGES(i8, int8_t)
ORDERED_PAGES(i16, int16_t)
ORDERED_PAGES(i32, int32_t)
ORDERED_PAGES(i64, int64_t)
