/* One body, many levels: what the kernels need to know about the instruction set they are compiled
 * for.
 *
 * A file in levels/ defines LEVEL and includes the kernel families; its compiler flags choose
 * LANES. Kernels work on vf, a vector of LANES floats. What is left over at the end of an array
 * goes through v_load_part and v_store_part, which touch nothing beyond it: a tail costs one
 * vector, not LANES - 1 scalar rounds.
 */
#ifndef HOLOGRAM_STDLIB_TARGETS_H
#define HOLOGRAM_STDLIB_TARGETS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <hologram/kernel.h>
#include <hologram/vmath.h>

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX2__)
#define LANES 8
#else
#define LANES 4 /* SSE, NEON, or whatever the compiler makes of 16 bytes */
#endif

#if LANES > 4
#include <immintrin.h>
#endif

/* ---- names: hologram_<op>_f32_<level> ------------------------------------------------------- */

#define SYMBOL_(op, level)   hologram_##op##_f32_##level
#define SYMBOL_OF(op, level) SYMBOL_(op, level)
#define SYMBOL(op)           SYMBOL_OF(op, LEVEL)

/* ---- compiler ------------------------------------------------------------------------------- */

#define INLINE static inline __attribute__((always_inline))

/* For loops over a number of rounds known here: gcc must unroll them before it assigns registers,
 * or leave them alone so that its vectoriser finds a loop. clang does both unasked. */
#if defined(__clang__)
#define UNROLL
#define KEEP_LOOP
#else
#define UNROLL    _Pragma("GCC unroll 16")
#define KEEP_LOOP _Pragma("GCC unroll 1")
#endif

/* ---- vectors -------------------------------------------------------------------------------- */

typedef float vf __attribute__((vector_size(4 * LANES)));
typedef int32_t vi __attribute__((vector_size(4 * LANES)));
typedef float vf_anywhere __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

INLINE vf v_load(const float *from) { return *(const vf_anywhere *)from; }

INLINE void v_store(float *to, vf x) { *(vf_anywhere *)to = x; }

/* x - 0 is x for every x, -0 and NaN too; adding would lose the sign of -0. */
INLINE vf v_all(float x) { return x - (vf){0}; }

#if LANES < 16
/* All bits of the first `count` lanes. */
INLINE vi v_below(int64_t count) {
#if LANES == 8
    const vi lane = {0, 1, 2, 3, 4, 5, 6, 7};
#else
    const vi lane = {0, 1, 2, 3};
#endif
    return lane < (int32_t)count;
}
#endif

/* The first `count` lanes from memory, 0 < count < LANES; the others from `rest`. */
INLINE vf v_load_part(const float *from, int64_t count, vf rest) {
#if LANES == 16
    __mmask16 mask = (__mmask16)_bzhi_u32(0xffff, (unsigned)count);
    return (vf)_mm512_mask_loadu_ps((__m512)rest, mask, from);
#elif LANES == 8
    vi mask = v_below(count);
    __m256 lanes = _mm256_maskload_ps(from, (__m256i)mask);
    return (vf)_mm256_blendv_ps((__m256)rest, lanes, (__m256)mask);
#else
    rest[0] = from[0];
    if (count > 1)
        rest[1] = from[1];
    if (count > 2)
        rest[2] = from[2];
    return rest;
#endif
}

/* The first `count` lanes of x, 0 < count < LANES; the others are zero. */
INLINE vf v_first(vf x, int64_t count) {
#if LANES == 16
    return (vf)_mm512_maskz_mov_ps((__mmask16)_bzhi_u32(0xffff, (unsigned)count), (__m512)x);
#else
    return (vf)((vi)x & v_below(count));
#endif
}

/* The first `count` lanes to memory, 0 < count < LANES. */
INLINE void v_store_part(float *to, vf x, int64_t count) {
#if LANES == 16
    _mm512_mask_storeu_ps(to, (__mmask16)_bzhi_u32(0xffff, (unsigned)count), (__m512)x);
#elif LANES == 8 /* in pieces: masked stores take microcode on AMD */
    __m128 piece = _mm256_castps256_ps128((__m256)x);
    if (count & 4) {
        _mm_storeu_ps(to, piece);
        piece = _mm256_extractf128_ps((__m256)x, 1);
        to += 4;
    }
    if (count & 2) {
        _mm_storel_pi((__m64 *)to, piece);
        piece = _mm_movehl_ps(piece, piece);
        to += 2;
    }
    if (count & 1)
        _mm_store_ss(to, piece);
#else
    to[0] = x[0];
    if (count > 1)
        to[1] = x[1];
    if (count > 2)
        to[2] = x[2];
#endif
}

/* ---- functions of one number, applied to each lane ------------------------------------------ */

/* Defines v_<name>(a, b, c) from an expression of the floats a, b and c; the compiler's vectoriser
 * makes the loop over LANES into straight code. */
#define LANEWISE(name, expression)                                                                 \
    INLINE vf v_##name(vf va, vf vb, vf vc) {                                                      \
        float as[LANES], bs[LANES], cs[LANES], out[LANES];                                         \
        memcpy(as, &va, sizeof va);                                                                \
        memcpy(bs, &vb, sizeof vb);                                                                \
        memcpy(cs, &vc, sizeof vc);                                                                \
        KEEP_LOOP                                                                                  \
        for (int i = 0; i < LANES; i++) {                                                          \
            const float a = as[i], b = bs[i], c = cs[i];                                           \
            (void)a, (void)b, (void)c;                                                             \
            out[i] = expression;                                                                   \
        }                                                                                          \
        memcpy(&va, out, sizeof va);                                                               \
        return va;                                                                                 \
    }

/* a * b + c for results whose exact rounding nobody is promised: fused where that is one
 * instruction. */
INLINE float muladd(float a, float b, float c) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    return __builtin_fmaf(a, b, c);
#else
    return a * b + c;
#endif
}

LANEWISE(muladd, muladd(a, b, c))

#endif
