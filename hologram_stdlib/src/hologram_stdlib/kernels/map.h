/* Element-wise kernels: out[i] = f(a[i], b[i], c[i]) for the work items begin <= i < end.
 *
 * Every vector is loaded before it is stored, so `out` may be exactly the same memory as an input,
 * and no runtime test of that is needed. A long loop stores whole cache lines: a first vector, from
 * which it starts as far on as puts the others in place, is kept back until the loop has read all.
 */
#ifndef HOLOGRAM_STDLIB_MAP_H
#define HOLOGRAM_STDLIB_MAP_H

#include "../targets.h"

enum operand { NONE, NUMBER, ARRAY };

typedef vf lanes_fn(vf a, vf b, vf c);

/* Elements from which whole lines pay for the first vector, of which a part is computed twice. */
#define ALIGN_FROM (32 * LANES)

/* `a`, `b`, `c` say what the inputs are; they and `f` are constants where this is inlined. */
INLINE int32_t map(const hologram_call *call, enum operand a, enum operand b, enum operand c,
                   lanes_fn *f) {
    const float *as = call->args[0];
    const float *bs = b == NONE ? NULL : call->args[1];
    const float *cs = c == NONE ? NULL : call->args[2];
    float *out = call->args[(a != NONE) + (b != NONE) + (c != NONE)];
    int64_t i = call->begin, end = call->end;
    vf va = {0}, vb = {0}, vc = {0};
    if (a == NUMBER)
        va = v_all(*as);
    if (b == NUMBER)
        vb = v_all(*bs);
    if (c == NUMBER)
        vc = v_all(*cs);
#define AT(operand, vector) (operand == ARRAY ? v_load(operand##s + i) : vector)
    const bool align = LANES >= 8 && end - i >= ALIGN_FROM;
    float *const start = out + i;
    vf first = {0};
    if (align) {
        first = f(AT(a, va), AT(b, vb), AT(c, vc));
        i += LANES - (int64_t)((uintptr_t)start / sizeof *start % LANES);
    }
    for (; i <= end - LANES; i += LANES)
        v_store(out + i, f(AT(a, va), AT(b, vb), AT(c, vc)));
#undef AT
    if (i < end) {
        const vf rest = {0};
        if (a == ARRAY)
            va = v_load_part(as + i, end - i, rest);
        if (b == ARRAY)
            vb = v_load_part(bs + i, end - i, rest);
        if (c == ARRAY)
            vc = v_load_part(cs + i, end - i, rest);
        v_store_part(out + i, f(va, vb, vc), end - i);
    }
    if (align)
        v_store(start, first);
    return HOLOGRAM_OK;
}

/* Defines the kernel of an op, and v_<op>, from an expression of the floats a, b and c. */
#define ELEMENTWISE(op, a_is, b_is, c_is, expression)                                              \
    LANEWISE(op, expression)                                                                       \
    int32_t SYMBOL(op)(const hologram_call *call) { return map(call, a_is, b_is, c_is, v_##op); }

#endif
