"""The functions of the language: what they are called, how many arguments they take, what they compute in."""

from __future__ import annotations

from typing import NamedTuple


class Function(NamedTuple):
    """One function: its arity (None: two or more) and whether integers stay integers."""

    arity: int | None
    keeps_integers: bool = False


FUNCTIONS: dict[str, Function] = {
    **dict.fromkeys("sqrt rsqrt exp exp2 log log2 log1p expm1 sin cos tan asin acos atan".split(), Function(1)),
    **dict.fromkeys("sinh cosh tanh erf sigmoid isnan isinf".split(), Function(1)),
    **dict.fromkeys("abs round floor ceil relu".split(), Function(1, keeps_integers=True)),
    "atan2": Function(2),
    "pow": Function(2, keeps_integers=True),
    **dict.fromkeys(("min", "max"), Function(None, keeps_integers=True)),
    **dict.fromkeys(("fmin", "fmax"), Function(2)),
    "fma": Function(3),
}
PREDICATES = frozenset({"isnan", "isinf"})  #: whose result is bool

_IN_C = "sqrt exp exp2 log log2 log1p expm1 sin cos tan asin acos atan atan2 sinh cosh tanh erf pow fma".split()
_IN_C += "fmin fmax floor ceil".split()
#: C's names: what they are here, and whether they compute in f32
C_NAMES: dict[str, tuple[str, bool]] = {
    **{name + "f": (name, True) for name in (*_IN_C, "rsqrt")},
    "fabsf": ("abs", True),
    "fabs": ("abs", False),
}

ATOMICS = frozenset({"atomic_add", "atomic_min", "atomic_max"})
#: forms that add to element 0: the type that the array must have
ATOMICS_AT_0: dict[str, str] = {"atomic_add_f32": "f32", "atomic_add_u32": "u32", "atomic_add_i32": "i32"}
PARALLEL = frozenset({"parallel_map_unary", "parallel_map_binary", "parallel_reduce"})
