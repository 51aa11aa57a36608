"""The native extension of hologram_core; everything else about the package is in pyproject.toml."""

import sysconfig
from pathlib import Path

import numpy
from setuptools import Extension, setup

PACKAGE = Path("src/hologram_core")
GCC = "gcc" in (sysconfig.get_config_var("CC") or "")
LOOP_FLAGS = ["-fno-tree-loop-distribute-patterns"] if GCC else []

setup(
    ext_modules=[
        Extension(
            "hologram_core._native",
            sources=sorted(str(path) for path in (PACKAGE / "native").glob("*.c")),
            depends=sorted(
                str(path) for folder in ("native", "include/hologram") for path in (PACKAGE / folder).glob("*.h")
            ),
            include_dirs=[str(PACKAGE / "include"), numpy.get_include()],
            # Loops over three parameters must stay loops: a call of memcpy costs more than they do.
            extra_compile_args=["-std=c11", "-O2", "-fvisibility=hidden", "-Wall", "-Wextra", *LOOP_FLAGS],
            extra_link_args=["-pthread"],
        )
    ]
)
