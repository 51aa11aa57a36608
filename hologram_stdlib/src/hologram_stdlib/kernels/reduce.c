/* Reductions of a whole array to one number; dims[0] is its length.
 *
 * Formula      sum a, min a, max a, prod a, sum a * b.
 * Accumulator  f32, in CHAINS * LANES parts joined pairwise (fold.h); the dot product adds fused
 *              products where the machine has them.
 * Limits       NaN if any element is; none has no minimum or maximum, sum 0 and product 1.
 * Aliasing     none: the result is written once everything has been read, outside the inputs.
 */
#include "fold.h"

LANEWISE(times, (a * b))
LANEWISE(smaller, a != a ? a : a < b ? a : b)
LANEWISE(larger, a != a ? a : a > b ? a : b)

static inline vf step_sum(vf so_far, vf a, vf b, vf given) {
    (void)b, (void)given;
    return so_far + a;
}

static inline vf step_prod(vf so_far, vf a, vf b, vf given) {
    (void)b, (void)given;
    return so_far * a;
}

static inline vf step_min(vf so_far, vf a, vf b, vf given) {
    (void)b, (void)given;
    return v_smaller(a, so_far, so_far);
}

static inline vf step_max(vf so_far, vf a, vf b, vf given) {
    (void)b, (void)given;
    return v_larger(a, so_far, so_far);
}

static inline vf step_dot(vf so_far, vf a, vf b, vf given) {
    (void)given;
    return v_muladd(a, b, so_far);
}

/* A fold of one array to which elements equal to `neutral` add nothing. */
INLINE int32_t reduce(const hologram_call *call, float neutral, step_fn *step, join_fn *join) {
    const Fold what = {.a = call->args[0],
                       .length = call->dims[0],
                       .start = v_all(neutral),
                       .rest_a = v_all(neutral)};
    *(float *)call->args[1] = fold(&what, CHAINS, step, join);
    return HOLOGRAM_OK;
}

int32_t SYMBOL(reduce_sum)(const hologram_call *call) {
    return reduce(call, 0.0f, step_sum, v_plus);
}

int32_t SYMBOL(reduce_prod)(const hologram_call *call) {
    return reduce(call, 1.0f, step_prod, v_times);
}

int32_t SYMBOL(reduce_min)(const hologram_call *call) {
    if (call->dims[0] == 0)
        return hologram_fail(call, HOLOGRAM_BAD_VALUE, "no elements have no minimum");
    return reduce(call, __builtin_inff(), step_min, v_smaller);
}

int32_t SYMBOL(reduce_max)(const hologram_call *call) {
    if (call->dims[0] == 0)
        return hologram_fail(call, HOLOGRAM_BAD_VALUE, "no elements have no maximum");
    return reduce(call, -__builtin_inff(), step_max, v_larger);
}

int32_t SYMBOL(vector_dot)(const hologram_call *call) {
    const Fold what = {.a = call->args[0], .b = call->args[1], .length = call->dims[0]};
    *(float *)call->args[2] = fold(&what, CHAINS, step_dot, v_plus);
    return HOLOGRAM_OK;
}
