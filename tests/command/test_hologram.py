"""Does the `hologram` command print what the library says, and fail in one line?"""

import json

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


def test_kernels_filters_and_prints_a_table(capsys):
    assert run(["kernels", "--op", "gemm", "--dtype", "float32"]) == 0
    heading, *rows = capsys.readouterr().out.strip().splitlines()
    assert heading.split() == ["op", "dtype", "signature", "n", "provider", "tier", "isa"]
    assert [row.split()[:5] for row in rows] == [
        ["gemm", "f32", "(m,k),(k,n)->(m,n)", "0..3072", "hologram-stdlib"],
        ["gemm", "f32", "(m,k),(k,n)->(m,n)", "0..any", "hologram-sigmatics"],
    ]


def test_nothing_to_list_says_so(capsys):
    assert run(["kernels", "--op", "no_such_op"]) == 0
    assert capsys.readouterr().out == "none\n"


def test_explain_prints_the_explanation(capsys):
    assert run(["explain", "vector_add", "f32", "8"]) == 0
    assert capsys.readouterr().out == f"{hg.explain('vector_add', 'f32', 8)}\n"
    assert run(["explain", "vector_add", "f32", "8", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == hg.explain("vector_add", "f32", 8).to_dict()


def test_providers_names_version_and_hooks(capsys):
    assert run(["providers", "--json"]) == 0
    (row,) = [row for row in json.loads(capsys.readouterr().out) if row["name"] == "hologram-stdlib"]
    assert row["version"] == "0.1.0"
    assert set(row["hooks"]) == {"provide_kernel", "declare_kernels"}
    assert row["failures"] == []
    assert run(["providers"]) == 0
    assert "hologram-stdlib" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["explain", "sigmod", "f32", "8"], "closest names: sigmoid"),
        (["explain", "sigmoid", "f33", "8"], "'f33' is not a dtype of Hologram"),
    ],
)
def test_errors_are_short_and_give_status_1(capsys, arguments, message):
    assert run(arguments) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("hologram: ")
    assert message in printed.err
    assert "Traceback" not in printed.err


def test_debug_shows_the_traceback():
    with pytest.raises(hg.UnknownOpError):
        run(["--debug", "explain", "sigmod", "f32", "8"])


@pytest.mark.parametrize("arguments", [["explain", "sigmoid", "f32", "-1"], ["no-such-command"], ["explain"]])
def test_misuse_gives_status_2(capsys, arguments):
    assert run(arguments) == 2
    assert capsys.readouterr().err.startswith("Usage: hologram")


def test_providers_can_add_commands(capsys):
    class Plugin:
        @hg.hookimpl
        def register_commands(self, cli):
            cli.command("greet")(lambda: print("hello"))

    name = hg.register(Plugin(), "greeter")
    try:
        assert run(["greet"]) == 0
        assert capsys.readouterr().out == "hello\n"
    finally:
        hg.unregister(name)
        cli.hologram.commands.pop("greet")


def test_provider_whose_commands_fail_disturbs_no_one(capsys):
    class Plugin:
        @hg.hookimpl
        def register_commands(self, cli):
            raise RuntimeError("no commands today")

    name = hg.register(Plugin(), "grumpy")
    try:
        with pytest.warns(hg.PluginWarning, match="grumpy: register_commands: RuntimeError: no commands today"):
            assert run(["kernels", "--op", "relu"]) == 0
    finally:
        hg.unregister(name)
    assert "relu" in capsys.readouterr().out


def test_checked_in_stubs_are_current():
    assert stubs.PATH.read_text(encoding="utf-8") == stubs.render(), "run python -m hologram_core.stubs"
