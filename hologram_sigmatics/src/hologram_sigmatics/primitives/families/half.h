/* Functions of a half as a float, no more exact than a half can hold: within 0.53 ULP of it.
 *
 * The argument is a float that is exactly a half, so that nothing is subnormal, and the exponents
 * and angles that matter are small. The coefficients are minimax fits of our own.
 */
#ifndef HOLOGRAM_SIGMATICS_HALF_H
#define HOLOGRAM_SIGMATICS_HALF_H

#include "../level.h"

#define ROUNDER 0x1.8p23f /* added and taken away, it leaves a whole number */

/* 2^(x log2 e) = 2^k (1 + p), to 2^-16 of p. */
INLINE vmath_exponential split_half(float x) {
    const float exponent = x * 0x1.715476p+0f, shifted = exponent + ROUNDER;
    const float f = exponent - (shifted - ROUNDER);
    float q = VMATH_FMA(0x1.3b2a90p-7f, f, 0x1.c96b48p-5f);
    q = VMATH_FMA(q, f, 0x1.ebff08p-3f);
    q = VMATH_FMA(q, f, 0x1.62e2d6p-1f);
    vmath_exponential e = {q * f, (int32_t)(vmath_bits_f32(shifted) - vmath_bits_f32(ROUNDER))};
    return e;
}

VMATH_UNKNOWN float exp_half_bounds[] = {-20.0f, 12.0f};
VMATH_UNKNOWN float tanh_half_bounds[] = {-24.0f, 0.0f};

INLINE float exp_half(float x) {
    const vmath_exponential e = split_half(vmath_clamp(x, exp_half_bounds));
    const float power = vmath_power_of_two(e.k);
    return VMATH_FMA(power, e.p, power);
}

/* -m / (m + 2) with m = e^(-2|x|) - 1. */
INLINE float tanh_half(float x) {
    const vmath_exponential e = split_half(vmath_clamp(-2 * vmath_abs_f32(x), tanh_half_bounds));
    const float power = vmath_power_of_two(e.k);
    const float m = VMATH_FMA(power, e.p, power - 1.0f);
    return __builtin_copysignf(m / (m + 2.0f), x);
}

/* Of positive, finite ones. */
INLINE float log_bounded_half(float x) {
    const uint32_t sqrt_half = 0x3f3504f3, bits = vmath_bits_f32(x) - sqrt_half;
    const float f = vmath_from_bits_f32((bits & 0x7fffff) + sqrt_half) - 1.0f;
    const float k = (float)((int32_t)bits >> 23);
    float q = VMATH_FMA(-0x1.23250ep-3f, f, 0x1.c1166cp-3f);
    q = VMATH_FMA(q, f, -0x1.03f908p-2f);
    q = VMATH_FMA(q, f, 0x1.54b9e0p-2f);
    q = VMATH_FMA(q, f, -0x1.ffea5ap-2f);
    return VMATH_FMA(k, 0x1.62e430p-1f, VMATH_FMA(q * f, f, f));
}

INLINE float log_any_half(float x) { return vmath_log_specials(x, log_bounded_half(x)); }

#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
/* pi/2 in two parts: with one rounding for each they leave the angle of any half exact enough. */
INLINE vmath_angle angle_of_half(float x) {
    const float shifted = VMATH_FMA(x, 0x1.45f306p-1f, ROUNDER), n = shifted - ROUNDER;
    const float r = VMATH_FMA(n, -0x1.921fb6p+0f, x);
    vmath_angle angle = {VMATH_FMA(n, 0x1.777a5cp-25f, r), vmath_bits_f32(shifted)};
    return angle;
}

INLINE float sin_quadrant_half(vmath_angle angle) {
    const float r = angle.r, square = r * r;
    const float s = VMATH_FMA(VMATH_FMA(0x1.0b7e92p-7f, square, -0x1.554428p-3f), square * r, r);
    const float c = VMATH_FMA(VMATH_FMA(0x1.4b6f86p-5f, square, -0x1.ffc13cp-2f), square, 1.0f);
    return vmath_from_bits_f32(vmath_bits_f32(angle.n & 1 ? c : s) ^ (angle.n & 2) << 30);
}

INLINE float sin_half(float x) {
    const float y = sin_quadrant_half(angle_of_half(x));
    return x == 0 ? x : y;
}

INLINE float cos_half(float x) {
    vmath_angle angle = angle_of_half(x);
    angle.n++;
    return sin_quadrant_half(angle);
}
#else
INLINE float sin_half(float x) { return vmath_sin_bounded_f32(x); }
INLINE float cos_half(float x) { return vmath_cos_bounded_f32(x); }
#endif

#endif
