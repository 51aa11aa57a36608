"""Do kernels travel by pip: built here, run where there is no compiler, gone when uninstalled?"""

import json
import shutil
from pathlib import Path

import pytest
from support.environments import Environment

from hologram_atlas.project import build_project, new_project

ROOT = Path(__file__).resolve().parents[2]

USE = """
import json, warnings
import numpy as np
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    import hologram_core as hg
    x = np.linspace(-4, 4, 101, dtype="f4")
    swished = hg.ops.hard_swish(x)
explanation = hg.explain("hard_swish", "f32", 101)
print(json.dumps({
    "right": bool(np.allclose(swished, x * np.clip(x + 3, 0, 6) / 6, rtol=1e-6, atol=1e-6)),
    "winner": explanation.winner.provider,
    "tier": explanation.winner.tier,
    "priority": explanation.winner.priority,
    "isa": explanation.winner.isa,
    "candidates": [[row.provider, row.rank, row.reason] for row in explanation.candidates],
    "listed": [[row.op, row.provider] for row in hg.list_kernels() if row.provider != "hologram-dynamic"],
    "doc": hg.op("soft_clip").doc if "soft_clip" in hg.ops else None,
    "warnings": [str(warning.message) for warning in seen],
}))
"""


def _pack(folder: Path, name: str) -> Path:
    """The wheel of a project as `hologram new` begins it."""
    return _wheel(new_project(folder / name))


def _wheel(project: Path) -> Path:
    return next(path for path in build_project(project) if path.suffix == ".whl")


