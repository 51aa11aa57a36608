/* Matrix products for elements of one type, with sums in registers; included once for each.
 *
 * TYPE is the type and OF_TYPE(name) a name for it; MULTIPLY_ADD(sum, a, b) and ADD(a, b) are for
 * vectors, and CLEAN(x) is what an element is read as.
 *
 * Both matrices are packed a part at a time: a band of a, so that the elements that a block of ROWS
 * rows needs next lie side by side, and a stripe of b, two vectors wide, so that it lies in one
 * piece in the first-level cache. Each block of rows runs down the stripe with all its sums in
 * registers. What is missing at the last row and column is packed as zero.
 */

#define TYPE_LANES ((int)(VECTOR / sizeof(TYPE)))
#define STRIPE     (2 * TYPE_LANES)

typedef TYPE OF_TYPE(lanes) __attribute__((vector_size(VECTOR)));
typedef TYPE OF_TYPE(lanes_at)
    __attribute__((vector_size(VECTOR), aligned(sizeof(TYPE)), may_alias));

typedef struct {
    const TYPE *a, *b;
    TYPE *out;
    int64_t m, k, n, groups;
} OF_TYPE(Product);

/* `rows` rows of a from row i and column p on: for each block, for each column, its rows. */
static void OF_TYPE(pack_band)(const OF_TYPE(Product) * of, int64_t i, int64_t rows, int64_t p,
                               int64_t depth, TYPE *band) {
    for (int64_t block = 0; block < rows; block += ROWS) {
        for (int64_t r = 0; r < ROWS; r++) {
            const TYPE *from = of->a + (i + block + r) * of->k + p;
            for (int64_t q = 0; q < depth; q++)
                band[q * ROWS + r] = block + r < rows ? (TYPE)CLEAN(from[q]) : 0;
        }
        band += depth * ROWS;
    }
}

/* `depth` rows of b from row p and column j on. */
static void OF_TYPE(pack_stripe)(const OF_TYPE(Product) * of, int64_t p, int64_t depth, int64_t j,
                                 TYPE *stripe) {
    const int64_t columns = least(STRIPE, of->n - j);
    for (int64_t q = 0; q < depth; q++, stripe += STRIPE) {
        const TYPE *from = of->b + (p + q) * of->n + j;
        for (int64_t c = 0; c < columns; c++)
            stripe[c] = (TYPE)CLEAN(from[c]);
        for (int64_t c = columns; c < STRIPE; c++)
            stripe[c] = 0;
    }
}

/* A block of rows times a stripe. */
INLINE void OF_TYPE(multiply_block)(const TYPE *a, const TYPE *b, int64_t depth,
                                    OF_TYPE(lanes) sum[ROWS][2]) {
    OF_TYPE(lanes) block[ROWS][2];
    UNROLL
    for (int r = 0; r < ROWS; r++)
        block[r][0] = block[r][1] = (OF_TYPE(lanes)){0};
    for (int64_t q = 0; q < depth; q++, a += ROWS, b += STRIPE) {
        const OF_TYPE(lanes) first = *(const OF_TYPE(lanes) *)b;
        const OF_TYPE(lanes) second = *(const OF_TYPE(lanes) *)(b + TYPE_LANES);
        UNROLL
        for (int r = 0; r < ROWS; r++) {
            const OF_TYPE(lanes) factor = a[r] - (OF_TYPE(lanes)){0};
            block[r][0] = MULTIPLY_ADD(block[r][0], factor, first);
            block[r][1] = MULTIPLY_ADD(block[r][1], factor, second);
        }
    }
    memcpy(sum, block, sizeof block);
}

/* What a stripe adds to out, or, at its beginning, is there. */
INLINE void OF_TYPE(put_block)(const OF_TYPE(Product) * of, int64_t i, int64_t j, int64_t rows,
                               bool begins, OF_TYPE(lanes) sum[ROWS][2]) {
    const int64_t columns = least(STRIPE, of->n - j);
    for (int64_t r = 0; r < rows; r++) {
        TYPE *out = of->out + (i + r) * of->n + j;
        OF_TYPE(lanes) before[2] = {{0}};
        if (!begins)
            memcpy(before, out, (size_t)columns * sizeof(TYPE));
        before[0] = begins ? sum[r][0] : ADD(sum[r][0], before[0]);
        before[1] = begins ? sum[r][1] : ADD(sum[r][1], before[1]);
        if (columns == STRIPE)
            memcpy(out, before, sizeof before);
        else
            memcpy(out, before, (size_t)columns * sizeof(TYPE));
    }
}

/* A task: bands times groups of stripes. */
static void OF_TYPE(multiply_parts)(void *work, int64_t begin, int64_t end) {
    const OF_TYPE(Product) *of = work;
    _Alignas(VECTOR) TYPE band[BAND * DEPTH];
    _Alignas(VECTOR) TYPE stripe[DEPTH * STRIPE];
    OF_TYPE(lanes) sum[ROWS][2];
    for (int64_t part = begin; part < end; part++) {
        const int64_t i = part / of->groups * BAND, first = part % of->groups * GROUP * STRIPE;
        const int64_t rows = least(BAND, of->m - i), last = least(first + GROUP * STRIPE, of->n);
        for (int64_t p = 0; p < of->k; p += DEPTH) {
            const int64_t depth = least(DEPTH, of->k - p);
            OF_TYPE(pack_band)(of, i, rows, p, depth, band);
            for (int64_t j = first; j < last; j += STRIPE) {
                OF_TYPE(pack_stripe)(of, p, depth, j, stripe);
                for (int64_t block = 0; block < rows; block += ROWS) {
                    OF_TYPE(multiply_block)(band + block * depth, stripe, depth, sum);
                    OF_TYPE(put_block)(of, i + block, j, least(ROWS, rows - block), p == 0, sum);
                }
            }
        }
    }
}

static void OF_TYPE(multiply)(const hologram_call *call, const TYPE *a, const TYPE *b, TYPE *out,
                              int64_t m, int64_t k, int64_t n) {
    OF_TYPE(Product) of = {.a = a, .b = b, .out = out, .m = m, .k = k, .n = n};
    if (m == 0 || n == 0)
        return;
    if (k == 0) {
        memset(out, 0, (size_t)(m * n) * sizeof(TYPE));
        return;
    }
    of.groups = (n - 1) / (GROUP * STRIPE) + 1;
    const int64_t parts = ((m - 1) / BAND + 1) * of.groups;
    const bool pays = (double)m * (double)k * (double)n >= SPLIT_FROM;
    hologram_run(call, OF_TYPE(multiply_parts), &of, parts, pays ? 1 : parts);
}

#undef TYPE_LANES
#undef STRIPE
