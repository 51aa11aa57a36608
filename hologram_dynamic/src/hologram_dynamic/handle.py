"""KernelHandle: one kernel of a library, called the way its author wrote it.

In go arguments in the author's order or by name, with or without sizes; out comes what the kernel
wrote. A call without sizes and extent runs the public row, as hg.ops does; any other runs the row that
takes everything. Refused with TypeError or ValueError, showing the usage: what fits no form of call.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from hologram_core import BoundKernel, HologramError, Kernel, Op, OpSpec, Signature, dtypes
from hologram_core.bound import bind, call_slow
from hologram_core.coerce import take_input, take_written
from hologram_core.ranking import Offer
from hologram_core.settings import Settings
from hologram_core.signature import Param

from . import sizes
from .binding import Binder, Values, usage
from .manifest import Description, Parameter
from .spec import PROVIDER, first_line, parameter_names, public_spec

if TYPE_CHECKING:
    from collections.abc import Callable

    from .library import LoadedLibrary

Array: TypeAlias = np.ndarray[Any, Any]


class _Plain(NamedTuple):
    """Where things are among the arguments in the author's order."""

    order: list[int]  #: of what the public row takes: inputs, then outputs
    arrays: list[tuple[int, int]]  #: of each array, and how many dimensions it has
    sizes: list[tuple[int, int, int | None]]  #: of each size, of an array that tells it, and along which axis


