/* x86-64-v3: AVX2, FMA and F16C. */
#if !defined(__AVX2__) || !defined(__F16C__) || defined(__AVX512F__)
#error "compile with -march=x86-64-v3"
#endif
#define HOLOGRAM_LEVEL avx2

#include "../families/elementwise.c"
#include "../families/activation.c"
#include "../families/memory.c"
#include "../families/reduce.c"
#include "../families/rows.c"
#include "../families/matrix.c"
#include "../families/drive.c"
