"""Does a user's kernel cost what an inline one does?

Question   What does a call of an op cost when its kernel was written in Python and loaded from a library, beside the
           same op of the inline standard library?
Method     vector_add once from hologram-stdlib and once from a user's kernel of the same signature, each an op of a
           runtime of its own; one array, warm; and the other ways to call a user's kernel. Then a kernel as it is by
           default, memory-safe, beside itself without any check.
Take-away  The call path is the same, so is the price: 1.0x at n = 1, and at n = 1000 what the C compiler makes of
           the loop is within a tenth of the hand-written one. Checks that are proved cost one comparison a call.
"""

from collections.abc import Iterator

import numpy as np

import hologram_core as hg
from atlas_kernel import DeviceArray, f32, get_global_id, kernel, u32

from .measure import Contestant, Plan, Row, costs, race


@kernel
def vector_add(a: DeviceArray[f32], b: DeviceArray[f32], out: DeviceArray[f32], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = a[i] + b[i]


def squared(input: DeviceArray[f32], output: DeviceArray[f32], n: u32):
    idx = get_global_id()
    if idx < n:
        output[idx] = input[idx] ** 2.0


def run(plan: Plan) -> Iterator[Row]:
    inline, user = hg.Runtime(), hg.Runtime(disable=["hologram-stdlib"])
    vector_add.register(user)
    for n in (1, 1000):
        a, b, c = np.ones((3, n), np.float32)
        names = {"a": a, "b": b, "c": c}
        contestants = {
            "inline": Contestant("f(a, b, out=c)", {"f": inline.ops.vector_add, **names}, c),
            "user": Contestant("f(a, b, out=c)", {"f": user.ops.vector_add, **names}, c),
            "@kernel": Contestant("f(a, b, out=c)", {"f": vector_add, **names}, c),
            "with its size": Contestant("f(a, b, c, n)", {"f": vector_add, "n": n, **names}, c),
        }
        timings = race(plan, contestants, a + b)
        yield costs(f"a user's vector_add, n = {n}", timings, 1.10, "inline", ours="user")

    x = np.linspace(-2, 2, 3000, dtype=np.float32)
    out = np.empty_like(x)
    for n in (100, 3000):
        names = {"x": x[:n], "out": out[:n]}
        contestants = {
            "safe": Contestant("f(x, out)", {"f": kernel(squared), **names}, out[:n]),
            "unchecked": Contestant("f(x, out)", {"f": kernel(unchecked=True)(squared), **names}, out[:n]),
        }
        timings = race(plan, contestants, x[:n] * x[:n])
        yield costs(f"memory safety, n = {n}", timings, 1.03, "unchecked", ours="safe")
