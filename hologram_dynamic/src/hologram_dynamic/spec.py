"""Kernels of libraries as ops: a Description becomes an OpSpec with the author's parameter names."""

from __future__ import annotations

import keyword
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hologram_core import OpSpec

if TYPE_CHECKING:
    from .manifest import Description

PROVIDER = "hologram-dynamic"  #: the provider's name


def parameter_names(names: Sequence[str]) -> tuple[str, ...]:
    """Names for the parameters of an OpSpec: what Python or `out=` needs for itself gets an underscore."""
    taken: list[str] = []
    for name in names:
        fit = name if name.isidentifier() else f"arg{len(taken)}"
        while fit == "out" or keyword.iskeyword(fit) or fit in taken:
            fit += "_"
        taken.append(fit)
    return tuple(taken)


def public_spec(kernel: Description) -> OpSpec:
    """What the public rows of a kernel are as an op: their signature with the author's names."""
    names = [*(param.name for param in kernel.inputs), *(["extent"] if kernel.needs_extent else [])]
    return OpSpec(kernel.op, kernel.rows[0].signature, parameter_names(names), first_line(kernel.doc))


def first_line(doc: str) -> str:
    """What a documentation says in short."""
    return doc.strip().partition("\n")[0]
