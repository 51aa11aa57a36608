"""The names that kernels are written with: types, functions of the language, @kernel and @inline.

A kernel is a typed Python function that is parsed, never executed (docs/language.md). The functions
here exist for editors and type checkers; called outside a kernel they raise TypeError.
"""

from __future__ import annotations

from typing import Any, Generic, NoReturn, TypeAlias, TypeVar

from hologram_atlas.live import KernelFunction as KernelFunction
from hologram_atlas.live import inline as inline
from hologram_atlas.live import kernel as kernel

f16: TypeAlias = float
f32: TypeAlias = float
f64: TypeAlias = float
i8: TypeAlias = int
i16: TypeAlias = int
i32: TypeAlias = int
i64: TypeAlias = int
u8: TypeAlias = int
u16: TypeAlias = int
u32: TypeAlias = int
u64: TypeAlias = int
usize: TypeAlias = int

T = TypeVar("T")


class DeviceArray(Generic[T]):
    """An array parameter with elements of type T, indexed in C order."""

    def __getitem__(self, index: int | tuple[int, ...]) -> T:
        """Return the element at an index."""
        _outside("DeviceArray")

    def __setitem__(self, index: int | tuple[int, ...], value: T) -> None:
        """Store an element; the value is converted to T."""
        _outside("DeviceArray")

    def __len__(self) -> int:
        """Return the number of elements, or the first size of an array that has a shape."""
        _outside("DeviceArray")


def _outside(name: str) -> NoReturn:
    raise TypeError(f"{name} works inside a kernel only: write a function with typed parameters and @kernel")


def get_global_id() -> int:
    """Return the number of this work item, from 0."""
    _outside("get_global_id()")


def atomic_add(array: DeviceArray[T], index: int, value: T) -> T:
    """Add to an element and return what it was before."""
    _outside("atomic_add()")


def atomic_min(array: DeviceArray[T], index: int, value: T) -> T:
    """Lower an element to a value and return what it was before."""
    _outside("atomic_min()")


def atomic_max(array: DeviceArray[T], index: int, value: T) -> T:
    """Raise an element to a value and return what it was before."""
    _outside("atomic_max()")


def atomic_add_f32(array: DeviceArray[f32], value: f32) -> f32:
    """Add to element 0 and return what it was before."""
    _outside("atomic_add_f32()")


def atomic_add_u32(array: DeviceArray[u32], value: u32) -> u32:
    """Add to element 0 and return what it was before."""
    _outside("atomic_add_u32()")


def atomic_add_i32(array: DeviceArray[i32], value: i32) -> i32:
    """Add to element 0 and return what it was before."""
    _outside("atomic_add_i32()")


def parallel_map_unary(x: DeviceArray[Any], out: DeviceArray[Any], operation: Any, n: int) -> None:
    """Store operation(x[i]) in out[i] for n elements."""
    _outside("parallel_map_unary()")


def parallel_map_binary(
    a: DeviceArray[Any], b: DeviceArray[Any], out: DeviceArray[Any], operation: Any, n: int
) -> None:
    """Store operation(a[i], b[i]) in out[i] for n elements."""
    _outside("parallel_map_binary()")


def parallel_reduce(x: DeviceArray[Any], out: DeviceArray[Any], operation: str, n: int) -> None:
    """Store the sum, product, smallest or largest of n elements in out[0]."""
    _outside("parallel_reduce()")


def sqrt(x: float) -> float:
    """Return the square root."""
    _outside("sqrt()")


def rsqrt(x: float) -> float:
    """Return 1 / sqrt(x)."""
    _outside("rsqrt()")


def exp(x: float) -> float:
    """Return e to the x."""
    _outside("exp()")


def exp2(x: float) -> float:
    """Return 2 to the x."""
    _outside("exp2()")


def log(x: float) -> float:
    """Return the natural logarithm."""
    _outside("log()")


def log2(x: float) -> float:
    """Return the logarithm to base 2."""
    _outside("log2()")


def log1p(x: float) -> float:
    """Return log(1 + x)."""
    _outside("log1p()")


def expm1(x: float) -> float:
    """Return exp(x) - 1."""
    _outside("expm1()")


def sin(x: float) -> float:
    """Return the sine."""
    _outside("sin()")


def cos(x: float) -> float:
    """Return the cosine."""
    _outside("cos()")


def tan(x: float) -> float:
    """Return the tangent."""
    _outside("tan()")


def asin(x: float) -> float:
    """Return the arc sine."""
    _outside("asin()")


def acos(x: float) -> float:
    """Return the arc cosine."""
    _outside("acos()")


def atan(x: float) -> float:
    """Return the arc tangent."""
    _outside("atan()")


def sinh(x: float) -> float:
    """Return the hyperbolic sine."""
    _outside("sinh()")


def cosh(x: float) -> float:
    """Return the hyperbolic cosine."""
    _outside("cosh()")


def tanh(x: float) -> float:
    """Return the hyperbolic tangent."""
    _outside("tanh()")


def erf(x: float) -> float:
    """Return the error function."""
    _outside("erf()")


def sigmoid(x: float) -> float:
    """Return 1 / (1 + exp(-x))."""
    _outside("sigmoid()")


def relu(x: float) -> float:
    """Return max(x, 0)."""
    _outside("relu()")


def floor(x: float) -> float:
    """Return the largest whole number up to x."""
    _outside("floor()")


def ceil(x: float) -> float:
    """Return the smallest whole number from x on."""
    _outside("ceil()")


def fabs(x: float) -> float:
    """Return the absolute value."""
    _outside("fabs()")


def isnan(x: float) -> bool:
    """Return whether x is NaN."""
    _outside("isnan()")


def isinf(x: float) -> bool:
    """Return whether x is an infinity."""
    _outside("isinf()")


def atan2(y: float, x: float) -> float:
    """Return the angle of the point (x, y)."""
    _outside("atan2()")


def fmin(a: float, b: float) -> float:
    """Return the smaller one; NaN is ignored."""
    _outside("fmin()")


def fmax(a: float, b: float) -> float:
    """Return the larger one; NaN is ignored."""
    _outside("fmax()")


def fma(a: float, b: float, c: float) -> float:
    """Return a * b + c, rounded once."""
    _outside("fma()")


# C's names for the same in f32.
sqrtf = sqrt
rsqrtf = rsqrt
expf = exp
exp2f = exp2
logf = log
log2f = log2
log1pf = log1p
expm1f = expm1
sinf = sin
cosf = cos
tanf = tan
asinf = asin
acosf = acos
atanf = atan
atan2f = atan2
sinhf = sinh
coshf = cosh
tanhf = tanh
erff = erf
fmaf = fma
fminf = fmin
fmaxf = fmax
floorf = floor
ceilf = ceil
fabsf = fabs


def powf(x: float, y: float) -> float:
    """Return x to the y, in f32."""
    _outside("powf()")
