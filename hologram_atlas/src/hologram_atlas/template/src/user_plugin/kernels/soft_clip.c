/* Compiled once for each instruction set when the wheel is built: see hologram/levels.h. */
#include "hologram/levels.h"

#ifdef HOLOGRAM_LEVEL
int32_t HOLOGRAM_AT_LEVEL(soft_clip)(const hologram_call *call) {
    const float *x = call->args[0];
    const float limit = *(const float *)call->args[1];
    float *out = call->args[2];
    for (int64_t i = call->begin; i < call->end; i++) {
        const float size = x[i] < 0 ? -x[i] : x[i];
        out[i] = x[i] / (1 + size / limit);
    }
    return HOLOGRAM_OK;
}
#endif

#ifdef HOLOGRAM_TABLE
HOLOGRAM_VARIANTS(soft_clip);
static const hologram_kernel_row rows[] = {{
    .op = "soft_clip",
    .signature = "(),scalar->()",
    .dtype = "f32",
    .doc = "x / (1 + |x| / limit).",
    .max_n = INT64_MAX,
    .flags = HOLOGRAM_SPLITTABLE | HOLOGRAM_MAY_ALIAS,
    .work = 8,
    HOLOGRAM_BODIES(soft_clip),
}};
HOLOGRAM_LIBRARY("user-plugin", rows);
#endif
