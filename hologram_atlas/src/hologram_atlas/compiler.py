"""The compiler: kernels in Python or JSON become a native library, one stage after the other.

    parse -> infer -> extent -> interface -> prove -> render -> build -> load

In go source texts, files or ir.Kernel values; out come KernelHandles of hologram_dynamic. Every
stage takes a value and returns one that can be printed. Refused with CompileError.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hologram_core import Kernel, Signature
from hologram_core._native import ABI_VERSION
from hologram_core.settings import Settings
from hologram_dynamic.handle import KernelHandle
from hologram_dynamic.library import open_library
from hologram_dynamic.manifest import DIRECT, Description, Parameter

from . import interpret, ir
from .bounds import prove
from .cache import Cache, key_of
from .errors import CompileError
from .extent import find_extent
from .infer import infer
from .interface import find_interface
from .lowered import Lowered
from .parse import parse_source
from .render_c import render as render
from .schema import from_json
from .schema import to_json as to_json
from .toolchain import Compiler, find_compiler, headers


def read(path: str | Path) -> tuple[ir.Kernel, ...]:
    """Return the kernels of a .py or .json file, untyped. Raises CompileError."""
    path = Path(path)
    if path.suffix == ".c":
        raise CompileError("a kernel in C has no stages before C", file=str(path))
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CompileError(f"not UTF-8 text: {error.reason} at byte {error.start}", file=str(path)) from None
    if path.suffix == ".json":
        return from_json(text, file=str(path))
    return parse_source(text, str(path))


def lower(kernel: ir.Kernel, *, unchecked: bool = False) -> Lowered:
    """Return everything that rendering needs to know about a kernel. Raises CompileError.

    With `unchecked`, no index is checked: out of bounds is then undefined, and the manifest says so.
    """
    typed = infer(kernel)
    extent = find_extent(typed)
    interface = find_interface(typed, extent)
    certificate = prove(typed, extent, unchecked=unchecked)
    return Lowered(kernel, typed, extent, interface, certificate, unchecked)


def build(c: str, *, levels: Sequence[str] | None = None, compiler: Compiler | None = None) -> Path:
    """Return the library of a C text for some levels (None: this machine's best), from the cache if it is there."""
    levels = tuple(levels or Settings.from_environment().levels[-1:])
    compiler = compiler or find_compiler()
    key = key_of([c, str(ABI_VERSION), compiler.path, compiler.version, *compiler.flags(levels), *headers()])
    return Cache().build(key, lambda path: compiler.build(c, path, levels))


def compile_lowered(c: str, *, levels: Sequence[str] | None = None) -> list[KernelHandle]:
    """Build a C text and load it. Raises CompileError."""
    library = open_library(build(c, levels=levels))
    return [KernelHandle(kernel, library=library) for kernel in library.kernels]


def compile_kernels(
    kernels: Sequence[ir.Kernel],
    stem: str,
    *,
    file: str = "",
    levels: Sequence[str] | None = None,
    unchecked: bool = False,
) -> list[KernelHandle]:
    """Compile kernels into one library and load it. Raises CompileError."""
    lowered = [lower(kernel, unchecked=unchecked) for kernel in kernels]
    return compile_lowered(render(stem, lowered, file=file), levels=levels)


def compile_text(
    source: str, *, file: str = "<text>", levels: Sequence[str] | None = None, unchecked: bool = False
) -> list[KernelHandle]:
    """Compile the kernels of a source text and load them. Raises CompileError."""
    return compile_kernels(parse_source(source, file), "text", file=file, levels=levels, unchecked=unchecked)


def compile_file(
    path: str | Path, *, levels: Sequence[str] | None = None, unchecked: bool = False
) -> list[KernelHandle]:
    """Compile the kernels of a .py or .json file and load them. Raises CompileError."""
    path = Path(path)
    return compile_kernels(read(path), path.stem, file=path.name, levels=levels, unchecked=unchecked)


# ---- without a compiler --------------------------------------------------------------------------


def interpreter(lowered: Lowered, *, max_steps: int | None = None) -> KernelHandle:
    """Return a handle that runs a kernel in Python (interpret.py), called as the compiled one is.

    A call in which a work item takes more than `max_steps` turns of loops raises TimeoutError.
    """
    return KernelHandle(_Interpreted(lowered, max_steps).description())


class _Interpreted:
    """The rows of a kernel as Python functions."""

    def __init__(self, lowered: Lowered, max_steps: int | None) -> None:
        self.lowered = lowered
        self.max_steps = max_steps
        self.kernel = lowered.kernel
        self.interface = lowered.interface

    def description(self) -> Description:
        """What a library would say about the kernel."""
        interface = self.interface
        public = self._row(self.public, self.kernel.name, interface.signature)
        direct = self._row(self.direct, f"{self.kernel.name}{DIRECT}", interface.direct)
        needs_extent = self.lowered.extent.kind == "caller"
        params = tuple(map(self._parameter, self.kernel.params))
        return Description(
            self.kernel.name, params, (public,), direct, interface.dims, self.kernel.doc, needs_extent=needs_extent
        )

    def _row(self, function: Callable[..., object], name: str, signature: str) -> Kernel:
        return Kernel.from_python(function, op=name, signature=signature, dtype=self.interface.dtype)

    def _parameter(self, param: ir.Param) -> Parameter:
        sizes = self.interface.sizes.get(param.name, ())
        if not param.is_array:
            return Parameter(param.name, param.type, "scalar", places=sizes)
        return Parameter(param.name, param.type, self.interface.roles[param.name], param.shape)

    def public(self, *values: Any) -> None:
        """The public row: each batch item by itself, sizes from the arrays."""
        given = dict(zip(self.interface.public_order, values, strict=True))
        if self.interface.elementwise:
            self._run({name: _flat(value) for name, value in given.items()}, {})
            return
        signature = Signature.parse(self.interface.signature)
        core = {
            name: len(param.core)
            for name, param in zip(self.interface.public_order, signature.params, strict=True)
            if param.kind == "core"
        }
        batch = max((np.shape(given[name])[: np.ndim(given[name]) - count] for name, count in core.items()), key=len)
        for at in np.ndindex(*batch):
            items = {name: value[at] if np.ndim(value) > core.get(name, 99) else value for name, value in given.items()}
            dims = {
                str(dim): size
                for name, param in zip(self.interface.public_order, signature.params, strict=True)
                for dim, size in zip(param.core, np.shape(items[name]), strict=False)
            }
            self._run(items, dims)

    def direct(self, *values: Any) -> None:
        """The row that takes everything."""
        given = dict(zip(self.interface.direct_order, values, strict=True))
        self._run(given, {name: int(given[name]) for name in self.interface.dims})

    def _run(self, given: dict[str, Any], dims: dict[str, int]) -> None:
        for name, places in self.interface.sizes.items():
            array, axis = places[0]
            given.setdefault(name, given[array].size if axis is None else dims.get(name))
        free = {name: dims[name] for name in self.interface.dims}
        try:
            interpret.run(self.kernel, given, self._extent(given, free), dims=free, max_steps=self.max_steps)
        except interpret.TooManySteps:
            name = self.kernel.name
            raise TimeoutError(f"{name}(): a work item took more than {self.max_steps} turns of loops") from None

    def _extent(self, given: dict[str, Any], dims: dict[str, int]) -> int:
        asked = int(given.get("extent", -1))
        extent = self.lowered.extent
        if asked >= 0:
            return asked
        if extent.kind == "lengths":
            lengths = {given[array].size for array in extent.arrays}
            if len(lengths) > 1:
                raise ValueError(f"arrays {', '.join(extent.arrays)} have different lengths; pass extent=")
            return int(lengths.pop())
        if extent.expr is None:
            raise ValueError(
                f"argument 'extent': {asked}, expected a number of work items; no guard tells how many there are"
            )
        return int(interpret.evaluate(self.kernel, extent.expr, given, dims))


def _flat(value: Any) -> Any:
    return value.reshape(-1) if isinstance(value, np.ndarray) else value
