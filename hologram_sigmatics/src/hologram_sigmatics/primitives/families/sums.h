/* Sums, products and extremes of a page of floats; included once for each of float and double, as
 * REAL.
 *
 * Sums take eight vectors at a time, added pairwise, and go on in double, so that at most three
 * roundings of float are in any of them, whatever the length.
 */

#define LANES ((int)(VECTOR / sizeof(REAL)))
#define WIDE  ((int)(VECTOR / sizeof(double)))
#define TREE  8
#define PARTS ((int)(sizeof(double) / sizeof(REAL))) /* vectors of double that one vector fills */

typedef REAL OF_REAL(vector) __attribute__((vector_size(VECTOR)));
typedef REAL OF_REAL(vector_at)
    __attribute__((vector_size(VECTOR), aligned(sizeof(REAL)), may_alias));
#define vec OF_REAL(vector)

typedef vec OF_REAL(term_fn)(vec a, vec b, vec c);

INLINE vec OF_REAL(load)(const REAL *from) { return *(const OF_REAL(vector_at) *)from; }

/* The first `count` lanes from memory, 0 < count < LANES; the others from `rest`. */
INLINE vec OF_REAL(load_part)(const REAL *from, int64_t count, vec rest) {
#if LEVEL_INDEX == 2
    const unsigned bits = (1u << count) - 1;
    return sizeof(REAL) == 4 ? (vec)_mm512_mask_loadu_ps((__m512)rest, (__mmask16)bits, from)
                             : (vec)_mm512_mask_loadu_pd((__m512d)rest, (__mmask8)bits, from);
#else
    for (int i = 0; i < LANES - 1; i++)
        if (i < count)
            rest[i] = from[i];
    return rest;
#endif
}

/* The first `count` lanes; the others are zero. */
INLINE vec OF_REAL(first)(vec x, int64_t count) {
#if LEVEL_INDEX == 2
    const unsigned bits = (1u << count) - 1;
    return sizeof(REAL) == 4 ? (vec)_mm512_maskz_mov_ps((__mmask16)bits, (__m512)x)
                             : (vec)_mm512_maskz_mov_pd((__mmask8)bits, (__m512d)x);
#else
    REAL lane[LANES];
    memcpy(lane, &x, sizeof x);
    for (int i = 0; i < LANES; i++)
        lane[i] = i < count ? lane[i] : 0;
    memcpy(&x, lane, sizeof x);
    return x;
#endif
}

/* x - 0 is x for every x, -0 and NaN too; adding would lose the sign of -0. */
INLINE vec OF_REAL(all)(REAL x) { return x - (vec){0}; }

/* Defines term_<name> for vectors from an expression of the numbers a, b and c; the compiler makes
 * the loop over the lanes into straight code. */
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
    }

INLINE void OF_REAL(add_to)(double_vector sum[PARTS], vec x) {
    double_vector wide[PARTS];
    OF_REAL(widen_lanes)(x, wide);
    UNROLL
    for (int k = 0; k < PARTS; k++)
        sum[k] += wide[k];
}

INLINE double OF_REAL(add_up)(double_vector sum[PARTS]) {
    UNROLL
    for (int k = 1; k < PARTS; k++)
        sum[0] += sum[k];
    return add_lanes(sum[0]);
}

/* The terms of n elements, `tree` vectors at a time; b may be NULL. tree and the function are
 * constants where this is inlined. */
INLINE double OF_REAL(total)(const REAL *a, const REAL *b, REAL c, int64_t n, int tree,
                             OF_REAL(term_fn) * term) {
    const vec none = {0}, cs = OF_REAL(all)(c);
    double_vector sum[PARTS] = {{0}};
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
        OF_REAL(add_to)(sum, terms[0]);
    }
    for (; i <= n - LANES; i += LANES)
        OF_REAL(add_to)
    (sum, term(OF_REAL(load)(a + i), b ? OF_REAL(load)(b + i) : none, cs));
    if (i < n) {
        const vec last = OF_REAL(load_part)(a + i, n - i, none);
        const vec other = b ? OF_REAL(load_part)(b + i, n - i, none) : none;
        OF_REAL(add_to)(sum, OF_REAL(first)(term(last, other, cs), n - i));
    }
    return OF_REAL(add_up)(sum);
}

TERM(itself, a)
TERM(product, (a * b))
TERM(square, (a * a))
TERM(off_center, a - c)
TERM(square_off_center, (a - c) * (a - c))
TERM(square_of_difference, (a - b) * (a - b))

TERM(fused, OF_REAL(muladd)(a, b, c))

#define SUM(a, b, c, n, name) OF_REAL(total)(a, b, c, n, TREE, OF_REAL(term_##name))

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

/* The smallest or largest of n elements, `none` if there are none; NaN if any is. A sum says
 * whether one may be: it is NaN then, for less than a comparison of each element with itself. */
INLINE REAL OF_REAL(extreme)(const REAL *a, int64_t n, REAL none, OF_REAL(term_fn) * choose) {
    enum { CHAINS = 4 };
    vec best[CHAINS], sum[CHAINS] = {{0}};
    REAL lanes[LANES], found = none;
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
    for (; i <= n - LANES; i += LANES) {
        const vec x = OF_REAL(load)(a + i);
        best[0] = choose(x, best[0], x);
        sum[0] += x;
    }
    if (i < n) {
        const vec x = OF_REAL(load_part)(a + i, n - i, OF_REAL(all)(none));
        best[1] = choose(x, best[1], x);
        sum[1] += OF_REAL(first)(x, n - i);
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
    for (int k = 0; k < LANES; k++)
        found = (none > 0 ? lanes[k] < found : lanes[k] > found) ? lanes[k] : found;
    double_vector wide[PARTS];
    OF_REAL(widen_lanes)(sum[0], wide);
    const double doubt = OF_REAL(add_up)(wide);
    if (doubt == doubt)
        return found;
    for (i = 0; i < n; i++)
        found = a[i] != a[i] ? a[i] : found;
    return found;
}

#define SMALLEST(a, n) OF_REAL(extreme)(a, n, (REAL)VMATH_INFINITY, OF_REAL(term_smaller))
#define LARGEST(a, n)  OF_REAL(extreme)(a, n, -(REAL)VMATH_INFINITY, OF_REAL(term_larger))
