/* What the families need to know about the instruction set they are compiled for: vectors of any
 * element type, and half precision.
 *
 * A file in levels/ defines HOLOGRAM_LEVEL and includes the families; its compiler flags choose
 * VECTOR. Most bodies are plain loops, which the compiler makes into vectors; what it must not
 * reorder by itself, sums of floats above all, is written in vectors here.
 */
#ifndef HOLOGRAM_SIGMATICS_LEVEL_H
#define HOLOGRAM_SIGMATICS_LEVEL_H

#include <stdlib.h>
#include <string.h>

#include <hologram/vmath.h>
#include <hologram/vmath64.h>

#include "primitive.h"

#if defined(__AVX512F__)
#define LEVEL_INDEX 2
#define VECTOR      64
#elif defined(__AVX2__)
#define LEVEL_INDEX 1
#define VECTOR      32
#else
#define LEVEL_INDEX 0
#define VECTOR      16 /* SSE, NEON, or whatever the compiler makes of 16 bytes */
#endif

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#define AT_LEVEL HOLOGRAM_AT_LEVEL

/* ---- compiler ------------------------------------------------------------------------------- */

#define INLINE static inline __attribute__((always_inline, unused))

/* KEEP_LOOP is before one that the vectoriser must find; INDEPENDENT before a loop whose rounds do
 * not depend on each other: an output is the memory of an input or apart from it. */
#if defined(__clang__)
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#define UNROLL
#define KEEP_LOOP
#else
#define INDEPENDENT _Pragma("GCC ivdep")
#define UNROLL      _Pragma("GCC unroll 16")
#define KEEP_LOOP   _Pragma("GCC unroll 1")
#endif

INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* a * b + c for results whose exact rounding nobody is promised: fused where that is one
 * instruction. */
INLINE float muladd_f32(float a, float b, float c) { return VMATH_FMA(a, b, c); }
INLINE double muladd_f64(double a, double b, double c) { return VMATH_FMA64(a, b, c); }

/* ---- vectors of double, in which sums of floats go on ---------------------------------------- */

typedef float float_vector __attribute__((vector_size(VECTOR)));
typedef double double_vector __attribute__((vector_size(VECTOR)));

/* The lanes of one vector as doubles. (gcc makes more than one instruction of each conversion.) */
INLINE void widen_lanes_f32(float_vector x, double_vector to[2]) {
#if LEVEL_INDEX == 2
    to[0] = (double_vector)_mm512_cvtps_pd(_mm512_castps512_ps256((__m512)x));
    to[1] = (double_vector)_mm512_cvtps_pd(_mm512_extractf32x8_ps((__m512)x, 1));
#elif LEVEL_INDEX == 1
    to[0] = (double_vector)_mm256_cvtps_pd(_mm256_castps256_ps128((__m256)x));
    to[1] = (double_vector)_mm256_cvtps_pd(_mm256_extractf128_ps((__m256)x, 1));
#else
    to[0] = (double_vector){(double)x[0], (double)x[1]};
    to[1] = (double_vector){(double)x[2], (double)x[3]};
#endif
}

INLINE void widen_lanes_f64(double_vector x, double_vector to[1]) { to[0] = x; }

/* Pairwise: each lane is added to the one half a vector away, then a quarter... */
INLINE double add_lanes(double_vector x) {
#if VECTOR >= 32
    typedef double half __attribute__((vector_size(VECTOR / 2)));
    half part[2];
    memcpy(part, &x, sizeof x);
    part[0] += part[1];
#endif
#if VECTOR == 64
    typedef double quarter __attribute__((vector_size(VECTOR / 4)));
    quarter pair[2];
    memcpy(pair, &part[0], sizeof part[0]);
    pair[0] += pair[1];
    return pair[0][0] + pair[0][1];
#elif VECTOR == 32
    return part[0][0] + part[0][1];
#else
    return x[0] + x[1];
#endif
}

/* ---- half precision: stored as 16 bits, computed as float ------------------------------------ */

#if LEVEL_INDEX == 0 && !defined(__aarch64__)
/* A float has the bits of the half in the right places, and the exponent 112 too small. */
INLINE float widen_one(uint16_t half) {
    float y = vmath_from_bits_f32((uint32_t)(half & 0x7fff) << 13) * 0x1p112f;
    uint32_t bits = vmath_bits_f32(y);
    bits = y >= 0x1p16f ? bits | 0x7f800000 : bits; /* infinities and NaN */
    return vmath_from_bits_f32(bits | (uint32_t)(half & 0x8000) << 16);
}

