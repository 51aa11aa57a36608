"""Foreign: an existing C function, declared to cffi, as the Python function that a Kernel calls.

In go a cffi library, the name of a function in it, and what its C arguments are in terms of a signature; out
comes a callable for Kernel.from_python(). Refused with TypeError or ValueError before anything is called: C
arguments of other types than the signature has, parameters that are not passed, results that go nowhere.

The call path has checked every array, so the lengths that C is told are those of memory that is there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import dtypes
from .errors import KernelError
from .signature import Param, Signature

Values = tuple[Any, ...]
RETURNS = ("ignore", "status")  #: beside the name of an output


class ForeignFunction:
    """Calls a C function with the arguments of a kernel, once for each batch item.

    parameters  names for the parameters of the signature, inputs first.
    arguments   what C is given, in its order: parameters, sizes of the signature by name (`n` is the number of
                elements of element-wise kernels and whole arrays), and whole numbers.
    returns     what the result is: an output by name, "status" (0, or the kernel fails), or "ignore".
    """

    def __init__(
        self,
        ffi: Any,
        lib: Any,
        name: str,
        signature: Signature,
        dtype: str,
        parameters: Sequence[str],
        arguments: Sequence[str],
        returns: str,
    ) -> None:
        self.__name__, self._ffi, self._lib = name, ffi, lib  # functions do not keep their library open
        self._signature, self._dtype = signature, dtype
        self._function = _find(lib, name)
        self._kind = _kind_of(ffi, self._function, name)
        self._places = self._name(parameters)
        self._sizes = {str(dim): _size_at(*at) for dim, at in _axes(signature).items() if dim != "..."}
        if (counted := _counted(signature)) is not None:
            self._sizes.setdefault("n", _count_of(counted))
        for name in self._places.keys() & self._sizes.keys():
            raise self.fail(f"{name!r} is a parameter and a size of {signature}; rename the parameter")
        self._arguments = self._convert(arguments)
        self._store = self._returned(returns)
        self._check_used([*arguments, returns])
        self._cores = [len(param.core) for param in signature.params]
        self._batched = [
            (place, len(param.core))
            for place, param in enumerate(signature.params)
            if param.kind == "core" and not signature.elementwise
        ]

    def fail(self, message: str) -> ValueError:
        """An error about how the function is described."""
        return ValueError(f"from_cffi({self.__name__!r}): {message}")

    # ---- once ----

    def _name(self, parameters: Sequence[str]) -> dict[str, int]:
        """The place of each parameter."""
        if len(parameters) != len(self._signature.params) or len(set(parameters)) < len(parameters):
            raise self.fail(
                f"expected {len(self._signature.params)} different names for the parameters of {self._signature}, "
                f"got {' '.join(parameters) or 'none'}"
            )
        return {name: place for place, name in enumerate(parameters)}

    def _convert(self, arguments: Sequence[str]) -> list[Callable[[Values], object]]:
        """A function for each C argument, from the arguments of the kernel to its value."""
        if len(arguments) != len(self._kind.args):
            raise self.fail(f"it has {len(self._kind.args)} arguments in C, {len(arguments)} are described")
        return [self._argument(text, kind) for text, kind in zip(arguments, self._kind.args, strict=True)]

    def _argument(self, text: str, kind: Any) -> Callable[[Values], object]:
        if text in self._places:
            place = self._places[text]
            param = self._signature.params[place]
            return self._number(place, param, kind) if param.kind == "scalar" else self._array(place, param, kind)
        if text in self._sizes:
            self._expect(text, kind, "iu")
            return self._sizes[text]
        if text.lstrip("-").isdecimal():
            self._expect(text, kind, "iuf")
            return self._constant(int(text), kind)
        known = ", ".join((*self._places, *self._sizes))
        raise self.fail(f"argument {text!r} is no parameter, size or whole number; there are {known}")

    def _constant(self, number: int, kind: Any) -> Callable[[Values], object]:
        try:
            self._ffi.new(self._ffi.getctype(kind, "*"), number)
        except OverflowError:
            raise self.fail(f"argument '{number}' does not fit {kind.cname}") from None
        return lambda values: number

    def _array(self, place: int, param: Param, kind: Any) -> Callable[[Values], object]:
        wanted = self._numpy(param)
        if kind.kind != "pointer" or _traits(self._ffi, kind.item) != (wanted.kind, wanted.itemsize):
            raise self.fail(f"the signature has an array of {wanted} here, C has {kind.cname}")
        memory, from_buffer = self._ffi.typeof(f"{kind.item.cname}[]"), self._ffi.from_buffer
        return lambda values: from_buffer(memory, values[place])

    def _number(self, place: int, param: Param, kind: Any) -> Callable[[Values], object]:
        wanted = self._numpy(param)
        found = _traits(self._ffi, kind)
        if (wanted.kind in "iu") != (found[0] in "iu") or (
            wanted.kind in "fb" and found != (wanted.kind, wanted.itemsize)
        ):
            raise self.fail(f"the signature has a number of {wanted} here, C has {kind.cname}")
        return (lambda values: bool(values[place])) if wanted.kind == "b" else (lambda values: values[place])

    def _numpy(self, param: Param) -> np.dtype[Any]:
        return dtypes.find(param.dtype or self._dtype).numpy

    def _expect(self, text: str, kind: Any, kinds: str) -> None:
        if _traits(self._ffi, kind)[0] not in kinds:
            raise self.fail(f"argument {text!r} is a whole number, C has {kind.cname}")

    def _returned(self, returns: str) -> Callable[[Values, Any], None]:
        """What is done with the result."""
        result = self._kind.result
        if result.kind == "void":
            if returns:
                raise self.fail(f"it returns nothing, so returns={returns!r} means nothing")
            return lambda values, got: None
        if returns == "ignore":
            return lambda values, got: None
        if returns == "status":
            self._expect("status", result, "iu")
            return self._check_status
        place = self._places.get(returns, -1)
        param = self._signature.params[place] if place >= 0 else None
        if param is None or param.role != "out" or param.core or self._signature.elementwise:
            raise self.fail(
                f"it returns {result.cname}; say what that is with returns=: {', '.join(map(repr, RETURNS))}, "
                "or an output '()' by name"
            )
        wanted = self._numpy(param)
        if _traits(self._ffi, result) != (wanted.kind, wanted.itemsize):
            raise self.fail(f"the signature has {wanted} for {returns!r}, C returns {result.cname}")

        def store(values: Values, got: Any) -> None:
            values[place][...] = got

        return store

    def _check_status(self, values: Values, got: Any) -> None:
        if got != 0:
            raise KernelError(f"{self.__name__}() failed with status {got}")

    def _check_used(self, used: Sequence[str]) -> None:
        left = [name for name in self._places if name not in used]
        if left:
            raise self.fail(f"parameter {', '.join(map(repr, left))} is neither passed nor returned")

    # ---- each call ----

    def __call__(self, *values: Any) -> None:
        """Call the function. Raises KernelError for a status, OverflowError for sizes that C's type does not hold."""
        for place, core in self._batched:
            if values[place].ndim > core:
                self._call_each(values, values[place].shape[: values[place].ndim - core])
                return
        self._store(values, self._function(*[argument(values) for argument in self._arguments]))

    def _call_each(self, values: Values, batch: tuple[int, ...]) -> None:
        """Call it once for each batch item."""
        for at in np.ndindex(batch):
            item = tuple(
                value[(*at, ...)] if np.ndim(value) > core else value
                for value, core in zip(values, self._cores, strict=True)
            )
            self._store(item, self._function(*[argument(item) for argument in self._arguments]))


