/* Kernels of the executor's own, for what is no op: a number becomes a page, f16 becomes f32 and
 * back, a page of bool is negated. All give the same bits on every machine.
 */
#include "pages.h"

#include <string.h>

#if defined(HOLOGRAM_X86)
#include <immintrin.h>
#endif

#define FILL(bytes, type)                                                                          \
    int32_t hologram_fill_##bytes(const hologram_call *call) {                                     \
        const type value = *(const type *)call->args[0];                                           \
        type *out = call->args[1];                                                                 \
        for (int64_t i = call->begin; i < call->end; i++)                                          \
            out[i] = value;                                                                        \
        return HOLOGRAM_OK;                                                                        \
    }

FILL(1, uint8_t)
FILL(2, uint16_t)
FILL(4, uint32_t)
FILL(8, uint64_t)
#undef FILL

int32_t hologram_not(const hologram_call *call) {
    const bool *x = call->args[0];
    bool *out = call->args[1];
    for (int64_t i = call->begin; i < call->end; i++)
        out[i] = !x[i];
    return HOLOGRAM_OK;
}

/* ---- f16 ----------------------------------------------------------------------------------- */

/* The bits of an f16 as f32: exact; a signalling NaN becomes a quiet one, as in hardware. */
static inline uint32_t widened(uint16_t half) {
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16, magnitude = half & 0x7fff;
    const uint32_t normal = (magnitude << 13) + (112u << 23);
    const uint32_t special = (magnitude << 13) | (255u << 23) | (magnitude > 0x7c00 ? 1u << 22 : 0);
    const float small = (float)(int32_t)magnitude * 0x1p-24f;
    uint32_t subnormal;
    memcpy(&subnormal, &small, sizeof subnormal);
    return sign | (magnitude >= 0x7c00 ? special : magnitude < 0x0400 ? subnormal : normal);
}

/* The bits of an f32 as f16, to nearest, ties to even; beyond the largest it is infinite. */
static inline uint16_t narrowed(uint32_t bits) {
    const uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    float value, scaled;
    memcpy(&value, &magnitude, sizeof value);
    scaled = value + 0.5f; /* the last place of the sum is 2^-24, that of a subnormal f16 */
    uint32_t subnormal;
    memcpy(&subnormal, &scaled, sizeof subnormal);
    subnormal -= 126u << 23;
    const uint32_t normal = (magnitude - (112u << 23) + 0xfff + (magnitude >> 13 & 1)) >> 13;
    const uint32_t nan = 0x7e00 | (magnitude >> 13 & 0x3ff);
    if (magnitude > 0x7f800000)
        return (uint16_t)(sign | nan);
    if (magnitude >= 0x477ff000) /* 65520: half way to what would come after the largest */
        return (uint16_t)(sign | 0x7c00);
    return (uint16_t)(sign | (magnitude < 0x38800000 ? subnormal : normal));
}

/* A kernel for one level, and what makes f16 of a page there. */
#define HALVES(level, target)                                                                      \
    target static void widen_##level(uint32_t *, const uint16_t *, int64_t);                       \
    int32_t hologram_widen_##level(const hologram_call *call) {                                    \
        const uint16_t *x = call->args[0];                                                         \
        uint32_t *out = call->args[1];                                                             \
        widen_##level(out + call->begin, x + call->begin, call->end - call->begin);                \
        return HOLOGRAM_OK;                                                                        \
    }

HALVES(baseline, )
static void widen_baseline(uint32_t *to, const uint16_t *from, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        to[i] = widened(from[i]);
}

void hologram_narrow_baseline(uint16_t *to, const uint32_t *from, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        to[i] = narrowed(from[i]);
}

#if defined(HOLOGRAM_X86)
#define F16C __attribute__((target("avx2,f16c")))

HALVES(avx2, F16C)
F16C static void widen_avx2(uint32_t *to, const uint16_t *from, int64_t count) {
    int64_t i = 0;
    for (; i + 8 <= count; i += 8) {
        const __m128i half = _mm_loadu_si128((const __m128i *)(from + i));
        _mm256_storeu_ps((float *)to + i, _mm256_cvtph_ps(half));
    }
    widen_baseline(to + i, from + i, count - i);
}

F16C void hologram_narrow_avx2(uint16_t *to, const uint32_t *from, int64_t count) {
    int64_t i = 0;
    for (; i + 8 <= count; i += 8) {
        const __m256 value = _mm256_loadu_ps((const float *)from + i);
        _mm_storeu_si128((__m128i *)(to + i), _mm256_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT));
    }
    hologram_narrow_baseline(to + i, from + i, count - i);
}
#endif
