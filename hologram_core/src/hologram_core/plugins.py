"""Plugins: the entry points of the group "hologram.plugins" become the providers of a runtime.

In goes sys.path, out come Providers in the order of their names, whatever the order of installation.
A plugin that does not import is a Provider with a Failure.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pluggy

from . import hookspecs
from .errors import PluginError
from .provider import Provider

if TYPE_CHECKING:
    from importlib_metadata import EntryPoint


@dataclass(frozen=True)
class Found:
    """An entry point in the group, with the name and version of its distribution."""

    provider: str
    version: str
    entry_point: EntryPoint = field(compare=False)


def normalized(name: str) -> str:
    """Return a distribution name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def discover(path: Iterable[str] | None = None) -> list[Found]:
    """Find the entry points of the group on sys.path (or another path), sorted by provider name.

    The first distribution of a name on the path hides the later ones. A provider is called like
    its distribution, and "distribution:entry-point" where that has several.
    """
    found: dict[str, list[Found]] = {}
    for metadata in _candidates(sys.path if path is None else path):
        for name, group in _read(metadata).items():
            found.setdefault(name, group)
    return sorted((item for group in found.values() for item in group), key=lambda item: item.provider)


def _candidates(path: Iterable[str]) -> Iterator[Path]:
    """Metadata folders whose entry_points.txt names the group: a scan of names, since most do not.

    Reading the metadata of every distribution there is would cost more than NumPy's import.
    """
    for folder in dict.fromkeys(path):
        try:
            entries = sorted(os.listdir(folder or "."))
        except OSError:
            continue  # not there, or a zip file: Hologram's extensions cannot be imported from one
        for entry in entries:
            if not entry.endswith((".dist-info", ".egg-info")):
                continue
            try:
                with open(os.path.join(folder or ".", entry, "entry_points.txt"), "rb") as file:
                    text = file.read()
            except OSError:
                continue
            if hookspecs.GROUP.encode() in text:
                yield Path(folder or ".", entry)


def _read(metadata: Path) -> dict[str, list[Found]]:
    """The group's entry points in one metadata folder, under the distribution's name."""
    import importlib_metadata  # here, since it takes a third of the whole import

    distribution = importlib_metadata.Distribution.at(metadata)
    stem, _, version = metadata.stem.partition("-")
    if metadata.suffix == ".egg-info":
        version = distribution.version
        stem = distribution.name
    name = normalized(stem)
    points = [point for point in distribution.entry_points if point.group == hookspecs.GROUP]
    if not points:
        return {}
    return {name: [Found(name if len(points) == 1 else f"{name}:{point.name}", version, point) for point in points]}


# ---- the providers of a runtime ------------------------------------------------------------------


class ProviderSet:
    """The providers of one runtime by name: those installed and wanted, and those registered by hand.

    Plugins are found and imported when they are first asked for. Not thread-safe: the runtime locks.
    """

    def __init__(self, is_wanted: Callable[[str], bool], *, strict: bool) -> None:
        self._is_wanted = is_wanted
        self._strict = strict
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._loaded: dict[str, Provider] | None = None

    @property
    def _table(self) -> dict[str, Provider]:
        if self._loaded is None:
            found = [item for item in discover() if self._is_wanted(item.provider)]
            self._loaded = {item.provider: self._load(item) for item in found}
        return self._loaded

    def _load(self, found: Found) -> Provider:
        provider = Provider(found.provider, found.version, strict=self._strict)
        try:
            provider.attach(found.entry_point.load(), self._manager)
        except PluginError:
            raise
        except Exception as error:  # a stranger's module: anything may come out of it
            provider.fail("import", f"{type(error).__name__}: {error}", error)
        return provider

    def __iter__(self) -> Iterator[Provider]:
        """All providers, by name."""
        table = self._table
        return iter([table[name] for name in sorted(table)])

    def names(self) -> list[str]:
        """The names of all providers, sorted."""
        return sorted(self._table)

    def add(self, plugin: object, name: str) -> None:
        """Add a plugin. Raises ValueError if the name or the plugin is there already."""
        if name in self._table:
            raise ValueError(f"register(): a provider {name!r} is registered already; unregister({name!r}) first")
        if self._manager.get_name(plugin) is not None:
            raise ValueError(f"register(): this plugin is {self._manager.get_name(plugin)!r} already")
        provider = Provider(name, "", strict=self._strict)
        try:
            provider.attach(plugin, self._manager)
        except PluginError:
            self._manager.unregister(plugin)
            raise
        self._table[name] = provider

    def remove(self, name: str) -> None:
        """Remove a provider. Raises LookupError if there is none of that name."""
        if name not in self._table:
            raise LookupError(f"unregister(): no provider {name!r}; there are {', '.join(self.names()) or 'none'}")
        provider = self._table.pop(name)
        if provider.plugin is not None:
            self._manager.unregister(provider.plugin)
