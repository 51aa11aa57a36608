/* One kernel file, compiled once for each instruction set: docs/abi.md, "Several levels".
 *
 *     int32_t HOLOGRAM_AT_LEVEL(twice)(const hologram_call *call) { ... }
 *
 *     #ifdef HOLOGRAM_TABLE
 *     HOLOGRAM_VARIANTS(twice);
 *     static const hologram_kernel_row rows[] = {{.op = "twice", ..., HOLOGRAM_BODIES(twice)}};
 *     HOLOGRAM_LIBRARY("my-kernels 1.0", rows);
 *     #endif
 *
 * Whoever compiles defines HOLOGRAM_LEVEL (baseline, avx2 or avx512), HOLOGRAM_HAS_<level> for each
 * level that is linked together, and for one of them HOLOGRAM_TABLE. A compiler that is given
 * nothing makes a library of the baseline.
 */
#ifndef HOLOGRAM_LEVELS_H
#define HOLOGRAM_LEVELS_H

#include "hologram/kernel.h"

#if !defined(HOLOGRAM_LEVEL) && !defined(HOLOGRAM_TABLE)
#define HOLOGRAM_LEVEL baseline
#define HOLOGRAM_HAS_baseline
#define HOLOGRAM_TABLE
#endif

#define HOLOGRAM_JOIN2_(name, level) name##_##level
#define HOLOGRAM_JOIN_(name, level)  HOLOGRAM_JOIN2_(name, level)

/* The name of a function at the level that is being compiled. */
#define HOLOGRAM_AT_LEVEL(name) HOLOGRAM_JOIN_(name, HOLOGRAM_LEVEL)

/* The name of a function at the lowest level there is. */
#if defined(HOLOGRAM_HAS_baseline)
#define HOLOGRAM_AT_LOWEST(name) name##_baseline
#elif defined(HOLOGRAM_HAS_avx2)
#define HOLOGRAM_AT_LOWEST(name) name##_avx2
#else
#define HOLOGRAM_AT_LOWEST(name) name##_avx512
#endif

#if defined(HOLOGRAM_HAS_baseline)
#define HOLOGRAM_BASELINE_(declare, name) declare(name, baseline)
#else
#define HOLOGRAM_BASELINE_(declare, name)
#endif
#if defined(HOLOGRAM_HAS_avx2)
#define HOLOGRAM_AVX2_(declare, name) declare(name, avx2)
#else
#define HOLOGRAM_AVX2_(declare, name)
#endif
#if defined(HOLOGRAM_HAS_avx512)
#define HOLOGRAM_AVX512_(declare, name) declare(name, avx512)
#else
#define HOLOGRAM_AVX512_(declare, name)
#endif
#define HOLOGRAM_EACH_(declare, name)                                                              \
    HOLOGRAM_BASELINE_(declare, name) HOLOGRAM_AVX2_(declare, name) HOLOGRAM_AVX512_(declare, name)
#define HOLOGRAM_DECLARE_(name, level) int32_t name##_##level(const hologram_call *call);
#define HOLOGRAM_VARIANT_(name, level) {#level, name##_##level},

/* The bodies of a kernel, before the rows; and in its row. */
#define HOLOGRAM_VARIANTS(name)                                                                    \
    HOLOGRAM_EACH_(HOLOGRAM_DECLARE_, name)                                                        \
    static const hologram_variant name##_variants[] = {HOLOGRAM_EACH_(HOLOGRAM_VARIANT_, name)}
#define HOLOGRAM_BODIES(name)                                                                      \
    .variants = name##_variants, .variant_count = sizeof name##_variants / sizeof *name##_variants

/* The library of an array of rows. */
#define HOLOGRAM_LIBRARY(made_by, its_rows) HOLOGRAM_LIBRARY_OF(made_by, "", its_rows, NULL)
#define HOLOGRAM_LIBRARY_OF(made_by, hash, its_rows, about)                                        \
    const hologram_library *hologram_library_v1(void) {                                            \
        static const hologram_library library = {                                                  \
            .abi_version = HOLOGRAM_ABI_VERSION,                                                   \
            .size = sizeof(hologram_library),                                                      \
            .producer = made_by,                                                                   \
            .source_hash = hash,                                                                   \
            .rows = its_rows,                                                                      \
            .row_count = sizeof its_rows / sizeof *its_rows,                                       \
            .row_size = sizeof *its_rows,                                                          \
            .manifest = about,                                                                     \
        };                                                                                         \
        return &library;                                                                           \
    }                                                                                              \
    typedef int hologram_library_is_there

#endif
