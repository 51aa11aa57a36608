/* Sums, products and extremes of a page of floats; included once for each of float and double, as REAL.
 *
 * Sums take eight vectors at a time, added pairwise, and go on in double, so that at most three
 * roundings of float are in any of them, whatever the length.
 */

#define LANES ((int)(VECTOR / sizeof(REAL)))
#define WIDE  ((int)(VECTOR / sizeof(double)))
#define TREE  8
#define PARTS ((int)(sizeof(double) / sizeof(REAL))) /* vectors of double that one vector fills */

typedef REAL OF_REAL(vector) __attribute__((vector_size(VECTOR)));
typedef REAL OF_REAL(vector_at) __attribute__((vector_size(VECTOR), aligned(sizeof(REAL)), may_alias));
typedef REAL OF_REAL(part) __attribute__((vector_size(VECTOR / PARTS)));
#define vec OF_REAL(vector)

typedef vec OF_REAL(term_fn)(vec a, vec b, vec c);
typedef double OF_REAL(one_fn)(REAL a, REAL b, REAL c);

INLINE vec OF_REAL(load)(const REAL *from) { return *(const OF_REAL(vector_at) *)from; }

/* The first `count` lanes, 0 < count < LANES; the others are zero. */
INLINE vec OF_REAL(load_part)(const REAL *from, int64_t count) {
#if LEVEL_INDEX == 2
    const unsigned bits = (1u << count) - 1;
    return sizeof(REAL) == 4 ? (vec)_mm512_maskz_loadu_ps((__mmask16)bits, from)
                             : (vec)_mm512_maskz_loadu_pd((__mmask8)bits, from);
#else
    vec x = {0};
    KEEP_LOOP
    for (int i = 0; i < LANES - 1; i++)
        x[i] = i < count ? from[i] : 0;
    return x;
#endif
}

/* x - 0 is x for every x, -0 and NaN too; adding would lose the sign of -0. */
INLINE vec OF_REAL(all)(REAL x) { return x - (vec){0}; }

/* Defines term_<name> for a vector and one_<name> for a number, from an expression of a, b and c; the
 * compiler makes the loop over the lanes into straight code. */
#define TERM(name, expression)                                                                     \
    INLINE vec OF_REAL(term_##name)(vec va, vec vb, vec vc) {                                      \
        REAL as[LANES], bs[LANES], cs[LANES], out[LANES];                                          \
        memcpy(as, &va, sizeof va);                                                                \
        memcpy(bs, &vb, sizeof vb);                                                                \
        memcpy(cs, &vc, sizeof vc);                                                                \
        KEEP_LOOP                                                                                  \
        for (int i = 0; i < LANES; i++) {                                                          \
            const REAL a = as[i], b = bs[i], c = cs[i];                                            \
            (void)a, (void)b, (void)c;                                                             \
            out[i] = (expression);                                                                 \
        }                                                                                          \
        memcpy(&va, out, sizeof va);                                                               \
        return va;                                                                                 \
    }                                                                                              \
    INLINE double OF_REAL(one_##name)(REAL a, REAL b, REAL c) {                                    \
        (void)a, (void)b, (void)c;                                                                 \
        return (double)(expression);                                                               \
    }

INLINE void OF_REAL(widen_lanes)(vec x, double_vector to[PARTS]) {
    OF_REAL(part) part[PARTS];
    memcpy(part, &x, sizeof x);
    UNROLL
    for (int k = 0; k < PARTS; k++)
        to[k] = __builtin_convertvector(part[k], double_vector);
}

/* Pairwise, then in double. */
INLINE double OF_REAL(sum_lanes)(vec x) {
    double_vector wide[PARTS];
    OF_REAL(widen_lanes)(x, wide);
    UNROLL
    for (int k = 1; k < PARTS; k++)
        wide[0] += wide[k];
    return add_lanes(wide[0]);
}

/* The terms of n elements, `tree` vectors at a time; b may be NULL. tree and the functions are
 * constants where this is inlined. */
INLINE double OF_REAL(total)(const REAL *a, const REAL *b, REAL c, int64_t n, int tree,
                             OF_REAL(term_fn) * term, OF_REAL(one_fn) * one) {
    const vec none = {0}, cs = OF_REAL(all)(c);
    double_vector sum[PARTS] = {{0}}, wide[PARTS];
    double rest = 0;
    int64_t i = 0;
    for (; i <= n - tree * LANES; i += tree * LANES) {
        vec terms[TREE];
        UNROLL
        for (int k = 0; k < tree; k++) {
            const int64_t at = i + k * LANES;
            terms[k] = term(OF_REAL(load)(a + at), b ? OF_REAL(load)(b + at) : none, cs);
        }
        UNROLL
        for (int width = tree / 2; width > 0; width /= 2) {
            UNROLL
            for (int k = 0; k < width; k++)
                terms[k] += terms[k + width];
        }
        OF_REAL(widen_lanes)(terms[0], wide);
        UNROLL
        for (int k = 0; k < PARTS; k++)
            sum[k] += wide[k];
    }
    for (; i <= n - LANES; i += LANES) {
        OF_REAL(widen_lanes)
        (term(OF_REAL(load)(a + i), b ? OF_REAL(load)(b + i) : none, cs), wide);
        UNROLL
        for (int k = 0; k < PARTS; k++)
            sum[k] += wide[k];
    }
    for (; i < n; i++)
        rest += one(a[i], b ? b[i] : 0, c);
    UNROLL
    for (int k = 1; k < PARTS; k++)
        sum[0] += sum[k];
    return add_lanes(sum[0]) + rest;
}

