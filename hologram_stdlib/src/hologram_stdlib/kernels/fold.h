/* Reductions: step(...step(step(start, a[0], b[0]), a[1], b[1])..., joined over lanes and chains.
 *
 * CHAINS * LANES partial results are kept and joined pairwise. That hides the latency of an
 * addition, and divides the length of a running sum, and with it the rounding error, by 32 to 64.
 */
#ifndef HOLOGRAM_STDLIB_FOLD_H
#define HOLOGRAM_STDLIB_FOLD_H

#include "../targets.h"

#define CHAINS (LANES == 16 ? 4 : 8)

/* For a step long enough to hide its own addition, and too long to be copied CHAINS times. */
#define FEW_CHAINS 2

typedef vf step_fn(vf so_far, vf a, vf b, vf given);
typedef vf join_fn(vf a, vf b, vf unused);

/* What to fold. */
typedef struct {
    const float *a, *b; /* b may be NULL; its lanes are then zero */
    int64_t length;
    vf start;          /* changes nothing when joined */
    vf rest_a, rest_b; /* stand for what lies beyond the end; a step with them changes nothing */
    vf given;          /* handed to every step */
} Fold;

#if defined(__clang__) || __GNUC__ >= 12
#define PERMUTE(x, ...) __builtin_shufflevector(x, x, __VA_ARGS__)
#else
#define PERMUTE(x, ...) __builtin_shuffle(x, (vi){__VA_ARGS__})
#endif

/* Joins all lanes pairwise: each is exchanged with the one half a vector away, then a quarter... */
INLINE float join_lanes(vf x, join_fn *join) {
    const vf none = {0};
#if LANES == 16
    x = join(x, PERMUTE(x, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7), none);
    x = join(x, PERMUTE(x, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11), none);
    x = join(x, PERMUTE(x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13), none);
    x = join(x, PERMUTE(x, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14), none);
#elif LANES == 8
    x = join(x, PERMUTE(x, 4, 5, 6, 7, 0, 1, 2, 3), none);
    x = join(x, PERMUTE(x, 2, 3, 0, 1, 6, 7, 4, 5), none);
    x = join(x, PERMUTE(x, 1, 0, 3, 2, 5, 4, 7, 6), none);
#else
    x = join(x, PERMUTE(x, 2, 3, 0, 1), none);
    x = join(x, PERMUTE(x, 1, 0, 3, 2), none);
#endif
    return x[0];
}

/* `chains`, `step` and `join` are constants where this is inlined. */
INLINE float fold(const Fold *what, int chains, step_fn *step, join_fn *join) {
    const float *a = what->a, *b = what->b;
    const int64_t length = what->length;
    const vf none = {0};
    vf chain[CHAINS];
    int64_t i = 0;
    UNROLL
    for (int c = 0; c < chains; c++)
        chain[c] = what->start;
    for (; i <= length - chains * LANES; i += chains * LANES) {
        UNROLL
        for (int c = 0; c < chains; c++) {
            const int64_t at = i + c * LANES;
            chain[c] = step(chain[c], v_load(a + at), b ? v_load(b + at) : none, what->given);
        }
    }
    for (; i <= length - LANES; i += LANES)
        chain[0] = step(chain[0], v_load(a + i), b ? v_load(b + i) : none, what->given);
    if (i < length)
        chain[1] = step(chain[1], v_load_part(a + i, length - i, what->rest_a),
                        b ? v_load_part(b + i, length - i, what->rest_b) : none, what->given);
    UNROLL
    for (int width = chains / 2; width > 0; width /= 2) {
        UNROLL
        for (int c = 0; c < width; c++)
            chain[c] = join(chain[c], chain[c + width], none);
    }
    return join_lanes(chain[0], join);
}

LANEWISE(plus, a + b)

#endif
