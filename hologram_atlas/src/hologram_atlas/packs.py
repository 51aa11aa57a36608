"""Packs: the kernels of a package, built into the folder that KernelPack reads.

In go the sources of a package; out come a library for each, for all levels, and their index. Refused
with CompileError or LibraryError: what does not compile or load. A pack is replaced as a whole or not at all.
"""

from __future__ import annotations

import os
import shutil
import sysconfig
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from hologram_dynamic import open_library
from hologram_dynamic.index import write_index

from .build import BuildReport, Built, build_libraries
from .toolchain import SUFFIX


def build_pack(
    sources: Iterable[str | os.PathLike[str]],
    folder: str | os.PathLike[str],
    *,
    levels: Sequence[str] | None = None,
    unchecked: bool = False,
    progress: Callable[[Built], object] = lambda built: None,
) -> BuildReport:
    """Build sources into a folder of libraries with an index, for all levels or those given.

    The report has every source; if one has failed the folder is as it was. Raises as build_libraries()
    does, and LibraryError for a C file whose library does not load.
    """
    target = Path(folder)
    with tempfile.TemporaryDirectory(prefix="hologram-") as name:
        made = Path(name)
        report = build_libraries(sources, made / "versions", levels=levels, unchecked=unchecked, progress=progress)
        if report.errors:
            return report
        pack = made / "pack"
        pack.mkdir()
        write_index(pack, [open_library(_take(built, pack)) for built in report.results if built.library])
        target.mkdir(parents=True, exist_ok=True)
        for old in target.glob(f"*{SUFFIX}"):
            old.unlink()
        for file in sorted(pack.iterdir(), key=lambda file: file.suffix == ".json"):  # the index last
            shutil.move(file, target / file.name)
    return BuildReport(
        tuple(
            replace(built, library=target / f"{built.source.stem}{SUFFIX}") if built.library else built
            for built in report.results
        )
    )


def _take(built: Built, pack: Path) -> Path:
    """Copy a library under its stable name."""
    assert built.library is not None
    copy = pack / f"{built.source.stem}{SUFFIX}"
    shutil.copyfile(built.library, copy)
    copy.chmod(0o755)
    return copy


def wheel_tag() -> str:
    """The tag of a wheel with libraries for this machine: they need no Python of any version."""
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    return f"py3-none-{platform}"
