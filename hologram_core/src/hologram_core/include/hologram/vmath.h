/* Math functions of one float that compilers vectorise: no calls, no branches, no tables.
 *
 * for (i = 0; i < n; i++) y[i] = vmath_exp_f32(x[i]);   becomes SIMD code at any level, given
 * -O3 -fno-math-errno -fno-trapping-math. The exceptions are vmath_sin_f32 and vmath_cos_f32, whose
 * bounded forms vectorise. Every function is right for all 2^32 arguments: NaN, infinities, signed
 * zeros and subnormals are as in C's math library, and `make ulp` measures the errors, which are
 * the same with and without FMA to within a tenth of a unit in the last place (ULP).
 *
 * How they work: an argument is reduced by a power of two (exp, log) or a multiple of pi/2 (sin,
 * cos), then a polynomial or rational fit takes over. The coefficients are minimax fits of our own.
 * Where 24 bits cannot carry an intermediate value, that value is a double (exponents of e, reduced
 * angles) or a pair of floats (the logarithm in a power); the rest is float, for the sake of twice
 * as many lanes. vmath64.h has the same functions of doubles.
 */
#ifndef HOLOGRAM_VMATH_H
#define HOLOGRAM_VMATH_H

#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define VMATH_FUNCTION static inline __attribute__((always_inline, unused))
#else
#define VMATH_FUNCTION static inline
#endif

/* a * b + c, fused where that is one instruction. No function needs it to be. */
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
#define VMATH_FMA(a, b, c)   __builtin_fmaf(a, b, c)
#define VMATH_FMA64(a, b, c) __builtin_fma(a, b, c)
#else
#define VMATH_FMA(a, b, c)   ((a) * (b) + (c))
#define VMATH_FMA64(a, b, c) ((a) * (b) + (c))
#endif

#define VMATH_NAN      __builtin_nanf("")
#define VMATH_INFINITY __builtin_inff()

/* Of bounds that gcc must not know. Of a constant it makes a comparison and a choice, of these a
 * minimum or a maximum, which is one instruction. They are arrays, since it sees what a number is.
 */
#if !defined(__GNUC__) || defined(__clang__) || !defined(__ELF__)
#define VMATH_UNKNOWN static const
#elif defined(__cplusplus)
#define VMATH_UNKNOWN extern __attribute__((weak, visibility("hidden"))) const
#else
#define VMATH_UNKNOWN __attribute__((weak, visibility("hidden"))) const
#endif

/* ---- bits ------------------------------------------------------------------------------------ */

