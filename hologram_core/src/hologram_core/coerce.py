"""The slow path of a call: whatever else a NumPy user passes becomes what the call path takes.

In go an Op or BoundKernel and the arguments it did not take; out comes the result of its run() on
plain arrays. Converted: lists and numbers, other libraries' arrays, strided, byte-swapped or
unaligned arrays (copied), broadcasting, outputs that overlap inputs. Refused with TypeError (types
and dtypes) or ValueError (shapes, read-only outputs): everything else, by name of op and argument.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from . import dtypes
from ._native import BoundKernel, Op
from .catalogue import OpSpec
from .signature import Param, Signature

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


@dataclass
class _Call:
    """One call on its way through the steps below."""

    spec: OpSpec
    dtype: str = ""  # the op's dtype in this call

    @property
    def signature(self) -> Signature:
        return self.spec.signature

    def refuse(self, error: type[Exception], name: str, message: str) -> NoReturn:
        raise error(f"{self.spec.name}() argument {name!r}: {message}")


def call_slow(spec: OpSpec, target: Op | BoundKernel, args: tuple[object, ...], kwargs: Mapping[str, object]) -> object:
    """Run target, which serves spec, on arguments of any kind; the steps are the functions below, in order.

    Returns what a call returns: the given `out`, or new arrays.
    """
    call = _Call(spec)
    inputs, given = _bind(call, args, kwargs)
    views = [_to_array(call, name, param, value) for name, param, value in _named(call, inputs)]
    outputs = [_to_output(call, name, value) for name, value in zip(call.spec.output_names, given, strict=True)]
    call.dtype = _find_dtype(call, target, inputs, views, outputs)
    arrays = [
        _cast(call, *item) for item in zip(call.spec.parameters, call.signature.inputs, inputs, views, strict=True)
    ]
    arrays = _broadcast(call, arrays, outputs)
    shapes = _check_shapes(call, arrays, outputs)
    _check_outputs(call, outputs, shapes)
    _check_apart(call, outputs, views)
    _check_range(call, target, arrays, shapes)
    plain = [_plain(array) for array in arrays]
    results = [
        _destination(output, shape, dtypes.find(param.dtype or call.dtype).numpy)
        for output, shape, param in zip(outputs, shapes, call.signature.outputs, strict=True)
    ]
    written = results + [array for param, array in _inouts(call, plain)]
    target.run(*_separate(call, plain, written), *results)
    _copy_back(call, views, plain)
    return _deliver(given, outputs, results)


def take_input(spec: OpSpec, name: str, param: Param, value: object, dtype: str) -> Array:
    """Return one argument that a kernel for a dtype reads, as an array of the parameter's dtype.

    It is converted as in call_slow: only what has no dtype of its own is. Raises TypeError, ValueError.
    """
    call = _Call(spec, dtype)
    return _cast(call, name, param, value, _to_array(call, name, param, value))


def take_written(spec: OpSpec, name: str, param: Param, value: object, dtype: str) -> Array:
    """Return the memory behind one argument that a kernel for a dtype writes: never a copy.

    It may be strided, unaligned or byte-swapped. Raises TypeError for another dtype, ValueError for
    a read-only array.
    """
    call = _Call(spec, dtype)
    array = _written(call, name, value)
    wanted = dtypes.find(param.dtype or dtype).numpy
    if array.dtype.newbyteorder("=") != wanted:
        call.refuse(TypeError, name, f"expected {wanted}{_of_shape(array)}, got {_describe(value, array)}")
    return array


def result_shapes(spec: OpSpec, arguments: Sequence[object], dtype: str) -> list[Shape]:
    """Return the shape of each output for arguments of a call that need not be made.

    Raises TypeError, ValueError as the call would.
    """
    call = _Call(spec, dtype)
    arrays = [_cast(call, *item, _to_array(call, *item)) for item in _named(call, arguments)]
    outputs = [None] * len(call.signature.outputs)
    return _check_shapes(call, _broadcast(call, arrays, outputs), outputs)


# ---- bind ----------------------------------------------------------------------------------------


def _bind(call: _Call, args: tuple[object, ...], kwargs: Mapping[str, object]) -> tuple[list[object], list[object]]:
    """Sort the arguments into inputs, by parameter, and outputs, None where not given."""
    spec = call.spec
    names = spec.parameters
    outputs = len(call.signature.outputs)
    if len(args) > len(names) + outputs:
        raise TypeError(f"{spec.name}() takes at most {len(names) + outputs} arguments, got {len(args)}: {spec.usage}")
    values = dict(zip(names, args, strict=False))
    positional = list(args[len(names) :])
    for name, value in kwargs.items():
        if name == "out" and outputs and not positional:
            positional = _spread_out(call, value)
        elif name not in names:
            raise TypeError(f"{spec.name}() got an unexpected argument {name!r}: {spec.usage}")
        elif name in values:
            raise TypeError(f"{spec.name}() got argument {name!r} twice: {spec.usage}")
        else:
            values[name] = value
    missing = [name for name in names if name not in values and name not in spec.defaults]
    if missing:
        raise TypeError(f"{spec.name}() misses argument {', '.join(map(repr, missing))}: {spec.usage}")
    inputs = [values[name] if name in values else spec.defaults[name] for name in names]
    return inputs, positional + [None] * (outputs - len(positional))


def _spread_out(call: _Call, value: object) -> list[object]:
    count = len(call.signature.outputs)
    if value is None:
        return []
    if count == 1:
        return [value]
    if not isinstance(value, tuple) or len(value) != count:
        call.refuse(TypeError, "out", f"expected a tuple of {count} arrays, got {type(value).__name__}")
    return list(value)


def _named(call: _Call, inputs: Sequence[object]) -> list[tuple[str, Param, object]]:
    return list(zip(call.spec.parameters, call.signature.inputs, inputs, strict=True))


# ---- convert -------------------------------------------------------------------------------------


def _view(call: _Call, name: str, value: object) -> Array:
    """Any array-like as an ndarray, without a copy where the object allows it."""
    if isinstance(value, np.ma.MaskedArray):
        call.refuse(TypeError, name, "expected an array, got a masked one; fill it first: x.filled(value)")
    try:
        if isinstance(value, np.ndarray) or hasattr(value, "__array__") or not hasattr(value, "__dlpack__"):
            return np.asarray(value)
        return np.from_dlpack(value)
    except (TypeError, ValueError, BufferError, RuntimeError) as error:
        call.refuse(TypeError, name, f"cannot make an array of {type(value).__name__}: {error}")


def _to_array(call: _Call, name: str, param: Param, value: object) -> Array:
    array = _written(call, name, value) if param.role == "inout" else _view(call, name, value)
    if param.kind == "scalar" and array.dtype.kind == "O" and isinstance(value, int):
        array = _large_number(value, array)
    if param.kind == "scalar" and array.ndim != 0:
        call.refuse(TypeError, name, f"expected a number, got an array of shape {array.shape}")
    try:
        dtypes.find(array.dtype)
    except TypeError:
        expected = f"one of the dtypes {', '.join(dtypes.NAMES)}"
        call.refuse(TypeError, name, f"expected {expected}, got {_describe(value, array)}")
    return array


def _large_number(value: int, array: Array) -> Array:
    """An integer that no integer dtype holds, as a float64 where that can; else as it was."""
    try:
        return np.asarray(float(value))
    except OverflowError:
        return array


def _to_output(call: _Call, name: str, value: object) -> Array | None:
    return None if value is None else _written(call, name, value)


def _written(call: _Call, name: str, value: object) -> Array:
    """The memory behind an argument that is written, as an ndarray; never a copy."""
    memory = value if isinstance(value, np.ndarray) or hasattr(value, "__dlpack__") else _memory(value)
    if memory is None:
        call.refuse(TypeError, name, f"expected an array to write to, got {type(value).__name__}")
    array = _view(call, name, memory)
    if not array.flags.writeable:
        call.refuse(ValueError, name, f"expected a writable array, got a read-only {_describe(value, array)}")
    return array


def _memory(value: object) -> memoryview | None:
    try:
        return memoryview(value)  # type: ignore[arg-type]  # the question is whether it has any
    except TypeError:
        return None


def _describe(value: object, array: Array) -> str:
    if isinstance(value, np.ndarray) or hasattr(value, "__array__"):
        return f"{array.dtype} of shape {array.shape}"
    return f"{type(value).__name__} ({array.dtype} of shape {array.shape})"


# ---- dtypes --------------------------------------------------------------------------------------


def _is_weak(value: object) -> bool:
    """Whether a value has no dtype of its own and takes that of the arrays beside it."""
    return isinstance(value, (bool, int, float, list, tuple)) and not isinstance(value, np.generic)


def _find_dtype(
    call: _Call,
    target: Op | BoundKernel,
    inputs: Sequence[object],
    arrays: Sequence[Array],
    outputs: Sequence[Array | None],
) -> str:
    """The dtype of the call: a bound kernel's or the op's own, else of the first array that states one."""
    if isinstance(target, BoundKernel):
        return target.dtype
    if call.spec.dtype is not None:
        return call.spec.dtype
    signature = call.signature
    generic = [
        (value, array)
        for param, value, array in zip(signature.inputs, inputs, arrays, strict=True)
        if param.kind != "scalar" and param.dtype is None
    ]
    generic += [
        (array, array)
        for param, array in zip(signature.outputs, outputs, strict=True)
        if array is not None and param.dtype is None
    ]
    if not generic:
        call.refuse(TypeError, "out", "is needed: no other argument tells the shape and dtype of the result")
    stated = [array for value, array in generic if not _is_weak(value)]
    if stated:
        try:
            return dtypes.name(stated[0].dtype)
        except TypeError:
            call.refuse(TypeError, "out", f"expected one of {', '.join(dtypes.NAMES)}, got {stated[0].dtype}")
    return dtypes.name(np.result_type(*(array.dtype for _, array in generic)))


def _cast(call: _Call, name: str, param: Param, value: object, array: Array) -> Array:
    """The array in native byte order and the parameter's dtype. Only what has no dtype of its own is converted."""
    wanted = dtypes.find(param.dtype or call.dtype).numpy
    if array.dtype == wanted:
        return array
    if array.dtype.newbyteorder("=") == wanted:
        return array.astype(wanted)
    number = param.kind == "scalar" and array.ndim == 0
    if (_is_weak(value) or number) and (array.size == 0 or np.can_cast(array.dtype, wanted, "same_kind")):
        return _convert(call, name, value, array, wanted)
    if _is_weak(value) and array.dtype.kind in "iub" and wanted.kind in "iu":
        return _convert(call, name, value, array, wanted)
    call.refuse(TypeError, name, f"expected {wanted}{_of_shape(array)}, got {_describe(value, array)}")


