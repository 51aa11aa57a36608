/* The worst error of the loops of functions.c on a sample of arguments, against the C library in
 * long double.
 *
 * The sample has arguments of every exponent, of random bits, close to where functions change their
 * course or reduce their argument anew, and from where a function is interesting. An error is
 * |got - exact| in units of the spacing of the result's type at exact; a NaN, an infinity or a zero
 * of the wrong sign where the exact value has none, and the reverse, count as wrong. Several loops
 * (the levels of one function) are measured in one pass, since the reference costs more than they.
 */
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#if LDBL_MANT_DIG < 64
#error "the errors of doubles are measured where long double has more bits than they"
#endif

#define BLOCK       4096
#define MAX_LOOPS   8
#define MAX_THREADS 64

typedef long double reference_fn(long double x, long double y);
typedef void loop_fn(const double *x, const double *y, double *out, int64_t n);

enum domain { ANY, BOUNDED, POWER, BOUNDED_POWER };

typedef struct {
    const char *name;
    reference_fn *reference;
    int digits; /* of the results: 53 or 24 */
    double low,
        high;    /* where the function is interesting; of powers, the logarithm of the result */
    double step; /* between the arguments that are reduced to zero, or 0 */
    enum domain domain;
} function;

typedef struct {
    double ulp;    /* the worst error of finite results */
    double x, y;   /* where */
    int64_t wrong; /* how many special values are wrong */
    double wrong_x, wrong_y;
} worst;

typedef struct {
    const function *measured;
    loop_fn *const *loops;
    int count;
    int64_t blocks;
    uint64_t state; /* of the random numbers */
    worst found[MAX_LOOPS];
} job;

/* ---- references ------------------------------------------------------------------------------ */

/* What a few of them need more bits for: exponents of hundreds. */
#if LDBL_MANT_DIG < 113
typedef __float128 wide;
#else
typedef long double wide;
#endif

#define UNARY(name, value)                                                                         \
    static long double name(long double x, long double y) {                                        \
        (void)y;                                                                                   \
        return value;                                                                              \
    }

UNARY(ref_exp, expl(x))
UNARY(ref_exp2, exp2l(x))
UNARY(ref_expm1, expm1l(x))
UNARY(ref_log, logl(x))
UNARY(ref_log2, log2l(x))
UNARY(ref_log1p, log1pl(x))
UNARY(ref_tanh, tanhl(x))
UNARY(ref_erf, erfl(x))
UNARY(ref_sin, sinl(x))
UNARY(ref_cos, cosl(x))
UNARY(ref_rsqrt, 1 / sqrtl(x))
UNARY(ref_sigmoid, x < 0 ? expl(x) / (1 + expl(x)) : 1 / (1 + expl(-x)))
UNARY(ref_silu, x == -INFINITY ? -0.0L : x * ref_sigmoid(x, 0))

/* Beyond 1e5 the activations are x or -0. x / 2 erfc(w), where w = -x / sqrt(2) is more than a long
 * double and has its rest by the derivative of erfc. */
static long double ref_gelu(long double x, long double y) {
    (void)y;
    if (!(fabsl(x) < 1e5L))
        return x < 0 ? -0.0L : x;
    const wide sqrt_half = (wide)0x1.6a09e667f3bcc908p-1L + (wide)0x1.65f626cdd52afa7cp-66L;
    const wide exact = -(wide)x * sqrt_half;
    const long double w = (long double)exact, rest = (long double)(exact - w);
    return x / 2 * (erfcl(w) - rest * 1.12837916709551257390L * expl(-w * w));
}

/* x / (1 + e) or x e / (1 + e) with e = exp(-2|u|), 2u = sqrt(8/pi) (x + 0.044715 x^3). */
static long double ref_gelu_tanh(long double x, long double y) {
    (void)y;
    if (!(fabsl(x) < 1e5L))
        return x < 0 ? -0.0L : x;
    const wide z = fabsl(x),
               factor = (wide)0x1.9884533d436508d0p+0L + (wide)0x1.f9678a017571c5fep-65L;
    const wide exact = factor * (z + z * z * z * 44715 / 1000000);
    const long double twice_u = (long double)exact, rest = (long double)(exact - twice_u);
    const long double e = expl(-twice_u) * (1 - rest);
    return (x < 0 ? x * e : x) / (1 + e);
}

/* glibc's powl takes a y of -2^63 for no even number. */
static long double ref_pow(long double x, long double y) {
    return powl(fabsl(y) >= 0x1p53L ? fabsl(x) : x, y);
}

