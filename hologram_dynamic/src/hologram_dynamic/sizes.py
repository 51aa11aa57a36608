"""Sizes: what a call that states some of its sizes leaves open, and whether its arrays fit them.

In go a kernel, the arrays and the numbers of a call; out comes a number for each size. Refused with
ValueError naming arrays and axes: arrays that disagree about a size, or contradict a shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, TypeAlias

import numpy as np

from .manifest import Description, Parameter, Place

Array: TypeAlias = np.ndarray[Any, Any]
Arrays: TypeAlias = Mapping[str, Array]


def find_sizes(kernel: Description, arrays: Arrays, given: Mapping[str, int]) -> dict[str, int]:
    """Return every size of the kernel, given ones as they are. Raises ValueError."""
    sizes = dict(given)
    for param in kernel.params:
        if param.places and param.name not in sizes:
            sizes[param.name] = _agreed(kernel, param.name, param.places, arrays)
    for dim in kernel.dims:
        places = [(param.name, axis) for param in kernel.params for axis, size in enumerate(param.shape) if size == dim]
        sizes[dim] = _agreed(kernel, dim, places, arrays)
    for param in kernel.params:
        if param.shape and param.name in arrays:
            _check_shape(kernel, param, arrays[param.name], sizes)
    return sizes


def find_disagreement(kernel: Description, arrays: Arrays, given: Mapping[str, object]) -> str:
    """Say which arrays disagree about a size that is not given, or ""."""
    for param in kernel.params:
        found = _told(kernel, param.places, arrays)
        if param.name not in given and len(set(found.values())) > 1:
            return _differ(kernel, param.name, found)
    return ""


def _told(kernel: Description, places: Sequence[Place], arrays: Arrays) -> dict[Place, int]:
    """What each array that is there says about a size; a flat one says nothing about its axes."""
    found: dict[Place, int] = {}
    shapes = {param.name: param.shape for param in kernel.params}
    for array, axis in places:
        value = arrays.get(array)
        if value is not None and axis is None:
            found[array, None] = value.size
        elif value is not None and value.ndim == len(shapes[array]):
            found[array, axis] = value.shape[axis]
    return found


def _agreed(kernel: Description, name: str, places: Sequence[Place], arrays: Arrays) -> int:
    found = _told(kernel, places, arrays)
    if len(set(found.values())) == 1:
        return next(iter(found.values()))
    if found:
        raise ValueError(_differ(kernel, name, found))
    advice = "pass the arrays in their shapes" if name in kernel.dims else f"pass {name}="
    raise ValueError(f"{kernel.name}() misses size {name!r}: no array of the call tells it; {advice}")


def _differ(kernel: Description, name: str, found: Mapping[Place, int]) -> str:
    texts = [
        f"{array!r} has {size} elements" if axis is None else f"axis {axis} of {array!r} has {size}"
        for (array, axis), size in found.items()
    ]
    advice = "" if name in kernel.dims else f"; pass {name}="
    return f"{kernel.name}() misses size {name!r}, and the arrays disagree: {', '.join(texts)}{advice}"


def _check_shape(kernel: Description, param: Parameter, array: Array, sizes: Mapping[str, int]) -> None:
    """An array of as many dimensions as its shape has those sizes, a flat one as many elements."""
    expected = [size if isinstance(size, int) else sizes[size] for size in param.shape]
    where = f"{kernel.name}() argument {param.name!r}: expected shape ({', '.join(map(str, param.shape))})"
    if array.ndim == len(expected):
        for axis, (wanted, got) in enumerate(zip(expected, array.shape, strict=True)):
            if wanted != got:
                raise ValueError(f"{where} with {wanted} on axis {axis}, got shape {array.shape}")
    elif array.ndim != 1 or array.size != prod(expected):
        raise ValueError(f"{where} = ({', '.join(map(str, expected))}), got shape {array.shape}")


def output_shape(kernel: Description, param: Parameter, arrays: Arrays, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """Return the shape of an output that is left out. Raises TypeError where nothing tells it."""
    if param.shape:
        return tuple(max(0, size if isinstance(size, int) else sizes[size]) for size in param.shape)
    for size in kernel.params:
        if (param.name, None) in size.places and size.name in sizes:
            like = next((array for array in arrays.values() if array.size == sizes[size.name]), None)
            return (max(0, sizes[size.name]),) if like is None or not _is_elementwise(kernel) else like.shape
    shape = _shape_beside(kernel, param, arrays)
    if shape is None:
        raise TypeError(f"{kernel.name}() misses argument {param.name!r}: no other argument tells its shape")
    return shape


def _is_elementwise(kernel: Description) -> bool:
    return kernel.rows[0].signature.elementwise


def _shape_beside(kernel: Description, param: Parameter, arrays: Arrays) -> tuple[int, ...] | None:
    """The shape of an input whose dimensions are those of this output in the public signature."""
    row = kernel.rows[0].signature
    core = row.outputs[kernel.outputs.index(param)].core
    for other, told in zip(kernel.inputs, row.inputs, strict=False):
        if told.kind == "core" and told.core == core and other.name in arrays:
            shape: tuple[int, ...] = arrays[other.name].shape
            return shape
    return None