def _of_shape(array: Array) -> str:
    return f" of shape {array.shape}" if array.ndim else ""


def _convert(call: _Call, name: str, value: object, array: Array, wanted: np.dtype[Any]) -> Array:
    """A list or number in another dtype; integers must fit."""
    if array.ndim == 0 and wanted.kind == "f":
        array = array.astype(np.float64)  # as the call path does with an int
    with np.errstate(over="ignore"):
        converted = array.astype(wanted)
    if wanted.kind in "iu" and not np.array_equal(converted, array):
        call.refuse(ValueError, name, f"expected values that fit {wanted}, got {value!r}")
    return converted


# ---- shapes --------------------------------------------------------------------------------------


def _broadcast(call: _Call, arrays: list[Array], outputs: Sequence[Array | None]) -> list[Array]:
    """Stretch element-wise arguments, or batch dimensions, to one shape, as NumPy does."""
    params = call.signature.inputs
    leading = [
        array.shape[: array.ndim - len(param.core)]
        for param, array in zip(params, arrays, strict=True)
        if param.kind == "core"
    ]
    for name, param, array in zip(call.spec.parameters, params, arrays, strict=True):
        if param.kind == "core" and array.ndim < len(param.core):
            call.refuse(
                ValueError, name, f"expected at least {len(param.core)} dimensions {param}, got shape {array.shape}"
            )
    if all(shape == leading[0] for shape in leading):
        return arrays
    batch = _common_shape(leading)
    if batch is None:
        shapes = ", ".join(
            f"{name!r} {array.shape}"
            for name, param, array in zip(call.spec.parameters, params, arrays, strict=True)
            if param.kind != "scalar"
        )
        raise ValueError(f"{call.spec.name}() arguments do not broadcast together: {shapes}")
    return [
        _stretch(call, name, param, array, batch)
        for name, param, array in zip(call.spec.parameters, params, arrays, strict=True)
    ]