static const function functions[] = {
    {"exp_f64", ref_exp, 53, -750, 712, M_LN2 / 2, ANY},
    {"exp2_f64", ref_exp2, 53, -1080, 1030, 0.5, ANY},
    {"expm1_f64", ref_expm1, 53, -40, 40, M_LN2 / 2, ANY},
    {"log_f64", ref_log, 53, 0, 10, 0, ANY},
    {"log2_f64", ref_log2, 53, 0, 10, 0, ANY},
    {"log1p_f64", ref_log1p, 53, -1, 5, 0, ANY},
    {"tanh_f64", ref_tanh, 53, -20, 20, M_LN2 / 4, ANY},
    {"sigmoid_f64", ref_sigmoid, 53, -750, 40, M_LN2 / 2, ANY},
    {"silu_f64", ref_silu, 53, -760, 40, M_LN2 / 2, ANY},
    {"gelu_f64", ref_gelu, 53, -40, 10, 0, ANY},
    {"gelu_tanh_f64", ref_gelu_tanh, 53, -23, 10, 0, ANY},
    {"erf_f64", ref_erf, 53, -6.5, 6.5, 0, ANY},
    {"rsqrt_f64", ref_rsqrt, 53, 0, 10, 0, ANY},
    {"sin_f64", ref_sin, 53, -1e7, 1e7, M_PI_4, ANY},
    {"cos_f64", ref_cos, 53, -1e7, 1e7, M_PI_4, ANY},
    {"sin_bounded_f64", ref_sin, 53, -1048576, 1048576, M_PI_4, BOUNDED},
    {"cos_bounded_f64", ref_cos, 53, -1048576, 1048576, M_PI_4, BOUNDED},
    {"pow_f64", ref_pow, 53, -1100, 1100, 0, POWER},
    {"pow_bounded_f64", ref_pow, 53, -1000, 1000, 0, BOUNDED_POWER},
    {"exp2_f32", ref_exp2, 24, -152, 130, 0.5, ANY},
    {"expm1_f32", ref_expm1, 24, -18, 18, M_LN2 / 2, ANY},
    {"log2_f32", ref_log2, 24, 0, 10, 0, ANY},
    {"log1p_f32", ref_log1p, 24, -1, 5, 0, ANY},
    {"pow_f32", ref_pow, 24, -155, 155, 0, POWER},
    {"pow_bounded_f32", ref_pow, 24, -120, 120, 0, BOUNDED_POWER},
};

/* ---- arguments ------------------------------------------------------------------------------- */

