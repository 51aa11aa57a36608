"""What `hologram doctor` is told of the loader: each start-up folder, and each library in it that cannot be used.

In goes a runtime; out come Findings. Nothing is refused: a folder that is not there is a finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hologram_core import HologramError, Runtime
from hologram_core.doctor import FAIL, NOTE, PASS, Finding

from .library import open_library
from .loader import find_libraries
from .startup import start_folders


def findings(runtime: Runtime) -> Iterator[Finding]:
    """Look at the start-up folders of a runtime."""
    for _, folder in start_folders(runtime):
        try:
            files, notes = find_libraries(folder)
        except (HologramError, OSError) as error:
            found = str(error).removeprefix(f"load_from_directory({folder!r}): ")
            yield Finding(f"folder {folder}", FAIL, found, "mend HOLOGRAM_KERNEL_PATH or the folder")
            continue
        refused = [finding for file in files for finding in _try(file)]
        yield from refused
        state = NOTE if notes else PASS
        yield Finding(f"folder {folder}", state, f"{len(files) - len(refused)} of {len(files)} libraries are loaded")


def _try(file: Path) -> Iterator[Finding]:
    try:
        open_library(file)
    except HologramError as error:
        found = str(error).removeprefix(f"{file}: ")
        yield Finding(f"library {file}", FAIL, found, "build it anew for this version, or take it out of the folder")
