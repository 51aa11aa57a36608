"""What others do: contestants for each peer that is installed, each in its fastest form that we know.

NumPy works in place, with constants as 0-d arrays (scalars and arrays of one element cost it twice as much). PyTorch
shares memory with NumPy and records no gradients. Numba is compiled for the one signature, with fastmath.
"""

import importlib
import importlib.metadata
import math
from collections.abc import Callable, Iterator
from functools import cache
from types import ModuleType

import numpy as np

from .measure import Contestant

NAMES = ("numpy", "scipy", "torch", "numba", "numexpr")


@cache
def load(name: str) -> ModuleType | None:
    """Return a peer ready for use, or None where it is not installed."""
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name != name:
            raise
        return None
    if name == "torch":
        module.set_num_threads(1)
        module.set_grad_enabled(False)
    return module


def versions() -> dict[str, str | None]:
    """Return the version of every peer, None for those not installed. Imports none of them."""
    found: dict[str, str | None] = {}
    for name in NAMES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def binary(op: str, a: np.ndarray, b: np.ndarray) -> dict[str, Contestant]:
    """Contestants other than NumPy for vector_add, vector_sub, vector_mul."""
    sign = {"vector_add": "+", "vector_sub": "-", "vector_mul": "*"}[op]
    found: dict[str, Contestant] = {}
    if numba := load("numba"):
        body = f"def f(a, b, c):\n    for i in range(a.size):\n        c[i] = a[i] {sign} b[i]"
        found["numba"] = jitted(numba, define(body), a, b)
    if torch := load("torch"):
        function = getattr(torch, op.removeprefix("vector_"))
        c = np.empty_like(a)
        ta, tb, tc = map(torch.from_numpy, (a, b, c))
        found["torch"] = Contestant("f(a, b, out=c)", {"f": function, "a": ta, "b": tb, "c": tc}, c)
    if numexpr := load("numexpr"):
        found["numexpr"] = expression(numexpr, f"a {sign} b", a=a, b=b)
    return found


def activation(op: str, x: np.ndarray) -> dict[str, Contestant]:
    """Contestants for sigmoid, gelu, softmax, tanh."""
    found = dict(numpy_forms(op, x))
    if load("scipy"):
        found |= scipy_forms(op, x)
    if torch := load("torch"):
        found["torch"] = torch_form(torch, op, x)
    if numba := load("numba"):
        found["numba"] = jitted(numba, LOOPS[op], x)
    if (numexpr := load("numexpr")) and op in EXPRESSIONS:
        found["numexpr"] = expression(numexpr, EXPRESSIONS[op], x=x)
    return found


# ---- NumPy -----------------------------------------------------------------------------------------------------------

UFUNCS = {
    "absolute": np.absolute,
    "add": np.add,
    "divide": np.divide,
    "exp": np.exp,
    "multiply": np.multiply,
    "negative": np.negative,
    "reciprocal": np.reciprocal,
    "subtract": np.subtract,
    "tanh": np.tanh,
    "relu": np.maximum,
    "largest": np.maximum.reduce,
    "total": np.add.reduce,
    "interp": np.interp,
}

# gelu(x) = max(x, 0) - |x| / 2 * erfc(|x| / sqrt(2)), and erfc by Abramowitz and Stegun 7.1.26, good to 1.5e-7. The
# halves are in the coefficients.
ERFC_P = 0.3275911 / math.sqrt(2)
ERFC = (1.061405429 / 2, -1.453152027 / 2, 1.421413741 / 2, -0.284496736 / 2, 0.254829592 / 2)
GELU_SERIES = """
    absolute(x, a); multiply(a, p, t); add(t, one, t); reciprocal(t, t)
    multiply(t, c0, s); add(s, c1, s); multiply(s, t, s); add(s, c2, s); multiply(s, t, s); add(s, c3, s)
    multiply(s, t, s); add(s, c4, s); multiply(s, t, s)
    multiply(x, x, t); multiply(t, minus_half, t); exp(t, t)
    multiply(s, t, s); multiply(s, a, s); relu(x, zero, out=y); subtract(y, s, y)
"""

LINES = {
    "sigmoid": {
        "numpy": "negative(x, y); exp(y, y); add(y, one, y); reciprocal(y, y)",
        "numpy tanh": "multiply(x, half, y); tanh(y, y); multiply(y, half, y); add(y, half, y)",
    },
    "tanh": {"numpy": "tanh(x, y)"},
    "gelu": {
        "numpy series": "; ".join(line.strip() for line in GELU_SERIES.strip().splitlines()),
        # Linear interpolation of the normal distribution function, a table good to 2e-8.
        "numpy table": "multiply(x, interp(x, steps, phi), y, casting='same_kind')",
    },
    "softmax": {"numpy": "subtract(x, largest(x), y); exp(y, y); divide(y, total(y), y)"},
}


def numpy_forms(op: str, x: np.ndarray) -> Iterator[tuple[str, Contestant]]:
    for name, line in LINES[op].items():
        names = {**UFUNCS, **constants(), "x": x, **{key: np.empty_like(x) for key in "yast"}}
        used = {key: names[key] for key in names if key in compile(line, name, "exec").co_names}
        yield name, Contestant(line, used, used["y"])


