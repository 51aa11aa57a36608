/* Functions of a row as a whole; dims[0] is its length, and one call does one row.
 *
 * Formula      softmax      e^(x - max) / sum e^(x - max)
 *              log_softmax  x - max - log sum e^(x - max)
 *              layer_norm   (x - mean) / sqrt(variance + eps) * weight + bias, population variance
 *              rms_norm     x / sqrt(mean of x^2 + eps) * weight
 * Accumulator  f32, in 2 to 8 chains of LANES parts joined pairwise (fold.h). The variance is that
 *              of x - mean, a second pass over the row, so that it does not cancel.
 * Limits       with the maximum subtracted no exponential overflows; a row that holds NaN or +inf,
 *              or -inf alone, comes out as NaN. Elements beyond 1.8e19 have infinite squares.
 * Aliasing     out may be exactly the memory of an input of its length: a pass that writes
 *              reads the same elements just before, and no pass after it needs the old ones.
 */
#include "fold.h"

#define SCALE 0x1p64f

/* SCALE e^d for d <= 0. As large as that it is never subnormal, so that one power of two will do;
 * below -105 it might as well be zero, but goes on as something that rounds to it. */
INLINE float scaled_exp(float d) {
    const vmath_exponential e = vmath_split_exponential(d < -105.0f ? -105.0f : d);
    const float power = vmath_power_of_two(e.k + 64);
    return muladd(power, e.p, power);
}

LANEWISE(max_but_nan, a > b ? a : b)
LANEWISE(exp_of_difference, scaled_exp(a - b))

static inline vf step_max_but_nan(vf so_far, vf a, vf b, vf given) {
    return (void)b, v_max_but_nan(a, so_far, given);
}

static inline vf step_mean(vf so_far, vf a, vf b, vf given) {
    (void)b, (void)given;
    return so_far + a;
}

static inline vf step_square(vf so_far, vf a, vf b, vf given) {
    (void)b;
    return v_muladd(a - given, a - given, so_far);
}

/* NaN may be left out: it comes back with the exponentials. */
INLINE float row_max(const float *x, int64_t n) {
    const vf least = v_all(-__builtin_inff());
    const Fold what = {.a = x, .length = n, .start = least, .rest_a = least};
    return fold(&what, CHAINS, step_max_but_nan, v_max_but_nan);
}

INLINE float sum_of_squares(const float *x, int64_t n, float center) {
    const Fold what = {.a = x, .length = n, .rest_a = v_all(center), .given = v_all(center)};
    return fold(&what, CHAINS, step_square, v_plus);
}

/* ---- softmax -------------------------------------------------------------------------------- */

/* The sum of SCALE e^(x - max). Full vectors of them go to out, if there is one; the rest to part,
 * a register, because memory just written in part is slow to read back. */
INLINE float exponentials(const float *x, float *out, int64_t n, vf max, vf *part) {
    const vf none = {0};
    vf even = none, odd = none;
    int64_t i = 0;
    for (; n - i >= 2 * LANES; i += 2 * LANES) {
        const vf first = v_exp_of_difference(v_load(x + i), max, none);
        const vf second = v_exp_of_difference(v_load(x + i + LANES), max, none);
        if (out) {
            v_store(out + i, first);
            v_store(out + i + LANES, second);
        }
        even += first;
        odd += second;
    }
    if (n - i >= LANES) {
        const vf first = v_exp_of_difference(v_load(x + i), max, none);
        if (out)
            v_store(out + i, first);
        even += first;
        i += LANES;
    }
    *part = none;
    if (i < n) {
        *part = v_exp_of_difference(v_load_part(x + i, n - i, max), max, none);
        *part = v_first(*part, n - i);
    }
    return join_lanes(even + (odd + *part), v_plus);
}

int32_t SYMBOL(softmax)(const hologram_call *call) {
    const float *x = call->args[0];
    float *out = call->args[1];
    const int64_t n = call->dims[0];
    vf part;
    const float sum = exponentials(x, out, n, v_all(row_max(x, n)), &part);
    const vf scale = v_all(1.0f / sum);
    int64_t i = 0;
    for (; n - i >= LANES; i += LANES)
        v_store(out + i, v_load(out + i) * scale);
    if (i < n)
        v_store_part(out + i, part * scale, n - i);
    return HOLOGRAM_OK;
}

int32_t SYMBOL(log_softmax)(const hologram_call *call) {
    const float *x = call->args[0];
    float *out = call->args[1];
    const int64_t n = call->dims[0];
    const vf max = v_all(row_max(x, n));
    vf part;
    const vf log_sum = v_all(vmath_log_f32(exponentials(x, NULL, n, max, &part) / SCALE));
    int64_t i = 0;
    for (; n - i >= LANES; i += LANES)
        v_store(out + i, v_load(x + i) - max - log_sum);
    if (i < n)
        v_store_part(out + i, v_load_part(x + i, n - i, max) - max - log_sum, n - i);
    return HOLOGRAM_OK;
}

/* ---- normalisation -------------------------------------------------------------------------- */

int32_t SYMBOL(layer_norm)(const hologram_call *call) {
    const float *x = call->args[0], *weight = call->args[1], *bias = call->args[2];
    const float eps = *(const float *)call->args[3];
    float *out = call->args[4];
    const int64_t n = call->dims[0];
    const Fold what = {.a = x, .length = n};
    const float mean = fold(&what, CHAINS, step_mean, v_plus) / (float)n;
    const float variance = sum_of_squares(x, n, mean) / (float)n;
    const vf center = v_all(mean), scale = v_all(1.0f / __builtin_sqrtf(variance + eps));
    const vf none = {0};
    int64_t i = 0;
    for (; i <= n - LANES; i += LANES) {
        const vf unit = (v_load(x + i) - center) * scale;
        v_store(out + i, v_muladd(unit, v_load(weight + i), v_load(bias + i)));
    }
    if (i < n) {
        const int64_t count = n - i;
        const vf unit = (v_load_part(x + i, count, none) - center) * scale;
        const vf weights = v_load_part(weight + i, count, none);
        v_store_part(out + i, v_muladd(unit, weights, v_load_part(bias + i, count, none)), count);
    }
    return HOLOGRAM_OK;
}

int32_t SYMBOL(rms_norm)(const hologram_call *call) {
    const float *x = call->args[0], *weight = call->args[1];
    const float eps = *(const float *)call->args[2];
    float *out = call->args[3];
    const int64_t n = call->dims[0];
    const float mean = sum_of_squares(x, n, 0.0f) / (float)n;
    const vf scale = v_all(1.0f / __builtin_sqrtf(mean + eps)), none = {0};
    int64_t i = 0;
    for (; i <= n - LANES; i += LANES)
        v_store(out + i, v_load(x + i) * scale * v_load(weight + i));
    if (i < n) {
        const vf weights = v_load_part(weight + i, n - i, none);
        v_store_part(out + i, v_load_part(x + i, n - i, none) * scale * weights, n - i);
    }
    return HOLOGRAM_OK;
}