def _counted(signature: Signature) -> int | None:
    """The place of an array whose elements are the `n` of the whole call, if there is one."""
    kind = "core" if signature.elementwise else "whole"
    return next((place for place, param in enumerate(signature.params) if param.kind == kind), None)


def _count_of(place: int) -> Callable[[Values], int]:
    return lambda values: values[place].size


def _size_at(place: int, axis: int) -> Callable[[Values], int]:
    return lambda values: values[place].shape[axis]


def _axes(signature: Signature) -> dict[str | int, tuple[int, int]]:
    """Where the size of each dimension is found: (parameter, axis from the end)."""
    found: dict[str | int, tuple[int, int]] = {}
    for place, param in enumerate(signature.params):
        for axis, dim in enumerate(param.core):
            found.setdefault(dim, (place, axis - len(param.core)))
    return found


def _find(lib: Any, name: str) -> Any:
    try:
        return getattr(lib, name)
    except AttributeError as error:
        raise ValueError(f"from_cffi({name!r}): {error}") from None


def _kind_of(ffi: Any, function: Any, name: str) -> Any:
    """The type of a function, in both modes of cffi."""
    try:
        kind = ffi.typeof(function)
    except TypeError:
        kind = None
    if kind is None or kind.kind != "function":
        raise TypeError(f"from_cffi({name!r}): expected a function that cffi knows, got {function!r}")
    if kind.ellipsis:
        raise TypeError(f"from_cffi({name!r}): it takes any number of arguments ({kind.cname}); declare a fixed one")
    return kind


def _traits(ffi: Any, kind: Any) -> tuple[str, int]:
    """(NumPy's letter for the kind of number, bytes) of a C type; ("?", 0) for what is no number."""
    if kind.kind != "primitive" or kind.cname == "char" or "omplex" in kind.cname:
        return "?", 0
    if kind.cname in ("float", "double", "long double"):
        letter = "f"
    elif kind.cname == "_Bool":
        letter = "b"
    else:
        letter = "i" if int(ffi.cast(kind, -1)) < 0 else "u"
    return letter, ffi.sizeof(kind)
