"""The manifest of a library: what its kernels are called with, and what they were made from.

In go lowered kernels; out comes the plain data that a library carries as JSON and that
hologram_dynamic reads (docs/loader.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hologram_dynamic.manifest import hash_of_source

from . import ir
from .lowered import Lowered
from .schema import kernel_to_json
from .toolchain import FLAGS

VERSION = 1


def manifest(stem: str, kernels: Sequence[Lowered], *, file: str) -> dict[str, Any]:
    """Return the manifest of a library."""
    data = {
        "version": VERSION,
        "stem": stem,
        "file": file,
        "flags": " ".join(FLAGS),
        "unchecked": any(lowered.unchecked for lowered in kernels),
        "kernels": [_entry(lowered) for lowered in kernels],
    }
    return {**data, "hash": hash_of_source(data)}


def _entry(lowered: Lowered) -> dict[str, Any]:
    kernel, interface = lowered.kernel, lowered.interface
    return {
        "name": kernel.name,
        "row": kernel.name,
        "direct": f"{kernel.name}!direct",
        "line": kernel.span.line if kernel.span else 0,
        "doc": kernel.doc,
        "params": [_param(param, lowered) for param in kernel.params],
        "dims": list(interface.dims),
        "extent": lowered.extent_text,
        "certificate": lowered.certificate.to_dict(),
        "ir": kernel_to_json(lowered.source),
    }


def _param(param: ir.Param, lowered: Lowered) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": param.name, "type": param.type}
    if param.is_array:
        return {**entry, "kind": "array", "role": lowered.interface.roles[param.name], "shape": list(param.shape)}
    sizes = lowered.interface.sizes.get(param.name)
    return {**entry, "kind": "scalar", **({"from": [list(place) for place in sizes]} if sizes else {})}
