"""Does the documentation name every hook and variable, and does its code run?"""

import ctypes
import inspect
import os
import re
import subprocess
import sysconfig
from pathlib import Path

import numpy as np
import pytest
from site_pages import commands, measured, readme, results
from support.providers import DeclaringProvider, runtime_of

import hologram_core as hg
from hologram_core import hookspecs
from hologram_core.cli import hologram
from hologram_core.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "hologram_*/README.md", "examples/*/README.md")
    for path in ROOT.glob(pattern)
)
HOOKS = {name: value for name, value in vars(hookspecs).items() if hasattr(value, "hologram_spec")}
FENCE = re.compile(r"^(<!-- not run -->\s*\n)?^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _blocks(page, language):
    return [
        code for left_out, kind, code in FENCE.findall(page.read_text("utf-8")) if kind == language and not left_out
    ]


def _heading(hook):
    return f"{hook}({', '.join(inspect.signature(HOOKS[hook]).parameters)})"


def test_there_are_the_promised_hooks():
    assert {_heading(hook) for hook in HOOKS} == {
        "provide_kernel(name, dtype, n)",
        "declare_kernels()",
        "declare_ops()",
        "register_commands(cli)",
        "diagnose()",
    }


def test_every_hook_is_documented_with_its_exact_arguments():
    headings = re.findall(r"^### (\w+\(.*\))$", (ROOT / "docs" / "hooks.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(headings) == sorted(_heading(hook) for hook in HOOKS)


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_states_its_contract(hook):
    lines = [line.split() for line in inspect.getdoc(HOOKS[hook]).splitlines()]
    firsts = [line[0] for line in lines if line]
    for word in ("Called", "Return", "None", "Ordering", "Errors"):
        assert word in firsts


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_implemented_by_some_test(hook):
    implementation = re.compile(rf"@(hg\.)?hookimpl\s+def {hook}\(")
    assert any(implementation.search(path.read_text("utf-8")) for path in (ROOT / "tests").rglob("*.py"))


def test_every_variable_is_documented_with_its_parameter():
    page = (ROOT / "docs" / "environment.md").read_text("utf-8")
    rows = re.findall(rf"^\| `({PREFIX}\w+)` \| `(\w+)=", page, re.MULTILINE)
    assert sorted(variable for variable, _ in rows) == sorted(
        PREFIX + field.upper() for field in Settings.__dataclass_fields__
    )
    assert sorted(parameter for _, parameter in rows) == sorted(set(inspect.signature(hg.Runtime).parameters))
    for variable, parameter in rows:
        assert variable == PREFIX + {"threads": "num_threads"}.get(parameter, parameter).upper()


def test_page_of_commands_is_current():
    assert commands.PATH.read_text("utf-8") == commands.page(), "run make pages"


def test_every_command_is_documented():
    headings = re.findall(r"^## (hologram.*)$", commands.PATH.read_text("utf-8"), re.MULTILINE)
    assert sorted(headings) == sorted(context.command_path for context in commands.commands(hologram))
    for context in commands.commands(hologram):
        summary, *_ = inspect.cleandoc(context.command.help).splitlines()
        assert summary.endswith("."), context.command_path
        assert len(summary) <= 66 or context.parent is None, "the list of commands would cut it off"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_the_code_of_pages_exist(page):
    known = {context.info_name for context in commands.commands(hologram)}
    blocks = "\n".join(_blocks(page, "sh"))
    assert set(re.findall(r"(?:^|; )hologram (\w+)", blocks, re.MULTILINE)) <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_variables_that_pages_mention_exist(page):
    mentioned = set(re.findall(rf"`({PREFIX}[A-Z_]+)\b(?!_)", page.read_text("utf-8")))
    known = {PREFIX + field.upper() for field in Settings.__dataclass_fields__}
    header = "".join(path.read_text("utf-8") for path in Path(hg.get_include()).rglob("*.h"))
    assert {name for name in mentioned if name not in header} <= known


@pytest.mark.parametrize(
    "page", [page for page in PAGES if _blocks(page, "python")], ids=lambda page: str(page.relative_to(ROOT))
)
def test_code_in_the_documentation_runs(page, capsys):
    namespace = {"__name__": "documentation"}
    before = [row.name for row in hg.providers()]
    for code in _blocks(page, "python"):
        exec(compile(code, str(page), "exec"), namespace)
    assert [row.name for row in hg.providers()] == before, "a page leaves a provider behind"


def test_the_figures_of_the_readme_are_those_that_were_measured():
    text = readme.PATH.read_text("utf-8")
    assert readme.text() in text, "run make pages"
    assert readme.page(text.replace(readme.text(), "old figures\n")) == text


def test_every_benchmark_has_results():
    names = {path.stem.removeprefix("bench_") for path in (ROOT / "benchmarks").glob("bench_*.py")}
    assert {row["benchmark"] for row in results.MEASURED["rows"]} == names, "run make bench BENCH_ARGS=--record"


def test_tables_of_the_benchmarks_have_as_many_cells_in_every_line():
    blocks = [block.split("\n") for block in measured.benchmarks_page().split("\n\n") if block.startswith("|")]
    assert len(blocks) >= len({row["benchmark"] for row in results.MEASURED["rows"]})
    for head, *lines in blocks:
        assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {head.count("|")}


def test_the_readme_has_code_that_runs():
    assert _blocks(ROOT / "README.md", "python")


@pytest.mark.parametrize(("block", "factor"), [(0, 2), (1, 3)])
def test_the_kernel_libraries_in_the_documentation_work(tmp_path, block, factor):
    code = _blocks(ROOT / "docs" / "abi.md", "c")[block]
    (tmp_path / "example.c").write_text(code)
    compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    command = [
        *compiler.split(),
        "-std=c11",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-shared",
        "-fPIC",
        f"-I{hg.get_include()}",
    ]
    subprocess.run([*command, str(tmp_path / "example.c"), "-o", str(tmp_path / "example.so")], check=True)
    library = ctypes.CDLL(str(tmp_path / "example.so"))
    library.hologram_library_v1.restype = ctypes.c_void_p
    runtime = runtime_of(example=DeclaringProvider(hg.read_library(library.hologram_library_v1(), library)))
    (op,) = {row.op for row in runtime.list_kernels()}
    np.testing.assert_array_equal(runtime.ops[op](np.arange(5, dtype="f4")), factor * np.arange(5))


def test_the_kernel_header_is_c_and_cpp(tmp_path):
    for name, standard in [("kernel.c", "-std=c11"), ("kernel.cpp", "-std=c++17")]:
        (tmp_path / name).write_text('#include "hologram/kernel.h"\nint main() { return HOLOGRAM_OK; }\n')
        compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
        command = [*compiler.split(), standard, "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{hg.get_include()}"]
        subprocess.run([*command, str(tmp_path / name)], check=True)
