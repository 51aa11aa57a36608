/* Math functions of doubles that compilers vectorise: vmath.h for f64, in its manner.
 *
 * Every function is meant for all 2^64 arguments: NaN, infinities, signed zeros and subnormals are
 * as in C's math library and NumPy. `make ulp` measures the errors on a structured sample. The
 * exceptions from vectorising are vmath_sin_f64 and vmath_cos_f64, whose bounded forms do, and
 * vmath_fma_f64 where there is no such instruction.
 *
 * How they work: as in vmath.h, with a second double for what 53 bits cannot carry: the logarithm
 * in a power, the exponents of the normal distribution, reduced angles. The coefficients are
 * minimax fits of our own; what is not ours is named where it stands.
 */
#ifndef HOLOGRAM_VMATH64_H
#define HOLOGRAM_VMATH64_H

#include "hologram/vmath.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VMATH_NAN_F64      __builtin_nan("")
#define VMATH_INFINITY_F64 __builtin_inf()

/* ---- simple ones ----------------------------------------------------------------------------- */

VMATH_FUNCTION double vmath_abs_f64(double x) { return __builtin_fabs(x); }
VMATH_FUNCTION double vmath_sqrt_f64(double x) { return __builtin_sqrt(x); }

/* As numpy.minimum and numpy.maximum: NaN if either is. */
VMATH_FUNCTION double vmath_min_f64(double a, double b) { return a != a ? a : a < b ? a : b; }
VMATH_FUNCTION double vmath_max_f64(double a, double b) { return a != a ? a : a > b ? a : b; }

/* max(x, 0); NaN stays. */
VMATH_FUNCTION double vmath_relu_f64(double x) { return x < 0 ? 0 : x; }

/* 1 / sqrt(x): two correctly rounded operations. */
VMATH_FUNCTION double vmath_rsqrt_f64(double x) { return 1.0 / __builtin_sqrt(x); }

/* a * b + c with one rounding: the C library's where that is no instruction. */
VMATH_FUNCTION double vmath_fma_f64(double a, double b, double c) { return __builtin_fma(a, b, c); }

/* Between bounds[0] and bounds[1]. NaN stays. */
VMATH_FUNCTION double vmath_clamp_f64(double x, const double *bounds) {
    x = x < bounds[0] ? bounds[0] : x;
    return x > bounds[1] ? bounds[1] : x;
}

/* At most bound[0]. NaN stays. */
VMATH_FUNCTION double vmath_at_most_f64(double x, const double *bound) {
    return x > bound[0] ? bound[0] : x;
}

/* ---- pairs ----------------------------------------------------------------------------------- */

/* A number as the sum of two doubles, of which the second is small. */
typedef struct {
    double high;
    double low;
} vmath_pair_f64;

/* a + b, exactly, for |a| >= |b| or a = 0 (Dekker). */
VMATH_FUNCTION vmath_pair_f64 vmath_sum_f64(double a, double b) {
    double high = a + b;
    vmath_pair_f64 sum = {high, b - (high - a)};
    return sum;
}

/* a * b, exactly, or to 2^-106 where nothing is fused (Dekker): the halves are cut off by a mask.
 */
VMATH_FUNCTION vmath_pair_f64 vmath_product_f64(double a, double b) {
    vmath_pair_f64 product = {a * b, 0};
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    product.low = __builtin_fma(a, b, -product.high);
#else
    const uint64_t mask = 0xfffffffff8000000;
    double a_high = vmath_from_bits_f64(vmath_bits_f64(a) & mask), a_low = a - a_high;
    double b_high = vmath_from_bits_f64(vmath_bits_f64(b) & mask), b_low = b - b_high;
    product.low =
        ((a_high * b_high - product.high) + a_high * b_low + a_low * b_high) + a_low * b_low;
#endif
    return product;
}

/* c - a * b, rounded once or so, for a product that is c but for rounding. */
VMATH_FUNCTION double vmath_rest_f64(double a, double b, double c) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    return __builtin_fma(-a, b, c);
#else
    vmath_pair_f64 product = vmath_product_f64(a, b);
    return (c - product.high) - product.low;
#endif
}

/* ---- exp and its relatives ------------------------------------------------------------------- */

/* e^x = 2^(k - bias) (1 + r + t), |r| < 0.35, |t| < 0.08. */
typedef struct {
    double r;
    double t;
    uint64_t k; /* in its low bits; the others are anything */
} vmath_exponential_f64;

/* 2^(k - 1023) for 0 < k < 2047, of which only the low 12 bits are looked at. */
VMATH_FUNCTION double vmath_power_f64(uint64_t k) { return vmath_from_bits_f64(k << 52); }

/* e^r - 1 - r for |r| <= ln(2)/2, to 2^-61 of e^r - 1; `lost` belongs to r. In even and odd powers,
 * since one chain of so many steps takes longer. */
