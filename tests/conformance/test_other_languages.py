"""Do the kernels of docs/other-languages.md build as it says, and keep the contract that all kernels keep?"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest

import hologram_core as hg
from hologram_atlas.build import build_libraries
from hologram_core.testing import check_kernel
from hologram_dynamic.plugin import DynamicProvider

PAGE = Path(__file__).resolve().parents[2] / "docs" / "other-languages.md"
FENCE = re.compile(r"^(<!-- not run -->\s*\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
X = np.arange(4, dtype="f4")


def write(language, path):
    """Put the example of a language into a file."""
    (code,) = [
        code for left_out, kind, code in FENCE.findall(PAGE.read_text("utf-8")) if kind == language and not left_out
    ]
    path.write_text(code, encoding="utf-8")
    return path


def command(language):
    """The command that the page gives for a language, without its files."""
    (line,) = re.findall(rf"`({language} [^`]*)`", PAGE.read_text("utf-8"))
    return [word for word in line.split() if not re.search(r"cube|^-I|^-o$", word)][1:]


def check(path, op, reference, dtypes=("f32",)):
    """Load a library, and hold its kernels against the conformance kit."""
    path.chmod(0o755)
    runtime = hg.Runtime(providers=[])
    runtime.register(DynamicProvider, "hologram-dynamic")
    runtime.load_kernels(path)
    assert sorted(row.dtype for row in runtime.list_kernels(op=op)) == sorted(dtypes)
    for dtype in dtypes:
        check_kernel(runtime.get_kernel(op, dtype, 100), reference=reference)
    return runtime


def compiler(name, default):
    return (os.environ.get(name) or sysconfig.get_config_var(name) or default).split()[0]


def midrange(x):
    return (x.min() + x.max()) / 2  # ValueError for no elements


def test_c_for_every_level(tmp_path):
    report = build_libraries([write("c", tmp_path / "midrange.c")], tmp_path / "libs")
    assert not report.errors
    runtime = check(report.libraries[0], "midrange", midrange)
    assert runtime.ops.midrange(X) == 1.5
    with pytest.raises(ValueError, match="no midrange of no elements"):
        runtime.ops.midrange(X[:0])


def test_c_by_a_compiler_that_is_given_nothing(tmp_path):
    source = write("c", tmp_path / "midrange.c")
    flags = ["-O3", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", f"-I{hg.get_include()}"]
    subprocess.run([compiler("CC", "cc"), *flags, str(source), "-o", str(tmp_path / "midrange.so")], check=True)
    check(tmp_path / "midrange.so", "midrange", midrange)


@pytest.mark.skipif(shutil.which(compiler("CXX", "c++")) is None, reason="there is no C++ compiler")
def test_cpp(tmp_path):
    source = write("cpp", tmp_path / "cube.cpp")
    flags = [*command(r"c\+\+"), "-Wall", "-Wextra", "-Werror", f"-I{hg.get_include()}"]
    subprocess.run([compiler("CXX", "c++"), *flags, str(source), "-o", str(tmp_path / "cube.so")], check=True)
    check(tmp_path / "cube.so", "cube", lambda x: x**3, dtypes=("f32", "f64"))


def has_rust():
    """Whether there is a rustc that runs: one of rustup may have no toolchain behind it."""
    if shutil.which("rustc") is None:
        return False
    return subprocess.run(["rustc", "--version"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not has_rust(), reason="there is no rustc that runs")
def test_rust(tmp_path):
    source = write("rust", tmp_path / "cube.rs")
    flags = [*command("rustc"), "-D", "warnings"]
    subprocess.run(["rustc", *flags, str(source), "-o", str(tmp_path / "cube.so")], cwd=tmp_path, check=True)
    check(tmp_path / "cube.so", "cube", lambda x: x**3)


def zig():
    """How Zig is called here, or nothing."""
    if shutil.which("zig"):
        return ["zig"]
    return [sys.executable, "-m", "ziglang"] if importlib.util.find_spec("ziglang") else []


@pytest.mark.skipif(not zig(), reason="there is neither zig nor the package ziglang")
def test_zig(tmp_path):
    source = write("zig", tmp_path / "cube.zig")
    flags = [word for word in command("zig") if "emit-bin" not in word]
    subprocess.run([*zig(), *flags, f"-femit-bin={tmp_path / 'cube.so'}", str(source)], cwd=tmp_path, check=True)
    check(tmp_path / "cube.so", "cube", lambda x: x**3)


def test_c_that_calls_an_existing_function(tmp_path):
    """The five lines at the end of the page, with the function it calls before it and the table after it."""
    page = PAGE.read_text("utf-8")
    (lines,) = [code for left_out, kind, code in FENCE.findall(page) if kind == "c" and left_out]
    (fade,) = re.findall(r"^(void fade\(.*?^\})$", page, re.MULTILINE | re.DOTALL)
    table = """
    static const hologram_variant variants[] = {{"baseline", run_fade}};
    static const hologram_kernel_row rows[] = {{.op = "fade", .signature = "(n),scalar,scalar->(n)", .dtype = "f32",
        .max_n = INT64_MAX, .work = 4, .variants = variants, .variant_count = 1}};
    HOLOGRAM_LIBRARY("tests", rows);
    """
    (tmp_path / "fade.c").write_text("\n".join(['#include "hologram/levels.h"', fade, lines, table]))
    flags = ["-O2", "-shared", "-fPIC", f"-I{hg.get_include()}"]
    source, made = str(tmp_path / "fade.c"), tmp_path / "fade.so"
    subprocess.run([compiler("CC", "cc"), *flags, source, "-o", str(made)], check=True)
    steps = lambda x: np.arange(len(x)) / max(len(x), 1)  # noqa: E731
    runtime = check(made, "fade", lambda x, begin, end: x * (begin + (end - begin) * steps(x)))
    assert runtime.ops.fade(np.ones(4, "f4"), 0, 1).tolist() == [0, 0.25, 0.5, 0.75]
