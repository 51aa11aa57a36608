/* What generated kernels are made of, besides C's own operators: docs/language.md in C.
 *
 * i64 and u64 are the compute types of integers; arithmetic wraps (-fwrapv). Names end in the type
 * they compute in. Included by every text of hologram_atlas after hologram/levels.h.
 */
#ifndef HOLOGRAM_LANGUAGE_H
#define HOLOGRAM_LANGUAGE_H

#include <stdbool.h>

/* Before a loop whose turns touch nothing of one another: one vector a turn, since more only make
 * the way into the loop longer. */
#if defined(__clang__)
#define INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define INDEPENDENT _Pragma("GCC ivdep") _Pragma("GCC unroll 1")
#else
#define INDEPENDENT
#endif

/* Before a loop that waits for itself: its own work is little beside that of counting. */
#if defined(__clang__) || defined(__GNUC__)
#define UNROLLED _Pragma("GCC unroll 4")
#else
#define UNROLLED
#endif

#define HOT       static inline __attribute__((always_inline, unused))
#define BODY      static __attribute__((noinline, unused))
#define COLD      static __attribute__((noinline, cold, unused))
#define SMALL     static inline __attribute__((unused))
#define LIKELY(x) __builtin_expect(x, 1)

/* ---- integers ------------------------------------------------------------------------------ */

SMALL int64_t floor_div_i64(int64_t a, int64_t b) {
    if (b == 0 || b == -1)
        return b == 0 ? 0 : -a;
    return a / b - ((a % b != 0) & ((a ^ b) < 0));
}

SMALL int64_t mod_i64(int64_t a, int64_t b) {
    if (b == 0 || b == -1)
        return 0;
    const int64_t rest = a % b;
    return rest + (((rest != 0) & ((rest ^ b) < 0)) ? b : 0);
}

/* The same for two numbers that are not negative. */
SMALL int64_t quotient_i64(int64_t a, int64_t b) { return b == 0 ? 0 : a / b; }
SMALL int64_t remainder_i64(int64_t a, int64_t b) { return b == 0 ? 0 : a % b; }

SMALL uint64_t floor_div_u64(uint64_t a, uint64_t b) { return b == 0 ? 0 : a / b; }
SMALL uint64_t mod_u64(uint64_t a, uint64_t b) { return b == 0 ? 0 : a % b; }

SMALL int64_t shl_i64(int64_t a, uint64_t count) {
    return count > 63 ? 0 : (int64_t)((uint64_t)a << count);
}
SMALL int64_t shr_i64(int64_t a, uint64_t count) { return a >> (count > 63 ? 63 : count); }
SMALL uint64_t shl_u64(uint64_t a, uint64_t count) { return count > 63 ? 0 : a << count; }
SMALL uint64_t shr_u64(uint64_t a, uint64_t count) { return count > 63 ? 0 : a >> count; }

/* -1, 0 or 1 as a is less than, equal to or greater than b. */
SMALL int order_i64_u64(int64_t a, uint64_t b) {
    return a < 0 ? -1 : ((uint64_t)a > b) - ((uint64_t)a < b);
}

SMALL uint64_t pow_u64(uint64_t base, uint64_t exponent) {
    uint64_t result = 1;
    for (; exponent > 0; exponent >>= 1, base *= base)
        result *= exponent & 1 ? base : 1;
    return result;
}

SMALL int64_t pow_i64(int64_t base, int64_t exponent) {
    if (exponent < 0)
        return base == 1 ? 1 : base == -1 ? (exponent % 2 == 0 ? 1 : -1) : 0;
    return (int64_t)pow_u64((uint64_t)base, (uint64_t)exponent);
}

