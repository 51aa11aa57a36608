"""The native extension of hologram_sigmatics: the executor of circuits."""

from pathlib import Path

from setuptools import Extension, setup

PACKAGE = Path("src/hologram_sigmatics")
CORE = Path("../hologram_core/src/hologram_core/include")  # there in a checkout, not in an sdist

FLAGS = ["-std=c11", "-O3", "-fvisibility=hidden", "-Wall", "-Wextra"]


def core_headers() -> Path:
    """The folder that holds hologram/: of this checkout, else of the hologram-core that setup_requires brings."""
    if CORE.is_dir():
        return CORE
    try:
        import hologram_core
    except ImportError:  # a front end is asking what to install before it builds
        return Path()
    return Path(hologram_core.get_include())


headers = core_headers()

setup(
    setup_requires=[] if CORE.is_dir() else ["hologram-core==0.1.0"],
    ext_modules=[
        Extension(
            "hologram_sigmatics._pages",
            sources=[str(PACKAGE / "native" / name) for name in ("pages.c", "elements.c", "program.c")],
            depends=[str(PACKAGE / "native/pages.h"), *map(str, sorted((headers / "hologram").glob("*.h")))],
            include_dirs=[str(headers)],
            extra_compile_args=FLAGS,
        )
    ],
)
