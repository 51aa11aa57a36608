"""The intermediate representation: one kernel as a tree of frozen nodes, and what its types are.

`parse.py` (from Python) and `schema.py` (from JSON) make trees whose `type` fields are None;
`infer.py` returns the same tree with every type filled in and every conversion written out as a
Cast. `interpret.py` says what each node means. Nothing here computes anything.

Scalars are stored in the dtypes of hologram_core, and computed in five types:

    stored in               computed in
    bool                    bool
    i8 i16 i32 i64          i64
    u8 u16 u32 usize        i64
    u64                     u64     (as a parameter i64, see docs/language.md)
    f16 f32                 f32
    f64                     f64
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal as OneOf
from typing import NamedTuple, TypeAlias

ComputeType: TypeAlias = OneOf["bool", "i64", "u64", "f32", "f64"]

STORED: tuple[str, ...] = (
    "f16", "f32", "f64", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "usize", "bool",
)  # fmt: skip
#: the dtype of hologram_core that stores a type of the language
DTYPE = {name: name for name in STORED} | {"usize": "u64"}
#: the type that a stored type is computed in
COMPUTED: dict[str, ComputeType] = {
    "bool": "bool",
    **dict.fromkeys(("i8", "i16", "i32", "i64", "u8", "u16", "u32", "usize"), "i64"),
    "u64": "u64",
    "f16": "f32",
    "f32": "f32",
    "f64": "f64",
}


class Span(NamedTuple):
    """Where a node comes from: a line and columns of the source, all counted from 1; the end is exclusive."""

    line: int
    column: int
    end_column: int


# ---- expressions: `type` is the compute type of the value, None before infer.py ------------------


@dataclass(frozen=True, slots=True)
class Var:
    """The value of a local, a loop variable or a scalar parameter."""

    name: str
    type: ComputeType | None = field(default=None, kw_only=True)
    span: Span | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Literal:
    """A number; before infer.py the Python type of the value says which kind."""

    value: bool | int | float
    type: ComputeType | None = field(default=None, kw_only=True)
    span: Span | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class BinaryOp:
    """add sub mul div floor_div mod, lt le gt ge eq ne, and or, bit_and bit_or bit_xor shl shr.

    After infer.py both operands have one type: for arithmetic, bits and shifts that of the
    result; for comparisons any but the result's (bool), and i64 beside u64 is allowed and exact;
    for `and` and `or` bool.
    """

    op: str
    left: Expr
    right: Expr
    type: ComputeType | None = field(default=None, kw_only=True)
    span: Span | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class UnaryOp:
    """neg pos not inv (the last one is ~)."""

    op: str
    operand: Expr
    type: ComputeType | None = field(default=None, kw_only=True)
    span: Span | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class IfExpr:
    """`then if condition else orelse`; one of the two is evaluated."""

    condition: Expr
    then: Expr
    orelse: Expr
    type: ComputeType | None = field(default=None, kw_only=True)
    span: Span | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Index:
    """An element of an array parameter: one index, or one for each dimension of a given shape."""

    array: str
    indices: tuple[Expr, ...]
    type: ComputeType | None = field(default=None, kw_only=True)
    span: Span | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of something in functions.py, of a type (a cast, before infer.py), or of an atomic.

    `array` is the array parameter of len() and of the atomics; it is not among the args.
    """

    function: str
    args: tuple[Expr, ...]
    array: str | None = None
    type: ComputeType | None = field(default=None, kw_only=True)
    span: Span | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Cast:
    """A conversion to a stored type, then computed in COMPUTED of that; only infer.py makes them.

    `explicit` is False for the conversions that the typing rules ask for.
    """

    to: str
    value: Expr
    explicit: bool = True
    type: ComputeType | None = field(default=None, kw_only=True)
    span: Span | None = field(default=None, compare=False, kw_only=True)


Expr: TypeAlias = Var | Literal | BinaryOp | UnaryOp | IfExpr | Index | Call | Cast


