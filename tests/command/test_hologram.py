"""Does the `hologram` command print what the library says, and fail in one line?"""

import json
import re

import pytest

import hologram_core as hg
from hologram_core import cli, stubs
from hologram_core.cli import run


def test_kernels_lists_what_list_kernels_returns(capsys):
    assert run(["kernels", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows == [row.to_dict() for row in hg.list_kernels()]
    assert {"op": "sigmoid", "dtype": "f32", "provider": "hologram-stdlib", "max_n": 3072}.items() <= next(
        row for row in rows if (row["op"], row["dtype"]) == ("sigmoid", "f32")
    ).items()


def test_kernels_of_one_op_say_what_it_is(capsys):
    assert run(["kernels", "gemm", "--dtype", "float32", "--provider", "hologram-stdlib"]) == 0
    usage, about, _, heading, row = capsys.readouterr().out.strip().splitlines()
    assert usage == "gemm(a, b, out=None): Matrix times matrix."
    assert about.startswith("Signature (m,k),(k,n)->(m,n). ")
    assert heading.split() == ["op", "dtype", "n", "provider", "tier", "isa"]
    assert row.split()[:4] == ["gemm", "f32", "0..3072", "hologram-stdlib"]


def test_kernels_of_a_form_for_one_dtype_are_those_of_the_general_op(capsys):
    assert run(["kernels", "gemm_f32", "--provider", "hologram-stdlib", "--json"]) == 0
    assert [(row["op"], row["dtype"]) for row in json.loads(capsys.readouterr().out)] == [("gemm", "f32")]


def test_nothing_to_list_says_so(capsys):
    assert run(["kernels", "--dtype", "f16", "--provider", "hologram-stdlib"]) == 0
    assert capsys.readouterr().out == "none\n"
    assert run(["kernels", "--provider", "hologram-atlas"]) == 0
    assert capsys.readouterr().out == "none\n"


def test_kernel_that_cannot_be_used_says_why_below_the_table(capsys):
    class Liar:
        @hg.hookimpl
        def declare_kernels(self):
            yield hg.Kernel.from_python(print, op="vector_add", signature="()->()", dtype="f32")

    name = hg.register(Liar(), "liar")
    try:
        assert run(["kernels", "vector_add", "--provider", "liar"]) == 0
    finally:
        hg.unregister(name)
    row, reason = capsys.readouterr().out.splitlines()[-2:]
    assert row.split() == ["vector_add", "f32", "0..any", "liar", "user", "200", "unusable"]
    assert reason == "!  vector_add f32 of liar: its signature is ()->(), that of 'vector_add' is (),()->()"


def test_explain_prints_the_explanation(capsys):
    assert run(["explain", "vector_add", "f32", "8"]) == 0
    assert capsys.readouterr().out == f"{hg.explain('vector_add', 'f32', 8)}\n"
    assert run(["explain", "vector_add", "f32", "8", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == hg.explain("vector_add", "f32", 8).to_dict()


def test_providers_tells_what_each_is(capsys):
    assert run(["providers", "--json"]) == 0
    (row,) = [row for row in json.loads(capsys.readouterr().out) if row["name"] == "hologram-stdlib"]
    assert (row["distribution"], row["version"], row["state"]) == ("hologram-stdlib", "0.1.0", "ready")
    assert (row["priorities"], row["kernels"], row["failures"]) == ([300], 43, [])
    assert set(row["hooks"]) == {"provide_kernel", "declare_kernels"}
    assert run(["providers"]) == 0
    line = r"^hologram-stdlib +0.1.0 +300 +43 +ready +declare_kernels, provide_kernel$"
    assert re.search(line, capsys.readouterr().out, re.MULTILINE)


def test_providers_tells_what_failed(capsys):
    class Faulty:
        @hg.hookimpl
        def declare_kernels(self):
            raise RuntimeError("no list today")

    name = hg.register(Faulty(), "faulty")
    try:
        with pytest.warns(hg.PluginWarning, match="no list today"):
            assert run(["providers"]) == 0
    finally:
        hg.unregister(name)
    *_, row, reason = [line for line in capsys.readouterr().out.splitlines() if "faulty" in line]
    assert row.split() == ["faulty", "none", "0", "faulty", "declare_kernels"]
    assert reason == "!  faulty: declare_kernels: RuntimeError: no list today"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["explain", "sigmod", "f32", "8"], "no kernel 'sigmod'; asked: "),
        (["explain", "sigmoid", "f33", "8"], "'f33' is not a dtype of Hologram; "),
        (["kernels", "sigmod"], "closest names: sigmoid; "),
        (["kernels", "--provider", "nobody"], "no provider 'nobody'; there are hologram-"),
    ],
)
def test_errors_are_one_line_and_give_status_1(capsys, arguments, message):
    assert run(arguments) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert line.startswith("hologram: ")
    assert message in line


@pytest.mark.parametrize("arguments", [["--debug", "explain", "sigmod", "f32", "8"], ["kernels", "sigmod", "--debug"]])
def test_debug_shows_the_traceback_wherever_it_stands(arguments):
    with pytest.raises(hg.UnknownOpError):
        run(arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["explain", "sigmoid", "f32", "-1"], "hologram explain: "),
        (["explain"], "hologram explain: Missing argument 'NAME'. (hologram explain --help)"),
        (["no-such-command"], "hologram: No such command 'no-such-command'. (hologram --help)"),
        (["kernels", "--no-such-option"], "hologram kernels: No such option"),
    ],
)
def test_misuse_is_one_line_and_gives_status_2(capsys, arguments, message):
    assert run(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert line.startswith(message)


def test_without_a_command_there_is_help(capsys):
    assert run([]) == 0
    bare = capsys.readouterr().out
    assert run(["--help"]) == 0
    assert bare == capsys.readouterr().out
    assert "explain    Tell which kernel serves a call, why, and how to change it.\n" in bare
    assert "build " in bare


@pytest.fixture
def plugin():
    """A plugin whose command does what the test says."""

    class Plugin:
        def greet(self):
            print("hello")

        @hg.hookimpl
        def register_commands(self, cli):
            cli.command("greet")(lambda: self.greet())
            cli.command("kernels")(lambda: print("not ours"))

    plugin = Plugin()
    name = hg.register(plugin, "greeter")
    yield plugin
    hg.unregister(name)
    cli.hologram.commands.pop("greet", None)


def test_providers_can_add_commands(plugin, capsys):
    assert run(["greet"]) == 0
    assert capsys.readouterr().out == "hello\n"


def test_providers_cannot_replace_commands(plugin, capsys):
    assert run(["greet"]) == 0
    assert run(["kernels", "--json"]) == 0
    assert "not ours" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (hg.HologramError("asked\n  found\n  do"), "hologram: asked; found; do"),
        (ZeroDivisionError("by zero"), "hologram: ZeroDivisionError: by zero; --debug shows where"),
        (FileNotFoundError(2, "No such file", "x"), "hologram: [Errno 2] No such file: 'x'"),
    ],
)
def test_errors_in_commands_of_providers_are_told_as_ours(plugin, capsys, error, line):
    def fail():
        raise error

    plugin.greet = fail
    assert run(["greet"]) == 1
    assert capsys.readouterr().err == f"{line}\n"
    with pytest.raises(type(error)):
        run(["greet", "--debug"])


def test_provider_whose_commands_fail_disturbs_no_one(capsys):
    class Plugin:
        @hg.hookimpl
        def register_commands(self, cli):
            raise RuntimeError("no commands today")

    name = hg.register(Plugin(), "grumpy")
    try:
        with pytest.warns(hg.PluginWarning, match="grumpy: register_commands: RuntimeError: no commands today"):
            assert run(["--help"]) == 0
    finally:
        hg.unregister(name)
    assert "kernels" in capsys.readouterr().out


def test_interrupt_gives_status_130(plugin):
    def interrupt():
        raise KeyboardInterrupt

    plugin.greet = interrupt
    assert run(["greet"]) == 130


def test_checked_in_stubs_are_current():
    assert stubs.PATH.read_text(encoding="utf-8") == stubs.render(), "run python -m hologram_core.stubs"
