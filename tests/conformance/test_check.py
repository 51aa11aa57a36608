"""Do the kernels of libraries, folders, packs and providers pass `hologram check`, and is what fails named?"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support import loadable
from support.providers import DeclaringProvider, python_kernel

import hologram_core as hg
from hologram_atlas.build import build_libraries
from hologram_atlas.packs import build_pack
from hologram_core.cli import run
from hologram_core.testing import Report, Row, check

ROOT = Path(__file__).parents[2]
KERNELS = ROOT / "tests" / "kernels"
LOADERS = ["hologram-atlas", "hologram-dynamic"]


def verdicts(report, check_name):
    """The verdicts of one check by kernel and level."""
    return {(row.kernel, row.level): row.verdict for row in report.rows if row.check == check_name}


def reasons(report, check_name):
    return {row.reason for row in report.rows if row.check == check_name}


# ---- what passes ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """examples/user_plugin as pip would install it: the package with its libraries, and its metadata."""
    folder = tmp_path_factory.mktemp("site")
    source = ROOT / "examples" / "user_plugin" / "src" / "user_plugin"
    package = folder / "user_plugin"
    shutil.copytree(source, package, ignore=shutil.ignore_patterns("_kernels", "__pycache__"))
    report = build_pack([package / "kernels"], package / "_kernels")
    assert not report.errors
    metadata = folder / "user_plugin-0.1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: user-plugin\nVersion: 0.1.0\n")
    (metadata / "entry_points.txt").write_text("[hologram.plugins]\nuser-plugin = user_plugin:pack\n")
    return folder


def hologram(site, *arguments, **variables):
    """Run the command in a process that has the pack."""
    environment = {**os.environ, "PYTHONPATH": str(site), **variables}
    command = [sys.executable, "-m", "hologram_core", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_pack_passes_by_its_name_with_reference_and_interpreter(site):
    done = hologram(site, "check", "user-plugin", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    data = json.loads(done.stdout)
    report = Report(tuple(Row(**row) for row in data["rows"]))
    assert (data["passed"], data["unchecked"]) == (True, [])
    levels = hg.cpu_levels()
    both = {(kernel, level): "passed" for kernel in ("hard_swish", "soft_clip") for level in levels}
    for name in ("opens", "signature", "answers", "guards", "inputs", "outputs", "alignment", "aliasing"):
        assert verdicts(report, name) == both
    for name in ("split", "threads", "copies", "results", "specials"):
        assert verdicts(report, name) == both
    assert set(verdicts(report, "interpreter").values()) == {"passed", "not applicable"}
    assert verdicts(report, "interpreter")["hard_swish", levels[0]] == "passed"


def test_it_is_said_when_there_is_no_interpreter(site):
    done = hologram(site, "check", "user-plugin", "--json", HOLOGRAM_DISABLE="hologram-atlas", HOLOGRAM_ISA="baseline")
    assert done.returncode == 0
    rows = {
        (row["kernel"], row["level"]): row for row in json.loads(done.stdout)["rows"] if row["check"] == "interpreter"
    }
    assert rows["hard_swish", "baseline"]["reason"] == "hologram-atlas, which interprets its IR, is not installed"
    assert rows["soft_clip", "baseline"]["reason"].startswith("its library has no IR of it")


def test_library_of_a_pack_that_was_replaced_is_not_checked(site, tmp_path):
    copy = shutil.copytree(site, tmp_path / "site")
    libraries = copy / "user_plugin" / "_kernels"
    shutil.copyfile(libraries / "soft_clip.so", libraries / "hard_swish.so")
    done = hologram(copy, "check", "user-plugin", HOLOGRAM_ISA="baseline")
    assert done.returncode == 1
    assert re.search(
        r"hard_swish.so: library: 1 failed\n  opens: .*it is not the library that _index.json", done.stdout
    )
    assert re.search(r"soft_clip.so: soft_clip f32 \(baseline\): 13 passed\n", done.stdout)


def test_kernels_of_the_language_pass(tmp_path):
    built = build_libraries([KERNELS], tmp_path / "libs")
    assert not built.errors
    runtime = hg.Runtime(providers=LOADERS, isa="baseline")
    report = check(tmp_path / "libs", runtime=runtime)
    assert report.failed == ()
    compared = {kernel for (kernel, _), verdict in verdicts(report, "interpreter").items() if verdict == "passed"}
    assert len(compared) >= 60
    assert report.unchecked == ()


GATHER = """
from atlas_kernel import DeviceArray, f32, get_global_id, i32, u32

