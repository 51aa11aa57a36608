/* x86-64-v4: AVX-512. */
#if !defined(__AVX512F__)
#error "compile with -march=x86-64-v4"
#endif
#define HOLOGRAM_LEVEL avx512

#include "../families/elementwise.c"
#include "../families/activation.c"
#include "../families/memory.c"
#include "../families/reduce.c"
#include "../families/rows.c"
#include "../families/matrix.c"
#include "../families/drive.c"
