/* Losses: how far a prediction p is from a target t.
 *
 * Formula      mse                   sum (p - t)^2 / n
 *              binary_cross_entropy  -sum (t log p + (1 - t) log(1 - p)) / n
 *              cross_entropy         -sum t log p, over a row
 * Accumulator  f32, in 2 to 8 chains of LANES parts joined pairwise (fold.h).
 * Limits       a term whose weight (t or 1 - t) is zero counts zero, also where its logarithm is
 *              infinite; nothing is clamped; the mean of no elements is NaN. A difference beyond
 *              1.8e19 has an infinite square.
 * Aliasing     none: the result is written once everything has been read, outside the inputs.
 */
#include "fold.h"

/* log(1 - p). Where p is small, what rounding took from u = 1 - p is all that is left of it:
 * (1 - u) - p, which is exact, comes back as the first term of the series of the logarithm. */
INLINE float log_of_rest(float p) {
    const float u = 1.0f - p, lost = (1.0f - u) - p;
    const float log_u = vmath_log_f32(u);
    return __builtin_fabsf(p) < 0.5f ? log_u + lost / u : log_u;
}

LANEWISE(weighted_log, a == 0.0f ? 0.0f : a * vmath_log_f32(b))
LANEWISE(weighted_log_of_rest, a == 0.0f ? 0.0f : a * log_of_rest(b))

static inline vf step_squares(vf so_far, vf p, vf t, vf given) {
    (void)given;
    return v_muladd(p - t, p - t, so_far);
}

static inline vf step_binary(vf so_far, vf p, vf t, vf given) {
    const vf known = v_weighted_log(t, p, given);
    return so_far + (known + v_weighted_log_of_rest(1.0f - t, p, given));
}

static inline vf step_entropy(vf so_far, vf p, vf t, vf given) {
    return so_far + v_weighted_log(t, p, given);
}

/* Beyond the end, p = t = 1: no difference, and logarithms that are zero or not counted. */
INLINE float total(const hologram_call *call, int chains, step_fn *step) {
    const Fold what = {.a = call->args[0],
                       .b = call->args[1],
                       .length = call->dims[0],
                       .rest_a = v_all(1.0f),
                       .rest_b = v_all(1.0f)};
    return fold(&what, chains, step, v_plus);
}

int32_t SYMBOL(mse)(const hologram_call *call) {
    *(float *)call->args[2] = total(call, CHAINS, step_squares) / (float)call->dims[0];
    return HOLOGRAM_OK;
}

int32_t SYMBOL(binary_cross_entropy)(const hologram_call *call) {
    *(float *)call->args[2] = -total(call, FEW_CHAINS, step_binary) / (float)call->dims[0];
    return HOLOGRAM_OK;
}

int32_t SYMBOL(cross_entropy)(const hologram_call *call) {
    *(float *)call->args[2] = -total(call, FEW_CHAINS, step_entropy);
    return HOLOGRAM_OK;
}
