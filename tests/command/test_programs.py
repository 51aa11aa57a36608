"""Do the programs of the checkout (demo, benchmarks, the measuring of errors) run to their end?"""

import subprocess
import sys
from pathlib import Path

import pytest

import hologram_core as hg

ROOT = Path(__file__).resolve().parents[2]


def _run(*arguments):
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_demo_is_right_about_the_digits():
    printed = _run("examples/digits/demo.py")
    assert "500 held-out images" in printed
    assert "agreement   500 of 500 images" in printed


def test_every_benchmark_works():
    assert "every benchmark ran" in _run("-m", "benchmarks", "--quick")


@pytest.mark.parametrize("op", ["exp", "gelu"])
def test_errors_are_within_the_goals_on_a_sample(op):
    heading, *rows = _run("benchmarks/ulp/run.py", "--ops", op, "--stride", "100003").splitlines()
    assert heading.split()[:4] == ["op", "level", "max", "ULP"]
    assert [row.split()[:2] for row in rows] == [[op, level] for level in hg.cpu_levels()]
    assert all(" ok " in row for row in rows)


def test_errors_of_f64_are_within_the_goals_on_a_sample():
    chosen = ("--functions", "exp_f64", "pow_f64", "--levels", "baseline", "--points", "50000")
    heading, *rows = _run("benchmarks/ulp/sample.py", *chosen).splitlines()
    assert heading.split()[:4] == ["function", "level", "max", "ULP"]
    assert [row.split()[:2] for row in rows] == [["exp_f64", "baseline"], ["pow_f64", "baseline"]]
    assert all(" ok " in row for row in rows)