# ---- statements ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Let:
    """The first assignment to a local. Locals belong to the work item, not to a block."""

    name: str
    value: Expr
    declared: str | None = None  #: the stored type of `x: T = e`; the value is converted to it
    span: Span | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Assign:
    """A later assignment to a local, or a store to an array element, which converts to its type.

    The value is evaluated before the indices of the target.
    """

    target: Var | Index
    value: Expr
    span: Span | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class If:
    """if and else; elif is an If in the else."""

    condition: Expr
    then: tuple[Stmt, ...]
    orelse: tuple[Stmt, ...] = ()
    span: Span | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class For:
    """`for var in range(start, stop, step)`; the three are evaluated once, and a step of 0 is a KernelError.

    Assigning to `var` in the body changes nothing for the next turn, as in Python; after the loop
    it keeps the value of the last turn.
    """

    var: str
    start: Expr
    stop: Expr
    step: Expr
    body: tuple[Stmt, ...]
    span: Span | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class While:
    """While the condition holds."""

    condition: Expr
    body: tuple[Stmt, ...]
    span: Span | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Return:
    """The end of this work item."""

    span: Span | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Break:
    """The end of the innermost loop."""

    span: Span | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Continue:
    """The next turn of the innermost loop."""

    span: Span | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Assert:
    """A KernelError naming the work item where the condition does not hold."""

    condition: Expr
    message: str
    span: Span | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Do:
    """A call for its effect: an atomic."""

    call: Call
    span: Span | None = field(default=None, compare=False, kw_only=True)


Stmt: TypeAlias = Let | Assign | If | For | While | Return | Break | Continue | Assert | Do


