/* The table that the runtime reads: one row for each op, with its variants by instruction set. */
#include <hologram/kernel.h>

#define PAGE 3072 /* elements: a kernel for more is not worth having inline */

#define ELEMENTWISE (HOLOGRAM_SPLITTABLE | HOLOGRAM_MAY_ALIAS)
#define IN_PLACE    HOLOGRAM_MAY_ALIAS
#define APART       0

/* op, signature, flags, work, doc */
#define ROWS(ROW)                                                                                  \
    ROW(vector_add, "(),()->()", ELEMENTWISE, 1, "a + b")                                          \
    ROW(vector_sub, "(),()->()", ELEMENTWISE, 1, "a - b")                                          \
    ROW(vector_mul, "(),()->()", ELEMENTWISE, 1, "a * b")                                          \
    ROW(vector_div, "(),()->()", ELEMENTWISE, 2, "a / b")                                          \
    ROW(vector_min, "(),()->()", ELEMENTWISE, 1, "the smaller of a and b; NaN if either is")       \
    ROW(vector_max, "(),()->()", ELEMENTWISE, 1, "the larger of a and b; NaN if either is")        \
    ROW(vector_pow, "(),()->()", ELEMENTWISE, 30, "a to the power b")                              \
    ROW(vector_neg, "()->()", ELEMENTWISE, 1, "-x")                                                \
    ROW(vector_abs, "()->()", ELEMENTWISE, 1, "|x|")                                               \
    ROW(relu, "()->()", ELEMENTWISE, 1, "max(x, 0); NaN stays NaN")                                \
    ROW(sigmoid, "()->()", ELEMENTWISE, 6, "1 / (1 + exp(-x))")                                    \
    ROW(tanh, "()->()", ELEMENTWISE, 7, "hyperbolic tangent")                                      \
    ROW(gelu, "()->()", ELEMENTWISE, 17, "x * Phi(x), the exact form")                             \
    ROW(gelu_tanh, "()->()", ELEMENTWISE, 12, "the approximation of gelu by tanh")                 \
    ROW(silu, "()->()", ELEMENTWISE, 7, "x * sigmoid(x)")                                          \
    ROW(exp, "()->()", ELEMENTWISE, 5, "e to the power x")                                         \
    ROW(log, "()->()", ELEMENTWISE, 7, "natural logarithm")                                        \
    ROW(sqrt, "()->()", ELEMENTWISE, 3, "square root")                                             \
    ROW(rsqrt, "()->()", ELEMENTWISE, 4, "1 / sqrt(x)")                                            \
    ROW(sin, "()->()", ELEMENTWISE, 9, "sine of x radians")                                        \
    ROW(cos, "()->()", ELEMENTWISE, 9, "cosine of x radians")                                      \
    ROW(erf, "()->()", ELEMENTWISE, 13, "error function")                                          \
    ROW(scalar_add, "(),scalar->()", ELEMENTWISE, 1, "x + value")                                  \
    ROW(scalar_mul, "(),scalar->()", ELEMENTWISE, 1, "x * value")                                  \
    ROW(clip, "(),scalar,scalar->()", ELEMENTWISE, 1, "min(max(x, low), high)")                    \
    ROW(axpy, "scalar,(),()->()", ELEMENTWISE, 1, "alpha * x + y")                                 \
    ROW(vector_fma, "(),(),()->()", ELEMENTWISE, 1, "a * b + c, rounded once")                     \
    ROW(reduce_sum, "(...)->()", APART, 1, "sum of all elements; 0 for none")                      \
    ROW(reduce_min, "(...)->()", APART, 1, "smallest element; NaN if any is")                      \
    ROW(reduce_max, "(...)->()", APART, 1, "largest element; NaN if any is")                       \
    ROW(reduce_prod, "(...)->()", APART, 1, "product of all elements; 1 for none")                 \
    ROW(vector_dot, "(...),(...)->()", APART, 1, "sum of a * b")                                   \
    ROW(softmax, "(n)->(n)", IN_PLACE, 8, "exp(x) / sum(exp(x))")                                  \
    ROW(log_softmax, "(n)->(n)", IN_PLACE, 8, "log(softmax(x))")                                   \
    ROW(layer_norm, "(n),(n),(n),scalar->(n)", IN_PLACE, 3,                                        \
        "(x - mean) / sqrt(variance + eps) * weight + bias")                                       \
    ROW(rms_norm, "(n),(n),scalar->(n)", IN_PLACE, 2, "x / sqrt(mean(x^2) + eps) * weight")        \
    ROW(gemv, "(m,n),(n)->(m)", APART, 1, "matrix times vector")                                   \
    ROW(gemm, "(m,k),(k,n)->(m,n)", APART, 20, "matrix times matrix")                              \
    ROW(mse, "(...),(...)->()", APART, 1, "mean of (a - b)^2; NaN for no elements")                \
    ROW(binary_cross_entropy, "(...),(...)->()", APART, 17,                                        \
        "mean of -(t log p + (1 - t) log(1 - p)); a term of weight 0 counts 0")                    \
    ROW(cross_entropy, "(n),(n)->()", APART, 8, "-sum(t log p); a term of weight 0 counts 0")      \
    ROW(copy, "()->()", ELEMENTWISE, 1, "x")                                                       \
    ROW(fill, "scalar->()", ELEMENTWISE, 1, "every element becomes value")

/* ---- variants, slowest first ---------------------------------------------------------------- */

#if defined(HOLOGRAM_X86_LEVELS)
#define LEVELS(LEVEL, op) LEVEL(op, baseline) LEVEL(op, avx2) LEVEL(op, avx512)
#else
#define LEVELS(LEVEL, op) LEVEL(op, baseline)
#endif

#define PROTOTYPE(op, level) int32_t hologram_##op##_f32_##level(const hologram_call *);
#define VARIANT(op, level)   {#level, hologram_##op##_f32_##level},
#define DECLARE(op, ...)     LEVELS(PROTOTYPE, op)
#define LIST_VARIANTS(op, ...)                                                                     \
    static const hologram_variant op##_variants[] = {LEVELS(VARIANT, op)};
#define LIST_ROW(op_, signature_, flags_, work_, doc_)                                             \
    {.op = #op_,                                                                                   \
     .signature = signature_,                                                                      \
     .dtype = "f32",                                                                               \
     .doc = doc_,                                                                                  \
     .min_n = 0,                                                                                   \
     .max_n = PAGE,                                                                                \
     .flags = flags_,                                                                              \
     .work = work_,                                                                                \
     .variants = op_##_variants,                                                                   \
     .variant_count = sizeof op_##_variants / sizeof *op_##_variants},

ROWS(DECLARE)
ROWS(LIST_VARIANTS)

static const hologram_kernel_row rows[] = {ROWS(LIST_ROW)};

static const hologram_library library = {.abi_version = HOLOGRAM_ABI_VERSION,
                                         .size = sizeof(hologram_library),
                                         .producer = "hologram-stdlib 0.1.0",
                                         .source_hash = "",
                                         .rows = rows,
                                         .row_count = sizeof rows / sizeof *rows,
                                         .row_size = sizeof(hologram_kernel_row)};

const hologram_library *hologram_library_v1(void) { return &library; }
