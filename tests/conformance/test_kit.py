"""Does the conformance kit notice each way to break the contract, name it, and survive it?"""

import ctypes
import mmap
import multiprocessing
import os
import re
import signal
import time
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from support import loadable
from support.loadable import compile_c
from support.providers import DeclaringProvider, python_kernel, runtime_of

import hologram_core as hg
from hologram_core import dtypes
from hologram_core.testing import CHECKS, PROTECTS, KernelCheckError, check, check_kernel, checks, child, kit, values
from hologram_core.testing.body import Body
from hologram_core.testing.definition import ByReference
from hologram_core.testing.memory import Arena

ROOT = Path(__file__).parents[2]
SOURCE = Path(__file__).parent / "bad" / "kernels.c"
NAMES = re.findall(r"^    ROW\((\w+),", SOURCE.read_text(), re.MULTILINE)
READS = {"reads_past_the_end", "reads_before_the_start", "borrows_its_input"}
GUARDED = pytest.mark.skipif(not PROTECTS, reason="without mprotect a read leaves no trace")


def double(x):
    return np.float64(2) * x


class Ops:
    """Says what the ops of the bad kernels are: 2 x, element by element."""

    @hg.hookimpl
    def declare_ops(self):
        return [hg.OpSpec(name, hg.Signature.parse("()->()"), ("x",), "2 x", double) for name in NAMES]


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    return compile_c(SOURCE, tmp_path_factory.mktemp("bad") / "bad.so")


def runtime_with(*plugins):
    runtime = hg.Runtime(providers=["hologram-dynamic"])
    for plugin in plugins:
        runtime.register(plugin, type(plugin).__name__)
    return runtime


@pytest.fixture(scope="module")
def report(bad):
    return check(bad, runtime=runtime_with(Ops()))


def failures(report, kernel):
    return {row.check: row.reason for row in report.failed if row.kernel == kernel}


@pytest.mark.parametrize("kernel", ["good", "good_without_promises"])
def test_good_kernel_passes(report, kernel):
    rows = [row for row in report.rows if row.kernel == kernel]
    assert {row.verdict for row in rows} == {"passed", "not applicable"}
    applicable = {row.check for row in rows if row.verdict == "passed"}
    promises = {"aliasing", "split"} if kernel == "good" else set()
    always = {"opens", "signature", "answers", "guards", "inputs", "outputs", "alignment"}
    assert applicable == always | promises | {"threads", "copies", "results", "specials"}


@pytest.mark.parametrize(
    ("kernel", "noticed", "reason"),
    [
        ("writes_past_the_end", "guards", r"writes up to 4 bytes past the end of 'out' \(n = 1\)"),
        ("writes_before_the_start", "guards", r"writes up to 4 bytes before the start of 'out' \(n = 1\)"),
        pytest.param("reads_past_the_end", "guards", r"reads past the end of 'x' \(n = 1\): .* SIG", marks=GUARDED),
        pytest.param("reads_before_the_start", "guards", r"reads before the start of 'x' .* SIG", marks=GUARDED),
        ("strays_far", "answers", r"called with n = 1: the process died of SIG"),
        ("modifies_its_input", "inputs", r"writes to its input 'x' \(n = 1\)"),
        pytest.param("borrows_its_input", "inputs", r"writes to an input and puts back .* SIG", marks=GUARDED),
        ("adds_to_its_output", "outputs", r"out\[0\] is .*, by what was in it before the call: not written, or read"),
        (
            "depends_on_alignment",
            "alignment",
            r"with 'x', 'out' 4 bytes past a multiple of 64, out\[0\] is .*\(n = 1\)",
        ),
        ("wrong_tail", "results", r"out\[0\] is (.*), expected .* for x = \1 \(n = 1\)"),
        ("wrong_on_nan", "specials", r"out\[16\] is 0.0, expected nan for x = nan"),
        ("clobbers_before_reading", "aliasing", r"with 'out' in the memory of 'x', out\[0\] is 0.0, expected"),
        ("ignores_its_range", "split", r"for work items 0 to 0 of 1 \(n = 1\) it writes to 'out' beyond 0"),
        ("depends_on_its_range", "split", r"whole and in two pieces, out\[1\] is .*, and 0.0 \(n = 5\)"),
        ("shares_a_buffer", "threads", r"called from 4 threads at once, and alone, out\[\d+\] is"),
        ("clashes_with_its_copy", "copies", r"with two copies of its library open, out\[0\] is"),
        ("illegal_instruction", "answers", r"called with n = 4: the process died of (SIGILL|SIGTRAP) \("),
        ("ends_the_process", "answers", r"called with n = 4: it ended the process with status 0x0"),
        (
            "wrong_signature",
            "signature",
            r"its row promises \(n\)->\(n\), op 'wrong_signature' is \(\)->\(\), so the op",
        ),
    ],
)
def test_each_fault_is_named_by_its_check_alone(report, kernel, noticed, reason):
    found = failures(report, kernel)
    assert set(found) == {noticed}
    assert re.match(reason, found[noticed])


