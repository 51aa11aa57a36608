"""Kernels in Python for Hologram: parse, prove, compile, load. atlas_kernel has the names kernels are written with.

What is named here is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .bounds import Certificate
    from .build import BuildReport, build_libraries
    from .compiler import compile_file, compile_text, interpreter, lower, read
    from .errors import BuildError, CompileError, CompilerNotFound
    from .schema import from_json, to_json
    from .watch import WatchReport, watch_sources

__version__ = "0.1.0"

__all__ = [
    "BuildError",
    "BuildReport",
    "Certificate",
    "CompileError",
    "CompilerNotFound",
    "WatchReport",
    "build_libraries",
    "compile_file",
    "compile_text",
    "from_json",
    "interpreter",
    "lower",
    "read",
    "to_json",
    "watch_sources",
]

_MODULES = {
    "build": ("BuildReport", "build_libraries"),
    "bounds": ("Certificate",),
    "compiler": ("compile_file", "compile_text", "interpreter", "lower", "read"),
    "errors": ("BuildError", "CompileError", "CompilerNotFound"),
    "schema": ("from_json", "to_json"),
    "watch": ("WatchReport", "watch_sources"),
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
