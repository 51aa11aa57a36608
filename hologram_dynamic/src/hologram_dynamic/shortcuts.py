"""Load, get, execute: the loader of the default runtime as three functions."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from hologram_core import default_runtime

from .handle import KernelHandle
from .loader import KernelLoader, own_loader
from .startup import start


def default_loader() -> KernelLoader:
    """Return the default runtime's own loader: it has what hologram_core.load_kernels() loads too."""
    runtime = default_runtime()
    start(runtime)
    return own_loader(runtime)


def register_all_kernels_from_directory(folder: str | os.PathLike[str]) -> list[str]:
    """Load every library of a folder; return the names of the kernels. As KernelLoader.load_from_directory."""
    return list(default_loader().load_from_directory(folder).kernels)


def get_kernel(name: str) -> KernelHandle:
    """Return a loaded kernel by the name of its function or library. As KernelLoader.get_kernel."""
    return default_loader().get_kernel(name)


def execute_kernel(kernel: KernelHandle, args: Sequence[object]) -> Any:
    """Call a kernel with arguments in its author's order, with or without sizes: execute_kernel(h, [x, y, n])."""
    return kernel(*args)
