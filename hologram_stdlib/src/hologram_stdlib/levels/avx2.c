/* x86-64-v3: AVX2 and FMA. */
#if !defined(__AVX2__) || defined(__AVX512F__)
#error "compile with -march=x86-64-v3"
#endif
#define LEVEL avx2

#include "../kernels/elementwise.c"
#include "../kernels/activation.c"
#include "../kernels/reduce.c"
#include "../kernels/rows.c"
#include "../kernels/matrix.c"
#include "../kernels/loss.c"
#include "../kernels/memory.c"