VMATH_FUNCTION double vmath_expm1_tail_f64(double r, double lost) {
    double square = r * r;
    double even = 0x1.1f859901e1980p-29;
    double odd = 0x1.af5f4368f46b3p-26;
    even = VMATH_FMA64(even, square, 0x1.27e4d050642cbp-22);
    odd = VMATH_FMA64(odd, square, 0x1.71ddf802a9627p-19);
    even = VMATH_FMA64(even, square, 0x1.a01a01ab6b664p-16);
    odd = VMATH_FMA64(odd, square, 0x1.a01a01b007f76p-13);
    even = VMATH_FMA64(even, square, 0x1.6c16c16c156dbp-10);
    odd = VMATH_FMA64(odd, square, 0x1.111111110f64dp-7);
    even = VMATH_FMA64(even, square, 0x1.5555555555557p-5);
    odd = VMATH_FMA64(odd, square, 0x1.5555555555559p-3);
    even = VMATH_FMA64(even, square, 0.5);
    return VMATH_FMA64(VMATH_FMA64(odd, r, even), square, lost);
}

/* For |x| <= 800, plus a small `low`: k is x / ln 2 rounded, by adding and taking away 1.5 * 2^52.
 * The first part of ln 2 has 42 bits, so its product with k is exact. */
VMATH_FUNCTION vmath_exponential_f64 vmath_split_pair_exponential_f64(double x, double low,
                                                                      double bias) {
    const double shift = 0x1.8p52 + bias;
    double shifted = VMATH_FMA64(x, 0x1.71547652b82fep+0, shift);
    double k = shifted - shift;
    double first = VMATH_FMA64(k, -0x1.62e42fefa3800p-1, x);
    double second = VMATH_FMA64(k, -0x1.ef35793c76730p-45, low);
    double r = first + second;
    double lost = second - (r - first);
    vmath_exponential_f64 e = {r, vmath_expm1_tail_f64(r, lost), vmath_bits_f64(shifted)};
    return e;
}

VMATH_FUNCTION vmath_exponential_f64 vmath_split_exponential_f64(double x, double bias) {
    return vmath_split_pair_exponential_f64(x, 0, bias);
}

/* scale * 2^k (1 + r + t) of a bias of 2046, rounded once where it is subnormal: 2^k is applied in
 * two halves. */
VMATH_FUNCTION double vmath_scale_exponential_f64(vmath_exponential_f64 e, double scale) {
    uint64_t half = e.k >> 1;
    double y = VMATH_FMA64(scale, e.r + e.t, scale);
    return y * vmath_power_f64(half) * vmath_power_f64(e.k - half);
}

VMATH_UNKNOWN double vmath_exp_bounds_f64[] = {-746.0, 710.0};

VMATH_FUNCTION double vmath_exp_f64(double x) {
    double bounded = vmath_clamp_f64(x, vmath_exp_bounds_f64);
    return vmath_scale_exponential_f64(vmath_split_exponential_f64(bounded, 2046.0), 1.0);
}

/* (e^x - 1) / 2 = (2^(k-1) - 1/2) + 2^(k-1) (r + t), which keeps the last bits of small ones, for
 * an exponential of a bias of 1022. */
VMATH_FUNCTION vmath_pair_f64 vmath_half_expm1_f64(vmath_exponential_f64 e) {
    double half = vmath_power_f64(e.k), whole = half - 0.5;
    double sum = VMATH_FMA64(half, e.r, whole);
    double lost = VMATH_FMA64(half, e.r, whole - sum);
    vmath_pair_f64 y = {sum, VMATH_FMA64(half, e.t, lost)};
    return y;
}

VMATH_UNKNOWN double vmath_expm1_bounds_f64[] = {-40.0, 710.0};

VMATH_FUNCTION double vmath_expm1_f64(double x) {
    double bounded = vmath_clamp_f64(x, vmath_expm1_bounds_f64);
    vmath_pair_f64 y = vmath_half_expm1_f64(vmath_split_exponential_f64(bounded, 1022.0));
    return vmath_abs_f64(x) < 0x1p-54 ? x : 2 * (y.high + y.low);
}

/* (2^f - 1) / f for |f| <= 1/2, to 2^-57 of 2^f. */
VMATH_FUNCTION double vmath_exp2m1_quotient_f64(double f) {
    double square = f * f;
    double odd = 0x1.e9fc52491ef1cp-32;
    double even = 0x1.e605a7a5cdb47p-28;
    odd = VMATH_FMA64(odd, square, 0x1.b524e1f8700c7p-24);
    even = VMATH_FMA64(even, square, 0x1.62bfd4d74a861p-20);
    odd = VMATH_FMA64(odd, square, 0x1.ffcbfc71bebbbp-17);
    even = VMATH_FMA64(even, square, 0x1.430913094634bp-13);
    odd = VMATH_FMA64(odd, square, 0x1.5d87fe78a3535p-10);
    even = VMATH_FMA64(even, square, 0x1.3b2ab6fba1ebep-7);
    odd = VMATH_FMA64(odd, square, 0x1.c6b08d704a0c8p-5);
    even = VMATH_FMA64(even, square, 0x1.ebfbdff82c598p-3);
    return VMATH_FMA64(VMATH_FMA64(odd, f, even), f, 0x1.62e42fefa39efp-1);
}

VMATH_UNKNOWN double vmath_exp2_bounds_f64[] = {-1076.0, 1025.0};

