"""Does the conformance kit notice each way to break the contract?"""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import hologram_core as hg
from hologram_core.testing import PROTECTS

HERE = Path(__file__).parent / "bad"


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    path = tmp_path_factory.mktemp("bad") / "bad.so"
    compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    command = [*compiler.split(), "-std=c11", "-O1", "-shared", "-fPIC", f"-I{hg.get_include()}"]
    subprocess.run([*command, str(HERE / "kernels.c"), "-o", str(path)], check=True)
    return path


def _check(library, op):
    """The check that failed, or "crashed" where the kernel met a guard page."""
    done = subprocess.run(
        [sys.executable, str(HERE / "check.py"), str(library), op], capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return done.stdout.strip()
    assert done.returncode < 0, done.stderr  # a signal, not an error of ours
    return "crashed"


@pytest.mark.parametrize(
    ("op", "noticed"),
    [
        ("good", {"passed"}),
        ("writes_past_the_end", {"crashed"} if PROTECTS else {"guards"}),
        ("writes_before_the_start", {"crashed", "guards"}),
        ("wrong_tail", {"results"}),
        ("leaves_output_unwritten", {"results"}),
        ("modifies_its_input", {"inputs unchanged"}),
        ("wrong_on_nan", {"specials"}),
        ("depends_on_alignment", {"results", "alignment", "guards"}),
        ("clobbers_before_reading", {"aliasing"}),
        ("ignores_its_range", {"split"}),
        ("shares_a_buffer", {"threads"}),
    ],
)
def test_each_fault_is_noticed_by_its_check(library, op, noticed):
    assert _check(library, op) in noticed


@pytest.mark.skipif(not PROTECTS, reason="without mprotect a read leaves no trace")
def test_reads_past_the_end_meet_the_guard_page(library):
    assert _check(library, "reads_past_the_end") == "crashed"
