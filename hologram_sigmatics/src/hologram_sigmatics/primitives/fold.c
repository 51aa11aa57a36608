/* Whole arrays down to one number: pages in chunks, chunks on threads, joined in order.
 *
 * Where a chunk begins depends on n alone, and whoever runs it, it is folded page by page from the
 * left; the results of the chunks are joined from the left too. So the result is the same to the
 * bit for any number of threads. Sums are joined with what rounding takes from them (Knuth), so
 * that no number of pages costs accuracy.
 */
#include "level.h"

#include <math.h>
#include <stdatomic.h>

/* ---- joining -------------------------------------------------------------------------------- */

Partial sigmatics_join_sum(Partial a, Partial b) {
    const double sum = a.number + b.number, from_b = sum - a.number;
    const double lost = (a.number - (sum - from_b)) + (b.number - from_b);
    return (Partial){.number = sum, .lost = a.lost + b.lost + lost};
}

double sigmatics_number(Partial sum) {
    return isfinite(sum.number) ? sum.number + sum.lost : sum.number;
}

#define JOIN(name, field, T, result)                                                               \
    Partial sigmatics_join_##name(Partial left, Partial right) {                                   \
        const T a = (T)left.field, b = (T)right.field;                                             \
        left.field = (result);                                                                     \
        return left;                                                                               \
    }

JOIN(product, number, double, a *b)
JOIN(smaller, number, double, b != b ? b : b < a ? b : a)
JOIN(larger, number, double, b != b ? b : b > a ? b : a)
JOIN(added_bits, bits, uint64_t, a + b)
JOIN(multiplied_bits, bits, uint64_t, a *b)
JOIN(smaller_signed, bits, int64_t, (uint64_t)(b < a ? b : a))
JOIN(larger_signed, bits, int64_t, (uint64_t)(b > a ? b : a))
JOIN(smaller_bits, bits, uint64_t, b < a ? b : a)
JOIN(larger_bits, bits, uint64_t, b > a ? b : a)

/* ---- chunks --------------------------------------------------------------------------------- */

int64_t sigmatics_chunk_size(int64_t n) {
    const int64_t pages = n / PAGE + (n % PAGE > 0);
    return PAGE * (pages / MAX_CHUNKS + (pages % MAX_CHUNKS > 0));
}

typedef struct {
    const Fold *fold;
    fold_fn *page;
    void *const *args;
    int64_t n, chunk_size;
    Partial result[MAX_CHUNKS];
    atomic_bool settled; /* whatever else there is, the result is known */
} Chunks;

static bool settles(const Fold *fold, Partial result) {
    return (fold->finish == ALL && result.bits == 0) || (fold->finish == ANY && result.bits != 0);
}

/* Integers lose nothing to rounding, and are folded in one go. */
static Partial fold_chunk(const Chunks *chunks, int64_t begin, int64_t end) {
    if (chunks->fold->finish == INTEGER)
        return chunks->page(chunks->args, begin, end);
    Partial so_far = chunks->page(chunks->args, begin, end - begin < PAGE ? end : begin + PAGE);
    for (int64_t i = begin + PAGE; i < end && !settles(chunks->fold, so_far); i += PAGE)
        so_far = chunks->fold->join(so_far,
                                    chunks->page(chunks->args, i, end - i < PAGE ? end : i + PAGE));
    return so_far;
}

static void fold_chunks(void *work, int64_t begin, int64_t end) {
    Chunks *chunks = work;
    for (int64_t i = begin; i < end; i++) {
        const int64_t first = i * chunks->chunk_size, left = chunks->n - first;
        const int64_t size = left < chunks->chunk_size ? left : chunks->chunk_size;
        if (atomic_load_explicit(&chunks->settled, memory_order_relaxed))
            return;
        chunks->result[i] = fold_chunk(chunks, first, first + size);
        if (settles(chunks->fold, chunks->result[i]))
            atomic_store_explicit(&chunks->settled, true, memory_order_relaxed);
    }
}

/* Not so where AVX2 has no instruction: for products and order of integers of 64 bits. */
static bool is_better_narrow(const Fold *fold, int64_t n) {
    const bool adds = fold->join == sigmatics_join_sum || fold->join == sigmatics_join_added_bits;
    return adds && fold->is_plain && n * fold->size * (fold->params - 1) >= NARROW_FROM;
}

Partial sigmatics_fold(const hologram_call *call, const Fold *fold, int level, void *const *args,
                       int64_t n) {
    if (n == 0)
        return fold->start;
    if (n <= PAGE)
        return fold->page[level](args, 0, n);
    Chunks chunks; /* large, and not cleared */
    chunks.fold = fold;
    chunks.page = fold->page[level == 2 && is_better_narrow(fold, n) ? 1 : level];
    chunks.args = args;
    chunks.n = n;
    chunks.chunk_size = sigmatics_chunk_size(n);
    atomic_init(&chunks.settled, false);
    const int64_t count = (n - 1) / chunks.chunk_size + 1;
    hologram_run(call, fold_chunks, &chunks, count, n >= SPLIT_FROM ? 1 : count);
    if (atomic_load_explicit(&chunks.settled, memory_order_relaxed))
        return (Partial){.bits = fold->finish == ANY};
    Partial so_far = chunks.result[0];
    for (int64_t i = 1; i < count; i++)
        so_far = fold->join(so_far, chunks.result[i]);
    return so_far;
}

/* ---- the result ----------------------------------------------------------------------------- */

static void write_number(const Fold *fold, double number, void *to) {
    const float single = (float)number;
    const uint16_t half = narrow_one(single);
    const void *from = fold->size == 8   ? (const void *)&number
                       : fold->size == 4 ? (const void *)&single
                                         : (const void *)&half;
    memcpy(to, from, fold->size);
}

static void write_bits(const Fold *fold, uint64_t bits, void *to) {
    const uint8_t u8 = (uint8_t)bits;
    const uint16_t u16 = (uint16_t)bits;
    const uint32_t u32 = (uint32_t)bits;
    const void *const from[] = {&u8, &u16, &u32, &bits}; /* by the logarithm of the size */
    memcpy(to, from[fold->size == 8 ? 3 : fold->size / 2], fold->size);
}

int32_t sigmatics_run_fold(const hologram_call *call, int level) {
    const Fold *fold = call->context;
    const int64_t n = call->dims[0];
    if (n == 0 && fold->nothing != NULL)
        return hologram_fail(call, HOLOGRAM_BAD_VALUE, "no elements have no %s", fold->nothing);
    const Partial result = sigmatics_fold(call, fold, level, call->args, n);
    void *out = call->args[fold->params - 1];
    if (fold->finish <= ANY) {
        write_bits(fold, fold->finish == INTEGER ? result.bits : result.bits != 0, out);
        return HOLOGRAM_OK;
    }
    double number = sigmatics_number(result);
    if (fold->finish == MEAN || fold->finish == NEGATIVE_MEAN)
        number /= (double)n;
    if (fold->finish == NEGATIVE || fold->finish == NEGATIVE_MEAN)
        number = -number;
    write_number(fold, number, out);
    return HOLOGRAM_OK;
}
