"""Inspection: what a library says about itself and its kernels, as plain data and in words.

In goes an opened library; out comes what it was built from and with, and of each kernel how it is called, for
what, at which levels, and which of its accesses were proved to be inside their arrays. Nothing is refused.
"""

from __future__ import annotations

from typing import Any

from hologram_core import Kernel
from hologram_core.kernel import MAX_N

from .binding import usage
from .library import LoadedLibrary
from .manifest import Description


def inspect_library(library: LoadedLibrary) -> dict[str, Any]:
    """Return what there is to know about a library, as plain data."""
    manifest = library.manifest
    return {
        "path": str(library.path),
        "sha256": library.hash,
        "producer": library.table.producer,
        "source": manifest.file,
        "source_hash": library.table.source_hash,
        "flags": manifest.flags,
        "unchecked": manifest.unchecked,
        "kernels": [_inspect_kernel(kernel) for kernel in library.kernels],
    }


def _inspect_kernel(kernel: Description) -> dict[str, Any]:
    return {
        "name": kernel.name,
        "usage": usage(kernel),
        "doc": kernel.doc,
        "line": kernel.line,
        "extent": kernel.extent,
        "rows": [_inspect_row(row) for row in kernel.rows],
        "certificate": kernel.raw.get("certificate"),
    }


def _inspect_row(row: Kernel) -> dict[str, Any]:
    return {
        "op": row.op,
        "signature": str(row.signature),
        "dtype": row.dtype,
        "levels": [level for level, _ in row.variants],
        "min_n": row.min_n,
        "max_n": row.max_n,
        "splittable": row.splittable,
        "may_alias": row.may_alias,
    }


def describe_library(facts: dict[str, Any]) -> str:
    """Return in words what inspect_library() has found."""
    lines = [facts["path"], f"  sha256    {facts['sha256']}", f"  producer  {facts['producer']}"]
    lines += [f"  {key:<8}  {facts[key]}" for key in ("source", "flags") if facts[key]]
    if facts["unchecked"]:
        lines.append("  unchecked: an index out of bounds is undefined in these kernels")
    for kernel in facts["kernels"]:
        lines += ["", *_describe_kernel(kernel, unchecked=facts["unchecked"])]
    return "\n".join(lines)


def _describe_kernel(kernel: dict[str, Any], *, unchecked: bool) -> list[str]:
    lines = [f"  {kernel['usage']}", *([f"    {kernel['doc'].strip().partition(chr(10))[0]}"] if kernel["doc"] else [])]
    lines += [f"    {_describe_row(row)}" for row in kernel["rows"]]
    if kernel["extent"]:
        lines.append(f"    work items: {kernel['extent']}")
    certificate = kernel["certificate"]
    if not isinstance(certificate, dict):
        return [*lines, "    accesses: not known, it was not written in the kernel language"]
    if unchecked:
        return [*lines, "    accesses: none checked"]
    lines.append(f"    accesses: {certificate.get('proved')} proved, {certificate.get('checked')} checked")
    lines += [f"      {access}" for access in certificate.get("accesses", [])]
    return lines


def _describe_row(row: dict[str, Any]) -> str:
    high = "any n" if row["max_n"] == MAX_N else f"n <= {row['max_n']}"
    served = high if row["min_n"] == 0 else f"n >= {row['min_n']}, {high}"
    promises = [text for key, text in (("splittable", "splittable"), ("may_alias", "in place")) if row[key]]
    return ", ".join([f"{row['op']}: {row['signature']} for {row['dtype']}", served, *row["levels"], *promises])
