/* The worst error of kernels of one op over the 2^32 floats, against the C library in double.
 *
 * Several kernels (the levels of one op) are measured in one pass, since the reference costs more
 * than they do. An error is |got - exact| in units of the spacing of floats at exact, which is
 * never less than 2^-149; a NaN, an infinity or a zero of the wrong sign where the exact value has
 * none, and the reverse, count as wrong.
 */
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include <hologram/kernel.h>

#define BLOCK       3072
#define MAX_KERNELS 8
#define MAX_THREADS 64

typedef double reference_fn(double x);

typedef struct {
    double ulp;     /* the worst error of finite results */
    uint32_t input; /* where, as bits */
    uint64_t wrong; /* how many special values are wrong */
    uint32_t wrong_input;
} worst;

typedef struct {
    reference_fn *reference;
    bool keeps_zero_sign;
    const uint64_t *kernels;
    int count;
    uint64_t first, last, stride;
    worst found[MAX_KERNELS];
} job;

/* ---- references ------------------------------------------------------------------------------ */

static double negative(double x) { return -x; }
static double relu(double x) { return x < 0 ? 0 : x; }
static double rsqrt(double x) { return 1 / sqrt(x); }
static double sigmoid(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }
static double silu(double x) { return x == -INFINITY ? -0.0 : x * sigmoid(x); }
static double gelu(double x) { return x == -INFINITY ? -0.0 : x * 0.5 * erfc(-x * M_SQRT1_2); }

static double gelu_tanh(double x) {
    return x == -INFINITY ? -0.0 : x * sigmoid(2 * sqrt(2 / M_PI) * (x + 0.044715 * x * x * x));
}

static const struct {
    const char *op;
    reference_fn *reference;
    bool keeps_zero_sign;
} references[] = {
    {"vector_neg", negative, true},
    {"vector_abs", fabs, true},
    {"relu", relu, false},
    {"sigmoid", sigmoid, true},
    {"tanh", tanh, true},
    {"gelu", gelu, true},
    {"gelu_tanh", gelu_tanh, true},
    {"silu", silu, true},
    {"exp", exp, true},
    {"log", log, true},
    {"sqrt", sqrt, true},
    {"rsqrt", rsqrt, true},
    {"sin", sin, true},
    {"cos", cos, true},
    {"erf", erf, true},
};

/* ---- measuring ------------------------------------------------------------------------------- */

/* Half way between the largest float and the next one there would be: from here on results are
 * infinite. */
static const double overflow = 0x1.ffffffp127;

static double spacing(double exact) {
    uint64_t bits;
    memcpy(&bits, &exact, sizeof bits);
    uint64_t exponent = (bits >> 52) & 0x7ff; /* biased by 1023 */
    bits = (exponent < 1023 - 126 ? 1023 - 149 : exponent - 23) << 52;
    double result;
    memcpy(&result, &bits, sizeof result);
    return result;
}

/* The error in ULP, or -1 for a special value that is wrong. */
static double judge(double exact, float got, bool keeps_zero_sign) {
    if (isnan(exact) || isnan(got))
        return isnan(exact) && isnan(got) ? 0 : -1;
    if (fabs(exact) >= overflow || isinf(got)) {
        if (fabs(exact) >= overflow && isinf(got) && (got > 0) == (exact > 0))
            return 0;
        bool next_to_it = fabs(exact) > 0x1.fffff0p127 && !isinf(exact);
        return next_to_it
                   ? fabs((isinf(got) ? copysign(0x1p128, got) : (double)got) - exact) / 0x1p104
                   : -1;
    }
    if (keeps_zero_sign && exact == 0 && (got != 0 || !signbit(got) != !signbit(exact)))
        return -1;
    return fabs((double)got - exact) / spacing(exact);
}

static float float_of(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static void measure_block(job *work, uint64_t first, int64_t n) {
    float inputs[BLOCK], outputs[BLOCK];
    double exact[BLOCK];
    char error[512] = "";
    void *args[] = {inputs, outputs};
    int64_t lengths[] = {n, n};
    const hologram_call call = {.size = sizeof call,
                                .error_size = sizeof error,
                                .args = args,
                                .lengths = lengths,
                                .begin = 0,
                                .end = n,
                                .error = error};
    for (int64_t i = 0; i < n; i++) {
        inputs[i] = float_of((uint32_t)(first + (uint64_t)i * work->stride));
        exact[i] = work->reference((double)inputs[i]);
    }
    for (int k = 0; k < work->count; k++) {
        worst *found = &work->found[k];
        ((hologram_kernel_fn)(uintptr_t)work->kernels[k])(&call);
        for (int64_t i = 0; i < n; i++) {
            double ulp = judge(exact[i], outputs[i], work->keeps_zero_sign);
            uint32_t bits = (uint32_t)(first + (uint64_t)i * work->stride);
            if (ulp < 0 && found->wrong++ == 0)
                found->wrong_input = bits;
            if (ulp > found->ulp) {
                found->ulp = ulp;
                found->input = bits;
            }
        }
    }
}

static void *measure(void *argument) {
    job *work = argument;
    const uint64_t step = BLOCK * work->stride;
    for (uint64_t first = work->first; first < work->last; first += step) {
        uint64_t left = (work->last - first + work->stride - 1) / work->stride;
        measure_block(work, first, left < BLOCK ? (int64_t)left : BLOCK);
    }
    return NULL;
}

static void merge(worst *into, const worst *from) {
    if (from->ulp > into->ulp) {
        into->ulp = from->ulp;
        into->input = from->input;
    }
    if (into->wrong == 0)
        into->wrong_input = from->wrong_input;
    into->wrong += from->wrong;
}

/* Measures every stride-th float; 0, or -1 for an unknown op or too many kernels or threads. */
int ulp_worst(const char *op, const uint64_t *kernels, int count, uint64_t stride, int threads,
              worst *found) {
    job jobs[MAX_THREADS];
    pthread_t handles[MAX_THREADS];
    const size_t rows = sizeof references / sizeof references[0];
    size_t row = 0;
    while (row < rows && strcmp(references[row].op, op) != 0)
        row++;
    if (row == rows || count > MAX_KERNELS || threads > MAX_THREADS)
        return -1;
    const uint64_t part = ((uint64_t)1 << 32) / (uint64_t)threads;
    memset(found, 0, (size_t)count * sizeof *found);
    for (int t = 0; t < threads; t++) {
        jobs[t] = (job){references[row].reference,
                        references[row].keeps_zero_sign,
                        kernels,
                        count,
                        (uint64_t)t * part,
                        t + 1 < threads ? (uint64_t)(t + 1) * part : (uint64_t)1 << 32,
                        stride,
                        {{0, 0, 0, 0}}};
        if (pthread_create(&handles[t], NULL, measure, &jobs[t]) != 0)
            return -1;
    }
    for (int t = 0; t < threads; t++) {
        pthread_join(handles[t], NULL);
        for (int k = 0; k < count; k++)
            merge(&found[k], &jobs[t].found[k]);
    }
    return 0;
}
