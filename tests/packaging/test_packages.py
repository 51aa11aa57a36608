"""Do our distributions and a stranger's install by pip, from copies, into a fresh environment?"""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = ("hologram_core", "hologram_stdlib", "hologram_dynamic", "hologram_atlas", "hologram_sigmatics")
OWN = [
    "hologram-atlas",
    "hologram-dynamic",
    "hologram-sigmatics",
    "hologram-stdlib",
]  # those of them that are providers

PROVIDER = """
from hologram_core import Kernel, hookimpl
import numpy as np

KERNEL = Kernel.from_python(np.add, op="vector_add", signature="(),()->()", dtype="f32", priority=400)

@hookimpl
def declare_kernels():
    return [KERNEL]

@hookimpl
def provide_kernel(name, dtype, n):
    return KERNEL if (name, dtype) == ("vector_add", "f32") else None
"""

WHO = """
import json, warnings
import numpy as np
import hologram_core as hg
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    total = hg.ops.vector_add(np.ones(8, "f4"), np.ones(8, "f4")).tolist()
explanation = hg.explain("vector_add", "f32", 8)
print(json.dumps({
    "sum": total,
    "winner": explanation.winner.provider,
    "tier": explanation.winner.tier,
    "asked": explanation.asked,
    "listed": sorted({row.provider for row in hg.list_kernels(op="vector_add")}),
    "warnings": [str(warning.message) for warning in seen],
    "where": hg.__file__,
}))
"""


class Environment:
    """A virtual environment of its own, used from outside the checkout."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.outside = folder / "outside"
        self.outside.mkdir(parents=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
        self.python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"

    def run(self, *arguments: str, **variables: str) -> str:
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("HOLOGRAM_", "PYTHON"))}
        done = subprocess.run(
            [str(self.python), *arguments],
            cwd=self.outside,
            env=environment | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def pip(self, *arguments: str) -> str:
        return self.run("-m", "pip", "--disable-pip-version-check", *arguments)

    def who(self, **variables: str) -> dict:
        return json.loads(self.run("-c", WHO, **variables))


def _write_provider(folder: Path, name: str, source: str) -> Path:
    project = folder / name
    module = name.replace("-", "_")
    (project / module).mkdir(parents=True)
    (project / module / "__init__.py").write_text(source)
    (project / "pyproject.toml").write_text(
        f"""
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
version = "1.2.3"
dependencies = ["hologram-core"]

[project.entry-points."hologram.plugins"]
{name} = "{module}"
"""
    )
    return project


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """The tracked and new files of our distributions, without anything built."""
    copy = tmp_path_factory.mktemp("checkout")
    ignore = shutil.ignore_patterns("build", "*.so", "*.pyd", "*.egg-info", "__pycache__", "dist")
    for name in OURS:
        shutil.copytree(ROOT / name, copy / name, ignore=ignore)
    return copy


@pytest.fixture(scope="module")
def environment(checkout, wheels, tmp_path_factory):
    """Our distributions, installed in one command: from folders, with build isolation, but for the one that takes long."""
    environment = Environment(tmp_path_factory.mktemp("environment"))
    folders = [str(checkout / name) for name in OURS if name != "hologram_sigmatics"]
    environment.pip("install", "-q", *folders, str(wheels["hologram_sigmatics"].filename))
    return environment


def test_installed_packages_work_outside_the_tree(environment):
    found = environment.who()
    assert found["sum"] == [2.0] * 8
    assert (found["winner"], found["tier"]) == ("hologram-stdlib", "inline")
    assert found["warnings"] == []
    assert str(ROOT) not in found["where"]


KERNEL = """
from atlas_kernel import DeviceArray, f32, get_global_id, kernel, u32

