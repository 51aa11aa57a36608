"""Binding: the arguments of a call, in any of the forms a kernel can be called in, by parameter.

In go positional and keyword arguments; out comes a value for each parameter that was given. Sizes that
the runtime can fill in may be left out, so positional arguments have two readings, the author's order
with and without sizes. The one that fits is taken: number against array, and nothing that must be
given is missing. Refused with TypeError, showing the usage: what fits neither, or both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, TypeAlias

import numpy as np

from .manifest import Description, Parameter

Values: TypeAlias = dict[str, object]
MAX_FORMS = 100  #: of one kernel that are remembered


def usage(kernel: Description) -> str:
    """How to call a kernel: "saxpy(alpha, x, y, out, n=len(x))"."""
    texts = [param.name + _default(param) for param in kernel.params]
    return f"{kernel.name}({', '.join([*texts, *(['extent'] if kernel.needs_extent else [])])})"


def _default(param: Parameter) -> str:
    if not param.places:
        return ""
    array, axis = param.places[0]
    return f"=len({array})" if axis is None else f"={array}.shape[{axis}]"


class Binder:
    """Binds the arguments of calls of one kernel; how a form of call is read is found out once."""

    def __init__(self, kernel: Description) -> None:
        self.kernel = kernel
        self._forms: dict[object, tuple[str, ...]] = {}

    def bind(self, args: Sequence[object], out: object, named: Mapping[str, object]) -> Values:
        """Return the values by parameter; outputs and sizes that are left out are missing in it."""
        form = (tuple(map(_form, args)), tuple(named), out is None)
        names = self._forms.get(form)
        if names is None or out is not None:
            call = _Call(self.kernel, args, out, named)
            names = call.find_names()
            named = {**call.named, **call.written}
            if len(self._forms) < MAX_FORMS:
                self._forms[form] = names
        return {**dict(zip(names, args, strict=True)), **named}


class _Call:
    """One call of a form that has not been met."""

    def __init__(self, kernel: Description, args: Sequence[object], out: object, named: Mapping[str, object]) -> None:
        self.kernel = kernel
        self.args = args
        self.named = dict(named)
        self.written = self._spread(out)

    def fail(self, message: str) -> NoReturn:
        raise TypeError(f"{self.kernel.name}() {message}: {usage(self.kernel)}")

    def _spread(self, out: object) -> Values:
        """What `out` stands for: a parameter of that name, else the outputs, else the one in-out."""
        if out is None:
            return {}
        of_that_name = [param for param in self.kernel.params if param.name == "out"]
        if of_that_name and of_that_name[0].role in ("scalar", "in"):
            self.named["out"] = out
            return {}
        if of_that_name:
            return {"out": out}
        inouts = [param for param in self.kernel.params if param.role == "inout"]
        targets = self.kernel.outputs or tuple(inouts if len(inouts) == 1 else ())
        if not targets:
            self.fail("has no output that out= could stand for; pass what it writes by name")
        if len(targets) == 1:
            return {targets[0].name: out}
        if not isinstance(out, tuple) or len(out) != len(targets):
            self.fail(f"argument 'out': expected a tuple of {len(targets)} arrays, got {type(out).__name__}")
        return {param.name: value for param, value in zip(targets, out, strict=True) if value is not None}

    def find_names(self) -> tuple[str, ...]:
        """The parameters that the positional arguments are for. Raises TypeError."""
        params = {param.name for param in self.kernel.params}
        for name in self.named:
            if name not in params:
                self.fail(f"got an unexpected argument {name!r}")
            if name in self.written:
                self.fail(f"got argument {name!r} twice, also as out")
        order = [param for param in self.kernel.params if param.name not in self.written]
        readings = [order, [param for param in order if not param.places]]
        fitting = self._fitting(readings, lenient=False) or self._fitting(readings, lenient=True)
        if len(fitting) > 1:
            self.fail("fits with and without its sizes; pass them by name")
        if not fitting:
            self._explain(readings)
        return fitting.pop()

    def _fitting(self, readings: Sequence[Sequence[Parameter]], *, lenient: bool) -> set[tuple[str, ...]]:
        """The names for the positional arguments in the readings that fit."""
        found = set()
        for order in readings:
            kinds = all(_fits(param, value, lenient) for param, value in zip(order, self.args, strict=False))
            if kinds and not self._wrong(order, self._read(order)):
                found.add(tuple(param.name for param in order[: len(self.args)]))
        return found

    def _read(self, order: Sequence[Parameter]) -> Values:
        positional = {param.name: value for param, value in zip(order, self.args, strict=False)}
        return {**positional, **self.named, **self.written}

    def _wrong(self, order: Sequence[Parameter], values: Values) -> str:
        """What a reading gives twice or not at all, in words, or ""."""
        if len(self.args) > len(order):
            return f"takes at most {len(order)} positional arguments, got {len(self.args)}"
        twice = [param.name for param in order[: len(self.args)] if param.name in self.named]
        if twice:
            return f"got argument {', '.join(map(repr, twice))} twice"
        missing = [
            param.name
            for param in self.kernel.params
            if param.name not in values and not param.places and param.role != "out"
        ]
        return f"misses argument {', '.join(map(repr, missing))}" if missing else ""

    def _explain(self, readings: Sequence[Sequence[Parameter]]) -> NoReturn:
        """Nothing fits: say why, of the reading that has room for the arguments."""
        with_sizes, without = readings
        order = with_sizes if len(self.args) > len(without) else without
        wrong = self._wrong(order, self._read(order))
        if wrong:
            self.fail(wrong)
        for param, value in zip(order, self.args, strict=False):
            if not _fits(param, value, True):
                self.fail(f"argument {param.name!r}: expected {_kind(param)}, got {_found(value)}")
        raise AssertionError("a reading without a fault fits")


def _form(value: object) -> int:
    """What of a value decides how a call is read."""
    kind = type(value)
    if kind is np.ndarray:
        return 1 if value.ndim else 2  # type: ignore[attr-defined]  # it is an ndarray
    if kind is int or kind is float or _is_number(value):
        return 3 if not isinstance(value, np.ndarray) else 2
    return 4 if isinstance(value, (np.ndarray, list, tuple)) else 5


def _is_number(value: object) -> bool:
    return isinstance(value, (bool, int, float, np.generic)) or (isinstance(value, np.ndarray) and value.ndim == 0)


def _fits(param: Parameter, value: object, lenient: bool) -> bool:
    """Whether a value has the kind of a parameter; leniently, a number also stands for an array that is read."""
    if not param.is_array:
        return _is_number(value) or (lenient and not isinstance(value, (np.ndarray, list, tuple)))
    return not _is_number(value) or (lenient and param.role == "in") or isinstance(value, np.ndarray)


def _kind(param: Parameter) -> str:
    return f"an array of {param.type}" if param.is_array else f"a number ({param.type})"


def _found(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    return f"{type(value).__name__} {value!r}" if _is_number(value) else type(value).__name__