VMATH_FUNCTION double vmath_exp2_f64(double x) {
    const double shift = 0x1.8p52 + 2046.0;
    double bounded = vmath_clamp_f64(x, vmath_exp2_bounds_f64);
    double shifted = bounded + shift;
    double f = bounded - (shifted - shift);
    uint64_t k = vmath_bits_f64(shifted), half = k >> 1;
    double power = vmath_power_f64(half);
    double y = VMATH_FMA64(power * f, vmath_exp2m1_quotient_f64(f), power);
    return y * vmath_power_f64(k - half);
}

/* ---- logarithms ------------------------------------------------------------------------------ */

/* x = 2^k m with m in [sqrt(1/2), sqrt(2)), for positive finite x. */
typedef struct {
    double m;
    double k;
} vmath_parts_f64;

/* k becomes a double by way of the bits of 2^52 + k, since a conversion is no instruction of most
 * levels. */
VMATH_FUNCTION vmath_parts_f64 vmath_split_bits_f64(uint64_t x) {
    const uint64_t sqrt_half = 0x3fe6a09e667f3bcd, bias = (uint64_t)2048 << 52;
    uint64_t bits = x - sqrt_half + bias;
    double k = vmath_from_bits_f64(bits >> 52 | 0x4330000000000000);
    vmath_parts_f64 parts = {vmath_from_bits_f64((bits & 0xfffffffffffff) + sqrt_half),
                             k - (0x1p52 + 2048)};
    return parts;
}

/* The bits of 2^54 are its exponent alone. */
VMATH_FUNCTION vmath_parts_f64 vmath_split_f64(double x) {
    const uint64_t one = 0x3ff0000000000000;
    double scale = x < 0x1p-1022 ? 0x1p54 : 1.0;
    return vmath_split_bits_f64(vmath_bits_f64(x * scale) - vmath_bits_f64(scale) + one);
}

/* y where x is positive and finite, +inf for an x of that, NaN where x is NaN. */
VMATH_FUNCTION double vmath_log_of_large_f64(double x, double y) {
    double beyond = x - 0x1.fffffffffffffp1023; /* no more than 0 but for +inf */
    return y > beyond ? y : beyond;
}

/* What a logarithm is outside the positive finite numbers, where x is, else y. A sign makes all
 * bits of y ones, which is NaN. */
VMATH_FUNCTION double vmath_log_specials_f64(double x, double y) {
    uint64_t sign = (uint64_t)((int64_t)vmath_bits_f64(x) >> 63);
    y = vmath_from_bits_f64(vmath_bits_f64(vmath_log_of_large_f64(x, y)) | sign);
    return x == 0 ? -VMATH_INFINITY_F64 : y;
}

/* Twice log(1 + f) - f for sqrt(1/2) <= 1 + f < sqrt(2): with s = f/(2 + f), it is
 * s (f^2 + R(s^2)) - f^2, where s R(s^2) is twice what 2 s lacks (fdlibm's way). */
VMATH_FUNCTION double vmath_log_tail_f64(double f) {
    double s = f / (2.0 + f), square = s * s, f_square = f * f;
    double q = 0x1.2b5d9b0746191p-2;
    q = VMATH_FMA64(q, square, 0x1.39fdef8a7bb31p-2);
    q = VMATH_FMA64(q, square, 0x1.7462b81858191p-2);
    q = VMATH_FMA64(q, square, 0x1.c71c62d9d743cp-2);
    q = VMATH_FMA64(q, square, 0x1.2492492df9098p-1);
    q = VMATH_FMA64(q, square, 0x1.99999999952ccp-1);
    q = VMATH_FMA64(q, square, 0x1.5555555555558p+0);
    return VMATH_FMA64(s, VMATH_FMA64(q, square, f_square), -f_square);
}

VMATH_FUNCTION double vmath_log_of_parts_f64(vmath_parts_f64 parts) {
    double f = parts.m - 1.0;
    double tail = VMATH_FMA64(vmath_log_tail_f64(f), 0.5, parts.k * 0x1.ef35793c76730p-45);
    return VMATH_FMA64(parts.k, 0x1.62e42fefa3800p-1, f + tail);
}

/* For positive, finite, normal x. */
VMATH_FUNCTION double vmath_log_bounded_f64(double x) {
    return vmath_log_of_parts_f64(vmath_split_bits_f64(vmath_bits_f64(x)));
}

VMATH_FUNCTION double vmath_log_f64(double x) {
    return vmath_log_specials_f64(x, vmath_log_of_parts_f64(vmath_split_f64(x)));
}

/* log(u) with u = 1 + x, and c/u for the c that this sum lost. */
VMATH_FUNCTION double vmath_log1p_f64(double x) {
    double u = 1.0 + x;
    double lost = x > 1 ? 1.0 - (u - x) : x - (u - 1.0);
    vmath_parts_f64 parts = vmath_split_f64(u);
    double f = parts.m - 1.0;
    double low = VMATH_FMA64(parts.k, 0x1.ef35793c76730p-45, lost / u);
    double tail = VMATH_FMA64(vmath_log_tail_f64(f), 0.5, low);
    double y = VMATH_FMA64(parts.k, 0x1.62e42fefa3800p-1, f + tail);
    double z = vmath_log_specials_f64(u, y);
    return x == 0 ? x : z;
}

