"""Libraries for the loader: tests/support/loadable.c with the manifest that hologram-atlas would give it."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import hologram_core as hg

SOURCE = Path(__file__).with_name("loadable.c")
SUFFIX = ".so"


def scalar(name: str, type: str = "f32", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": type, "kind": "scalar", **more}


def size(name: str, *places: list[object], type: str = "u32") -> dict[str, Any]:
    return scalar(name, type, **{"from": list(places)})


def array(name: str, role: str = "in", shape: tuple[object, ...] = (), type: str = "f32") -> dict[str, Any]:
    return {"name": name, "type": type, "kind": "array", "role": role, "shape": list(shape)}


def entry(name: str, *params: dict[str, Any], **more: Any) -> dict[str, Any]:
    """One kernel of a manifest."""
    doc = f"{name}, for tests.\n\nMore about it."
    return {
        "name": name, "row": name, "direct": f"{name}!direct", "line": 3, "doc": doc, "params": list(params),
        "dims": [], "extent": "n", "certificate": [], "ir": {}, **more,
    }  # fmt: skip


def custom(op: str = "custom_operation") -> dict[str, Any]:
    return entry(op, array("input"), array("output", "out"), size("n", ["input", None], ["output", None]))


SAXPY = entry(
    "saxpy", scalar("alpha"), array("x"), array("y"), array("out", "out"),
    size("n", ["x", None], ["y", None], ["out", None]),
)  # fmt: skip
ACCUMULATE = entry("accumulate", array("acc", "inout"), array("x"), size("n", ["acc", None], ["x", None], type="usize"))
MATMUL = entry(
    "matmul", array("A", shape=("m", "k")), array("B", shape=("k", "n")), array("C", "out", ("m", "n")),
    size("m", ["A", 0], ["C", 0]), size("k", ["A", 1], ["B", 0]), size("n", ["B", 1], ["C", 1]),
)  # fmt: skip
ROW_SUMS = entry(
    "row_sums", array("x", shape=("rows", "columns")), array("sums", "out", ("rows",)), dims=["rows", "columns"]
)
FILL = entry("fill_all", array("out", "out"), scalar("value"), size("n", ["out", None]))
IDS = entry("ids", array("out", "out"))
ALL = (custom(), SAXPY, ACCUMULATE, MATMUL, ROW_SUMS, FILL, IDS)


def manifest(stem: str = "custom_op", *kernels: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A whole manifest."""
    return {
        "version": 1, "stem": stem, "file": f"{stem}.py", "levels": ["baseline"], "flags": "-O1", "compiler": "cc",
        "unchecked": False, "kernels": list(kernels or [custom()]), **more,
    }  # fmt: skip


def compile_c(source: Path, path: Path, *flags: str) -> Path:
    """Compile C to a library that only this user can write."""
    compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    command = [*compiler.split(), "-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unused", "-shared", "-fPIC"]
    subprocess.run([*command, *flags, f"-I{hg.get_include()}", str(source), "-o", str(path)], check=True)
    path.chmod(0o755)
    return path


def build(
    path: Path, about: dict[str, Any] | str | None = None, *, value: int = 0, op: str = "", flags: tuple[str, ...] = ()
) -> Path:
    """Build loadable.c; `about` is its manifest, `value` is what custom_operation adds."""
    flags = (*flags, f"-DLIBRARY_VALUE={value}")
    if about is not None:
        text = about if isinstance(about, str) else json.dumps(about)
        flags = (*flags, f"-DMANIFEST={json.dumps(text)}")
    if op:
        flags = (*flags, f'-DOP="{op}"')
    return compile_c(SOURCE, path, *flags)


def build_all(path: Path) -> Path:
    """Build loadable.c with all its kernels; doze is in no manifest."""
    return build(path, manifest("many", *ALL), flags=("-DALL_KERNELS",))
