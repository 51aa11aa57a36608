"""Type inference: an untyped kernel becomes one in which every expression has a type.

The types of locals are found first, by going over the assignments until nothing changes, then the
tree is built with them. Refused with CompileError: assignments that disagree, names that may have
no value where they are used, operands that an operator does not take.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from . import ir
from .assigned import check_assigned
from .typed import FLOATS, WEAK, Kind, Typer, settled


def infer(kernel: ir.Kernel) -> ir.Kernel:
    """Return the kernel typed. Raises CompileError."""
    _check_params(kernel)
    check_assigned(kernel)
    kinds = _local_kinds(kernel)
    typer = Typer(kernel, kinds)
    body = _Builder(typer).block(kernel.body)
    return replace(kernel, body=body, locals=tuple((name, settled(kind)) for name, kind in kinds.items()))


def _check_params(kernel: ir.Kernel) -> None:
    """What parse.py sees to, for kernels that come as JSON."""
    names = [param.name for param in kernel.params]
    typer = Typer(kernel, {})
    for param in kernel.params:
        if names.count(param.name) > 1:
            typer.fail(f"parameter {param.name!r} is there twice", param)
    if not kernel.arrays:
        typer.fail(f"kernel {kernel.name!r} has no array parameter", kernel, "give it one")


# ---- locals --------------------------------------------------------------------------------------


def _local_kinds(kernel: ir.Kernel) -> dict[str, Kind]:
    """The type of each local: of its first assignment, or the first float given to one that began with a literal."""
    kinds: dict[str, Kind] = {}
    typer = Typer(kernel, kinds)
    before = None
    while before != kinds:
        before = dict(kinds)
        for statement in ir.statements(kernel.body):
            _meet(typer, kinds, statement)
    return kinds


def _meet(typer: Typer, kinds: dict[str, Kind], statement: ir.Stmt) -> None:
    match statement:
        case ir.Let(name=name, value=value, declared=declared):
            kind: Kind = ir.COMPUTED[declared] if declared else typer.kind(value)
            if declared:
                typer.kind(value)
        case ir.Assign(target=ir.Var(name=name), value=value):
            kind = typer.kind(value)
        case ir.For(var=name):
            kind, value = "i64", ir.Literal(0)
            for term in (statement.start, statement.stop, statement.step):
                if typer.kind(term) in FLOATS:
                    typer.fail(f"range() takes integers, got {settled(typer.kind(term))}", term, "write i64(...)")
        case _:
            return
    if name in typer.arrays:
        typer.fail(f"array {name!r} cannot be assigned to", statement, f"store elements: {name}[i] = ...")
    if name in typer.scalars:
        typer.fail(f"parameter {name!r} cannot be assigned to", statement, "use another name")
    known = kinds.setdefault(name, kind)
    if known == WEAK and kind in ("f32", "f64"):
        kinds[name] = kind
    elif known != kind and not _adapts(known, kind, value):
        found, was = settled(kind), settled(known)
        typer.fail(f"{name!r} is {was}, and here {found} is assigned to it", statement, _advice(name, was, found))


def _adapts(known: Kind, kind: Kind, value: ir.Expr) -> bool:
    """Whether a value of another type may be assigned to a local: a literal that the local's type has."""
    if kind == WEAK:
        return known in FLOATS
    if not isinstance(value, ir.Literal) or isinstance(value.value, bool):
        return False
    return known in FLOATS or (known == "u64" and value.value >= 0)


def _advice(name: str, was: str, found: str) -> str:
    if was == "i64" and found in FLOATS:
        return f"begin with {name} = 0.0, or write i64(...) here"
    return f"write {was}(...) here, or another name"


# ---- the typed tree ------------------------------------------------------------------------------


class _Builder:
    """Builds the typed statements."""

    def __init__(self, typer: Typer) -> None:
        self.typer = typer

    def block(self, body: Sequence[ir.Stmt]) -> tuple[ir.Stmt, ...]:
        return tuple(self.statement(statement) for statement in body)

    def statement(self, statement: ir.Stmt) -> ir.Stmt:
        typer = self.typer
        match statement:
            case ir.Let(name=name, value=value, declared=declared):
                if declared:  # converts as T(x) does
                    value = ir.Call(declared, (value,), span=value.span)
                return replace(statement, value=typer.build(value, settled(typer.locals[name])))
            case ir.Assign(target=ir.Var(name=name) as target, value=value):
                own = settled(typer.locals[name])
                return replace(statement, target=replace(target, type=own), value=typer.build(value, own))
            case ir.Assign(target=ir.Index() as target, value=value):
                element = typer.value(target)
                assert isinstance(element, ir.Index)  # its own type needs no conversion
                return replace(statement, target=element, value=typer.stored(target.array, value))
            case ir.If(condition=condition, then=then, orelse=orelse):
                return replace(
                    statement, condition=typer.condition(condition), then=self.block(then), orelse=self.block(orelse)
                )
            case ir.For(start=start, stop=stop, step=step, body=body):
                start, stop, step = (typer.build(term, "i64") for term in (start, stop, step))
                return replace(statement, start=start, stop=stop, step=step, body=self.block(body))
            case ir.While(condition=condition, body=body):
                return replace(statement, condition=typer.condition(condition), body=self.block(body))
            case ir.Assert(condition=condition):
                return replace(statement, condition=typer.condition(condition))
            case ir.Do(call=call):
                made = typer.value(call)
                assert isinstance(made, ir.Call)  # of an atomic, whose type is its own
                return replace(statement, call=made)
        return statement
