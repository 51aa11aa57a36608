"""The provider of the inline kernels: f32, n <= 3072; refuses every other dtype and size with the reason."""

from __future__ import annotations

from collections.abc import Iterable

from hologram_core import Kernel, Refusal, hookimpl, read_library

from . import _kernels

_KERNELS = {kernel.op: kernel for kernel in read_library(_kernels.library(), owner=_kernels, tier="inline")}


@hookimpl
def provide_kernel(name: str, dtype: str, n: int) -> Kernel | Refusal | None:
    """Return the row of an op, or why it does not serve this dtype or n."""
    kernel = _KERNELS.get(name)
    if kernel is None:
        return None
    if dtype != kernel.dtype:
        return Refusal(f"{kernel.dtype} only")
    if not kernel.serves(n):
        return Refusal(f"n <= {kernel.max_n} only: larger arrays are not worth inlining")
    return kernel


@hookimpl
def declare_kernels() -> Iterable[Kernel]:
    """All the rows."""
    return _KERNELS.values()