def _common_shape(shapes: Sequence[Shape]) -> Shape | None:
    """The shape they broadcast to, if any. As numpy.broadcast_shapes, which stops at 32 dimensions."""
    ndim = max(len(shape) for shape in shapes)
    common = []
    for sizes in zip(*((1,) * (ndim - len(shape)) + shape for shape in shapes), strict=True):
        stretched = {size for size in sizes if size != 1}
        if len(stretched) > 1:
            return None
        common.append(stretched.pop() if stretched else 1)
    return tuple(common)


def _stretch(call: _Call, name: str, param: Param, array: Array, batch: Shape) -> Array:
    leading = array.ndim - len(param.core)
    if param.kind != "core" or array.shape[:leading] == batch:
        return array
    if param.role == "inout":
        wanted = batch + array.shape[leading:]
        call.refuse(ValueError, name, f"is written and cannot be broadcast from {array.shape} to {wanted}")
    if leading == 0 and not call.signature.elementwise:
        return array  # the call path repeats it for every batch item
    return np.broadcast_to(array, batch + array.shape[leading:])


def _check_shapes(call: _Call, arrays: Sequence[Array], outputs: Sequence[Array | None]) -> list[Shape]:
    """Bind every core dimension once; return the shapes of the outputs."""
    sizes: dict[str | int, int] = {}
    batch: Shape = ()
    whole: tuple[str, Shape] | None = None
    for name, param, array in zip(call.spec.parameters, call.signature.inputs, arrays, strict=True):
        if param.kind == "whole":
            if whole is not None and array.shape != whole[1]:
                call.refuse(ValueError, name, f"expected shape {whole[1]}, that of {whole[0]!r}, got {array.shape}")
            whole = whole or (name, array.shape)
        elif param.kind == "core":
            leading = array.ndim - len(param.core)
            batch = batch or array.shape[:leading]
            _bind_core(call, name, param, array.shape[leading:], sizes)
    shapes = []
    for name, param, output in zip(call.spec.output_names, call.signature.outputs, outputs, strict=True):
        if param.kind == "whole" and whole is not None:  # there is one: the signature was checked
            shapes.append(whole[1])
            continue
        told = not _shapeless(call) and all(isinstance(dim, int) or dim in sizes for dim in param.core)
        if not told and output is None:
            call.refuse(TypeError, name, "is needed: no other argument tells the shape of the result")
        if not told and output is not None:
            leading = output.ndim - len(param.core)
            if leading < 0:
                call.refuse(
                    ValueError,
                    name,
                    f"expected at least {len(param.core)} dimensions {param}, got shape {output.shape}",
                )
            _bind_core(call, name, param, output.shape[leading:], sizes)
            if _shapeless(call):
                batch = batch or output.shape[:leading]
        shapes.append(batch + tuple(dim if isinstance(dim, int) else sizes[dim] for dim in param.core))
    return shapes


