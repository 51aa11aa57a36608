"""Is every command readable on a terminal of 80 and of 160 columns, in a pipe, without colour, and with bad plugins?"""

import json
import subprocess
from functools import cache

import pytest
from support.plugins import BROKEN, install
from support.terminal import HOLOGRAM, environment, on_terminal

from hologram_core.cli import run

COMMANDS = {
    "kernels": ["kernels"],
    "kernels of an op": ["kernels", "layer_norm"],
    "providers": ["providers"],
    "explain": ["explain", "vector_add", "f32", "8"],
    "explain what is missing": ["explain", "vector_add", "f16", "8"],
    "doctor": ["doctor"],
    "help": ["--help"],
    "help of explain": ["explain", "--help"],
    "error": ["explain", "no_such_op", "f32", "8"],
}


def piped(*arguments, **variables):
    """Run the command with its output in a pipe."""
    command = [*HOLOGRAM, *arguments]
    return subprocess.run(command, env=environment(**variables), capture_output=True, text=True, check=False)


@cache
def piped_once(name):
    return piped(*COMMANDS[name])


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:  # other tests fill the user's
        patch.setenv("HOLOGRAM_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def broken(tmp_path):
    """The environment of a process with a plugin that fails at import."""
    install(tmp_path, "my-pack", BROKEN)
    return {"PYTHONPATH": str(tmp_path)}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("columns", [80, 160])
def test_terminal_shows_what_the_pipe_says_within_its_width(name, columns):
    screen = on_terminal(*COMMANDS[name], columns=columns)
    pipe = piped_once(name)
    assert screen.status == pipe.returncode == (name == "error")
    said = pipe.stderr if name == "error" else pipe.stdout
    assert screen.words.replace(" ", "") == "".join(said.split())
    if name != "error":  # which is one line for whoever reads it
        assert [line for line in screen.lines if len(line) > columns and " " in line.strip()[:columns]] == []


def test_columns_stay_whole_on_a_terminal_of_80_columns():
    heading, *rows = on_terminal("kernels", columns=80).lines
    assert heading.split() == ["op", "dtype", "n", "provider", "tier", "isa"]
    assert len(rows) >= 43
    assert {len(row.split()) for row in rows if row} == {7}


def test_colour_is_for_terminals_that_want_it():
    coloured = on_terminal("doctor")
    assert "\x1b[32mPASS" in coloured.raw
    plain = on_terminal("doctor", NO_COLOR="1")
    assert "\x1b" not in plain.raw
    assert plain.text.splitlines()[1:3] == coloured.text.splitlines()[1:3]
    for command in ("kernels", "providers"):
        assert "\x1b[1m" in on_terminal(command).raw
        assert "\x1b" not in on_terminal(command, NO_COLOR="1").raw
        assert "\x1b" not in piped(command).stdout


def test_rows_are_whole_in_a_pipe():
    _, *rows = piped("providers").stdout.splitlines()
    assert {len(row.split()) > 5 for row in rows} == {True}
    assert max(map(len, rows)) > 80


def test_pipe_that_is_closed_is_no_error():
    process = subprocess.Popen(
        [*HOLOGRAM, "kernels", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait()


# ---- plugins -----------------------------------------------------------------------------------------------------


NOBODY = {"HOLOGRAM_PROVIDERS": "nobody"}


@pytest.mark.parametrize("columns", [80, 160])
def test_without_plugins_it_is_said_what_is_missing(columns):
    explained = on_terminal("explain", "relu", "f32", "8", columns=columns, **NOBODY)
    assert (explained.status, explained.lines[0]) == (0, "relu f32 n=8: no kernel; asked: nobody")
    assert "pip install hologram-stdlib" in explained.words
    doctor = on_terminal("doctor", columns=columns, **NOBODY)
    assert doctor.status == 1
    assert "FAIL providers: none is left" in doctor.words


@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        (["kernels"], 0, "none"),
        (["providers"], 0, "none"),
        (["bench", "relu", "--n", "8"], 0, "none left out: no provider serves relu f32 at n = 8"),
        (["build", "x.py", "-o", "x"], 2, "hologram: No such command 'build'. (hologram --help)"),
    ],
)
def test_without_plugins_commands_have_nothing_to_tell(command, status, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    screen = on_terminal(*command, **NOBODY)
    assert screen.status == status
    assert said in screen.words


@pytest.mark.parametrize("arguments", [["kernels", "relu"], ["explain", "relu", "f32", "8"], ["providers"]])
def test_broken_plugin_is_one_line_on_stderr_and_the_command_works(broken, arguments):
    pipe = piped(*arguments, **broken)
    assert pipe.returncode == 0
    assert pipe.stderr == "hologram: warning: provider my-pack: import: RuntimeError: broken\n"
    assert "hologram-stdlib" in pipe.stdout
    if arguments != ["kernels", "relu"]:
        assert "!  my-pack: import: RuntimeError: broken\n" in pipe.stdout


@pytest.mark.parametrize("columns", [80, 160])
def test_broken_plugin_is_seen_on_a_terminal(broken, columns):
    screen = on_terminal("providers", columns=columns, **broken)
    assert "my-pack 1.0 none 0 failed none" in screen.words
    assert "! my-pack: import: RuntimeError: broken" in screen.words


def test_broken_plugin_is_an_error_under_strict(broken):
    pipe = piped("kernels", HOLOGRAM_STRICT="1", **broken)
    assert (pipe.returncode, pipe.stdout) == (1, "")
    assert pipe.stderr == "hologram: provider my-pack: import: RuntimeError: broken\n"
    assert "Traceback" in piped("kernels", "--debug", HOLOGRAM_STRICT="1", **broken).stderr


def test_help_is_there_when_the_environment_is_not(capsys):
    pipe = piped("--help", HOLOGRAM_ISA="avx9")
    assert pipe.returncode == 0
    assert "doctor" in pipe.stdout
    assert pipe.stderr.startswith("hologram: HOLOGRAM_ISA='avx9': this CPU has ")
    assert piped("kernels", HOLOGRAM_ISA="avx9").returncode == 1


# ---- completion --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("hologram ", {"kernels", "providers", "explain", "doctor", "build"}),
        ("hologram explain soft", {"softmax"}),
        ("hologram explain softmax f", {"f16", "f32", "f64"}),
        ("hologram kernels --provider hologram-s", {"hologram-stdlib"}),
    ],
)
def test_shell_completion_knows_commands_ops_dtypes_and_providers(line, expected, monkeypatch, capsys):
    variables = {"COMP_WORDS": line, "COMP_CWORD": str(line.count(" ")), "_HOLOGRAM_COMPLETE": "bash_complete"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        run([])
    assert expected <= {row.partition(",")[2] for row in capsys.readouterr().out.splitlines()}


def test_json_is_data_on_a_terminal_too():
    rows = json.loads(on_terminal("kernels", "relu", "--json").raw)
    assert {row["op"] for row in rows} == {"relu"}
