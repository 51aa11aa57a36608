/* The primitives: for each op and dtype a body per instruction set, and the few kernels that drive
 * them.
 *
 * A row of the kernel table has one of the drivers as its function and a Map or a Fold as its
 * context, which names the bodies. Ops that are neither (softmax, gemm) are kernels of their own.
 */
#ifndef HOLOGRAM_SIGMATICS_PRIMITIVE_H
#define HOLOGRAM_SIGMATICS_PRIMITIVE_H

#include <stdbool.h>
#include <stdint.h>

#include <hologram/kernel.h>
#include <hologram/levels.h>

#define PAGE       3072 /* elements */
#define MAX_CHUNKS 512  /* parts of one whole array, each of which has its own partial result */
#define LEVELS     3    /* baseline, avx2, avx512 */

/* Element-wise work that is worth a second thread, in additions, as the runtime's own. */
#define SPLIT_FROM 262144

/* Bytes from which on, the second level of cache being too small, vectors of 32 bytes are a few per
 * cent quicker than those of 64 where there is next to nothing to compute. */
#define NARROW_FROM (1 << 18)

/* ---- element-wise ---------------------------------------------------------------------------- */

/* args as in hologram_call; work items begin <= i < end; an output may be the memory of an input.
 */
typedef void map_fn(void *const *args, int64_t begin, int64_t end);

typedef struct {
    map_fn *body[LEVELS];
    uint8_t params; /* the output is the last */
    uint8_t arrays; /* a bit for each input that is an array */
    uint8_t size;   /* bytes of an element */
    bool is_plain;  /* it does next to nothing but read and write */
} Map;

/* The operands of a body, in the order of the signature: A for an array, S for a number. How many
 * parameters that makes, and a bit for each input that is an array. */
enum { PARAMS_A = 2, PARAMS_S = 2, PARAMS_AA = 3, PARAMS_AS = 3 };
enum { PARAMS_AAA = 4, PARAMS_ASS = 4, PARAMS_SAA = 4 };
enum { ARRAYS_A = 1, ARRAYS_S = 0, ARRAYS_AA = 3, ARRAYS_AS = 1 };
enum { ARRAYS_AAA = 7, ARRAYS_ASS = 1, ARRAYS_SAA = 6 };

/* ---- down to one number ---------------------------------------------------------------------- */

/* The result for a part of the elements. A sum of floats is `number` + `lost`, what its rounding
 * took; an integer is in `bits`, modulo 2^64. */
typedef struct {
    union {
        double number;
        uint64_t bits;
    };
    double lost;
} Partial;

typedef Partial fold_fn(void *const *args, int64_t begin, int64_t end);
typedef Partial join_fn(Partial a, Partial b);

/* What becomes of the last result: an integer or bool as it is, of floats a total, a mean or minus
 * that. ALL and ANY are settled by one element that is false or true. */
enum finish { INTEGER, ALL, ANY, TOTAL, MEAN, NEGATIVE, NEGATIVE_MEAN };

typedef struct {
    fold_fn *page[LEVELS]; /* of at most PAGE elements */
    join_fn *join;
    uint8_t params;
    uint8_t size;  /* bytes of an element */
    bool is_plain; /* it does next to nothing but read */
    enum finish finish;
    const char *nothing; /* what no elements have no result of, or NULL */
    Partial start;       /* changes nothing when joined */
} Fold;

/* How many elements a part has. It depends on n alone, so that results do not on threads. */
int64_t sigmatics_chunk_size(int64_t n);

/* The fold of the first n elements of args at a level; on the call's threads if that pays. */
Partial sigmatics_fold(const hologram_call *call, const Fold *fold, int level, void *const *args,
                       int64_t n);

/* The value of a sum. */
double sigmatics_number(Partial sum);

join_fn sigmatics_join_sum, sigmatics_join_product, sigmatics_join_smaller, sigmatics_join_larger,
    sigmatics_join_added_bits, sigmatics_join_multiplied_bits, sigmatics_join_smaller_signed,
    sigmatics_join_larger_signed, sigmatics_join_smaller_bits, sigmatics_join_larger_bits;

/* A kernel for the row of a Fold, at a level. */
int32_t sigmatics_run_fold(const hologram_call *call, int level);

/* ---- this machine ---------------------------------------------------------------------------- */

/* Bytes from which on arrays leave no room for anything else in the caches. */
extern int64_t sigmatics_stream_from;

void sigmatics_find_blas(const char *path);
int sigmatics_blas_threads(void); /* 0: none, or unknown */

/* C = A B for row-major matrices by the BLAS of NumPy; false where there is none, or it is too
 * small to be worth it. */
bool sigmatics_blas_f32(const hologram_call *call, const float *a, const float *b, float *out,
                        int64_t m, int64_t k, int64_t n);
bool sigmatics_blas_f64(const hologram_call *call, const double *a, const double *b, double *out,
                        int64_t m, int64_t k, int64_t n);

#endif