VMATH_FUNCTION double vmath_log2_f64(double x) {
    vmath_parts_f64 parts = vmath_split_f64(x);
    double f = parts.m - 1.0;
    vmath_pair_f64 first = vmath_product_f64(f, 0x1.71547652b82fep+0);
    double low = VMATH_FMA64(f, 0x1.777d0ffda0d24p-56, first.low);
    low = VMATH_FMA64(vmath_log_tail_f64(f), 0x1.71547652b82fep-1, low);
    return vmath_log_specials_f64(x, parts.k + (first.high + low));
}

/* ---- sigmoid, tanh and the activations ------------------------------------------------------- */

VMATH_UNKNOWN double vmath_sigmoid_bound_f64[] = {746.0};

/* With e = exp(-|x|): 1 / (1 + e) for positive x, e / (1 + e) for negative. What the sum 1 + e
 * loses is taken from the numerator, from e before that is rounded; both are 2^64 too large until
 * the end, so that e is normal. */
VMATH_FUNCTION double vmath_sigmoid_f64(double x) {
    double z = vmath_at_most_f64(vmath_abs_f64(x), vmath_sigmoid_bound_f64);
    vmath_exponential_f64 e = vmath_split_exponential_f64(-z, 1023.0 + 64.0);
    double power = vmath_power_f64(e.k), fraction = 1.0 + (e.r + e.t);
    double small = power * fraction * 0x1p-64;
    double sum = 1.0 + small;
    double lost = small - (sum - 1.0);
    double large = power * (1.0 + (e.r + VMATH_FMA64(-lost, fraction, e.t)));
    double one = VMATH_FMA64(-lost, 0x1p64, 0x1p64);
    return (x < 0 ? large : one) / sum * 0x1p-64;
}

VMATH_UNKNOWN double vmath_tanh_bound_f64[] = {20.0};

/* h / (h + 1) with h = (exp(2|x|) - 1) / 2. What a sum below 2 loses is taken from the numerator,
 * times h / (h + 1), for which a parabola will do. */
VMATH_FUNCTION double vmath_tanh_f64(double x) {
    double z = vmath_at_most_f64(vmath_abs_f64(x), vmath_tanh_bound_f64);
    vmath_pair_f64 h = vmath_half_expm1_f64(vmath_split_exponential_f64(2 * z, 1022.0));
    double half = h.high + h.low, sum = half + 1.0;
    double lost = half < 1.0 ? half - (sum - 1.0) : 0.0;
    double low = VMATH_FMA64(lost * half, VMATH_FMA64(half, 0.5, -1.0), h.low);
    return __builtin_copysign((h.high + low) / sum, x);
}

/* -z e / (1 + e) for x below zero, x / (1 + e) above, for an e that may be far below the smallest
 * double: z is multiplied in before the second half of 2^k. */
VMATH_FUNCTION double vmath_gate_f64(double x, double z, vmath_exponential_f64 e) {
    uint64_t half = e.k >> 1;
    double first = VMATH_FMA64(vmath_power_f64(half), e.r + e.t, vmath_power_f64(half));
    double second = vmath_power_f64(e.k - half);
    double y = (x < 0 ? -z * first : x) / VMATH_FMA64(first, second, 1.0);
    return x < 0 ? y * second : y;
}

VMATH_UNKNOWN double vmath_silu_bound_f64[] = {760.0};

/* x * sigmoid(x); -inf gives -0. */
VMATH_FUNCTION double vmath_silu_f64(double x) {
    double z = vmath_at_most_f64(vmath_abs_f64(x), vmath_silu_bound_f64);
    vmath_exponential_f64 e = vmath_split_exponential_f64(-z, 2046.0);
    return vmath_gate_f64(x, z, e);
}

VMATH_UNKNOWN double vmath_gelu_tanh_bound_f64[] = {22.0};

/* x * sigmoid(2u) with 2u = sqrt(8/pi) (x + 0.044715 x^3), which is 0.5 x (1 + tanh u) without the
 * cancellation; 2u is a pair. -inf gives -0. */
VMATH_FUNCTION double vmath_gelu_tanh_f64(double x) {
    double z = vmath_at_most_f64(vmath_abs_f64(x), vmath_gelu_tanh_bound_f64);
    vmath_pair_f64 square = vmath_product_f64(z, z);
    vmath_pair_f64 cubic = vmath_product_f64(square.high, 0x1.2444f2a4d8b4bp-4);
    cubic.low = VMATH_FMA64(square.low, 0x1.2444f2a4d8b4bp-4, cubic.low);
    cubic.low = VMATH_FMA64(square.high, -0x1.6c843a29d1c70p-61, cubic.low);
    double factor = cubic.high + 0x1.9884533d43651p+0;
    double large = cubic.high > 0x1.9884533d43651p+0 ? cubic.high : 0x1.9884533d43651p+0;
    double small = cubic.high > 0x1.9884533d43651p+0 ? 0x1.9884533d43651p+0 : cubic.high;
    double lost = (small - (factor - large)) + (cubic.low - 0x1.cbc0d30ebfd15p-54);
    vmath_pair_f64 exponent = vmath_product_f64(z, factor);
    exponent.low = VMATH_FMA64(z, lost, exponent.low);
    vmath_exponential_f64 e =
        vmath_split_pair_exponential_f64(-exponent.high, -exponent.low, 2046.0);
    return vmath_gate_f64(x, z, e);
}

