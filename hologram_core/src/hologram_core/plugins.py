"""Plugins: the entry points of the group "hologram.plugins" become the providers of a runtime.

In goes sys.path, out come Providers in the order of their names, whatever the order of installation.
A plugin that does not import is a Provider with a Failure.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import pluggy

from . import hookspecs
from .errors import PluginError, PluginWarning
from .provider import FOREIGN, Provider, text_of

if TYPE_CHECKING:
    from pluggy import HookimplOpts

    from .runtime import Runtime


@dataclass(frozen=True)
class Found:
    """An entry point in the group: the name and version of its provider, and what imports the plugin."""

    provider: str
    version: str
    load: Callable[[], object] = field(compare=False)


def normalized(name: str) -> str:
    """Return a distribution name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def discover(path: Iterable[str] | None = None) -> list[Found]:
    """Find the entry points of the group on sys.path (or another path), sorted by provider name.

    The first distribution of a name on the path hides the later ones. A provider is called like
    its distribution, and "distribution:entry-point" where that has several.
    """
    found: dict[str, list[Found]] = {}
    for folder in dict.fromkeys(sys.path if path is None else path):
        for name, group in _scan(folder or "."):
            found.setdefault(name, group)
    return sorted((item for group in found.values() for item in group), key=lambda item: item.provider)


def _scan(folder: str) -> Iterator[tuple[str, list[Found]]]:
    """The distributions in one folder of the path, with their entry points in the group.

    Folders of metadata are read here, since that takes a millisecond for hundreds of them, and
    importing importlib_metadata alone takes fifteen. A zip file on the path is importlib_metadata's.
    """
    try:
        entries = sorted(os.listdir(folder))
    except NotADirectoryError:
        yield from _read_archive(folder)
        return
    except OSError:
        return  # not there: the path may name such folders
    for entry in entries:
        if entry.endswith((".dist-info", ".egg-info")):
            stem, _, version = entry.rpartition(".")[0].partition("-")
            text = _names_group(folder, entry)
            points = [(key, partial(_load, value)) for key, value in _parse_entry_points(text)]
            yield normalized(stem), _found(normalized(stem), version, points)


def _names_group(folder: str, entry: str) -> str:
    """The text of a distribution's entry_points.txt if it has anything to do with the group, else ""."""
    try:
        with open(os.path.join(folder, entry, "entry_points.txt"), encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return ""
    return text if hookspecs.GROUP in text else ""


def _parse_entry_points(text: str) -> Iterator[tuple[str, str]]:
    """(name, "module" or "module:object") for each line of the group's section."""
    section = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            section = line.strip("[]").strip()
        elif section == hookspecs.GROUP and "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            yield name.strip(), value.partition("[")[0].strip()


def _load(value: str) -> object:
    """Import what "module:object.attribute" names."""
    module, _, attributes = value.partition(":")
    loaded: object = importlib.import_module(module.strip())
    for attribute in filter(None, attributes.strip().split(".")):
        loaded = getattr(loaded, attribute)
    return loaded


def _read_archive(folder: str) -> Iterator[tuple[str, list[Found]]]:
    import importlib_metadata

    for distribution in importlib_metadata.distributions(path=[folder]):
        points = [(point.name, point.load) for point in distribution.entry_points.select(group=hookspecs.GROUP)]
        name = normalized(distribution.name)
        yield name, _found(name, distribution.version, points)


def _found(name: str, version: str, points: Sequence[tuple[str, Callable[[], object]]]) -> list[Found]:
    """One Found for each entry point of a distribution."""
    return [Found(name if len(points) == 1 else f"{name}:{key}", version, load) for key, load in points]


# ---- the providers of a runtime ------------------------------------------------------------------


class _Manager(pluggy.PluginManager):
    """Finds the marks of hookimpl where they are kept; pluggy takes a close look at every attribute there is."""

    def parse_hookimpl_opts(self, plugin: Any, name: str) -> HookimplOpts | None:
        own = getattr(plugin, "__dict__", {})
        return _mark(own[name]) if name in own else _marks(type(plugin)).get(name)  # type: ignore[arg-type]


def _mark(attribute: object) -> HookimplOpts | None:
    """What hookimpl has said about a function; properties are not evaluated."""
    mark = getattr(attribute, f"{hookspecs.PROJECT}_impl", None)
    return mark if isinstance(mark, dict) else None  # type: ignore[return-value]


@lru_cache(maxsize=256)
def _marks(kind: type) -> dict[str, HookimplOpts]:
    """The marks of the functions of a class; several packs have the class of their plugins in common."""
    attributes = {name: value for base in reversed(kind.__mro__) for name, value in vars(base).items()}
    return {name: mark for name, value in attributes.items() if (mark := _mark(value)) is not None}


def _new_manager() -> pluggy.PluginManager:
    manager = _Manager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    return manager


class ProviderSet:
    """The providers of one runtime by name: those installed and wanted, and those registered by hand.

    Plugins are found and imported when they are first asked for. Not thread-safe: the runtime locks.
    """

    def __init__(self, runtime: Runtime, is_wanted: Callable[[str], bool], *, strict: bool) -> None:
        self._runtime = runtime
        self._is_wanted = is_wanted
        self._strict = strict
        self._manager = _new_manager()
        self._loaded: dict[str, Provider] | None = None

    @property
    def _table(self) -> dict[str, Provider]:
        if self._loaded is None:
            found = [item for item in discover() if self._is_wanted(item.provider)]
            self._manager = _new_manager()  # empty, also after a first attempt that ended in an error
            self._loaded = {item.provider: self._load(item) for item in found}
        return self._loaded

    def _load(self, found: Found) -> Provider:
        distribution = found.provider.partition(":")[0]
        provider = Provider(
            found.provider, found.version, distribution=distribution, strict=self._strict, log=self._runtime.log
        )
        try:
            provider.attach(self._own(found.load()), self._manager)
        except (PluginError, PluginWarning):
            raise
        except FOREIGN as error:
            provider.fail("import", text_of(error), error)
        return provider

    def _own(self, plugin: object) -> object:
        """The plugin, or where it is a class the instance of it that this runtime has for itself."""
        return plugin(self._runtime) if isinstance(plugin, type) else plugin

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
        plugin = self._own(plugin)
        provider = Provider(name, "", strict=self._strict, log=self._runtime.log)
        try:
            provider.attach(plugin, self._manager)
        except (PluginError, PluginWarning):
            if self._manager.get_plugin(name) is plugin:
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
