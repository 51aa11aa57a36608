/* Any machine: x86-64-v2 (SSE4.2), NEON, or plain C. */
#define HOLOGRAM_LEVEL baseline

#include "../families/elementwise.c"
#include "../families/activation.c"
#include "../families/memory.c"
#include "../families/reduce.c"
#include "../families/rows.c"
#include "../families/matrix.c"
#include "../families/drive.c"
