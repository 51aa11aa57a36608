"""The shapes of array parameters: "(m,k),(k,n)->(m,n)" gives each array of a kernel its sizes.

In go the text and the parameters; out come the parameters with shapes. A ValueError says what of
it makes no sense.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hologram_core.errors import SignatureError
from hologram_core.signature import Signature

from . import ir

INTEGERS = frozenset(name for name, computed in ir.COMPUTED.items() if computed in ("i64", "u64"))


def parse_shapes(text: str, params: Sequence[ir.Param]) -> tuple[ir.Param, ...]:
    """Give the arrays among the parameters, in order, the shapes of a text. Raises ValueError.

    A size is a number or a name; a name that is also a parameter must be that of an integer.
    "()" leaves an array flat.
    """
    try:
        given = [param for param in Signature.parse(text).params if param.kind != "scalar"]
    except SignatureError as error:
        raise ValueError(str(error)) from None
    arrays = [param for param in params if param.is_array]
    if len(given) != len(arrays):
        raise ValueError(f"{text!r} has {len(given)} arrays, the kernel has {len(arrays)}")
    scalars = {param.name: param.type for param in params if not param.is_array}
    for size in {size for param in given for size in param.core}:
        if isinstance(size, str) and scalars.get(size, "i64") not in INTEGERS:
            raise ValueError(f"size {size!r} is a parameter of type {scalars[size]}, expected an integer")
        if size in {param.name for param in arrays}:
            raise ValueError(f"size {size!r} has the name of an array")
    sizes = iter(given)
    return tuple(replace(param, shape=next(sizes).core) if param.is_array else param for param in params)
