/* Large matrix products by the BLAS that NumPy carries.
 *
 * sigmatics_find_blas() looks for cblas functions in a module of NumPy and the libraries that came
 * with it. A BLAS has threads of its own: where a call may use fewer, it is told so for as long as
 * such calls run. Where no BLAS is found, or it cannot be told, products are computed by matrix.c.
 */
#include "primitive.h"

#if defined(_WIN32)

void sigmatics_find_blas(const char *path) { (void)path; }

int sigmatics_blas_threads(void) { return 0; }

bool sigmatics_blas_f32(const hologram_call *call, const float *a, const float *b, float *out,
                        int64_t m, int64_t k, int64_t n) {
    return (void)call, (void)a, (void)b, (void)out, (void)m, (void)k, (void)n, false;
}

bool sigmatics_blas_f64(const hologram_call *call, const double *a, const double *b, double *out,
                        int64_t m, int64_t k, int64_t n) {
    return (void)call, (void)a, (void)b, (void)out, (void)m, (void)k, (void)n, false;
}

#else

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stddef.h>
#include <unistd.h>

#define BLAS_FROM (32.0 * 32.0 * 32.0) /* multiplications; fewer are quicker without */

enum { ROW_MAJOR = 101, NO_TRANSPOSE = 111 };

/* cblas_sgemm and cblas_dgemm with sizes of 64 or 32 bits. */
#define GEMM_FN(T, size)                                                                           \
    void (*)(int, int, int, size, size, size, T, const T *, size, const T *, size, T, T *, size)

static struct {
    void *f32, *f64; /* NULL: not found */
    bool wide;       /* sizes have 64 bits */
    int (*threads)(void);
    void (*set_threads)(int);
    pthread_mutex_t lock; /* guards what follows */
    int limited;          /* calls that run on fewer threads than there were */
    int before;           /* how many there were */
} blas = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- finding it ----------------------------------------------------------------------------- */

typedef struct {
    const char *f32, *f64, *threads, *set_threads;
    bool wide;
} Names;

static const Names names[] = {
    {"scipy_cblas_sgemm64_", "scipy_cblas_dgemm64_", "scipy_openblas_get_num_threads64_",
     "scipy_openblas_set_num_threads64_", true},
    {"cblas_sgemm64_", "cblas_dgemm64_", "openblas_get_num_threads64_",
     "openblas_set_num_threads64_", true},
    {"cblas_sgemm$NEWLAPACK$ILP64", "cblas_dgemm$NEWLAPACK$ILP64", "", "", true},
    {"cblas_sgemm", "cblas_dgemm", "openblas_get_num_threads", "openblas_set_num_threads", false},
};

static void start_over_in_child(void) {
    pthread_mutex_init(&blas.lock, NULL);
    blas.limited = 0;
}

void sigmatics_find_blas(const char *path) {
    void *library = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
    if (library == NULL || blas.f32 != NULL)
        return;
    for (size_t i = 0; i < sizeof names / sizeof *names && blas.f32 == NULL; i++) {
        blas.f32 = dlsym(library, names[i].f32);
        blas.f64 = dlsym(library, names[i].f64);
        blas.wide = names[i].wide;
        *(void **)&blas.threads = dlsym(library, names[i].threads);
        *(void **)&blas.set_threads = dlsym(library, names[i].set_threads);
    }
    pthread_atfork(NULL, NULL, start_over_in_child);
}

/* ---- threads -------------------------------------------------------------------------------- */

int sigmatics_blas_threads(void) { return blas.threads == NULL ? 0 : blas.threads(); }

/* Whether a call may use the BLAS; *limit says whether it runs between limit() and unlimit(). */
static bool may_run(const hologram_call *call, bool *limit) {
    const int allowed = call->host == NULL ? INT_MAX : call->host->threads;
    if (blas.set_threads == NULL || blas.threads == NULL) {
        *limit = false;
        return allowed >= sysconf(_SC_NPROCESSORS_ONLN);
    }
    *limit = allowed < blas.threads();
    return true;
}

static void limit_threads(int threads) {
    pthread_mutex_lock(&blas.lock);
    if (blas.limited++ == 0)
        blas.before = blas.threads();
    blas.set_threads(threads);
    pthread_mutex_unlock(&blas.lock);
}

static void unlimit_threads(void) {
    pthread_mutex_lock(&blas.lock);
    if (--blas.limited == 0)
        blas.set_threads(blas.before);
    pthread_mutex_unlock(&blas.lock);
}

/* ---- products ------------------------------------------------------------------------------- */

#define BLAS_GEMM(d, T)                                                                            \
    static void run_##d(const T *a, const T *b, T *out, int64_t m, int64_t k, int64_t n) {         \
        if (blas.wide)                                                                             \
            ((GEMM_FN(T, int64_t))blas.d)(ROW_MAJOR, NO_TRANSPOSE, NO_TRANSPOSE, m, n, k, 1, a, k, \
                                          b, n, 0, out, n);                                        \
        else                                                                                       \
            ((GEMM_FN(T, int))blas.d)(ROW_MAJOR, NO_TRANSPOSE, NO_TRANSPOSE, (int)m, (int)n,       \
                                      (int)k, 1, a, (int)k, b, (int)n, 0, out, (int)n);            \
    }                                                                                              \
    bool sigmatics_blas_##d(const hologram_call *call, const T *a, const T *b, T *out, int64_t m,  \
                            int64_t k, int64_t n) {                                                \
        bool limit;                                                                                \
        if (blas.d == NULL || (double)m * (double)k * (double)n < BLAS_FROM ||                     \
            (!blas.wide && (m > INT_MAX || k > INT_MAX || n > INT_MAX)) || !may_run(call, &limit)) \
            return false;                                                                          \
        if (limit)                                                                                 \
            limit_threads(call->host->threads);                                                    \
        run_##d(a, b, out, m, k, n);                                                               \
        if (limit)                                                                                 \
            unlimit_threads();                                                                     \
        return true;                                                                               \
    }

BLAS_GEMM(f32, float)
BLAS_GEMM(f64, double)

#endif
