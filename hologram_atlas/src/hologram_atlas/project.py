"""Projects of packs: begun from a template, built into a wheel and an sdist.

In goes a name, out comes a folder whose package, tests and README have it; in goes such a folder, out come
its distributions. Refused: names that no package can have and folders that exist (ValueError,
FileExistsError), folders that are no project of ours (ValueError), kernels that do not compile (CompileError).
"""

from __future__ import annotations

import importlib.util
import keyword
import os
import re
import sys
import tomllib
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from hologram_core import HologramError

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*([-_.]?[A-Za-z0-9]+)*")
_TEMPLATE = ("user-plugin", "user_plugin")  #: distribution and package, as the files of the template have them
_BACKEND = "hatchling.build"


def new_project(path: str | os.PathLike[str]) -> Path:
    """Write a project into a new folder that has its name; return the folder.

    Raises ValueError for a name that no package can have, FileExistsError.
    """
    folder = Path(path)
    names = _names(folder.name)
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise FileExistsError(f"{folder} exists already; choose another name, or remove it") from None
    _write(files(__package__) / "template", folder, names)
    return folder


def _names(name: str) -> tuple[str, str]:
    """The names of the distribution and of its package."""
    distribution = re.sub(r"[-_.]+", "-", name).lower()
    package = distribution.replace("-", "_")
    if not _NAME.fullmatch(name) or keyword.iskeyword(package):
        raise ValueError(f"{name!r} is no name for a package; use letters, digits and hyphens, as in my-kernels")
    if package in sys.stdlib_module_names or importlib.util.find_spec(package) is not None:
        raise ValueError(
            f"a package named {package!r} is here already, and this one would hide it; choose another name"
        )
    return distribution, package


def _write(template: Traversable, folder: Path, names: tuple[str, str]) -> None:
    """Copy a folder of the template, its names replaced in paths and texts."""
    for item in template.iterdir():
        if item.name == "__pycache__":
            continue
        target = folder / _rename(item.name, names)
        if item.is_dir():
            target.mkdir()
            _write(item, target, names)
        else:
            target.write_text(_rename(item.read_text(encoding="utf-8"), names), encoding="utf-8")


def _rename(text: str, names: tuple[str, str]) -> str:
    for old, new in zip(_TEMPLATE, names, strict=True):
        text = text.replace(old, new)
    return text


def build_project(folder: str | os.PathLike[str], output: str | os.PathLike[str] | None = None) -> list[Path]:
    """Build the wheel and the sdist of a project into `output`, or its folder dist; return their paths.

    Everything is built in this environment: its hologram-atlas compiles the kernels. Raises HologramError where
    hatchling is missing, ValueError for a folder that is no project of a pack, CompileError.
    """
    root = Path(folder).absolute()
    _check_project(root)
    try:
        from hatchling.builders.sdist import SdistBuilder
        from hatchling.builders.wheel import WheelBuilder
    except ImportError:
        raise HologramError(
            "packs are built by hatchling, which is missing; pip install 'hologram-atlas[pack]'"
        ) from None
    target = str(root / "dist" if output is None else Path(output).absolute())
    builders = (SdistBuilder(str(root)), WheelBuilder(str(root)))
    return [Path(made) for builder in builders for made in builder.build(directory=target, versions=["standard"])]


def _check_project(root: Path) -> None:
    file = root / "pyproject.toml"
    try:
        project = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(
            f"{file}: {error.strerror}; name the folder of a project, or begin one: hologram new NAME"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{file}: not TOML: {error}") from None
    backend = project.get("build-system", {}).get("build-backend")
    if backend != _BACKEND:
        raise ValueError(f"{file}: build-backend is {backend!r}, expected {_BACKEND!r}, whose hook compiles kernels")
    if "hologram" not in _hooks(project):
        raise ValueError(
            f"{file}: nothing compiles its kernels; add a line [tool.hatch.build.targets.wheel.hooks.hologram]"
        )


def _hooks(project: dict[str, object]) -> set[str]:
    """The build hooks that a pyproject.toml names, for wheels or for everything."""
    found: set[str] = set()
    for path in (("hooks",), ("targets", "wheel", "hooks")):
        table: object = project
        for key in ("tool", "hatch", "build", *path):
            table = table.get(key, {}) if isinstance(table, dict) else {}
        found |= set(table) if isinstance(table, dict) else set()
    return found
