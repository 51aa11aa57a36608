"""Run the conformance kit on one kernel of a library: check.py LIBRARY OP. Prints the check that failed."""

import ctypes
import sys

import numpy as np

import hologram_core as hg
from hologram_core.testing import KernelCheckError, check_kernel


def main(path: str, op: str) -> None:
    library = ctypes.CDLL(path)
    library.hologram_library_v1.restype = ctypes.c_void_p
    kernels = {kernel.op: kernel for kernel in hg.read_library(library.hologram_library_v1(), library)}

    class Plugin:
        @hg.hookimpl
        def declare_kernels(self):
            return kernels.values()

        @hg.hookimpl
        def provide_kernel(self, name, dtype, n):
            return kernels.get(name)

    runtime = hg.Runtime(providers=[])
    runtime.register(Plugin(), "bad")
    try:
        check_kernel(runtime.get_kernel(op, "f32", 8), lambda x: np.float64(2) * x, ulp=0.5)
    except KernelCheckError as error:
        print(error.check)
    else:
        print("passed")


main(*sys.argv[1:])
