/* x86-64-v4: AVX-512. */
#if !defined(__AVX512F__)
#error "compile with -march=x86-64-v4"
#endif
#define LEVEL avx512

#include "../kernels/elementwise.c"
#include "../kernels/activation.c"
#include "../kernels/reduce.c"
#include "../kernels/rows.c"
#include "../kernels/matrix.c"
#include "../kernels/loss.c"
#include "../kernels/memory.c"
