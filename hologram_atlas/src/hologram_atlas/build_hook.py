"""The build hook of packs: hatchling compiles their kernels when it builds a wheel.

    [build-system]
    requires = ["hatchling", "hologram-atlas"]
    build-backend = "hatchling.build"

    [tool.hatch.build.targets.wheel.hooks.hologram]

The sources are the folder `kernels` of the package, or `kernels = "path"`; the libraries go to `_kernels`
beside it and into the wheel, which gets the tag of this platform, or of `platform = "manylinux_2_28_x86_64"`
where that is true of the machine. The sdist has the sources alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.plugin import hookimpl

from hologram_dynamic.pack import FOLDER

from .errors import CompileError
from .packs import build_pack, wheel_tag


class HologramBuildHook(BuildHookInterface[Any]):
    """Compiles the kernels of a pack."""

    PLUGIN_NAME = "hologram"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build, and tell hatchling what it has to take along. Raises CompileError for the first source that fails."""
        if self.target_name != "wheel":
            return
        sources = self._sources()
        report = build_pack([sources], sources.parent / FOLDER)
        if report.errors:
            raise report.errors[0]
        for built in report.results:
            self.app.display_info(f"{built.source.relative_to(self.root)} -> {FOLDER}/{built.source.stem}")
        build_data["pure_python"] = False
        build_data["tag"] = wheel_tag(str(self.config.get("platform", "")))
        build_data["artifacts"].append(f"/{(sources.parent / FOLDER).relative_to(self.root).as_posix()}/*")

    def _sources(self) -> Path:
        """The folder of the kernels."""
        root = Path(self.root)
        if given := self.config.get("kernels"):
            return root / str(given)
        found = [path for place in (root, root / "src") for path in sorted(place.glob("*/kernels")) if path.is_dir()]
        if len(found) != 1:
            names = ", ".join(str(path.relative_to(root)) for path in found) or "none"
            raise CompileError(
                f"expected one folder <package>/kernels, found {names}",
                file=self.root,
                advice='name it in pyproject.toml: [tool.hatch.build.targets.wheel.hooks.hologram] kernels = "..."',
            )
        return found[0]


@hookimpl
def hatch_register_build_hook() -> type[HologramBuildHook]:
    """Tell hatchling of the hook."""
    return HologramBuildHook
