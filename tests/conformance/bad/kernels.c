/* Kernels that break the contract, one each; test_kit.py says which check has to notice. A bad one
 * is good, or good_without_promises, but for its fault. */
#define _POSIX_C_SOURCE 200112L
#include <hologram/kernel.h>
#include <stdlib.h>

#define ARGS                                                                                       \
    const float *x = call->args[0];                                                                \
    float *out = call->args[1];                                                                    \
    const int64_t begin = call->begin, end = call->end
#define DOUBLE                                                                                     \
    for (int64_t i = begin; i < end; i++)                                                          \
        out[i] = 2 * x[i];                                                                         \
    return HOLOGRAM_OK

static int32_t good(const hologram_call *call) {
    ARGS;
    DOUBLE;
}

static int32_t good_without_promises(const hologram_call *call) {
    ARGS;
    DOUBLE;
}

static int32_t wrong_signature(const hologram_call *call) {
    ARGS;
    DOUBLE;
}

/* ---- memory ---- */

static int32_t writes_past_the_end(const hologram_call *call) {
    ARGS;
    out[end] = 0;
    DOUBLE;
}

static int32_t writes_before_the_start(const hologram_call *call) {
    ARGS;
    out[begin - 1] = 0;
    DOUBLE;
}

static int32_t reads_past_the_end(const hologram_call *call) {
    ARGS;
    (void)*(const volatile float *)&x[end];
    DOUBLE;
}

static int32_t reads_before_the_start(const hologram_call *call) {
    ARGS;
    (void)*(const volatile float *)&x[begin - 1];
    DOUBLE;
}

static int32_t strays_far(const hologram_call *call) {
    ARGS;
    *(volatile float *)(uintptr_t)64 = 0;
    DOUBLE;
}

static int32_t modifies_its_input(const hologram_call *call) {
    ARGS;
    for (int64_t i = begin; i < end; i++) {
        out[i] = 2 * x[i];
        ((float *)x)[i] = 0;
    }
    return HOLOGRAM_OK;
}

static int32_t borrows_its_input(const hologram_call *call) {
    ARGS;
    volatile float *first = (float *)x;
    const float kept = *first;
    *first = 0;
    *first = kept;
    DOUBLE;
}

static int32_t leaves_output_unwritten(const hologram_call *call) {
    ARGS;
    for (int64_t i = begin; i + 1 < end; i++)
        out[i] = 2 * x[i];
    return HOLOGRAM_OK;
}

static int32_t adds_to_its_output(const hologram_call *call) {
    ARGS;
    for (int64_t i = begin; i < end; i++)
        out[i] = 2 * x[i] + out[i] * 1e-23f;
    return HOLOGRAM_OK;
}

static int32_t depends_on_alignment(const hologram_call *call) {
    ARGS;
    const int64_t wrong = (uintptr_t)x % 16 == 4;
    for (int64_t i = begin; i < end; i++)
        out[i] = 2 * x[i] + (float)wrong;
    return HOLOGRAM_OK;
}

/* ---- values ---- */

static int32_t wrong_tail(const hologram_call *call) {
    ARGS;
    for (int64_t i = begin; i < end; i++)
        out[i] = i < end / 8 * 8 ? 2 * x[i] : x[i];
    return HOLOGRAM_OK;
}

static int32_t wrong_on_nan(const hologram_call *call) {
    ARGS;
    for (int64_t i = begin; i < end; i++)
        out[i] = x[i] != x[i] ? 0 : 2 * x[i];
    return HOLOGRAM_OK;
}

/* ---- promises ---- */

static int32_t clobbers_before_reading(const hologram_call *call) {
    ARGS;
    for (int64_t i = begin; i < end; i++)
        out[i] = 0;
    DOUBLE;
}

static int32_t ignores_its_range(const hologram_call *call) {
    const float *x = call->args[0];
    float *out = call->args[1];
    for (int64_t i = 0; i < call->lengths[0]; i++)
        out[i] = 2 * x[i];
    return HOLOGRAM_OK;
}

static int32_t depends_on_its_range(const hologram_call *call) {
    ARGS;
    for (int64_t i = begin; i < end; i++)
        out[i] = i == begin && begin > 0 ? 0 : 2 * x[i];
    return HOLOGRAM_OK;
}

