"""Distributions on the path, as pip leaves them, with plugins that work or fail."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

ANSWER = "import hologram_core as hg\n@hg.hookimpl\ndef provide_kernel(name):\n    return hg.Refusal({!r})\n"
BROKEN = "raise RuntimeError('broken')\n"


def distribution(
    folder: Path,
    name: str,
    version: str = "1.0",
    points: Mapping[str, str] | None = None,
    text: str | None = None,
    kind: str = "dist-info",
) -> Path:
    """A folder of metadata with the given entry points."""
    metadata = folder / f"{name}-{version}.{kind}"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    if text is None:
        text = "[hologram.plugins]\n" + "".join(f"{key} = {value}\n" for key, value in (points or {}).items())
    if text:
        (metadata / "entry_points.txt").write_text(text)
    return metadata


def install(folder: Path, name: str, code: str, point: str | None = None) -> Path:
    """A plugin of one module; returns the folder, which is to be on the path."""
    module = name.replace("-", "_")
    (folder / f"{module}.py").write_text(code)
    distribution(folder, module, points={"x": point or module})
    return folder
