"""What `hologram doctor` is told of the compiler: a C compiler that builds a library, a cache that can be written.

In goes the environment; out come Findings. Nothing is refused: what is missing is a finding.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from hologram_core import cpu_levels
from hologram_core.doctor import FAIL, PASS, Finding

from .cache import SUFFIX, check_folder, default_folder
from .errors import BuildError, CompilerNotFound
from .toolchain import LEVELS, find_compiler

PROBE = '#include "hologram/levels.h"\n#include "hologram/language.h"\nint hologram_probe(void) { return 0; }\n'


def findings() -> Iterator[Finding]:
    """Look at both."""
    yield _compiler()
    yield _cache()


def _compiler() -> Finding:
    level = [level for level in LEVELS if level in cpu_levels()][-1:]
    try:
        compiler = find_compiler()
        with tempfile.TemporaryDirectory(prefix="hologram-") as folder:
            compiler.build(PROBE, Path(folder) / f"probe{SUFFIX}", level)
    except CompilerNotFound as error:
        return Finding("C compiler", FAIL, error.message, error.advice)
    except BuildError as error:
        said = next((line for line in error.output.splitlines() if "error" in line), error.output.strip()[:200])
        found = f"{' '.join(compiler.command)} builds nothing: {said or f'exit code {error.exit_code}'}"
        return Finding("C compiler", FAIL, found, "install what it misses (apt install libc6-dev), or another one")
    return Finding("C compiler", PASS, f"{' '.join(compiler.command)}, {compiler.version}")


def _cache() -> Finding:
    folder = default_folder()
    try:
        check_folder(folder)
    except OSError as error:
        found = f"{folder} cannot be written: {error.strerror or error}"
        return Finding("cache", FAIL, found, "set HOLOGRAM_CACHE_DIR to a folder of yours; until then nothing is kept")
    kept = [path.stat().st_size for path in folder.glob(f"*{SUFFIX}")]
    return Finding("cache", PASS, f"{folder}, {len(kept)} libraries, {sum(kept) / 1e6:.1f} MB")
