"""Does a watch follow what happens to files, survive what can happen to it, and end when it should?"""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import watchfiles
from support import loadable
from support.waiting import wait_for

import hologram_core as hg
import hologram_dynamic as hd
from hologram_dynamic.plugin import DynamicProvider
from hologram_dynamic.watch import GRACE, Watch

X = np.arange(4, dtype="f4")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Libraries with the same kernel, which adds 0, 1, 2."""
    folder = tmp_path_factory.mktemp("made")
    return [loadable.build(folder / f"{i}.so", loadable.manifest(), value=i) for i in range(3)]


@pytest.fixture
def runtime():
    made = hg.Runtime(providers=[])
    made.register(DynamicProvider, "hologram-dynamic")
    return made


@pytest.fixture
def libs(tmp_path):
    folder = tmp_path / "libs"
    folder.mkdir()
    return folder


@pytest.fixture
def loader(runtime):
    return hd.KernelLoader(runtime)


@pytest.fixture
def reports():
    return []


@pytest.fixture
def follow(loader, libs, reports):
    """Watches that are stopped after the test."""
    watches = []

    def begin(folder=libs, loader=loader, on_report=reports.append):
        watches.append(loader.watch(folder, on_report))
        return watches[-1]

    yield begin
    for watch in watches:
        watch.stop()


def put(library, path):
    """Copy a library in one step."""
    part = path.with_suffix(".part")
    shutil.copyfile(library, part)
    part.chmod(0o755)
    os.replace(part, path)


def added(runtime):
    """What the kernel adds that is in use, None if there is none."""
    try:
        return int(runtime.ops.custom_operation(X)[0])
    except hg.UnknownKernelError:
        return None


def settle():
    """Long enough for anything that the watch might do wrongly."""
    time.sleep(GRACE + 0.4)


# ---- libraries -----------------------------------------------------------------------------------


def test_what_is_there_is_loaded_before_watch_returns(made, libs, loader, runtime, follow, reports):
    put(made[1], libs / "custom_op.so")
    watch = follow()
    assert added(runtime) == 1
    assert watch.is_running
    assert watch.folders == (libs,)
    assert [library.path for library in reports[0].libraries] == [libs / "custom_op.so"]


def test_new_changed_and_deleted_libraries_are_followed(made, libs, runtime, follow, reports):
    follow()
    put(made[0], libs / "custom_op.so")
    wait_for(lambda: added(runtime) == 0)
    put(made[2], libs / "custom_op.so")
    wait_for(lambda: added(runtime) == 2)
    assert reports[-1].removed == ()
    (libs / "custom_op.so").unlink()
    wait_for(lambda: added(runtime) is None)
    wait_for(lambda: str(reports[-1]) == f"0 libraries with 0 kernels\n  taken out: {libs / 'custom_op.so'}")
    assert len(reports) == 3


def test_function_that_was_fetched_before_calls_the_new_kernel_and_a_handle_the_old(
    made, libs, loader, runtime, follow
):
    put(made[0], libs / "custom_op.so")
    follow()
    function, handle = runtime.ops.custom_operation, loader.get_kernel("custom_op")
    put(made[1], libs / "custom_op.so")
    wait_for(lambda: function(X)[0] == 1)
    assert handle(X)[0] == 0
    assert loader.get_kernel("custom_op")(X)[0] == 1


def test_broken_library_keeps_the_old_one_and_is_said_once(made, libs, runtime, follow, reports):
    path = libs / "custom_op.so"
    put(made[1], path)
    watch = follow()
    path.write_bytes(made[2].read_bytes()[:1000])
    wait_for(lambda: watch.errors)
    assert "truncated" in str(watch.errors[path])
    settle()
    assert [len(report.skipped) for report in reports] == [0, 1]
    assert added(runtime) == 1
    put(made[2], path)
    wait_for(lambda: added(runtime) == 2)
    wait_for(lambda: watch.errors == {})


def test_without_a_callback_errors_go_to_stderr(libs, loader, capfd):
    (libs / "text.so").write_text("not a library")
    with loader.watch(libs):
        assert capfd.readouterr().err == f"{libs / 'text.so'}: not a shared library: it is text\n"


def test_on_error_raise_is_for_loading_alone(made, libs, runtime):
    (libs / "text.so").write_text("not a library")
    put(made[1], libs / "custom_op.so")
    reports = []
    with hd.KernelLoader(runtime, on_error="raise").watch(libs, reports.append):
        assert len(reports[0].skipped) == 1
        assert added(runtime) == 1


@pytest.fixture
def patient(monkeypatch):
    """A watch that waits longer than a test is ever kept waiting."""
    monkeypatch.setattr("hologram_dynamic.watch.GRACE", 60.0)


def change_until_told(library, path, runtime, value):
    """Put a library again and again until the system tells of it: a watch asks to be told a moment after it began."""

    def is_told():
        put(library, path)
        time.sleep(0.3)
        return added(runtime) == value

    wait_for(is_told)


@pytest.mark.usefixtures("patient")
def test_library_that_is_deleted_and_written_anew_is_never_missed(made, libs, runtime, follow):
    path = libs / "custom_op.so"
    put(made[2], path)
    follow()
    change_until_told(made[0], path, runtime, 0)
    seen = {added(runtime)}
    for turn in range(1, 4):  # as linkers do it
        path.unlink()
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            seen.add(added(runtime))
        put(made[turn % 3], path)
        wait_for(lambda turn=turn: added(runtime) == turn % 3)
    assert seen == {0, 1, 2}


@pytest.mark.usefixtures("patient")
def test_library_that_is_emptied_before_it_is_written_is_not_complained_about(made, libs, runtime, follow, reports):
    path = libs / "custom_op.so"
    put(made[0], path)
    follow()
    change_until_told(made[2], path, runtime, 2)
    with open(path, "wb", buffering=0) as file:
        time.sleep(0.3)
        file.write(made[1].read_bytes())
    wait_for(lambda: added(runtime) == 1)
    assert [report.skipped for report in reports] == [(), (), ()]  # of the same content again there is no report


def test_library_that_stays_empty_is_broken(made, libs, runtime, follow, reports):
    path = libs / "custom_op.so"
    put(made[1], path)
    follow()
    path.write_bytes(b"")
    wait_for(lambda: "the file is empty" in str(reports[-1]))
    assert added(runtime) == 1


def test_renamed_library_stays(made, libs, loader, runtime, follow):
    put(made[1], libs / "before.so")
    follow()
    (libs / "before.so").rename(libs / "after.so")
    wait_for(lambda: [library.path.name for library in loader.libraries] == ["after.so"])
    assert added(runtime) == 1


def test_copy_of_a_library_serves_when_the_first_is_gone(made, libs, loader, runtime, follow):
    put(made[1], libs / "first.so")
    put(made[1], libs / "second.so")
    follow()
    (libs / "first.so").unlink()
    wait_for(lambda: [library.path.name for library in loader.libraries] == ["second.so"])
    assert added(runtime) == 1


def test_version_with_a_hash_is_not_loaded_beside_its_stable_name(made, libs, loader, follow):
    follow()
    put(made[1], libs / "custom_op-0123456789ab.so")
    wait_for(lambda: [library.path.name for library in loader.libraries] == ["custom_op-0123456789ab.so"])
    put(made[1], libs / "custom_op.so")
    wait_for(lambda: [library.path.name for library in loader.libraries] == ["custom_op.so"])


def test_folder_that_disappears_takes_its_kernels_and_brings_them_back(made, libs, runtime, follow):
    put(made[0], libs / "custom_op.so")
    watch = follow()
    shutil.rmtree(libs)
    wait_for(lambda: added(runtime) is None)
    assert watch.is_running
    libs.mkdir()
    put(made[1], libs / "custom_op.so")
    wait_for(lambda: added(runtime) == 1)
    put(made[2], libs / "custom_op.so")
    wait_for(lambda: added(runtime) == 2)


def test_folder_that_is_replaced_at_once_is_followed(made, libs, runtime, follow, tmp_path, monkeypatch):
    original, begun = watchfiles.watch, []

    def counted(*folders, **options):
        begun.append(folders)
        return original(*folders, **options)

    monkeypatch.setattr("watchfiles.watch", counted)
    put(made[0], libs / "custom_op.so")
    follow()
    wait_for(lambda: begun)
    (tmp_path / "next").mkdir()
    put(made[1], tmp_path / "next" / "custom_op.so")
    libs.rename(tmp_path / "old")
    (tmp_path / "next").rename(libs)
    wait_for(lambda: added(runtime) == 1)
    wait_for(lambda: begun == [(libs,), (libs,)])  # the system tells of the new folder now
    put(made[2], libs / "custom_op.so")
    wait_for(lambda: added(runtime) == 2)


def test_change_that_nobody_tells_of_is_seen(made, libs, loader, runtime, monkeypatch):
    def silent(*_folders, stop_event, rust_timeout, **_options):
        while not stop_event.wait(rust_timeout / 1000):
            yield set()

    monkeypatch.setattr("watchfiles.watch", silent)
    with loader.watch(libs):
        put(made[1], libs / "custom_op.so")
        wait_for(lambda: added(runtime) == 1)


def test_folder_that_cannot_be_watched_is_looked_at_now_and_then(made, libs, loader, runtime, monkeypatch):
    def refuse(*_folders, **_options):
        raise OSError(28, "No space left on device")
        yield

    monkeypatch.setattr("watchfiles.watch", refuse)
    with loader.watch(libs):
        put(made[1], libs / "custom_op.so")
        wait_for(lambda: added(runtime) == 1)


def test_folder_that_others_can_write_by_now_is_not_loaded_from(made, libs, runtime, follow):
    put(made[0], libs / "custom_op.so")
    watch = follow()
    libs.chmod(0o777)
    put(made[1], libs / "custom_op.so")
    wait_for(lambda: watch.errors)
    assert "this folder can be written by everybody" in str(watch.errors[libs / "custom_op.so"])
    assert added(runtime) == 0


def test_two_watches_of_one_folder_agree(made, libs, runtime, follow):
    other = hd.KernelLoader(runtime)
    put(made[0], libs / "custom_op.so")
    follow(), follow(), follow(loader=other)
    put(made[1], libs / "custom_op.so")
    wait_for(lambda: added(runtime) == 1 and other.get_kernel("custom_op")(X)[0] == 1)
    (libs / "custom_op.so").unlink()
    wait_for(lambda: added(runtime) is None and not other.libraries)


def test_two_folders_of_one_loader_keep_apart(made, libs, loader, runtime, follow, tmp_path):
    (tmp_path / "more").mkdir()
    put(made[0], libs / "custom_op.so")
    put(made[1], tmp_path / "more" / "custom_op.so")
    follow(), follow(tmp_path / "more")
    assert added(runtime) == 1
    (tmp_path / "more" / "custom_op.so").unlink()
    wait_for(lambda: added(runtime) == 0)
    assert [library.path for library in loader.libraries] == [libs / "custom_op.so"]


# ---- refusals, and what callbacks do -------------------------------------------------------------


def test_missing_package_is_one_line_that_says_how_to_get_it(libs, loader, monkeypatch):
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    with pytest.raises(hg.HologramError) as caught:
        loader.watch(libs)
    text = str(caught.value)
    assert text.startswith("watching needs the package watchfiles (")
    assert text.endswith("); pip install 'hologram-dynamic[watch]'")
    assert "\n" not in text


def test_missing_and_untrusted_folders_are_refused_at_once(libs, loader, tmp_path):
    with pytest.raises(hd.FolderNotFoundError):
        loader.watch(tmp_path / "nowhere")
    libs.chmod(0o777)
    with pytest.raises(hd.UntrustedError):
        loader.watch(libs)


def test_callback_that_fails_is_shown_and_ends_nothing(made, libs, runtime, follow, monkeypatch):
    shown = []
    monkeypatch.setattr(threading, "excepthook", shown.append)

    def fail(report):
        if report.libraries:
            raise RuntimeError("somebody's mistake")

    follow(on_report=fail)
    put(made[1], libs / "custom_op.so")
    wait_for(lambda: shown)
    assert str(shown[0].exc_value) == "somebody's mistake"
    put(made[2], libs / "custom_op.so")
    wait_for(lambda: added(runtime) == 2)


def test_files_that_cannot_be_listed_leave_everything_as_it_is(tmp_path):
    (tmp_path / "a").write_text("a")
    trouble, acted, complaints = [], [], []

    def files():
        if trouble:
            raise trouble[0]
        return [path for path in (tmp_path / "a",) if path.exists()]

    def act(changed, gone):
        acted.append((changed, gone))
        return {}

    with Watch([tmp_path], files, act, lambda place, error: complaints.append((place, str(error)))) as watch:
        trouble.append(hg.HologramError("two of one name"))
        (tmp_path / "a").unlink()
        wait_for(lambda: complaints)
        settle()
        assert complaints == [(tmp_path, "two of one name")]  # once
        assert list(watch.errors) == [tmp_path]
        assert acted == [([tmp_path / "a"], [])]
        trouble.clear()
        wait_for(lambda: acted[1:] == [([], [tmp_path / "a"])])
        assert watch.errors == {}


# ---- ending --------------------------------------------------------------------------------------


def test_stopped_watch_follows_no_more_and_keeps_what_is_loaded(made, libs, loader, runtime):
    put(made[0], libs / "custom_op.so")
    with loader.watch(libs) as watch:
        pass
    assert not watch.is_running
    assert repr(watch) == f"<Watch of {libs}, stopped>"
    put(made[1], libs / "custom_op.so")
    settle()
    assert added(runtime) == 0
    watch.stop()  # again, which is nothing
    watch.wait()


def test_watch_can_be_stopped_by_its_own_callback(made, libs, loader):
    holder = []

    def stop(report):
        if holder:
            holder[0].stop()

    holder.append(loader.watch(libs, stop))
    put(made[0], libs / "custom_op.so")
    holder[0].wait()
    assert not holder[0].is_running


def test_wait_returns_when_another_thread_stops(libs, loader):
    watch = loader.watch(libs)
    threading.Timer(0.1, watch.stop).start()
    watch.wait()
    assert not watch.is_running


def test_nobody_needs_to_hold_a_watch(made, libs, runtime):
    hd.KernelLoader(runtime).watch(libs)
    try:
        put(made[1], libs / "custom_op.so")
        wait_for(lambda: added(runtime) == 1)
    finally:
        (thread,) = [thread for thread in threading.enumerate() if thread.name == f"hologram watch {libs}"]
        thread._target.__self__.stop()


PROGRAM = """
import sys, hologram_dynamic
watch = hologram_dynamic.KernelLoader().watch(sys.argv[1])
assert watch.is_running
"""


@pytest.mark.parametrize("end", ["", "raise SystemExit(0)", "import threading; threading.Timer(0.2, print).start()"])
def test_process_ends_with_a_watch(made, libs, end):
    put(made[0], libs / "custom_op.so")
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", PROGRAM + end, str(libs)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_forked_child_has_what_was_loaded_and_follows_nothing(made, libs, loader, runtime, follow):
    put(made[0], libs / "custom_op.so")
    watch = follow()
    for turn in range(1, 7):  # in the middle of swaps too
        put(made[turn % 3], libs / "custom_op.so")
        time.sleep(0.004 * turn)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                signal.alarm(20)
                assert added(runtime) in (0, 1, 2)
                assert not watch.is_running
                watch.stop()
                assert hd.KernelLoader(runtime).load_library(made[2]).kernels == ("custom_operation",)
                assert added(runtime) == 2
                with loader.watch(libs) as mine:
                    assert mine.is_running
                status = 0
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert watch.is_running
    wait_for(lambda: added(runtime) == 0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_fork_waits_for_a_swap_to_end(made, libs, runtime, follow, monkeypatch):
    put(made[0], libs / "custom_op.so")
    follow()
    refresh, in_the_middle = runtime.refresh, threading.Event()

    def slow(name):
        with runtime._lock:  # which a child would find held for ever
            in_the_middle.set()
            time.sleep(0.3)
            refresh(name)

    monkeypatch.setattr(runtime, "refresh", slow)
    put(made[1], libs / "custom_op.so")
    assert in_the_middle.wait(30)
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        os._exit(added(runtime))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
