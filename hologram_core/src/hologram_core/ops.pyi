"""Types of hologram_core.ops. Written by `python -m hologram_core.stubs`; do not edit."""

from typing import Any

from numpy.typing import ArrayLike, NDArray

from ._native import OpFunction

class _VectorAdd(OpFunction):
    def __call__(self, a: ArrayLike, b: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """a + b"""

class _VectorSub(OpFunction):
    def __call__(self, a: ArrayLike, b: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """a - b"""

class _VectorMul(OpFunction):
    def __call__(self, a: ArrayLike, b: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """a * b"""

class _VectorDiv(OpFunction):
    def __call__(self, a: ArrayLike, b: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """a / b"""

class _VectorMin(OpFunction):
    def __call__(self, a: ArrayLike, b: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """The smaller of a and b; NaN if either is."""

class _VectorMax(OpFunction):
    def __call__(self, a: ArrayLike, b: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """The larger of a and b; NaN if either is."""

class _VectorPow(OpFunction):
    def __call__(self, a: ArrayLike, b: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """a to the power b, as numpy.power."""

class _VectorNeg(OpFunction):
    def __call__(self, x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """-x"""

class _VectorAbs(OpFunction):
    def __call__(self, x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """|x|"""

class _Relu(OpFunction):
    def __call__(self, x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """max(x, 0); NaN stays NaN."""

class _Sigmoid(OpFunction):
    def __call__(self, x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """1 / (1 + exp(-x))"""

class _Tanh(OpFunction):
    def __call__(self, x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Hyperbolic tangent."""

class _Gelu(OpFunction):
    def __call__(self, x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """x * Phi(x), the exact form: 0.5 x erfc(-x / sqrt 2); -inf gives -0."""

class _GeluTanh(OpFunction):
    def __call__(self, x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), the usual approximation of gelu; -inf gives -0."""

class _Silu(OpFunction):
    def __call__(self, x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """x * sigmoid(x); -inf gives -0."""

class _Exp(OpFunction):
    def __call__(self, x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """e to the power x."""

class _Log(OpFunction):
    def __call__(self, x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Natural logarithm."""

class _Sqrt(OpFunction):
    def __call__(self, x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Square root."""

class _Rsqrt(OpFunction):
    def __call__(self, x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """1 / sqrt(x); inf at zero, signed as x."""

class _Sin(OpFunction):
    def __call__(self, x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Sine of x radians, of any size."""

class _Cos(OpFunction):
    def __call__(self, x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Cosine of x radians, of any size."""

class _Erf(OpFunction):
    def __call__(self, x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Error function."""

class _ScalarAdd(OpFunction):
    def __call__(self, x: ArrayLike, value: float, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """x + value"""

class _ScalarMul(OpFunction):
    def __call__(self, x: ArrayLike, value: float, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """x * value"""

class _Clip(OpFunction):
    def __call__(self, x: ArrayLike, low: float, high: float, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """min(max(x, low), high), as numpy.clip."""

class _Axpy(OpFunction):
    def __call__(self, alpha: float, x: ArrayLike, y: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """alpha * x + y without an intermediate rounding."""

class _VectorFma(OpFunction):
    def __call__(self, a: ArrayLike, b: ArrayLike, c: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """a * b + c without an intermediate rounding."""

class _ReduceSum(OpFunction):
    def __call__(self, x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Sum of all elements; 0 for none."""

class _ReduceMin(OpFunction):
    def __call__(self, x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Smallest element; NaN if any is; ValueError for none."""

class _ReduceMax(OpFunction):
    def __call__(self, x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Largest element; NaN if any is; ValueError for none."""

class _ReduceProd(OpFunction):
    def __call__(self, x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Product of all elements; 1 for none."""

class _VectorDot(OpFunction):
    def __call__(self, a: ArrayLike, b: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Sum of a * b over all elements."""

class _Softmax(OpFunction):
    def __call__(self, x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """exp(x) / sum(exp(x)) over the last axis."""

class _LogSoftmax(OpFunction):
    def __call__(self, x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """log(softmax(x)) over the last axis."""

class _LayerNorm(OpFunction):
    def __call__(
        self, x: ArrayLike, weight: ArrayLike, bias: ArrayLike, eps: float = 1e-05, out: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        """(x - mean) / sqrt(variance + eps) * weight + bias over the last axis; population variance."""

class _RmsNorm(OpFunction):
    def __call__(
        self, x: ArrayLike, weight: ArrayLike, eps: float = 1e-05, out: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        """x / sqrt(mean(x^2) + eps) * weight over the last axis."""

class _Gemv(OpFunction):
    def __call__(self, a: ArrayLike, x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Matrix times vector."""

class _Gemm(OpFunction):
    def __call__(self, a: ArrayLike, b: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Matrix times matrix."""

class _GemvF32(OpFunction):
    def __call__(self, a: ArrayLike, x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Matrix times vector: gemv for f32 alone."""

class _GemmF32(OpFunction):
    def __call__(self, a: ArrayLike, b: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Matrix times matrix: gemm for f32 alone."""

class _Mse(OpFunction):
    def __call__(self, a: ArrayLike, b: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Mean of (a - b)^2; NaN for no elements."""

class _CrossEntropy(OpFunction):
    def __call__(self, p: ArrayLike, target: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """-sum(target * log(p)) over the last axis; a term whose target is 0 counts 0."""

class _BinaryCrossEntropy(OpFunction):
    def __call__(self, p: ArrayLike, target: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Mean of -(target log(p) + (1 - target) log(1 - p)); a term whose weight is 0 counts 0."""

class _Copy(OpFunction):
    def __call__(self, x: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """x"""

class _Fill(OpFunction):
    def __call__(self, value: float, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Every element becomes value; out must be given."""

vector_add: _VectorAdd
vector_sub: _VectorSub
vector_mul: _VectorMul
vector_div: _VectorDiv
vector_min: _VectorMin
vector_max: _VectorMax
vector_pow: _VectorPow
vector_neg: _VectorNeg
vector_abs: _VectorAbs
relu: _Relu
sigmoid: _Sigmoid
tanh: _Tanh
gelu: _Gelu
gelu_tanh: _GeluTanh
silu: _Silu
exp: _Exp
log: _Log
sqrt: _Sqrt
rsqrt: _Rsqrt
sin: _Sin
cos: _Cos
erf: _Erf
scalar_add: _ScalarAdd
scalar_mul: _ScalarMul
clip: _Clip
axpy: _Axpy
vector_fma: _VectorFma
reduce_sum: _ReduceSum
reduce_min: _ReduceMin
reduce_max: _ReduceMax
reduce_prod: _ReduceProd
vector_dot: _VectorDot
softmax: _Softmax
log_softmax: _LogSoftmax
layer_norm: _LayerNorm
rms_norm: _RmsNorm
gemv: _Gemv
gemm: _Gemm
gemv_f32: _GemvF32
gemm_f32: _GemmF32
mse: _Mse
cross_entropy: _CrossEntropy
binary_cross_entropy: _BinaryCrossEntropy
copy: _Copy
fill: _Fill

def __getattr__(name: str) -> OpFunction: ...
def __dir__() -> list[str]: ...
