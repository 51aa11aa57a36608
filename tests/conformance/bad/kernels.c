/* Kernels that break the contract, one each; test_kit.py says which check has to notice. */
#include <hologram/kernel.h>

#define ARGS                                                                                       \
    const float *x = call->args[0];                                                                \
    float *out = call->args[1];                                                                    \
    const int64_t begin = call->begin, end = call->end

static int32_t good(const hologram_call *call) {
    ARGS;
    for (int64_t i = begin; i < end; i++)
        out[i] = 2 * x[i];
    return HOLOGRAM_OK;
}

static int32_t writes_past_the_end(const hologram_call *call) {
    ARGS;
    for (int64_t i = begin; i <= end; i++)
        out[i] = i < end ? 2 * x[i] : 0;
    return HOLOGRAM_OK;
}

static int32_t writes_before_the_start(const hologram_call *call) {
    ARGS;
    for (int64_t i = begin - 1; i < end; i++)
        out[i] = i < begin ? 0 : 2 * x[i];
    return HOLOGRAM_OK;
}

static int32_t reads_past_the_end(const hologram_call *call) {
    ARGS;
    volatile float sink = x[end];
    (void)sink;
    for (int64_t i = begin; i < end; i++)
        out[i] = 2 * x[i];
    return HOLOGRAM_OK;
}

static int32_t wrong_tail(const hologram_call *call) {
    ARGS;
    for (int64_t i = begin; i < end; i++)
        out[i] = i < end / 8 * 8 ? 2 * x[i] : x[i];
    return HOLOGRAM_OK;
}

static int32_t leaves_output_unwritten(const hologram_call *call) {
    ARGS;
    for (int64_t i = begin; i + 1 < end; i++)
        out[i] = 2 * x[i];
    return HOLOGRAM_OK;
}

static int32_t modifies_its_input(const hologram_call *call) {
    ARGS;
    for (int64_t i = begin; i < end; i++) {
        out[i] = 2 * x[i];
        ((float *)x)[i] = 0;
    }
    return HOLOGRAM_OK;
}

static int32_t wrong_on_nan(const hologram_call *call) {
    ARGS;
    for (int64_t i = begin; i < end; i++)
        out[i] = x[i] != x[i] ? 0 : 2 * x[i];
    return HOLOGRAM_OK;
}

static int32_t depends_on_alignment(const hologram_call *call) {
    ARGS;
    const int64_t wrong = (uintptr_t)x % 16 == 4;
    for (int64_t i = begin; i < end; i++)
        out[i] = 2 * x[i] + (float)wrong;
    return HOLOGRAM_OK;
}

static int32_t clobbers_before_reading(const hologram_call *call) {
    ARGS;
    for (int64_t i = begin; i < end; i++)
        out[i] = 0;
    for (int64_t i = begin; i < end; i++)
        out[i] = 2 * x[i];
    return HOLOGRAM_OK;
}

static int32_t ignores_its_range(const hologram_call *call) {
    ARGS;
    (void)begin, (void)end;
    for (int64_t i = 0; i < call->lengths[0]; i++)
        out[i] = 2 * x[i];
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

#define VARIANT(name) static const hologram_variant name##_variants[] = {{"baseline", name}};
#define ROW(name, row_flags)                                                                       \
    {.op = #name,                                                                                  \
     .signature = "()->()",                                                                        \
     .dtype = "f32",                                                                               \
     .max_n = 3072,                                                                                \
     .flags = row_flags,                                                                           \
     .work = 1,                                                                                    \
     .variants = name##_variants,                                                                  \
     .variant_count = 1}

VARIANT(good)
VARIANT(writes_past_the_end)
VARIANT(writes_before_the_start)
VARIANT(reads_past_the_end)
VARIANT(wrong_tail)
VARIANT(leaves_output_unwritten)
VARIANT(modifies_its_input)
VARIANT(wrong_on_nan)
VARIANT(depends_on_alignment)
VARIANT(clobbers_before_reading)
VARIANT(ignores_its_range)
VARIANT(shares_a_buffer)

static const hologram_kernel_row rows[] = {
    ROW(good, HOLOGRAM_SPLITTABLE | HOLOGRAM_MAY_ALIAS),
    ROW(writes_past_the_end, 0),
    ROW(writes_before_the_start, 0),
    ROW(reads_past_the_end, 0),
    ROW(wrong_tail, 0),
    ROW(leaves_output_unwritten, 0),
    ROW(modifies_its_input, 0),
    ROW(wrong_on_nan, 0),
    ROW(depends_on_alignment, 0),
    ROW(clobbers_before_reading, HOLOGRAM_MAY_ALIAS),
    ROW(ignores_its_range, HOLOGRAM_SPLITTABLE),
    ROW(shares_a_buffer, 0),
};

static const hologram_library library = {.abi_version = HOLOGRAM_ABI_VERSION,
                                         .size = sizeof(hologram_library),
                                         .producer = "bad kernels",
                                         .source_hash = "",
                                         .rows = rows,
                                         .row_count = sizeof(rows) / sizeof(rows[0]),
                                         .row_size = sizeof(hologram_kernel_row)};

const hologram_library *hologram_library_v1(void) { return &library; }
