/* Functions of a row as a whole; dims[0] is its length, and one call does one row.
 *
 * Formula      softmax      e^(x - max) / sum e^(x - max)
 *              log_softmax  x - max - log sum e^(x - max)
 *              layer_norm   (x - mean) / sqrt(variance + eps) * weight + bias, population variance
 *              rms_norm     x / sqrt(mean of x^2 + eps) * weight
 * Accumulator  double over pages of sums as sums.h has them. A long row is measured in chunks,
 * whose borders depend on its length alone, and which are joined in order; then each chunk is
 *              written. Both are done on the call's threads where that pays.
 * Limits       with the maximum subtracted no exponential overflows; a row that holds NaN or +inf,
 *              or -inf alone, comes out as NaN. f32 elements beyond 1.8e19 have infinite squares.
 * Aliasing     out may be exactly the memory of an input of its length: what is written has been
 *              read before, and nothing is read again after it.
 */
#include "../level.h"

#include <math.h>

#define ROW_WORK 4 /* of an element, in additions, at least */

/* What is known about a part of a row; each op uses some of it. */
typedef struct {
    double max;
    Partial sum;
    double count, mean, squares;
} Measure;

typedef struct Row Row;
typedef void measure_fn(const Row *row, int64_t begin, int64_t end, Measure *measure);
typedef void write_fn(const Row *row, const Measure *part, int64_t begin, int64_t end);

struct Row {
    const hologram_call *call;
    int params;
    int64_t n, chunk_size;
    measure_fn *measure;
    write_fn *write;
    Measure whole, part[MAX_CHUNKS];
};

/* SCALE e^d for d <= 0. As large as that it is never subnormal as f32, so that one power of two
 * will do; below -105 it might as well be zero, but goes on as something that rounds to it. */
#define SCALE_f32 0x1p64
#define SCALE_f64 1.0

VMATH_UNKNOWN float scaled_exp_bound[] = {-105.0f};

INLINE float scaled_exp_f32(float d) {
    const vmath_exponential e =
        vmath_split_exponential(d < scaled_exp_bound[0] ? scaled_exp_bound[0] : d);
    const float power = vmath_power_of_two(e.k + 64);
    return VMATH_FMA(power, e.p, power);
}

INLINE double scaled_exp_f64(double d) { return vmath_exp_f64(d); }

/* What exponents are relative to: the largest element, but not where all of a part is -inf. That
 * has larger ones beside it, or nothing has a result. */
static double center_of(const Measure *part) {
    return part->max == -(double)VMATH_INFINITY ? 0 : part->max;
}

static Measure join_exponentials(Measure a, Measure b) {
    if (b.max > a.max || (b.max != b.max && a.max == a.max))
        return join_exponentials(b, a);
    const double factor = exp(b.max - a.max);
    if (factor > 0) /* not NaN, which it is where both are -inf */
        a.sum = sigmatics_join_sum(a.sum, (Partial){.number = sigmatics_number(b.sum) * factor});
    return a;
}

static Measure join_squares(Measure a, Measure b) {
    a.sum = sigmatics_join_sum(a.sum, b.sum);
    return a;
}

static Measure join_spread(Measure a, Measure b) {
    if (a.count == 0)
        return b;
    const double count = a.count + b.count, delta = b.mean - a.mean;
    return (Measure){.count = count,
                     .mean = a.mean + delta * (b.count / count),
                     .squares =
                         a.squares + b.squares + delta * delta * (a.count * b.count / count)};
}

static void measure_chunks(void *work, int64_t begin, int64_t end) {
    Row *row = work;
    for (int64_t i = begin; i < end; i++)
        row->measure(row, i * row->chunk_size, least((i + 1) * row->chunk_size, row->n),
                     &row->part[i]);
}

static void write_chunks(void *work, int64_t begin, int64_t end) {
    const Row *row = work;
    for (int64_t i = begin; i < end; i++)
        row->write(row, &row->part[i], i * row->chunk_size,
                   least((i + 1) * row->chunk_size, row->n));
}

static int32_t run_row(const hologram_call *call, int params, measure_fn *measure,
                       Measure (*join)(Measure, Measure), write_fn *write) {
    const int64_t n = call->dims[0];
    Row row; /* large, and not cleared */
    row.call = call;
    row.params = params;
    row.n = n;
    if (n <= PAGE) {
        measure(&row, 0, n, &row.whole);
        write(&row, &row.whole, 0, n);
        return HOLOGRAM_OK;
    }
    row.measure = measure;
    row.write = write;
    row.chunk_size = sigmatics_chunk_size(n);
    const int64_t chunks = (n - 1) / row.chunk_size + 1;
    const int64_t grain = n >= SPLIT_FROM / ROW_WORK ? 1 : chunks;
    hologram_run(call, measure_chunks, &row, chunks, grain);
    row.whole = row.part[0];
    for (int64_t i = 1; i < chunks; i++)
        row.whole = join(row.whole, row.part[i]);
    hologram_run(call, write_chunks, &row, chunks, grain);
    return HOLOGRAM_OK;
}

#define REAL          float
#define OF_REAL(name) name##_f32

#define STORED         float
#define KEPT(out)      (REAL *)(out)
#define OF_DTYPE(name) name##_f32
#include "rows.h"
#undef STORED
#undef KEPT
#undef OF_DTYPE

#define STORED         uint16_t
#define KEPT(out)      (REAL *)NULL
#define OF_DTYPE(name) name##_f16
#include "rows.h"
#undef STORED
#undef KEPT
#undef OF_DTYPE
#undef REAL
#undef OF_REAL

#define REAL           double
#define OF_REAL(name)  name##_f64
#define STORED         double
#define KEPT(out)      (REAL *)(out)
#define OF_DTYPE(name) name##_f64
#include "rows.h"
#undef STORED
#undef KEPT
#undef OF_DTYPE
#undef REAL
#undef OF_REAL
