/* The table that the runtime reads: a row for each op and dtype.
 *
 * MAP and FOLD name an op, the op whose bodies it has, the dtypes, and what a row says; KERNEL is
 * for those that are kernels of their own. A set of dtypes has, for each, the dtype whose bodies it
 * uses.
 */
#include "primitive.h"

#undef bool /* here it is the name of a dtype */

/* ---- sets of dtypes: ROW(dtype, dtype of the body, bytes, ...) ------------------------------- */

#define FLOATS(ROW, ...)                                                                           \
    ROW(f32, f32, 4, __VA_ARGS__) ROW(f64, f64, 8, __VA_ARGS__) ROW(f16, f16, 2, __VA_ARGS__)

/* Integers whose bodies look at the sign, and those that do not. */
#define SIGNED(ROW, ...)                                                                           \
    ROW(i8, i8, 1, __VA_ARGS__)                                                                    \
    ROW(i16, i16, 2, __VA_ARGS__)                                                                  \
    ROW(i32, i32, 4, __VA_ARGS__)                                                                  \
    ROW(i64, i64, 8, __VA_ARGS__)
#define UNSIGNED(ROW, ...)                                                                         \
    ROW(u8, u8, 1, __VA_ARGS__)                                                                    \
    ROW(u16, u16, 2, __VA_ARGS__)                                                                  \
    ROW(u32, u32, 4, __VA_ARGS__)                                                                  \
    ROW(u64, u64, 8, __VA_ARGS__)
#define SIGNED_BITS(ROW, ...)                                                                      \
    ROW(i8, u8, 1, __VA_ARGS__)                                                                    \
    ROW(i16, u16, 2, __VA_ARGS__)                                                                  \
    ROW(i32, u32, 4, __VA_ARGS__)                                                                  \
    ROW(i64, u64, 8, __VA_ARGS__)
#define BITS(ROW, ...)    SIGNED_BITS(ROW, __VA_ARGS__) UNSIGNED(ROW, __VA_ARGS__)
#define NUMBERS(ROW, ...) FLOATS(ROW, __VA_ARGS__) BITS(ROW, __VA_ARGS__)
#define ORDERED(ROW, ...)                                                                          \
    FLOATS(ROW, __VA_ARGS__) SIGNED(ROW, __VA_ARGS__) UNSIGNED(ROW, __VA_ARGS__)
#define BOOL(ROW, ...)    ROW(bool, b8, 1, __VA_ARGS__)
#define BOOL_U8(ROW, ...) ROW(bool, u8, 1, __VA_ARGS__)
#define ANYTHING(ROW, ...)                                                                         \
    ROW(f32, u32, 4, __VA_ARGS__)                                                                  \
    ROW(f64, u64, 8, __VA_ARGS__)                                                                  \
    ROW(f16, u16, 2, __VA_ARGS__)                                                                  \
    BITS(ROW, __VA_ARGS__)                                                                         \
    BOOL_U8(ROW, __VA_ARGS__)

/* What an element costs, given what an f32 does. */
#define COST_f32(work)  (work)
#define COST_f64(work)  (2 * (work))
#define COST_f16(work)  ((work) + 2)
#define COST_i8(work)   (work)
#define COST_i16(work)  (work)
#define COST_i32(work)  (work)
#define COST_i64(work)  (2 * (work))
#define COST_u8(work)   (work)
#define COST_u16(work)  (work)
#define COST_u32(work)  (work)
#define COST_u64(work)  (2 * (work))
#define COST_bool(work) (work)
#define PLAIN           2 /* no more than reading and writing */

/* ---- element-wise ---------------------------------------------------------------------------- */

