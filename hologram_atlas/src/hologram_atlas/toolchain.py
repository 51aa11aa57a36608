"""The C compiler: found once, asked its version once, and run on generated text.

In go C texts and instruction-set levels; out come shared libraries, or assembly. Refused with
CompilerNotFound where there is no compiler, BuildError with its words where it fails.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import hologram_core

from .cache import SUFFIX as SUFFIX
from .cache import default_folder, write_atomically
from .errors import BuildError, CompilerNotFound

X86 = sysconfig.get_platform().endswith(("x86_64", "amd64", "AMD64"))
#: flags of each level, lowest first, as those of hologram-stdlib
LEVELS: Mapping[str, tuple[str, ...]] = {
    "baseline": ("-march=x86-64-v2",) if X86 else (),
    **(
        {"avx2": ("-march=x86-64-v3",), "avx512": ("-march=x86-64-v4", "-mprefer-vector-width=512")}
        if X86
        else {}
    ),
}  # fmt: skip
# IEEE results: errno and traps are given up, reassociation and contraction are not; integers wrap.
FLAGS = (
    *("-std=gnu11", "-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off", "-fwrapv"),
    *("-fvisibility=hidden", "-fPIC", "-w", "-pipe"),
)
TIMEOUT = 600  #: seconds for one run of the compiler
_NAMES = ("cc", "gcc", "clang")


@dataclass(frozen=True)
class Compiler:
    """A C compiler: the command that runs it, the file behind that, and its first line of --version."""

    command: tuple[str, ...]
    path: str
    version: str

    def flags(self, levels: Sequence[str]) -> list[str]:
        """What every compilation of a text for some levels is given."""
        has = [f"-DHOLOGRAM_HAS_{level}" for level in levels]
        name = re.sub(r"[^ !#-\[\]-~]", "?", self.version)  # what a C string may hold as it is
        return [*FLAGS, *has, f'-DHOLOGRAM_BUILT_WITH=", {name}"', *(f"-I{folder}" for folder in include_folders())]

    def build(self, source: str, output: Path, levels: Sequence[str]) -> None:
        """Compile a text for some levels into one library. Raises BuildError."""
        with tempfile.TemporaryDirectory(prefix="hologram-") as folder:
            text = Path(folder) / "kernels.c"
            text.write_text(source, encoding="utf-8")
            made = Path(folder) / f"library{SUFFIX}"
            if len(levels) == 1:
                one = [*self.flags(levels), *_level(levels[0]), "-DHOLOGRAM_TABLE"]
                self._run([*one, "-shared", str(text), "-o", str(made), "-lm"], source)
            else:
                objects = [self._object(source, text, level, levels) for level in levels]
                self._run(["-shared", *objects, "-o", str(made), "-lm"], source)
            shutil.move(made, output)

    def _object(self, source: str, text: Path, level: str, levels: Sequence[str]) -> str:
        made = str(text.with_name(f"{level}.o"))
        table = ["-DHOLOGRAM_TABLE"] if level == levels[0] else []
        self._run([*self.flags(levels), *_level(level), *table, "-c", str(text), "-o", made], source)
        return made

    def assembly(self, source: str, level: str) -> str:
        """Return the assembly of a text for one level. Raises BuildError."""
        flags = [*self.flags([level]), *_level(level), "-fno-asynchronous-unwind-tables"]
        return self._run([*flags, "-S", "-x", "c", "-", "-o", "-"], source, given=source)

    def _run(self, arguments: Sequence[str], source: str, given: str | None = None) -> str:
        command = [*self.command, *arguments]
        try:
            done = subprocess.run(
                command, input=given, text=True, capture_output=True, timeout=TIMEOUT, errors="replace", check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise BuildError(command, -1, str(error), _keep(source)) from None
        if done.returncode != 0:
            raise BuildError(command, done.returncode, done.stderr, _keep(source))
        return done.stdout


def _level(level: str) -> list[str]:
    return [*LEVELS[level], f"-DHOLOGRAM_LEVEL={level}"]


def include_folders() -> list[str]:
    """The folders of the headers that generated text includes."""
    return [str(Path(__file__).parent / "include"), str(hologram_core.get_include())]


@cache
def headers() -> tuple[str, ...]:
    """The texts of the headers, which are part of what a library is made from."""
    paths = (path for folder in include_folders() for path in sorted(Path(folder).glob("hologram/*.h")))
    return tuple(path.read_text(encoding="utf-8") for path in paths)


def _keep(source: str) -> str:
    """Keep a text that does not compile, and return where."""
    try:
        folder = default_folder() / "failed"
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.mkdtemp(prefix="hologram-failed-"))
    handle, name = tempfile.mkstemp(suffix=".c", dir=folder)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(source)
    return name


# ---- finding one ---------------------------------------------------------------------------------


def find_compiler() -> Compiler:
    """Return the compiler: $CC, else cc, gcc or clang, else that of the package ziglang. Raises CompilerNotFound."""
    wanted = os.environ.get("CC", "")
    if wanted:
        command = tuple(shlex.split(wanted))
        path = shutil.which(command[0])
        if path is None:
            raise CompilerNotFound([f"CC={wanted}"])
        return _compiler(command, path)
    for name in _NAMES:
        path = shutil.which(name)
        if path is not None:
            return _compiler((path,), path)
    zig = _find_zig()
    if zig is not None:
        return _compiler((zig, "cc"), zig)
    raise CompilerNotFound(["$CC", *_NAMES, "the package ziglang"])


def _find_zig() -> str | None:
    try:
        import ziglang  # type: ignore[import-not-found, unused-ignore]  # an extra
    except ImportError:
        return None
    return shutil.which("zig", path=os.path.dirname(ziglang.__file__))


def _compiler(command: tuple[str, ...], path: str) -> Compiler:
    return Compiler(command, path, _version(command, path))


def _version(command: tuple[str, ...], path: str) -> str:
    """The first line of --version; it is remembered for this file, since asking takes longer than loading a kernel."""
    try:
        status = os.stat(path)
        stamp = f"{os.path.realpath(path)} {status.st_mtime_ns} {status.st_size} {' '.join(command[1:])}"
        memory = default_folder() / "compilers.json"
        known = _read(memory)
    except OSError:
        stamp, memory, known = "", None, {}
    if stamp in known:
        return known[stamp]
    version = _ask(command)
    if memory is not None:
        write_atomically(memory, json.dumps({**known, stamp: version}).encode())
    return version


def _read(memory: Path) -> dict[str, str]:
    try:
        data = json.loads(memory.read_bytes())
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) and all(isinstance(value, str) for value in data.values()) else {}


def _ask(command: Sequence[str]) -> str:
    try:
        done = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        raise CompilerNotFound([f"{' '.join(command)} (which does not answer --version)"]) from None
    return done.stdout.partition("\n")[0].strip()
