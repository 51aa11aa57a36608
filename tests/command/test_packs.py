"""`hologram new`, `pack`, `bundle` and `inspect`: projects are begun and built, kernels gathered and looked at."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

import hologram_core as hg
from hologram_atlas.build import build_libraries
from hologram_atlas.errors import CompileError
from hologram_atlas.packs import build_pack, wheel_tag
from hologram_atlas.project import build_project, new_project
from hologram_atlas.toolchain import find_compiler
from hologram_core.cli import run
from hologram_dynamic import KernelLoader, open_library
from hologram_dynamic.index import FILE, Index

TWO = """
def doubled(x: DeviceArray[f32], out: DeviceArray[f32], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = x[i] * 2.0

def picked(x: DeviceArray[f32], index: DeviceArray[i32], out: DeviceArray[f32], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = x[index[i]]
"""
C = """
#include "hologram/levels.h"
#ifdef HOLOGRAM_LEVEL
int32_t HOLOGRAM_AT_LEVEL(halved)(const hologram_call *call) {
    for (int64_t i = call->begin; i < call->end; i++)
        ((float *)call->args[1])[i] = ((const float *)call->args[0])[i] / 2;
    return HOLOGRAM_OK;
}
#endif
#ifdef HOLOGRAM_TABLE
HOLOGRAM_VARIANTS(halved);
static const hologram_kernel_row rows[] = {{.op = "halved", .signature = "()->()", .dtype = "f32",
    .doc = "x / 2", .max_n = INT64_MAX, .work = 1, HOLOGRAM_BODIES(halved)}};
HOLOGRAM_LIBRARY("by hand", rows);
#endif
"""
X = np.arange(5, dtype=np.float32)


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "two.py").write_text(TWO)
    (folder / "halved.c").write_text(C)
    return folder


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "made"


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# ---- kernels in C --------------------------------------------------------------------------------


def test_c_source_is_built_at_every_level(sources: Path, output: Path) -> None:
    build_libraries([sources / "halved.c"], output)
    (row,) = open_library(output / "halved.so").rows
    assert {level for level, _ in row.variants} >= set(hg.cpu_levels())
    loader = KernelLoader(hg.Runtime())
    loader.load_from_directory(output)
    np.testing.assert_array_equal(loader.get_kernel("halved")(X), X / 2)


def test_c_that_does_not_compile_is_the_compilers_error(sources: Path, output: Path) -> None:
    (sources / "halved.c").write_text(C.replace("call->begin", "call->first"))
    report = build_libraries([sources], output)
    (error,) = report.errors
    assert "first" in str(error)
    assert len(report.libraries) == 1


@pytest.mark.parametrize("stage", ["ir", "json"])
def test_c_has_no_earlier_stage(sources: Path, stage: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["build", str(sources / "halved.c"), "--emit", stage]) == 1
    assert "a kernel in C has no stages before C" in capsys.readouterr().err


# ---- packs and bundles ---------------------------------------------------------------------------


def test_pack_is_libraries_and_their_index(sources: Path, output: Path) -> None:
    report = build_pack([sources], output)
    assert files(output) == [FILE, "halved.so", "two.so"]
    assert [built.library for built in report.results] == [output / "halved.so", output / "two.so"]
    assert [kernel.op for kernel in Index(output).kernels()] == ["halved", "doubled", "picked"]


def test_failure_leaves_the_pack_as_it_was(sources: Path, output: Path) -> None:
    build_pack([sources], output)
    before = {path: path.read_bytes() for path in output.iterdir()}
    (sources / "two.py").write_text(TWO.replace("x[i] * 2.0", "x[i].real"))
    report = build_pack([sources], output)
    assert [str(error).partition(":")[0] for error in report.errors] == [str(sources / "two.py")]
    assert [(built.library, built.note) for built in report.results if not built.error] == [
        (None, "left out, since another failed")
    ]
    assert {path: path.read_bytes() for path in output.iterdir()} == before


def test_library_that_does_not_load_leaves_the_pack_as_it_was(sources: Path, output: Path) -> None:
    build_pack([sources], output)
    (sources / "halved.c").write_text("typedef int nothing;\n")
    with pytest.raises(hg.LibraryError, match=rf"^{re.escape(str(sources / 'halved.c'))}: "):
        build_pack([sources], output)
    assert [kernel.op for kernel in Index(output).kernels()] == ["halved", "doubled", "picked"]


def test_source_that_is_gone_takes_its_library_along_and_no_other_file(sources: Path, output: Path) -> None:
    build_pack([sources], output)
    (output / "strange.so").write_bytes(b"not from here")
    (sources / "halved.c").unlink()
    build_pack([sources], output)
    assert files(output) == [FILE, "strange.so", "two.so"]


def test_bundle_has_the_chosen_kernels_of_sources_and_libraries(sources: Path, tmp_path: Path) -> None:
    build_libraries([sources / "halved.c"], tmp_path / "libs")
    build_pack([sources / "two.py", tmp_path / "libs"], tmp_path / "bundle", kernels=["halved", "doubled"])
    assert [kernel.op for kernel in Index(tmp_path / "bundle").kernels()] == ["doubled", "halved"]
    loader = KernelLoader(hg.Runtime())
    assert loader.load_from_directory(tmp_path / "bundle").kernels == ("halved", "doubled")


def test_bundle_of_a_name_that_is_nowhere_is_refused(sources: Path, output: Path) -> None:
    with pytest.raises(hg.LibraryError, match=r"no kernel 'nothing'; there are doubled, halved"):
        build_pack([sources], output, kernels=["nothing", "doubled"])
    assert not output.exists()


def test_bundle_of_nothing_is_refused(tmp_path: Path, output: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(hg.LibraryError, match="there are no kernels in any of the sources"):
        build_pack([tmp_path / "empty"], output)
    assert not output.exists()


def test_broken_library_is_named_as_it_was_given(sources: Path, tmp_path: Path, output: Path) -> None:
    broken = tmp_path / "broken.so"
    broken.write_bytes(b"\x7fELF")
    with pytest.raises(hg.LibraryError, match=rf"^{re.escape(str(broken))}: truncated"):
        build_pack([sources, broken], output)
    assert not output.exists()


def test_bundle_of_two_with_one_name_is_refused(sources: Path, tmp_path: Path) -> None:
    build_libraries([sources / "halved.c"], tmp_path / "libs")
    with pytest.raises(CompileError, match=r"halved\.so: .*halved\.c has the same name"):
        build_pack([sources, tmp_path / "libs"], tmp_path / "bundle")


def test_bundle_command_lists_what_it_took(sources: Path, output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bundle", str(sources), "-k", "picked", "-o", str(output)]) == 0
    assert capsys.readouterr().out == f"{sources / 'two.py'} -> {output / 'two.so'}\n  picked\n"
    assert run(["bundle", str(sources), "-k", "nothing", "-o", str(output)]) == 1
    assert "hologram: no kernel 'nothing'" in capsys.readouterr().err


# ---- projects ------------------------------------------------------------------------------------


def test_names_are_those_of_the_project(tmp_path: Path) -> None:
    folder = new_project(tmp_path / "My.Kernels")
    assert (folder / "src" / "my_kernels" / "__init__.py").exists()
    assert 'name = "my-kernels"' in (folder / "pyproject.toml").read_text()
    texts = [path.read_text() for path in folder.rglob("*") if path.is_file()]
    assert not any("user-plugin" in text or "user_plugin" in text for text in texts)


@pytest.mark.parametrize("name", ["1st", "two words", "ö", "-x", "x-", "class", "json", "numpy", "hologram_core"])
def test_name_that_no_package_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"is no name for a package|is here already"):
        new_project(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_folder_that_exists_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").mkdir()
    assert run(["new", str(tmp_path / "mine")]) == 1
    assert "exists already; choose another name" in capsys.readouterr().err
    assert list((tmp_path / "mine").iterdir()) == []


def test_project_with_an_error_in_a_kernel_is_not_built(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = new_project(tmp_path / "wrong")
    kernel = folder / "src" / "wrong" / "kernels" / "hard_swish.py"
    kernel.write_text(kernel.read_text().replace("max(x[i]", "maxi(x[i]"))
    assert run(["pack", str(folder)]) == 1
    assert f"{kernel}:10:" in capsys.readouterr().err
    assert not list((folder / "dist").glob("*.whl"))


def test_project_is_packed_where_it_is_asked_for(tmp_path: Path) -> None:
    folder = new_project(tmp_path / "right")
    made = build_project(folder, tmp_path / "out")
    assert [path.name for path in made] == ["right-0.1.0.tar.gz", f"right-0.1.0-{wheel_tag()}.whl"]
    assert all(path.parent == tmp_path / "out" and path.exists() for path in made)


def test_platform_of_the_wheel_can_be_stated(tmp_path: Path) -> None:
    folder = new_project(tmp_path / "stated")
    project = folder / "pyproject.toml"
    project.write_text(project.read_text() + 'platform = "manylinux_2_28_x86_64"\n')
    assert build_project(folder)[1].name == "stated-0.1.0-py3-none-manylinux_2_28_x86_64.whl"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "No such file or directory; name the folder of a project"),
        ("", "build-backend is None, expected 'hatchling.build'"),
        ('[build-system]\nbuild-backend = "hatchling.build"\n', "nothing compiles its kernels"),
        ("[", "pyproject.toml: not TOML"),
    ],
)
def test_folder_that_is_no_project_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(ValueError, match=message):
        build_project(tmp_path)


def test_project_without_one_folder_of_kernels_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = new_project(tmp_path / "many")
    (folder / "src" / "other" / "kernels").mkdir(parents=True)
    assert run(["pack", str(folder)]) == 1
    printed = capsys.readouterr().err
    assert "expected one folder <package>/kernels, found src/many/kernels, src/other/kernels" in printed
    assert "hooks.hologram] kernels =" in printed


# ---- inspect -------------------------------------------------------------------------------------


def test_inspect_tells_what_was_proved_and_what_is_checked(
    sources: Path, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build_libraries([sources], output)
    assert run(["inspect", str(output)]) == 0
    printed = capsys.readouterr().out
    assert "doubled(x, out, n=len(x))" in printed
    assert "accesses: 2 proved, 0 checked" in printed
    assert "accesses: 2 proved, 1 checked" in printed
    assert "store out[i]: proved: end <= len(out)" in printed
    assert "accesses: not known, it was not written in the kernel language" in printed
    assert "halved: ()->() for f32, any n, baseline" in printed


def test_inspect_gives_plain_data(sources: Path, output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    build_libraries([sources / "two.py"], output, unchecked=True)
    assert run(["inspect", str(output / "two.so"), "--json"]) == 0
    (library,) = json.loads(capsys.readouterr().out)
    assert (library["source"], library["unchecked"], len(library["sha256"])) == ("two.py", True, 64)
    assert library["producer"].endswith(f", {find_compiler().version}")
    doubled, _ = library["kernels"]
    assert doubled["rows"][0]["signature"] == "()->()"
    assert doubled["rows"][0]["levels"][: len(hg.cpu_levels())] == list(hg.cpu_levels())
    assert run(["inspect", str(output / "two.so")]) == 0
    assert "accesses: none checked" in capsys.readouterr().out


def test_inspect_of_nothing_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", "nothing"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