SMALL int64_t abs_i64(int64_t a) { return a < 0 ? -a : a; }
SMALL uint64_t abs_u64(uint64_t a) { return a; }
SMALL int64_t relu_i64(int64_t a) { return a < 0 ? 0 : a; }
SMALL uint64_t relu_u64(uint64_t a) { return a; }
SMALL int64_t min_i64(int64_t a, int64_t b) { return a < b ? a : b; }
SMALL int64_t max_i64(int64_t a, int64_t b) { return a > b ? a : b; }
SMALL uint64_t min_u64(uint64_t a, uint64_t b) { return a < b ? a : b; }
SMALL uint64_t max_u64(uint64_t a, uint64_t b) { return a > b ? a : b; }

/* How many turns range(start, stop, step) has. */
SMALL uint64_t count_turns(int64_t start, int64_t stop, int64_t step) {
    const uint64_t from = (uint64_t)start, to = (uint64_t)stop, by = (uint64_t)step;
    if (step > 0)
        return start < stop ? (to - from - 1) / by + 1 : 0;
    return start > stop ? (from - to - 1) / (0 - by) + 1 : 0;
}

/* ---- floats -------------------------------------------------------------------------------- */

#define DEFINE_FLOAT(T, kind, f)                                                                   \
    /* as numpy.floor_divide */                                                                    \
    SMALL T floor_div_##kind(T a, T b) {                                                           \
        if (b == 0)                                                                                \
            return a / b;                                                                          \
        const T rest = __builtin_fmod##f(a, b);                                                    \
        T quotient = (a - rest) / b;                                                               \
        if (rest != 0 && (rest < 0) != (b < 0))                                                    \
            quotient -= 1;                                                                         \
        if (quotient == 0)                                                                         \
            return __builtin_copysign##f(0, a / b);                                                \
        const T floored = __builtin_floor##f(quotient);                                            \
        return quotient - floored > (T)0.5 ? floored + 1 : floored;                                \
    }                                                                                              \
    /* as numpy.remainder */                                                                       \
    SMALL T mod_##kind(T a, T b) {                                                                 \
        const T rest = __builtin_fmod##f(a, b);                                                    \
        if (b == 0)                                                                                \
            return rest;                                                                           \
        if (rest == 0)                                                                             \
            return __builtin_copysign##f(0, b);                                                    \
        return (rest < 0) != (b < 0) ? rest + b : rest;                                            \
    }                                                                                              \
    SMALL T square_##kind(T x) { return x * x; }                                                   \
    SMALL T cube_##kind(T x) { return x * x * x; }                                                 \
    SMALL T relu_##kind(T x) { return x < 0 ? 0 : x; }                                             \
    SMALL T rsqrt_##kind(T x) { return 1 / __builtin_sqrt##f(x); }                                 \
    /* NaN if either is */                                                                         \
    SMALL T min_##kind(T a, T b) { return a != a ? a : a < b ? a : b; }                            \
    SMALL T max_##kind(T a, T b) { return a != a ? a : a > b ? a : b; }                            \
    /* NaN if both are */                                                                          \
    SMALL T fmin_##kind(T a, T b) { return a != a ? b : b != b ? a : a < b ? a : b; }              \
    SMALL T fmax_##kind(T a, T b) { return a != a ? b : b != b ? a : a > b ? a : b; }

DEFINE_FLOAT(float, f32, f)
DEFINE_FLOAT(double, f64, )

/* Float to integer: without the fraction, the nearest that fits, NaN as 0. `low` and `high` are the
 * numbers at or beyond which it is the smallest or the largest. What is converted always fits,
 * since a conversion that only some numbers may go through keeps a loop from being vectorised. */
#define DEFINE_CONVERSION(T, to, F, from, smallest, largest, low, high, step)                      \
    SMALL T from##_to_##to(F x) {                                                                  \
        const F below_high = high - high * step; /* the largest that fits */                       \
        const F above = x > low ? x : low;       /* NaN is not */                                  \
        const T inside = (T)(above < below_high ? above : below_high);                             \
        return x >= high ? largest : x != x ? 0 : inside;                                          \
    }
