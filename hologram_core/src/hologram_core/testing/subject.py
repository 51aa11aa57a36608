"""Subjects: which kernels are meant by a file, a folder or the name of a provider.

In goes what a user types and a runtime; out come Sources, whose libraries are opened later and elsewhere. Refused with
HologramError: what is none of these, and files where no provider opens libraries.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from ..errors import HologramError
from ..kernel import Kernel
from ..provider import Provider
from ..runtime import Runtime


@dataclass(frozen=True)
class Subject:
    """A kernel to be checked, and what its provider knows about it beside its row."""

    kernel: Kernel
    name: str = ""  #: its function's, if that is not the op's
    parameters: tuple[str, ...] = ()  #: the names of its inputs
    ir: Mapping[str, Any] | None = None  #: what the interpreter takes
    reopen: Callable[[], Kernel] | None = None  #: gives the kernel of a second copy of its library
    is_unchecked: bool = False  #: what it does is undefined where its IR has no result
    has_own_call: bool = False  #: it can be called by its own name, whether or not an op uses it


class Source(NamedTuple):
    """What is opened at once: a library, or all the kernels of a provider."""

    name: str  #: of the file or the provider
    open: Callable[[], Sequence[Subject]]  #: raises HologramError
    is_pack: bool = False  #: it exists to serve ops


def find_sources(what: str | os.PathLike[str], runtime: Runtime) -> list[Source]:
    """Return the sources of a provider of that name, else of a file or folder. Raises HologramError."""
    text = os.fspath(what)
    providers = {provider.name: provider for provider in runtime._listed()}
    if text in providers:
        return _of_provider(providers[text], runtime)
    if os.path.exists(text):
        return _of_path(text, runtime)
    raise HologramError(
        f"check({text!r}): no file, folder or provider; the providers are {', '.join(providers) or 'none'}"
    )


def _of_provider(provider: Provider, runtime: Runtime) -> list[Source]:
    """The libraries of a pack, which says in what folder they are; else what a provider has declared."""
    if provider.plugin is None:
        failures = "; ".join(f"{failure.where}: {failure.message}" for failure in provider.failures)
        raise HologramError(f"check({provider.name!r}): this provider cannot be used: {failures}")
    folder = getattr(provider.plugin, "folder", None)
    if isinstance(folder, (str, os.PathLike)):
        return [source._replace(is_pack=True) for source in _of_path(os.fspath(folder), runtime)]
    return [Source(provider.name, partial(_declared, provider), is_pack=True)]


def _declared(provider: Provider) -> list[Subject]:
    return [Subject(kernel) for kernel in provider.declared_kernels()]


def _of_path(path: str, runtime: Runtime) -> list[Source]:
    find = _function_of_some_provider(runtime, "find_sources")
    if find is None:
        raise HologramError(f"check({path!r}): no provider opens kernel libraries; pip install hologram-dynamic")
    return list(find(path))


def find_interpreter(runtime: Runtime) -> Callable[[Mapping[str, Any]], Kernel] | None:
    """Return what makes a kernel of IR that defines the results of its native one, if a provider has that."""
    load = _function_of_some_provider(runtime, "load_interpreter")
    return None if load is None else load()


def _function_of_some_provider(runtime: Runtime, name: str) -> Callable[..., Any] | None:
    """A function that providers may have beside their hooks, of the first that has it."""
    functions = (getattr(provider.plugin, name, None) for provider in runtime._listed())
    return next((function for function in functions if callable(function)), None)