static double of_bits(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint64_t bits_of(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* xorshift64* (Vigna). */
static uint64_t random_bits(job *work) {
    work->state ^= work->state >> 12;
    work->state ^= work->state << 25;
    work->state ^= work->state >> 27;
    return work->state * 0x2545f4914f6cdd1d;
}

static double uniform(job *work, double low, double high) {
    return low + (high - low) * (double)(random_bits(work) >> 11) * 0x1p-53;
}

/* Where functions change their course, or their results become 0, 1 or infinite. */
static const double places[] = {
    0.0,    0.25,   0.5,    M_SQRT1_2, 1.0,       M_SQRT2,   2.0,       5.93,    6.0,    9.0,
    11.0,   14.7,   18.0,   19.06,     20.0,      22.0,      37.43,     39.0,    40.0,   103.97,
    126.0,  127.0,  128.0,  149.0,     708.396,   709.78271, 745.13321, 760.0,   1022.0, 1023.0,
    1024.0, 1074.0, 1075.0, 524288.0,  1048576.0, 0x1p-126,  0x1p-1022, DBL_MAX, FLT_MAX};

static double sign_of(job *work) { return random_bits(work) & 1 ? -1.0 : 1.0; }

static double near(job *work, double place) {
    const double distance = uniform(work, -1, 1) * ldexp(1, -(int)(random_bits(work) % 60));
    switch (random_bits(work) % 3) {
    case 0: /* a few spacings */
        return of_bits(bits_of(place) + random_bits(work) % 41 - (place != 0 ? 20 : 0));
    case 1:
        return place + distance;
    default:
        return place * (1 + distance);
    }
}

/* Numbers of every exponent in turn, with few bits, with most bits, with any. */
static double of_exponent(job *work, int64_t turn) {
    const uint64_t all = ((uint64_t)1 << 52) - 1, any = random_bits(work);
    const uint64_t fractions[] = {any % 8, all - any % 8, any & all};
    return of_bits((any >> 63) << 63 | (uint64_t)(turn % 2048) << 52 | fractions[turn / 2048 % 3]);
}

static double argument(job *work, double low, double high, int64_t turn) {
    const double step = work->measured->step;
    switch (random_bits(work) % 8) {
    case 0:
        return near(work,
                    sign_of(work) * places[random_bits(work) % (sizeof places / sizeof *places)]);
    case 1:
        return of_exponent(work, turn);
    case 2:
        return of_bits(random_bits(work));
    case 3:
        return sign_of(work) * ldexp(uniform(work, 1, 2), (int)(random_bits(work) % 24) - 12);
    case 4:
        return step == 0 ? uniform(work, low, high)
                         : near(work, step * rint(uniform(work, low, high) / step));
    default:
        return uniform(work, low, high);
    }
}

static double rounded(const job *work, double x) {
    return work->measured->digits == 24 ? (double)(float)x : x;
}

/* A power's exponent: one that takes the result where it is interesting, a whole or half number, or
 * anything. */
static double exponent_for(job *work, double x, int64_t turn) {
    const double low = work->measured->low, high = work->measured->high;
    const double size = log2(fabs(x));
    if (work->measured->domain == BOUNDED_POWER)
        return size == 0 ? 1 : uniform(work, low, high) * 0.9999999 / size;
    switch (random_bits(work) % 4) {
    case 0:
        return argument(work, low, high, turn);
    case 1:
        return (double)((int)(random_bits(work) % 81) - 40) / 2;
    default:
        return uniform(work, low, high) / size;
    }
}

static void make_arguments(job *work, double *xs, double *ys, int64_t block) {
    const function *f = work->measured;
    for (int64_t i = 0; i < BLOCK; i++) {
        const int64_t turn = block * BLOCK + i;
        const double smallest = f->digits == 24 ? FLT_MIN : DBL_MIN;
        const double largest = f->digits == 24 ? FLT_MAX : DBL_MAX;
        double x = f->domain >= POWER ? argument(work, 0, 10, turn)
                                      : argument(work, f->low, f->high, turn);
        x = rounded(work, x);
        if (f->domain == BOUNDED && !(fabs(x) <= f->high))
            x = uniform(work, f->low, f->high);
        if (f->domain == BOUNDED_POWER && !((x = fabs(x)) >= smallest && x <= largest))
            x = rounded(work, uniform(work, 0.5, 2));
        xs[i] = x;
        ys[i] = f->domain >= POWER ? rounded(work, exponent_for(work, x, turn)) : 0;
    }
}

/* ---- measuring ------------------------------------------------------------------------------- */

static long double spacing(long double exact, int digits) {
    const int smallest = digits == 24 ? FLT_MIN_EXP : DBL_MIN_EXP;
    int exponent;
    frexpl(exact, &exponent);
    return ldexpl(1, (exponent < smallest ? smallest : exponent) - digits);
}

/* The error in ULP, or -1 for a special value that is wrong. */
static double judge(long double exact, double got, int digits) {
    if (isnan(exact) || isnan(got))
        return isnan(exact) && isnan(got) ? 0 : -1;
    const int top = digits == 24 ? FLT_MAX_EXP : DBL_MAX_EXP;
    const long double unit = ldexpl(1, top - digits), beyond = ldexpl(1, top);
    const long double overflow = beyond - unit / 2; /* from here on results are infinite */
    if (fabsl(exact) >= overflow || isinf(got)) {
        if (fabsl(exact) >= overflow && isinf(got) && (got > 0) == (exact > 0))
            return 0;
        const int next_to_it = fabsl(exact) > beyond - 2 * unit && !isinf(exact);
        const long double value = isinf(got) ? copysignl(beyond, got) : got;
        return next_to_it ? (double)(fabsl(value - exact) / unit) : -1;
    }
    if (exact == 0 && (got != 0 || !signbit(got) != !signbit(exact)))
        return -1;
    return (double)(fabsl(got - exact) / spacing(exact, digits));
}

static void note(worst *found, double ulp, double x, double y) {
    if (ulp < 0 && found->wrong++ == 0) {
        found->wrong_x = x;
        found->wrong_y = y;
    }
    if (ulp > found->ulp) {
        found->ulp = ulp;
        found->x = x;
        found->y = y;
    }
}

static void *measure(void *argument) {
    job *work = argument;
    double xs[BLOCK], ys[BLOCK], got[BLOCK];
    long double exact[BLOCK];
    for (int64_t block = 0; block < work->blocks; block++) {
        make_arguments(work, xs, ys, block);
        for (int64_t i = 0; i < BLOCK; i++)
            exact[i] = work->measured->reference(xs[i], ys[i]);
        for (int k = 0; k < work->count; k++) {
            work->loops[k](xs, ys, got, BLOCK);
            for (int64_t i = 0; i < BLOCK; i++)
                note(&work->found[k], judge(exact[i], got[i], work->measured->digits), xs[i],
                     ys[i]);
        }
    }
    return NULL;
}

static void merge(worst *into, const worst *from) {
    const int64_t wrong = into->wrong + from->wrong;
    if (into->wrong == 0 && from->wrong != 0) {
        into->wrong_x = from->wrong_x;
        into->wrong_y = from->wrong_y;
    }
    into->wrong = wrong;
    if (from->ulp > into->ulp) {
        into->ulp = from->ulp;
        into->x = from->x;
        into->y = from->y;
    }
}

/* Measures a function's loops, `points` arguments in all; 0, or -1 for an unknown one or too many
 * loops or threads. */
int sample_worst(const char *name, loop_fn *const *loops, int count, int64_t points, int threads,
                 uint64_t seed, worst *found) {
    job jobs[MAX_THREADS];
    pthread_t handles[MAX_THREADS];
    const size_t rows = sizeof functions / sizeof *functions;
    size_t row = 0;
    while (row < rows && strcmp(functions[row].name, name) != 0)
        row++;
    if (row == rows || count > MAX_LOOPS || threads > MAX_THREADS)
        return -1;
    memset(found, 0, (size_t)count * sizeof *found);
    for (int t = 0; t < threads; t++) {
        jobs[t] = (job){.measured = &functions[row],
                        .loops = loops,
                        .count = count,
                        .blocks = points / threads / BLOCK + 1,
                        .state = (seed + (uint64_t)t + 1) * 0x9e3779b97f4a7c15};
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
