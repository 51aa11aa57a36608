"""The catalogue: one OpSpec row for each standard op.

A row says what an op is, whoever provides it: name, signature, parameter names, one line of
documentation, a NumPy reference that defines the result, and the accuracy a kernel must keep.
Providers add rows of their own through the hook declare_ops.
"""

from __future__ import annotations

import inspect
import keyword
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from .signature import Signature

Array = Any  # what a reference takes and returns: float64 arrays and numbers


@dataclass(frozen=True)
class OpSpec:
    """What an op is: the contract between its callers and its kernels."""

    name: str  #: "softmax"
    signature: Signature
    parameters: tuple[str, ...]  #: a name for each input of the signature
    doc: str  #: one line; formula where it is not obvious
    reference: Callable[..., Array] | None = None  #: NumPy definition, on arrays without batch dimensions
    accuracy: str = ""  #: what the result is worth
    defaults: Mapping[str, float] = field(default_factory=dict)  #: of trailing scalar parameters
    kernel_op: str = ""  #: the op whose kernels serve it, where that is another
    dtype: str | None = None  #: the only dtype, for an op that is another one's form for it

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ValueError(f"op {self.name!r}: expected a name")
        if len(self.parameters) != len(self.signature.inputs):
            raise ValueError(
                f"op {self.name!r}: {len(self.parameters)} names for the {len(self.signature.inputs)} inputs of "
                f"{self.signature}"
            )
        if self.dtype is None and not self.signature.anchored:
            raise ValueError(f"op {self.name!r}: in {self.signature} every array states its dtype; leave one without")
        if not set(self.defaults) <= set(self.parameters):
            raise ValueError(f"op {self.name!r}: defaults for unknown parameters: {', '.join(self.defaults)}")
        if len({*self.parameters, "out"}) <= len(self.parameters) or not all(map(_is_name, self.parameters)):
            raise ValueError(
                f"op {self.name!r}: parameters {self.parameters}, expected different names, none of them out"
            )
        if not set(self.defaults) <= set(self.parameters[len(self.parameters) - len(self.defaults) :]):
            raise ValueError(f"op {self.name!r}: only the last parameters can have defaults")
        if not self.kernel_op:
            object.__setattr__(self, "kernel_op", self.name)

    @staticmethod
    def make(name: str, signature: str, parameters: str, doc: str, **fields: Any) -> OpSpec:
        """Make a row from texts: OpSpec.make("relu", "()->()", "x", "max(x, 0)")."""
        return OpSpec(name, Signature.parse(signature), tuple(parameters.split()), doc, **fields)

    @property
    def __name__(self) -> str:
        return self.name

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs, for messages."""
        count = len(self.signature.outputs)
        return ("out",) if count == 1 else tuple(f"out[{i}]" for i in range(count))

    @cached_property
    def kernel_signature(self) -> Signature:
        """The signature its kernels must have: its own, where it is the form for one dtype without that dtype."""
        if self.dtype is None:
            return self.signature
        return self.signature.without_dtype(self.dtype)

    @cached_property
    def usage(self) -> str:
        """How to call it: "softmax(x, out=None)"."""
        return f"{self.name}{self.__signature__}"

    @cached_property
    def __signature__(self) -> inspect.Signature:
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters = [
            inspect.Parameter(name, kind, default=self.defaults.get(name, inspect.Parameter.empty))
            for name in self.parameters
        ]
        if self.signature.outputs:
            parameters.append(inspect.Parameter("out", kind, default=None))
        return inspect.Signature(parameters)

    @property
    def function_doc(self) -> str:
        """The documentation of the builtin function, in the form from which inspect takes its signature."""
        _, _, rest = self.docstring.partition("\n\n")
        name = self.name.rpartition(".")[2]  # of "my.op" CPython looks for "op("
        return f"{name}{self.__signature__}\n--\n\n{rest}"

    @property
    def docstring(self) -> str:
        """The documentation of the Op object."""
        lines = [f"{self.usage}\n\n{self.doc}\n\nSignature {self.signature}; n is the size of the largest array."]
        return "\n".join([*lines, self.accuracy] if self.accuracy else lines)

    def _repr_html_(self) -> str:
        """Of Op too, which has the attributes of its spec."""
        from .html import facts  # here, since only notebooks ask

        return facts(self.usage, {"what": self.doc, "signature": self.signature, "accuracy": self.accuracy})


def _is_name(text: object) -> bool:
    return isinstance(text, str) and text.isidentifier() and not keyword.iskeyword(text)


# ---- references: float64 in, float64 out; each defines the op of its name ------------------------

_erf = np.vectorize(math.erf, otypes=[np.float64])
_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def _sigmoid(x: Array) -> Array:
    with np.errstate(over="ignore"):
        return 1.0 / (1.0 + np.exp(-x))


def _times(x: Array, gate: Array) -> Array:
    """x * gate, where a gate of zero closes even for x = -inf."""
    with np.errstate(invalid="ignore"):
        return np.where(np.isneginf(x), -0.0, x * gate)


def _gelu(x: Array) -> Array:
    return _times(x, 0.5 * _erfc(-x / math.sqrt(2.0)))


def _gelu_tanh(x: Array) -> Array:
    # 0.5 (1 + tanh u) = sigmoid(2u), which does not cancel for negative u
    with np.errstate(over="ignore"):
        return _times(x, _sigmoid(2.0 * math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3)))


def _log_softmax(x: Array) -> Array:
    shifted = x - np.max(x, initial=-np.inf)
    return shifted - np.log(np.sum(np.exp(shifted)))


def _softmax(x: Array) -> Array:
    weights = np.exp(x - np.max(x, initial=-np.inf))
    return weights / np.sum(weights)


def _layer_norm(x: Array, weight: Array, bias: Array, eps: float) -> Array:
    return (x - np.mean(x)) / np.sqrt(np.var(x) + eps) * weight + bias


def _rms_norm(x: Array, weight: Array, eps: float) -> Array:
    return x / np.sqrt(np.mean(x * x) + eps) * weight


def _weighted_log(weight: Array, p: Array) -> Array:
    """weight * log(p), zero where the weight is."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(weight == 0, 0.0, weight * np.log(p))


