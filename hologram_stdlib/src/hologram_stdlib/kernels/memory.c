/* Moving values without changing them.
 *
 * Formula    none: bits are copied, NaN payloads included.
 * Aliasing   out may be exactly the memory of the input.
 */
#include "map.h"

ELEMENTWISE(copy, ARRAY, NONE, NONE, a)
ELEMENTWISE(fill, NUMBER, NONE, NONE, a)
