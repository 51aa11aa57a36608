"""Settings: the HOLOGRAM_* environment variables and the Runtime parameters of the same names.

A parameter that is given wins over its variable. Refused with SettingsError: a value that means
nothing. A HOLOGRAM_* variable that does not exist gets a warning: it is probably misspelt.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from . import _native
from .errors import SettingsError

PREFIX = "HOLOGRAM_"
LOG_LEVELS = ("debug", "info", "warning", "error")
MAX_THREADS = 65536


@dataclass(frozen=True)
class Settings:
    """One value per variable; each field is the variable's name in lower case without the prefix."""

    providers: tuple[str, ...] | None = None  #: only these providers; None: all
    disable: tuple[str, ...] = ()  #: not these providers
    priority: Mapping[str, int] | None = None  #: priorities by provider
    isa: str | None = None  #: the highest instruction-set level to use; None: the CPU's
    num_threads: int | None = None  #: threads of one call at most; None: the CPUs this process may use
    kernel_path: tuple[str, ...] = ()  #: folders searched for kernel libraries
    cache_dir: str | None = None  #: where compiled kernels are kept
    strict: bool = False  #: a failing provider is an error
    log: str | None = None  #: level of the logger "hologram"

    @staticmethod
    def from_environment(environ: Mapping[str, str] | None = None) -> Settings:
        """Read every HOLOGRAM_* variable. Raises SettingsError naming the variable and its value."""
        known = {PREFIX + field.name.upper(): field.name for field in fields(Settings)}
        values = {}
        for variable, text in (os.environ if environ is None else environ).items():
            if not variable.startswith(PREFIX) or not text:
                continue
            if variable not in known:
                warnings.warn(f"{variable} is not a variable of Hologram; those are {', '.join(known)}", stacklevel=2)
                continue
            try:
                values[known[variable]] = _PARSERS[known[variable]](text)
            except ValueError as error:
                raise SettingsError(f"{variable}={text!r}: {error}") from None
        return Settings(**values).checked()

    def with_parameters(self, **parameters: Any) -> Settings:
        """Return a copy in which every parameter that is not None replaces the field of its name."""
        given = {name: value for name, value in parameters.items() if value is not None}
        for name in ("providers", "disable"):
            if name in given:
                given[name] = _names(given[name])
        return replace(self, **given).checked()

    def checked(self) -> Settings:
        """Return self, or raise SettingsError for values that mean nothing on this machine."""
        levels = _native.cpu_levels()
        if self.isa is not None and self.isa not in levels:
            raise SettingsError(f"HOLOGRAM_ISA={self.isa!r}: this CPU has {', '.join(levels) or 'none of the levels'}")
        threads = self.num_threads
        if threads is not None and not (isinstance(threads, int) and 1 <= threads <= MAX_THREADS):
            raise SettingsError(f"HOLOGRAM_NUM_THREADS={threads!r}: expected a whole number from 1 to {MAX_THREADS}")
        if self.priority is not None and not _is_priorities(self.priority):
            raise SettingsError(f"HOLOGRAM_PRIORITY={self.priority!r}: expected whole numbers by provider")
        for variable, folders in (("KERNEL_PATH", self.kernel_path), ("CACHE_DIR", filter(None, [self.cache_dir]))):
            here = next((folder for folder in folders if not os.path.isabs(folder)), None)
            if here is not None:
                raise SettingsError(
                    f"{PREFIX}{variable}: {here!r} is relative to the working directory, from which nothing is loaded; "
                    f"write the whole path, such as {os.path.abspath(os.path.expanduser(here))}"
                )
        if not isinstance(self.strict, bool):
            raise SettingsError(f"HOLOGRAM_STRICT={self.strict!r}: expected True or False")
        if self.log is not None and str(self.log).lower() not in LOG_LEVELS:
            raise SettingsError(f"HOLOGRAM_LOG={self.log!r}: expected one of {', '.join(LOG_LEVELS)}")
        return self

    @property
    def levels(self) -> tuple[str, ...]:
        """The instruction-set levels to choose from, lowest first."""
        levels = _native.cpu_levels()
        return levels if self.isa is None else levels[: levels.index(self.isa) + 1]

    @property
    def threads(self) -> int:
        """How many threads one call may use."""
        if self.num_threads is not None:
            return self.num_threads
        affinity = getattr(os, "sched_getaffinity", None)  # Linux; it honours containers and taskset
        return len(affinity(0)) if affinity else os.cpu_count() or 1


def _names(names: str | Iterable[str]) -> tuple[str, ...]:
    try:
        items = names.split(",") if isinstance(names, str) else names
        return tuple(item.strip() for item in items if item.strip())
    except (TypeError, AttributeError):
        raise SettingsError(f"expected names of providers, got {names!r}") from None


def _is_priorities(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(k, str) and isinstance(v, int) for k, v in value.items())


def _priorities(text: str) -> dict[str, int]:
    priorities = {}
    for item in _names(text):
        provider, equals, number = item.rpartition("=")
        if not equals or not provider.strip():
            raise ValueError(f"expected PROVIDER=NUMBER, found {item!r}")
        try:
            priorities[provider.strip()] = int(number)
        except ValueError:
            raise ValueError(f"expected a whole number after {provider}=, found {number!r}") from None
    return priorities


def _boolean(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("expected 0 or 1")
    return text == "1"


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("expected a whole number") from None


_PARSERS: Mapping[str, Any] = {
    "providers": _names,
    "disable": _names,
    "priority": _priorities,
    "isa": str,
    "num_threads": _integer,
    "kernel_path": lambda text: tuple(item for item in text.split(os.pathsep) if item),
    "cache_dir": str,
    "strict": _boolean,
    "log": str,
}