/* S(z) = (1/R(z) - 2) / z for z >= 0, where R(z) = exp(z^2/2) Q(z) and Q is the upper tail of the
 * normal distribution: a polynomial in u = (z - 4)/(z + 4), to 2^-56 of R. S lies between 1.5
 * and 2.6, so that its error is little more than a rounding. */
VMATH_FUNCTION double vmath_normal_tail_f64(double z) {
    double u = (z - 4.0) / (z + 4.0), square = u * u;
    double even = -0x1.6ef80e92ed0dfp-25;
    double odd = -0x1.da4aa7950c94dp-26;
    even = VMATH_FMA64(even, square, 0x1.83f02468efc4cp-22);
    even = VMATH_FMA64(even, square, -0x1.da32dcb677c0bp-20);
    odd = VMATH_FMA64(odd, square, 0x1.9d2487afea9bap-24);
    even = VMATH_FMA64(even, square, 0x1.c0e00c2a74251p-18);
    odd = VMATH_FMA64(odd, square, 0x1.980eb43bce550p-22);
    even = VMATH_FMA64(even, square, -0x1.6402de14aced0p-16);
    odd = VMATH_FMA64(odd, square, -0x1.583d47373a2d8p-18);
    even = VMATH_FMA64(even, square, 0x1.d039b3c026657p-15);
    odd = VMATH_FMA64(odd, square, 0x1.fe1b8d6ba28c5p-16);
    even = VMATH_FMA64(even, square, -0x1.a3e6d07d0d145p-14);
    odd = VMATH_FMA64(odd, square, -0x1.1c90192ffec2ep-13);
    even = VMATH_FMA64(even, square, -0x1.4617f45545dc0p-16);
    odd = VMATH_FMA64(odd, square, 0x1.09c1138019098p-11);
    even = VMATH_FMA64(even, square, 0x1.5668dac5c3146p-10);
    odd = VMATH_FMA64(odd, square, -0x1.a5b5dde304c5cp-10);
    even = VMATH_FMA64(even, square, -0x1.071aeb3fc06a7p-7);
    odd = VMATH_FMA64(odd, square, 0x1.0b6d787e370bep-8);
    even = VMATH_FMA64(even, square, 0x1.20368f8932f78p-5);
    odd = VMATH_FMA64(odd, square, -0x1.6ee7a705919f1p-8);
    even = VMATH_FMA64(even, square, -0x1.0061f30b83ca6p-3);
    odd = VMATH_FMA64(odd, square, -0x1.9b42171e34397p-6);
    odd = VMATH_FMA64(odd, square, 0x1.eedbd4b9d1af6p-2);
    return 0x1.12f1e13c3adc5p+1 + VMATH_FMA64(odd, u, even * square);
}

VMATH_UNKNOWN double vmath_gelu_bound_f64[] = {39.0};

/* x Phi(x) = relu(x) - z Q(z) with z = |x|, and Q(z) = exp(-z^2/2) / (2 + z S(z)), in which nothing
 * cancels; z^2 is a pair. -inf gives -0. */
VMATH_FUNCTION double vmath_gelu_f64(double x) {
    double z = vmath_at_most_f64(vmath_abs_f64(x), vmath_gelu_bound_f64);
    vmath_pair_f64 square = vmath_product_f64(z, z);
    vmath_exponential_f64 e =
        vmath_split_pair_exponential_f64(square.high * -0.5, square.low * -0.5, 2046.0);
    double y = VMATH_FMA64(z, e.r + e.t, z) / VMATH_FMA64(z, vmath_normal_tail_f64(z), 2.0);
    uint64_t half = e.k >> 1;
    double tail = y * vmath_power_f64(half) * vmath_power_f64(e.k - half);
    return (x < 0 ? -0.0 : x) - tail; /* -0 - 0 is -0 */
}

VMATH_UNKNOWN double vmath_erf_bound_f64[] = {6.0};

