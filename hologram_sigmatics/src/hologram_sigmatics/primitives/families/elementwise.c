/* Arithmetic, element by element.
 *
 * Formula    as written below. Floats are rounded once; vector_pow is vmath's; vector_fma and axpy
 *            are fused. f16 is computed in f32 and rounded to f16, which is the same for + - * /
 *            and square roots.
 * Limits     NaN, infinities and zeros as NumPy has them: of two equal values, zeros of either sign
 *            included, minimum and maximum return the second, and clip the array's.
 *            Integers are modulo 2^bits, and the bits of a result do not depend on the sign of the
 *            dtype, so that one body serves both. A bool is 0 or 1, and any other byte is 1.
 * Aliasing   out may be exactly the memory of an input.
 */
#include "map.h"

/* ---- floats ---------------------------------------------------------------------------------- */

/* A bound that is NaN makes everything NaN. */
#define CLIPPED(a, low, high) (a < low ? low : a) > high ? high : (a < low ? low : a)

#define FLOAT_MAPS(MAP, T, d)                                                                      \
    MAP(vector_add, d, T, AA, a + b)                                                               \
    MAP(vector_sub, d, T, AA, a - b)                                                               \
    MAP(vector_mul, d, T, AA, (a * b))                                                             \
    MAP(vector_div, d, T, AA, a / b)                                                               \
    MAP(vector_min, d, T, AA, a != a ? a : a < b ? a : b)                                          \
    MAP(vector_max, d, T, AA, a != a ? a : a > b ? a : b)                                          \
    MAP(vector_fma, d, T, AAA, vmath_fma_##d(a, b, c))                                             \
    MAP(scalar_add, d, T, AS, a + b)                                                               \
    MAP(scalar_mul, d, T, AS, (a * b))                                                             \
    MAP(axpy, d, T, SAA, vmath_fma_##d(a, b, c))                                                   \
    MAP(clip, d, T, ASS, b != b || c != c ? b + c : CLIPPED(a, b, c))

#define SIGN_MAPS(MAP, T, d)                                                                       \
    MAP(vector_neg, d, T, A, -a)                                                                   \
    MAP(vector_abs, d, T, A, vmath_abs_##d(a))

FLOAT_MAPS(MAP, float, f32)
FLOAT_MAPS(MAP, double, f64)
FLOAT_MAPS(HALF_MAP, float, f32)
SIGN_MAPS(MAP, float, f32)
SIGN_MAPS(MAP, double, f64)
MAP(vector_neg, f16, uint16_t, A, a ^ 0x8000)
MAP(vector_abs, f16, uint16_t, A, a & 0x7fff)

/* ---- powers of floats ------------------------------------------------------------------------ */

MAP(vector_pow_any, f32, float, AA, vmath_pow_f32(a, b))
MAP(vector_pow_any, f64, double, AA, vmath_pow_f64(a, b))

/* A stretch by the shorter form, and whether it may have all of it: without the exponent of the
 * smallest normal number the bits of ordinary ones, and of no others, are less than `ordinary`. */
#define SHORT_POWERS(d, T, U, pair, smallest, ordinary, bound)                                     \
    INLINE bool short_powers_##d(const T *a, const T *b, T *out, int64_t count) {                  \
        U largest = 0, reach = 0;                                                                  \
        INDEPENDENT                                                                                \
        for (int64_t i = 0; i < count; i++) {                                                      \
            const U base = vmath_bits_##d(a[i]) - (smallest);                                      \
            const pair e = vmath_pow_exponent_##d(a[i], b[i]);                                     \
            const U size = vmath_bits_##d(vmath_abs_##d(e.high));                                  \
            largest = base > largest ? base : largest;                                             \
            reach = size > reach ? size : reach;                                                   \
            out[i] = vmath_pow_of_exponent_##d(e);                                                 \
        }                                                                                          \
        return largest < (ordinary) && reach <= vmath_bits_##d(bound);                             \
    }                                                                                              \
    void BODY(vector_pow, d)(void *const *args, int64_t begin, int64_t end) {                      \
        const T *a = args[0], *b = args[1];                                                        \
        T *const out = args[2];                                                                    \
        T beside[STRETCH]; /* what is no result must not be where an input is */                   \
        for (; begin < end; begin += STRETCH) {                                                    \
            const int64_t count = least(STRETCH, end - begin);                                     \
            T *const to = out == a || out == b ? beside : out + begin;                             \
            if (!short_powers_##d(a + begin, b + begin, to, count))                                \
                BODY(vector_pow_any, d)(args, begin, begin + count);                               \
            else if (to == beside)                                                                 \
                memcpy(out + begin, beside, (size_t)count * sizeof(T));                            \
        }                                                                                          \
    }

SHORT_POWERS(f32, float, uint32_t, vmath_pair, 0x00800000u, 0x7f000000u, VMATH_POW_BOUND)
SHORT_POWERS(f64, double, uint64_t, vmath_pair_f64, UINT64_C(1) << 52, UINT64_C(2046) << 52,
             VMATH_POW_BOUND_F64)
HALF_MAP(vector_pow, f32, float, AA, )

/* ---- integers: what does not depend on the sign ---------------------------------------------- */

#define WRAPPING_MAPS(MAP, T, d)                                                                   \
    MAP(vector_add, d, T, AA, a + b)                                                               \
    MAP(vector_sub, d, T, AA, a - b)                                                               \
    MAP(vector_mul, d, T, AA, 1u * a * b)                                                          \
    MAP(vector_neg, d, T, A, 0u - a)                                                               \
    MAP(vector_fma, d, T, AAA, 1u * a * b + c)                                                     \
    MAP(scalar_add, d, T, AS, a + b)                                                               \
    MAP(scalar_mul, d, T, AS, 1u * a * b)                                                          \
    MAP(axpy, d, T, SAA, 1u * a * b + c)

WRAPPING_MAPS(MAP, uint8_t, u8)
WRAPPING_MAPS(MAP, uint16_t, u16)
WRAPPING_MAPS(MAP, uint32_t, u32)
WRAPPING_MAPS(MAP, uint64_t, u64)

/* Powers of a piece by squaring, as many times as the largest exponent has bits. */
#define POWER_PIECE 256
#define POWER_MAP(d, T)                                                                            \
    void BODY(vector_pow, d)(void *const *args, int64_t begin, int64_t end) {                      \
        const T *a = args[0], *b = args[1];                                                        \
        T *out = args[2];                                                                          \
        for (int64_t at = begin; at < end; at += POWER_PIECE) {                                    \
            T square[POWER_PIECE], left[POWER_PIECE], power[POWER_PIECE], most = 0;                \
            const int64_t count = least(POWER_PIECE, end - at);                                    \
            for (int64_t i = 0; i < count; i++) {                                                  \
                square[i] = a[at + i];                                                             \
                left[i] = b[at + i];                                                               \
                power[i] = 1;                                                                      \
                most |= left[i];                                                                   \
            }                                                                                      \
            for (; most > 0; most = (T)(most >> 1)) {                                              \
                for (int64_t i = 0; i < count; i++) {                                              \
                    const T product = (T)(1u * power[i] * square[i]);                              \
                    power[i] = left[i] & 1 ? product : power[i];                                   \
                    square[i] = (T)(1u * square[i] * square[i]);                                   \
                    left[i] = (T)(left[i] >> 1);                                                   \
                }                                                                                  \
            }                                                                                      \
            memcpy(out + at, power, (size_t)count * sizeof *power);                                \
        }                                                                                          \
    }

POWER_MAP(u8, uint8_t)
POWER_MAP(u16, uint16_t)
POWER_MAP(u32, uint32_t)
POWER_MAP(u64, uint64_t)

/* ---- integers: what does --------------------------------------------------------------------- */

#define ORDERED_MAPS(MAP, T, d)                                                                    \
    MAP(vector_min, d, T, AA, a < b ? a : b)                                                       \
    MAP(vector_max, d, T, AA, a > b ? a : b)                                                       \
    MAP(clip, d, T, ASS, CLIPPED(a, b, c))

#define SIGNED_MAPS(MAP, T, U, d)                                                                  \
    ORDERED_MAPS(MAP, T, d)                                                                        \
    MAP(vector_abs, d, T, A, a < 0 ? (T)(0u - (U)a) : a)                                           \
    MAP(relu, d, T, A, a > 0 ? a : 0)

SIGNED_MAPS(MAP, int8_t, uint8_t, i8)
SIGNED_MAPS(MAP, int16_t, uint16_t, i16)
SIGNED_MAPS(MAP, int32_t, uint32_t, i32)
SIGNED_MAPS(MAP, int64_t, uint64_t, i64)
ORDERED_MAPS(MAP, uint8_t, u8)
ORDERED_MAPS(MAP, uint16_t, u16)
ORDERED_MAPS(MAP, uint32_t, u32)
ORDERED_MAPS(MAP, uint64_t, u64)

/* ---- bools ----------------------------------------------------------------------------------- */

MAP(vector_add, b8, uint8_t, AA, (a | b) != 0)
MAP(vector_mul, b8, uint8_t, AA, (a != 0) & (b != 0))
MAP(vector_fma, b8, uint8_t, AAA, ((a != 0) & (b != 0)) | (c != 0))
MAP(scalar_add, b8, uint8_t, AS, (a | b) != 0)
MAP(scalar_mul, b8, uint8_t, AS, (a != 0) & (b != 0))
MAP(axpy, b8, uint8_t, SAA, ((a != 0) & (b != 0)) | (c != 0))