@cache
def constants() -> dict[str, np.ndarray]:
    values = {"one": 1, "half": 0.5, "minus_half": -0.5, "zero": 0, "p": ERFC_P}
    values |= {f"c{i}": value for i, value in enumerate(ERFC)}
    steps = np.linspace(-6, 6, 16385)
    phi = np.array([normal(step) for step in steps])
    return {**{name: np.array(value, np.float32) for name, value in values.items()}, "steps": steps, "phi": phi}


# ---- SciPy -----------------------------------------------------------------------------------------------------------


def scipy_forms(op: str, x: np.ndarray) -> dict[str, Contestant]:
    special = importlib.import_module("scipy.special")
    y = np.empty_like(x)
    if op == "sigmoid":
        return {"scipy": Contestant("f(x, y)", {"f": special.expit, "x": x, "y": y}, y)}
    if op == "softmax":
        return {"scipy": Contestant("f(x)", {"f": special.softmax, "x": x})}
    if op == "gelu":
        line = "multiply(x, root_half, y); erf(y, y); add(y, one, y); multiply(y, x, y); multiply(y, half, y)"
        names = {
            "multiply": np.multiply,
            "add": np.add,
            "erf": special.erf,
            "root_half": np.array(math.sqrt(0.5), np.float32),
            "one": constants()["one"],
            "half": constants()["half"],
        }
        return {"scipy": Contestant(line, {**names, "x": x, "y": y}, y)}
    return {}


# ---- PyTorch ---------------------------------------------------------------------------------------------------------


def torch_form(torch: ModuleType, op: str, x: np.ndarray) -> Contestant:
    y = np.empty_like(x)
    functions = {
        "sigmoid": (torch.sigmoid, "f(x, out=y)"),
        "tanh": (torch.tanh, "f(x, out=y)"),
        "gelu": (torch.nn.functional.gelu, "f(x, out=y)"),
        "softmax": (torch.softmax, "f(x, 0, out=y)"),
    }
    function, line = functions[op]
    return Contestant(line, {"f": function, "x": torch.from_numpy(x), "y": torch.from_numpy(y)}, y)


# ---- Numba -----------------------------------------------------------------------------------------------------------


def sigmoid_loop(x: np.ndarray, y: np.ndarray) -> None:
    one = np.float32(1)
    for i in range(x.size):
        y[i] = one / (one + math.exp(-x[i]))


def tanh_loop(x: np.ndarray, y: np.ndarray) -> None:
    for i in range(x.size):
        y[i] = math.tanh(x[i])


def gelu_loop(x: np.ndarray, y: np.ndarray) -> None:
    half, one, root_half = np.float32(0.5), np.float32(1), np.float32(math.sqrt(0.5))
    for i in range(x.size):
        y[i] = half * x[i] * (one + math.erf(x[i] * root_half))


def softmax_loop(x: np.ndarray, y: np.ndarray) -> None:
    largest = x[0]
    for i in range(x.size):
        largest = max(largest, x[i])
    total = np.float32(0)
    for i in range(x.size):
        y[i] = math.exp(x[i] - largest)
        total += y[i]
    scale = np.float32(1) / total
    for i in range(x.size):
        y[i] *= scale


LOOPS = {"sigmoid": sigmoid_loop, "tanh": tanh_loop, "gelu": gelu_loop, "softmax": softmax_loop}


@cache
def define(source: str) -> Callable[..., None]:
    namespace: dict[str, Callable[..., None]] = {}
    exec(source, namespace)
    return namespace["f"]


def jitted(numba: ModuleType, function: Callable[..., None], *inputs: np.ndarray) -> Contestant:
    y = np.empty_like(inputs[0])
    names = {f"a{i}": array for i, array in enumerate(inputs)}
    compiled = compile_numba(numba, function, len(inputs) + 1)
    return Contestant(f"f({', '.join(names)}, y)", {"f": compiled, **names, "y": y}, y)


@cache
def compile_numba(numba: ModuleType, function: Callable[..., None], count: int) -> Callable[..., None]:
    signature = f"void({', '.join(['f4[::1]'] * count)})"
    return numba.njit(signature, fastmath=True, error_model="numpy")(function)


# ---- numexpr ---------------------------------------------------------------------------------------------------------

EXPRESSIONS = {"sigmoid": "1 / (1 + exp(-x))", "tanh": "tanh(x)"}


def expression(numexpr: ModuleType, text: str, **inputs: np.ndarray) -> Contestant:
    y = np.empty_like(next(iter(inputs.values())))
    names = {"f": numexpr.evaluate, "text": text, "inputs": inputs, "nothing": {}, "y": y}
    return Contestant("f(text, inputs, nothing, out=y)", names, y)


# ---- what is right ---------------------------------------------------------------------------------------------------


def normal(x: float) -> float:
    """Return the normal distribution function at x."""
    return 0.5 * math.erfc(-x / math.sqrt(2))


def softmax(x: np.ndarray) -> np.ndarray:
    weights = np.exp(x - x.max())
    return weights / weights.sum()


REFERENCES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "gelu": lambda x: np.array([value * normal(value) for value in x]),
    "softmax": softmax,
}
