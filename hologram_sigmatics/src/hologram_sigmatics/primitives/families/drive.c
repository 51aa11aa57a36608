/* The kernels that run bodies: map and power for element-wise ones, fold for those down to a
 * number.
 *
 * A body gets work items in order, in one piece where they are few. A long piece begins with as
 * many items as bring `out` to a whole cache line. Where the arrays leave no room for anything else
 * in the caches, results are computed a little at a time into a buffer and go from there past the
 * caches, which saves reading the memory that they overwrite; meanwhile what is needed next is
 * fetched. That is for plain bodies: others take longer than the memory does, and would wait.
 */
#include "map.h"

#define LINE     64
#define STREAMED 2048 /* bytes at a time */

/* Bytes of out from which whole lines pay for a second call of the body. */
#define ALIGN_FROM 4096

/* One line past the caches. */
INLINE void stream_line(char *to, const char *from) {
#if LEVEL_INDEX == 2
    _mm512_stream_si512((void *)to, _mm512_load_si512(from));
#elif LEVEL_INDEX == 1
    _mm256_stream_si256((void *)to, _mm256_load_si256((const void *)from));
    _mm256_stream_si256((void *)(to + 32), _mm256_load_si256((const void *)(from + 32)));
#elif defined(__SSE2__)
    for (int i = 0; i < LINE; i += 16)
        _mm_stream_si128((void *)(to + i), _mm_load_si128((const void *)(from + i)));
#else
    memcpy(to, from, LINE);
#endif
}

/* The same work with its results on the way past the caches; out + begin is at a cache line. */
static void map_past_caches(const hologram_call *call, const Map *map, int64_t begin) {
    _Alignas(LINE) char buffer[STREAMED];
    const int inputs = map->params - 1;
    const int64_t end = call->end * map->size;
    const char *next[4] = {0};
    void *args[4];
    args[inputs] = buffer;
    for (int64_t at = begin * map->size; at < end; at += STREAMED) {
        const int64_t bytes = least(STREAMED, end - at);
        char *const out = (char *)call->args[inputs] + at;
        for (int k = 0; k < inputs; k++) {
            const bool moves = map->arrays >> k & 1;
            args[k] = (char *)call->args[k] + (moves ? at : 0);
            next[k] = (const char *)args[k] + (moves ? STREAMED : 0);
        }
        map->body[LEVEL_INDEX](args, 0, bytes / map->size);
        int64_t i = 0;
        for (; i <= bytes - LINE; i += LINE) {
            for (int k = 0; k < inputs; k++)
                __builtin_prefetch(next[k] + i);
            stream_line(out + i, buffer + i);
        }
        memcpy(out + i, buffer + i, (size_t)(bytes - i));
    }
#if defined(__SSE2__)
    _mm_sfence();
#endif
}

/* How many bytes the whole call touches; -1 where out is the memory of an input, and so in the
 * cache when it is written, and where there is no array to read. */
static int64_t touched(const hologram_call *call, const Map *map) {
    const int out = map->params - 1;
    int64_t arrays = 0;
    for (int k = 0; k < out; k++) {
        if (call->args[k] == call->args[out])
            return -1;
        arrays += map->arrays >> k & 1;
    }
    return arrays > 0 ? (arrays + 1) * call->lengths[out] * map->size : -1;
}

int32_t AT_LEVEL(map)(const hologram_call *call) {
    const Map *map = call->context;
    map_fn *body = map->body[LEVEL_INDEX];
    int64_t begin = call->begin;
    if ((call->end - begin) * map->size >= ALIGN_FROM) {
        const uintptr_t start =
            (uintptr_t)call->args[map->params - 1] + (uintptr_t)(begin * map->size);
        const int64_t head = (int64_t)(-start % LINE) / map->size;
        const int64_t bytes = touched(call, map);
        if (head > 0)
            body(call->args, begin, begin + head);
        begin += head;
        if (map->is_plain && bytes >= sigmatics_stream_from) {
            map_past_caches(call, map, begin);
            return HOLOGRAM_OK;
        }
        if (LEVEL_INDEX == 2 && map->is_plain && bytes >= NARROW_FROM)
            body = map->body[1];
    }
    body(call->args, begin, call->end);
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
