"""Do our distributions and a stranger's install by pip, from copies, into a fresh environment?"""

import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from support.environments import Environment

ROOT = Path(__file__).resolve().parents[2]
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


def who(environment: Environment, **variables: str) -> dict:
    return json.loads(environment.run("-c", WHO, **variables))


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


def test_installed_packages_work_outside_the_tree(environment):
    found = who(environment)
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
    found = who(environment, HOLOGRAM_PROVIDERS="hologram-sigmatics")
    assert (found["sum"], found["winner"], found["tier"]) == ([2.0] * 8, "hologram-sigmatics", "fallback")


def test_command_says_what_it_needs(environment):
    command = environment.python.with_name("hologram")
    done = subprocess.run([str(command), "kernels"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'hologram-core[cli]'" in done.stderr


def _names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_wheel_of_core_holds_types_and_headers(wheels):
    names = _names(wheels["hologram_core"])
    headers = [f"include/hologram/{name}.h" for name in ("kernel", "levels", "vmath", "vmath64")]
    for name in ("py.typed", "ops.pyi", "_native.pyi", *headers):
        assert f"hologram_core/{name}" in names


@pytest.mark.parametrize("name", ["hologram_stdlib", "hologram_sigmatics"])
def test_wheels_of_kernels_hold_their_extension_and_entry_point(wheels, name):
    names = _names(wheels[name])
    assert any(item.endswith((".so", ".pyd")) for item in names)
    assert f"{name}/py.typed" in names
    points = next(item for item in names if item.endswith("entry_points.txt"))
    with zipfile.ZipFile(wheels[name]) as archive:
        assert f"{name}.plugin" in archive.read(points).decode()


def test_wheels_of_the_language_are_for_every_platform(wheels):
    names = _names(wheels["hologram_atlas"])
    assert {"atlas_kernel/py.typed", "hologram_atlas/py.typed", "hologram_atlas/kernel.schema.json"} <= names
    assert "hologram_atlas/include/hologram/language.h" in names
    assert {
        "hologram_atlas/template/.gitignore",
        "hologram_atlas/template/src/user_plugin/kernels/soft_clip.c",
    } <= names
    assert "hologram_dynamic/py.typed" in _names(wheels["hologram_dynamic"])
    for name in ("hologram_atlas", "hologram_dynamic"):
        assert wheels[name].name.endswith("-py3-none-any.whl")


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
    found = who(environment)
    assert found["winner"] == "hologram-stdlib"
    assert found["asked"] == OWN


def test_strangers_kernel_wins_by_its_priority(stranger):
    found = who(stranger)
    assert found["sum"] == [2.0] * 8
    assert found["winner"] == "loud-kernels"
    assert found["listed"] == ["hologram-sigmatics", "hologram-stdlib", "loud-kernels"]


def test_provider_that_breaks_at_import_is_one_warning(stranger):
    found = who(stranger)
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
    assert who(stranger, **variables)["winner"] == "hologram-stdlib"


def test_strict_makes_the_broken_one_an_error(stranger):
    code = "import hologram_core as hg\ntry: hg.providers()\nexcept hg.PluginError as error: print(error.provider)"
    assert stranger.run("-c", code, HOLOGRAM_STRICT="1").strip() == "broken-kernels"