#define DEFINE_CONVERSIONS(T, to, smallest, largest, low, high)                                    \
    DEFINE_CONVERSION(T, to, float, f32, smallest, largest, low##f, high##f, 0x1p-24f)             \
    DEFINE_CONVERSION(T, to, double, f64, smallest, largest, low, high, 0x1p-53)

DEFINE_CONVERSIONS(int8_t, i8, INT8_MIN, INT8_MAX, -0x1p7, 0x1p7)
DEFINE_CONVERSIONS(int16_t, i16, INT16_MIN, INT16_MAX, -0x1p15, 0x1p15)
DEFINE_CONVERSIONS(int32_t, i32, INT32_MIN, INT32_MAX, -0x1p31, 0x1p31)
DEFINE_CONVERSIONS(int64_t, i64, INT64_MIN, INT64_MAX, -0x1p63, 0x1p63)
DEFINE_CONVERSIONS(uint8_t, u8, 0, UINT8_MAX, 0x0p0, 0x1p8)
DEFINE_CONVERSIONS(uint16_t, u16, 0, UINT16_MAX, 0x0p0, 0x1p16)
DEFINE_CONVERSIONS(uint32_t, u32, 0, UINT32_MAX, 0x0p0, 0x1p32)
DEFINE_CONVERSIONS(uint64_t, u64, 0, UINT64_MAX, 0x0p0, 0x1p64)
DEFINE_CONVERSIONS(int64_t, usize, 0, INT64_MAX, 0x0p0, 0x1p63)

#undef DEFINE_FLOAT
#undef DEFINE_CONVERSIONS
#undef DEFINE_CONVERSION

/* ---- failures ------------------------------------------------------------------------------ */

COLD int32_t out_of_bounds(const hologram_call *call, const char *array, int64_t index,
                           int64_t length, int64_t item, int line) {
    return hologram_fail(call, HOLOGRAM_FAILED,
                         "%s[%lld] is out of bounds: %s has %lld elements (work item %lld, line "
                         "%d)",
                         array, (long long)index, array, (long long)length, (long long)item, line);
}

COLD void list_numbers(char *text, int size, int count, const int64_t *numbers) {
    int used = 0;
    for (int i = 0; i < count; i++)
        used += snprintf(text + used, (size_t)(size - used), "%s%lld", i > 0 ? ", " : "",
                         (long long)numbers[i]);
}

COLD int32_t out_of_shape(const hologram_call *call, const char *array, int count,
                          const int64_t *indices, const int64_t *sizes, int64_t item, int line) {
    char at[128], shape[128]; /* four numbers of at most 20 digits */
    list_numbers(at, sizeof at, count, indices);
    list_numbers(shape, sizeof shape, count, sizes);
    return hologram_fail(call, HOLOGRAM_FAILED,
                         "%s[%s] is out of bounds: %s has shape (%s) (work item %lld, line %d)",
                         array, at, array, shape, (long long)item, line);
}

COLD int32_t failed_assert(const hologram_call *call, const char *message, int64_t item, int line) {
    return hologram_fail(call, HOLOGRAM_FAILED, "assertion failed: %s (work item %lld, line %d)",
                         message, (long long)item, line);
}

COLD int32_t failed_step(const hologram_call *call, int64_t item, int line) {
    return hologram_fail(call, HOLOGRAM_FAILED,
                         "range() with a step of 0 (work item %lld, line %d)", (long long)item,
                         line);
}

/* Whether sizes, none of them negative, make a length. */
SMALL bool has_shape(int64_t length, int count, const int64_t *sizes) {
    int64_t product = 1;
    bool fits = true, empty = false;
    for (int i = 0; i < count; i++) {
        fits &= sizes[i] >= 0;
        empty |= sizes[i] == 0;
    }
    for (int i = 0; i < count && !empty; i++)
        fits &= !__builtin_mul_overflow(product, sizes[i], &product);
    return fits && length == (empty ? 0 : product);
}

#endif
