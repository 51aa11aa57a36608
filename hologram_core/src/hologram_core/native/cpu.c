/* CPU features: the instruction-set levels that this machine runs, lowest first.
 *
 * The level names are those of hologram/kernel.h. On x86-64, "baseline" is x86-64-v2 (SSE4.2),
 * "avx2" is x86-64-v3 (with FMA), "avx512" is x86-64-v4. Elsewhere "baseline" is all there is.
 */
#include "native.h"

#if defined(__x86_64__) && defined(__GNUC__)
static int level_count(void) {
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("sse4.2") || !__builtin_cpu_supports("popcnt"))
        return 0;
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
        !__builtin_cpu_supports("bmi") || !__builtin_cpu_supports("bmi2"))
        return 1;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512cd") || !__builtin_cpu_supports("avx512dq") ||
        !__builtin_cpu_supports("avx512vl"))
        return 2;
    return 3;
}
#else
static int level_count(void) { return 1; }
#endif

PyObject *hologram_cpu_levels(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(unused)) {
    static const char *const names[] = {"baseline", "avx2", "avx512"};
    int count = level_count();
    PyObject *levels = PyTuple_New(count);
    if (levels == NULL)
        return NULL;
    for (int i = 0; i < count; i++) {
        PyObject *name = PyUnicode_InternFromString(names[i]);
        if (name == NULL) {
            Py_DECREF(levels);
            return NULL;
        }
        PyTuple_SET_ITEM(levels, i, name);
    }
    return levels;
}
