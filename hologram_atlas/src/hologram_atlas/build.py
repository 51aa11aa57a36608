"""Building: source files and folders become libraries in a folder.

In go .py, .json and .c files and folders of them; out come `<stem>-<hash>.so` and a stable `<stem>.so` for
each, and a report. What is there already is not made again, what fails leaves everything else and its
own old library alone. Refused with CompileError: sources that are not there, two with one name.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from .compiler import build, lower, read, render
from .errors import BuildError, CompileError
from .toolchain import LEVELS, SUFFIX, Compiler, find_compiler

SOURCES = (".py", ".json", ".c")
HASH = 12  #: digits of the hash in a name


@dataclass(frozen=True)
class Built:
    """One source and what came of it."""

    source: Path
    kernels: tuple[str, ...] = ()  #: the names in it
    library: Path | None = None  #: <stem>-<hash>.so, beside which there is <stem>.so
    is_new: bool = False  #: whether it was made now
    error: CompileError | None = None
    note: str = ""  #: why nothing was made


@dataclass(frozen=True)
class BuildReport:
    """What a build has done, by source."""

    results: tuple[Built, ...]

    @property
    def errors(self) -> tuple[CompileError, ...]:
        """What failed."""
        return tuple(built.error for built in self.results if built.error is not None)

    @property
    def libraries(self) -> tuple[Path, ...]:
        """The libraries that are there now, in order of the sources."""
        return tuple(built.library for built in self.results if built.library is not None)


def build_libraries(
    sources: Iterable[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    kernels: Collection[str] | None = None,
    levels: Sequence[str] | None = None,
    unchecked: bool = False,
    jobs: int | None = None,
    progress: Callable[[Built], object] = lambda built: None,
) -> BuildReport:
    """Build sources, files or folders, into a folder, for all levels of this machine's architecture or those given.

    With `kernels`, only those of a file are compiled; a .c file is always whole. `progress` is called after
    each source. Raises CompileError for a source that is not there, two of one name, an unknown level, and a
    folder that cannot be made; CompilerNotFound.
    """
    wanted = tuple(levels or LEVELS)
    unknown = [level for level in wanted if level not in LEVELS]
    if unknown:
        raise CompileError(f"unknown level {unknown[0]!r}", advice=f"there are {', '.join(LEVELS)}")
    files = find_sources(sources)
    compiler = find_compiler()
    folder = Path(output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CompileError(f"no folder can be made here: {error.strerror}", file=str(folder)) from None

    def one(source: Path) -> Built:
        built = _build_one(source, folder, wanted, compiler, kernels, unchecked=unchecked)
        progress(built)
        return built

    with ThreadPoolExecutor(jobs or os.cpu_count() or 1) as pool:
        return BuildReport(tuple(pool.map(one, files)))


def find_sources(sources: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Return the source files among files and folders, by name; those that begin with _ or . are left out of folders.

    Raises CompileError where there is nothing, or two have one stem.
    """
    files: list[Path] = []
    for source in map(Path, sources):
        if source.is_dir():
            found = sorted(path for path in source.iterdir() if path.suffix in SOURCES and path.is_file())
            files += [path for path in found if not path.name.startswith(("_", "."))]
        elif source.is_file():
            files.append(source)
        else:
            raise CompileError("there is no such file or folder", file=str(source))
    stems: dict[str, Path] = {}
    for file in files:
        if file.stem in stems:
            raise CompileError(f"{stems[file.stem]} has the same name", file=str(file), advice="rename one of them")
        stems[file.stem] = file
    return files


def _build_one(
    source: Path,
    folder: Path,
    levels: Sequence[str],
    compiler: Compiler,
    only: Collection[str] | None,
    *,
    unchecked: bool,
) -> Built:
    try:
        text, names = c_text(source, only=only, unchecked=unchecked)
        if not text:
            return Built(source, note="it has no kernels" if only is None else "it has none of the kernels")
        made = build(text, levels=levels, compiler=compiler)
        return _install(Built(source, names), made, folder)
    except BuildError as error:
        return Built(source, error=error.naming(source) if source.suffix == ".c" else error)
    except CompileError as error:
        return Built(source, error=error)


def c_text(
    source: Path, *, only: Collection[str] | None = None, unchecked: bool = False
) -> tuple[str, tuple[str, ...]]:
    """Return the C text of the kernels of a source file, or only some ("" if there is none), and their names.

    A .c file is its own text, and its kernels have names when it is loaded. Raises CompileError.
    """
    if source.suffix == ".c":
        return source.read_text(encoding="utf-8"), ()
    kernels = [kernel for kernel in read(source) if only is None or kernel.name in only]
    if not kernels:
        return "", ()
    lowered = [lower(kernel, unchecked=unchecked) for kernel in kernels]
    return render(source.stem, lowered, file=source.name), tuple(kernel.name for kernel in kernels)


def _install(built: Built, made: Path, folder: Path) -> Built:
    """Put a library from the cache into a folder, under both its names, and take out its older versions."""
    path = folder / f"{built.source.stem}-{made.stem[:HASH]}{SUFFIX}"
    stable = stable_path(built.source, folder)
    is_new = not path.exists() or not stable.exists() or not _same(path, stable)
    if is_new:
        _copy(made, path)
        _copy(made, stable)
    for old in _versions(built.source, folder):
        if old != path:
            old.unlink()
    return Built(built.source, built.kernels, path, is_new)


def stable_path(source: Path, folder: Path) -> Path:
    """The name without a hash of the library of a source."""
    return folder / f"{source.stem}{SUFFIX}"


def remove_library(source: Path, folder: Path) -> None:
    """Take the library of a source out of a folder, under all its names."""
    for path in (stable_path(source, folder), *_versions(source, folder)):
        path.unlink(missing_ok=True)


def _versions(source: Path, folder: Path) -> list[Path]:
    """The names with a hash of the library of a source."""
    return list(folder.glob(f"{_literal(source.stem)}-{'[0-9a-f]' * HASH}{SUFFIX}"))


def _literal(stem: str) -> str:
    """A stem for a glob pattern, in which it means itself."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in stem)


def _same(one: Path, other: Path) -> bool:
    return one.read_bytes() == other.read_bytes()


def _copy(source: Path, target: Path) -> None:
    """Copy a file so that others see the old one or the new one."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    os.close(handle)
    shutil.copyfile(source, name)
    os.chmod(name, 0o755)
    os.replace(name, target)
