"""Names: which kernel is meant by "custom_operation", "custom_op" or "custom_op:custom_operation".

In go a name and the libraries of a loader; out come the kernels it fits. Refused: a name that fits
none (UnknownKernelError), or more than one (AmbiguousKernelError, with the places).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from hologram_core import UnknownKernelError

from .errors import AmbiguousKernelError

if TYPE_CHECKING:
    from .index import AnyLibrary

ASKED = "hologram-dynamic"
Entry: TypeAlias = "tuple[AnyLibrary, str]"


def entries(libraries: Iterable[AnyLibrary]) -> Iterator[Entry]:
    """Every library with the name of each of its kernels."""
    for library in libraries:
        for name in library.names:
            yield library, name


def full_name(entry: Entry) -> str:
    """The name that says library and function: "custom_op:custom_operation"."""
    return f"{entry[0].stem}:{entry[1]}"


def matches(name: str, libraries: Sequence[AnyLibrary]) -> list[Entry]:
    """The kernels that a name fits: by function, by the stem of a library of one kernel, by both with a colon."""
    return [entry for entry in entries(libraries) if name in (entry[1], full_name(entry), _stem_alone(entry))]


def _stem_alone(entry: Entry) -> str | None:
    library = entry[0]
    return library.stem if len(library.names) == 1 else None


def find(name: str, libraries: Sequence[AnyLibrary]) -> Entry:
    """Return the one kernel of a name. Raises UnknownKernelError, AmbiguousKernelError."""
    found = matches(name, libraries)
    if len(found) == 1:
        return found[0]
    if not found:
        raise _unknown(name, libraries)
    places = [f"{entry[1]!r} in {entry[0].path}" for entry in found]
    names = list(dict.fromkeys(map(full_name, found)))
    if len(names) == len(found):
        advice = f"ask for {' or '.join(map(repr, names))}"
    else:
        advice = "unload one of them, or use a KernelLoader for each folder"
    raise AmbiguousKernelError(name, places, advice)


def _unknown(name: str, libraries: Sequence[AnyLibrary]) -> UnknownKernelError:
    several = [library for library in libraries if library.stem == name]
    if several:
        known = ", ".join(map(full_name, entries(several)))
        return UnknownKernelError(name, None, None, asked=(ASKED,), found=[f"library {name!r} has several: {known}"])
    known_names = list(dict.fromkeys(text for entry in entries(libraries) for text in (entry[1], full_name(entry))))
    closest = difflib.get_close_matches(name, known_names, n=3)
    found = f"closest names: {', '.join(closest)}" if closest else f"this loader has {_few(known_names)}"
    return UnknownKernelError(name, None, None, asked=(ASKED,), found=[found])


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) or "loaded nothing yet; load_from_directory() does"
