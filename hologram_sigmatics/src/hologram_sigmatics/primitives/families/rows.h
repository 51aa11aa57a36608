/* Functions of a row for one stored dtype D, computed in REAL; included once for each. */

#define ROW_KERNEL(op) int32_t AT_LEVEL(OF_DTYPE(op))(const hologram_call *call)

/* ---- what the elements of a chunk say -------------------------------------------------------- */

/* The largest element of a part of the row; NaN if any is. */
static REAL OF_DTYPE(largest)(const STORED *x, int64_t n) {
    REAL buffer[PAGE], found = -(REAL)VMATH_INFINITY;
    for (int64_t i = 0; i < n; i += PAGE) {
        const int64_t count = least(PAGE, n - i);
        const REAL *page = OF_DTYPE(read)(x + i, buffer, count);
        const REAL max = LARGEST(page, count);
        found = max > found || max != max ? max : found;
    }
    return found;
}

/* The largest element, and the sum of the exponentials about it, which go to `to` if there is one.
 */
INLINE void OF_DTYPE(sum_exponentials)(const Row *row, int64_t begin, int64_t end, REAL *to,
                                       Measure *measure) {
    const STORED *x = row->call->args[0];
    REAL buffer[PAGE];
    *measure = (Measure){.max = (double)OF_DTYPE(largest)(x + begin, end - begin)};
    const REAL center = (REAL)center_of(measure);
    for (int64_t i = begin; i < end; i += PAGE) {
        const int64_t count = least(PAGE, end - i);
        const REAL *page = OF_DTYPE(read)(x + i, buffer, count);
        REAL *const out = to ? to + i : buffer;
        INDEPENDENT
        for (int64_t k = 0; k < count; k++)
            out[k] = OF_REAL(scaled_exp)(page[k] - center);
        const Partial sum = {.number = SUM(out, NULL, 0, count, itself)};
        measure->sum = sigmatics_join_sum(measure->sum, sum);
    }
}

static void OF_DTYPE(measure_softmax)(const Row *row, int64_t begin, int64_t end,
                                      Measure *measure) {
    OF_DTYPE(sum_exponentials)(row, begin, end, KEPT(row->call->args[1]), measure);
}

static void OF_DTYPE(measure_log_softmax)(const Row *row, int64_t begin, int64_t end,
                                          Measure *measure) {
    OF_DTYPE(sum_exponentials)(row, begin, end, NULL, measure);
}

/* Mean and sum of squares about it, page by page, joined as Chan, Golub and LeVeque do. */
static void OF_DTYPE(measure_spread)(const Row *row, int64_t begin, int64_t end, Measure *measure) {
    const STORED *x = row->call->args[0];
    REAL buffer[PAGE];
    *measure = (Measure){0};
    for (int64_t i = begin; i < end; i += PAGE) {
        const int64_t count = least(PAGE, end - i);
        const REAL *page = OF_DTYPE(read)(x + i, buffer, count);
        const double mean = SUM(page, NULL, 0, count, itself) / (double)count;
        const REAL center = (REAL)mean;
        const double off = mean - (double)center;
        const double squares = SUM(page, NULL, center, count, square_off_center);
        const Measure part = {
            .count = (double)count, .mean = mean, .squares = squares - (double)count * off * off};
        *measure = join_spread(*measure, part);
    }
}

static void OF_DTYPE(measure_squares)(const Row *row, int64_t begin, int64_t end,
                                      Measure *measure) {
    const STORED *x = row->call->args[0];
    REAL buffer[PAGE];
    *measure = (Measure){0};
    for (int64_t i = begin; i < end; i += PAGE) {
        const int64_t count = least(PAGE, end - i);
        const REAL *page = OF_DTYPE(read)(x + i, buffer, count);
        const Partial sum = {.number = SUM(page, NULL, 0, count, square)};
        measure->sum = sigmatics_join_sum(measure->sum, sum);
    }
}

/* ---- results of a chunk ---------------------------------------------------------------------- */

