"""Binding: an offer becomes a native object that calls its kernel and nothing else.

In go what the op is and the offer that serves it; out comes a BoundKernel, whose arguments the
call path checks. Nothing is refused here: ranking has judged the offer.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from . import dtypes
from ._native import BoundKernel, Op
from .catalogue import OpSpec
from .ranking import Offer

#: (op or kernel, arguments, those by name) -> what the call returns
OnSlow: TypeAlias = Callable[[Any, tuple[object, ...], dict[str, object]], object]


def call_slow(spec: OpSpec, target: Op | BoundKernel, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
    """Call target with arguments that the call path does not take; see coerce.call_slow."""
    from .coerce import call_slow  # here, since many a process never leaves the call path

    return call_slow(spec, target, args, kwargs)


def bind(
    spec: OpSpec, offer: Offer, threads: int, *, single: bool = False, on_slow: OnSlow | None = None
) -> BoundKernel:
    """Return the kernel of an offer, to be called as the op of spec on at most so many threads.

    `single` is Signature.layout's; `on_slow` takes the place of call_slow.
    """
    kernel = offer.kernel
    return BoundKernel(
        offer=offer,
        layout=spec.signature.layout(spec.dtype, single=single),
        dtype=dtypes.index(kernel.dtype),
        min_n=kernel.min_n,
        max_n=kernel.max_n,
        entry=offer.entry,
        extent=kernel.extent,
        context=kernel.context,
        work=kernel.work,
        splittable=kernel.splittable,
        may_alias=kernel.may_alias,
        threads=threads,
        function=kernel.function,
        on_slow=on_slow or partial(call_slow, spec),
    )
