"""Is every HOLOGRAM_* variable read, checked, and outdone by the Runtime parameter of its name?"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import hologram_core as hg
from hologram_core.settings import Settings

VALUES = {
    "PROVIDERS": ("providers", "a, b,", ("a", "b")),
    "DISABLE": ("disable", "a,b:c", ("a", "b:c")),
    "PRIORITY": ("priority", "my-pack=350, hologram-stdlib=-50", {"my-pack": 350, "hologram-stdlib": -50}),
    "ISA": ("isa", "baseline", "baseline"),
    "NUM_THREADS": ("num_threads", "3", 3),
    "KERNEL_PATH": ("kernel_path", os.pathsep.join(["/one", "", "/two"]), ("/one", "/two")),
    "CACHE_DIR": ("cache_dir", "/somewhere", "/somewhere"),
    "STRICT": ("strict", "1", True),
    "LOG": ("log", "info", "info"),
}


@pytest.mark.parametrize("variable", VALUES)
def test_variable_is_read(variable):
    field, text, value = VALUES[variable]
    assert getattr(Settings.from_environment({f"HOLOGRAM_{variable}": text}), field) == value


@pytest.mark.parametrize("variable", VALUES)
def test_empty_variable_is_none_at_all(variable):
    assert Settings.from_environment({f"HOLOGRAM_{variable}": ""}) == Settings()


def test_every_setting_is_tested_here():
    assert {field for field, _, _ in VALUES.values()} == set(Settings.__dataclass_fields__)


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("PRIORITY", "a", "HOLOGRAM_PRIORITY='a': expected PROVIDER=NUMBER, found 'a'"),
        ("PRIORITY", "=5", "HOLOGRAM_PRIORITY='=5': expected PROVIDER=NUMBER, found '=5'"),
        ("PRIORITY", "a=high", "HOLOGRAM_PRIORITY='a=high': expected a whole number after a=, found 'high'"),
        ("NUM_THREADS", "two", "HOLOGRAM_NUM_THREADS='two': expected a whole number"),
        ("NUM_THREADS", "0", "HOLOGRAM_NUM_THREADS=0: expected a whole number from 1 to 65536"),
        ("NUM_THREADS", "99999999999999999999", "HOLOGRAM_NUM_THREADS=99999999999999999999: expected"),
        ("STRICT", "yes", "HOLOGRAM_STRICT='yes': expected 0 or 1"),
        ("ISA", "sse9", f"HOLOGRAM_ISA='sse9': this CPU has {', '.join(hg.cpu_levels())}"),
        ("LOG", "loud", "HOLOGRAM_LOG='loud': expected one of debug, info, warning, error"),
    ],
)
def test_value_that_means_nothing_is_an_error(variable, text, message):
    with pytest.raises(hg.SettingsError) as caught:
        Settings.from_environment({f"HOLOGRAM_{variable}": text})
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "parameters",
    [
        {"isa": "sse9"},
        {"isa": 5},
        {"threads": 0},
        {"threads": -1},
        {"threads": "4"},
        {"threads": 1.5},
        {"threads": 2**31},
        {"log": "loud"},
        {"log": 5},
        {"providers": [5]},
        {"disable": 5},
        {"priority": {"a": "high"}},
        {"priority": {5: 5}},
        {"priority": "a=5"},
        {"priority": {"a": 1.5}},
        {"strict": "maybe"},
        {"kernel_path": ["libs"]},
    ],
    ids=repr,
)
def test_parameter_that_means_nothing_is_an_error(parameters):
    with pytest.raises(hg.SettingsError):
        hg.Runtime(**parameters)


@pytest.mark.parametrize("text", ["libs", ".", "./libs", "~/libs", "/there" + os.pathsep + "here"])
def test_kernel_path_relative_to_the_working_directory_is_refused(text):
    wrong = text.rpartition(os.pathsep)[2]
    with pytest.raises(hg.SettingsError) as caught:
        Settings.from_environment({"HOLOGRAM_KERNEL_PATH": text})
    assert str(caught.value) == (
        f"HOLOGRAM_KERNEL_PATH: {wrong!r} is relative to the working directory, from which nothing is loaded; "
        f"write the whole path, such as {os.path.abspath(os.path.expanduser(wrong))}"
    )


def test_cache_relative_to_the_working_directory_is_refused():
    with pytest.raises(hg.SettingsError, match=r"^HOLOGRAM_CACHE_DIR: 'cache' is relative to .*; write the whole path"):
        Settings.from_environment({"HOLOGRAM_CACHE_DIR": "cache"})
    with pytest.raises(hg.SettingsError, match="HOLOGRAM_CACHE_DIR"):
        hg.Runtime(cache_dir="cache")


def test_misspelt_variable_is_warned_about():
    with pytest.warns(UserWarning, match="HOLOGRAM_STRIKT is not a variable of Hologram; those are HOLOGRAM_PROVIDERS"):
        Settings.from_environment({"HOLOGRAM_STRIKT": "1"})


@pytest.mark.parametrize(
    ("variable", "text", "parameter", "field", "value"),
    [
        ("PROVIDERS", "a", {"providers": ["b"]}, "providers", ("b",)),
        ("PROVIDERS", "a", {"providers": []}, "providers", ()),
        ("DISABLE", "a", {"disable": []}, "disable", ()),
        ("PRIORITY", "a=1", {"priority": {"a": 2}}, "priority", {"a": 2}),
        ("ISA", hg.cpu_levels()[-1], {"isa": "baseline"}, "isa", "baseline"),
        ("NUM_THREADS", "7", {"threads": 2}, "num_threads", 2),
        ("KERNEL_PATH", "/a", {"kernel_path": [Path("/b")]}, "kernel_path", ("/b",)),
        ("CACHE_DIR", "/a", {"cache_dir": Path("/b")}, "cache_dir", "/b"),
        ("STRICT", "1", {"strict": False}, "strict", False),
        ("LOG", "info", {"log": "debug"}, "log", "debug"),
    ],
)
def test_parameter_wins_over_its_variable(monkeypatch, variable, text, parameter, field, value):
    monkeypatch.setenv(f"HOLOGRAM_{variable}", text)
    assert getattr(hg.Runtime(**parameter).settings, field) == value


def test_levels_end_at_the_chosen_one():
    levels = hg.cpu_levels()
    assert levels[0] == "baseline"
    for i, level in enumerate(levels):
        assert Settings(isa=level).levels == levels[: i + 1]
    assert Settings().levels == levels


def test_threads_default_to_the_cpus_of_this_process():
    expected = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    assert Settings().threads == expected
    assert Settings(num_threads=7).threads == 7


def test_variables_reach_the_default_runtime():
    code = "import hologram_core as hg; print(hg.default_runtime().settings.num_threads)"
    environment = {**os.environ, "HOLOGRAM_NUM_THREADS": "3"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "3\n"


def test_import_reads_no_variable():
    environment = {**os.environ, "HOLOGRAM_STRICT": "nonsense"}
    code = "import hologram_core as hg\ntry: hg.ops.relu\nexcept hg.SettingsError: print('at first use')"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "at first use\n"


def test_log_tells_each_decision_on_stderr():
    code = (
        "import hologram_core as hg, numpy as np\n"
        "rt = hg.Runtime(providers=[], log='debug')\n"
        "class P:\n"
        "    @hg.hookimpl\n"
        "    def provide_kernel(self, name, dtype):\n"
        "        return hg.Kernel.from_python(np.negative, op=name, signature='()->()', dtype=dtype)\n"
        "rt.register(P(), 'mine')\n"
        "rt.ops.vector_neg(np.ones(3)); rt.ops.vector_neg(np.ones(3))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.count("hologram: vector_neg f64 n=3: mine (user, python), for n = 3") == 1
