/* Functions of one number, element by element.
 *
 * Formula    vmath.h's and vmath64.h's, which state and test their errors. f16 is computed in f32.
 * Limits     sin and cos look at each stretch of elements first: where all are within the bound of
 *            the shorter reduction they run that, which gives the same to within the stated error.
 * Aliasing   out may be exactly the memory of the input.
 */
#include "map.h"

#define UNARY_MAPS(MAP, T, d)                                                                      \
    MAP(relu, d, T, A, (0 > a ? 0 : a) + 0) /* adding makes -0 +0, and keeps NaN */                \
    MAP(sigmoid, d, T, A, vmath_sigmoid_##d(a))                                                    \
    MAP(tanh, d, T, A, vmath_tanh_##d(a))                                                          \
    MAP(gelu, d, T, A, vmath_gelu_##d(a))                                                          \
    MAP(gelu_tanh, d, T, A, vmath_gelu_tanh_##d(a))                                                \
    MAP(silu, d, T, A, vmath_silu_##d(a))                                                          \
    MAP(exp, d, T, A, vmath_exp_##d(a))                                                            \
    MAP(log, d, T, A, vmath_log_##d(a))                                                            \
    MAP(sqrt, d, T, A, vmath_sqrt_##d(a))                                                          \
    MAP(rsqrt, d, T, A, vmath_rsqrt_##d(a))                                                        \
    MAP(erf, d, T, A, vmath_erf_##d(a))

UNARY_MAPS(MAP, float, f32)
UNARY_MAPS(MAP, double, f64)
UNARY_MAPS(HALF_MAP, float, f32)

/* ---- sin and cos ---------------------------------------------------------------------------- */

#define STRETCH 512

#define TRIGONOMETRIC_MAP(op, d, T, bound)                                                         \
    void BODY(op, d)(void *const *args, int64_t begin, int64_t end) {                              \
        const T *x = args[0];                                                                      \
        T *out = args[1];                                                                          \
        for (int64_t at = begin; at < end; at += STRETCH) {                                        \
            const int64_t stop = at + least(STRETCH, end - at);                                    \
            int beyond = 0;                                                                        \
            for (int64_t i = at; i < stop; i++)                                                    \
                beyond |= !(vmath_abs_##d(x[i]) <= bound);                                         \
            if (beyond) {                                                                          \
                for (int64_t i = at; i < stop; i++)                                                \
                    out[i] = vmath_##op##_##d(x[i]);                                               \
            } else {                                                                               \
                INDEPENDENT                                                                        \
                for (int64_t i = at; i < stop; i++)                                                \
                    out[i] = vmath_##op##_bounded_##d(x[i]);                                       \
            }                                                                                      \
        }                                                                                          \
    }

TRIGONOMETRIC_MAP(sin, f32, float, VMATH_TRIG_BOUND)
TRIGONOMETRIC_MAP(cos, f32, float, VMATH_TRIG_BOUND)
TRIGONOMETRIC_MAP(sin, f64, double, VMATH_TRIG_BOUND_F64)
TRIGONOMETRIC_MAP(cos, f64, double, VMATH_TRIG_BOUND_F64)
HALF_MAP(sin, f32, float, A, )
HALF_MAP(cos, f32, float, A, )
