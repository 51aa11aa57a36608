"""`hologram build`: files and folders become libraries, only what changed is made, errors are the compiler's."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

import hologram_core as hg
from hologram_atlas.build import build_libraries
from hologram_atlas.errors import CompileError
from hologram_core.cli import run
from hologram_dynamic.library import open_library
from hologram_dynamic.loader import KernelLoader

DOUBLED = """
def doubled(x: DeviceArray[f32], out: DeviceArray[f32], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = x[i] * 2.0
"""
NEGATED = DOUBLED.replace("doubled", "negated").replace("x[i] * 2.0", "-x[i]")
BROKEN = DOUBLED.replace("doubled", "broken").replace("x[i] * 2.0", "x[i].real")
X = np.arange(5, dtype=np.float32)


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "doubled.py").write_text(DOUBLED)
    (folder / "negated.py").write_text(NEGATED)
    return folder


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "made"


def names(folder: Path) -> list[str]:
    """The files of a folder, hashes left out."""
    return sorted("-".join(path.stem.split("-")[:1]) + path.suffix for path in folder.iterdir())


def load(folder: Path) -> KernelLoader:
    loader = KernelLoader(hg.Runtime())
    report = loader.load_from_directory(folder)
    assert not report.skipped, report
    return loader


# ---- the function --------------------------------------------------------------------------------


def test_folder_becomes_libraries_that_load(sources: Path, output: Path) -> None:
    report = build_libraries([sources], output)
    assert [(built.source.name, built.kernels, built.is_new) for built in report.results] == [
        ("doubled.py", ("doubled",), True),
        ("negated.py", ("negated",), True),
    ]
    assert names(output) == ["doubled.so", "doubled.so", "negated.so", "negated.so"]
    loader = load(output)
    np.testing.assert_array_equal(loader.get_kernel("doubled")(X), X * 2)
    np.testing.assert_array_equal(loader.get_kernel("negated")(X), -X)


def test_only_what_changed_is_made_and_its_old_version_goes(sources: Path, output: Path) -> None:
    first = build_libraries([sources], output)
    (sources / "doubled.py").write_text(DOUBLED.replace("2.0", "3.0"))
    second = build_libraries([sources], output)
    assert [built.is_new for built in second.results] == [True, False]
    assert second.libraries[0] != first.libraries[0]
    assert not first.libraries[0].exists()
    assert len(list(output.iterdir())) == 4
    np.testing.assert_array_equal(load(output).get_kernel("doubled")(X), X * 3)


def test_times_of_files_mean_nothing(sources: Path, output: Path) -> None:
    build_libraries([sources], output)
    os.utime(sources / "doubled.py", (2e9, 2e9))
    assert [built.is_new for built in build_libraries([sources], output).results] == [False, False]


def test_broken_stable_copy_is_mended(sources: Path, output: Path) -> None:
    build_libraries([sources], output)
    (output / "doubled.so").write_bytes(b"broken")
    assert [built.is_new for built in build_libraries([sources], output).results] == [True, False]
    load(output)


def test_names_that_are_patterns_or_prefixes_keep_apart(tmp_path: Path, output: Path) -> None:
    for stem in ("a", "a-b", "[a]"):
        (tmp_path / f"{stem}.py").write_text(DOUBLED)
    sources = [tmp_path / f"{stem}.py" for stem in ("a", "a-b", "[a]")]
    build_libraries(sources, output)
    (tmp_path / "a.py").write_text(NEGATED)
    report = build_libraries(sources, output)
    assert all(path.exists() for path in report.libraries)
    assert len(list(output.iterdir())) == 6


def test_failure_leaves_the_others_and_its_old_library(sources: Path, output: Path) -> None:
    old = build_libraries([sources], output).libraries[0]
    (sources / "doubled.py").write_text(BROKEN)
    report = build_libraries([sources], output)
    assert [type(built.error) for built in report.results] == [CompileError, type(None)]
    assert report.libraries == (report.results[1].library,)
    assert old.exists()


def test_file_without_kernels_is_said(tmp_path: Path, output: Path) -> None:
    (tmp_path / "empty.py").write_text('"""Nothing."""\n')
    (built,) = build_libraries([tmp_path / "empty.py"], output).results
    assert (built.library, built.error, built.note) == (None, None, "it has no kernels")


def test_private_and_other_files_of_a_folder_are_left_out(sources: Path, output: Path) -> None:
    for name in ("_private.py", ".hidden.py", "notes.txt"):
        (sources / name).write_text("not a kernel (")
    (sources / "package").mkdir()
    report = build_libraries([sources], output)
    assert [built.source.name for built in report.results] == ["doubled.py", "negated.py"]
    assert not report.errors


def test_sources_that_cannot_be_are_refused(sources: Path, output: Path) -> None:
    with pytest.raises(CompileError, match="there is no such file or folder"):
        build_libraries([sources / "missing.py"], output)
    (sources / "doubled.json").write_text("{}")
    with pytest.raises(CompileError, match=r"doubled\.json has the same name\n  rename one of them"):
        build_libraries([sources], output)
    with pytest.raises(CompileError, match=r"unknown level 'sse9'\n  there are baseline, avx2, avx512"):
        build_libraries([sources / "negated.py"], output, levels=["sse9"])


def test_library_has_the_levels_that_were_asked_for(sources: Path, output: Path) -> None:
    for levels in (["baseline"], ["baseline", "avx2"], None):
        (library, _) = build_libraries([sources], output, levels=levels).libraries
        assert {level for row in open_library(library).rows for level, _ in row.variants} == set(
            levels or ("baseline", "avx2", "avx512")
        )


# ---- the command ---------------------------------------------------------------------------------


def test_command_builds_and_says_what_is_up_to_date(sources: Path, output: Path, capsys) -> None:
    assert run(["build", str(sources), "-o", str(output), "-v", "-j", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" -> ")[0] for line in lines[::2]] == [str(sources / "doubled.py"), str(sources / "negated.py")]
    assert lines[1::2] == ["  doubled", "  negated"]
    assert run(["build", str(sources), "-o", str(output)]) == 0
    assert capsys.readouterr().out.count("(up to date)") == 2


def test_command_prints_every_error_and_fails(sources: Path, output: Path, capsys) -> None:
    (sources / "doubled.py").write_text(BROKEN)
    (sources / "broken.py").write_text("def broken(:\n")
    assert run(["build", str(sources), "-o", str(output)]) == 1
    printed = capsys.readouterr()
    assert "negated.py -> " in printed.out
    assert f"{sources / 'doubled.py'}:5:" in printed.err
    assert f"{sources / 'broken.py'}:1:" in printed.err
    assert "^" in printed.err
    assert names(output) == ["_index.json", "negated.so", "negated.so"]


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        ("ir", "kernel doubled: ()->() for f32"),
        ("json", '"version": "1.0"'),
        ("c", "k0_items"),
        ("asm", "k0_direct_avx512:"),
    ],
)
def test_stages_can_be_seen(sources: Path, tmp_path: Path, capsys, stage: str, expected: str) -> None:
    source = str(sources / "doubled.py")
    assert run(["build", source, "--emit", stage]) == 0
    printed = capsys.readouterr().out
    assert expected in printed
    assert run(["build", source, "--emit", stage, "-o", str(tmp_path / "stage")]) == 0
    assert (tmp_path / "stage").read_text() == printed
    assert capsys.readouterr().out == ""


def test_stage_of_a_broken_file_is_its_error(sources: Path, capsys) -> None:
    (sources / "doubled.py").write_text(BROKEN)
    assert run(["build", str(sources / "doubled.py"), "--emit", "c"]) == 1
    assert "doubled.py:5:" in capsys.readouterr().err


def test_emitted_json_is_one_document_for_several_files(sources: Path, capsys) -> None:
    assert run(["build", str(sources), "--emit", "json"]) == 0
    assert [item["kernel"]["name"] for item in json.loads(capsys.readouterr().out)] == ["doubled", "negated"]


def test_unchecked_is_in_the_manifest(sources: Path, output: Path, capsys) -> None:
    assert run(["build", str(sources / "doubled.py"), "-o", str(output), "--unchecked"]) == 0
    assert open_library(output / "doubled.so").manifest.unchecked
    assert run(["build", str(sources / "doubled.py"), "-o", str(output)]) == 0
    assert not open_library(output / "doubled.so").manifest.unchecked


def test_misuse_is_said(sources: Path, capsys) -> None:
    assert run(["build", str(sources)]) == 2
    assert "say where to: -o DIR" in capsys.readouterr().err
    assert run(["build", str(sources / "missing.py"), "-o", str(sources)]) == 1
    assert "there is no such file or folder" in capsys.readouterr().err
    assert run(["build", str(sources), "-o", str(sources / "doubled.py")]) == 1
    assert "doubled.py" in capsys.readouterr().err
