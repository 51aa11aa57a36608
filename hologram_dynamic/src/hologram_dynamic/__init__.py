"""Native kernel libraries for Hologram: loaded from files and folders, called through handles and ops.

Every process that has this package imports it with its first op, and few of them load anything; so what
is named here is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .errors import AmbiguousKernelError, FolderNotFoundError, LoadWarning, UntrustedError
    from .handle import KernelHandle
    from .library import LoadedLibrary, open_library
    from .loader import KernelLoader, LoadReport, Skipped
    from .manifest import Description, Manifest, Parameter
    from .pack import KernelPack
    from .shortcuts import default_loader, execute_kernel, get_kernel, register_all_kernels_from_directory
    from .watch import Watch

__version__ = "0.1.0"

__all__ = [
    "AmbiguousKernelError",
    "Description",
    "FolderNotFoundError",
    "KernelHandle",
    "KernelLoader",
    "KernelPack",
    "LoadReport",
    "LoadWarning",
    "LoadedLibrary",
    "Manifest",
    "Parameter",
    "Skipped",
    "UntrustedError",
    "Watch",
    "default_loader",
    "execute_kernel",
    "get_kernel",
    "open_library",
    "register_all_kernels_from_directory",
]

_MODULES = {
    "errors": ("AmbiguousKernelError", "FolderNotFoundError", "LoadWarning", "UntrustedError"),
    "handle": ("KernelHandle",),
    "library": ("LoadedLibrary", "open_library"),
    "loader": ("KernelLoader", "LoadReport", "Skipped"),
    "manifest": ("Description", "Manifest", "Parameter"),
    "pack": ("KernelPack",),
    "shortcuts": ("default_loader", "execute_kernel", "get_kernel", "register_all_kernels_from_directory"),
    "watch": ("Watch",),
}


def __getattr__(name: str) -> object:
    for module, names in _MODULES.items():
        if name in names:
            value: object = getattr(import_module(f"{__name__}.{module}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