/* x P(x^2) up to 1; from there 1 - exp(-x^2) R(x), with a rational R; one from |x| = 5.93 on. */
VMATH_FUNCTION double vmath_erf_f64(double x) {
    double z = vmath_abs_f64(x), square = z * z;
    double small = -0x1.aa60ac0d746d4p-31;
    small = VMATH_FMA64(small, square, 0x1.d6a4be49bb4d4p-27);
    small = VMATH_FMA64(small, square, -0x1.5bf4ecd644006p-23);
    small = VMATH_FMA64(small, square, 0x1.b97ca162916e8p-20);
    small = VMATH_FMA64(small, square, -0x1.f4c9f371aecf5p-17);
    small = VMATH_FMA64(small, square, 0x1.f9a2b4398c292p-14);
    small = VMATH_FMA64(small, square, -0x1.c02daff0e5867p-11);
    small = VMATH_FMA64(small, square, 0x1.565bccf6dfc69p-8);
    small = VMATH_FMA64(small, square, -0x1.b82ce311e5627p-6);
    small = VMATH_FMA64(small, square, 0x1.ce2f21a04066bp-4);
    small = VMATH_FMA64(small, square, -0x1.812746b0379aep-2);
    small = VMATH_FMA64(small, square, 0x1.06eba8214db68p-3); /* 2/sqrt(pi) - 1 */
    double bounded = vmath_at_most_f64(z, vmath_erf_bound_f64);
    double p = VMATH_FMA64(0x1.2498c5e60e79ap-7, bounded, 0x1.59779db041d26p-4);
    p = VMATH_FMA64(p, bounded, 0x1.7e8bb5a9593f4p-2);
    p = VMATH_FMA64(p, bounded, 0x1.e623616201733p-1);
    p = VMATH_FMA64(p, bounded, 0x1.63fb37d93d58dp+0);
    p = VMATH_FMA64(p, bounded, 0x1.fffffc36e8288p-1);
    double q = VMATH_FMA64(0x1.034f23ffcda2fp-6, bounded, 0x1.322785449a24ep-3);
    q = VMATH_FMA64(q, bounded, 0x1.571ac01b0ecc0p-1);
    q = VMATH_FMA64(q, bounded, 0x1.c1d10440f8577p+0);
    q = VMATH_FMA64(q, bounded, 0x1.6559cb55c1268p+1);
    q = VMATH_FMA64(q, bounded, 0x1.426c4c76012d7p+1);
    q = VMATH_FMA64(q, bounded, 1.0);
    vmath_exponential_f64 e = vmath_split_exponential_f64(-bounded * bounded, 1023.0);
    double power = vmath_power_f64(e.k);
    double large = 1.0 - VMATH_FMA64(power, e.r + e.t, power) * p / q;
    return __builtin_copysign(z < 1.0 ? VMATH_FMA64(z, small, z) : large, x);
}

/* ---- powers ---------------------------------------------------------------------------------- */

/* k + log2(m) to 2^-64, and not quite a pair: the second number may be 2^-8 of the first. With
 * s = (m - 1)/(m + 1) and z = s^2, log2(m) is s (2/ln 2 + z + z P(z)): z alone needs no product,
 * and what it lacks, 2/(3 ln 2) - 1 and so on, is small. */
VMATH_FUNCTION vmath_pair_f64 vmath_log2_pair_f64(vmath_parts_f64 parts) {
    double m = parts.m, f = m - 1.0, sum = m + 1.0, lost = m - (sum - 1.0);
    double inverse = 1.0 / sum, s = f * inverse;
    double s_low = VMATH_FMA64(-s, lost, vmath_rest_f64(s, sum, f)) * inverse;
    vmath_pair_f64 square = vmath_product_f64(s, s);
    double z = square.high, z2 = z * z;
    double even = VMATH_FMA64(0x1.877c63155c005p-3, z2, 0x1.0c9a5b1f1c7a2p-2);
    double odd = VMATH_FMA64(0x1.8796cf3789ee6p-3, z2, 0x1.c6a227b534335p-3);
    even = VMATH_FMA64(even, z2, 0x1.a61762a716db3p-2);
    odd = VMATH_FMA64(odd, z2, 0x1.484b1442291a4p-2);
    even = VMATH_FMA64(even, z2, -0x1.38f623c5fc035p-5);
    odd = VMATH_FMA64(odd, z2, 0x1.2776c50ef9f3ep-1);
    vmath_pair_f64 factor = vmath_sum_f64(0x1.71547652b82fep+1, z);
    factor.low += 0x1.777d0ffda0d24p-55;
    factor.low += VMATH_FMA64(VMATH_FMA64(odd, z, even), z, square.low);
    vmath_pair_f64 product = vmath_product_f64(s, factor.high);
    product.low = VMATH_FMA64(s_low, VMATH_FMA64(z, 2.0, factor.high), product.low);
    product.low = VMATH_FMA64(s, factor.low, product.low);
    vmath_pair_f64 logarithm = vmath_sum_f64(parts.k, product.high);
    logarithm.low += product.low;
    return logarithm;
}

VMATH_FUNCTION vmath_pair_f64 vmath_times_pair_f64(double y, vmath_pair_f64 x) {
    vmath_pair_f64 product = vmath_product_f64(y, x.high);
    product.low = VMATH_FMA64(y, x.low, product.low);
    return product;
}

/* The largest |y log2(x)| for vmath_pow_bounded_f64. */
#define VMATH_POW_BOUND_F64 1000.0

/* y log2(x) for positive, finite, normal x. */
VMATH_FUNCTION vmath_pair_f64 vmath_pow_exponent_f64(double x, double y) {
    return vmath_times_pair_f64(y, vmath_log2_pair_f64(vmath_split_bits_f64(vmath_bits_f64(x))));
}

/* 2^e for an e within the bound. */
VMATH_FUNCTION double vmath_pow_of_exponent_f64(vmath_pair_f64 e) {
    const double shift = 0x1.8p52 + 1023.0;
    double shifted = (e.high + e.low) + shift;
    double f = (e.high - (shifted - shift)) + e.low;
    double power = vmath_power_f64(vmath_bits_f64(shifted));
    return VMATH_FMA64(power * f, vmath_exp2m1_quotient_f64(f), power);
}

