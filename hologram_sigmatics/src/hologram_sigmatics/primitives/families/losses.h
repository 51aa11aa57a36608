/* The terms of the losses; included after sums.h, for each REAL. */

/* weight * log(p), zero where the weight is. */
INLINE REAL OF_REAL(weighted_log)(REAL weight, REAL p) {
    const REAL term = weight * OF_REAL(vmath_log)(p);
    return weight == 0 ? 0 : term;
}

/* log(1 - p). Where p is small, what rounding took from u = 1 - p is all that is left of it:
 * (1 - u) - p, which is exact, comes back as the first term of the series of the logarithm. */
INLINE REAL OF_REAL(log_of_rest)(REAL p) {
    const REAL u = 1 - p, lost = (1 - u) - p;
    const REAL log_u = OF_REAL(vmath_log)(u), better = log_u + lost / u;
    return OF_REAL(vmath_abs)(p) < (REAL)0.5 ? better : log_u;
}

INLINE REAL OF_REAL(weighted_log_of_rest)(REAL weight, REAL p) {
    const REAL term = weight * OF_REAL(log_of_rest)(p);
    return weight == 0 ? 0 : term;
}

TERM(entropy, OF_REAL(weighted_log)(b, a))
TERM(binary_entropy, OF_REAL(weighted_log)(b, a) + OF_REAL(weighted_log_of_rest)(1 - b, a))

/* These are too long to be copied TREE times, and long enough to hide an addition. */
#define LOSS(a, b, n, name) OF_REAL(total)(a, b, 0, n, 1, OF_REAL(term_##name))
