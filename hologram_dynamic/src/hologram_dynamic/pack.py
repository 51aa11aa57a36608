"""KernelPack: the plugin of a package that ships kernels.

    from hologram_dynamic import KernelPack
    pack = KernelPack(__name__)

The kernels were compiled when the package's wheel was built and lie in its folder `_kernels`; the index
there says what they are. A library is opened when one of its kernels is first chosen.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from hologram_core import Kernel, LibraryError, OpSpec, Refusal, hookimpl
from hologram_core.catalogue import STANDARD

if TYPE_CHECKING:
    from .handle import KernelHandle
    from .index import Index

FOLDER = "_kernels"  #: of the built libraries, in the package


class KernelPack:
    """The kernels of one package, offered at user priority.

    package  its name; `__name__` in its `__init__`.
    ops      OpSpecs for ops of its own, with documentation and reference; what is left out is known
             from the kernels, without a reference.

    Nothing is read before the pack is first asked. Problems of its files are failures of the provider.
    """

    def __init__(self, package: str, ops: Iterable[OpSpec] = ()) -> None:
        self.package = package
        self._own_ops = {spec.name: spec for spec in ops}

    @property
    def folder(self) -> str:
        """Where the libraries are. Raises LibraryError for a package without a folder."""
        file = getattr(sys.modules.get(self.package), "__file__", None)
        if file is None:
            raise LibraryError(f"KernelPack({self.package!r}): expected the name of an imported package, __name__")
        return os.path.join(os.path.dirname(file), FOLDER)

    @cached_property
    def index(self) -> Index:
        """What the libraries have. Raises LibraryError."""
        from .index import Index  # here and below: a process that has packs may use none of them

        return Index(self.folder, installed=True)

    @hookimpl
    def provide_kernel(self, name: str, dtype: str, n: int) -> Kernel | Refusal | None:
        """Return the kernel for a request, or why there is none for this dtype and n."""
        kernels = self.index.kernels(name)
        if not kernels:
            return None
        mine = [kernel for kernel in kernels if kernel.dtype == dtype]
        if not mine:
            return Refusal(f"for {', '.join(sorted({kernel.dtype for kernel in kernels}))} only")
        ranges = ", ".join(f"{kernel.min_n} to {kernel.max_n}" for kernel in mine)
        return next((kernel for kernel in mine if kernel.serves(n)), Refusal(f"its kernels serve n from {ranges}"))

    @hookimpl
    def declare_kernels(self) -> Iterable[Kernel]:
        """All kernels, from the index."""
        return self.index.kernels()

    @hookimpl
    def declare_ops(self) -> Iterable[OpSpec]:
        """The pack's own ops, and those that its kernels imply."""
        implied = {name: spec for name, spec in self.index.ops().items() if name not in STANDARD}
        return list({**implied, **self._own_ops}.values())

    def get_kernel(self, name: str) -> KernelHandle:
        """Return a kernel to call the way its author wrote it, whatever the ranking. Raises LookupError."""
        from .handle import KernelHandle

        found = {kernel: library for library in self.index.libraries for kernel in library.names}
        if name not in found:
            raise LookupError(f"{self.package} has no kernel {name!r}; there are {', '.join(sorted(found))}")
        library = found[name].opened
        return KernelHandle(library.kernel(name), library=library)

    def __repr__(self) -> str:
        return f"KernelPack({self.package!r})"
