"""Are plugins found by their entry points alone, whatever the order and whatever else lies on the path?"""

import shutil
import sys
import zipfile

import numpy as np
import pytest
from support.plugins import ANSWER, distribution, install

import hologram_core as hg
from hologram_core.plugins import discover


def _names(*path):
    return [(found.provider, found.version) for found in discover(str(item) for item in path)]


def test_distributions_with_the_group_are_found_by_name(tmp_path):
    distribution(tmp_path, "zeta", "2.0", {"z": "zeta"})
    distribution(tmp_path, "My_Pack.one", "1.5", {"p": "my_pack"})
    distribution(tmp_path, "other", "1.0", text="[console_scripts]\nx = y:z\n")
    distribution(tmp_path, "nothing", "1.0", text="")
    assert _names(tmp_path) == [("my-pack-one", "1.5"), ("zeta", "2.0")]


def test_order_of_the_path_and_of_installation_makes_no_difference(tmp_path):
    for name in "cab":
        distribution(tmp_path / name, name, points={name: name})
    folders = [tmp_path / name for name in "abc"]
    assert _names(*folders) == _names(*reversed(folders)) == [("a", "1.0"), ("b", "1.0"), ("c", "1.0")]


def test_first_distribution_of_a_name_on_the_path_hides_later_ones(tmp_path):
    distribution(tmp_path / "first", "My.Pack", "2.0", {"x": "new"})
    distribution(tmp_path / "second", "my_pack", "1.0", {"x": "old", "y": "older"})
    assert _names(tmp_path / "first", tmp_path / "second") == [("my-pack", "2.0")]
    assert _names(tmp_path / "second", tmp_path / "first") == [("my-pack:x", "1.0"), ("my-pack:y", "1.0")]


def test_distribution_without_plugins_hides_an_older_one_that_had_some(tmp_path):
    distribution(tmp_path / "first", "my_pack", "2.0", text="")
    distribution(tmp_path / "second", "my_pack", "1.0", {"x": "old"})
    assert _names(tmp_path / "first", tmp_path / "second") == []


def test_several_entry_points_are_several_providers(tmp_path):
    distribution(tmp_path, "pack", points={"b": "pack.b", "a": "pack:a"})
    assert [name for name, _ in _names(tmp_path)] == ["pack:a", "pack:b"]


def test_egg_info_of_a_source_tree_is_found(tmp_path):
    metadata = tmp_path / "my_pack.egg-info"
    metadata.mkdir()
    (metadata / "entry_points.txt").write_text("[hologram.plugins]\nx = my_pack\n")
    assert _names(tmp_path) == [("my-pack", "")]


def test_zip_file_on_the_path_is_searched(tmp_path):
    distribution(tmp_path / "tree", "zipped", "3.0", {"x": "zipped"})
    archive = tmp_path / "pack.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        for file in (tmp_path / "tree").rglob("*"):
            zipped.write(file, file.relative_to(tmp_path / "tree"))
    assert _names(archive) == [("zipped", "3.0")]


def test_path_may_name_what_is_not_there_or_no_folder(tmp_path):
    (tmp_path / "file.txt").write_text("no zip file")
    assert _names(tmp_path / "nothing", tmp_path / "file.txt") == []


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("hologram.plugins", 0),
        ("[hologram.plugins]", 0),
        ("[hologram.plugins]\nno equals sign\n", 0),
        ("[hologram.plugins]\n# x = y\n", 0),
        ("[hologram.plugins\nx = y", 1),
        ("[other]\nx = hologram.plugins\n", 0),
        ("[hologram.plugins]\nx = y [extra]\n[other]\nz = hologram.plugins\n", 1),
        ("  [ hologram.plugins ]  \n\n  x=y:z  \n", 1),
        ("[hologram.plugins]\r\nx = y\r\n", 1),
        ("\0\1\2 hologram.plugins [", 0),
    ],
)
def test_broken_entry_points_break_nothing(tmp_path, text, count):
    distribution(tmp_path, "pack", text=text or " ")
    distribution(tmp_path, "whole", points={"x": "whole"})
    names = [name for name, _ in _names(tmp_path)]
    assert names == ["pack"] * count + ["whole"]


