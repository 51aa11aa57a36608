"""Our distributions as others get them: copies of their folders, and wheels made from those."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.environments import Environment

ROOT = Path(__file__).resolve().parents[2]
OURS = ("hologram_core", "hologram_stdlib", "hologram_dynamic", "hologram_atlas", "hologram_sigmatics")


@pytest.fixture(scope="session")
def checkout(tmp_path_factory):
    """The tracked and new files of our distributions, without anything built."""
    copy = tmp_path_factory.mktemp("checkout")
    ignore = shutil.ignore_patterns("build", "*.so", "*.pyd", "*.egg-info", "__pycache__", "dist")
    for name in OURS:
        shutil.copytree(ROOT / name, copy / name, ignore=ignore)
    return copy


@pytest.fixture(scope="session")
def wheels(checkout, tmp_path_factory):
    """A wheel of each of our distributions, by folder."""
    folder = tmp_path_factory.mktemp("wheels")
    for name in OURS:
        subprocess.run(
            [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(folder), str(checkout / name)],
            check=True,
        )
    return {wheel.name.split("-")[0]: wheel for wheel in folder.iterdir()}


@pytest.fixture(scope="session")
def environment(checkout, wheels, tmp_path_factory):
    """Our distributions, installed in one command: from folders, with build isolation, but for the one that takes long."""
    environment = Environment(tmp_path_factory.mktemp("environment"))
    folders = [str(checkout / name) for name in OURS if name != "hologram_sigmatics"]
    environment.pip("install", "-q", *folders, str(wheels["hologram_sigmatics"]))
    return environment
