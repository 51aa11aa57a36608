/* Any machine: x86-64-v2 (SSE4.1), NEON, or plain C. */
#define LEVEL baseline

#include "../kernels/elementwise.c"
#include "../kernels/activation.c"
#include "../kernels/reduce.c"
#include "../kernels/rows.c"
#include "../kernels/matrix.c"
#include "../kernels/loss.c"
#include "../kernels/memory.c"
