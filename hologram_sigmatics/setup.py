"""The native extensions of hologram_sigmatics; the primitives are one static library per instruction set."""

import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

PRIMITIVES = Path("src/hologram_sigmatics/primitives")
CORE = Path("../hologram_core/src/hologram_core/include")  # there in a checkout, not in an sdist

# Kernels keep IEEE results: errno and traps are given up, reassociation and contraction are not.
FLAGS = ["-std=c11", "-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"]
FLAGS += ["-fvisibility=hidden", "-fPIC", "-Wall", "-Wextra"]

X86 = sysconfig.get_platform().endswith(("x86_64", "amd64"))
LEVELS = {"baseline": ["-march=x86-64-v2"] if X86 else []}
if X86:
    LEVELS["avx2"] = ["-march=x86-64-v3"]
    LEVELS["avx512"] = ["-march=x86-64-v4", "-mprefer-vector-width=512"]
TABLE = [("HOLOGRAM_TABLE", None), *((f"HOLOGRAM_HAS_{level}", None) for level in LEVELS)]


def core_headers() -> Path:
    """The folder that holds hologram/: of this checkout, else of the hologram-core that setup_requires brings."""
    if CORE.is_dir():
        return CORE
    try:
        import hologram_core
    except ImportError:  # a front end is asking what to install before it builds
        return Path()
    return Path(hologram_core.get_include())


class BuildExt(build_ext):
    """build_ext, also when called alone, makes the libraries first: where it is told to, and anew when it is."""

    def run(self) -> None:
        libraries = self.get_finalized_command("build_clib")
        libraries.build_clib = libraries.build_temp = self.build_temp
        libraries.force = self.force
        self.run_command("build_clib")
        super().run()


headers = core_headers()
depends = sorted(str(path) for folder in (PRIMITIVES, headers / "hologram") for path in folder.rglob("*.[ch]"))

setup(
    setup_requires=[] if CORE.is_dir() else ["hologram-core==0.1.0"],
    cmdclass={"build_ext": BuildExt},
    libraries=[
        (
            f"hologram_sigmatics_{level}",
            {
                "sources": [str(PRIMITIVES / f"levels/{level}.c")],
                "obj_deps": {"": depends},
                "include_dirs": [str(headers)],
                "cflags": [*FLAGS, *flags],
            },
        )
        for level, flags in LEVELS.items()
    ],
    ext_modules=[
        Extension(
            "hologram_sigmatics._primitives",
            sources=sorted(str(path) for path in PRIMITIVES.glob("*.c")),
            depends=depends,
            include_dirs=[str(headers)],
            define_macros=TABLE,
            extra_compile_args=FLAGS,
        )
    ],
)