def gather(x: DeviceArray[f32], index: DeviceArray[i32], out: DeviceArray[f32], n: u32):
    i = get_global_id()
    if i < n:
        out[i] = x[index[i]]

def halved_until_one(x: DeviceArray[i32], out: DeviceArray[i32], n: u32):
    i = get_global_id()
    if i < n:
        left = x[i]
        while left != 1:
            left = (left + 1) // 2
            out[i] = left
"""


def test_nothing_is_called_with_what_it_does_not_take(tmp_path):
    """Unchecked kernels with indices outside, and work items that never end: the interpreter tells."""
    source = tmp_path / "source" / "gather.py"
    source.parent.mkdir()
    source.write_text(GATHER)
    built = build_libraries([source], tmp_path / "libs", levels=["baseline"], unchecked=True)
    assert not built.errors
    report = check(tmp_path / "libs", runtime=hg.Runtime(providers=LOADERS))
    assert report.failed == ()
    for name in ("answers", "guards", "threads", "interpreter"):
        assert set(verdicts(report, name).values()) == {"passed"}


def test_standard_library_passes_by_its_name():
    report = check("hologram-stdlib", runtime=hg.Runtime(providers=["hologram-stdlib"], isa="baseline"))
    assert report.failed == ()
    assert len(verdicts(report, "results")) == 43
    assert set(verdicts(report, "results").values()) == {"passed"}
    assert verdicts(report, "opens")["sigmoid", "avx2"] == "not applicable"


# ---- what fails ----------------------------------------------------------------------------------


def runtime_with(**plugins):
    runtime = hg.Runtime(providers=LOADERS)
    for name, plugin in plugins.items():
        runtime.register(plugin, name)
    return runtime


def with_ir(power):
    """The manifest of loadable.c's kernel, which squares, with IR that raises to a power."""
    body = [
        {"type": "let", "name": "i", "value": {"type": "call", "function": "get_global_id", "args": []}},
        {
            "type": "if",
            "condition": {"type": "binary_op", "op": "lt", "left": variable("i"), "right": variable("n")},
            "then_body": [{"type": "assign", "target": element("output"), "value": product(*["input"] * power)}],
            "else_body": None,
        },
    ]
    array = {"kind": "device_array", "element_type": {"kind": "scalar", "type": "f32"}}
    params = [{"name": "input", "type": array}, {"name": "output", "type": array}]
    params.append({"name": "n", "type": {"kind": "scalar", "type": "u32"}})
    ir = {"version": "1.0", "kernel": {"name": "custom_operation", "params": params, "body": body}}
    return loadable.manifest("custom_op", {**loadable.custom(), "ir": ir})


def variable(name):
    return {"type": "var", "name": name}


def element(array):
    return {"type": "index", "array": variable(array), "index": variable("i")}


def product(first, *others):
    if not others:
        return element(first)
    return {"type": "binary_op", "op": "mul", "left": element(first), "right": product(*others)}


def test_native_code_that_is_not_what_its_ir_says_fails(tmp_path):
    right = loadable.build(tmp_path / "right.so", with_ir(2))
    wrong = loadable.build(tmp_path / "wrong.so", with_ir(3))
    assert check(right, runtime=runtime_with()).failed == ()
    (row,) = check(wrong, runtime=runtime_with()).failed
    assert row.check == "interpreter"
    assert re.match(r"out\[0\] is .*, expected .* for input = .*\(n = 1\)", row.reason)


def test_ir_of_another_kernel_fails(tmp_path):
    about = with_ir(2)
    about["kernels"][0]["ir"]["kernel"]["params"][2]["type"]["type"] = "u33"
    (row,) = check(loadable.build(tmp_path / "bad.so", about), runtime=runtime_with()).failed
    assert (row.check, "u33" in row.reason) == ("opens", True)
    about = with_ir(2)
    for param in about["kernels"][0]["ir"]["kernel"]["params"][:2]:
        param["type"]["element_type"]["type"] = "f64"
    (row,) = check(loadable.build(tmp_path / "other.so", about), runtime=runtime_with()).failed
    assert row.check == "opens"
    assert row.reason == "its IR is of a kernel for f64 with signature ()->(), its row for f32 with ()->()"


class Declares:
    """Says that the op of loadable.c's kernel has two inputs."""

    @hg.hookimpl
    def declare_ops(self):
        return [hg.OpSpec.make("custom_operation", "(),()->()", "a b", "Another op.")]