/* dtypes, op, op of the bodies, operands (see map.h), signature, work, doc */
#define MAPS(MAP)                                                                                  \
    MAP(NUMBERS, vector_add, vector_add, AA, 1, "a + b")                                           \
    MAP(BOOL, vector_add, vector_add, AA, 1, "a or b")                                             \
    MAP(NUMBERS, vector_sub, vector_sub, AA, 1, "a - b")                                           \
    MAP(NUMBERS, vector_mul, vector_mul, AA, 1, "a * b")                                           \
    MAP(BOOL, vector_mul, vector_mul, AA, 1, "a and b")                                            \
    MAP(FLOATS, vector_div, vector_div, AA, 2, "a / b")                                            \
    MAP(ORDERED, vector_min, vector_min, AA, 1, "the smaller of a and b; NaN if either is")        \
    MAP(BOOL, vector_min, vector_mul, AA, 1, "a and b")                                            \
    MAP(ORDERED, vector_max, vector_max, AA, 1, "the larger of a and b; NaN if either is")         \
    MAP(BOOL, vector_max, vector_add, AA, 1, "a or b")                                             \
    MAP(FLOATS, vector_pow, vector_pow, AA, 30, "a to the power b")                                \
    MAP(UNSIGNED, vector_pow, vector_pow, AA, 10, "a to the power b")                              \
    MAP(NUMBERS, vector_neg, vector_neg, A, 1, "-x")                                               \
    MAP(FLOATS, vector_abs, vector_abs, A, 1, "|x|")                                               \
    MAP(SIGNED, vector_abs, vector_abs, A, 1, "|x|")                                               \
    MAP(UNSIGNED, vector_abs, copy, A, 1, "x")                                                     \
    MAP(BOOL_U8, vector_abs, copy, A, 1, "x")                                                      \
    MAP(FLOATS, relu, relu, A, 1, "max(x, 0); NaN stays NaN")                                      \
    MAP(SIGNED, relu, relu, A, 1, "max(x, 0)")                                                     \
    MAP(UNSIGNED, relu, copy, A, 1, "x")                                                           \
    MAP(FLOATS, sigmoid, sigmoid, A, 6, "1 / (1 + exp(-x))")                                       \
    MAP(FLOATS, tanh, tanh, A, 7, "hyperbolic tangent")                                            \
    MAP(FLOATS, gelu, gelu, A, 17, "x * Phi(x), the exact form")                                   \
    MAP(FLOATS, gelu_tanh, gelu_tanh, A, 12, "the approximation of gelu by tanh")                  \
    MAP(FLOATS, silu, silu, A, 7, "x * sigmoid(x)")                                                \
    MAP(FLOATS, exp, exp, A, 5, "e to the power x")                                                \
    MAP(FLOATS, log, log, A, 7, "natural logarithm")                                               \
    MAP(FLOATS, sqrt, sqrt, A, 3, "square root")                                                   \
    MAP(FLOATS, rsqrt, rsqrt, A, 4, "1 / sqrt(x)")                                                 \
    MAP(FLOATS, sin, sin, A, 9, "sine of x radians")                                               \
    MAP(FLOATS, cos, cos, A, 9, "cosine of x radians")                                             \
    MAP(FLOATS, erf, erf, A, 13, "error function")                                                 \
    MAP(NUMBERS, scalar_add, scalar_add, AS, 1, "x + value")                                       \
    MAP(BOOL, scalar_add, scalar_add, AS, 1, "x or value")                                         \
    MAP(NUMBERS, scalar_mul, scalar_mul, AS, 1, "x * value")                                       \
    MAP(BOOL, scalar_mul, scalar_mul, AS, 1, "x and value")                                        \
    MAP(ORDERED, clip, clip, ASS, 1, "min(max(x, low), high)")                                     \
    MAP(NUMBERS, axpy, axpy, SAA, 1, "alpha * x + y")                                              \
    MAP(BOOL, axpy, axpy, SAA, 1, "alpha and x or y")                                              \
    MAP(NUMBERS, vector_fma, vector_fma, AAA, 1, "a * b + c, rounded once")                        \
    MAP(BOOL, vector_fma, vector_fma, AAA, 1, "a and b or c")                                      \
    MAP(ANYTHING, copy, copy, A, 1, "x")                                                           \
    MAP(ANYTHING, fill, fill, S, 1, "every element becomes value")

/* The same for vector_pow of signed integers, whose kernel looks at the exponents first. */
#define POWERS(MAP) MAP(SIGNED_BITS, vector_pow, vector_pow, AA, 10, "a to the power b")

#define SIGNATURE_A   "()->()"
#define SIGNATURE_S   "scalar->()"
#define SIGNATURE_AA  "(),()->()"
#define SIGNATURE_AS  "(),scalar->()"
#define SIGNATURE_AAA "(),(),()->()"
#define SIGNATURE_ASS "(),scalar,scalar->()"
#define SIGNATURE_SAA "scalar,(),()->()"

/* ---- down to one number, and kernels of their own -------------------------------------------- */

#define ONE "(...)->()"
#define TWO "(...),(...)->()"

/* dtypes, op, how results are joined, how they end, inputs, signature, work, what no elements have
 * none of, the result of no elements, doc */