/* For every page of a chunk: `a` are the elements of the first array, `to` is where results go. */
#define EACH_PAGE(...)                                                                             \
    const hologram_call *call = row->call;                                                         \
    STORED *const out = call->args[row->params - 1];                                               \
    REAL buffer[PAGE], result[PAGE];                                                               \
    for (int64_t i = begin; i < end; i += PAGE) {                                                  \
        const int64_t count = least(PAGE, end - i);                                                \
        const REAL *a = OF_DTYPE(read)((const STORED *)call->args[0] + i, buffer, count);          \
        REAL *const to = OF_DTYPE(place)(out + i, result);                                         \
        __VA_ARGS__                                                                                \
        OF_DTYPE(deliver)(to, out + i, count);                                                     \
    }

#define OTHER_PAGE(name, at)                                                                       \
    REAL name##_buffer[PAGE];                                                                      \
    const REAL *name = OF_DTYPE(read)((const STORED *)call->args[at] + i, name##_buffer, count);

#define EACH_ELEMENT                                                                               \
    INDEPENDENT                                                                                    \
    for (int64_t k = 0; k < count; k++)

/* The exponentials that are in out already, or, where they would have been rounded, once more. */
static void OF_DTYPE(write_softmax)(const Row *row, const Measure *part, int64_t begin,
                                    int64_t end) {
    REAL *const kept = KEPT(row->call->args[1]);
    const double factor = exp(part->max - row->whole.max) / sigmatics_number(row->whole.sum);
    const REAL scale = (REAL)factor;
    if (kept) {
        INDEPENDENT
        for (int64_t i = begin; i < end; i++)
            kept[i] *= scale;
        return;
    }
    const REAL center = (REAL)center_of(part);
    EACH_PAGE(EACH_ELEMENT to[k] = OF_REAL(scaled_exp)(a[k] - center) * scale;)
}

static void OF_DTYPE(write_log_softmax)(const Row *row, const Measure *part, int64_t begin,
                                        int64_t end) {
    (void)part;
    const REAL max = (REAL)row->whole.max;
    const REAL log_sum = (REAL)log(sigmatics_number(row->whole.sum) / OF_REAL(SCALE));
    EACH_PAGE(EACH_ELEMENT to[k] = a[k] - max - log_sum;)
}

static void OF_DTYPE(write_layer_norm)(const Row *row, const Measure *part, int64_t begin,
                                       int64_t end) {
    (void)part;
    const double eps = (double)OF_DTYPE(scalar)(row->call->args[3]);
    const REAL mean = (REAL)row->whole.mean;
    const REAL scale = (REAL)(1 / sqrt(row->whole.squares / (double)row->n + eps));
    EACH_PAGE(OTHER_PAGE(weight, 1) OTHER_PAGE(bias, 2) EACH_ELEMENT to[k] =
                  (a[k] - mean) * scale * weight[k] + bias[k];)
}

static void OF_DTYPE(write_rms_norm)(const Row *row, const Measure *part, int64_t begin,
                                     int64_t end) {
    (void)part;
    const double eps = (double)OF_DTYPE(scalar)(row->call->args[2]);
    const REAL scale = (REAL)(1 / sqrt(sigmatics_number(row->whole.sum) / (double)row->n + eps));
    EACH_PAGE(OTHER_PAGE(weight, 1) EACH_ELEMENT to[k] = a[k] * scale * weight[k];)
}

/* ---- the kernels ----------------------------------------------------------------------------- */

ROW_KERNEL(softmax) {
    return run_row(call, 2, OF_DTYPE(measure_softmax), join_exponentials, OF_DTYPE(write_softmax));
}

ROW_KERNEL(log_softmax) {
    return run_row(call, 2, OF_DTYPE(measure_log_softmax), join_exponentials,
                   OF_DTYPE(write_log_softmax));
}

ROW_KERNEL(layer_norm) {
    return run_row(call, 5, OF_DTYPE(measure_spread), join_spread, OF_DTYPE(write_layer_norm));
}

ROW_KERNEL(rms_norm) {
    return run_row(call, 4, OF_DTYPE(measure_squares), join_squares, OF_DTYPE(write_rms_norm));
}

#undef ROW_KERNEL
#undef EACH_PAGE
#undef OTHER_PAGE
#undef EACH_ELEMENT
