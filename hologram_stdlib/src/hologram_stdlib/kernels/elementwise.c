/* Arithmetic, element by element.
 *
 * Formula    as written below, in f32: each result is rounded once. vector_pow is vmath.h's;
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
ELEMENTWISE(vector_pow, ARRAY, ARRAY, NONE, vmath_pow_f32(a, b))
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
