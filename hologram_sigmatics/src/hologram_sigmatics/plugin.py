"""The provider of the fallback: every op of the catalogue for every dtype that it has a meaning for, at any n.

Asked for an op and a dtype it answers with a row of the native table, or with the reason why there is
none. It imports nothing of the language, since every process imports it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from hologram_core import Kernel, Refusal, hookimpl, read_library

from . import _primitives

_BLAS = sys.modules["numpy._core._multiarray_umath"].__file__ or ""  # NumPy's own module, which has brought its BLAS
_KERNELS = {
    (kernel.op, kernel.dtype): kernel
    for kernel in read_library(_primitives.library(_BLAS), owner=_primitives, tier="fallback")
}
_OPS = {op for op, _ in _KERNELS}

_FLOATS_ONLY = "floating point only; cast to f32 or f64"
_BOOL: dict[str, str] = {
    **dict.fromkeys(("vector_sub", "vector_neg"), "bools have no difference, as in NumPy; cast to i8"),
    **dict.fromkeys(("reduce_sum", "vector_dot"), "the sum of bools is a count; cast to i64"),
    "reduce_prod": "bools have no product; reduce_min says whether all are true",
    **dict.fromkeys(("vector_pow", "clip", "relu"), "numbers only; cast to i8"),
}


@hookimpl
def provide_kernel(name: str, dtype: str, n: int) -> Kernel | Refusal | None:
    """Return the row of an op and dtype, or why there is none."""
    kernel = _KERNELS.get((name, dtype))
    if kernel is not None:
        return kernel
    if name not in _OPS:
        return None
    return Refusal(_BOOL.get(name, _FLOATS_ONLY) if dtype == "bool" else _FLOATS_ONLY)


@hookimpl
def declare_kernels() -> Iterable[Kernel]:
    """All the rows."""
    return _KERNELS.values()


@hookimpl
def register_commands(cli: object) -> None:
    """Add `hologram circuit`."""
    from .commands import add_commands  # here, since few processes run the command

    add_commands(cli)
