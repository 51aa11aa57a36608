"""The C compiler and the cache of what it made."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from hologram_atlas import toolchain
from hologram_atlas.cache import Cache, CacheWarning, key_of
from hologram_atlas.compiler import build
from hologram_atlas.errors import BuildError, CompilerNotFound
from hologram_atlas.toolchain import find_compiler
from hologram_core.settings import Settings

EMPTY = "int JOIN_nothing;\n"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("HOLOGRAM_CACHE_DIR", str(folder))
    return folder


def test_no_compiler_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(toolchain, "_find_zig", lambda: None)
    with pytest.raises(CompilerNotFound, match=r"looked for \$CC, cc, gcc, clang, the package ziglang") as caught:
        find_compiler()
    assert "pip install 'hologram-atlas[zig]'" in caught.value.advice


def test_wrong_cc_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler -O2")
    with pytest.raises(CompilerNotFound, match="CC=no-such-compiler -O2"):
        find_compiler()


def test_cc_may_have_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "gcc -DX=1")
    assert find_compiler().command == ("gcc", "-DX=1")


def test_version_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = find_compiler()
    monkeypatch.setattr(subprocess, "run", None)  # whoever asks again fails
    assert find_compiler() == first


def test_failing_compiler_is_quoted_and_its_source_kept() -> None:
    with pytest.raises(BuildError, match="error: ") as caught:
        build("this is not C;\n")
    error = caught.value
    assert error.exit_code != 0
    assert "this is not C" in Path(error.kept).read_text()
    assert str(error.kept) in str(error)


def test_compiler_that_cannot_run_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "cc"
    fake.write_text('#!/bin/sh\n[ "$1" = --version ] && echo fake 1.0 && exit 0\necho broken >&2\nexit 3\n')
    fake.chmod(0o755)
    monkeypatch.setenv("CC", str(fake))
    with pytest.raises(BuildError, match="broken") as caught:
        build(EMPTY)
    assert caught.value.exit_code == 3


# ---- the cache -----------------------------------------------------------------------------------


def test_library_is_made_once(own_cache: Path) -> None:
    first = build(EMPTY)
    stamp = first.stat().st_mtime_ns
    assert build(EMPTY) == first
    assert first.stat().st_mtime_ns == stamp
    assert first.parent == own_cache


@pytest.mark.skipif(len(Settings().levels) < 2, reason="this machine has one level")
def test_key_has_text_level_compiler_and_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = {build(EMPTY), build(EMPTY + "\n"), build(EMPTY, levels=["baseline"])}
    monkeypatch.setenv("CC", "gcc -DX=1")
    paths.add(build(EMPTY))
    monkeypatch.setattr(toolchain, "FLAGS", (*toolchain.FLAGS, "-DY=1"))
    paths.add(build(EMPTY))
    assert len(paths) == 5


def test_parts_of_a_key_are_told_apart() -> None:
    assert key_of(["ab", "c"]) != key_of(["a", "bc"])


def test_failed_build_leaves_nothing(own_cache: Path) -> None:
    cache = Cache(own_cache)

    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.build("key", fail)
    assert cache.find("key") is None
    assert [path.suffix for path in own_cache.iterdir()] in ([], [".lock"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_folder_that_cannot_be_written_is_said_once(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    check_unwritable(folder)


def test_file_in_the_place_of_the_folder_is_said_once(tmp_path: Path) -> None:
    folder = tmp_path / "file"
    folder.touch()
    check_unwritable(folder)


def check_unwritable(folder: Path) -> None:
    with pytest.warns(CacheWarning, match="set HOLOGRAM_CACHE_DIR") as caught:
        made = Cache(folder).build("key", lambda path: path.write_bytes(b"1") and None)
    assert made.read_bytes() == b"1"
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Cache(folder).build("other", lambda path: path.write_bytes(b"2") and None)


RACE = """
import sys, time
from pathlib import Path
from hologram_atlas.cache import Cache
def make(path):
    print("made", flush=True)
    time.sleep(0.3)
    path.write_bytes(b"library")
print(Cache(Path(sys.argv[1])).build("key", make).read_bytes())
"""


def test_two_processes_make_it_once(own_cache: Path) -> None:
    command = [sys.executable, "-c", RACE, str(own_cache)]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [run.communicate()[0] for run in runs]
    assert sum("made" in text for text in said) == 1
    assert all("b'library'" in text for text in said)
