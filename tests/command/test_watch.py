"""`hologram watch` and watch_sources(): sources that are saved are compiled and used, mistakes are printed, Ctrl-C ends it."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from support.waiting import wait_for

import hologram_core as hg
import hologram_dynamic as hd
from hologram_atlas import CompileError, CompilerNotFound, watch_sources
from hologram_atlas.build import build_libraries
from hologram_dynamic.plugin import DynamicProvider

SCALED = """
def scaled(x: DeviceArray[f32], out: DeviceArray[f32], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = x[i] * {}.0
"""
X = np.ones(5, np.float32)


@pytest.fixture(autouse=True, scope="module")
def _own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOLOGRAM_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def sources(tmp_path):
    folder = tmp_path / "sources"
    folder.mkdir()
    (folder / "scaled.py").write_text(SCALED.format(2))
    return folder


@pytest.fixture
def runtime():
    made = hg.Runtime(providers=[])
    made.register(DynamicProvider, "hologram-dynamic")
    return made


@pytest.fixture
def reports():
    return []


@pytest.fixture
def follow(sources, runtime, reports):
    """Watches of sources that load into the runtime, stopped after the test."""
    watches = []

    def begin(paths=sources, output=None, on_report=reports.append, **options):
        options.setdefault("loader", hd.KernelLoader(runtime))
        watches.append(watch_sources(paths, output, on_report=on_report, **options))
        return watches[-1]

    yield begin
    for watch in watches:
        watch.stop()


def scale(runtime):
    """What the kernel multiplies by that is in use, None if there is none."""
    try:
        return int(runtime.ops.scaled(X)[0])
    except hg.UnknownKernelError:
        return None


# ---- the function --------------------------------------------------------------------------------


def test_saved_source_is_compiled_and_used(sources, runtime, follow, reports):
    watch = follow()
    assert scale(runtime) == 2
    (sources / "scaled.py").write_text(SCALED.format(3))
    wait_for(lambda: scale(runtime) == 3)
    assert watch.errors == {}
    assert [[built.source for built in report.built] for report in reports] == [[sources / "scaled.py"]] * 2


def test_only_the_level_of_this_machine_is_compiled(sources, runtime, follow):
    loader = hd.KernelLoader(runtime)
    follow(loader=loader)
    (kernel,) = loader.libraries[0].rows
    assert [level for level, _ in kernel.variants] == [hg.cpu_levels()[-1]]


def test_editor_that_writes_another_file_and_renames_it_is_followed(sources, runtime, follow):
    follow(sources / "scaled.py")  # one file, not its folder
    (sources / "scaled.py~").write_text(SCALED.format(4))
    os.replace(sources / "scaled.py~", sources / "scaled.py")
    wait_for(lambda: scale(runtime) == 4)


def test_mistakes_are_printed_as_the_compiler_does_and_keep_the_old_kernel(sources, runtime, follow, capfd):
    path = sources / "scaled.py"
    watch = follow(on_report=None)
    path.write_text(SCALED.format(3).replace("x[i]", "y[i]"))
    wait_for(lambda: watch.errors)
    assert scale(runtime) == 2
    printed = capfd.readouterr().err
    assert printed == f"{watch.errors[path]}\n"
    assert printed.startswith(f"{path}:5:18: ")
    assert "out[i] = y[i] * 3.0" in printed
    path.write_text(SCALED.format(5))
    wait_for(lambda: scale(runtime) == 5)
    wait_for(lambda: watch.errors == {})


def test_mistake_in_c_is_told_in_the_words_of_the_compiler_and_the_name_of_the_file(sources, runtime, follow, capfd):
    follow(on_report=None)
    (sources / "by_hand.c").write_text('#include "hologram/levels.h"\n\nint f(void) { return oops; }\n')
    text = ""

    def printed():
        nonlocal text
        text += capfd.readouterr().err
        return "oops" in text

    wait_for(printed)
    assert f"{sources / 'by_hand.c'}:3:" in text
    assert scale(runtime) == 2


def test_deleted_source_takes_its_kernels_and_its_library_out(sources, runtime, follow, reports, tmp_path):
    output = tmp_path / "libs"
    follow(output=output)
    assert {path.suffix for path in output.iterdir()} == {".so"}
    (sources / "scaled.py").unlink()
    wait_for(lambda: scale(runtime) is None)
    wait_for(lambda: reports[-1].gone == (sources / "scaled.py",))
    assert list(output.iterdir()) == []


def test_source_that_is_emptied_before_it_is_written_never_misses_its_kernel(sources, runtime, follow, monkeypatch):
    monkeypatch.setattr("hologram_dynamic.watch.GRACE", 60.0)  # longer than this test is ever kept waiting
    path = sources / "scaled.py"
    follow()
    seen = set()
    for value in (3, 4):
        with open(path, "w") as file:  # as some editors do it
            end = time.monotonic() + 0.3
            while time.monotonic() < end:
                seen.add(scale(runtime))
            file.write(SCALED.format(value))
        wait_for(lambda value=value: scale(runtime) == value)
    assert seen == {2, 3}


def test_source_without_kernels_keeps_those_that_it_had(sources, runtime, follow, reports):
    follow()
    (sources / "scaled.py").write_text("# not yet\n")
    wait_for(lambda: reports[-1].built[0].note == "it has no kernels")
    (sources / "scaled.py").write_text("")
    wait_for(lambda: len(reports) == 3)
    assert scale(runtime) == 2


def test_new_source_is_compiled_and_private_ones_are_not(sources, runtime, follow, reports):
    follow()
    (sources / "_draft.py").write_text("def draft(:\n")
    (sources / ".scaled.py.swp").write_text("what an editor keeps")
    (sources / "negated.py").write_text(SCALED.replace("scaled", "negated").format(-1))
    wait_for(lambda: "negated" in runtime.ops)
    assert [built.source.name for report in reports for built in report.built] == ["scaled.py", "negated.py"]


def test_two_sources_of_one_name_are_said_and_stop_nothing(sources, runtime, follow, reports):
    watch = follow()
    (sources / "scaled.json").write_text("{}")
    wait_for(lambda: watch.errors)
    assert "has the same name" in str(watch.errors[sources])
    assert scale(runtime) == 2
    (sources / "scaled.json").unlink()
    (sources / "scaled.py").write_text(SCALED.format(6))
    wait_for(lambda: scale(runtime) == 6)
    assert watch.errors == {}


def test_two_processes_are_one_with_the_folder_of_the_libraries_between_them(sources, runtime, tmp_path):
    output = tmp_path / "libs"
    with watch_sources(sources, output), hd.KernelLoader(runtime).watch(output):
        assert scale(runtime) == 2
        (sources / "scaled.py").write_text(SCALED.format(7))
        wait_for(lambda: scale(runtime) == 7)


def test_without_output_and_loader_the_default_runtime_has_the_kernels(sources):
    with watch_sources([sources]):
        assert hg.ops.scaled(X)[0] == 2
    assert hg.ops.scaled(X)[0] == 2  # stopping takes nothing out
    hd.default_loader().unload("scaled")


def test_private_folder_goes_with_the_watch(sources, runtime, tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    with watch_sources(sources, loader=hd.KernelLoader(runtime)):
        assert len(list((tmp_path / "temporary").iterdir())) == 1
    assert list((tmp_path / "temporary").iterdir()) == []
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    with pytest.raises(hg.HologramError, match=r"pip install 'hologram-atlas\[watch\]'"):
        watch_sources(sources, loader=hd.KernelLoader(runtime))
    assert list((tmp_path / "temporary").iterdir()) == []


def test_private_folder_goes_with_the_process(sources, tmp_path):
    (tmp_path / "temporary").mkdir()
    program = (
        "import sys, tempfile, pathlib, hologram_atlas; hologram_atlas.watch_sources(sys.argv[1]); "
        "assert list(pathlib.Path(tempfile.gettempdir()).iterdir())"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path / "temporary")}
    subprocess.run([sys.executable, "-c", program, str(sources)], env=environment, check=True)
    assert list((tmp_path / "temporary").iterdir()) == []


def test_sources_that_are_not_there_are_refused_at_once(sources):
    with pytest.raises(CompileError, match="there is no such file or folder"):
        watch_sources([sources, sources / "missing"])


def test_no_compiler_is_an_error_of_each_source(sources, follow, reports, monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    watch = follow()
    assert type(watch.errors[sources / "scaled.py"]) is CompilerNotFound
    monkeypatch.delenv("CC")
    (sources / "scaled.py").write_text(SCALED.format(3))
    wait_for(lambda: watch.errors == {})


# ---- the command ---------------------------------------------------------------------------------


class Command:
    """`hologram watch` in a process of its own, and the lines it has printed."""

    def __init__(self, *arguments):
        program = "import sys; from hologram_core.cli import run; sys.exit(run())"
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, "watch", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines = []
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.reader.join()
        self.process.wait()
        self.process.stdout.close()

    def has_printed(self, text):
        return any(text in line for line in self.lines)


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is another thing there")
def test_command_builds_says_where_to_follow_and_ends_with_ctrl_c(sources, runtime):
    folder = sources / "_kernels"
    with Command(sources) as command:
        wait_for(lambda: command.has_printed("watching"))
        assert command.lines[0].startswith(f"{sources / 'scaled.py'} -> {folder}/scaled-")
        assert command.lines[1] == f"watching, Ctrl-C ends it; in Python: KernelLoader().watch({str(folder)!r})"
        with hd.KernelLoader(runtime).watch(folder):
            (sources / "scaled.py").write_text(SCALED.format(8))
            wait_for(lambda: scale(runtime) == 8)
            (sources / "scaled.py").write_text("def scaled(:\n")
            wait_for(lambda: command.has_printed("scaled.py:1:12: Python syntax error"))
            assert scale(runtime) == 8
            (sources / "scaled.py").unlink()
            wait_for(lambda: command.has_printed(f"{sources / 'scaled.py'}: its kernels are taken out"))
            wait_for(lambda: scale(runtime) is None)
        command.process.send_signal(signal.SIGINT)
        assert command.process.wait(30) == 0
    assert not command.has_printed("Traceback")


def test_command_refuses_what_is_not_there_in_one_line(tmp_path):
    with Command(tmp_path / "missing") as command:
        assert command.process.wait(30) == 1
    assert command.lines == [f"hologram: {tmp_path / 'missing'}: there is no such file or folder"]


def test_libraries_of_another_build_stay(sources, tmp_path, runtime):
    (tmp_path / "other.py").write_text(SCALED.replace("scaled", "other").format(9))
    build_libraries([tmp_path / "other.py"], tmp_path / "libs")
    with watch_sources(sources, tmp_path / "libs", loader=hd.KernelLoader(runtime)):
        (sources / "scaled.py").unlink()
        wait_for(lambda: scale(runtime) is None)
    assert {path.name.split("-")[0].split(".")[0] for path in (tmp_path / "libs").iterdir()} == {"other"}
