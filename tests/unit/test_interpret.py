"""What the language computes: literal results, of the interpreter and of compiled code alike."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from hologram_atlas.compiler import compile_text, interpreter, lower
from hologram_atlas.parse import parse_source

INF, NAN = float("inf"), float("nan")
TOP, BOTTOM = 2**63 - 1, -(2**63)

#: (expression of a, b, c; type of the result and of the arguments; arguments; result)
CORNERS: list[tuple[str, str, tuple[Any, ...], Any]] = [
    ("a + b", "i64", (TOP, 1), BOTTOM),
    ("a * b", "i64", (2**62, 4), 0),
    ("-a", "i64", (BOTTOM,), BOTTOM),
    ("abs(a)", "i64", (BOTTOM,), BOTTOM),
    ("a // b", "i64", (-7, 2), -4),
    ("a // b", "i64", (7, -2), -4),
    ("a // b", "i64", (7, 0), 0),
    ("a // b", "i64", (BOTTOM, -1), BOTTOM),
    ("a % b", "i64", (-7, 3), 2),
    ("a % b", "i64", (7, -3), -2),
    ("a % b", "i64", (7, 0), 0),
    ("a % b", "i64", (BOTTOM, -1), 0),
    ("a << b", "i64", (1, 64), 0),
    ("a << b", "i64", (1, -1), 0),
    ("a << b", "i64", (3, 63), BOTTOM),
    ("a >> b", "i64", (-8, 1), -4),
    ("a >> b", "i64", (-8, 100), -1),
    ("a >> b", "i64", (8, -1), 0),
    ("a ** b", "i64", (3, 4), 81),
    ("a ** b", "i64", (2, 64), 0),
    ("a ** b", "i64", (2, -1), 0),
    ("a ** b", "i64", (-1, -3), -1),
    ("a ** b", "i64", (0, -1), 0),
    ("~a", "i64", (5,), -6),
    ("a & b | c ^ a", "i64", (12, 10, 3), 15),
    ("min(a, b, c)", "i64", (3, -2, 5), -2),
    ("1 if a < b < c else 0", "i64", (1, 2, 3), 1),
    ("1 if a < b < c else 0", "i64", (1, 3, 2), 0),
    ("i8(a)", "i64", (200,), -56),
    ("u8(a)", "i64", (-1,), 255),
    ("u32(a)", "i64", (-1,), 2**32 - 1),
    ("a + b", "u64", (2**64 - 1, 2), 1),
    ("a - b", "u64", (0, 1), 2**64 - 1),
    ("a // b", "u64", (2**64 - 1, 2), 2**63 - 1),
    ("a >> 63", "u64", (2**64 - 1,), 1),
    ("u64(1) if i64(-1) < a else u64(0)", "u64", (0,), 1),
    ("a / b", "f64", (1.0, 0.0), INF),
    ("a / b", "f64", (0.0, 0.0), NAN),
    ("a // b", "f64", (-7.0, 2.0), -4.0),
    ("a // b", "f64", (1.0, 0.0), INF),
    ("a % b", "f64", (-7.0, 3.0), 2.0),
    ("a % b", "f64", (7.0, INF), 7.0),
    ("a % b", "f64", (1.0, 0.0), NAN),
    ("min(a, b)", "f64", (NAN, 1.0), NAN),
    ("min(a, b)", "f64", (1.0, NAN), NAN),
    ("fmin(a, b)", "f64", (NAN, 1.0), 1.0),
    ("fmax(a, b)", "f64", (1.0, NAN), 1.0),
    ("relu(a)", "f64", (NAN,), NAN),
    ("relu(a)", "f64", (-3.0,), 0.0),
    ("round(a)", "f64", (2.5,), 2.0),
    ("round(a)", "f64", (-0.5,), -0.0),
    ("floor(a)", "f64", (-1.5,), -2.0),
    ("sqrt(a)", "f64", (-1.0,), NAN),
    ("f64(isnan(a)) + 2 * f64(isinf(b))", "f64", (NAN, -INF), 3.0),
    ("f64(i32(a))", "f64", (1e10,), 2.0**31 - 1),
    ("f64(i32(a))", "f64", (-1e10,), -(2.0**31)),
    ("f64(i32(a))", "f64", (NAN,), 0.0),
    ("f64(i64(a))", "f64", (-2.9,), -2.0),
    ("f64(u8(a))", "f64", (-3.0,), 0.0),
    ("f64(u64(a))", "f64", (1e30,), 2.0**64),
    ("f64(bool(a))", "f64", (NAN,), 1.0),
    ("f16(a)", "f64", (2049.0,), 2048.0),
    ("f16(a)", "f64", (1e6,), INF),
    ("f32(a)", "f64", (0.1,), float(np.float32(0.1))),
    ("fma(a, b, c)", "f64", (1 + 2**-52, 1 - 2**-52, -1.0), -(2.0**-104)),
    ("a + b", "f32", (16777216.0, 1.0), 16777216.0),
    ("a * b", "f32", (1e30, 1e30), INF),
    ("a * 0.1", "f32", (1.0,), float(np.float32(0.1))),
    ("a + 1 / 3", "f32", (0.0,), float(np.float32(1 / 3))),
    ("fma(a, b, c)", "f32", (1 + 2**-23, 1 - 2**-23, -1.0), -(2.0**-46)),
    ("a ** 2", "f32", (1e20,), INF),
    ("a ** -1", "f32", (4.0,), 0.25),
    ("1.0 if a else 2.0", "f32", (NAN,), 1.0),
    ("1.0 if not a else 2.0", "f32", (-0.0,), 1.0),
    ("len(out) + a", "i64", (1,), 2),
    ("i64(4 / 2) + a", "i64", (1,), 3),
    ("2 ** -1 * a", "f64", (3.0,), 1.5),
    ("i64(True) + a", "i64", (1,), 2),
]
LIMITS = {
    **{
        kind: (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        for kind, bits in (("i8", 8), ("i16", 16), ("i32", 32), ("i64", 64))
    },
    **{kind: (0, 2**bits - 1) for kind, bits in (("u8", 8), ("u16", 16), ("u32", 32), ("u64", 64), ("usize", 63))},
}
NUMPY = {"i64": np.int64, "u64": np.uint64, "f32": np.float32, "f64": np.float64}


def source() -> str:
    texts = []
    for number, (expression, kind, arguments, _) in enumerate(CORNERS):
        params = ", ".join(f"{name}_: DeviceArray[{kind}]" for name in "abc"[: len(arguments)])
        lets = "".join(f"    {name} = {name}_[0]\n" for name in "abc"[: len(arguments)])
        texts.append(f"def corner_{number}({params}, out: DeviceArray[{kind}]):\n{lets}    out[0] = {expression}\n")
    return "\n\n".join(texts)


@cache
def handles(way: str) -> list[Any]:
    if way == "compiled":
        return list(compile_text(source()))
    return [interpreter(lower(kernel)) for kernel in parse_source(source())]


@pytest.mark.parametrize("way", ["interpreted", "compiled"])
@pytest.mark.parametrize("number", range(len(CORNERS)), ids=[f"{item[0]} {item[1]} {item[2]}" for item in CORNERS])
def test_corner_is_as_documented(number: int, way: str) -> None:
    _, kind, arguments, wanted = CORNERS[number]
    out = np.zeros(1, NUMPY[kind])
    handles(way)[number](*(np.array([value], NUMPY[kind]) for value in arguments), out)
    np.testing.assert_array_equal(out, np.array([wanted], NUMPY[kind]))
    if kind.startswith("f"):
        assert np.isnan(out[0]) or np.signbit(out[0]) == np.signbit(wanted)


@pytest.mark.parametrize("way", ["interpreted", "compiled"])
@pytest.mark.parametrize("kind", ["f32", "f64"])
def test_float_becomes_the_nearest_integer_that_fits(kind: str, way: str) -> None:
    ends = NUMPY[kind]([sign * 2.0**power for power in (0, 7, 8, 15, 16, 31, 32, 63, 64) for sign in (1, -1)])
    beside = np.concatenate([ends, np.nextafter(ends, 0), np.nextafter(ends, 2 * ends), ends - 0.5, ends + 0.5])
    x = np.append(beside, [0.0, -0.0, 0.5, -0.5, 1e30, -1e30, INF, -INF, NAN]).astype(NUMPY[kind])
    text = "".join(
        f"def to_{to}(x: DeviceArray[{kind}], out: DeviceArray[{to}], n: u32):\n"
        f"    i = get_global_id()\n    if i < n:\n        out[i] = {to}(x[i])\n\n"
        for to in LIMITS
    )
    found = compile_text(text) if way == "compiled" else [interpreter(lower(item)) for item in parse_source(text)]
    for convert, (low, high) in zip(found, LIMITS.values(), strict=True):
        wanted = [0 if np.isnan(v) else int(v) if low <= v <= high else low if v < low else high for v in x.tolist()]
        assert convert(x).tolist() == wanted


FLOWS: list[tuple[str, list[int]]] = [
    ("for i in range(5, 0, -2):\n    out[0] = out[0] * 10 + i", [531]),
    ("for i in range(3):\n    i = i * 10\n    out[0] += i", [30]),
    ("for i in range(2):\n    pass\nout[0] = 7", [7]),
    ("i = 9\nfor i in range(0):\n    pass\nout[0] = i", [9]),
    ("i = 9\nfor i in range(4):\n    pass\nout[0] = i", [3]),
    ("for i in range(9):\n    if i == 3:\n        break\n    if i % 2:\n        continue\n    out[0] += i", [2]),
    ("a, b = 1, 2\na, b = b, a\nout[0] = a * 10 + b", [21]),
    ("a = b = 4\nout[0] = a + b", [8]),
    ("out[0], out[1] = 1, 2\nout[0], out[1] = out[1], out[0]", [2, 1]),
    ("old = atomic_add(out, 1, 5)\nout[0] = old + 1", [1, 5]),
    ("atomic_min(out, 0, -3)\natomic_max(out, 1, 4)", [-3, 4]),
    ("out[-1] = 3", [0, 0, 3]),
    ("k = 3\nwhile k:\n    out[0] += k\n    k -= 1", [6]),
    ("return\nout[0] = 1", [0]),
    ("x = 2 ** 62\nfor i in range(x, x + 2):\n    out[0] += 1", [2]),
    ("for i in range(9223372036854775805, 9223372036854775807, 5):\n    out[0] += 1", [1]),
]


@pytest.mark.parametrize("way", ["interpreted", "compiled"])
@pytest.mark.parametrize(("body", "wanted"), FLOWS, ids=[item[0].replace("\n", "; ") for item in FLOWS])
def test_statement_does_what_it_does_in_python(body: str, wanted: list[int], way: str) -> None:
    indented = "".join(f"    {line}\n" for line in body.split("\n"))
    text = f"def f(out: DeviceArray[i64]):\n{indented}"
    handle = compile_text(text)[0] if way == "compiled" else interpreter(lower(parse_source(text)[0]))
    out = np.zeros(3, np.int64)
    handle(out)
    assert out.tolist() == [*wanted, 0, 0, 0][:3]


def test_interpreter_stops_work_items_that_do_not_end() -> None:
    text = """
from atlas_kernel import *

def countdown(x: DeviceArray[i64], n: u32):
    i = get_global_id()
    if i < n:
        while x[i] != 0:
            x[i] -= 1
"""
    handle = interpreter(lower(parse_source(text)[0]), max_steps=10)
    x = np.array([3, 10])
    handle(x)
    assert x.tolist() == [0, 0]
    with pytest.raises(TimeoutError, match=r"countdown\(\): a work item took more than 10 turns of loops"):
        handle(np.array([3, 11]))