def _cross_entropy(p: Array, target: Array) -> Array:
    return -np.sum(_weighted_log(target, p))


def _binary_cross_entropy(p: Array, target: Array) -> Array:
    return -np.mean(_weighted_log(target, p) + _weighted_log(1 - target, 1 - p))


def _mse(a: Array, b: Array) -> Array:
    return np.mean((a - b) ** 2)


def _fill(value: Array) -> Array:
    return value


# ---- the rows ------------------------------------------------------------------------------------

_BINARY = "(),()->()"
_UNARY = "()->()"
_EXACT = "Correctly rounded."
_2ULP = "Within 2 ULP for f32, over all inputs."
_4ULP = "Within 4 ULP for f32, over all inputs."
_CHOICE = "Exact: nothing is rounded."
_ROW = "A few roundings of each element, and those of the sums; the order of additions is not specified."
_PRODUCT = "At most one rounding for each element; the order of multiplications is not specified."
_SOFTMAX = "The roundings of x - max(x), of one exponential and of the sum; the order of additions is not specified."
_SUM = "Rounding error well below that of a running sum; the order of additions is not specified."

_make = OpSpec.make
ROWS: tuple[OpSpec, ...] = (
    _make("vector_add", _BINARY, "a b", "a + b", reference=np.add, accuracy=_EXACT),
    _make("vector_sub", _BINARY, "a b", "a - b", reference=np.subtract, accuracy=_EXACT),
    _make("vector_mul", _BINARY, "a b", "a * b", reference=np.multiply, accuracy=_EXACT),
    _make("vector_div", _BINARY, "a b", "a / b", reference=np.divide, accuracy=_EXACT),
    _make(
        "vector_min",
        _BINARY,
        "a b",
        "The smaller of a and b; NaN if either is.",
        reference=np.minimum,
        accuracy=_CHOICE,
    ),
    _make(
        "vector_max", _BINARY, "a b", "The larger of a and b; NaN if either is.", reference=np.maximum, accuracy=_CHOICE
    ),
    _make("vector_pow", _BINARY, "a b", "a to the power b, as numpy.power.", reference=np.power, accuracy=_2ULP),
    _make("vector_neg", _UNARY, "x", "-x", reference=np.negative, accuracy=_EXACT),
    _make("vector_abs", _UNARY, "x", "|x|", reference=np.abs, accuracy=_EXACT),
    _make("relu", _UNARY, "x", "max(x, 0); NaN stays NaN.", reference=lambda x: np.maximum(x, 0), accuracy=_CHOICE),
    _make("sigmoid", _UNARY, "x", "1 / (1 + exp(-x))", reference=_sigmoid, accuracy=_2ULP),
    _make("tanh", _UNARY, "x", "Hyperbolic tangent.", reference=np.tanh, accuracy=_2ULP),
    _make(
        "gelu",
        _UNARY,
        "x",
        "x * Phi(x), the exact form: 0.5 x erfc(-x / sqrt 2); -inf gives -0.",
        reference=_gelu,
        accuracy=_4ULP,
    ),
    _make(
        "gelu_tanh",
        _UNARY,
        "x",
        "0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), the usual approximation of gelu; -inf gives -0.",
        reference=_gelu_tanh,
        accuracy=_4ULP,
    ),
    _make(
        "silu",
        _UNARY,
        "x",
        "x * sigmoid(x); -inf gives -0.",
        reference=lambda x: _times(x, _sigmoid(x)),
        accuracy=_4ULP,
    ),
    _make("exp", _UNARY, "x", "e to the power x.", reference=np.exp, accuracy=_2ULP),
    _make("log", _UNARY, "x", "Natural logarithm.", reference=np.log, accuracy=_2ULP),
    _make("sqrt", _UNARY, "x", "Square root.", reference=np.sqrt, accuracy=_EXACT),
    _make(
        "rsqrt",
        _UNARY,
        "x",
        "1 / sqrt(x); inf at zero, signed as x.",
        reference=lambda x: 1 / np.sqrt(x),
        accuracy=_4ULP,
    ),
    _make("sin", _UNARY, "x", "Sine of x radians, of any size.", reference=np.sin, accuracy=_2ULP),
    _make("cos", _UNARY, "x", "Cosine of x radians, of any size.", reference=np.cos, accuracy=_2ULP),
    _make("erf", _UNARY, "x", "Error function.", reference=_erf, accuracy=_2ULP),
    _make("scalar_add", "(),scalar->()", "x value", "x + value", reference=np.add, accuracy=_EXACT),
    _make("scalar_mul", "(),scalar->()", "x value", "x * value", reference=np.multiply, accuracy=_EXACT),
    _make(
        "clip",
        "(),scalar,scalar->()",
        "x low high",
        "min(max(x, low), high), as numpy.clip.",
        reference=np.clip,
        accuracy=_CHOICE,
    ),
    _make(
        "axpy",
        "scalar,(),()->()",
        "alpha x y",
        "alpha * x + y without an intermediate rounding.",
        reference=lambda alpha, x, y: alpha * x + y,
        accuracy="Within 0.501 ULP for f32.",
    ),
    _make(
        "vector_fma",
        "(),(),()->()",
        "a b c",
        "a * b + c without an intermediate rounding.",
        reference=lambda a, b, c: a * b + c,
        accuracy="Within 0.501 ULP for f32.",
    ),
    _make("reduce_sum", "(...)->()", "x", "Sum of all elements; 0 for none.", reference=np.sum, accuracy=_SUM),
    _make(
        "reduce_min",
        "(...)->()",
        "x",
        "Smallest element; NaN if any is; ValueError for none.",
        reference=np.min,
        accuracy=_CHOICE,
    ),
    _make(
        "reduce_max",
        "(...)->()",
        "x",
        "Largest element; NaN if any is; ValueError for none.",
        reference=np.max,
        accuracy=_CHOICE,
    ),
    _make(
        "reduce_prod", "(...)->()", "x", "Product of all elements; 1 for none.", reference=np.prod, accuracy=_PRODUCT
    ),
    _make(
        "vector_dot",
        "(...),(...)->()",
        "a b",
        "Sum of a * b over all elements.",
        reference=lambda a, b: np.sum(a * b),
        accuracy=_SUM,
    ),
    _make(
        "softmax", "(n)->(n)", "x", "exp(x) / sum(exp(x)) over the last axis.", reference=_softmax, accuracy=_SOFTMAX
    ),
    _make(
        "log_softmax", "(n)->(n)", "x", "log(softmax(x)) over the last axis.", reference=_log_softmax, accuracy=_SOFTMAX
    ),
    _make(
        "layer_norm",
        "(n),(n),(n),scalar->(n)",
        "x weight bias eps",
        "(x - mean) / sqrt(variance + eps) * weight + bias over the last axis; population variance.",
        reference=_layer_norm,
        accuracy=_ROW,
        defaults={"eps": 1e-5},
    ),
    _make(
        "rms_norm",
        "(n),(n),scalar->(n)",
        "x weight eps",
        "x / sqrt(mean(x^2) + eps) * weight over the last axis.",
        reference=_rms_norm,
        accuracy=_ROW,
        defaults={"eps": 1e-5},
    ),
    _make("gemv", "(m,n),(n)->(m)", "a x", "Matrix times vector.", reference=np.matmul, accuracy=_SUM),
    _make("gemm", "(m,k),(k,n)->(m,n)", "a b", "Matrix times matrix.", reference=np.matmul, accuracy=_SUM),
    _make(
        "gemv_f32",
        "(m,n):f32,(n):f32->(m):f32",
        "a x",
        "Matrix times vector: gemv for f32 alone.",
        reference=np.matmul,
        accuracy=_SUM,
        kernel_op="gemv",
        dtype="f32",
    ),
    _make(
        "gemm_f32",
        "(m,k):f32,(k,n):f32->(m,n):f32",
        "a b",
        "Matrix times matrix: gemm for f32 alone.",
        reference=np.matmul,
        accuracy=_SUM,
        kernel_op="gemm",
        dtype="f32",
    ),
    _make("mse", "(...),(...)->()", "a b", "Mean of (a - b)^2; NaN for no elements.", reference=_mse, accuracy=_SUM),
    _make(
        "cross_entropy",
        "(n),(n)->()",
        "p target",
        "-sum(target * log(p)) over the last axis; a term whose target is 0 counts 0.",
        reference=_cross_entropy,
        accuracy=_SUM,
    ),
    _make(
        "binary_cross_entropy",
        "(...),(...)->()",
        "p target",
        "Mean of -(target log(p) + (1 - target) log(1 - p)); a term whose weight is 0 counts 0.",
        reference=_binary_cross_entropy,
        accuracy=_SUM,
    ),
    _make("copy", _UNARY, "x", "x", reference=np.copy, accuracy=_EXACT),
    _make(
        "fill",
        "scalar->()",
        "value",
        "Every element becomes value; out must be given.",
        reference=_fill,
        accuracy=_EXACT,
    ),
)

STANDARD: Mapping[str, OpSpec] = {row.name: row for row in ROWS}

#: What our own distributions serve, so that an error can say what to install.
DISTRIBUTIONS: tuple[tuple[str, str, Callable[[str, int], bool]], ...] = (
    ("hologram-stdlib", "f32 with n <= 3072, inline", lambda dtype, n: dtype == "f32" and n <= 3072),
    ("hologram-sigmatics", "every dtype and every n", lambda dtype, n: True),
)


def advice(op: str, dtype: str, n: int, installed: set[str]) -> list[str]:
    """Say which distribution that is not installed would serve a standard op, as lines of a message."""
    if op not in STANDARD:
        return []
    return [
        f"pip install {name}  would serve it: {what}"
        for name, what, serves in DISTRIBUTIONS
        if name not in installed and serves(dtype, n)
    ]
