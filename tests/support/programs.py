"""Random well-typed programs in the kernel language, and inputs for them.

A program is source text: loops, branches, arithmetic of every type, casts, indexing inside bounds and
sometimes outside, helper functions, atomics. Integers are compared bit for bit, floats too, except in
programs with functions that are not correctly rounded, which store their results and do nothing else
with them.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np

INTS = ("i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64")
FLOATS = ("f16", "f32", "f64")
TYPES = (*INTS, *FLOATS, "bool")
NUMPY = {
    **{f"{kind}{8 * size}": np.dtype(f"{kind}{size}") for kind in "iu" for size in (1, 2, 4, 8)},
    "f16": np.dtype("f2"),
    "f32": np.dtype("f4"),
    "f64": np.dtype("f8"),
    "bool": np.dtype("?"),
}
COMPUTED = {"bool": "bool", "u64": "u64", "f16": "f32", "f32": "f32", "f64": "f64"}  # all others: i64
INEXACT = "exp exp2 log log2 log1p expm1 sin cos tan tanh erf sigmoid rsqrt atan sinh cosh".split()
HELPERS = """
@inline
def clamped(i, n):
    if i < 0:
        return 0
    if i >= n:
        return n - 1
    return i


@inline
def mixed(a: i64, b: i64) -> i64:
    c = a ^ (b << 3)
    for k in range(3):
        c = c * 31 + k
    return c


@inline
def half(x: f32) -> f32:
    return x * 0.5
"""


@dataclass(frozen=True)
class Program:
    """A program, the arrays and numbers it takes, and whether its floats are exact."""

    name: str
    source: str
    arrays: tuple[tuple[str, str], ...]  #: (name, type)
    scalars: tuple[tuple[str, str], ...]
    exact: bool

    def inputs(self, rng: random.Random) -> dict[str, Any]:
        """Random arguments by name: short arrays, with the values at which things break."""
        length = rng.choice((0, 1, 2, 3, 5, 8, 13, 17, 33, 64))
        found: dict[str, Any] = {}
        width = rng.choice((0, 1, 2, 5, 15, 16, 17, 31, 32, 33, 50))
        if ("width", "u32") in self.scalars:
            length = width * rng.choice((0, 1, 1, 2, 3))
        for name, kind in self.arrays:
            size = length if rng.random() < 0.8 else max(0, length - rng.randrange(3))
            found[name] = np.array([_value(rng, kind) for _ in range(size)], NUMPY[kind])
        for name, kind in self.scalars:
            sizes = {"n": length, "width": width}
            other = abs(_value(rng, "i32")) if kind == "u64" else _value(rng, kind)
            found[name] = sizes.get(name, other)
        return found


def _value(rng: random.Random, kind: str) -> Any:
    if kind == "bool":
        return rng.random() < 0.5
    if kind in FLOATS:
        special = (0.0, -0.0, 1.0, -1.0, 0.5, float("inf"), float("-inf"), float("nan"), 6e-8, 65504.0)
        return rng.choice(special) if rng.random() < 0.3 else rng.uniform(-4, 4) * rng.choice((1, 1, 100))
    bits, signed = int(kind[1:]), kind[0] == "i"
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    if rng.random() < 0.3:
        return rng.choice((low, high, 0, 1, high - 1))
    return rng.randrange(max(low, -20), min(high, 20))


class Generator:
    """Makes programs from a seed."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def program(self, name: str) -> Program:
        body = _Body(self.rng, name)
        return body.rows() if self.rng.random() < 0.3 else body.program()