#define FOLDS(FOLD)                                                                                \
    FOLD(FLOATS, reduce_sum, sum, TOTAL, 1, ONE, 1, NULL, .number = 0,                             \
         "sum of all elements; 0 for none")                                                        \
    FOLD(BITS, reduce_sum, added_bits, INTEGER, 1, ONE, 1, NULL, .bits = 0,                        \
         "sum of all elements, modulo 2^bits")                                                     \
    FOLD(FLOATS, reduce_prod, product, TOTAL, 1, ONE, 1, NULL, .number = 1,                        \
         "product of all elements; 1 for none")                                                    \
    FOLD(BITS, reduce_prod, multiplied_bits, INTEGER, 1, ONE, 1, NULL, .bits = 1,                  \
         "product of all elements, modulo 2^bits")                                                 \
    FOLD(FLOATS, reduce_min, smaller, TOTAL, 1, ONE, 1, "minimum", .bits = 0,                      \
         "smallest element; NaN if any is")                                                        \
    FOLD(SIGNED, reduce_min, smaller_signed, INTEGER, 1, ONE, 1, "minimum", .bits = 0,             \
         "smallest element")                                                                       \
    FOLD(UNSIGNED, reduce_min, smaller_bits, INTEGER, 1, ONE, 1, "minimum", .bits = 0,             \
         "smallest element")                                                                       \
    FOLD(BOOL_U8, reduce_min, smaller_bits, ALL, 1, ONE, 1, "minimum", .bits = 1,                  \
         "whether all are true")                                                                   \
    FOLD(FLOATS, reduce_max, larger, TOTAL, 1, ONE, 1, "maximum", .bits = 0,                       \
         "largest element; NaN if any is")                                                         \
    FOLD(SIGNED, reduce_max, larger_signed, INTEGER, 1, ONE, 1, "maximum", .bits = 0,              \
         "largest element")                                                                        \
    FOLD(UNSIGNED, reduce_max, larger_bits, INTEGER, 1, ONE, 1, "maximum", .bits = 0,              \
         "largest element")                                                                        \
    FOLD(BOOL_U8, reduce_max, larger_bits, ANY, 1, ONE, 1, "maximum", .bits = 0,                   \
         "whether any is true")                                                                    \
    FOLD(FLOATS, vector_dot, sum, TOTAL, 2, TWO, 1, NULL, .number = 0, "sum of a * b")             \
    FOLD(BITS, vector_dot, added_bits, INTEGER, 2, TWO, 1, NULL, .bits = 0,                        \
         "sum of a * b, modulo 2^bits")                                                            \
    FOLD(FLOATS, mse, sum, MEAN, 2, TWO, 1, NULL, .number = 0,                                     \
         "mean of (a - b)^2; NaN for no elements")                                                 \
    FOLD(FLOATS, binary_cross_entropy, sum, NEGATIVE_MEAN, 2, TWO, 17, NULL, .number = 0,          \
         "mean of -(t log p + (1 - t) log(1 - p)); a term of weight 0 counts 0")                   \
    FOLD(FLOATS, cross_entropy, sum, NEGATIVE, 2, "(n),(n)->()", 8, NULL, .number = 0,             \
         "-sum(t log p); a term of weight 0 counts 0")

/* dtypes, op, signature, flags, work, doc */
#define KERNELS(KERNEL)                                                                            \
    KERNEL(FLOATS, softmax, "(n)->(n)", HOLOGRAM_MAY_ALIAS, 8, "exp(x) / sum(exp(x))")             \
    KERNEL(FLOATS, log_softmax, "(n)->(n)", HOLOGRAM_MAY_ALIAS, 8, "log(softmax(x))")              \
    KERNEL(FLOATS, layer_norm, "(n),(n),(n),scalar->(n)", HOLOGRAM_MAY_ALIAS, 3,                   \
           "(x - mean) / sqrt(variance + eps) * weight + bias")                                    \
    KERNEL(FLOATS, rms_norm, "(n),(n),scalar->(n)", HOLOGRAM_MAY_ALIAS, 2,                         \
           "x / sqrt(mean(x^2) + eps) * weight")                                                   \
    KERNEL(NUMBERS, gemv, "(m,n),(n)->(m)", 0, 1, "matrix times vector")                           \
    KERNEL(BOOL, gemv, "(m,n),(n)->(m)", 0, 1, "matrix times vector, by and, or")                  \
    KERNEL(NUMBERS, gemm, "(m,k),(k,n)->(m,n)", 0, 20, "matrix times matrix")                      \
    KERNEL(BOOL, gemm, "(m,k),(k,n)->(m,n)", 0, 20, "matrix times matrix, by and, or")

/* ---- bodies and variants, slowest first ------------------------------------------------------ */

#if defined(HOLOGRAM_HAS_avx512)
#define EACH_LEVEL(LEVEL, name) LEVEL(name, baseline) LEVEL(name, avx2) LEVEL(name, avx512)
#else
#define EACH_LEVEL(LEVEL, name) LEVEL(name, baseline)
#endif
#define MAP_BODY(name, level)    extern map_fn name##_##level;
#define FOLD_BODY(name, level)   extern fold_fn name##_##level;
#define KERNEL_BODY(name, level) int32_t name##_##level(const hologram_call *call);
#define NAME(name, level)        name##_##level,
#define VARIANT(name, level)     {#level, name##_##level},