@pytest.mark.parametrize(
    ("kernel", "noticed", "reason"),
    [
        (
            "leaves_output_unwritten",
            "outputs",
            r"out\[0\] is .*, by what was in it before the call: not written, or read",
        ),
        (
            "fails",
            "answers",
            r"with n = 4 it fails where the reference has a result: fails\(\): no more than 3 elements",
        ),
    ],
)
def test_fault_that_leaves_no_right_result_is_named_first(report, kernel, noticed, reason):
    found = failures(report, kernel)
    assert list(found) == [noticed, "results", "specials"]
    assert re.match(reason, found[noticed])


def test_every_bad_kernel_fails(report):
    passes = {"good", "good_without_promises", "never_returns"} | (set() if PROTECTS else READS)
    assert {row.kernel for row in report.failed} == set(NAMES) - passes


def test_nothing_is_called_again_that_has_killed_its_process(report):
    verdicts = {row.check: row.verdict for row in report.rows if row.kernel == "illegal_instruction"}
    assert list(verdicts.values()) == ["passed", "passed", "failed", *["not run"] * 11]
    reasons = {row.reason for row in report.rows if (row.kernel, row.verdict) == ("illegal_instruction", "not run")}
    assert reasons == {"it died in answers"}


def test_kernel_that_never_returns_is_named_and_ended(tmp_path):
    library = compile_c(SOURCE, tmp_path / "hangs.so", "-DNEVER_RETURNS")
    with pytest.raises(KernelCheckError, match="called with n = 4: it has not returned for 3 s") as caught:
        check_kernel(bound(kernels_of(library)["never_returns"]), double, timeout=3)
    assert caught.value.check == "answers"


def test_without_a_reference_the_contract_is_checked_and_values_are_not(bad):
    report = check(bad, runtime=runtime_with())
    passes = {"good", "good_without_promises", "never_returns"} | (set() if PROTECTS else READS)
    passes |= {"wrong_tail", "wrong_on_nan", "fails"}
    assert {row.kernel for row in report.failed} == set(NAMES) - passes
    results = {row.verdict: row.reason for row in report.rows if (row.kernel, row.check) == ("wrong_tail", "results")}
    assert results == {"not applicable": "its op has no reference"}
    assert {"good f32", "wrong_tail f32"} <= set(report.unchecked)
    assert "no values were checked, for lack of a reference or an interpreter, of good f32" in report.summary


def test_every_check_is_documented_in_order():
    page = (ROOT / "docs" / "conformance.md").read_text("utf-8")
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == ["opens", *CHECKS]


# ---- one kernel ----------------------------------------------------------------------------------


def kernels_of(path):
    """The kernels of a file by name; each keeps it open."""
    library = ctypes.CDLL(str(path))
    library.hologram_library_v1.restype = ctypes.c_void_p
    return {kernel.op: kernel for kernel in hg.read_library(library.hologram_library_v1(), library)}


def bound(kernel, n=8):
    return runtime_of(tested=DeclaringProvider([kernel])).get_kernel(kernel.op, kernel.dtype, n)


def test_check_kernel_returns_nothing_for_a_good_one(bad):
    assert check_kernel(bound(kernels_of(bad)["good"]), double, ulp=0.5) is None