class Bare:
    """An environment with our core and loader alone, in which no compiler can be found."""

    def __init__(self, environment: Environment, empty: Path) -> None:
        self.environment = environment
        self.variables = {"PATH": str(empty), "CC": ""}

    def python(self, *arguments: str, **variables: str) -> str:
        return self.environment.run(*arguments, **self.variables, **variables)

    def install(self, *wheels: Path) -> None:
        self.python("-m", "pip", "install", "-q", "--no-deps", "--disable-pip-version-check", *map(str, wheels))

    def uninstall(self, *names: str) -> None:
        self.python("-m", "pip", "uninstall", "-q", "-y", *names)

    def use(self, **variables: str) -> dict:
        return json.loads(self.python("-c", USE, **variables))

    @property
    def site(self) -> Path:
        return Path(self.python("-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())


@pytest.fixture(scope="module")
def bare(wheels, tmp_path_factory):
    environment = Environment(tmp_path_factory.mktemp("bare"))
    environment.pip("install", "-q", str(wheels["hologram_core"]), str(wheels["hologram_dynamic"]))
    empty = environment.folder / "empty"
    empty.mkdir()
    bare = Bare(environment, empty)
    look = "import shutil; print(*map(shutil.which, ('cc', 'gcc', 'clang', 'zig')))"
    assert bare.python("-c", look).split() == ["None"] * 4
    return bare


@pytest.fixture(scope="module")
def user_plugin(tmp_path_factory):
    """The wheel of the example, built from a copy."""
    copy = tmp_path_factory.mktemp("example") / "user_plugin"
    shutil.copytree(ROOT / "examples" / "user_plugin", copy, ignore=shutil.ignore_patterns("_kernels", "dist"))
    return _wheel(copy)


@pytest.fixture
def packed(bare, user_plugin):
    """The bare environment with the example's pack in it, until the test is over."""
    before = sorted(path.name for path in bare.site.iterdir())
    bare.install(user_plugin)
    yield bare
    bare.uninstall("user-plugin")
    assert sorted(path.name for path in bare.site.iterdir()) == before


def test_example_is_what_new_writes(tmp_path):
    written, example = new_project(tmp_path / "user_plugin"), ROOT / "examples" / "user_plugin"
    made = {"_kernels", "dist", "__pycache__", ".pytest_cache"}

    def texts(folder: Path) -> dict[str, str]:
        files = (path for path in folder.rglob("*") if path.is_file() and not made & set(path.parts))
        return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in files}

    assert texts(written) == texts(example)


def test_wheel_is_for_a_platform_and_any_python(user_plugin):
    assert user_plugin.name.startswith("user_plugin-0.1.0-py3-none-")
    assert not user_plugin.name.endswith("-any.whl")


def test_pack_works_without_a_compiler_and_goes_without_a_trace(packed):
    found = packed.use()
    assert found["right"]
    assert (found["winner"], found["tier"], found["priority"]) == ("user-plugin", "user", 200)
    assert found["listed"] == [["hard_swish", "user-plugin"], ["soft_clip", "user-plugin"]]
    assert found["doc"] == "x / (1 + |x| / limit)."
    assert found["warnings"] == []
    packed.uninstall("user-plugin")
    code = "import hologram_core as hg; print('hard_swish' in hg.ops, [row.name for row in hg.providers()])"
    assert packed.python("-c", code).strip() == "False ['hologram-dynamic']"


def test_level_is_the_one_that_was_asked_for(packed):
    assert packed.use(HOLOGRAM_ISA="baseline")["isa"] == "baseline"


def test_second_pack_of_an_op_is_ranked(packed, tmp_path):
    packed.install(_pack(tmp_path, "another-pack"))
    try:
        found = packed.use()
        assert found["right"]
        assert found["candidates"] == [
            ["another-pack", 1, "chosen"],
            ["user-plugin", 2, "same priority and range, and 'another-pack' sorts before 'user-plugin'"],
        ]
        assert packed.use(HOLOGRAM_PRIORITY="user-plugin=201")["winner"] == "user-plugin"
    finally:
        packed.uninstall("another-pack")


def test_pack_with_another_signature_is_refused(packed, tmp_path):
    project = new_project(tmp_path / "wrong-pack")
    kernel = project / "src" / "wrong_pack" / "kernels" / "hard_swish.py"
    kernel.write_text(kernel.read_text().replace("(x:", "(scale: f32, x:").replace("= x[i]", "= scale * x[i]"))
    init = project / "src" / "wrong_pack" / "__init__.py"
    init.write_text(init.read_text().replace('"hard_swish", "()->()", "x"', '"hard_swish", "scalar,()->()", "scale x"'))
    packed.install(_wheel(project))
    try:
        found = packed.use()
        assert found["right"]
        assert found["candidates"] == [
            ["user-plugin", 1, "chosen"],
            ["wrong-pack", None, "refused: its signature is scalar,()->(), that of 'hard_swish' is ()->()"],
        ]
        (warning,) = found["warnings"]
        assert "wrong-pack: declare_ops: op 'hard_swish' is known with signature ()->(), not scalar,()->()" in warning
    finally:
        packed.uninstall("wrong-pack")


def test_pack_that_breaks_at_import_disturbs_no_one(packed, tmp_path):
    project = new_project(tmp_path / "broken-pack")
    (project / "src" / "broken_pack" / "__init__.py").write_text("raise RuntimeError('broken on purpose')\n")
    packed.install(_wheel(project))
    try:
        found = packed.use()
        assert (found["right"], found["winner"]) == (True, "user-plugin")
        (warning,) = found["warnings"]
        assert "broken-pack: import: RuntimeError: broken on purpose" in warning
    finally:
        packed.uninstall("broken-pack")


def test_library_that_is_not_the_packs_is_refused(packed):
    library = packed.site / "user_plugin" / "_kernels" / "soft_clip.so"
    library.write_bytes((library.parent / "hard_swish.so").read_bytes())
    code = """
import numpy as np, warnings, hologram_core as hg
warnings.simplefilter("ignore")
print(hg.ops.hard_swish(np.zeros(2, "f4")).tolist())
try:
    hg.ops.soft_clip(np.zeros(2, "f4"), 1.0)
except hg.UnknownKernelError as error:
    print(error)
"""
    printed = packed.python("-c", code)
    assert printed.startswith("[0.0, 0.0]\n")
    assert "it is not the library that _index.json beside it was made from" in printed


def test_new_project_is_built_installed_and_tested_by_commands(environment, tmp_path):
    """In an environment with everything, as an author has it."""
    command = str(environment.python.with_name("hologram"))
    environment.pip("install", "-q", "click", "rich", "pytest", "hatchling>=1.27")
    run = "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:]).returncode)"
    environment.run("-c", run, command, "new", "demo")
    printed = environment.run("-c", run, command, "pack", "demo")
    sdist, wheel = map(Path, printed.splitlines())
    assert sdist.name == "demo-0.1.0.tar.gz"
    environment.pip("install", "-q", "--no-deps", str(wheel))
    try:
        code = "import numpy as np, hologram_core as hg; print(hg.ops.hard_swish(np.float32([-4, 0, 4])).tolist())"
        assert environment.run("-c", code).strip() == "[-0.0, 0.0, 4.0]"
        assert "2 passed" in environment.run("-m", "pytest", "-q", "demo")
        assert "hard_swish(x, out, n=len(x))" in environment.run("-c", run, command, "inspect", "demo")
    finally:
        environment.pip("uninstall", "-q", "-y", "demo")
