"""Hologram: native numeric kernels from plugins, called from Python at the price of a builtin."""

from . import ops
from ._native import BoundKernel, Op, cpu_levels
from .catalogue import OpSpec
from .default import (
    default_runtime,
    explain,
    get_include,
    get_kernel,
    list_kernels,
    load_kernels,
    op,
    providers,
    register,
    stats,
    unregister,
)
from .dispatch import Candidate, Explanation
from .errors import (
    HologramError,
    KernelError,
    LibraryError,
    PluginError,
    PluginWarning,
    SettingsError,
    SignatureError,
    UnknownKernelError,
    UnknownOpError,
)
from .hookspecs import hookimpl
from .kernel import MAX_N, Kernel, Refusal
from .library import Library, read_library, read_table
from .ranking import Offer
from .runtime import Runtime
from .signature import Signature

__version__ = "0.1.0"

__all__ = [
    "MAX_N",
    "BoundKernel",
    "Candidate",
    "Explanation",
    "HologramError",
    "Kernel",
    "KernelError",
    "Library",
    "LibraryError",
    "Offer",
    "Op",
    "OpSpec",
    "PluginError",
    "PluginWarning",
    "Refusal",
    "Runtime",
    "SettingsError",
    "Signature",
    "SignatureError",
    "UnknownKernelError",
    "UnknownOpError",
    "cpu_levels",
    "default_runtime",
    "explain",
    "get_include",
    "get_kernel",
    "hookimpl",
    "list_kernels",
    "load_kernels",
    "op",
    "ops",
    "providers",
    "read_library",
    "read_table",
    "register",
    "stats",
    "unregister",
]