/* x^y for positive, finite, normal x and y within that bound: as exact, and a third quicker. */
VMATH_FUNCTION double vmath_pow_bounded_f64(double x, double y) {
    return vmath_pow_of_exponent_f64(vmath_pow_exponent_f64(x, y));
}

VMATH_UNKNOWN double vmath_pow_bounds_f64[] = {-1100.0, 1100.0, -16.0, 16.0};

/* The power of |x|, rounded once where it is subnormal, then the signs and special cases of C's
 * pow. With k in 32 bits compilers take two vectors of doubles at a time, and one computes while
 * the other waits for its long chain. */
VMATH_FUNCTION double vmath_pow_f64(double x, double y) {
    const double shift = 0x1.8p52 + 2046.0;
    double size = vmath_abs_f64(x);
    vmath_pair_f64 logarithm = vmath_log2_pair_f64(vmath_split_f64(size));
    logarithm.high = vmath_log_of_large_f64(size, logarithm.high);
    logarithm.high = size == 0 ? -VMATH_INFINITY_F64 : logarithm.high;
    vmath_pair_f64 e = vmath_times_pair_f64(y, logarithm);
    e.high = vmath_clamp_f64(e.high, vmath_pow_bounds_f64);
    e.low = e.low > vmath_pow_bounds_f64[2] ? e.low : vmath_pow_bounds_f64[2]; /* NaN goes */
    e.low = e.low < vmath_pow_bounds_f64[3] ? e.low : vmath_pow_bounds_f64[3];
    double shifted = (e.high + e.low) + shift;
    double f = (e.high - (shifted - shift)) + e.low;
    uint32_t k = (uint32_t)vmath_bits_f64(shifted), half = k >> 1;
    double power = vmath_power_f64(half);
    double z = VMATH_FMA64(power * f, vmath_exp2m1_quotient_f64(f), power);
    z *= vmath_power_f64(k - half);

    int is_one = (y == 0) | (size == 1.0);
    z = is_one ? 1.0 : z;
    double half_y = 0.5 * y;
    int whole = __builtin_floor(y) == y, odd = whole & (__builtin_floor(half_y) != half_y);
    uint64_t sign = vmath_bits_f64(x) & (uint64_t)odd << 63;
    z = vmath_from_bits_f64(vmath_bits_f64(z) | sign);
    int is_imaginary = (x < 0) & (size < VMATH_INFINITY_F64) & !whole;
    return is_imaginary ? VMATH_NAN_F64 : z;
}

/* ---- sine and cosine ------------------------------------------------------------------------- */

/* The largest |x| for vmath_sin_bounded_f64 and vmath_cos_bounded_f64. */
#define VMATH_TRIG_BOUND_F64 1048576.0

/* x = n pi/2 + r + low, |r| <= pi/4, n modulo 2^52. */
typedef struct {
    double r;
    double low;
    uint64_t n;
} vmath_angle_f64;

/* pi/2 in four parts, the first three of 33 bits: their products with n are exact (Cody, Waite). */
VMATH_FUNCTION vmath_angle_f64 vmath_reduce_bounded_f64(double x) {
    const double shift = 0x1.8p52;
    double shifted = VMATH_FMA64(x, 0x1.45f306dc9c883p-1, shift);
    double n = shifted - shift;
    double first = VMATH_FMA64(n, -0x1.921fb544p+0, x); /* exact */
    double second = VMATH_FMA64(n, -0x1.0b4611a6p-34, first);
    double lost = VMATH_FMA64(n, -0x1.0b4611a6p-34, first - second);
    double third = VMATH_FMA64(n, -0x1.3198a2ep-69, second);
    lost += VMATH_FMA64(n, -0x1.3198a2ep-69, second - third);
    lost = VMATH_FMA64(n, -0x1.b839a252049c1p-104, lost);
    vmath_pair_f64 sum = vmath_sum_f64(third, lost);
    vmath_angle_f64 angle = {sum.high, sum.low, vmath_bits_f64(shifted)};
    return angle;
}

/* |x| = m 2^e with 53-bit m, times the 192 bits of 2/pi that matter for the quadrant and what is
 * left of it: bits of higher weight make whole turns (Payne, Hanek). For |x| >= 2^20. */
