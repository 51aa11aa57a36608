"""Does `hologram doctor` find, name and explain whatever keeps the runtime from working?"""

import json
import os
import signal
import sys
import time

import numpy as np
import pytest
from support import loadable
from support.plugins import BROKEN, install
from support.providers import DeclaringProvider, Provider, python_kernel, runtime_of

import hologram_core as hg
from hologram_atlas import toolchain
from hologram_core import doctor
from hologram_core.cli import run
from hologram_core.doctor import FAIL, NOTE, PASS, Finding, examine


def _findings(runtime=None):
    return {finding.what: finding for finding in examine(runtime)}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HOLOGRAM_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder on sys.path; modules imported from it are forgotten."""
    before = set(sys.modules)
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    for name in set(sys.modules) - before:
        if str(folder) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


# ---- all is well -------------------------------------------------------------------------------------------------


def test_healthy_machine_passes(tmp_path, capsys):
    findings = _findings()
    assert {finding.state for finding in findings.values()} == {PASS}
    for what in ("Python", "NumPy", "CPU", "levels in use", "threads", "hologram-atlas: C compiler"):
        assert what in findings
    assert ", ".join(hg.cpu_levels()) in findings["levels in use"].found
    assert str(tmp_path / "cache") in findings["hologram-atlas: cache"].found
    assert run(["doctor"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "all is well"


def test_every_kernel_of_every_provider_computes_something():
    assert _findings()["hologram-stdlib"].found == "0.1.0: 43 of 43 kernels compute what the reference does"


def test_findings_as_data(capsys):
    assert run(["doctor", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["what"] for row in rows] == [finding.what for finding in examine()]
    assert {row["state"] for row in rows} == {"pass"}


# ---- what the issue promises to find -----------------------------------------------------------------------------


def test_plugin_that_fails_at_import_is_named_with_its_error(site, capsys):
    install(site, "my-pack", BROKEN)
    finding = _findings()["my-pack"]
    assert (finding.state, finding.found) == (FAIL, "import: RuntimeError: broken")
    assert 'HOLOGRAM_DISABLE="my-pack"' in finding.advice
    assert run(["doctor"]) == 1
    printed = capsys.readouterr()
    assert "FAIL  my-pack: import: RuntimeError: broken; " in printed.out
    assert printed.out.splitlines()[-1].startswith("1 of ")
    assert printed.err == ""
    assert "Traceback" not in printed.out


def test_debug_shows_the_traceback_of_a_plugin(site, capsys):
    install(site, "my-pack", BROKEN)
    assert run(["doctor", "--debug"]) == 1
    assert "Traceback (most recent call last)" in capsys.readouterr().out


def test_strict_does_not_stop_the_doctor(site, monkeypatch):
    install(site, "my-pack", BROKEN)
    monkeypatch.setenv("HOLOGRAM_STRICT", "1")
    findings = _findings()
    assert findings["my-pack"].state == FAIL
    assert findings["hologram-stdlib"].state == PASS


def test_library_of_the_wrong_abi_is_named_with_both_versions(tmp_path, monkeypatch):
    folder = tmp_path / "kernels"
    folder.mkdir(mode=0o755)
    text = loadable.SOURCE.read_text().replace(".abi_version = HOLOGRAM_ABI_VERSION", ".abi_version = 2")
    (tmp_path / "newer.c").write_text(text)
    path = loadable.compile_c(tmp_path / "newer.c", folder / "newer.so")
    loadable.build(folder / "good.so")
    monkeypatch.setenv("HOLOGRAM_KERNEL_PATH", str(folder))
    findings = _findings()
    finding = findings[f"hologram-dynamic: library {path}"]
    assert (finding.state, finding.found) == (FAIL, "ABI version 2, this runtime reads version 1")
    assert finding.advice.startswith("build it anew")
    assert findings[f"hologram-dynamic: folder {folder}"].found == "1 of 2 libraries are loaded"


def test_kernel_folder_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("HOLOGRAM_KERNEL_PATH", str(tmp_path / "nowhere"))
    finding = _findings()[f"hologram-dynamic: folder {tmp_path / 'nowhere'}"]
    assert (finding.state, finding.found.split(";")[0]) == (FAIL, "there is no such folder")


def test_missing_compiler_is_explained(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(toolchain, "_find_zig", lambda: None)
    finding = _findings()["hologram-atlas: C compiler"]
    assert (finding.state, finding.found.split(";")[0]) == (FAIL, "no C compiler")
    assert "pip install 'hologram-atlas[zig]'" in finding.advice


def test_compiler_that_builds_nothing_is_quoted(tmp_path, monkeypatch):
    compiler = tmp_path / "cc"
    compiler.write_text("#!/bin/sh\n[ $1 = --version ] && echo cc 1.0 && exit\necho 'error: no disk' >&2\nexit 3\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("CC", str(compiler))
    finding = _findings()["hologram-atlas: C compiler"]
    assert (finding.state, finding.found) == (FAIL, f"{compiler} builds nothing: error: no disk")


def test_cache_that_cannot_be_written_is_explained(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HOLOGRAM_CACHE_DIR", str(tmp_path / "file" / "cache"))
    finding = _findings()["hologram-atlas: cache"]
    assert finding.state == FAIL
    assert finding.found.startswith(f"{tmp_path / 'file' / 'cache'} cannot be written: ")
    assert finding.advice.startswith("set HOLOGRAM_CACHE_DIR to a folder of yours")


def test_isa_that_the_cpu_lacks_is_explained_and_the_rest_looked_at(monkeypatch, capsys):
    monkeypatch.setenv("HOLOGRAM_ISA", "avx9")
    findings = _findings()
    assert findings["HOLOGRAM_ISA"].state == FAIL
    assert findings["HOLOGRAM_ISA"].found == f"'avx9': this CPU has {', '.join(hg.cpu_levels())}"
    assert findings["hologram-stdlib"].state == PASS
    assert os.environ["HOLOGRAM_ISA"] == "avx9"
    assert run(["doctor"]) == 1
    assert "FAIL  HOLOGRAM_ISA: 'avx9': this CPU has " in capsys.readouterr().out


# ---- other variables ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "value", "state", "found"),
    [
        ("HOLOGRAM_NUM_THREADS", "many", FAIL, "'many': expected a whole number"),
        ("HOLOGRAM_STRIKT", "1", NOTE, "is not a variable of Hologram; those are HOLOGRAM_PROVIDERS, "),
        ("HOLOGRAM_PRIORITY", "my-pack=5", NOTE, "names my-pack, not installed"),
        ("HOLOGRAM_DISABLE", "hologram-atlas,nobody", NOTE, "names nobody, not installed"),
    ],
)
def test_variable_that_has_no_effect_is_found(monkeypatch, variable, value, state, found):
    monkeypatch.setenv(variable, value)
    finding = _findings()[variable]
    assert finding.state == state
    assert finding.found.startswith(found)


@pytest.mark.parametrize("variable", ["HOLOGRAM_CACHE_DIR", "HOLOGRAM_KERNEL_PATH"])
def test_folder_relative_to_the_working_directory_is_found(monkeypatch, variable):
    monkeypatch.setenv(variable, "somewhere")
    finding = _findings()[variable]
    assert finding.state == FAIL
    assert finding.found.startswith("'somewhere' is relative to the working directory")


def test_more_threads_than_cpus_is_a_note(monkeypatch):
    monkeypatch.setenv("HOLOGRAM_NUM_THREADS", "4096")
    assert _findings()["threads"].state == NOTE


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({"HOLOGRAM_PROVIDERS": "nobody"}, "none is left"),
        ({"HOLOGRAM_DISABLE": "hologram-atlas,hologram-dynamic,hologram-stdlib,hologram-sigmatics"}, "none is left"),
    ],
)
def test_without_providers_nothing_works(monkeypatch, variables, found):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    finding = _findings()["providers"]
    assert (finding.state, finding.found) == (FAIL, found)


def test_without_installed_providers_there_is_advice(monkeypatch):
    monkeypatch.setattr("hologram_core.plugins.discover", list)
    assert _findings()["providers"].advice == "pip install hologram-stdlib"


# ---- what providers compute --------------------------------------------------------------------------------------


def _wrong(a, b, out):
    np.subtract(a, b, out=out)


def _fail(a, b, out):
    raise ZeroDivisionError("not today")


def _adder(function, **fields):
    return python_kernel(function, "vector_add", "(),()->()", "f32", **fields)


def _about(plugin, name="mine"):
    """The findings about one provider."""
    return [finding for finding in examine(runtime_of(mine=plugin)) if finding.what.startswith(name)]


def test_kernel_that_computes_something_else_is_named():
    kernel, summary = _about(DeclaringProvider([_adder(_wrong)]))
    assert (kernel.what, kernel.state) == ("mine: vector_add f32", FAIL)
    assert kernel.found.startswith("vector_add f32 by mine (python); results: out[0] is ")
    assert (summary.state, summary.found) == (FAIL, "0 of 1 kernels compute what the reference does; wrong: 1")


def test_kernel_that_raises_is_named_with_its_error():
    kernel, _ = _about(DeclaringProvider([_adder(_fail)]))
    assert (kernel.state, kernel.found) == (FAIL, "ZeroDivisionError: not today")
    assert "Traceback" in kernel.detail


def _crash(a, b, out):
    os.kill(os.getpid(), signal.SIGSEGV)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kernels are tried in a child only where there is fork")
def test_kernel_that_crashes_is_named_and_the_others_are_tried():
    kernels = [_adder(np.add, min_n=1, max_n=1), _adder(_crash, min_n=2, max_n=2), _adder(_wrong, min_n=3, max_n=3)]
    crash, wrong, summary = _about(DeclaringProvider(kernels))
    assert (crash.what, crash.state) == ("mine: vector_add f32", FAIL)
    assert crash.found.startswith("the process died of SIGSEGV")
    assert crash.advice == 'report this to its author; HOLOGRAM_DISABLE="mine" goes on without all of it'
    assert "out[0] is" in wrong.found
    assert summary.found == "1 of 3 kernels compute what the reference does; wrong: 2"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kernels are tried in a child only where there is fork")
def test_kernel_that_never_returns_is_named(monkeypatch):
    monkeypatch.setattr(doctor, "SECONDS", 0.3)
    stuck, summary = _about(DeclaringProvider([_adder(lambda a, b, out: time.sleep(30))]))
    assert (stuck.state, stuck.found) == (FAIL, "it has not returned for 0.3 s")
    assert summary.state == FAIL


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kernels are tried in a child only where there is fork")
def test_provider_whose_kernels_all_crash_is_not_tried_for_ever():
    kernels = [_adder(_crash, min_n=n, max_n=n) for n in range(1, 100)]
    *crashes, summary = _about(DeclaringProvider(kernels))
    assert len(crashes) == doctor.MAX_WRONG
    assert summary.found.endswith("wrong: 5; the first 5 were tried")


def test_failure_while_a_kernel_is_tried_is_told():
    def offer():
        raise OSError("the library is gone")

    late = hg.Kernel.late("vector_add", "(),()->()", "f32", ["baseline"], offer)
    failure, kernel, _ = _about(DeclaringProvider([late]))
    assert (failure.what, failure.found) == ("mine", "open: OSError: the library is gone (for 'vector_add', f32)")
    assert kernel.what == "mine: vector_add f32"


def test_kernels_without_a_declaration_are_tried_too():
    (summary,) = _about(Provider([_adder(np.add)]))
    assert (summary.state, summary.found) == (PASS, "1 of 1 kernels compute what the reference does")
    kernel, _ = _about(Provider([_adder(_wrong)]))
    assert kernel.state == FAIL


@pytest.mark.parametrize(
    ("kernel", "found"),
    [
        (python_kernel(print, "my.op", "()->()", "f32"), "no reference to compare with (1)"),
        (python_kernel(print, "vector_add", "()->()", "f32"), "its signature is ()->(), that of 'vector_add' is"),
    ],
)
def test_kernel_that_cannot_be_judged_is_a_note(kernel, found):
    (summary,) = _about(DeclaringProvider([kernel]))
    assert summary.state == NOTE
    assert summary.found.startswith(f"0 of 1 kernels compute what the reference does; {found}")


@pytest.mark.parametrize(("low", "high"), [(0, 0), (1, 1), (34, 40), (3073, hg.MAX_N)])
def test_kernel_is_tried_at_a_size_that_it_serves(low, high):
    (summary,) = _about(DeclaringProvider([_adder(np.add, min_n=low, max_n=high)]))
    assert summary.state == PASS


def test_many_kernels_are_not_all_tried(monkeypatch):
    monkeypatch.setattr(doctor, "MAX_KERNELS", 50)
    kernels = [_adder(_wrong, min_n=i, max_n=i) for i in range(1, 101)]
    *wrong, summary = _about(DeclaringProvider(kernels))
    assert len(wrong) == 5
    assert summary.found.endswith("wrong: 50; the first 50 were tried")


# ---- what providers say ------------------------------------------------------------------------------------------


class _Licensed(DeclaringProvider):
    def __init__(self, answer):
        super().__init__([])
        self.answer = answer

    @hg.hookimpl
    def diagnose(self):
        return self.answer()


def _raise():
    raise RuntimeError("no words")


def test_finding_of_a_provider_is_told_under_its_name():
    finding = Finding("licence", FAIL, "no licence file", "put my-pack.lic there")
    *_, said = _about(_Licensed(lambda: iter([finding])))
    assert str(said) == "FAIL  mine: licence: no licence file; put my-pack.lic there"


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (_raise, "diagnose: RuntimeError: no words"),
        (lambda: ["fine"], "diagnose: expected Finding values, found 'fine'"),
        (lambda: [Finding("x", "good", "y")], "diagnose: ValueError: finding 'x': state 'good', expected one of pass"),
    ],
)
def test_provider_whose_diagnosis_fails_is_found(answer, found):
    (said,) = _about(_Licensed(answer))
    assert said.state == FAIL
    assert said.found.startswith(found)


def test_nothing_to_say_is_fine():
    (said,) = _about(_Licensed(lambda: None))
    assert (said.state, said.found) == (PASS, "no kernels of its own")
