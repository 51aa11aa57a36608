"""The native kernels of kernels.c, and providers that answer with given kernels."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sysconfig
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import hologram_core as hg

SOURCE = Path(__file__).with_name("kernels.c")
OP_NAMES = {
    "test.sum_and_difference": "a b",
    "test.min_and_max": "x",
    "test.accumulate": "total x",
    "test.add_to_row": "row x",
    "test.count_positive": "x",
    "test.repeat": "x",
    "test.cross": "a b",
    "test.fail": "x",
    "test.spread": "x grain depth slow",
    "test.row_sums": "x",
    "test.sleep": "x",
    "test.context": "a b",
}


def build(folder: Path) -> ctypes.CDLL:
    """Compile kernels.c with the system compiler and load it."""
    path = folder / "kernels.so"
    compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    command = [*compiler.split(), "-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run([*command, f"-I{hg.get_include()}", str(SOURCE), "-o", str(path), "-lm"], check=True)
    library = ctypes.CDLL(str(path))
    library.hologram_library_v1.restype = ctypes.c_void_p
    return library


class Provider:
    """Answers with the first of its kernels that serves a request."""

    def __init__(self, kernels: Iterable[hg.Kernel]) -> None:
        self.kernels = list(kernels)

    @hg.hookimpl
    def provide_kernel(self, name: str, dtype: str, n: int) -> hg.Kernel | hg.Refusal | None:
        mine = [kernel for kernel in self.kernels if (kernel.op, kernel.dtype) == (name, dtype)]
        if not mine:
            return None
        return next((kernel for kernel in mine if kernel.serves(n)), hg.Refusal(f"no kernel for n={n}"))


class DeclaringProvider(Provider):
    """Says beforehand which kernels and ops it has."""

    @hg.hookimpl
    def declare_kernels(self) -> Iterable[hg.Kernel]:
        return self.kernels

    @hg.hookimpl
    def declare_ops(self) -> Iterable[hg.OpSpec]:
        signatures = {kernel.op: str(kernel.signature) for kernel in self.kernels if kernel.op in OP_NAMES}
        return [hg.OpSpec.make(op, text, OP_NAMES[op], "For tests.") for op, text in signatures.items()]


class Library:
    """The kernels of kernels.c by op and dtype."""

    def __init__(self, folder: Path) -> None:
        self.handle = build(folder)
        self.kernels = hg.read_library(self.handle.hologram_library_v1(), self.handle)

    def kernel(self, op: str, dtype: str = "f32", /, **changes: Any) -> hg.Kernel:
        """One kernel, with some of its fields changed."""
        (found,) = [kernel for kernel in self.kernels if (kernel.op, kernel.dtype) == (op, dtype)]
        return replace(found, **changes)

    def adder(self, value: int, *, op: str = "vector_add", **changes: Any) -> hg.Kernel:
        """A kernel that adds `value` to the sum, so that results tell which kernel made them."""
        return self.kernel("test.context", op=op, context=value, **changes)

    def runtime(self, **settings: Any) -> hg.Runtime:
        """A runtime with these kernels alone."""
        return runtime_of(support=DeclaringProvider(self.kernels), **settings)


def runtime_of(**providers_and_settings: Any) -> hg.Runtime:
    """A runtime without installed providers, and with the given ones; the rest are settings."""
    plugins = {name: item for name, item in providers_and_settings.items() if hasattr(item, "provide_kernel")}
    settings = {name: item for name, item in providers_and_settings.items() if name not in plugins}
    runtime = hg.Runtime(**{"providers": [], **settings})
    for name, plugin in plugins.items():
        runtime.register(plugin, name)
    return runtime


def python_kernel(function: Callable[..., object], op: str, signature: str, dtype: str, **fields: Any) -> hg.Kernel:
    """Kernel.from_python with positional arguments."""
    return hg.Kernel.from_python(function, op=op, signature=signature, dtype=dtype, **fields)
