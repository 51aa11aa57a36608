"""The C function for each function of the language, in each compute type, and the header that has it."""

from __future__ import annotations

import re

_VMATH = frozenset("exp exp2 expm1 log log2 log1p sin cos tanh sigmoid erf pow".split())
_OURS = frozenset("relu rsqrt min max fmin fmax".split())
_BUILTIN = {"round": "rint", "abs": "fabs"}


def function(name: str, kind: str) -> str:
    """The C function of a function of the language that computes in a compute type."""
    if name in ("isnan", "isinf"):
        return f"__builtin_{name}"
    if kind in ("i64", "u64") or name in _OURS:
        return f"{name}_{kind}"
    if name in _VMATH:
        return f"vmath_{name}_{kind}"
    return f"__builtin_{_BUILTIN.get(name, name)}{'f' if kind == 'f32' else ''}"


def header(text: str) -> str:
    """The directive that includes what a text calls of the vectorising functions, or ""."""
    kinds = set(re.findall(r"\bvmath_\w+_(f32|f64)\(", text))
    return f'#include "hologram/vmath{"64" if "f64" in kinds else ""}.h"\n' if kinds else ""
