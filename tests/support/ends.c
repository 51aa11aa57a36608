/* A library that ends whoever opens it. */
#include "hologram/kernel.h"

#include <stdlib.h>

__attribute__((constructor)) static void end(void) { abort(); }

const hologram_library *hologram_library_v1(void) { return NULL; }