TERM(itself, a)
TERM(product, (a * b))
TERM(square, (a * a))
TERM(off_center, a - c)
TERM(square_off_center, (a - c) * (a - c))
TERM(square_of_difference, (a - b) * (a - b))

TERM(fused, OF_REAL(muladd)(a, b, c))

#define SUM(a, b, c, n, name)                                                                  \
    OF_REAL(total)(a, b, c, n, TREE, OF_REAL(term_##name), OF_REAL(one_##name))

/* The product, in double. */
INLINE double OF_REAL(product_of)(const REAL *a, int64_t n) {
    enum { CHAINS = 8 };
    double_vector product[CHAINS], wide[PARTS];
    int64_t i = 0;
    UNROLL
    for (int k = 0; k < CHAINS; k++)
        product[k] = 1 - (double_vector){0};
    for (; i <= n - CHAINS * WIDE; i += CHAINS * WIDE) {
        UNROLL
        for (int k = 0; k < CHAINS / PARTS; k++) {
            OF_REAL(widen_lanes)(OF_REAL(load)(a + i + k * LANES), wide);
            UNROLL
            for (int p = 0; p < PARTS; p++)
                product[k * PARTS + p] *= wide[p];
        }
    }
    double rest = 1;
    for (; i < n; i++)
        rest *= (double)a[i];
    UNROLL
    for (int width = CHAINS / 2; width > 0; width /= 2) {
        UNROLL
        for (int k = 0; k < width; k++)
            product[k] *= product[k + width];
    }
    double lanes[WIDE];
    memcpy(lanes, &product[0], sizeof lanes);
    for (int k = 0; k < WIDE; k++)
        rest *= lanes[k];
    return rest;
}

TERM(smaller, a < b ? a : b)
TERM(larger, a > b ? a : b)

/* The smallest or largest of n elements, `none` if there are none; NaN if any is. A sum says whether
 * one may be: it is NaN then, for less than a comparison of each element with itself. */
INLINE REAL OF_REAL(extreme)(const REAL *a, int64_t n, REAL none, OF_REAL(term_fn) * choose,
                             OF_REAL(one_fn) * choose_one) {
    enum { CHAINS = 4 };
    vec best[CHAINS], sum[CHAINS] = {{0}};
    REAL lanes[LANES], sums[LANES], found = none, doubt = 0;
    int64_t i = 0;
    UNROLL
    for (int k = 0; k < CHAINS; k++)
        best[k] = OF_REAL(all)(none);
    for (; i <= n - CHAINS * LANES; i += CHAINS * LANES) {
        UNROLL
        for (int k = 0; k < CHAINS; k++) {
            const vec x = OF_REAL(load)(a + i + k * LANES);
            best[k] = choose(x, best[k], x);
            sum[k] += x;
        }
    }
    UNROLL
    for (int width = CHAINS / 2; width > 0; width /= 2) {
        UNROLL
        for (int k = 0; k < width; k++) {
            best[k] = choose(best[k], best[k + width], best[k]);
            sum[k] += sum[k + width];
        }
    }
    memcpy(lanes, &best[0], sizeof lanes);
    memcpy(sums, &sum[0], sizeof sums);
    for (int k = 0; k < LANES; k++) {
        found = (REAL)choose_one(lanes[k], found, 0);
        doubt += sums[k];
    }
    for (; i < n; i++) {
        found = (REAL)choose_one(a[i], found, 0);
        doubt += a[i];
    }
    if (doubt == doubt)
        return found;
    for (i = 0; i < n; i++)
        found = a[i] != a[i] ? a[i] : found;
    return found;
}

#define SMALLEST(a, n)                                                                             \
    OF_REAL(extreme)(a, n, (REAL)VMATH_INFINITY, OF_REAL(term_smaller), OF_REAL(one_smaller))
#define LARGEST(a, n)                                                                              \
    OF_REAL(extreme)(a, n, -(REAL)VMATH_INFINITY, OF_REAL(term_larger), OF_REAL(one_larger))