# ---- the kernel ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter: `type` is a stored type, of the number or of the elements of the array."""

    name: str
    type: str
    is_array: bool
    #: sizes of a shaped array, outermost first: numbers, or names of integer parameters and dimensions; () is flat
    shape: tuple[str | int, ...] = ()
    span: Span | None = field(default=None, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Kernel:
    """One kernel. Array elements are at flat indices in C order."""

    name: str
    params: tuple[Param, ...]
    body: tuple[Stmt, ...]
    doc: str = ""
    #: what named dimensions and shapes came from: "(m,k),(k,n)->(m,n)", or ""
    shapes: str = ""
    #: the file and its text, for messages only
    file: str = field(default="", compare=False)
    source: str = field(default="", compare=False, repr=False)
    #: the types of the locals, from infer.py; not those of parameters
    locals: tuple[tuple[str, ComputeType], ...] = ()
    span: Span | None = field(default=None, compare=False, kw_only=True)

    @property
    def arrays(self) -> dict[str, Param]:
        """The array parameters by name."""
        return {param.name: param for param in self.params if param.is_array}

    def tree(self) -> str:
        """The body, one statement a line, as one would write it, with the types that are known."""
        return "\n".join(_lines(self.body, 1))

    @property
    def scalars(self) -> dict[str, Param]:
        """The numbers by name."""
        return {param.name: param for param in self.params if not param.is_array}


def scalar_compute_type(param: Param) -> ComputeType:
    """The type in which a scalar parameter is computed: u64 is i64, since sizes are subtracted."""
    return "i64" if param.type == "u64" else COMPUTED[param.type]


# ---- walking -------------------------------------------------------------------------------------


def children(expr: Expr) -> tuple[Expr, ...]:
    """The expressions that an expression is made of, in the order of evaluation."""
    match expr:
        case Var() | Literal():
            return ()
        case BinaryOp():
            return expr.left, expr.right
        case UnaryOp():
            return (expr.operand,)
        case IfExpr():
            return expr.condition, expr.then, expr.orelse
        case Index():
            return expr.indices
        case Call():
            return expr.args
        case Cast():
            return (expr.value,)


def walk(expr: Expr) -> Iterator[Expr]:
    """An expression and all that it is made of."""
    yield expr
    for child in children(expr):
        yield from walk(child)


def statements(body: Sequence[Stmt]) -> Iterator[Stmt]:
    """All statements of a body, nested ones too, in the order of the text."""
    for statement in body:
        yield statement
        match statement:
            case If():
                yield from statements(statement.then)
                yield from statements(statement.orelse)
            case For() | While():
                yield from statements(statement.body)


def expressions(statement: Stmt) -> tuple[Expr, ...]:
    """The expressions of a statement itself, in the order of evaluation; those of nested statements are not."""
    match statement:
        case Let():
            return (statement.value,)
        case Assign(target=Index() as target):
            return statement.value, target
        case Assign():
            return (statement.value,)
        case If() | While() | Assert():
            return (statement.condition,)
        case For():
            return statement.start, statement.stop, statement.step
        case Do():
            return (statement.call,)
        case Return() | Break() | Continue():
            return ()


def stored_array(statement: Stmt) -> str | None:
    """The array that a statement stores to or changes by an atomic, or None."""
    match statement:
        case Assign(target=Index(array=array)):
            return array
        case Do(call=Call(array=array)) | Let(value=Call(array=array)) | Assign(value=Call(array=array)):
            call = statement.call if isinstance(statement, Do) else statement.value
            return array if isinstance(call, Call) and call.function.startswith("atomic_") else None
    return None


#: how operators are written in Python
SYMBOLS = {
    **{"add": "+", "sub": "-", "mul": "*", "div": "/", "floor_div": "//", "mod": "%", "neg": "-", "pos": "+"},
    **{"bit_and": "&", "bit_or": "|", "bit_xor": "^", "shl": "<<", "shr": ">>", "inv": "~", "not": "not"},
    **{"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!=", "and": "and", "or": "or"},
}


def text(expr: Expr, *, inner: bool = False) -> str:
    """An expression as one would write it."""
    match expr:
        case Var(name=name):
            return name
        case Literal(value=value):
            return repr(value)
        case BinaryOp():
            result = f"{text(expr.left, inner=True)} {SYMBOLS[expr.op]} {text(expr.right, inner=True)}"
            return f"({result})" if inner else result
        case UnaryOp():
            return f"{SYMBOLS[expr.op]}{' ' if expr.op == 'not' else ''}{text(expr.operand, inner=True)}"
        case IfExpr():
            parts = (text(part, inner=True) for part in (expr.then, expr.condition, expr.orelse))
            result = "{} if {} else {}".format(*parts)
            return f"({result})" if inner else result
        case Index():
            return f"{expr.array}[{', '.join(map(text, expr.indices))}]"
        case Call():
            if expr.function in ("first_item", "end_item"):  # of facts.py
                return "begin" if expr.function == "first_item" else "end"
            args = [expr.array] if expr.array is not None else []
            return f"{expr.function}({', '.join([*args, *map(text, expr.args)])})"
        case Cast():
            return f"{expr.to}({text(expr.value)})" if expr.explicit else text(expr.value, inner=inner)


def _lines(body: Sequence[Stmt], depth: int) -> Iterator[str]:
    """The lines of a block."""
    margin = "    " * depth
    for statement in body:
        yield margin + _head(statement)
        match statement:
            case If(then=then, orelse=orelse):
                yield from _lines(then, depth + 1)
                if orelse:
                    yield f"{margin}else:"
                    yield from _lines(orelse, depth + 1)
            case For(body=inner) | While(body=inner):
                yield from _lines(inner, depth + 1)


def _head(statement: Stmt) -> str:
    match statement:
        case Let(name=name, value=value):
            return f"{name}: {value.type or '?'} = {text(value)}"
        case Assign(target=target, value=value):
            return f"{text(target)} = {text(value)}"
        case If(condition=condition):
            return f"if {text(condition)}:"
        case For(var=var, start=start, stop=stop, step=step):
            return f"for {var} in range({text(start)}, {text(stop)}, {text(step)}):"
        case While(condition=condition):
            return f"while {text(condition)}:"
        case Assert(condition=condition, message=message):
            return f"assert {text(condition)}, {message!r}"
        case Do(call=call):
            return text(call)
    return type(statement).__name__.lower()
