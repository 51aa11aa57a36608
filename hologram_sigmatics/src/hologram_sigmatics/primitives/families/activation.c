/* Functions of one number, element by element.
 *
 * Formula    vmath.h's and vmath64.h's, which state and test their errors. f16 is computed in f32,
 * by half.h where that is less work. Limits     sin, cos and log look at each stretch of elements
 * first: where all of them are ordinary they take a shorter form, which is as exact. Aliasing   out
 * may be exactly the memory of the input.
 */
#include "half.h"
#include "map.h"

#define UNARY_MAPS(MAP, T, d)                                                                      \
    EASY_MAPS(MAP, T, d)                                                                           \
    MAP(tanh, d, T, A, vmath_tanh_##d(a))                                                          \
    MAP(exp, d, T, A, vmath_exp_##d(a))

#define EASY_MAPS(MAP, T, d)                                                                       \
    MAP(relu, d, T, A, (0 > a ? 0 : a) + 0) /* adding makes -0 +0, and keeps NaN */                \
    MAP(sigmoid, d, T, A, vmath_sigmoid_##d(a))                                                    \
    MAP(gelu, d, T, A, vmath_gelu_##d(a))                                                          \
    MAP(gelu_tanh, d, T, A, vmath_gelu_tanh_##d(a))                                                \
    MAP(silu, d, T, A, vmath_silu_##d(a))                                                          \
    MAP(sqrt, d, T, A, vmath_sqrt_##d(a))                                                          \
    MAP(rsqrt, d, T, A, vmath_rsqrt_##d(a))                                                        \
    MAP(erf, d, T, A, vmath_erf_##d(a))

UNARY_MAPS(MAP, float, f32)
UNARY_MAPS(MAP, double, f64)
EASY_MAPS(HALF_MAP, float, f32)

/* ---- shorter forms for ordinary arguments ---------------------------------------------------- */

/* Whether no |x| is larger than a bound; NaN is. */
#define ANGLES_ARE_BOUNDED(name, d, T, bound)                                                      \
    INLINE bool name(void *const *args, int64_t begin, int64_t end) {                              \
        const T *x = args[0];                                                                      \
        int beyond = 0;                                                                            \
        for (int64_t i = begin; i < end; i++)                                                      \
            beyond |= !(vmath_abs_##d(x[i]) <= bound);                                             \
        return !beyond;                                                                            \
    }

ANGLES_ARE_BOUNDED(are_small_f32, f32, float, VMATH_TRIG_SMALL)
ANGLES_ARE_BOUNDED(are_bounded_f32, f32, float, VMATH_TRIG_BOUND)
ANGLES_ARE_BOUNDED(are_bounded_f64, f64, double, VMATH_TRIG_BOUND_F64)

#define TRIGONOMETRIC_MAPS(op)                                                                     \
    MAP(op##_any_any, f32, float, A, vmath_##op##_f32(a))                                          \
    MAP(op##_any_bounded, f32, float, A, vmath_##op##_bounded_f32(a))                              \
    STRETCHED_MAP(op##_any, f32, are_bounded_f32)                                                  \
    MAP(op##_bounded, f32, float, A, vmath_##op##_small_f32(a))                                    \
    STRETCHED_MAP(op, f32, are_small_f32)                                                          \
    MAP(op##_any, f64, double, A, vmath_##op##_f64(a))                                             \
    MAP(op##_bounded, f64, double, A, vmath_##op##_bounded_f64(a))                                 \
    STRETCHED_MAP(op, f64, are_bounded_f64)

TRIGONOMETRIC_MAPS(sin)
TRIGONOMETRIC_MAPS(cos)

/* Whether all are from `least` to `most`, as bits: positive, finite, normal. */
#define LOGARITHMS_ARE_BOUNDED(d, U, least, most)                                                  \
    INLINE bool logarithm_##d(void *const *args, int64_t begin, int64_t end) {                     \
        const U *x = args[0];                                                                      \
        U beyond = 0;                                                                              \
        for (int64_t i = begin; i < end; i++)                                                      \
            beyond |= (U)(x[i] - least) > most - least;                                            \
        return beyond == 0;                                                                        \
    }

LOGARITHMS_ARE_BOUNDED(f32, uint32_t, 0x00800000u, 0x7f7fffffu)
LOGARITHMS_ARE_BOUNDED(f64, uint64_t, 0x0010000000000000u, 0x7fefffffffffffffu)
LOGARITHMS_ARE_BOUNDED(f16, uint16_t, 1, 0x7bff)
MAP(log_any, f32, float, A, vmath_log_f32(a))
MAP(log_any, f64, double, A, vmath_log_f64(a))
MAP(log_bounded, f32, float, A, vmath_log_bounded_f32(a))
MAP(log_bounded, f64, double, A, vmath_log_bounded_f64(a))
STRETCHED_MAP(log, f32, logarithm_f32)
STRETCHED_MAP(log, f64, logarithm_f64)

/* ---- half precision, where that is less work ------------------------------------------------- */

/* A vector at a time, from halves to halves. */
#define SHORT_HALF_MAP(op)                                                                         \
    INLINE float_vector op##_halves(float_vector x) {                                              \
        float lane[HALVES];                                                                        \
        memcpy(lane, &x, sizeof x);                                                                \
        KEEP_LOOP                                                                                  \
        for (int i = 0; i < HALVES; i++)                                                           \
            lane[i] = op##_half(lane[i]);                                                          \
        memcpy(&x, lane, sizeof x);                                                                \
        return x;                                                                                  \
    }                                                                                              \
    void BODY(op, f16)(void *const *args, int64_t begin, int64_t end) {                            \
        const uint16_t *x = args[0];                                                               \
        uint16_t *out = args[1];                                                                   \
        int64_t i = begin;                                                                         \
        for (; i <= end - HALVES; i += HALVES)                                                     \
            store_halves(out + i, op##_halves(load_halves(x + i)));                                \
        for (; i < end; i++)                                                                       \
            out[i] = narrow_one(op##_half(widen_one(x[i])));                                       \
    }

SHORT_HALF_MAP(exp)
SHORT_HALF_MAP(tanh)
SHORT_HALF_MAP(sin)
SHORT_HALF_MAP(cos)
SHORT_HALF_MAP(log_any)
SHORT_HALF_MAP(log_bounded)
STRETCHED_MAP(log, f16, logarithm_f16)