/* To nearest even. Subnormal halves are rounded by an addition whose last bit is theirs. */
INLINE uint16_t narrow_one(float x) {
    uint32_t bits = vmath_bits_f32(x), size = bits & 0x7fffffff;
    uint32_t normal = (size - (112u << 23) + 0xfff + (size >> 13 & 1)) >> 13;
    uint32_t subnormal = vmath_bits_f32(vmath_from_bits_f32(size) + 0.5f) - 0x3f000000;
    uint32_t half = size < 0x38800000 ? subnormal : normal;
    half = size >= 0x477ff000 ? 0x7c00 : half;
    half = size > 0x7f800000 ? 0x7e00 : half;
    return (uint16_t)(half | (bits >> 16 & 0x8000));
}
#elif defined(__aarch64__)
INLINE float widen_one(uint16_t half) {
    __fp16 value;
    memcpy(&value, &half, sizeof value);
    return (float)value;
}

INLINE uint16_t narrow_one(float x) {
    __fp16 value = (__fp16)x;
    uint16_t half;
    memcpy(&half, &value, sizeof half);
    return half;
}
#else
INLINE float widen_one(uint16_t half) { return _cvtsh_ss(half); }
INLINE uint16_t narrow_one(float x) { return _cvtss_sh(x, _MM_FROUND_TO_NEAREST_INT); }
#endif

#define HALVES ((int)(VECTOR / sizeof(float))) /* that are widened at a time */

INLINE float_vector load_halves(const uint16_t *from) {
#if LEVEL_INDEX == 2
    return (float_vector)_mm512_cvtph_ps(_mm256_loadu_si256((const void *)from));
#elif LEVEL_INDEX == 1
    return (float_vector)_mm256_cvtph_ps(_mm_loadu_si128((const void *)from));
#else
    float lane[HALVES];
    float_vector x;
    for (int i = 0; i < HALVES; i++)
        lane[i] = widen_one(from[i]);
    memcpy(&x, lane, sizeof x);
    return x;
#endif
}

INLINE void store_halves(uint16_t *to, float_vector x) {
#if LEVEL_INDEX == 2
    _mm256_storeu_si256((void *)to, _mm512_cvtps_ph((__m512)x, _MM_FROUND_TO_NEAREST_INT));
#elif LEVEL_INDEX == 1
    _mm_storeu_si128((void *)to, _mm256_cvtps_ph((__m256)x, _MM_FROUND_TO_NEAREST_INT));
#else
    float lane[HALVES];
    memcpy(lane, &x, sizeof x);
    for (int i = 0; i < HALVES; i++)
        to[i] = narrow_one(lane[i]);
#endif
}

static __attribute__((unused)) void widen(const uint16_t *from, float *to, int64_t count) {
    int64_t i = 0;
#if LEVEL_INDEX > 0
    for (; i <= count - HALVES; i += HALVES) {
        const float_vector x = load_halves(from + i);
        memcpy(to + i, &x, sizeof x);
    }
#endif
    INDEPENDENT
    for (; i < count; i++)
        to[i] = widen_one(from[i]);
}

static __attribute__((unused)) void narrow(const float *from, uint16_t *to, int64_t count) {
    int64_t i = 0;
#if LEVEL_INDEX > 0
    for (; i <= count - HALVES; i += HALVES) {
        float_vector x;
        memcpy(&x, from + i, sizeof x);
        store_halves(to + i, x);
    }
#endif
    INDEPENDENT
    for (; i < count; i++)
        to[i] = narrow_one(from[i]);
}

/* Elements of an array as the numbers they are computed in: they themselves, or in a buffer. */
INLINE const float *read_f32(const float *from, float *buffer, int64_t count) {
    (void)buffer, (void)count;
    return from;
}

INLINE const double *read_f64(const double *from, double *buffer, int64_t count) {
    (void)buffer, (void)count;
    return from;
}

INLINE const float *read_f16(const uint16_t *from, float *buffer, int64_t count) {
    widen(from, buffer, count);
    return buffer;
}

/* Where results go first, and from there to the array, if that is another place. */
INLINE float *place_f32(float *to, float *buffer) { return (void)buffer, to; }
INLINE double *place_f64(double *to, double *buffer) { return (void)buffer, to; }
INLINE float *place_f16(uint16_t *to, float *buffer) { return (void)to, buffer; }
INLINE void deliver_f32(const float *from, float *to, int64_t n) { (void)from, (void)to, (void)n; }
INLINE void deliver_f64(const double *from, double *to, int64_t n) {
    (void)from, (void)to, (void)n;
}
INLINE void deliver_f16(const float *from, uint16_t *to, int64_t n) { narrow(from, to, n); }

INLINE float scalar_f32(const void *at) { return *(const float *)at; }
INLINE double scalar_f64(const void *at) { return *(const double *)at; }
INLINE float scalar_f16(const void *at) { return widen_one(*(const uint16_t *)at); }

#endif
