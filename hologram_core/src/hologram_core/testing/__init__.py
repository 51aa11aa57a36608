"""The contract that any kernel must keep, as checks that tell what is broken: docs/conformance.md.

    from hologram_core.testing import check_kernel
    check_kernel(hologram_core.get_kernel("sigmoid", "f32", 100))

`check()` does so for all kernels of a library, a folder or a pack, as `hologram check` does. Subject and Source are
what a provider hands over that opens libraries.
"""

from .judge import ULP
from .kit import CHECKS, TIMEOUT, check, check_kernel, check_once
from .memory import PROTECTS
from .report import KernelCheckError, Report, Row, text_of
from .subject import Source, Subject

__all__ = [
    "CHECKS",
    "PROTECTS",
    "TIMEOUT",
    "ULP",
    "KernelCheckError",
    "Report",
    "Row",
    "Source",
    "Subject",
    "check",
    "check_kernel",
    "check_once",
    "text_of",
]
