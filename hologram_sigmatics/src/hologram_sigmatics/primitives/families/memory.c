/* Moving values without changing them, by the size of an element.
 *
 * Formula    none: bits are copied, NaN payloads included.
 * Aliasing   out may be exactly the memory of the input.
 */
#include "map.h"

#define COPY_MAP(d, T)                                                                             \
    void BODY(copy, d)(void *const *args, int64_t begin, int64_t end) {                            \
        if (args[0] != args[1])                                                                    \
            memcpy((T *)args[1] + begin, (const T *)args[0] + begin,                               \
                   (size_t)(end - begin) * sizeof(T));                                             \
    }

COPY_MAP(u8, uint8_t)
COPY_MAP(u16, uint16_t)
COPY_MAP(u32, uint32_t)
COPY_MAP(u64, uint64_t)

MAP(fill, u8, uint8_t, S, a)
MAP(fill, u16, uint16_t, S, a)
MAP(fill, u32, uint32_t, S, a)
MAP(fill, u64, uint64_t, S, a)
