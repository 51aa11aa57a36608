/* Element-wise bodies: out[i] = an expression of a, b and c, for begin <= i < end.
 *
 * MAP(op, dtype, type, operands, expression) defines one.
 */
#ifndef HOLOGRAM_SIGMATICS_MAP_H
#define HOLOGRAM_SIGMATICS_MAP_H

#include "../level.h"

#define READ_ARRAY(name, at, T)  const T *const name##s = args[at];
#define READ_NUMBER(name, at, T) const T name = *(const T *)args[at];
#define ELEMENT(name, T)         const T name = name##s[i];

#define READ_A(T)   READ_ARRAY(a, 0, T)
#define READ_S(T)   READ_NUMBER(a, 0, T)
#define READ_AA(T)  READ_A(T) READ_ARRAY(b, 1, T)
#define READ_AS(T)  READ_A(T) READ_NUMBER(b, 1, T)
#define READ_AAA(T) READ_AA(T) READ_ARRAY(c, 2, T)
#define READ_ASS(T) READ_AS(T) READ_NUMBER(c, 2, T)
#define READ_SAA(T) READ_S(T) READ_ARRAY(b, 1, T) READ_ARRAY(c, 2, T)

#define ELEMENTS_A(T) ELEMENT(a, T)
#define ELEMENTS_S(T)
#define ELEMENTS_AA(T)  ELEMENT(a, T) ELEMENT(b, T)
#define ELEMENTS_AS(T)  ELEMENT(a, T)
#define ELEMENTS_AAA(T) ELEMENTS_AA(T) ELEMENT(c, T)
#define ELEMENTS_ASS(T) ELEMENT(a, T)
#define ELEMENTS_SAA(T) ELEMENT(b, T) ELEMENT(c, T)

#define BODY(op, dtype) AT_LEVEL(op##_##dtype)

#define MAP(op, dtype, T, operands, expression)                                                    \
    void BODY(op, dtype)(void *const *args, int64_t begin, int64_t end) {                          \
        READ_##operands(T) T *const out = args[PARAMS_##operands - 1];                             \
        INDEPENDENT                                                                                \
        for (int64_t i = begin; i < end; i++) {                                                    \
            ELEMENTS_##operands(T) out[i] = (T)(expression);                                       \
        }                                                                                          \
    }

/* ---- stretches ------------------------------------------------------------------------------- */

#define STRETCH 1024

/* A body that looks at some elements at a time: where within(args, begin, end) says that all of
 * them are ordinary it takes op_bounded, else op_any. */
#define STRETCHED_MAP(op, dtype, within)                                                           \
    void BODY(op, dtype)(void *const *args, int64_t begin, int64_t end) {                          \
        for (; begin < end; begin += STRETCH) {                                                    \
            const int64_t stop = begin + least(STRETCH, end - begin);                              \
            if (within(args, begin, stop))                                                         \
                BODY(op##_bounded, dtype)(args, begin, stop);                                      \
            else                                                                                   \
                BODY(op##_any, dtype)(args, begin, stop);                                          \
        }                                                                                          \
    }

/* ---- half precision: the body of f32 on pieces that fit the first-level cache ---------------- */

#define HALF_PIECE 1024

static __attribute__((noinline, unused)) void map_halves(void *const *args, int64_t begin,
                                                         int64_t end, map_fn *body, int params,
                                                         unsigned arrays) {
    _Alignas(64) float buffer[4][HALF_PIECE];
    void *wide[4];
    for (int k = 0; k < params; k++) {
        wide[k] = buffer[k];
        if (k < params - 1 && !(arrays >> k & 1))
            buffer[k][0] = scalar_f16(args[k]);
    }
    for (int64_t at = begin; at < end; at += HALF_PIECE) {
        int64_t count = least(HALF_PIECE, end - at);
        for (int k = 0; k < params - 1; k++)
            if (arrays >> k & 1)
                widen((const uint16_t *)args[k] + at, buffer[k], count);
        body(wide, 0, count);
        narrow(buffer[params - 1], (uint16_t *)args[params - 1] + at, count);
    }
}

/* The body for f16 of an op that has one for f32. */
#define HALF_MAP(op, dtype, T, operands, expression)                                               \
    void BODY(op, f16)(void *const *args, int64_t begin, int64_t end) {                            \
        map_halves(args, begin, end, BODY(op, f32), PARAMS_##operands, ARRAYS_##operands);         \
    }

#endif
