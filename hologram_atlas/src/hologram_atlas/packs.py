"""Packs: kernels built into one folder of libraries with an index, for a package or for a release.

In go sources, and libraries that are built already; out come a library for each, and the index that names
them, as KernelPack and the loader read it. Refused with CompileError or LibraryError: what does not compile or
load, and names that no kernel has. A folder is replaced as a whole or not at all; files that are not in its
index stay.
"""

from __future__ import annotations

import os
import shutil
import sysconfig
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from hologram_core import LibraryError
from hologram_dynamic import LoadedLibrary, open_library
from hologram_dynamic.index import FILE, Index, write_index
from hologram_dynamic.loader import SUFFIXES, find_libraries

from .build import BuildReport, Built, build_libraries, find_sources
from .errors import CompileError
from .toolchain import SUFFIX


def build_pack(
    sources: Iterable[str | os.PathLike[str]],
    folder: str | os.PathLike[str],
    *,
    kernels: Collection[str] | None = None,
    levels: Sequence[str] | None = None,
    unchecked: bool = False,
    progress: Callable[[Built], object] = lambda built: None,
) -> BuildReport:
    """Build sources into a folder of libraries with an index, for all levels or those given.

    Sources are files and folders of .py, .json and .c, or of built libraries. With `kernels`, only those are
    built; a library, or a C file, that has one of them is taken whole. The report has every source; if one has
    failed the folder is as it was. Raises as build_libraries() does, and LibraryError for a library that does
    not load.
    """
    texts, libraries = _sort_sources(sources)
    with tempfile.TemporaryDirectory(prefix="hologram-") as name:
        made = Path(name)
        report = build_libraries(
            texts, made / "versions", kernels=kernels, levels=levels, unchecked=unchecked, progress=progress
        )
        if report.errors:
            return BuildReport(tuple(map(_give_up, report.results)))
        results = [*report.results, *(Built(path, library=path, is_new=True) for path in libraries)]
        (made / "pack").mkdir()
        opened = _choose([_take(built, made / "pack") for built in results if built.library], kernels)
        write_index(made / "pack", opened)
        _replace(Path(folder), [library.path for library in opened], made / "pack" / FILE)
    taken = {library.path.stem for library in opened}
    return BuildReport(tuple(_place(built, Path(folder), taken) for built in results))


def _sort_sources(sources: Iterable[str | os.PathLike[str]]) -> tuple[list[Path], list[Path]]:
    """Files to compile, and libraries that are built already. Raises CompileError where two have one name."""
    texts: list[Path] = []
    libraries: list[Path] = []
    for source in map(Path, sources):
        if source.suffix in SUFFIXES and source.is_file():
            libraries.append(source)
        elif source.is_dir() and not find_sources([source]):
            libraries += find_libraries(source)[0]
        else:
            texts.append(source)
    found = find_sources(texts)
    stems = {file.stem: file for file in found}
    for library in libraries:
        other = stems.setdefault(library.stem, library)
        if other != library:
            raise CompileError(f"{other} has the same name", file=str(library), advice="rename one of them")
    return found, libraries


def _take(built: Built, pack: Path) -> LoadedLibrary:
    """Copy a library under its stable name, and open the copy."""
    assert built.library is not None
    copy = pack / f"{built.source.stem}{SUFFIX}"
    shutil.copyfile(built.library, copy)
    copy.chmod(0o755)
    try:
        return open_library(copy)
    except LibraryError as error:  # about a copy that will be gone
        raise LibraryError(str(error).replace(str(copy), str(built.source))) from error


def _choose(libraries: Sequence[LoadedLibrary], kernels: Collection[str] | None) -> list[LoadedLibrary]:
    """The libraries that have one of the kernels, or all. Raises LibraryError for a name that none has."""
    names = {kernel.name for library in libraries for kernel in library.kernels}
    if not names:
        raise LibraryError(
            "there are no kernels in any of the sources; name files or folders of .py, .json, .c or libraries"
        )
    missing = sorted(set(kernels or ()) - names)
    if missing:
        raise LibraryError(f"no kernel {', '.join(map(repr, missing))}; there are {', '.join(sorted(names))}")
    wanted = names if kernels is None else set(kernels)
    return [library for library in libraries if any(kernel.name in wanted for kernel in library.kernels)]


def _replace(folder: Path, libraries: Sequence[Path], index: Path) -> None:
    """Put libraries and their index into a folder, in place of what its index named before."""
    folder.mkdir(parents=True, exist_ok=True)
    old = _named(folder)
    for path in (*libraries, index):  # the index last
        shutil.move(path, folder / path.name)
    for name in old - {path.name for path in libraries}:
        (folder / name).unlink(missing_ok=True)


def _named(folder: Path) -> set[str]:
    """The libraries that the index of a folder names; a broken one names none."""
    try:
        return set(Index(folder).names)
    except LibraryError:
        return set()


def _give_up(built: Built) -> Built:
    """Say that a library was made in vain."""
    return built if built.library is None else replace(built, library=None, note="left out, since another failed")


def _place(built: Built, folder: Path, taken: Collection[str]) -> Built:
    """Say where a library is now, or that it was left out."""
    if built.library is None:
        return built
    if built.source.stem not in taken:
        return replace(built, library=None, note="it has none of the kernels")
    return replace(built, library=folder / f"{built.source.stem}{SUFFIX}")


def wheel_tag(platform: str = "") -> str:
    """The tag of a wheel with libraries for a platform, or this one: they need no Python of any version."""
    return f"py3-none-{(platform or sysconfig.get_platform()).replace('-', '_').replace('.', '_')}"