def test_entry_points_that_are_not_utf8_break_nothing(tmp_path):
    metadata = distribution(tmp_path, "pack")
    (metadata / "entry_points.txt").write_bytes(b"\xff\xfe[hologram.plugins]\nx = y\n")
    assert [name for name, _ in _names(tmp_path)] in ([], ["pack"])


# ---- from the path into a runtime ----------------------------------------------------------------


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder on sys.path; modules imported from it are forgotten."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(sys.modules[name].__file__):
            del sys.modules[name]


def _said(runtime):
    return {c.provider: c.reason for c in runtime.explain("relu", "f32", 3).candidates if c.offer is None}


def test_plugins_are_modules_or_objects_in_them(site):
    install(site, "fake-one", ANSWER.format("one"))
    first, *function = ANSWER.format("two").replace("(name)", "(self, name)").splitlines()
    body = "\n    ".join(function)
    code = f"{first}\nclass Outer:\n  class inner:\n    {body}\n  inner = inner()\n"
    install(site, "fake-two", code, "fake_two:Outer.inner")
    said = _said(hg.Runtime(providers=["fake-one", "fake-two"]))
    assert said == {"fake-one": "one", "fake-two": "two"}


def test_wanted_and_unwanted_providers(site):
    for name in ("fake-one", "fake-two"):
        install(site, name, ANSWER.format(name))
    assert set(_said(hg.Runtime(providers=["fake-one"]))) == {"fake-one"}
    both = {"fake-one", "fake-two"}
    assert set(_said(hg.Runtime(disable=["fake-one"]))) & both == {"fake-two"}
    assert set(_said(hg.Runtime())) & both == both
    assert set(_said(hg.Runtime(providers=["fake-one"], disable=["fake-one"]))) == set()


def test_disabled_provider_is_not_imported(site):
    install(site, "fake-one", "raise RuntimeError('imported')")
    assert [row.name for row in hg.Runtime(disable=["fake-one"]).providers() if "fake" in row.name] == []


def test_one_entry_point_of_several_can_be_chosen(site):
    (site / "fake_many.py").write_text(ANSWER.format("module") + "class P:\n  pass\n")
    (site / "fake_more.py").write_text(ANSWER.format("more"))
    distribution(site, "fake_many", points={"one": "fake_many", "two": "fake_more"})
    assert set(_said(hg.Runtime(providers=["fake-many"]))) == {"fake-many:one", "fake-many:two"}
    assert set(_said(hg.Runtime(providers=["fake-many:two"]))) == {"fake-many:two"}


def test_plugins_are_imported_at_the_first_request_only(site):
    install(site, "fake-one", ANSWER.format("one"))
    runtime = hg.Runtime(providers=["fake-one"])
    assert "fake_one" not in sys.modules
    runtime.explain("relu", "f32", 3)
    assert "fake_one" in sys.modules


def test_version_is_that_of_thedistribution(site):
    install(site, "fake-one", ANSWER.format("one"))
    (row,) = hg.Runtime(providers=["fake-one"]).providers()
    assert (row.name, row.version, row.hooks) == ("fake-one", "1.0", ("provide_kernel",))


@pytest.mark.parametrize(
    ("code", "point", "message"),
    [
        ("raise RuntimeError('broken')", None, "import: RuntimeError: broken"),
        ("import nothing_of_the_kind", None, "import: ModuleNotFoundError: No module named 'nothing_of_the_kind'"),
        ("def f(:", None, "import: SyntaxError: invalid syntax"),
        ("raise SystemExit('needs a licence')", None, "import: SystemExit: needs a licence"),
        ("x = 5", "fake_bad:y", "import: AttributeError: module 'fake_bad' has no attribute 'y'"),
        ("", "nothing.of.the.kind", "import: ModuleNotFoundError: No module named 'nothing'"),
        ("", ":", "import: ValueError: Empty module name"),
        ("", None, "register: implements no hook; mark functions with @hologram_core.hookimpl"),
    ],
)
def test_plugin_that_does_not_import_is_recorded_and_others_work(site, code, point, message):
    install(site, "fake-bad", code, point)
    install(site, "fake-good", ANSWER.format("here"))
    runtime = hg.Runtime(providers=["fake-bad", "fake-good"])
    with pytest.warns(hg.PluginWarning) as warned:
        said = _said(runtime)
    explanation = runtime.explain("relu", "f32", 3)
    assert said == {"fake-good": "here"}
    assert len(warned) == 1
    assert str(warned[0].message).startswith(f"provider fake-bad: {message}")
    assert explanation.problems[0].startswith(f"fake-bad: {message}")
    assert explanation.asked == ("fake-bad", "fake-good")
    assert f"  !  fake-bad: {message}" in str(explanation)
    (failure,) = runtime.providers()[0].failures
    assert failure.where == message.partition(":")[0]
    assert ("Traceback" in failure.traceback) == (failure.where == "import")