class KernelHandle:
    """A kernel to call: handle(x, y, n), handle(x, out=y), handle(x).

    Arguments go in the author's order or by name. Sizes (`=len(x)` in the usage) may be left out, in
    any place; outputs too where the other arguments tell their shape. `out` is the output, a tuple of
    several, or the one in-out of a kernel without outputs; `extent` is how many work items run. The
    handle keeps its library open.
    """

    def __init__(
        self, kernel: Description, *, library: LoadedLibrary | None = None, settings: Settings | None = None
    ) -> None:
        self.kernel = kernel  #: all that the library says about it
        self.library = library
        self._settings = settings
        self._binder = Binder(kernel)
        self._inputs = [param.name for param in kernel.inputs]
        self._outputs = [param.name for param in kernel.outputs]
        self._sizes = {param.name: param for param in kernel.params if param.places}
        self._arrays = {param.name: param for param in kernel.params if param.is_array}
        flat = any(not param.shape for param in self._arrays.values())
        # the language indexes arrays without a shape flat: more dimensions than one are then no batch
        self._is_single = kernel.direct is not None and flat and not self.signature.elementwise

    # ---- what it is ----

    @property
    def name(self) -> str:
        """The name of the function."""
        return self.kernel.name

    @property
    def stem(self) -> str:
        """The name of its library, "" if there is none."""
        return self.library.stem if self.library else ""

    @property
    def params(self) -> tuple[Parameter, ...]:
        """The parameters in the author's order."""
        return self.kernel.params

    @property
    def signature(self) -> Signature:
        """The public signature, without the sizes that are filled in."""
        return self.kernel.rows[0].signature

    @property
    def doc(self) -> str:
        """Its documentation."""
        return self.kernel.doc

    @property
    def op(self) -> str:
        """The op it is for."""
        return self.kernel.op

    @property
    def usage(self) -> str:
        """How to call it."""
        return usage(self.kernel)

    def __repr__(self) -> str:
        place = f" of {self.library.path}" if self.library else ""
        return f"<kernel {self.usage}{place}>"

    # ---- what it runs ----

    @cached_property
    def settings(self) -> Settings:
        """The settings it runs under: those given, else of the environment."""
        return self._settings or Settings.from_environment()

    def _bind(self, row: Kernel, spec: OpSpec) -> BoundKernel:
        variant = row.best_variant(self.settings.levels)
        if variant is None:
            has, uses = ", ".join(level for level, _ in row.variants), ", ".join(self.settings.levels)
            raise HologramError(
                f"{self.name}() is compiled for {has}; this process uses {uses or 'no level'}: build it for baseline"
            )
        return bind(
            spec, Offer(replace(row, op=spec.name), PROVIDER, "", row.rank_priority, *variant), self.settings.threads
        )

    @cached_property
    def _spec(self) -> OpSpec:
        spec = public_spec(self.kernel)
        return OpSpec(self.name, spec.signature, spec.parameters, spec.doc)

    @cached_property
    def _rows(self) -> list[BoundKernel]:
        return [self._bind(row, self._spec) for row in self.kernel.rows]

    @cached_property
    def public(self) -> Callable[..., object]:
        """The public rows as hg.ops calls them: inputs in the author's order, outputs last, no sizes."""
        if len(self._rows) == 1:
            return self._rows[0]
        return self._make_op(partial(call_slow, self._spec)).function

    @cached_property
    def function(self) -> Callable[..., object]:
        """The handle as a builtin function, at the price of one where the call needs no thought.

        It takes all that the handle does. Where the author has outputs before inputs it is the handle
        itself, since a builtin has them last.
        """
        order = [param for param in self.params if not param.places]
        if order != [*self.kernel.inputs, *self.kernel.outputs] or self.kernel.needs_extent:
            return self
        return self._make_op(self._call_slow).function

    def _call_slow(self, _: object, args: tuple[object, ...], named: dict[str, Any]) -> object:
        return self(*args, **named)

    def _make_op(self, on_slow: Callable[[Any, tuple[object, ...], dict[str, object]], object]) -> Op:
        return Op(self._spec, self._spec.signature.layout(single=self._is_single), 0, self.choose, on_slow)

    def choose(self, op: Op, dtype: int, n: int) -> BoundKernel:
        """Find the row for a dtype code and n; called by an Op that meets new ones. Raises TypeError, ValueError."""
        row = self.find_row(dtypes.NAMES[dtype], n)
        op.install(0, dtype, row.min_n, row.max_n, row)
        return row

    def find_row(self, dtype: str, n: int) -> BoundKernel:
        """Return the public row for a dtype and n. Raises TypeError, ValueError where there is none."""
        mine = [row for row in self._rows if row.dtype == dtype]
        for row in mine:
            if row.min_n <= n <= row.max_n:
                return row
        if mine:
            raise ValueError(f"{self.name}() has no kernel for n={n}: {self.usage}")
        has = ", ".join(dict.fromkeys(row.dtype for row in self._rows))
        raise TypeError(f"{self.name}() is for {has}, got arrays of {dtype}: {self.usage}")

    # ---- calling ----

    def __call__(self, *args: object, out: object = None, extent: int | None = None, **named: object) -> Any:
        """Call the kernel. Raises TypeError, ValueError, or KernelError from the kernel itself."""
        if extent is not None and any(param.name == "extent" for param in self.params):
            named["extent"], extent = extent, None
        if len(args) == len(self.params) and out is None and extent is None and not named and self._is_plain(args):
            return self._call_plain(args)
        values = self._binder.bind(args, out, named)
        if self.kernel.needs_extent and extent is None:
            raise TypeError(f"{self.name}() misses extent=, how many work items run: {self.usage}")
        if extent is None and self._is_public(values):
            result = self._call_public(values)
        else:
            result = self._call_direct(values, extent)
        return result if out is None or self._outputs else values[self._inout]

    @cached_property
    def _inout(self) -> str:
        """The in-out that `out` stands for in a kernel without outputs."""
        inouts = [param.name for param in self.params if param.role == "inout"]
        return "out" if "out" in inouts else inouts[0]

    def _is_public(self, values: Values) -> bool:
        """Whether the public row does what this call asks: sizes are left out, or are what it fills in."""
        given = [name for name in self._sizes if name in values]
        if self.kernel.needs_extent or not (given or self._is_single):
            return not self.kernel.needs_extent
        arrays: dict[str, Any] = {name: values[name] for name in self._arrays if name in values}
        if not all(isinstance(array, np.ndarray) for array in arrays.values()):
            return False
        if self.signature.elementwise:
            right = len({array.shape for array in arrays.values()}) == 1
        else:
            right = all(array.ndim == (len(self._arrays[name].shape) or 1) for name, array in arrays.items())
        return right and all(_is_told(self._sizes[name], values[name], arrays) for name in given)

    def _call_public(self, values: Values) -> Any:
        args = [values[name] for name in self._inputs]
        if any(name in values for name in self._outputs):
            args += [values.get(name) for name in self._outputs]
        try:
            return self.public(*args)
        except ValueError as error:
            raise self._reason(error, values) from error

    def _reason(self, error: ValueError, values: Values) -> ValueError:
        """What is wrong in the author's words: which arrays disagree about which size; else the error itself."""
        arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
        reason = sizes.find_disagreement(self.kernel, arrays, values)
        return ValueError(reason) if reason else error

    # ---- the plain form: every argument in the author's order, sizes being what the arrays tell ----

    @cached_property
    def _plain(self) -> _Plain:
        places = {param.name: place for place, param in enumerate(self.params)}
        arrays = [(places[name], len(param.shape) or 1) for name, param in self._arrays.items()]
        told = [
            (places[size], places[name], axis) for size, param in self._sizes.items() for name, axis in param.places
        ]
        return _Plain([places[name] for name in (*self._inputs, *self._outputs)], arrays, told)

    def _is_plain(self, args: tuple[Any, ...]) -> bool:
        plain = self._plain
        for place, dimensions in plain.arrays:
            array = args[place]
            if type(array) is not np.ndarray or array.ndim != dimensions:
                return False
        for place, of, axis in plain.sizes:
            size, array = args[place], args[of]
            if type(size) is not int or size != (array.size if axis is None else array.shape[axis]):
                return False
        return not self.kernel.needs_extent

    def _call_plain(self, args: tuple[object, ...]) -> Any:
        try:
            return self.public(*[args[place] for place in self._plain.order])
        except ValueError as error:
            values = {param.name: value for param, value in zip(self.params, args, strict=True)}
            raise self._reason(error, values) from error

    # ---- the row that takes everything ----

    @cached_property
    def _direct_spec(self) -> OpSpec:
        row = self.kernel.direct
        if row is None:
            raise TypeError(f"{self.name}() takes no sizes and no extent= beside its arrays: {self.usage}")
        names = [param.name for param in self.params if param.role != "out"]
        return OpSpec(
            self.name, row.signature, parameter_names([*names, *self.kernel.dims, "extent"]), first_line(self.doc)
        )

    @cached_property
    def _direct(self) -> BoundKernel:
        spec = self._direct_spec
        return self._bind(self.kernel.direct, spec)  # type: ignore[arg-type]  # the spec has refused None

    def _call_direct(self, values: Values, extent: int | None) -> Any:
        direct = self._direct
        given = {name: self._size(size, values[name]) for name, size in self._sizes.items() if name in values}
        arrays = {p.name: self._take(p, values[p.name]) for p in self.params if p.is_array and p.name in values}
        found = sizes.find_sizes(self.kernel, arrays, given)
        for param in self.kernel.outputs:
            if param.name not in arrays:
                shape = sizes.output_shape(self.kernel, param, arrays, found)
                arrays[param.name] = np.zeros(shape, dtypes.find(param.dtype).numpy)
        self._check_apart(arrays)
        flat = {name: _flat(array) for name, array in arrays.items()}
        numbers = [*(found[dim] for dim in self.kernel.dims), -1 if extent is None else self._extent(extent)]
        inputs = [
            flat[p.name] if p.is_array else found.get(p.name, values.get(p.name))
            for p in self.params
            if p.role != "out"
        ]
        direct(*inputs, *numbers, *(flat[param.name] for param in self.kernel.outputs))
        return self._deliver(values, arrays, flat)

    def _size(self, param: Parameter, value: object) -> int:
        number = _index(self, param.name, value)
        limits = np.iinfo(dtypes.find(param.dtype).numpy)
        if not limits.min <= number <= limits.max:
            raise ValueError(f"{self.name}() argument {param.name!r}: {number} does not fit {param.type}")
        return number

    def _extent(self, extent: int) -> int:
        """How many work items the caller wants; -1 is what the row takes for "find out"."""
        number = _index(self, "extent", extent)
        if number < 0:
            raise ValueError(f"{self.name}() argument 'extent': expected a number of work items, got {number}")
        return number

    def _take(self, param: Parameter, value: object) -> Array:
        """An array argument in its dtype; what is written is the caller's own memory."""
        row = Param("core", "in" if param.role == "scalar" else param.role, (), param.dtype)
        take = take_input if param.role == "in" else take_written
        return take(self._direct_spec, param.name, row, value, param.dtype)

    def _check_apart(self, arrays: dict[str, Array]) -> None:
        """What is written overlaps nothing else that is written."""
        written = [param.name for param in self.params if param.role in ("inout", "out")]
        for i, first in enumerate(written):
            for second in written[i + 1 :]:
                if np.may_share_memory(arrays[first], arrays[second], max_work=1000):  # type: ignore[arg-type]
                    raise ValueError(f"{self.name}() arguments {first!r} and {second!r} are written and overlap")

    def _deliver(self, values: Values, arrays: dict[str, Array], flat: dict[str, Array]) -> Any:
        """Write back what was copied to be flat; return the outputs."""
        for param in self.params:
            if param.role in ("inout", "out") and not np.may_share_memory(arrays[param.name], flat[param.name]):
                arrays[param.name][...] = flat[param.name].reshape(arrays[param.name].shape)
        results = [values.get(param.name, arrays[param.name]) for param in self.kernel.outputs]
        if not results:
            return None
        return results[0] if len(results) == 1 else tuple(results)


def _is_told(size: Parameter, value: object, arrays: Mapping[str, Any]) -> bool:
    """Whether a given size is what each array tells."""
    places = [(arrays[name], axis) for name, axis in size.places if name in arrays]
    told = [array.size if axis is None else array.shape[axis] for array, axis in places]
    return type(value) is int and bool(told) and all(value == other for other in told)


def _flat(array: Array) -> Array:
    """The elements in C order, aligned and in native byte order: a view where that is possible."""
    native = dtypes.find(array.dtype).numpy
    plain = np.require(array, native, ["C", "A"]).reshape(-1)
    return plain if plain.dtype is native else plain.view(native)  # long and long long, or dtypes with metadata


def _index(handle: KernelHandle, name: str, value: object) -> int:
    try:
        return operator.index(value)  # type: ignore[arg-type]  # the question is whether it can
    except TypeError:
        raise TypeError(f"{handle.name}() argument {name!r}: expected a whole number, got {value!r}") from None