HOLOGRAM_VARIANTS(map);
HOLOGRAM_VARIANTS(power);
HOLOGRAM_VARIANTS(fold);

#define MAP_CONTEXT(d, body_d, bytes, op, body, operands, work, ...)                               \
    EACH_LEVEL(MAP_BODY, body##_##body_d)                                                          \
    static const Map op##_##d = {{EACH_LEVEL(NAME, body##_##body_d)},                              \
                                 PARAMS_##operands,                                                \
                                 ARRAYS_##operands,                                                \
                                 bytes,                                                            \
                                 (work) <= PLAIN};
#define FOLD_CONTEXT(d, body_d, bytes, op, join_, finish_, inputs, signature, work, nothing_,      \
                     none, ...)                                                                    \
    EACH_LEVEL(FOLD_BODY, op##_##body_d)                                                           \
    static const Fold op##_##d = {.page = {EACH_LEVEL(NAME, op##_##body_d)},                       \
                                  .join = sigmatics_join_##join_,                                  \
                                  .params = (inputs) + 1,                                          \
                                  .size = bytes,                                                   \
                                  .is_plain = (work) <= PLAIN,                                     \
                                  .finish = finish_,                                               \
                                  .nothing = nothing_,                                             \
                                  .start = {none}};
#define KERNEL_CONTEXT(d, body_d, bytes, op, ...)                                                  \
    EACH_LEVEL(KERNEL_BODY, op##_##body_d)                                                         \
    static const hologram_variant op##_##d[] = {EACH_LEVEL(VARIANT, op##_##body_d)};

#define CONTEXTS_OF_MAP(SET, ...)    SET(MAP_CONTEXT, __VA_ARGS__)
#define CONTEXTS_OF_FOLD(SET, ...)   SET(FOLD_CONTEXT, __VA_ARGS__)
#define CONTEXTS_OF_KERNEL(SET, ...) SET(KERNEL_CONTEXT, __VA_ARGS__)

MAPS(CONTEXTS_OF_MAP)
POWERS(CONTEXTS_OF_MAP)
FOLDS(CONTEXTS_OF_FOLD)
KERNELS(CONTEXTS_OF_KERNEL)

/* ---- rows ------------------------------------------------------------------------------------ */

#define ROW(op_, d, signature_, flags_, work_, doc_, variants_, context_)                          \
    {.op = #op_,                                                                                   \
     .signature = signature_,                                                                      \
     .dtype = #d,                                                                                  \
     .doc = doc_,                                                                                  \
     .min_n = 0,                                                                                   \
     .max_n = INT64_MAX,                                                                           \
     .flags = flags_,                                                                              \
     .work = work_,                                                                                \
     .variants = variants_,                                                                        \
     .variant_count = sizeof(variants_) / sizeof *(variants_),                                     \
     .context = (void *)(uintptr_t)(context_)},

#define ELEMENTWISE (HOLOGRAM_SPLITTABLE | HOLOGRAM_MAY_ALIAS)
#define MAP_ROW(d, body_d, bytes, op, body, operands, work, doc)                                   \
    ROW(op, d, SIGNATURE_##operands, ELEMENTWISE, COST_##d(work), doc, map_variants, &op##_##d)
#define POWER_ROW(d, body_d, bytes, op, body, operands, work, doc)                                 \
    ROW(op, d, SIGNATURE_##operands, ELEMENTWISE, COST_##d(work), doc, power_variants, &op##_##d)
#define FOLD_ROW(d, body_d, bytes, op, join, finish, inputs, signature, work, nothing, none, doc)  \
    ROW(op, d, signature, 0, COST_##d(work), doc, fold_variants, &op##_##d)
#define KERNEL_ROW(d, body_d, bytes, op, signature, flags, work, doc)                              \
    ROW(op, d, signature, flags, COST_##d(work), doc, op##_##d, NULL)

#define ROWS_OF_MAP(SET, ...)    SET(MAP_ROW, __VA_ARGS__)
#define ROWS_OF_POWER(SET, ...)  SET(POWER_ROW, __VA_ARGS__)
#define ROWS_OF_FOLD(SET, ...)   SET(FOLD_ROW, __VA_ARGS__)
#define ROWS_OF_KERNEL(SET, ...) SET(KERNEL_ROW, __VA_ARGS__)

static const hologram_kernel_row rows[] = {MAPS(ROWS_OF_MAP) POWERS(ROWS_OF_POWER)
                                               FOLDS(ROWS_OF_FOLD) KERNELS(ROWS_OF_KERNEL)};

HOLOGRAM_LIBRARY("hologram-sigmatics 0.1.0", rows);