@kernel
def tripled(x: DeviceArray[f32], out: DeviceArray[f32], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = x[i] * 3.0

if __name__ == "__main__":
    import numpy as np
    import hologram_core as hg
    print(tripled(np.ones(2, "f4")).tolist())
    tripled.register()
    print(hg.ops.tripled(np.ones(2, "f4")).tolist(), hg.explain("tripled", "f32", 2).winner.tier)
"""


def test_kernels_in_python_work_outside_the_tree(environment):
    file = environment.outside / "tripled.py"
    file.write_text(KERNEL)
    assert environment.run(str(file)).splitlines() == ["[3.0, 3.0]", "[3.0, 3.0] user"]
    environment.run("-m", "atlas_compile", "tripled.py")
    environment.run("-c", "from hologram_atlas import build_libraries; build_libraries(['tripled.json'], 'libraries')")
    code = """
import numpy as np, hologram_core as hg
hg.load_kernels("libraries")
print(hg.ops.tripled(np.ones(2, "f4")).tolist())
"""
    assert environment.run("-c", code).strip() == "[3.0, 3.0]"


def test_core_alone_says_what_to_install(environment):
    code = """
import numpy as np, hologram_core as hg
try:
    hg.ops.vector_add(np.ones(8, "f4"), np.ones(8, "f4"))
except hg.UnknownKernelError as error:
    print(error)
"""
    told = environment.run("-c", code, HOLOGRAM_PROVIDERS="nobody")
    assert "pip install hologram-stdlib" in told
    assert "pip install hologram-sigmatics" in told


def test_core_and_sigmatics_alone_serve_what_the_inline_kernels_do(environment):
    found = environment.who(HOLOGRAM_PROVIDERS="hologram-sigmatics")
    assert (found["sum"], found["winner"], found["tier"]) == ([2.0] * 8, "hologram-sigmatics", "fallback")


def test_command_says_what_it_needs(environment):
    command = environment.python.with_name("hologram")
    done = subprocess.run([str(command), "kernels"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'hologram-core[cli]'" in done.stderr


@pytest.fixture(scope="module")
def wheels(checkout, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheels")
    for name in OURS:
        subprocess.run(
            [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(checkout / name)],
            check=True,
        )
    return {wheel.name.split("-")[0]: zipfile.ZipFile(wheel) for wheel in folder.iterdir()}


def test_wheel_of_core_holds_types_and_headers(wheels):
    names = wheels["hologram_core"].namelist()
    for name in ("py.typed", "ops.pyi", "_native.pyi", "include/hologram/kernel.h", "include/hologram/vmath.h"):
        assert f"hologram_core/{name}" in names


@pytest.mark.parametrize("name", ["hologram_stdlib", "hologram_sigmatics"])
def test_wheels_of_kernels_hold_their_extension_and_entry_point(wheels, name):
    wheel = wheels[name]
    assert any(item.endswith((".so", ".pyd")) for item in wheel.namelist())
    assert f"{name}/py.typed" in wheel.namelist()
    points = next(item for item in wheel.namelist() if item.endswith("entry_points.txt"))
    assert f"{name}.plugin" in wheel.read(points).decode()


def test_wheels_of_the_language_are_for_every_platform(wheels):
    assert {"atlas_kernel/py.typed", "hologram_atlas/py.typed", "hologram_atlas/kernel.schema.json"} <= set(
        wheels["hologram_atlas"].namelist()
    )
    assert "hologram_atlas/include/hologram/language.h" in wheels["hologram_atlas"].namelist()
    assert "hologram_dynamic/py.typed" in wheels["hologram_dynamic"].namelist()
    for name in ("hologram_atlas", "hologram_dynamic"):
        assert wheels[name].filename.endswith("-py3-none-any.whl")


def test_sdists_hold_their_c(checkout, tmp_path):
    for name, files in {
        "hologram_core": ["native/call.c", "native/native.h", "include/hologram/kernel.h"],
        "hologram_stdlib": ["table.c", "targets.h", "kernels/matrix.c", "levels/avx2.c"],
        "hologram_sigmatics": ["primitives/table.c", "primitives/level.h", "primitives/families/sums.h"],
    }.items():
        code = f"import setuptools.build_meta as b; print(b.build_sdist({str(tmp_path)!r}))"
        subprocess.run([sys.executable, "-c", code], cwd=checkout / name, check=True, capture_output=True)
        (archive,) = tmp_path.glob(f"{name}-*.tar.gz")
        with tarfile.open(archive) as sdist:
            held = sdist.getnames()
        for file in files:
            assert any(item.endswith(f"src/{name}/{file}") for item in held), file


@pytest.fixture(scope="module")
def stranger(environment, tmp_path_factory):
    """A stranger's provider, and one that breaks at import, both installed by pip."""
    folder = tmp_path_factory.mktemp("strangers")
    good = _write_provider(folder, "loud-kernels", PROVIDER)
    bad = _write_provider(folder, "broken-kernels", "raise RuntimeError('broken on purpose')\n")
    environment.pip("install", "-q", "setuptools>=77", "wheel")
    environment.pip("install", "-q", "--no-build-isolation", "--no-deps", str(good), str(bad))
    yield environment
    environment.pip("uninstall", "-q", "-y", "loud-kernels", "broken-kernels")
    found = environment.who()
    assert found["winner"] == "hologram-stdlib"
    assert found["asked"] == OWN


def test_strangers_kernel_wins_by_its_priority(stranger):
    found = stranger.who()
    assert found["sum"] == [2.0] * 8
    assert found["winner"] == "loud-kernels"
    assert found["listed"] == ["hologram-sigmatics", "hologram-stdlib", "loud-kernels"]


def test_provider_that_breaks_at_import_is_one_warning(stranger):
    found = stranger.who()
    assert found["asked"] == ["broken-kernels", *OWN, "loud-kernels"]
    (warning,) = found["warnings"]
    assert "broken-kernels: import: RuntimeError: broken on purpose" in warning


@pytest.mark.parametrize(
    "variables",
    [
        {"HOLOGRAM_DISABLE": "loud-kernels,broken-kernels"},
        {"HOLOGRAM_PROVIDERS": "hologram-stdlib"},
        {"HOLOGRAM_PRIORITY": "loud-kernels=50"},
        {"HOLOGRAM_PRIORITY": "hologram-stdlib=500"},
    ],
    ids=lambda variables: "-".join(variables),
)
def test_the_user_has_the_last_word(stranger, variables):
    assert stranger.who(**variables)["winner"] == "hologram-stdlib"


def test_strict_makes_the_broken_one_an_error(stranger):
    code = "import hologram_core as hg\ntry: hg.providers()\nexcept hg.PluginError as error: print(error.provider)"
    assert stranger.run("-c", code, HOLOGRAM_STRICT="1").strip() == "broken-kernels"