VMATH_FUNCTION uint32_t vmath_bits_f32(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

VMATH_FUNCTION float vmath_from_bits_f32(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

VMATH_FUNCTION uint64_t vmath_bits_f64(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

VMATH_FUNCTION double vmath_from_bits_f64(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* 2^k for -126 <= k <= 127; unsigned, since the k of a NaN is anything. */
VMATH_FUNCTION float vmath_power_of_two(int32_t k) {
    return vmath_from_bits_f32(((uint32_t)k + 127) << 23);
}

/* ---- simple ones ----------------------------------------------------------------------------- */

VMATH_FUNCTION float vmath_abs_f32(float x) { return __builtin_fabsf(x); }
VMATH_FUNCTION float vmath_sqrt_f32(float x) { return __builtin_sqrtf(x); }

/* As numpy.minimum and numpy.maximum: NaN if either is. */
VMATH_FUNCTION float vmath_min_f32(float a, float b) { return a != a ? a : a < b ? a : b; }
VMATH_FUNCTION float vmath_max_f32(float a, float b) { return a != a ? a : a > b ? a : b; }

/* max(x, 0); NaN stays. */
VMATH_FUNCTION float vmath_relu_f32(float x) { return x < 0 ? 0 : x; }

/* 1 / sqrt(x): two correctly rounded operations. */
VMATH_FUNCTION float vmath_rsqrt_f32(float x) { return 1.0f / __builtin_sqrtf(x); }

/* a * b + c with one rounding, or two where there is no such instruction: the product of two floats
 * is exact in double, so the second rounding matters for results next to a midpoint only. */
VMATH_FUNCTION float vmath_fma_f32(float a, float b, float c) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    return __builtin_fmaf(a, b, c);
#else
    return (float)((double)a * (double)b + (double)c);
#endif
}

/* ---- pairs ----------------------------------------------------------------------------------- */

/* A number as the sum of two floats, of which the second is small. */
typedef struct {
    float high;
    float low;
} vmath_pair;

/* a + b, exactly, for |a| >= |b| or a = 0 (Dekker). */
VMATH_FUNCTION vmath_pair vmath_sum(float a, float b) {
    float high = a + b;
    vmath_pair sum = {high, b - (high - a)};
    return sum;
}

/* a * b, exactly. */
VMATH_FUNCTION vmath_pair vmath_product(float a, float b) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    float high = a * b;
    vmath_pair product = {high, __builtin_fmaf(a, b, -high)};
#else
    double exact = (double)a * (double)b;
    vmath_pair product = {(float)exact, (float)(exact - (double)(float)exact)};
#endif
    return product;
}

/* c - a * b, rounded once, for a product that is c but for rounding. */
VMATH_FUNCTION float vmath_rest(float a, float b, float c) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    return __builtin_fmaf(-a, b, c);
#else
    return (float)((double)c - (double)a * (double)b);
#endif
}

/* ---- exp and its relatives ------------------------------------------------------------------- */

/* e^x = 2^k (1 + p), |p| < 0.42. */
typedef struct {
    float p;
    int32_t k;
} vmath_exponential;

/* e^r - 1 for |r| <= ln(2)/2, to 2^-32 relative before rounding. Even and odd powers apart, since
 * one chain of all steps takes longer. */
VMATH_FUNCTION float vmath_expm1_core(float r) {
    float square = r * r;
    float odd = VMATH_FMA(0x1.a032c8p-13f, square, 0x1.11118ap-7f);
    float even = VMATH_FMA(0x1.6d7298p-10f, square, 0x1.5554b0p-5f);
    odd = VMATH_FMA(odd, square, 0x1.555554p-3f);
    even = VMATH_FMA(even, square, 0.5f);
    return VMATH_FMA(VMATH_FMA(odd, r, even), square, r);
}

/* For |x| <= 200: k is x / ln 2 rounded, by adding and taking away 1.5 * 2^23. The first part of
 * ln 2 has nine bits, so its product with k is exact. */
VMATH_FUNCTION vmath_exponential vmath_split_exponential(float x) {
    const float shift = 0x1.8p23f;
    float shifted = VMATH_FMA(x, 0x1.715476p+0f, shift);
    float k = shifted - shift;
    float r = VMATH_FMA(k, -0x1.63p-1f, x);
    r = VMATH_FMA(k, 0x1.bd0106p-13f, r);
    vmath_exponential e = {vmath_expm1_core(r),
                           (int32_t)(vmath_bits_f32(shifted) - vmath_bits_f32(shift))};
    return e;
}

/* The same for an exponent that needs more than 24 bits. */
VMATH_FUNCTION vmath_exponential vmath_split_exponential_wide(double x) {
    const double shift = 0x1.8p52;
    double shifted = VMATH_FMA64(x, 0x1.71547652b82fep+0, shift);
    double k = shifted - shift;
    float r = (float)VMATH_FMA64(k, -0x1.62e42fefa39efp-1, x);
    vmath_exponential e = {vmath_expm1_core(r),
                           (int32_t)(uint32_t)(vmath_bits_f64(shifted) - vmath_bits_f64(shift))};
    return e;
}

/* scale * 2^k (1 + p), rounded once where it is subnormal: 2^k is applied in two halves. */
VMATH_FUNCTION float vmath_scale_exponential(vmath_exponential e, float scale) {
    int32_t half = e.k >> 1;
    float y = VMATH_FMA(scale, e.p, scale);
    return y * vmath_power_of_two(half) * vmath_power_of_two(e.k - half);
}

/* Between bounds[0] and bounds[1]; NaN stays. */
VMATH_FUNCTION float vmath_clamp(float x, const float *bounds) {
    x = x < bounds[0] ? bounds[0] : x;
    return x > bounds[1] ? bounds[1] : x;
}

/* At most bound[0]; NaN stays. */
VMATH_FUNCTION float vmath_at_most(float x, const float *bound) {
    return x > bound[0] ? bound[0] : x;
}

VMATH_UNKNOWN float vmath_exp_bounds[] = {-105.0f, 89.0f};

VMATH_FUNCTION float vmath_exp_f32(float x) {
    return vmath_scale_exponential(vmath_split_exponential(vmath_clamp(x, vmath_exp_bounds)), 1.0f);
}

VMATH_UNKNOWN float vmath_expm1_bounds[] = {-20.0f, 89.0f};

/* e^x - 1 = 2 (2^(k-1) p + (2^(k-1) - 1/2)), which keeps the last bits of a small p. */
VMATH_FUNCTION float vmath_expm1_f32(float x) {
    vmath_exponential e = vmath_split_exponential(vmath_clamp(x, vmath_expm1_bounds));
    float half = vmath_power_of_two(e.k - 1);
    float y = 2 * VMATH_FMA(half, e.p, half - 0.5f);
    return vmath_abs_f32(x) < 0x1p-25f ? x : y;
}

/* (2^f - 1) / f for |f| <= 1/2, to 2^-27 of 2^f. */
VMATH_FUNCTION float vmath_exp2m1_quotient(float f) {
    float q = VMATH_FMA(0x1.443206p-13f, f, 0x1.5f0554p-10f);
    q = VMATH_FMA(q, f, 0x1.3b2a3cp-7f);
    q = VMATH_FMA(q, f, 0x1.c6af86p-5f);
    q = VMATH_FMA(q, f, 0x1.ebfbe0p-3f);
    return VMATH_FMA(q, f, 0x1.62e430p-1f);
}

VMATH_UNKNOWN float vmath_exp2_bounds[] = {-160.0f, 130.0f};

VMATH_FUNCTION float vmath_exp2_f32(float x) {
    const float shift = 0x1.8p23f + 254.0f;
    float bounded = vmath_clamp(x, vmath_exp2_bounds);
    float shifted = bounded + shift;
    float f = bounded - (shifted - shift);
    uint32_t k = vmath_bits_f32(shifted), half = k >> 1;
    float power = vmath_from_bits_f32(half << 23);
    float y = VMATH_FMA(power * f, vmath_exp2m1_quotient(f), power);
    return y * vmath_from_bits_f32((k - half) << 23);
}

/* ---- logarithms ------------------------------------------------------------------------------ */

/* x = 2^k m with m in [sqrt(1/2), sqrt(2)), for positive finite x. */
typedef struct {
    float m;
    float k;
} vmath_parts;

VMATH_FUNCTION vmath_parts vmath_split_bits(uint32_t x) {
    const uint32_t sqrt_half = 0x3f3504f3;
    int32_t bits = (int32_t)(x - sqrt_half);
    vmath_parts parts = {vmath_from_bits_f32(((uint32_t)bits & 0x7fffff) + sqrt_half),
                         (float)(bits >> 23)};
    return parts;
}

/* The bits of 2^23 are its exponent alone. */
VMATH_FUNCTION vmath_parts vmath_split_f32(float x) {
    float scale = x < 0x1p-126f ? 0x1p23f : 1.0f;
    return vmath_split_bits(vmath_bits_f32(x * scale) - vmath_bits_f32(scale) + 0x3f800000);
}

/* y where x is positive and finite, +inf for an x of that, NaN where x is NaN. */
VMATH_FUNCTION float vmath_log_of_large(float x, float y) {
    float beyond = x - 0x1.fffffep127f; /* no more than 0 but for +inf */
    return y > beyond ? y : beyond;
}

/* What a logarithm is outside the positive finite numbers, where x is, else y. A sign makes all
 * bits of y ones, which is NaN. */
VMATH_FUNCTION float vmath_log_specials(float x, float y) {
    uint32_t sign = (uint32_t)((int32_t)vmath_bits_f32(x) >> 31);
    y = vmath_from_bits_f32(vmath_bits_f32(vmath_log_of_large(x, y)) | sign);
    return x == 0 ? -VMATH_INFINITY : y;
}

/* log(1 + f) - f = f^3 P(f) - f^2/2 for sqrt(1/2) <= 1 + f < sqrt(2), plus a small `low`. */
VMATH_FUNCTION float vmath_log_tail(float f, float low) {
    float q = 0x1.1456cep-4f;
    q = VMATH_FMA(q, f, -0x1.de65f0p-4f);
    q = VMATH_FMA(q, f, 0x1.e70736p-4f);
    q = VMATH_FMA(q, f, -0x1.fc1d4cp-4f);
    q = VMATH_FMA(q, f, 0x1.2335aep-3f);
    q = VMATH_FMA(q, f, -0x1.555c5cp-3f);
    q = VMATH_FMA(q, f, 0x1.99a4cap-3f);
    q = VMATH_FMA(q, f, -0x1.000006p-2f);
    q = VMATH_FMA(q, f, 0x1.555548p-2f);
    float square = f * f;
    return VMATH_FMA(-0.5f, square, VMATH_FMA(q * f, square, low));
}

/* k ln 2 + log(1 + f). */
VMATH_FUNCTION float vmath_log_of_parts(vmath_parts parts) {
    float f = parts.m - 1.0f;
    float tail = vmath_log_tail(f, parts.k * -0x1.bd0106p-13f);
    return VMATH_FMA(parts.k, 0x1.63p-1f, f + tail);
}

/* For positive, finite, normal x. */
VMATH_FUNCTION float vmath_log_bounded_f32(float x) {
    return vmath_log_of_parts(vmath_split_bits(vmath_bits_f32(x)));
}

VMATH_FUNCTION float vmath_log_f32(float x) {
    return vmath_log_specials(x, vmath_log_of_parts(vmath_split_f32(x)));
}

/* log(u) with u = 1 + x, and c/u for the c that this sum lost. */
VMATH_FUNCTION float vmath_log1p_f32(float x) {
    float u = 1.0f + x;
    float lost = x > 1 ? 1.0f - (u - x) : x - (u - 1.0f);
    vmath_parts parts = vmath_split_f32(u);
    float f = parts.m - 1.0f;
    float tail = vmath_log_tail(f, VMATH_FMA(parts.k, -0x1.bd0106p-13f, lost / u));
    float y = VMATH_FMA(parts.k, 0x1.63p-1f, f + tail);
    float z = vmath_log_specials(u, y);
    return x == 0 ? x : z;
}

VMATH_FUNCTION float vmath_log2_f32(float x) {
    vmath_parts parts = vmath_split_f32(x);
    float f = parts.m - 1.0f;
    vmath_pair first = vmath_product(f, 0x1.715476p+0f);
    float low = VMATH_FMA(f, 0x1.4ae0c0p-26f, first.low);
    low = VMATH_FMA(vmath_log_tail(f, 0), 0x1.715476p+0f, low);
    return vmath_log_specials(x, parts.k + (first.high + low));
}

/* ---- sigmoid, tanh and the activations ------------------------------------------------------- */

VMATH_UNKNOWN float vmath_sigmoid_bound[] = {105.0f};

/* With e = exp(-|x|): 1 / (1 + e) for positive x, e / (1 + e) for negative. The quotient
 * makes up for what the sum 1 + e loses; e is 2^64 too large until the end, so that it is normal.
 */
VMATH_FUNCTION float vmath_sigmoid_f32(float x) {
    float z = vmath_at_most(vmath_abs_f32(x), vmath_sigmoid_bound);
    vmath_exponential e = vmath_split_exponential(-z);
    float power = vmath_power_of_two(e.k + 64);
    float large = VMATH_FMA(power, e.p, power);
    float small = large * 0x1p-64f;
    float sum = 1.0f + small;
    float lost = small - (sum - 1.0f);
    float y = (x < 0 ? large : 0x1p64f) / sum;
    return VMATH_FMA(-lost, y, y) * 0x1p-64f;
}

VMATH_UNKNOWN float vmath_tanh_bound[] = {10.0f};

/* With e = exp(-2|x|): (1/2 - e/2) / (1/2 + e/2). */
VMATH_FUNCTION float vmath_tanh_f32(float x) {
    float z = vmath_at_most(vmath_abs_f32(x), vmath_tanh_bound);
    vmath_exponential e = vmath_split_exponential(-2 * z);
    float half = vmath_power_of_two(e.k - 1);
    float difference = VMATH_FMA(-half, e.p, 0.5f - half);
    float sum = VMATH_FMA(half, e.p, 0.5f + half);
    return __builtin_copysignf(difference / sum, x);
}

/* -z e / (1 + e) for x below zero, x / (1 + e) above, for an e that may be far below the smallest
 * float: z is multiplied in before the second half of 2^k. */
VMATH_FUNCTION float vmath_gate(float x, float z, vmath_exponential e) {
    int32_t half = e.k >> 1;
    float first = VMATH_FMA(vmath_power_of_two(half), e.p, vmath_power_of_two(half));
    float second = vmath_power_of_two(e.k - half);
    float y = (x < 0 ? -z * first : x) / VMATH_FMA(first, second, 1.0f);
    return x < 0 ? y * second : y;
}

VMATH_UNKNOWN float vmath_silu_bound[] = {120.0f};

/* x * sigmoid(x); -inf gives -0. */
VMATH_FUNCTION float vmath_silu_f32(float x) {
    float z = vmath_at_most(vmath_abs_f32(x), vmath_silu_bound);
    return vmath_gate(x, z, vmath_split_exponential(-z));
}

VMATH_UNKNOWN float vmath_gelu_tanh_bound[] = {11.0f};

/* x * sigmoid(2u) with u = sqrt(2/pi) (x + 0.044715 x^3), which is 0.5 x (1 + tanh u) without the
 * cancellation; -inf gives -0. */
VMATH_FUNCTION float vmath_gelu_tanh_f32(float x) {
    float z = vmath_at_most(vmath_abs_f32(x), vmath_gelu_tanh_bound);
    double wide = (double)z;
    double exponent = -wide * VMATH_FMA64(wide * wide, 0x1.2444f2a4d8b4bp-4, 0x1.9884533d43651p+0);
    return vmath_gate(x, z, vmath_split_exponential_wide(exponent));
}

VMATH_UNKNOWN float vmath_gelu_bound[] = {14.7f};

/* x Phi(x) = relu(x) - z Q(z) with z = |x|, where Q(z) = exp(-z^2/2) R(z) is the upper tail of the
 * normal distribution, and R(z) a rational function whose coefficients are all positive, so that
 * nothing cancels; -inf gives -0. */
VMATH_FUNCTION float vmath_gelu_f32(float x) {
    double z = (double)vmath_at_most(vmath_abs_f32(x), vmath_gelu_bound);
    double p = VMATH_FMA64(0x1.0f3cfe2b9c3fbp-8, z, 0x1.4e1a70dc059e8p-5);
    p = VMATH_FMA64(p, z, 0x1.782e3e5d44898p-3);
    p = VMATH_FMA64(p, z, 0x1.c16e2fe1c62adp-2);
    p = VMATH_FMA64(p, z, 0x1.0000001a61825p-1);
    double q = VMATH_FMA64(0x1.53f166e4b23a4p-7, z, 0x1.a2c30f03a6d48p-4);
    q = VMATH_FMA64(q, z, 0x1.e1f22c519e9e4p-2);
    q = VMATH_FMA64(q, z, 0x1.3450c0991c0a8p+0);
    q = VMATH_FMA64(q, z, 0x1.acf948df894a8p+0);
    q = VMATH_FMA64(q, z, 1.0);
    vmath_exponential e = vmath_split_exponential_wide(z * z * -0.5);
    float tail = vmath_scale_exponential(e, (float)(z * p) / (float)q);
    return (x < 0 ? -0.0f : x) - tail; /* -0 - 0 is -0 */
}

VMATH_UNKNOWN float vmath_erf_bounds[] = {-4.0f, 4.0f, -1.0f, 1.0f};

/* x P(x^2) / Q(x^2) in double, to 2^-28; one in float from |x| = 3.92 on. */
VMATH_FUNCTION float vmath_erf_f32(float x) {
    double z = (double)vmath_clamp(x, vmath_erf_bounds);
    double square = z * z;
    double p = -0x1.c5965216c893bp-27;
    p = VMATH_FMA64(p, square, 0x1.3a5fe460e9b5dp-18);
    p = VMATH_FMA64(p, square, 0x1.8e0a7f9a5bea2p-12);
    p = VMATH_FMA64(p, square, 0x1.f8949541710adp-9);
    p = VMATH_FMA64(p, square, 0x1.bcf6ccb952477p-5);
    p = VMATH_FMA64(p, square, 0x1.7b4c8bba9c6a5p-3);
    p = VMATH_FMA64(p, square, 0x1.20dd750decc38p+0);
    double q = 0x1.08b2216af4aa0p-14;
    q = VMATH_FMA64(q, square, 0x1.56c54b9234f97p-10);
    q = VMATH_FMA64(q, square, 0x1.faa9b92b5ccf9p-7);
    q = VMATH_FMA64(q, square, 0x1.d2c67a1ceaec4p-4);
    q = VMATH_FMA64(q, square, 0x1.fd67e9da5e296p-2);
    q = VMATH_FMA64(q, square, 1.0);
    return vmath_clamp((float)(z * p / q), vmath_erf_bounds + 2);
}

/* ---- powers ---------------------------------------------------------------------------------- */

/* k + log2(m) to 2^-32. With s = (m - 1)/(m + 1) and z = s^2, log2(m) is s (2/ln 2 + z + z P(z)):
 * z alone needs no product, and what it lacks, 2/(3 ln 2) - 1 and so on, is small. */
VMATH_FUNCTION vmath_pair vmath_log2_pair(vmath_parts parts) {
    float m = parts.m, f = m - 1.0f, sum = m + 1.0f, lost = m - (sum - 1.0f);
    float inverse = 1.0f / sum, s = f * inverse;
    float s_low = VMATH_FMA(-s, lost, vmath_rest(s, sum, f)) * inverse;
    float z = s * s;
    float q = VMATH_FMA(0x1.5c6ebep-2f, z, 0x1.a59572p-2f);
    q = VMATH_FMA(q, z, 0x1.27776ap-1f);
    q = VMATH_FMA(q, z, -0x1.38f62cp-5f);
    vmath_pair factor = vmath_sum(0x1.715476p+1f, z);
    factor.low += VMATH_FMA(q, z, 0x1.4ae0c0p-25f);
    vmath_pair product = vmath_product(s, factor.high);
    product.low = VMATH_FMA(s_low, VMATH_FMA(z, 2.0f, factor.high), product.low);
    product.low = VMATH_FMA(s, factor.low, product.low);
    vmath_pair logarithm = vmath_sum(parts.k, product.high);
    logarithm.low += product.low;
    return logarithm;
}

VMATH_FUNCTION vmath_pair vmath_times_pair(float y, vmath_pair x) {
    vmath_pair product = vmath_product(y, x.high);
    product.low = VMATH_FMA(y, x.low, product.low);
    return product;
}

/* The largest |y log2(x)| for vmath_pow_bounded_f32. */
#define VMATH_POW_BOUND 120.0f

/* y log2(x) for positive, finite, normal x. */
VMATH_FUNCTION vmath_pair vmath_pow_exponent_f32(float x, float y) {
    return vmath_times_pair(y, vmath_log2_pair(vmath_split_bits(vmath_bits_f32(x))));
}

/* 2^e for an e within the bound. */
VMATH_FUNCTION float vmath_pow_of_exponent_f32(vmath_pair e) {
    const float shift = 0x1.8p23f + 127.0f;
    float shifted = (e.high + e.low) + shift;
    float f = (e.high - (shifted - shift)) + e.low;
    float power = vmath_from_bits_f32(vmath_bits_f32(shifted) << 23);
    return VMATH_FMA(power * f, vmath_exp2m1_quotient(f), power);
}

/* x^y for positive, finite, normal x and y within that bound: as exact, and twice as quick. */
VMATH_FUNCTION float vmath_pow_bounded_f32(float x, float y) {
    return vmath_pow_of_exponent_f32(vmath_pow_exponent_f32(x, y));
}

VMATH_UNKNOWN float vmath_pow_bounds[] = {-160.0f, 160.0f, -2.0f, 2.0f};

/* The power of |x|, rounded once where it is subnormal, then the signs and special cases of C's
 * pow. */
VMATH_FUNCTION float vmath_pow_f32(float x, float y) {
    const float shift = 0x1.8p23f + 254.0f;
    float size = vmath_abs_f32(x);
    vmath_pair logarithm = vmath_log2_pair(vmath_split_f32(size));
    logarithm.high = vmath_log_of_large(size, logarithm.high);
    logarithm.high = size == 0 ? -VMATH_INFINITY : logarithm.high;
    vmath_pair e = vmath_times_pair(y, logarithm);
    e.high = vmath_clamp(e.high, vmath_pow_bounds);
    e.low = e.low > vmath_pow_bounds[2] ? e.low : vmath_pow_bounds[2]; /* NaN goes */
    e.low = e.low < vmath_pow_bounds[3] ? e.low : vmath_pow_bounds[3];
    float shifted = (e.high + e.low) + shift;
    float f = (e.high - (shifted - shift)) + e.low;
    uint32_t k = vmath_bits_f32(shifted), half = k >> 1;
    float power = vmath_from_bits_f32(half << 23);
    float z = VMATH_FMA(power * f, vmath_exp2m1_quotient(f), power);
    z *= vmath_from_bits_f32((k - half) << 23);

    int is_one = (y == 0) | (size == 1.0f);
    z = is_one ? 1.0f : z;
    float half_y = 0.5f * y;
    int whole = __builtin_floorf(y) == y, odd = whole & (__builtin_floorf(half_y) != half_y);
    uint32_t sign = vmath_bits_f32(x) & (uint32_t)odd << 31;
    z = vmath_from_bits_f32(vmath_bits_f32(z) | sign);
    int is_imaginary = (x < 0) & (size < VMATH_INFINITY) & !whole;
    return is_imaginary ? VMATH_NAN : z;
}

/* ---- sine and cosine ------------------------------------------------------------------------- */

/* The largest |x| for vmath_sin_bounded_f32 and vmath_cos_bounded_f32. */
#define VMATH_TRIG_BOUND 524288.0f

/* x = n pi/2 + r, |r| <= pi/4, n modulo 2^32. */
typedef struct {
    float r;
    uint32_t n;
} vmath_angle;

/* pi/2 in two parts, the first of 33 bits: its product with n is exact. */
VMATH_FUNCTION vmath_angle vmath_reduce_bounded(float x) {
    const double shift = 0x1.8p52;
    double shifted = (double)x * 0x1.45f306dc9c883p-1 + shift;
    double n = shifted - shift;
    double r = ((double)x - n * 0x1.921fb544p+0) - n * 0x1.0b4611a626331p-34;
    vmath_angle angle = {(float)r, (uint32_t)vmath_bits_f64(shifted)};
    return angle;
}

/* The largest |x| for vmath_sin_small_f32 and vmath_cos_small_f32, which take half the time. */
#define VMATH_TRIG_SMALL 25.0f

/* pi/2 in three parts, the first two of 20 bits: their products with n <= 16 are exact, and so is
 * every difference in which anything cancels. */
VMATH_FUNCTION vmath_angle vmath_reduce_small(float x) {
    const float shift = 0x1.8p23f;
    float shifted = VMATH_FMA(x, 0x1.45f306p-1f, shift);
    float n = shifted - shift;
    float r = VMATH_FMA(n, -0x1.921fcp+0f, x);
    r = VMATH_FMA(n, 0x1.5777ap-21f, r);
    vmath_angle angle = {VMATH_FMA(n, 0x1.73dcb4p-43f, r), vmath_bits_f32(shifted)};
    return angle;
}

/* |x| = m 2^e with 24-bit m, times the 96 bits of 2/pi that matter for the quadrant and what is
 * left of it: bits of higher weight make whole turns. For |x| >= 2^19. */
VMATH_FUNCTION vmath_angle vmath_reduce_large(float x) {
    static const uint32_t two_over_pi[] = {
        0, 0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab, 0};
    uint32_t bits = vmath_bits_f32(x) & 0x7fffffff;
    uint64_t m = (bits & 0x7fffff) | 0x800000;
    uint32_t offset = (bits >> 23) - 150 - 2 + 32; /* of the first bit that matters */
    offset = offset < 160 ? offset : 160;          /* infinities and NaN */
    const uint32_t *word = two_over_pi + offset / 32;
    uint32_t left = offset % 32;
    uint64_t high = (uint64_t)word[0] << 32 | word[1], low = (uint64_t)word[2] << 32 | word[3];
    uint64_t top = left ? high << left | low >> (64 - left) : high;
    uint64_t next = (low << left) >> 32;
    uint64_t turns = ((m * (top >> 32)) << 32) + m * (top & 0xffffffff) + ((m * next) >> 32);
    uint32_t n = (uint32_t)((turns + ((uint64_t)1 << 61)) >> 62);
    double rest = (double)(int64_t)(turns - ((uint64_t)n << 62)) * 0x1.921fb54442d18p-62;
    float r = (float)(x < 0 ? -rest : rest);
    vmath_angle angle = {bits >= 0x7f800000 ? VMATH_NAN : r, x < 0 ? 0 - n : n};
    return angle;
}

/* The sine of n pi/2 + r. */
VMATH_FUNCTION float vmath_sin_quadrant(vmath_angle angle) {
    float r = angle.r, square = r * r;
    float s = VMATH_FMA(-0x1.994060p-13f, square, 0x1.110730p-7f);
    s = VMATH_FMA(s, square, -0x1.555546p-3f);
    s = VMATH_FMA(s, square * r, r);
    float c = VMATH_FMA(0x1.99e868p-16f, square, -0x1.6c0c28p-10f);
    c = VMATH_FMA(c, square, 0x1.55554ap-5f);
    c = VMATH_FMA(c, square, -0.5f);
    c = VMATH_FMA(c, square, 1.0f);
    float y = angle.n & 1 ? c : s;
    return vmath_from_bits_f32(vmath_bits_f32(y) ^ (angle.n & 2) << 30);
}

VMATH_FUNCTION float vmath_sin_bounded_f32(float x) {
    float y = vmath_sin_quadrant(vmath_reduce_bounded(x));
    return x == 0 ? x : y;
}

VMATH_FUNCTION float vmath_cos_bounded_f32(float x) {
    vmath_angle angle = vmath_reduce_bounded(x);
    angle.n++;
    return vmath_sin_quadrant(angle);
}

VMATH_FUNCTION float vmath_sin_small_f32(float x) {
    float y = vmath_sin_quadrant(vmath_reduce_small(x));
    return x == 0 ? x : y;
}

VMATH_FUNCTION float vmath_cos_small_f32(float x) {
    vmath_angle angle = vmath_reduce_small(x);
    angle.n++;
    return vmath_sin_quadrant(angle);
}

/* Of any x; a branch, so not vectorised. */
VMATH_FUNCTION float vmath_sin_f32(float x) {
    if (vmath_abs_f32(x) <= VMATH_TRIG_BOUND)
        return vmath_sin_bounded_f32(x);
    return vmath_sin_quadrant(vmath_reduce_large(x));
}

VMATH_FUNCTION float vmath_cos_f32(float x) {
    if (vmath_abs_f32(x) <= VMATH_TRIG_BOUND)
        return vmath_cos_bounded_f32(x);
    vmath_angle angle = vmath_reduce_large(x);
    angle.n++;
    return vmath_sin_quadrant(angle);
}

/* The bounded forms, for loops that are run again with the others if there was an argument beyond:
 * the sign bit of *beyond says so. */
VMATH_FUNCTION void vmath_note_bound_f32(uint32_t *beyond, float x) {
    *beyond |= vmath_bits_f32(VMATH_TRIG_BOUND) - (vmath_bits_f32(x) & 0x7fffffff);
}

VMATH_FUNCTION int vmath_all_bounded_f32(uint32_t beyond) { return beyond >> 31 == 0; }

VMATH_FUNCTION float vmath_sin_noting_f32(uint32_t *beyond, float x) {
    vmath_note_bound_f32(beyond, x);
    return vmath_sin_bounded_f32(x);
}

VMATH_FUNCTION float vmath_cos_noting_f32(uint32_t *beyond, float x) {
    vmath_note_bound_f32(beyond, x);
    return vmath_cos_bounded_f32(x);
}

#ifdef __cplusplus
}
#endif
#endif