def test_signature_that_is_not_the_ops_matters_where_only_the_op_calls(tmp_path):
    runtime = runtime_with(other=Declares())
    without = check(loadable.build(tmp_path / "c.so"), runtime=runtime)
    (row,) = without.failed
    assert row.check == "signature"
    assert row.reason.startswith("its row promises ()->(), op 'custom_operation' is (),()->(), so the op never uses it")
    of_the_language = check(loadable.build(tmp_path / "py.so", with_ir(2)), runtime=runtime)
    assert of_the_language.failed == ()
    (reason,) = reasons(of_the_language, "signature")
    assert reason.endswith("so the op never uses it: it is called by its own name")


def test_folder_is_checked_whatever_some_of_its_files_are(tmp_path):
    loadable.build(tmp_path / "a.so")
    (tmp_path / "b.so").write_text("no library")
    loadable.compile_c(loadable.SOURCE.with_name("ends.c"), tmp_path / "c.so")
    report = check(tmp_path, runtime=runtime_with())
    assert {(row.source, row.check) for row in report.failed} == {("b.so", "opens"), ("c.so", "opens")}
    found = {row.source: row.reason for row in report.failed}
    assert found["b.so"].endswith("not a shared library: it is text")
    assert found["c.so"] == "opening c.so: the process died of SIGABRT (Aborted)"
    assert verdicts(report, "guards") == {("custom_operation", "baseline"): "passed"}


def test_provider_without_libraries_is_checked_by_what_it_declares():
    kernels = [
        python_kernel(np.add, "vector_add", "(),()->()", "f64"),
        python_kernel(lambda a, b, out: np.add(a, b + 1, out=out), "vector_sub", "(),()->()", "f64"),
    ]
    report = check("numpy", runtime=runtime_with(numpy=DeclaringProvider(kernels)))
    assert {(row.kernel, row.level, row.check) for row in report.failed} == {
        ("vector_sub", "python", "results"),
        ("vector_sub", "python", "specials"),
    }
    assert reasons(report, "threads") == {"it is a Python function"}


@pytest.mark.parametrize(
    ("what", "providers", "message"),
    [
        ("nothing.so", LOADERS, "check('nothing.so'): no file, folder or provider; the providers are hologram-atlas, "),
        (".", ["hologram-atlas"], "check('.'): no provider opens kernel libraries; pip install hologram-dynamic"),
        ("hologram-atlas", LOADERS, "check('hologram-atlas'): it has no kernels"),
    ],
)
def test_what_cannot_be_checked_is_refused_with_the_reason(what, providers, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(hg.HologramError, match=re.escape(message)):
        check(what, runtime=hg.Runtime(providers=providers))


class Broken:
    @hg.hookimpl
    def provide_kernels(self):
        """No hook has this name."""


def test_provider_that_cannot_be_used_is_refused_with_the_reason():
    runtime = hg.Runtime(providers=[])
    with pytest.warns(hg.PluginWarning):
        runtime.register(Broken(), "broken")
    with pytest.raises(hg.HologramError, match=r"check\('broken'\): it has no kernels"):
        check("broken", runtime=runtime)


def test_kernel_for_large_arrays_only_is_checked_with_those():
    def add(a, b, out):
        assert 5000 <= out.size <= 6000
        np.add(a, b, out=out)

    kernels = [python_kernel(add, op, signature, "f64", min_n=5000, max_n=6000) for op, signature in (
        ("flat_add", "(),()->()"), ("table_add", "(m,n),(m,n)->(m,n)"))]  # fmt: skip
    report = check("large", runtime=runtime_with(large=DeclaringProvider(kernels)))
    assert report.failed == ()
    assert verdicts(report, "answers") == {("flat_add", "python"): "passed", ("table_add", "python"): "passed"}


# ---- the command ---------------------------------------------------------------------------------


def test_command_prints_a_line_for_each_body_and_fails_if_one_does(tmp_path, capsys):
    good = loadable.build(tmp_path / "good.so", op="checked_operation")
    assert run(["check", str(good)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "good.so: checked_operation f32 (baseline): 10 passed"
    assert lines[1] == "1 kernel: 10 passed, 4 not applicable"
    assert lines[2].startswith(
        "no values were checked, for lack of a reference or an interpreter, of checked_operation"
    )
    (tmp_path / "bad.so").write_text("no library")
    assert run(["check", str(tmp_path), "--json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert [row["source"] for row in data["rows"] if row["verdict"] == "failed"] == ["bad.so"]
    assert data["passed"] is False


@pytest.mark.parametrize(
    "arguments", [["check"], ["check", "x", "--timeout", "0"], ["check", "x", "--timeout", "soon"]]
)
def test_misuse_of_the_command_gives_status_2(arguments, capsys):
    assert run(arguments) == 2
    assert capsys.readouterr().err.startswith("hologram check: ")
