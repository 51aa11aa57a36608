"""The contract that any kernel must keep, as checks that tell what is broken.

    from hologram_core.testing import check_kernel
    check_kernel(hologram_core.get_kernel("sigmoid", "f32", 100))

Goes in: a bound kernel and a reference. Comes out: nothing, or KernelCheckError naming the check,
the kernel, the shapes and what was found. A kernel that reads or writes outside its arrays meets a
guard page and crashes the process, by design.
"""

from __future__ import annotations

import ctypes
import itertools
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import dtypes
from ._native import BoundKernel
from .catalogue import STANDARD
from .guarded import guarded_copy
from .kernel import MAX_N
from .signature import Signature

Array = np.ndarray[Any, Any]
Reference = Callable[..., Any]

TAILS = (*range(0, 71), 97, 128, 255, 256, 257, 1000)
_CORE_SIZES = (0, 1, 2, 3, 7, 16, 17, 33, 55)

#: ULP for f32 by op; anything else is bounded by its terms, see _allowed.
ULP: dict[str, float] = {
    **{op: 0.501 for op in STANDARD if STANDARD[op].accuracy.startswith("Within 0.501 ULP")},
    **{op: 0.5 for op in STANDARD if STANDARD[op].accuracy == "Correctly rounded."},
    **dict.fromkeys(("vector_min", "vector_max", "relu", "clip", "reduce_min", "reduce_max"), 0.5),
    **{op: 2.0 for op in STANDARD if STANDARD[op].accuracy.startswith("Within 2 ULP")},
    **{op: 4.0 for op in STANDARD if STANDARD[op].accuracy.startswith("Within 4 ULP")},
}


class KernelCheckError(AssertionError):
    """A kernel broke the contract; `.check` names how."""

    def __init__(self, check: str, kernel: BoundKernel, detail: str) -> None:
        self.check = check
        super().__init__(f"{check}: {kernel.op} {kernel.dtype} by {kernel.provider} ({kernel.isa}): {detail}")


@dataclass(frozen=True)
class _Subject:
    """The kernel under test with what is needed to call and judge it."""

    kernel: BoundKernel
    reference: Reference
    ulp: float | None
    rng: np.random.Generator

    @property
    def signature(self) -> Signature:
        return self.kernel.signature

    @property
    def scalar_only(self) -> bool:
        return all(param.kind == "scalar" for param in self.signature.inputs)

    def fail(self, check: str, detail: str) -> KernelCheckError:
        return KernelCheckError(check, self.kernel, detail)


def check_kernel(
    kernel: BoundKernel,
    reference: Reference | None = None,
    *,
    ulp: float | None = None,
    sizes: Sequence[int] | None = None,
    seed: int = 0,
) -> None:
    """Run every check on a kernel.

    reference  NumPy function on float64 (or integer) arrays; default: the catalogue's.
    ulp        error allowed, in units of the last place of the output; default: by op from ULP, else
               bounded by rounding each term of a sum once.
    sizes      lengths of element-wise arrays and rows; default: around vector tails, within the range.

    Raises KernelCheckError, an AssertionError; ValueError if there is no reference.
    """
    reference = reference or (STANDARD[kernel.op].reference if kernel.op in STANDARD else None)
    if reference is None:
        raise ValueError(f"check_kernel(): op {kernel.op!r} is not in the catalogue; pass a reference")
    subject = _Subject(kernel, reference, ulp or ULP.get(kernel.op), np.random.default_rng(seed))
    for shapes in _all_dims(subject, sizes):
        check_results(subject, shapes)
    for shapes in _all_dims(subject, (1, 5, 16, 33, 64)):
        check_guards(subject, shapes)
        check_alignment(subject, shapes)
        check_aliasing(subject, shapes)
        check_split(subject, shapes)
    check_specials(subject)
    check_threads(subject)


# ---- making calls --------------------------------------------------------------------------------


def _all_dims(subject: _Subject, sizes: Sequence[int] | None) -> Iterator[dict[str | int, int]]:
    """Sizes for each dimension of the signature ("()" for the length of element-wise arrays)."""
    signature = subject.signature
    names = [dim for dim in signature.dims if isinstance(dim, str)] or ["()"]
    fixed: dict[str | int, int] = {dim: dim for dim in signature.dims if isinstance(dim, int)}
    largest = min(subject.kernel.max_n, 4096)
    ends = (subject.kernel.min_n, largest) if subject.kernel.max_n < MAX_N else ()
    choices = sizes if sizes is not None else (*TAILS, *ends) if len(names) == 1 else _CORE_SIZES
    for combination in itertools.product(sorted(set(choices)), repeat=len(names)):
        dims: dict[str | int, int] = {**fixed, **dict(zip(names, combination, strict=True))}
        n = max(int(np.prod(shape)) for shape in _shapes(signature, dims) if shape is not None)
        if subject.kernel.min_n <= n <= largest:
            yield dims


