/* The kernels that run bodies: map and power for element-wise ones, fold for those down to a number.
 *
 * A body gets work items in order, in one piece where they are few. A long piece begins with as many
 * items as bring `out` to a whole cache line. Where the arrays leave no room for anything else in the
 * caches, results are computed a page at a time into a buffer and go from there past the caches,
 * which saves reading the memory that they overwrite.
 */
#include "map.h"

#define LINE       64
#define ALIGN_FROM 4096  /* bytes of out from which whole lines pay for one more call of the body */
#define STREAMED   12288 /* bytes at a time */

static __attribute__((noinline, unused)) void stream(char *to, const char *from, int64_t bytes) {
#if defined(__SSE2__)
    int64_t i = 0;
#if LEVEL_INDEX == 2
    for (; i <= bytes - LINE; i += LINE)
        _mm512_stream_si512((void *)(to + i), _mm512_load_si512(from + i));
#elif LEVEL_INDEX == 1
    for (; i <= bytes - LINE; i += LINE) {
        _mm256_stream_si256((void *)(to + i), _mm256_load_si256((const void *)(from + i)));
        _mm256_stream_si256((void *)(to + i + 32),
                            _mm256_load_si256((const void *)(from + i + 32)));
    }
#else
    for (; i <= bytes - 16; i += 16)
        _mm_stream_si128((void *)(to + i), _mm_load_si128((const void *)(from + i)));
#endif
    memcpy(to + i, from + i, (size_t)(bytes - i));
#else
    memcpy(to, from, (size_t)bytes);
#endif
}

/* The same work with its results on the way past the caches; out + begin is at a cache line. */
static __attribute__((unused)) void map_past_caches(const hologram_call *call, const Map *map,
                                                    int64_t begin) {
    _Alignas(LINE) char buffer[STREAMED];
    void *args[4];
    const int out = map->params - 1;
    for (int k = 0; k < out; k++)
        args[k] = call->args[k];
    for (int64_t i = begin; i < call->end; i += STREAMED / map->size) {
        const int64_t count = least(STREAMED / map->size, call->end - i);
        for (int k = 0; k < out; k++)
            if (map->arrays >> k & 1)
                args[k] = (char *)call->args[k] + i * map->size;
        args[out] = buffer;
        map->body[LEVEL_INDEX](args, 0, count);
        stream((char *)call->args[out] + i * map->size, buffer, count * map->size);
    }
#if defined(__SSE2__)
    _mm_sfence();
#endif
}

static bool goes_past_caches(const hologram_call *call, const Map *map) {
    const int out = map->params - 1;
    int64_t bytes = call->lengths[out] * map->size;
    for (int k = 0; k < out; k++) {
        if (call->args[k] == call->args[out])
            return false; /* what is overwritten has been read */
        if (map->arrays >> k & 1)
            bytes += call->lengths[out] * map->size;
    }
    return bytes >= sigmatics_stream_from;
}

int32_t AT_LEVEL(map)(const hologram_call *call) {
    const Map *map = call->context;
    int64_t begin = call->begin;
    if ((call->end - begin) * map->size >= ALIGN_FROM) {
        const uintptr_t start =
            (uintptr_t)call->args[map->params - 1] + (uintptr_t)(begin * map->size);
        const int64_t head = (int64_t)(-start % LINE) / map->size;
        if (head > 0)
            map->body[LEVEL_INDEX](call->args, begin, begin + head);
        begin += head;
        if (goes_past_caches(call, map)) {
            map_past_caches(call, map, begin);
            return HOLOGRAM_OK;
        }
    }
    map->body[LEVEL_INDEX](call->args, begin, call->end);
    return HOLOGRAM_OK;
}

/* vector_pow for signed integers: a negative exponent has no result among them. */
int32_t AT_LEVEL(power)(const hologram_call *call) {
    const Map *map = call->context;
    const int64_t top = (call->end * map->size) - 1; /* of the bytes, the one with the sign */
    const signed char *bytes = call->args[1];
    int negative = 0;
    for (int64_t i = call->begin * map->size + map->size - 1; i <= top; i += map->size)
        negative |= bytes[i] < 0;
    if (negative)
        return hologram_fail(call, HOLOGRAM_BAD_VALUE,
                             "integers to negative powers are no integers; cast to f32 or f64");
    return AT_LEVEL(map)(call);
}

int32_t AT_LEVEL(fold)(const hologram_call *call) { return sigmatics_run_fold(call, LEVEL_INDEX); }
