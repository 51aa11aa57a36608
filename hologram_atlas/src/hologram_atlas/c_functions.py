"""The C function for each function of the language, in each compute type."""

from __future__ import annotations

LANGUAGE = '"hologram/language.h"'
VMATH = '"hologram/vmath.h"'

_VMATH = frozenset("exp exp2 expm1 log log2 log1p sin cos tanh sigmoid erf pow".split())
_OURS = frozenset("relu rsqrt min max fmin fmax".split())
_BUILTIN = {"round": "rint", "abs": "fabs"}


def function(name: str, kind: str) -> str:
    """The C function of a function of the language that computes in a compute type."""
    if name in ("isnan", "isinf"):
        return f"__builtin_{name}"
    if kind in ("i64", "u64") or name in _OURS:
        return f"{name}_{kind}"
    if kind == "f32" and name in _VMATH:
        return f"vmath_{name}_f32"
    if name == "sigmoid":
        return "sigmoid_f64"
    return f"__builtin_{_BUILTIN.get(name, name)}{'f' if kind == 'f32' else ''}"