def _shapes(signature: Signature, dims: dict[str | int, int]) -> list[tuple[int, ...] | None]:
    """A shape for each parameter, None for scalars."""
    return [
        None
        if param.kind == "scalar"
        else (dims["()"],)
        if signature.elementwise
        else tuple(dims[dim] for dim in param.core)
        for param in signature.params
    ]


def _dtype(subject: _Subject, i: int) -> np.dtype[Any]:
    return dtypes.find(subject.signature.params[i].dtype or subject.kernel.dtype).numpy


def _draw(subject: _Subject, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Random values for one argument: of moderate size, and in (0, 1) where an op wants probabilities."""
    if dtype.kind == "b":
        return subject.rng.random(shape) < 0.5
    if dtype.kind in "iu":
        return subject.rng.integers(0 if dtype.kind == "u" else -100, 100, shape).astype(dtype)
    if subject.kernel.op in ("log", "sqrt", "rsqrt", "vector_pow", "cross_entropy", "binary_cross_entropy"):
        return subject.rng.uniform(0.01, 0.99, shape).astype(dtype)
    return (subject.rng.standard_normal(shape) * 3).astype(dtype)


def _inputs(subject: _Subject, dims: dict[str | int, int]) -> list[Any]:
    values: list[Any] = []
    for i, shape in enumerate(_shapes(subject.signature, dims)[: len(subject.signature.inputs)]):
        dtype = _dtype(subject, i)
        values.append(dtype.type(abs(_draw(subject, (), dtype)) + 1) if shape is None else _draw(subject, shape, dtype))
    return values


def _outputs(subject: _Subject, dims: dict[str | int, int]) -> list[Array]:
    """Poisoned arrays for the outputs, so that what is not written shows."""
    first = len(subject.signature.inputs)
    outputs = []
    for i, shape in enumerate(_shapes(subject.signature, dims)[first:], first):
        assert shape is not None  # an output is an array
        array = np.empty(shape, _dtype(subject, i))
        array.view(np.uint8).fill(0x5B) if array.ndim else array.fill(91)
        outputs.append(array)
    return outputs


def _expect(subject: _Subject, inputs: Sequence[Any]) -> list[Any]:
    """The reference's results in float64, one per output; integers stay integers."""
    wide = [
        value.astype(np.float64) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value
        for value in inputs
    ]
    wide = [np.float64(value) if isinstance(value, np.floating) else value for value in wide]
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # NumPy's mean of nothing is NaN, with a warning
        result = subject.reference(*wide)
    return list(result) if isinstance(result, tuple) else [result]


# ---- judging results -----------------------------------------------------------------------------


def _allowed(subject: _Subject, inputs: Sequence[Any], expected: Array, dtype: np.dtype[Any]) -> Any:
    """The absolute error allowed at each element.

    Ops with a stated accuracy: that many units in the last place of the exact result. Others add up
    or multiply k terms made of the inputs: one rounding of eps for each, relative to the result and
    to the largest term, which is at most the product of the inputs' magnitudes; and a few more.
    """
    spacing = np.spacing(np.abs(expected).astype(dtype)).astype(np.float64)
    if subject.ulp is not None:
        return subject.ulp * spacing
    arrays = [np.maximum(1.0, np.abs(np.asarray(value, np.float64))) for value in inputs]
    k = 1
    if not subject.signature.elementwise:
        k = max([array.shape[-1] for array in arrays if array.ndim] or [1])
        arrays = [array.max(initial=1.0) for array in arrays]
    largest: Any = 1.0
    for array in arrays:
        largest = largest * array
    return 4 * spacing + np.finfo(dtype).eps * (k + 8) * (largest + np.abs(expected))


def _compare(subject: _Subject, check: str, inputs: Sequence[Any], outputs: Sequence[Array]) -> None:
    """Raise KernelCheckError where an output is not what the reference says."""
    for output, expected in zip(outputs, _expect(subject, inputs), strict=True):
        exact = np.broadcast_to(np.asarray(expected), output.shape)
        if output.dtype.kind != "f":
            wrong = output != exact.astype(output.dtype)
        else:
            with np.errstate(all="ignore"):
                rounded = exact.astype(output.dtype)
                allowed = _allowed(subject, inputs, exact, output.dtype)
                close = np.abs(output.astype(np.float64) - exact) <= allowed
                overflow = np.isinf(output) & (np.abs(exact) + allowed >= np.finfo(output.dtype).max)
                same = (output == rounded) | (np.isnan(output) & np.isnan(exact))
                wrong = ~(same | (close & np.isfinite(output)) | overflow)
        if np.any(wrong):
            at = tuple(int(index[0]) for index in np.nonzero(wrong)) if output.ndim else ()
            given = ", ".join(
                repr(value[at]) if isinstance(value, np.ndarray) and value.shape == output.shape else _brief(value)
                for value in inputs
            )
            raise subject.fail(
                check, f"at {at} of shape {output.shape}: {output[at]!r}, expected {exact[at]!r} ({given})"
            )


def _brief(value: Any) -> str:
    return f"{value.dtype} of shape {value.shape}" if isinstance(value, np.ndarray) else repr(value)


# ---- the checks ----------------------------------------------------------------------------------


def _run(subject: _Subject, inputs: Sequence[Any], outputs: Sequence[Array], check: str) -> bool:
    """Call the kernel; False where it says that these sizes have no result, as the reference must too."""
    try:
        subject.kernel(*inputs, *outputs)
    except ValueError as error:
        try:
            _expect(subject, inputs)
        except ValueError:
            return False
        raise subject.fail(check, f"refuses {[_brief(value) for value in inputs]}: {error}") from error
    return True


def check_results(subject: _Subject, dims: dict[str | int, int]) -> None:
    """Right at this size, every output element written, no input changed."""
    inputs = _inputs(subject, dims)
    before = [value.copy() for value in inputs]
    for value, param in zip(inputs, subject.signature.inputs, strict=True):
        if isinstance(value, np.ndarray) and param.role == "in":
            value.flags.writeable = False
    outputs = _outputs(subject, dims)
    if not _run(subject, inputs, outputs, "results"):
        return
    for value, old, param in zip(inputs, before, subject.signature.inputs, strict=True):
        if param.role == "in" and not np.array_equal(value, old):
            raise subject.fail("inputs unchanged", f"an input of {_brief(value)} was written")
    _compare(subject, "results", before, outputs)


def check_guards(subject: _Subject, dims: dict[str | int, int]) -> None:
    """Nothing outside the arrays is touched, with a guard page right before or right after each."""
    for at_end in (True, False):
        inputs, outputs = _inputs(subject, dims), _outputs(subject, dims)
        fenced = [
            guarded_copy(value, at_end=at_end) if isinstance(value, np.ndarray) else (value, None)
            for value in (*inputs, *outputs)
        ]
        arrays = [array for array, _ in fenced]
        if not _run(subject, arrays[: len(inputs)], arrays[len(inputs) :], "guards"):
            return
        _compare(subject, "guards", inputs, arrays[len(inputs) :])
        for array, memory in fenced:
            if memory is not None and not memory.is_intact(array):
                raise subject.fail("guards", f"memory beside an array of {_brief(array)} was written")


def check_alignment(subject: _Subject, dims: dict[str | int, int]) -> None:
    """Right at every alignment of the arrays that the dtype allows."""
    for offset in range(0, 64, max(1, dtypes.find(subject.kernel.dtype).itemsize)):
        inputs, outputs = _inputs(subject, dims), _outputs(subject, dims)
        moved = [_at_offset(value, offset) if isinstance(value, np.ndarray) else value for value in (*inputs, *outputs)]
        if _run(subject, moved[: len(inputs)], moved[len(inputs) :], "alignment"):
            _compare(subject, "alignment", inputs, moved[len(inputs) :])


def _at_offset(array: Array, offset: int) -> Array:
    """A copy whose address is `offset` bytes (a multiple of its item size) past a multiple of 64."""
    offset -= offset % array.dtype.itemsize
    raw = np.empty(array.nbytes + 128, np.uint8)
    first = -raw.ctypes.data % 64 + offset
    copy = raw[first : first + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


def check_aliasing(subject: _Subject, dims: dict[str | int, int]) -> None:
    """With an output in the memory of any input: as if the inputs were read first."""
    first = len(subject.signature.inputs)
    for i in range(first):
        inputs, outputs = _inputs(subject, dims), _outputs(subject, dims)
        shared = inputs[i]
        if not isinstance(shared, np.ndarray) or shared.shape != outputs[0].shape or shared.dtype != outputs[0].dtype:
            continue
        before = [value.copy() for value in inputs]
        if _run(subject, inputs, [shared, *outputs[1:]], "aliasing"):
            _compare(subject, "aliasing", before, [shared, *outputs[1:]])


def check_specials(subject: _Subject) -> None:
    """NaN, infinities, signed zeros, subnormals and the largest values give what the reference gives."""
    dtype = dtypes.find(subject.kernel.dtype).numpy
    if dtype.kind != "f" or not subject.signature.elementwise or subject.scalar_only:
        return
    info = np.finfo(dtype)
    values = [0.0, 1.0, 0.5, 2.0, float(info.tiny), float(info.smallest_subnormal), float(info.max), np.inf]
    pool = np.array([sign * value for value in values for sign in (1, -1)] + [np.nan], dtype)
    arrays = [param for param in subject.signature.inputs if param.kind != "scalar"]
    grid = iter(np.array(list(itertools.product(pool, repeat=len(arrays))), dtype).T)
    inputs = [
        np.ascontiguousarray(next(grid)) if param.kind != "scalar" else dtype.type(1.5 + i)
        for i, param in enumerate(subject.signature.inputs)
    ]
    step = min(subject.kernel.max_n, 1024)
    for begin in range(0, len(pool) ** len(arrays), step):
        part = [value[begin : begin + step] if isinstance(value, np.ndarray) else value for value in inputs]
        outputs = _outputs(subject, {"()": max(len(value) for value in part if isinstance(value, np.ndarray))})
        subject.kernel(*part, *outputs)
        _compare(subject, "specials", part, outputs)


def check_threads(subject: _Subject) -> None:
    """Right from four threads at once, each with its own arrays, the native code running without the GIL."""
    dims = max(_all_dims(subject, (1, 5, 16, 33, 2048)), key=lambda dims: sum(dims.values()))
    wrong: list[KernelCheckError] = []

    def work(inputs: Sequence[Any], expected: Sequence[Array]) -> None:
        outputs = _outputs(subject, dims)
        for _ in range(300):
            if subject.kernel.entry and not subject.kernel.kernel.extent:
                _call_entry(subject, dims, inputs, outputs, 0, dims.get("()", 1))
            else:
                subject.kernel(*inputs, *outputs)
            if any(a.tobytes() != b.tobytes() for a, b in zip(outputs, expected, strict=True)):
                wrong.append(subject.fail("threads", "another result than the same call from one thread"))
                return

    threads = []
    for _ in range(4):
        inputs, expected = _inputs(subject, dims), _outputs(subject, dims)
        if not _run(subject, inputs, expected, "threads"):
            return
        threads.append(threading.Thread(target=work, args=(inputs, expected)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise wrong[0]


# ---- the raw ABI ---------------------------------------------------------------------------------


class _KernelCall(ctypes.Structure):
    """struct hologram_call of hologram/kernel.h."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("error_size", ctypes.c_uint32),
        ("args", ctypes.POINTER(ctypes.c_void_p)),
        ("lengths", ctypes.POINTER(ctypes.c_int64)),
        ("dims", ctypes.POINTER(ctypes.c_int64)),
        ("begin", ctypes.c_int64),
        ("end", ctypes.c_int64),
        ("context", ctypes.c_void_p),
        ("error", ctypes.c_char_p),
        ("host", ctypes.c_void_p),
    )


def check_split(subject: _Subject, dims: dict[str | int, int]) -> None:
    """A splittable element-wise kernel gives the same bits in pieces, and touches only its piece."""
    kernel = subject.kernel
    if not (kernel.kernel.splittable and subject.signature.elementwise and kernel.entry):
        return
    inputs, whole, pieces = _inputs(subject, dims), _outputs(subject, dims), _outputs(subject, dims)
    kernel(*inputs, *whole)
    n = dims["()"]
    middle = n // 3
    _call_entry(subject, dims, inputs, pieces, 0, middle)
    untouched = _outputs(subject, dims)
    for part, old in zip(pieces, untouched, strict=True):
        if part[middle:].tobytes() != old[middle:].tobytes():
            raise subject.fail("split", f"work items 0 to {middle} of {n} wrote beyond {middle}")
    _call_entry(subject, dims, inputs, pieces, middle, n)
    if any(a.tobytes() != b.tobytes() for a, b in zip(whole, pieces, strict=True)):
        raise subject.fail("split", f"[0, {middle}) and [{middle}, {n}) differ from [0, {n})")


def _call_entry(
    subject: _Subject,
    dims: dict[str | int, int],
    inputs: Sequence[Any],
    outputs: Sequence[Array],
    begin: int,
    end: int,
) -> None:
    """Call the hologram_kernel_fn itself for a range of work items."""
    holders = [*map(np.asarray, inputs), *outputs]
    count = len(holders)
    error = ctypes.create_string_buffer(512)
    call = _KernelCall(
        ctypes.sizeof(_KernelCall),
        512,
        (ctypes.c_void_p * count)(*(holder.ctypes.data for holder in holders)),
        (ctypes.c_int64 * count)(*(holder.size for holder in holders)),
        (ctypes.c_int64 * 16)(*(dims[dim] for dim in subject.signature.dims)),
        begin,
        end,
        subject.kernel.kernel.context or None,
        ctypes.cast(error, ctypes.c_char_p),
    )
    code = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.POINTER(_KernelCall))(subject.kernel.entry)(ctypes.byref(call))
    if code != 0:
        raise subject.fail("split", f"code {code} for work items {begin} to {end}: {error.value.decode()}")
