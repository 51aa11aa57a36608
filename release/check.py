"""Do the distributions work where nothing of this checkout is?

For the Python that runs this: builds a wheel and an sdist of each, installs the wheels into a clean environment,
runs the core of the suite from outside the tree, and tries every subset of the plugins: what is there must
work, and what is missing must be said.
"""

import argparse
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("hologram_core", "hologram_stdlib", "hologram_dynamic", "hologram_atlas", "hologram_sigmatics")
NEEDS = {"hologram_atlas": {"hologram_dynamic"}}  # besides the core
TESTS = ("tests/unit", "tests/faults", "tests/property")
BESIDE = ("tests", "benchmarks/ulp", "docs/grammar.md", "examples/digits", "pyproject.toml")  # what the tests read
OF_THE_CHECKOUT = ("tests/unit/test_docs.py",)  # about files that no wheel has

TRY = """
import warnings
warnings.simplefilter("error")
import numpy as np
import hologram_core as hg

x = np.linspace(-2, 2, 5, dtype="f4")
served = {}
for dtype, n in (("f4", 5), ("f8", 5), ("f4", 5000)):
    try:
        hg.ops.vector_add(np.ones(n, dtype), np.ones(n, dtype))
        served[dtype, n] = hg.explain("vector_add", dtype, n).winner.provider
    except hg.UnknownKernelError as error:
        assert "pip install hologram-" in str(error), error
try:
    hg.load_kernels("nothing")
except hg.HologramError as error:
    loads = "pip install hologram-dynamic" not in str(error)
print(sorted(served.values()), loads)
"""


def build(folder: Path) -> list[Path]:
    """Build an sdist and a wheel of each distribution; return the wheels."""
    tree = folder / "tree"
    ignore = shutil.ignore_patterns("build", "*.so", "*.egg-info", "__pycache__", "dist", "_kernels")
    for name in present():
        shutil.copytree(ROOT / name, tree / name, ignore=ignore)
        for kind in ("sdist", "wheel"):
            code = f"import setuptools.build_meta as b; print(b.build_{kind}({str(folder / 'dist')!r}))"
            run([sys.executable, "-c", code], cwd=tree / name)
    return sorted((folder / "dist").glob("*.whl"))


def present() -> list[str]:
    """The distributions of this checkout, in the order they build."""
    return [name for name in FOLDERS if (ROOT / name / "pyproject.toml").exists()]


def run(command: Sequence[str | Path], cwd: Path, **variables: str) -> str:
    """Run a command with nothing of ours in its variables; what it prints, or a failure that shows it."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("HOLOGRAM_", "PYTHON"))}
    done = subprocess.run(list(map(str, command)), cwd=cwd, env=clean | variables, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def check_contents(wheels: Sequence[Path]) -> None:
    """Every wheel has its types and its licence, that of the core the headers."""
    import zipfile

    for wheel in wheels:
        names = zipfile.ZipFile(wheel).namelist()
        package = wheel.name.partition("-")[0]
        wanted = [f"{package}/py.typed", "LICENSE"]
        if package == "hologram_core":
            wanted += ["include/hologram/kernel.h", "ops.pyi", "_native.pyi"]
        for text in wanted:
            if not any(name.endswith(text) for name in names):
                sys.exit(f"{wheel.name} has no {text}")


def check_suite(folder: Path, wheels: Sequence[Path]) -> None:
    """Install everything into a clean environment, and run the core of the suite on a copy of the tests."""
    run([sys.executable, "-m", "venv", folder / "venv"], cwd=folder)
    python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    run([python, "-m", "pip", "install", "-q", "pip>=25.1"], cwd=folder)
    run([python, "-m", "pip", "install", "-q", "--group", f"{ROOT / 'pyproject.toml'}:test"], cwd=folder)
    run([python, "-m", "pip", "install", "-q", "--no-deps", *wheels], cwd=folder)
    outside = folder / "outside"
    for name in BESIDE:
        (outside / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, outside / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, outside / name)
    left_out = [f"--ignore={path}" for path in OF_THE_CHECKOUT]
    said = run([python, "-m", "pytest", "-q", *left_out, *TESTS], cwd=outside)
    print(said.strip().splitlines()[-1])


def check_subsets(folder: Path, wheels: Sequence[Path]) -> None:
    """Put each distribution in a folder of its own, and try the core with every subset of the plugins."""
    python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    for wheel in wheels:
        run([python, "-m", "pip", "uninstall", "-q", "-y", wheel.name.partition("-")[0].replace("_", "-")], cwd=folder)
        target = folder / "apart" / wheel.name.partition("-")[0]
        run([python, "-m", "pip", "install", "-q", "--no-deps", "--target", target, wheel], cwd=folder)
    plugins = [name for name in present() if name != "hologram_core"]
    for size in range(len(plugins) + 1):
        for subset in itertools.combinations(plugins, size):
            if all(NEEDS.get(name, set()) <= set(subset) for name in subset):
                path = os.pathsep.join(str(folder / "apart" / name) for name in ("hologram_core", *subset))
                said = run([python, "-c", TRY], cwd=folder, PYTHONPATH=path).strip()
                print(f"core{''.join(f', {name}' for name in subset)}: {said}")
                expect(subset, said)


def expect(subset: Sequence[str], said: str) -> None:
    """Compare what a subset served with what it is for."""
    inline, fallback = "hologram_stdlib" in subset, "hologram_sigmatics" in subset
    served = ["hologram-sigmatics"] * (2 if inline else 3) * fallback + ["hologram-stdlib"] * inline
    wanted = f"{served} {'hologram_dynamic' in subset}"
    if said != wanted:
        sys.exit(f"expected {wanted}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, help="keep the wheels and sdists in this folder")
    output = parser.parse_args().output
    with tempfile.TemporaryDirectory(prefix="hologram-release-") as name:
        folder = Path(name)
        wheels = build(folder)
        check_contents(wheels)
        check_suite(folder, wheels)
        check_subsets(folder, wheels)
        if output is not None:
            shutil.copytree(folder / "dist", output, dirs_exist_ok=True)
    print(f"Python {sys.version.partition(' ')[0]}: the wheels work")


if __name__ == "__main__":
    main()
