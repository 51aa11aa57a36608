"""The manifest of a library: what its kernels are called with, checked against the rows they run by.

In goes a table read from a library; out come Descriptions, one for each kernel. A library without a
manifest (C by hand) is described by its signatures. Refused with LibraryError: JSON that is none, has
another version or shape, or contradicts the rows of the table.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar

from hologram_core import Kernel, LibraryError, Signature
from hologram_core.dtypes import NAMES
from hologram_core.library import Library
from hologram_core.signature import Param

VERSION = 1
_TYPES = frozenset({*NAMES, "usize"})
_ROLES = frozenset({"in", "inout", "out"})
DIRECT = "!direct"  #: ends the op name of a row that takes everything; such a row serves no op
Place: TypeAlias = tuple[str, int | None]
T = TypeVar("T")


class Parameter(NamedTuple):
    """One parameter as its author wrote it."""

    name: str
    type: str  #: as in the language: "f32", "usize"
    role: Literal["scalar", "in", "inout", "out"]
    shape: tuple[str | int, ...] = ()  #: sizes of a shaped array, by name or number; () is flat
    places: tuple[Place, ...] = ()  #: of a size that may be omitted: (array, axis), axis None for all elements

    @property
    def is_array(self) -> bool:
        """Whether it is an array rather than a number."""
        return self.role != "scalar"

    @property
    def dtype(self) -> str:
        """The dtype that stores it."""
        return "u64" if self.type == "usize" else self.type


@dataclass(frozen=True)
class Description:
    """One kernel of a library: how its author wrote it, and the rows that run it."""

    name: str  #: the function's name
    params: tuple[Parameter, ...]  #: in the author's order
    rows: tuple[Kernel, ...]  #: with the public signature; one for each dtype and range of n
    direct: Kernel | None = None  #: the row that takes sizes and the extent too
    dims: tuple[str, ...] = ()  #: named sizes of shapes that are no parameters
    doc: str = ""
    line: int = 0  #: where it begins in its source, 0 if unknown
    extent: str = ""  #: how many work items there are, in words
    needs_extent: bool = False  #: whether the caller has to say how many
    raw: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)  #: its entry: certificate, ir, ...

    @property
    def op(self) -> str:
        """The op of its public rows."""
        return self.rows[0].op

    @property
    def inputs(self) -> tuple[Parameter, ...]:
        """What the public row takes, in its order; an extent that it wants beside them is not among them."""
        return tuple(param for param in self.params if param.role != "out" and not param.places)

    @property
    def outputs(self) -> tuple[Parameter, ...]:
        """What only the kernel writes."""
        return tuple(param for param in self.params if param.role == "out")


@dataclass(frozen=True)
class Manifest:
    """What a library says about itself."""

    stem: str = ""  #: the name of the library, "" for that of its file
    file: str = ""  #: the source it was made from
    unchecked: bool = False  #: whether indices are not checked
    levels: tuple[str, ...] = ()
    flags: str = ""
    compiler: str = ""
    hash: str = ""  #: of the IR and the flags, "" if it has none
    kernels: tuple[Description, ...] = ()


def describe(table: Library) -> Manifest:
    """Return the manifest of a table, or what its signatures tell where there is none. Raises LibraryError."""
    rows: dict[str, list[Kernel]] = {}
    for kernel in table.kernels:
        rows.setdefault(kernel.op, []).append(kernel)
    if not table.manifest:
        return Manifest(kernels=tuple(_from_rows(rows)))
    try:
        data = json.loads(table.manifest)
    except (ValueError, RecursionError) as error:
        raise LibraryError(f"its manifest is no JSON: {error}") from None
    manifest = _manifest(data, rows)
    if manifest.hash not in ("", hash_of_source(data)):
        raise LibraryError(
            f"its manifest has the hash {manifest.hash[:12]}..., that of its IR and flags is "
            f"{hash_of_source(data)[:12]}...: they were changed after it was built; build it again"
        )
    return manifest


def hash_of_source(data: Mapping[str, Any]) -> str:
    """Return the hash of what a manifest says its library was built from: flags, and the IR of each kernel."""
    made_from = [data.get("flags"), data.get("unchecked"), [kernel.get("ir") for kernel in data["kernels"]]]
    return hashlib.sha256(json.dumps(made_from, separators=(",", ":")).encode()).hexdigest()


# ---- from signatures -----------------------------------------------------------------------------


def _from_rows(rows: Mapping[str, Sequence[Kernel]]) -> Iterable[Description]:
    """A Description of each op; parameters are arg0, arg1, ..., then out."""
    for op, kernels in rows.items():
        first = kernels[0]
        other = next((kernel for kernel in kernels if kernel.signature != first.signature), None)
        if other is not None:
            raise LibraryError(
                f"two rows of {op!r} have different signatures, {first.signature} and {other.signature}; "
                "an op has one: rename one of them"
            )
        if op.endswith(DIRECT):
            raise LibraryError(f"row {op!r} belongs to no kernel of the manifest; rename it")
        inputs = [_parameter(param, f"arg{i}", first) for i, param in enumerate(first.signature.inputs)]
        outputs = first.signature.outputs
        names = ["out"] if len(outputs) == 1 else [f"out{i}" for i in range(len(outputs))]
        results = [_parameter(param, name, first) for name, param in zip(names, outputs, strict=True)]
        yield Description(op, (*inputs, *results), tuple(kernels), doc=first.doc)


def _parameter(param: Param, name: str, kernel: Kernel) -> Parameter:
    return Parameter(name, param.dtype or kernel.dtype, "scalar" if param.kind == "scalar" else param.role)


# ---- from JSON -----------------------------------------------------------------------------------


def _get(data: object, key: str, kind: type[T], where: str, default: T | None = None) -> T:
    """One value of a JSON object, of one type. Raises LibraryError."""
    if not isinstance(data, dict):
        raise LibraryError(f"its manifest: {where}: expected an object, found {json.dumps(data)[:60]}")
    value = data.get(key, default)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        found = json.dumps(value)[:60]
        raise LibraryError(f"its manifest: {where}: expected {key!r} to be {kind.__name__}, found {found}")
    return value


def _texts(data: object, key: str, where: str) -> tuple[str, ...]:
    items = _get(data, key, list, where, [])
    if not all(isinstance(item, str) for item in items):
        raise LibraryError(f"its manifest: {where}: expected {key!r} to be texts, found {json.dumps(items)[:60]}")
    return tuple(items)


def _manifest(data: object, rows: dict[str, list[Kernel]]) -> Manifest:
    version = _get(data, "version", int, "top")
    if version != VERSION:
        raise LibraryError(
            f"its manifest has version {version}, this loader reads {VERSION}; update hologram-dynamic, or rebuild it"
        )
    left = dict(rows)
    kernels = [_description(entry, left) for entry in _get(data, "kernels", list, "top")]
    kernels += _from_rows(left)
    names = [kernel.name for kernel in kernels]
    twice = next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None
    if twice is not None:
        raise LibraryError(f"its manifest: two kernels have the name {twice!r}")
    return Manifest(
        _get(data, "stem", str, "top", ""),
        _get(data, "file", str, "top", ""),
        _get(data, "unchecked", bool, "top", False),
        _texts(data, "levels", "top"),
        _get(data, "flags", str, "top", ""),
        _get(data, "compiler", str, "top", ""),
        _get(data, "hash", str, "top", ""),
        tuple(kernels),
    )


def _description(entry: object, rows: dict[str, list[Kernel]]) -> Description:
    name = _get(entry, "name", str, "a kernel")
    where = f"kernel {name!r}"
    params = tuple(_read_parameter(item, where) for item in _get(entry, "params", list, where))
    names = [param.name for param in params]
    if len(set(names)) < len(names):
        raise LibraryError(f"its manifest: {where}: two parameters have one name")
    public = _row(entry, "row", rows, where)
    direct = _row(entry, "direct", rows, where) if "direct" in entry else None  # type: ignore[operator]  # a dict
    dims = _texts(entry, "dims", where)
    needs_extent = _check_public(public, params, where)
    if direct is not None:
        _check_direct(direct, params, dims, where)
    _check_names(params, dims, where)
    return Description(
        name,
        params,
        (public,),
        direct,
        dims,
        _get(entry, "doc", str, where, ""),
        _get(entry, "line", int, where, 0),
        _get(entry, "extent", str, where, ""),
        needs_extent,
        entry,  # type: ignore[arg-type]  # a dict, or _get would have refused it
    )


def _read_parameter(item: object, where: str) -> Parameter:
    """One parameter; written for speed, since a library may have thousands."""
    if isinstance(item, dict):
        name, type_, kind, role = item.get("name"), item.get("type"), item.get("kind"), item.get("role")
        if type(name) is str and type(type_) is str and type_ in _TYPES:
            if kind == "scalar":
                return Parameter(name, type_, "scalar", (), _places(item.get("from", []), where))
            shape = item.get("shape", [])
            right = isinstance(shape, list) and all(type(size) is str or type(size) is int for size in shape)
            if kind == "array" and right and type(role) is str and role in _ROLES:
                return Parameter(name, type_, role, tuple(shape))  # type: ignore[arg-type]  # one of the three
    raise LibraryError(
        f"its manifest: {where}: expected a parameter with name, type, kind, and role if it is an array; "
        f"found {json.dumps(item)[:120]}"
    )


def _places(items: object, where: str) -> tuple[Place, ...]:
    """Arrays and axes; an axis of None is the number of elements."""
    if not isinstance(items, list):
        raise LibraryError(f"its manifest: {where}: expected 'from' to be a list, found {json.dumps(items)[:60]}")
    places = []
    for item in items:
        if not isinstance(item, list) or len(item) != 2 or type(item[0]) is not str:
            raise LibraryError(f"its manifest: {where}: expected [array, axis], found {json.dumps(item)[:60]}")
        if item[1] is not None and (type(item[1]) is not int or item[1] < 0):
            raise LibraryError(f"its manifest: {where}: expected an axis or null, found {json.dumps(item)[:60]}")
        places.append((item[0], item[1]))
    return tuple(places)


def _row(entry: object, key: str, rows: dict[str, list[Kernel]], where: str) -> Kernel:
    """The one row that an entry names; it is taken out of rows."""
    name = _get(entry, key, str, where)
    found = rows.pop(name, [])
    if len(found) != 1:
        raise LibraryError(f"its manifest: {where}: the table has {len(found)} rows {name!r}, expected one")
    return found[0]


# ---- against the rows ----------------------------------------------------------------------------

Shape: TypeAlias = tuple[str, str, str]  # kind, role, dtype


def _wanted(param: Parameter) -> Shape:
    return ("array", param.role, param.dtype) if param.is_array else ("scalar", "in", param.dtype)


@lru_cache(maxsize=4096)
def _found(signature: Signature, dtype: str) -> list[Shape]:
    return [
        ("scalar" if param.kind == "scalar" else "array", param.role, param.dtype or dtype)
        for param in signature.params
    ]


@lru_cache(maxsize=4096)
def _is_flat(signature: Signature) -> bool:
    """Whether each array has one dimension of its own."""
    arrays = [param for param in signature.params if param.kind != "scalar"]
    return all(len(param.core) == 1 for param in arrays) and len(signature.dims) == len(arrays)


EXTENT: Shape = ("scalar", "in", "i64")


def _check_public(kernel: Kernel, params: Sequence[Parameter], where: str) -> bool:
    """Compare a public row with the parameters; return whether it takes an extent beside them."""
    inputs = [_wanted(param) for param in params if param.role != "out" and not param.places]
    outputs = [_wanted(param) for param in params if param.role == "out"]
    found = _found(kernel.signature, kernel.dtype)
    if found == [*inputs, EXTENT, *outputs]:
        return True
    _check_same(kernel, found, [*inputs, *outputs], where)
    return False


def _check_direct(kernel: Kernel, params: Sequence[Parameter], dims: Sequence[str], where: str) -> None:
    inputs = [_wanted(param) for param in params if param.role != "out"]
    outputs = [_wanted(param) for param in params if param.role == "out"]
    _check_same(
        kernel, _found(kernel.signature, kernel.dtype), [*inputs, *([EXTENT] * (len(dims) + 1)), *outputs], where
    )
    if not _is_flat(kernel.signature):
        raise LibraryError(
            f"its manifest: {where}: row {kernel.op!r} has signature {kernel.signature}; "
            "each array needs one dimension of its own"
        )


def _check_same(kernel: Kernel, found: Sequence[Shape], wanted: Sequence[Shape], where: str) -> None:
    if list(found) != list(wanted):
        raise LibraryError(
            f"its manifest: {where}: row {kernel.op!r} has signature {kernel.signature} for {kernel.dtype}, "
            f"which is not what the parameters say: {_text(wanted)}"
        )


def _text(shapes: Sequence[Shape]) -> str:
    return ", ".join(" ".join(dict.fromkeys((role, kind, dtype))) for kind, role, dtype in shapes)


def _check_names(params: Sequence[Parameter], dims: Sequence[str], where: str) -> None:
    """Sizes come from arrays that there are, shapes are made of sizes that there are."""
    arrays = {param.name: param for param in params if param.is_array}
    sizes = {param.name for param in params if not param.is_array} | set(dims)
    for param in params:
        for array, axis in param.places:
            if array not in arrays or (axis is not None and axis >= len(arrays[array].shape)):
                raise LibraryError(f"its manifest: {where}: size {param.name!r} comes from {array!r}, which has none")
        unknown = next((size for size in param.shape if isinstance(size, str) and size not in sizes), None)
        if unknown is not None:
            raise LibraryError(f"its manifest: {where}: {param.name!r} has the unknown size {unknown!r}")
