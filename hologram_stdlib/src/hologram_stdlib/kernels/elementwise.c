/* Arithmetic, element by element.
 *
 * Formula    as written below, in f32: each result is rounded once. vector_pow is vmath.h's, and
 *            looks at each stretch of POW_STRETCH elements first: where all are such that a quicker
 *            form is as exact, it takes that.
 *            vector_fma and axpy are fused, or done in double and rounded twice where no
 *            instruction does it, so that a product beyond f32 overflows at no level.
 * Limits     NaN, infinities and zeros as NumPy has them: of two equal values, zeros of either sign
 *            included, minimum and maximum return the second, and clip the array's.
 * Aliasing   out may be exactly the memory of an input.
 */
#include "map.h"

ELEMENTWISE(vector_add, ARRAY, ARRAY, NONE, a + b)
ELEMENTWISE(vector_sub, ARRAY, ARRAY, NONE, a - b)
ELEMENTWISE(vector_mul, ARRAY, ARRAY, NONE, (a * b))
ELEMENTWISE(vector_div, ARRAY, ARRAY, NONE, a / b)
ELEMENTWISE(vector_min, ARRAY, ARRAY, NONE, a != a ? a : a < b ? a : b)
ELEMENTWISE(vector_max, ARRAY, ARRAY, NONE, a != a ? a : a > b ? a : b)
ELEMENTWISE(vector_neg, ARRAY, NONE, NONE, -a)
ELEMENTWISE(vector_abs, ARRAY, NONE, NONE, __builtin_fabsf(a))
ELEMENTWISE(vector_fma, ARRAY, ARRAY, ARRAY, vmath_fma_f32(a, b, c))
ELEMENTWISE(scalar_add, ARRAY, NUMBER, NONE, a + b)
ELEMENTWISE(scalar_mul, ARRAY, NUMBER, NONE, (a * b))
ELEMENTWISE(axpy, NUMBER, ARRAY, ARRAY, vmath_fma_f32(a, b, c))

LANEWISE(raise, a < b ? b : a)
LANEWISE(lower, a > b ? b : a)
LANEWISE(sum_of_bounds, b + c)

static inline vf v_clip(vf x, vf low, vf high) { return v_lower(v_raise(x, low, high), high, low); }

int32_t SYMBOL(clip)(const hologram_call *call) {
    const float low = *(const float *)call->args[1], high = *(const float *)call->args[2];
    if (low != low || high != high) /* a bound that is NaN makes everything NaN */
        return map(call, ARRAY, NUMBER, NUMBER, v_sum_of_bounds);
    return map(call, ARRAY, NUMBER, NUMBER, v_clip);
}

/* ---- powers --------------------------------------------------------------------------------- */

#define POW_STRETCH 1024

LANEWISE(pow, vmath_pow_f32(a, b))
LANEWISE(pow_bounded, vmath_pow_bounded_f32(a, b))

/* Whether vmath_pow_bounded_f32 may have all of them. The bits of positive floats are in the order
 * of their values, those of all others are larger or, as integers, negative. */
INLINE bool all_bounded(const float *x, const float *y, int64_t count) {
    int32_t smallest = INT32_MAX, largest = 0, exponent = 0;
    for (int64_t i = 0; i < count; i++) {
        const int32_t base = (int32_t)vmath_bits_f32(x[i]);
        const int32_t size = (int32_t)(vmath_bits_f32(y[i]) & INT32_MAX);
        smallest = base < smallest ? base : smallest;
        largest = base > largest ? base : largest;
        exponent = size > exponent ? size : exponent;
    }
    if (smallest < 1 << 23 || largest >= 0xff << 23)
        return false;
    const int32_t below = 127 - (smallest >> 23), above = (largest >> 23) - 126; /* of log2 */
    const float reach = (float)(below > above ? below : above);
    return vmath_from_bits_f32((uint32_t)exponent) * reach <= VMATH_POW_BOUND;
}

int32_t SYMBOL(vector_pow)(const hologram_call *call) {
    hologram_call stretch = *call;
    for (; stretch.begin < call->end; stretch.begin = stretch.end) {
        const int64_t left = call->end - stretch.begin;
        stretch.end = stretch.begin + (left < POW_STRETCH ? left : POW_STRETCH);
        const float *x = (const float *)call->args[0] + stretch.begin;
        const float *y = (const float *)call->args[1] + stretch.begin;
        if (all_bounded(x, y, stretch.end - stretch.begin))
            map(&stretch, ARRAY, ARRAY, NONE, v_pow_bounded);
        else
            map(&stretch, ARRAY, ARRAY, NONE, v_pow);
    }
    return HOLOGRAM_OK;
}