class _Body:
    """One program on its way."""

    def __init__(self, rng: random.Random, name: str) -> None:
        self.rng = rng
        self.name = name
        self.exact = rng.random() < 0.75
        self.lines: list[str] = []
        self.locals: dict[str, str] = {}  # compute types of those that have a value here
        self.declared: dict[str, str] = {}
        self.count = 0
        self.depth = 1
        self.loops: list[str] = []  # "for" or "while", and what may not be assigned
        self.fixed: set[str] = set()
        self.kept = ""  # an array that is stored to and not read

    def program(self) -> Program:
        rng = self.rng
        kinds = rng.sample(TYPES, rng.randint(1, 4))
        self.arrays = [(f"a{i}", kind) for i, kind in enumerate(kinds)]
        self.scalars = [("n", "u32")] + [(f"s{i}", rng.choice(TYPES)) for i in range(rng.randint(0, 2))]
        form = rng.random()
        self.emit("i = get_global_id()")
        self.locals["i"] = "i64"
        self.fixed.add("i")
        if form < 0.6:
            self.emit("if i < n:")
            self.depth += 1
        elif form < 0.8:
            self.emit("if i >= n:")
            self.emit("    return")
        else:
            self.emit("if i < n and n > 0:")
            self.depth += 1
        self.block(rng.randint(2, 6))
        self.store()
        if not self.exact:
            self.inexact_store()
        return self.finished()

    def rows(self) -> Program:
        """A program of rows and columns that stores one element for each work item: it runs in rows, often in lanes."""
        rng = self.rng
        self.exact = True
        self.arrays = [(f"a{i}", rng.choice(TYPES)) for i in range(rng.randint(2, 3))]
        self.scalars = [("n", "u32"), ("width", "u32")] + [("s0", rng.choice(TYPES))] * rng.randint(0, 1)
        self.kept, kind = self.arrays[-1]
        self.emit("i = get_global_id()")
        self.emit("if i < n:")
        self.depth += 1
        self.emit("row = i // width")
        self.emit("col = i % width")
        self.locals |= {"i": "i64", "row": "i64", "col": "i64"}
        self.fixed |= set(self.locals)
        for _ in range(rng.randint(0, 2)):
            self.assign()
        if rng.random() < 0.5:
            total = COMPUTED.get(kind, "i64")
            self.emit(f"total = {total}(0)" if total != "bool" else "total = False")
            self.emit(f"for p in range({rng.choice(('width', '3', 'len(a0)'))}):")
            self.locals |= {"total": total, "p": "i64"}
            self.fixed.add("p")
            self.depth += 1
            for _ in range(rng.randint(0, 2)):
                self.assign()
            self.emit(f"total = {self.expression(total, 3)}")
            self.depth -= 1
            self.locals = {name: of for name, of in self.locals.items() if name in ("i", "row", "col", "total")}
        self.emit(
            f"{self.kept}[{rng.choice(('i', 'i', 'row * width + col'))}] = {self.expression(COMPUTED.get(kind, 'i64'), 3)}"
        )
        return self.finished()

    def finished(self) -> Program:
        params = [f"{name}: DeviceArray[{kind}]" for name, kind in self.arrays]
        params += [f"{name}: {kind}" for name, kind in self.scalars]
        source = "\n".join([f"def {self.name}({', '.join(params)}):", *self.lines, ""])
        return Program(self.name, source, tuple(self.arrays), tuple(self.scalars), self.exact)

    def emit(self, line: str) -> None:
        self.lines.append("    " * self.depth + line)

    # ---- statements ----

    def block(self, count: int) -> None:
        for _ in range(count):
            self.statement()

    def nested(self, count: int) -> None:
        """A block of its own; what it gives a value first has none after it."""
        before = dict(self.locals)
        self.depth += 1
        self.block(count)
        self.emit("pass")
        self.depth -= 1
        self.locals = before

    def statement(self) -> None:
        deep = self.depth > 4
        choice = self.rng.random()
        if choice < 0.30 or (deep and choice < 0.7):
            self.assign()
        elif choice < 0.45 or deep:
            self.store()
        elif choice < 0.50:
            self.atomic()
        elif choice < 0.70:
            self.branch()
        elif choice < 0.85:
            self.for_loop()
        elif choice < 0.92:
            self.while_loop()
        elif choice < 0.95 and self.loops:
            self.emit(f"if {self.condition(1)}:")
            self.emit(f"    {self.rng.choice(('break', 'continue')) if self.loops[-1] == 'for' else 'break'}")
        elif choice < 0.97:
            self.emit(f"assert {self.condition(1)} or i < 60, 'message'")
        elif choice < 0.98:
            self.emit(f"if {self.condition(1)}:")
            self.emit("    return")
        else:
            self.swap()

    def new_name(self, kind: str) -> str:
        known = [name for name, of in self.declared.items() if of == kind and name not in self.fixed]
        if known and self.rng.random() < 0.6:
            return self.rng.choice(known)
        self.count += 1
        name = f"v{self.count}"
        self.declared[name] = kind
        return name

    def assign(self) -> None:
        kind = self.rng.choice(("i64", "i64", "u64", "f32", "f64", "bool"))
        value = self.expression(kind, 3, typed=True)
        if kind == "i64" and self.rng.random() < 0.2:
            value = f"mixed({self.expression('i64', 2)}, {self.expression('i64', 2)})"
        name = self.new_name(kind)
        if name in self.locals and kind in ("i64", "f32", "f64") and self.rng.random() < 0.3:
            op = self.rng.choice("+-*")
            self.emit(f"{name} {op}= {value}")
        else:
            self.emit(f"{name} = {value}")
        self.locals[name] = kind

    def swap(self) -> None:
        pairs = [name for name, kind in self.locals.items() if kind == "i64" and name not in self.fixed]
        if len(pairs) >= 2:
            a, b = self.rng.sample(pairs, 2)
            self.emit(f"{a}, {b} = {b}, {a} + {b}")

    def store(self) -> None:
        name, kind = self.rng.choice(self.arrays)
        computed = COMPUTED.get(kind, "i64")
        target = f"{name}[{self.index(name)}]"
        if self.rng.random() < 0.2 and computed in ("i64", "f32", "f64"):
            self.emit(f"{target} += {self.expression(computed, 2)}")
        else:
            self.emit(f"{target} = {self.expression(computed, 3)}")

    def inexact_store(self) -> None:
        """A function that is not correctly rounded; nothing reads what it gives: no other work item looks there."""
        floats = [(name, kind) for name, kind in self.arrays if kind in FLOATS]
        name, kind = self.rng.choice(floats) if floats else ("", "")
        text = "\n".join(self.lines)
        if not floats or text.count(f"{name}[") != text.count(f"{name}[i]") or f"({name}," in text:
            self.exact = True
            return
        argument = self.expression("f64" if kind == "f64" else "f32", 1, typed=True)
        if argument.count(f"{name}[") != argument.count(f"{name}[i]"):
            self.exact = True
            return
        self.emit(f"{name}[i] = {self.rng.choice(INEXACT)}({argument})")

    def atomic(self) -> None:
        usable = [(name, kind) for name, kind in self.arrays if kind != "bool"]
        if not usable:
            return
        name, kind = self.rng.choice(usable)
        computed = COMPUTED.get(kind, "i64")
        call = f"{self.rng.choice(('atomic_add', 'atomic_min', 'atomic_max'))}({name}, {self.index(name)}, {self.expression(computed, 2)})"
        if self.rng.random() < 0.5:
            self.emit(call)
        else:
            local = self.new_name(computed)
            self.emit(f"{local} = {call}")
            self.locals[local] = computed

    def branch(self) -> None:
        self.emit(f"if {self.condition(2)}:")
        self.nested(self.rng.randint(1, 2))
        if self.rng.random() < 0.3:
            self.emit(f"elif {self.condition(1)}:")
            self.nested(1)
        if self.rng.random() < 0.5:
            self.emit("else:")
            self.nested(self.rng.randint(1, 2))

    def for_loop(self) -> None:
        self.count += 1
        name = f"k{self.count}"
        form = self.rng.random()
        small = f"({self.expression('i64', 1)}) % 7"
        if form < 0.35:
            bounds = f"{self.rng.randint(1, 5)}"
        elif form < 0.5:
            bounds = "n"
        elif form < 0.7:
            bounds = f"{small}, {self.rng.randint(0, 9)}"
        elif form < 0.85:
            bounds = f"{self.rng.randint(0, 9)}, {small}, {self.rng.choice((-1, -2, 2, 3))}"
        else:
            bounds = f"0, {self.rng.randint(1, 9)}, {small} - 3"
        self.emit(f"for {name} in range({bounds}):")
        before = dict(self.locals)
        self.locals[name] = "i64"
        self.fixed.add(name)
        self.loops.append("for")
        self.depth += 1
        self.block(self.rng.randint(1, 3))
        self.emit("pass")
        self.depth -= 1
        self.loops.pop()
        self.locals = before

    def while_loop(self) -> None:
        self.count += 1
        name = f"w{self.count}"
        self.emit(f"{name} = {self.rng.randint(0, 6)}")
        self.locals[name] = "i64"
        self.fixed.add(name)
        self.emit(f"while {name} > 0 and {self.condition(1)}:")
        before = dict(self.locals)
        self.depth += 1
        self.emit(f"{name} = {name} - 1")
        self.loops.append("while")
        self.block(self.rng.randint(1, 2))
        self.loops.pop()
        self.depth -= 1
        self.locals = before

    # ---- expressions ----

    def index(self, array: str) -> str:
        """Mostly inside: the id, or something brought into range; sometimes whatever comes."""
        choice = self.rng.random()
        value = self.expression("i64", 1)
        if choice < 0.45:
            return "i"
        if choice < 0.60:
            return f"({value}) % max(len({array}), 1)"
        if choice < 0.70:
            return f"clamped({value}, len({array}))"
        if choice < 0.80:
            return f"min(max({value}, 0), len({array}) - 1)"
        if choice < 0.87:
            return "n - 1 - i"
        if choice < 0.93:
            return f"i // 2 * 2 + i % {self.rng.randint(2, 3)}"
        return self.rng.choice((f"i + {self.rng.randint(-1, 1)}", value, "-1", "0"))

    def condition(self, depth: int) -> str:
        return self.expression("bool", depth)

    def expression(self, kind: str, depth: int, *, typed: bool = False) -> str:
        """An expression of a compute type; `typed` ones are no bare literals."""
        make = getattr(self, f"make_{kind}")
        text = str(make(depth))
        return f"{kind}({text})" if typed and kind != "bool" else text

    def leaves(self, kind: str) -> list[str]:
        found = [name for name, of in self.locals.items() if of == kind]
        found += [
            name
            for name, of in self.scalars
            if COMPUTED.get(of, "i64") == kind or (of == "u64" and kind == "i64")
            if not (of == "u64" and kind == "u64")
        ]
        return found

    def loads(self, kind: str) -> list[str]:
        return [name for name, of in self.arrays if COMPUTED.get(of, "i64") == kind and name != self.kept]

    def leaf(self, kind: str, literals: list[str]) -> str:
        choice = self.rng.random()
        names, arrays = self.leaves(kind), self.loads(kind)
        if names and choice < 0.55:
            return self.rng.choice(names)
        if arrays and choice < 0.8 and self.depth < 8:
            array = self.rng.choice(arrays)
            return f"{array}[{self.rng.choice(self.places(array))}]"
        return self.rng.choice(literals)

    def places(self, array: str) -> list[str]:
        """Indices that are inside, of an array as long as the extent."""
        found = ["i", f"(i * 3) % max(len({array}), 1)"]
        if "col" in self.locals:
            found += ["row * width + col", "col", "row", "row * width", "row * width + width - 1 - col"]
        if "col" in self.locals and "p" in self.locals:
            found += ["row * width + p", "p", "min(i + p, n - 1)"]
        return found

    def make_bool(self, depth: int) -> str:
        rng = self.rng
        if depth <= 0:
            return self.leaf("bool", ["True", "False"])
        choice = rng.random()
        if choice < 0.5:
            kind = rng.choice(("i64", "i64", "f32", "f64", "u64"))
            op = rng.choice(("<", "<=", ">", ">=", "==", "!="))
            left, right = self.expression(kind, depth - 1), self.expression(kind, depth - 1)
            return f"({left} {op} {right})"
        if choice < 0.6:
            a, b, c = (self.expression("i64", depth - 1) for _ in range(3))
            return f"({a} <= {b} < {c})"
        if choice < 0.65:
            return f"({self.expression('i64', depth - 1)} < {self.expression('u64', depth - 1)})"
        if choice < 0.85:
            return f"({self.make_bool(depth - 1)} {rng.choice(('and', 'or'))} {self.make_bool(depth - 1)})"
        if choice < 0.9:
            return f"({self.make_bool(depth - 1)} {rng.choice('&|^')} {self.make_bool(depth - 1)})"
        return f"(not {self.make_bool(depth - 1)})"

    def make_i64(self, depth: int) -> str:
        rng = self.rng
        literals = [
            "0",
            "1",
            "2",
            "-1",
            "3",
            "7",
            "-5",
            "255",
            "9223372036854775807",
            "-9223372036854775807",
            "len(a0)",
        ]
        if depth <= 0:
            return self.leaf("i64", literals)
        choice = rng.random()
        a, b = self.expression("i64", depth - 1), self.expression("i64", depth - 1)
        if choice < 0.45:
            return f"({a} {rng.choice(('+', '-', '*', '//', '%'))} {b})"
        if choice < 0.60:
            return f"({a} {rng.choice(('&', '|', '^', '<<', '>>'))} {b})"
        if choice < 0.66:
            return f"{rng.choice(('-', '~'))}({a})"
        if choice < 0.74:
            return f"({a} if {self.make_bool(depth - 1)} else {b})"
        if choice < 0.82:
            return f"{rng.choice(('min', 'max'))}({a}, {b})"
        if choice < 0.86:
            return f"abs({a})"
        if choice < 0.90:
            return f"({a}) ** {rng.choice(('2', '3', f'(({b}) % 5)'))}"
        if choice < 0.96:
            return f"{rng.choice(('i8', 'i16', 'i32', 'u8', 'u16', 'u32', 'i64'))}({self.expression(rng.choice(('i64', 'f32', 'f64', 'u64', 'bool')), depth - 1)})"
        return f"({a} + {b})"

    def make_u64(self, depth: int) -> str:
        rng = self.rng
        if depth <= 0:
            return self.leaf("u64", ["u64(0)", "u64(1)", "18446744073709551615", "u64(12345)", "9223372036854775808"])
        a, b = self.expression("u64", depth - 1), self.expression("u64", depth - 1)
        choice = rng.random()
        if choice < 0.6:
            return f"({a} {rng.choice(('+', '-', '*', '//', '%', '&', '|', '^'))} {b})"
        if choice < 0.75:
            return f"({a} {rng.choice(('<<', '>>'))} {self.expression('i64', 0)})"
        if choice < 0.85:
            return f"u64({self.expression(rng.choice(('i64', 'f64')), depth - 1)})"
        return f"({a} + {self.expression('i64', depth - 1)})"

    def make_float(self, kind: str, depth: int) -> str:
        rng = self.rng
        if depth <= 0:
            literals = ["0.0", "1.0", "-0.5", "3.25", "1e10", "0.1"]
            return self.leaf(kind, [f"{kind}({literal})" for literal in literals])
        a, b = self.expression(kind, depth - 1), self.expression(kind, depth - 1)
        choice = rng.random()
        if choice < 0.45:
            return f"({a} {rng.choice('+-*/')} {b})"
        if choice < 0.52:
            return f"({a} {rng.choice(('//', '%'))} {b})"
        if choice < 0.60:
            return f"({a} {rng.choice('+*')} {rng.choice(('0.5', '2.0', self.expression('i64', depth - 1)))})"
        if choice < 0.67:
            return f"({a} if {self.make_bool(depth - 1)} else {b})"
        if choice < 0.77:
            return f"{rng.choice(('min', 'max', 'fmin', 'fmax'))}({a}, {b})"
        if choice < 0.88:
            return f"{rng.choice(('abs', 'sqrt', 'floor', 'ceil', 'round', 'relu'))}({a})"
        if choice < 0.92:
            return f"-({a})"
        if choice < 0.95 and kind == "f32" and self.depth < 6:
            return f"half({a})"
        other = rng.choice(("i64", "f32", "f64", "u64"))
        return f"{rng.choice((kind, 'f16')) if kind == 'f32' else kind}({self.expression(other, depth - 1)})"

    def make_f32(self, depth: int) -> str:
        return self.make_float("f32", depth)

    def make_f64(self, depth: int) -> str:
        return self.make_float("f64", depth)