VMATH_FUNCTION vmath_angle_f64 vmath_reduce_large_f64(double x) {
    __extension__ typedef unsigned __int128 wide;
    __extension__ typedef __int128 signed_wide;
    static const uint64_t two_over_pi[] = {
        0x0000000000000000, 0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041,
        0xfe5163abdebbc561, 0xb7246e3a424dd2e0, 0x06492eea09d1921c, 0xfe1deb1cb129a73e,
        0xe88235f52ebb4484, 0xe99c7026b45f7e41, 0x3991d639835339f4, 0x9c845f8bbdf9283b,
        0x1ff897ffde05980f, 0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7, 0x4f463f669e5fea2d,
        0x7527bac7ebe5f17b, 0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08, 0x56033046fc7b6bab};
    uint64_t bits = vmath_bits_f64(x) & 0x7fffffffffffffff;
    uint64_t m = (bits & 0xfffffffffffff) | 0x10000000000000;
    uint32_t offset = (uint32_t)(bits >> 52) - 1075 - 2 + 64; /* of the first bit that matters */
    const uint64_t *word = two_over_pi + offset / 64;
    uint32_t left = offset % 64;
    wide high = (wide)word[0] << 64 | word[1], low = (wide)word[2] << 64 | word[3];
    wide top = left ? high << left | low >> (128 - left) : high;
    uint64_t next = (uint64_t)((low << left) >> 64);
    wide turns = ((wide)(m * (uint64_t)(top >> 64)) << 64) + (wide)m * (uint64_t)top +
                 ((wide)m * next >> 64);
    uint64_t n = (uint64_t)((turns + ((wide)1 << 125)) >> 126);
    signed_wide rest = (signed_wide)(turns - ((wide)n << 126));
    vmath_pair_f64 part = {(double)rest, 0};
    part.low = (double)(rest - (signed_wide)part.high);
    vmath_pair_f64 r = vmath_product_f64(part.high, 0x1.921fb54442d18p+0);
    r.low = VMATH_FMA64(part.high, 0x1.1a62633145c07p-54, r.low);
    r.low = VMATH_FMA64(part.low, 0x1.921fb54442d18p+0, r.low);
    double sign = (x < 0 ? -1.0 : 1.0) * (bits < 0x7ff0000000000000 ? 0x1p-126 : VMATH_NAN_F64);
    vmath_angle_f64 angle = {r.high * sign, r.low * sign, x < 0 ? 0 - n : n};
    return angle;
}

/* The sine of n pi/2 + r + low. */
VMATH_FUNCTION double vmath_sin_quadrant_f64(vmath_angle_f64 angle) {
    double r = angle.r, square = r * r;
    double s = 0x1.5d9395b25a169p-33;
    s = VMATH_FMA64(s, square, -0x1.ae5e6878519dep-26);
    s = VMATH_FMA64(s, square, 0x1.71de357afb8d0p-19);
    s = VMATH_FMA64(s, square, -0x1.a01a019c1608dp-13);
    s = VMATH_FMA64(s, square, 0x1.111111110f8a6p-7);
    s = VMATH_FMA64(s, square, -0x1.5555555555549p-3);
    double half = 0.5 * square, c_high = 1.0 - half;
    s = r + VMATH_FMA64(s, square * r, angle.low * c_high);
    double c = -0x1.8fb14c71de54dp-37;
    c = VMATH_FMA64(c, square, 0x1.1ee9f18a778cfp-29);
    c = VMATH_FMA64(c, square, -0x1.27e4f813091f1p-22);
    c = VMATH_FMA64(c, square, 0x1.a01a019cbfcb9p-16);
    c = VMATH_FMA64(c, square, -0x1.6c16c16c15222p-10);
    c = VMATH_FMA64(c, square, 0x1.555555555554cp-5);
    c = VMATH_FMA64(c, square * square, VMATH_FMA64(-r, angle.low, (1.0 - c_high) - half));
    c = c_high + c;
    double y = (angle.n & 1) != 0 ? c : s;
    return vmath_from_bits_f64(vmath_bits_f64(y) ^ (angle.n & 2) << 62);
}

VMATH_FUNCTION double vmath_sin_bounded_f64(double x) {
    double y = vmath_sin_quadrant_f64(vmath_reduce_bounded_f64(x));
    return x == 0 ? x : y;
}

VMATH_FUNCTION double vmath_cos_bounded_f64(double x) {
    vmath_angle_f64 angle = vmath_reduce_bounded_f64(x);
    angle.n++;
    return vmath_sin_quadrant_f64(angle);
}

/* Of any x; a branch, so not vectorised. */
VMATH_FUNCTION double vmath_sin_f64(double x) {
    if (vmath_abs_f64(x) <= VMATH_TRIG_BOUND_F64)
        return vmath_sin_bounded_f64(x);
    return vmath_sin_quadrant_f64(vmath_reduce_large_f64(x));
}

VMATH_FUNCTION double vmath_cos_f64(double x) {
    if (vmath_abs_f64(x) <= VMATH_TRIG_BOUND_F64)
        return vmath_cos_bounded_f64(x);
    vmath_angle_f64 angle = vmath_reduce_large_f64(x);
    angle.n++;
    return vmath_sin_quadrant_f64(angle);
}

/* The bounded forms, for loops that are run again with the others if there was an argument beyond:
 * the sign bit of *beyond says so. */
VMATH_FUNCTION void vmath_note_bound_f64(uint64_t *beyond, double x) {
    *beyond |= vmath_bits_f64(VMATH_TRIG_BOUND_F64) - (vmath_bits_f64(x) & 0x7fffffffffffffff);
}

VMATH_FUNCTION int vmath_all_bounded_f64(uint64_t beyond) { return beyond >> 63 == 0; }

VMATH_FUNCTION double vmath_sin_noting_f64(uint64_t *beyond, double x) {
    vmath_note_bound_f64(beyond, x);
    return vmath_sin_bounded_f64(x);
}

VMATH_FUNCTION double vmath_cos_noting_f64(uint64_t *beyond, double x) {
    vmath_note_bound_f64(beyond, x);
    return vmath_cos_bounded_f64(x);
}

#ifdef __cplusplus
}
#endif
#endif