def test_strict_names_the_plugin_that_fails_every_time(site):
    install(site, "fake-a", ANSWER.format("here"))
    install(site, "fake-b", "raise RuntimeError('broken')")
    runtime = hg.Runtime(providers=["fake-a", "fake-b"], strict=True)
    for _ in range(3):
        with pytest.raises(hg.PluginError) as caught:
            runtime.ops.relu(np.ones(3, "f4"))
        assert str(caught.value) == "provider fake-b: import: RuntimeError: broken"
        assert caught.value.provider == "fake-b"
        assert isinstance(caught.value.__cause__, RuntimeError)
    (site / "fake_b.py").write_text(ANSWER.format("mended"))
    shutil.rmtree(site / "__pycache__", ignore_errors=True)
    assert _said(runtime) == {"fake-a": "here", "fake-b": "mended"}


def test_warnings_as_errors_name_the_plugin_and_the_next_call_works(site):
    install(site, "fake-a", ANSWER.format("here"))
    install(site, "fake-b", "raise RuntimeError('broken')")
    runtime = hg.Runtime(providers=["fake-a", "fake-b"])
    with pytest.raises(hg.PluginWarning, match="fake-b: import: RuntimeError: broken"):
        runtime.providers()
    with pytest.warns(hg.PluginWarning, match="fake-b: import: RuntimeError: broken"):
        assert _said(runtime) == {"fake-a": "here"}


def test_one_plugin_under_two_names_is_one_provider(site):
    install(site, "fake-a", ANSWER.format("here"))
    distribution(site, "fake_b", points={"x": "fake_a"})
    runtime = hg.Runtime(providers=["fake-a", "fake-b"])
    with pytest.warns(hg.PluginWarning, match="provider fake-b: register: ValueError: Plugin"):
        assert _said(runtime) == {"fake-a": "here"}
    runtime.unregister("fake-b")
    assert _said(runtime) == {"fake-a": "here"}


CLASS = """
import hologram_core as hg

class Plugin:
    def __init__(self, runtime):
        self.runtime = runtime

    @hg.hookimpl
    def provide_kernel(self, name):
        return hg.Refusal(f"asked under {self.runtime.settings.threads}")

    def load_kernels(self, runtime, path):
        return self, runtime, path
"""


def test_class_is_made_for_each_runtime(site):
    install(site, "classy", CLASS, point="classy:Plugin")
    runtimes = [hg.Runtime(providers=["classy"], threads=threads) for threads in (1, 2)]
    reasons = [runtime.explain("relu", "f32", 3).candidates[0].reason for runtime in runtimes]
    assert reasons == ["asked under 1", "asked under 2"]
    loaded = [runtime.load_kernels("there") for runtime in runtimes]
    assert [made.runtime for made, _, _ in loaded] == runtimes
    assert [runtime for _, runtime, _ in loaded] == runtimes


def test_class_can_be_registered_by_hand():
    class Plugin:
        def __init__(self, runtime):
            self.runtime = runtime

        @hg.hookimpl
        def provide_kernel(self, name):
            return hg.Refusal(f"for {name}")

    runtime = hg.Runtime(providers=[])
    runtime.register(Plugin, "one")
    runtime.register(Plugin, "two")
    assert [candidate.reason for candidate in runtime.explain("relu", "f32", 3).candidates] == ["for relu"] * 2
