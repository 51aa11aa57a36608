/* Loops over the functions of vmath.h and vmath64.h, for sample.c to measure: compiled as kernels
 * of the language are, once for each level. Those of f32 round their arguments first. */
#include <hologram/vmath64.h>

#if defined(__clang__)
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#endif

#define LOOP(name, expression)                                                                     \
    __attribute__((visibility("default"))) void name(const double *xs, const double *ys,           \
                                                     double *out, int64_t n) {                     \
        (void)ys;                                                                                  \
        INDEPENDENT                                                                                \
        for (int64_t i = 0; i < n; i++)                                                            \
            out[i] = (double)expression;                                                           \
    }
#define UNARY_F64(name)  LOOP(name##_f64, vmath_##name##_f64(xs[i]))
#define BINARY_F64(name) LOOP(name##_f64, vmath_##name##_f64(xs[i], ys[i]))
#define UNARY_F32(name)  LOOP(name##_f32, vmath_##name##_f32((float)xs[i]))
#define BINARY_F32(name) LOOP(name##_f32, vmath_##name##_f32((float)xs[i], (float)ys[i]))

UNARY_F64(exp)
UNARY_F64(exp2)
UNARY_F64(expm1)
UNARY_F64(log)
UNARY_F64(log2)
UNARY_F64(log1p)
UNARY_F64(tanh)
UNARY_F64(sigmoid)
UNARY_F64(silu)
UNARY_F64(gelu)
UNARY_F64(gelu_tanh)
UNARY_F64(erf)
UNARY_F64(rsqrt)
UNARY_F64(sin)
UNARY_F64(cos)
UNARY_F64(sin_bounded)
UNARY_F64(cos_bounded)
BINARY_F64(pow)
BINARY_F64(pow_bounded)

/* What the library of inline kernels has not, or has with two arguments. */
UNARY_F32(exp2)
UNARY_F32(expm1)
UNARY_F32(log2)
UNARY_F32(log1p)
BINARY_F32(pow)
BINARY_F32(pow_bounded)