def _shapeless(call: _Call) -> bool:
    return all(param.kind == "scalar" for param in call.signature.inputs)


def _bind_core(call: _Call, name: str, param: Param, shape: Shape, sizes: dict[str | int, int]) -> None:
    for dim, size in zip(param.core, shape, strict=True):
        expected = dim if isinstance(dim, int) else sizes.setdefault(dim, size)
        if size != expected:
            core = ", ".join(str(known if isinstance(known, int) else sizes.get(known, known)) for known in param.core)
            call.refuse(
                ValueError,
                name,
                f"expected {param} to be ({core}) where {dim} = {expected}, got shape {shape} "
                f"(signature {call.signature})",
            )


def _check_outputs(call: _Call, outputs: Sequence[Array | None], shapes: Sequence[Shape]) -> None:
    for name, param, output, shape in zip(call.spec.output_names, call.signature.outputs, outputs, shapes, strict=True):
        wanted = dtypes.find(param.dtype or call.dtype).numpy
        if output is None:
            continue
        if output.dtype.newbyteorder("=") != wanted:
            call.refuse(
                TypeError, name, f"expected {wanted} of shape {shape}, got {output.dtype} of shape {output.shape}"
            )
        if output.shape != shape:
            call.refuse(
                ValueError, name, f"expected {wanted} of shape {shape}, got {output.dtype} of shape {output.shape}"
            )


