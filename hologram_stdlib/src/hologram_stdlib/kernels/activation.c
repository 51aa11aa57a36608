/* Functions of one number, element by element.
 *
 * Formula    vmath.h's, which states and tests their errors.
 * Limits     sin and cos look at each stretch of TRIG_STRETCH elements first: where all are within
 *            VMATH_TRIG_BOUND they run a shorter reduction of the argument, which gives the same
 *            result to within the stated error.
 * Aliasing   out may be exactly the memory of the input.
 */
#include "map.h"

#define UNARY(op, expression) ELEMENTWISE(op, ARRAY, NONE, NONE, expression)

UNARY(relu, (0.0f > a ? 0.0f : a) + 0.0f) /* adding makes -0 +0, and keeps NaN */
UNARY(sigmoid, vmath_sigmoid_f32(a))
UNARY(tanh, vmath_tanh_f32(a))
UNARY(gelu, vmath_gelu_f32(a))
UNARY(gelu_tanh, vmath_gelu_tanh_f32(a))
UNARY(silu, vmath_silu_f32(a))
UNARY(exp, vmath_exp_f32(a))
UNARY(log, vmath_log_f32(a))
UNARY(sqrt, __builtin_sqrtf(a))
UNARY(rsqrt, vmath_rsqrt_f32(a))
UNARY(erf, vmath_erf_f32(a))

#undef UNARY

/* ---- sin and cos ---------------------------------------------------------------------------- */

#define TRIG_STRETCH 512

LANEWISE(sin, vmath_sin_f32(a))
LANEWISE(cos, vmath_cos_f32(a))
LANEWISE(sin_bounded, vmath_sin_bounded_f32(a))
LANEWISE(cos_bounded, vmath_cos_bounded_f32(a))

/* Whether every |x[i]| is at most the bound; NaN is not. */
INLINE bool all_within(const float *x, int64_t count, float bound) {
    vi beyond = {0};
    int64_t i = 0;
    for (; i <= count - LANES; i += LANES) {
        const vf lanes = v_load(x + i);
        beyond |= ~((lanes <= bound) & (lanes >= -bound));
    }
    if (i < count) {
        const vf lanes = v_load_part(x + i, count - i, (vf){0});
        beyond |= ~((lanes <= bound) & (lanes >= -bound));
    }
    int32_t found = 0;
    for (int lane = 0; lane < LANES; lane++)
        found |= beyond[lane];
    return found == 0;
}

INLINE int32_t map_trigonometric(const hologram_call *call, lanes_fn *bounded, lanes_fn *any) {
    hologram_call stretch = *call;
    for (; stretch.begin < call->end; stretch.begin = stretch.end) {
        const int64_t left = call->end - stretch.begin;
        stretch.end = stretch.begin + (left < TRIG_STRETCH ? left : TRIG_STRETCH);
        const float *x = (const float *)call->args[0] + stretch.begin;
        if (all_within(x, stretch.end - stretch.begin, VMATH_TRIG_BOUND))
            map(&stretch, ARRAY, NONE, NONE, bounded);
        else
            map(&stretch, ARRAY, NONE, NONE, any);
    }
    return HOLOGRAM_OK;
}

int32_t SYMBOL(sin)(const hologram_call *call) {
    return map_trigonometric(call, v_sin_bounded, v_sin);
}

int32_t SYMBOL(cos)(const hologram_call *call) {
    return map_trigonometric(call, v_cos_bounded, v_cos);
}
