"""Sigmatics for Hologram: phrases are parsed, evaluated, brought to a normal form, and run on arrays.

Every process that has this package imports it with its first op, and few of them read a phrase; so what
is named here is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .canonical import Canonical, canonicalize, equivalent
    from .circuit import Circuit, compile_circuit
    from .classes import ClassInfo, belt_address, class_info
    from .errors import SigmaticsError, TraceError
    from .evaluate import Bytes, Words, evaluate_bytes, evaluate_words
    from .fuse import Fused, fuse
    from .nodes import Phrase
    from .parser import parse

__version__ = "0.1.0"

__all__ = [
    "Bytes",
    "Canonical",
    "Circuit",
    "ClassInfo",
    "Fused",
    "Phrase",
    "SigmaticsError",
    "TraceError",
    "Words",
    "belt_address",
    "canonicalize",
    "class_info",
    "compile_circuit",
    "equivalent",
    "evaluate_bytes",
    "evaluate_words",
    "fuse",
    "parse",
]

_MODULES = {
    "canonical": ("Canonical", "canonicalize", "equivalent"),
    "circuit": ("Circuit", "compile_circuit"),
    "classes": ("ClassInfo", "belt_address", "class_info"),
    "errors": ("SigmaticsError", "TraceError"),
    "evaluate": ("Bytes", "Words", "evaluate_bytes", "evaluate_words"),
    "fuse": ("Fused", "fuse"),
    "nodes": ("Phrase",),
    "parser": ("parse",),
}


def __getattr__(name: str) -> object:
    for module, names in _MODULES.items():
        if name in names:
            value: object = getattr(import_module(f"{__name__}.{module}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