@GUARDED
def test_check_kernel_survives_a_crash_and_says_in_which_check(bad):
    kernel = bound(kernels_of(bad)["reads_past_the_end"])
    with pytest.raises(KernelCheckError) as caught:
        check_kernel(kernel, double)
    first, reason = str(caught.value).splitlines()
    assert first == "reads_past_the_end f32 by tested (baseline)"
    assert reason.startswith("  guards: reads past the end of 'arg0' (n = 1): the process died of SIGSEGV")
    assert (caught.value.check, len(caught.value.rows)) == ("guards", 1)


def test_all_that_is_wrong_is_said_at_once(bad):
    with pytest.raises(KernelCheckError) as caught:
        check_kernel(bound(kernels_of(bad)["leaves_output_unwritten"]), double)
    assert [row.check for row in caught.value.rows] == ["outputs", "results", "specials"]


def test_where_no_process_can_fork_the_checks_run_here(bad, monkeypatch):
    monkeypatch.setattr(kit, "METHOD", "spawn")
    kernels = kernels_of(bad)
    check_kernel(bound(kernels["good"]), double)
    with pytest.raises(KernelCheckError, match="inputs: writes to its input"):
        check_kernel(bound(kernels["modifies_its_input"]), double)


def test_library_is_checked_in_processes_started_anew_where_none_can_fork(tmp_path, monkeypatch):
    library = loadable.build(tmp_path / "one.so", op="spawned_operation")
    monkeypatch.setattr(kit, "METHOD", "spawn")
    monkeypatch.setattr(child, "METHOD", "spawn")
    report = check(library)
    assert not report.failed
    assert ("guards", "passed") in {(row.check, row.verdict) for row in report.rows}


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        (lambda x, y: x, "the reference does not take the 1 inputs of its row"),
        (lambda x: (x, x), r"the reference gives 2 results, its row \(\)->\(\) 1"),
        (lambda x: np.ones(7), r"the reference gives \(7,\) for 'out' of shape \(3072,\)"),
        (lambda x: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_reference_of_another_signature_is_named(bad, reference, reason):
    with pytest.raises(KernelCheckError, match=reason) as caught:
        check_kernel(bound(kernels_of(bad)["good"]), reference)
    assert caught.value.check == "signature"


def test_kernel_that_answers_where_its_reference_refuses_is_wrong(bad):
    def picky(x):
        if x.size == 5:
            raise ValueError("not five")
        return 2 * x

    with pytest.raises(KernelCheckError, match=r"it has a result where the reference has none: not five \(n = 5\)"):
        check_kernel(bound(kernels_of(bad)["good"]), picky)


def test_in_outs_are_compared_with_the_first_results_of_the_reference(shared_runtime):
    kernel = shared_runtime.get_kernel("test.accumulate", "f32", 8)
    check_kernel(kernel, np.add)
    with pytest.raises(KernelCheckError, match=r"results: arg0\[0\] is .*, expected"):
        check_kernel(kernel, np.subtract)


def test_python_function_is_checked_like_any_kernel():
    def add(a, b, out):
        np.add(a, b, out=out)
        a[:1] = 0

    kernel = bound(python_kernel(add, "py_add", "(),()->()", "f64"))
    with pytest.raises(
        KernelCheckError, match="inputs: with read-only inputs it fails: assignment destination is read-only"
    ):
        check_kernel(kernel, np.add)


def test_refused_arguments_of_check_kernel():
    with pytest.raises(TypeError, match=r"expected what get_kernel\(\) returns, got builtin_function"):
        check_kernel(hg.ops.relu)
    kernel = bound(python_kernel(lambda x, out: None, "unheard_of", "()->()", "f32"))
    with pytest.raises(ValueError, match="op 'unheard_of' is not in the catalogue; pass a reference"):
        check_kernel(kernel)


# ---- what a kernel meets -------------------------------------------------------------------------


def meet(check, signature, dtype, probe):
    """Run one check on a kernel in Python that tells a probe its arguments."""

    def negative(*values):
        probe(*values)
        np.negative(values[0], out=values[-1])

    body = Body(bound(python_kernel(negative, "probed", signature, dtype)))
    body.reference = ByReference(lambda *inputs: -inputs[0], body.signature)
    check(body)


@pytest.mark.parametrize("dtype", ["f16", "f32", "f64", "i8", "i64"])
def test_every_alignment_is_met_by_all_arrays_and_by_each_alone(dtype):
    met = set()
    meet(checks.alignment, "()->()", dtype, lambda x, out: met.add((x.ctypes.data % 64, out.ctypes.data % 64)))
    offsets = range(0, 64, dtypes.find(dtype).itemsize)
    assert met == {pair for k in offsets for pair in ((k, k), (k, 0), (0, k))}


def test_every_size_around_the_tails_meets_both_guards():
    met = set()

    def probe(*arrays):
        for i, array in enumerate(arrays):
            if array.ctypes.data % mmap.PAGESIZE == 0:
                met.add((array.size, i, "start"))
            if (array.ctypes.data + array.nbytes) % mmap.PAGESIZE == 0:
                met.add((array.size, i, "end"))

    meet(checks.guards, "(),()->()", "f32", probe)
    assert met >= {(n, i, side) for n in range(66) for i in range(3) for side in ("start", "end")}


def test_all_pairs_of_special_values_are_met():
    met = set()
    meet(values.specials, "(),()->()", "f32", lambda a, b, out: met.update(zip(map(str, a), map(str, b), strict=True)))
    info = np.finfo("f4")
    limits = [info.tiny, info.smallest_subnormal, info.max, np.float32(np.inf), np.float32(0)]
    special = {"nan", *(str(sign * value) for value in limits for sign in (1, -1))}
    assert met >= {(a, b) for a in special for b in special}


def test_rows_meet_special_values_too():
    met = set()
    meet(values.specials, "(n)->(n)", "f64", lambda x, out: met.update(map(str, x)))
    assert {"nan", "inf", "-inf", "5e-324"} <= met


@pytest.mark.parametrize(("signature", "sizes"), [("(n)->(n)", range(66)), ("(m,n)->(m,n)", (0, 1, 3, 16, 17, 33))])
def test_sizes_that_are_given_replace_those_of_the_kit(signature, sizes):
    kernel = bound(python_kernel(lambda x, out: None, "sized", signature, "f32"))
    own = Body(kernel).sizes()
    assert {dims["n"] for dims in own} >= set(sizes)
    given = Body(kernel, given_sizes=[5, 9]).sizes()
    assert {tuple(dims.values()) for dims in given} == set(product((5, 9), repeat=len(kernel.signature.dims)))


# ---- the child -----------------------------------------------------------------------------------


def talk(*steps):
    """What a job of these steps makes the parent hear: texts are said, functions are called."""

    def job(doing):
        for step in steps:
            if callable(step):
                doing(f"calling {step.__name__}")
                step()
            else:
                yield step

    return [str(message) for message in child.run_in_child(job, timeout=2)]


def raises():
    raise RuntimeError("on purpose")


def hang():
    time.sleep(100)


def die():
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.skipif(child.METHOD != "fork", reason="these jobs do not pickle")
def test_child_tells_all_that_it_said_and_how_it_ended(capfd):
    assert talk("one", "two") == ["one", "two"]
    assert talk("one", die) == ["one", "calling die: the process died of SIGTERM (Terminated)"]
    assert talk("one", hang) == ["one", "calling hang: it has not returned for 2 s"]
    assert talk(raises) == ["calling raises: it ended the process with status 0x1"]
    assert "RuntimeError: on purpose" in capfd.readouterr().err


def test_no_child_is_left_behind():
    assert multiprocessing.active_children() == []


# ---- memory --------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 3, 1000, 5000])
@pytest.mark.parametrize("dtype", ["f4", "i1", "?"])
def test_arena_tells_what_is_written_beside_an_array(size, dtype):
    value = np.ones(size, dtype)
    arena = Arena(value.nbytes)
    for offset in (0, 8, 63) if value.itemsize == 1 else (0, 4, 60):
        array = arena.place(value, offset=offset)
        assert array.ctypes.data % 64 == offset
        array[...] = 0
        assert arena.find_stray() == ""
        address = array.ctypes.data
        ctypes.memset(address + array.nbytes + 2, 1, 1)
        assert arena.find_stray() == "3 bytes past the end"
        ctypes.memset(address - 5, 1, 1)
        assert arena.find_stray() == "5 bytes before the start"
    assert arena.place(value, "end").ctypes.data % mmap.PAGESIZE == -value.nbytes % mmap.PAGESIZE
    assert arena.place(value, "start").ctypes.data % mmap.PAGESIZE == 0