static float shared[4096];

static int32_t shares_a_buffer(const hologram_call *call) {
    ARGS;
    for (int64_t i = begin; i < end; i++)
        shared[i] = 2 * x[i];
    for (volatile int wait = 0; wait < 200000; wait++) /* as long as real work would take */
        ;
    for (int64_t i = begin; i < end; i++)
        out[i] = shared[i];
    return HOLOGRAM_OK;
}

static const char *mark = NULL;

/* Two copies have two `mark`s and one environment. */
static int32_t clashes_with_its_copy(const hologram_call *call) {
    ARGS;
    if (mark == NULL)
        mark = getenv("HOLOGRAM_TEST_MARK") ? "second" : "first";
    setenv("HOLOGRAM_TEST_MARK", mark, 1);
    const float wrong = mark[0] == 's';
    for (int64_t i = begin; i < end; i++)
        out[i] = 2 * x[i] + wrong;
    return HOLOGRAM_OK;
}

/* ---- ends ---- */

static int32_t illegal_instruction(const hologram_call *call) {
    ARGS;
    if (end > 3)
        __builtin_trap(); /* ud2 */
    DOUBLE;
}

static int32_t fails(const hologram_call *call) {
    ARGS;
    if (end > 3)
        return hologram_fail(call, HOLOGRAM_FAILED, "no more than %d elements", 3);
    DOUBLE;
}

static int32_t ends_the_process(const hologram_call *call) {
    ARGS;
    if (end > 3)
        exit(0);
    DOUBLE;
}

#ifdef NEVER_RETURNS
static int32_t never_returns(const hologram_call *call) {
    ARGS;
    for (volatile int64_t wait = end; wait > 3;)
        ;
    DOUBLE;
}
#endif

/* ---- the table ---- */

#define BOTH (HOLOGRAM_SPLITTABLE | HOLOGRAM_MAY_ALIAS)
#define ROW(name, its_signature, its_flags)                                                        \
    {.op = #name,                                                                                  \
     .signature = its_signature,                                                                   \
     .dtype = "f32",                                                                               \
     .max_n = 3072,                                                                                \
     .flags = its_flags,                                                                           \
     .work = 1,                                                                                    \
     .variants = (const hologram_variant[]){{"baseline", name}},                                   \
     .variant_count = 1}

static const hologram_kernel_row rows[] = {
    ROW(good, "()->()", BOTH),
    ROW(good_without_promises, "()->()", 0),
    ROW(writes_past_the_end, "()->()", 0),
    ROW(writes_before_the_start, "()->()", 0),
    ROW(reads_past_the_end, "()->()", 0),
    ROW(reads_before_the_start, "()->()", 0),
    ROW(strays_far, "()->()", 0),
    ROW(modifies_its_input, "()->()", 0),
    ROW(borrows_its_input, "()->()", 0),
    ROW(leaves_output_unwritten, "()->()", 0),
    ROW(adds_to_its_output, "()->()", 0),
    ROW(depends_on_alignment, "()->()", 0),
    ROW(wrong_tail, "()->()", 0),
    ROW(wrong_on_nan, "()->()", 0),
    ROW(clobbers_before_reading, "()->()", BOTH),
    ROW(ignores_its_range, "()->()", BOTH),
    ROW(depends_on_its_range, "()->()", BOTH),
    ROW(shares_a_buffer, "()->()", 0),
    ROW(clashes_with_its_copy, "()->()", 0),
    ROW(illegal_instruction, "()->()", 0),
    ROW(fails, "()->()", 0),
    ROW(ends_the_process, "()->()", 0),
    ROW(wrong_signature, "(n)->(n)", 0),
#ifdef NEVER_RETURNS
    ROW(never_returns, "()->()", 0),
#endif
};

static const hologram_library library = {.abi_version = HOLOGRAM_ABI_VERSION,
                                         .size = sizeof(hologram_library),
                                         .producer = "bad kernels",
                                         .source_hash = "",
                                         .rows = rows,
                                         .row_count = sizeof(rows) / sizeof(rows[0]),
                                         .row_size = sizeof(hologram_kernel_row)};

const hologram_library *hologram_library_v1(void) { return &library; }