def _check_apart(call: _Call, outputs: Sequence[Array | None], views: Sequence[Array]) -> None:
    """What is written overlaps nothing else that is written."""
    written = [output for output in outputs if output is not None] + [array for _, array in _inouts(call, views)]
    for i, first in enumerate(written):
        for second in written[i + 1 :]:
            if np.may_share_memory(first, second, max_work=1000):  # type: ignore[arg-type]  # any number will do
                raise ValueError(f"{call.spec.name}() arguments that are written overlap one another")


def _check_range(call: _Call, target: Op | BoundKernel, arrays: Sequence[Array], shapes: Sequence[Shape]) -> None:
    """A bound kernel serves its range of n alone."""
    if not isinstance(target, BoundKernel):
        return
    sizes = [array.size for param, array in zip(call.signature.inputs, arrays, strict=True) if param.kind != "scalar"]
    n = max(sizes + [int(np.prod(shape)) for shape in shapes])
    if not target.min_n <= n <= target.max_n:
        raise ValueError(
            f"{call.spec.name}() has n={n}, and this kernel of {target.provider} serves n from {target.min_n} to "
            f"{target.max_n}; the op itself chooses another one"
        )


# ---- memory --------------------------------------------------------------------------------------


def _plain(array: Array) -> Array:
    """The array as an exact, contiguous, aligned ndarray of the table's dtype; the same one where it is that."""
    native = dtypes.find(array.dtype).numpy
    plain = np.asarray(np.require(array, None, ["C", "A"]))
    return plain if plain.dtype is native else plain.view(native)  # long and long long, or dtypes with metadata


def _destination(output: Array | None, shape: Shape, dtype: np.dtype[Any]) -> Array:
    """Where the kernel writes: the given array if it is plain, else a new one."""
    if output is not None and type(output) is np.ndarray and output.dtype is dtype and output.flags.carray:
        return output
    return np.empty(shape, dtype)


def _inouts(call: _Call, arrays: Sequence[Array]) -> list[tuple[Param, Array]]:
    pairs = zip(call.signature.inputs, arrays, strict=True)
    return [(param, array) for param, array in pairs if param.role == "inout"]


def _separate(call: _Call, arrays: Sequence[Array], written: Sequence[Array]) -> list[Array]:
    """Copy every input that shares memory with what is written, so that it is read as it was before."""
    return [
        array.copy() if param.role == "in" and any(np.may_share_memory(array, other) for other in written) else array
        for param, array in zip(call.signature.inputs, arrays, strict=True)
    ]


def _copy_back(call: _Call, arrays: Sequence[Array], plain: Sequence[Array]) -> None:
    """What a kernel wrote to a converted in-out goes back to the caller's."""
    for (_, original), (_, converted) in zip(_inouts(call, arrays), _inouts(call, plain), strict=True):
        if original is not converted:
            original[...] = converted


def _deliver(given: Sequence[object], outputs: Sequence[Array | None], results: Sequence[Array]) -> object:
    """Write converted outputs back; return the objects that the caller gave, or the new arrays."""
    delivered = []
    for value, output, result in zip(given, outputs, results, strict=True):
        if output is not None and output is not result:
            output[...] = result
        delivered.append(result if value is None else value)
    if not delivered:
        return None
    return delivered[0] if len(delivered) == 1 else tuple(delivered)
