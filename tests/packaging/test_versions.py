"""Is there one version and one licence?"""

import importlib.util
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DISTRIBUTIONS = sorted(path.parent for path in ROOT.glob("hologram_*/pyproject.toml"))


@pytest.fixture(scope="module")
def version():
    """The module release/version.py."""
    spec = importlib.util.spec_from_file_location("version", ROOT / "release" / "version.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_place_says_the_same(version):
    places = {str(path.relative_to(ROOT)) for path, _ in version.mentions()}
    assert {f"{folder.name}/pyproject.toml" for folder in DISTRIBUTIONS} <= places
    assert version.out_of_step() == []


def test_no_place_is_forgotten(version):
    said = {path for path, _ in version.mentions()}
    for folder in DISTRIBUTIONS:
        for path in folder.rglob("*"):
            if path.suffix in (".py", ".toml", ".c") and not {"template", "build"} & set(path.parts):
                assert version.version() not in path.read_text("utf-8") or path in said, path


def test_changelog_begins_with_the_version(version):
    headings = [line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("## ")]
    assert headings[0].split()[1] == version.version()


def test_every_version_says_what_upgrading_asks():
    for section in (ROOT / "CHANGELOG.md").read_text().split("\n## ")[1:]:
        _, heading, notes = section.partition("\n### Upgrading\n")
        assert heading, section.splitlines()[0]
        assert notes.strip()


def test_write_mends_every_place(version, tmp_path):
    for folder in DISTRIBUTIONS:
        shutil.copytree(folder, tmp_path / folder.name, ignore=shutil.ignore_patterns("*.so", "build", "__pycache__"))
    for path, found in list(version.mentions(tmp_path)):
        path.write_text(path.read_text().replace(found[1], "9.9.9"))
    assert len(version.out_of_step(tmp_path)) == len(list(version.mentions()))
    version.write(tmp_path)
    assert version.out_of_step(tmp_path) == []


@pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=lambda folder: folder.name)
def test_licence_goes_with_each_distribution(folder):
    assert (folder / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
