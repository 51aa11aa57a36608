"""The interface of a kernel: roles, sizes and signatures, as its callers and the ABI see it.

In goes a typed kernel with its extent; out comes an Interface. Refused with CompileError: kernels
that write nothing, or have more parameters than a call can carry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from . import ir
from .coverage import Id, Loop, Quotient, Remainder, Store, axis_of, certain_stores
from .definitions import definitions, is_atomic, is_id, is_uniform, loop_stops, resolve
from .errors import CompileError
from .extent import Extent

Role: TypeAlias = Literal["in", "inout", "out"]
Access: TypeAlias = tuple[str, tuple[ir.Expr, ...], bool]  # array, resolved indices, whether it is written
MAX_PARAMS = 16  # of the ABI


@dataclass(frozen=True)
class Interface:
    """How a kernel is called."""

    roles: Mapping[str, Role]  #: of each array
    sizes: Mapping[str, tuple[tuple[str, int | None], ...]]  #: sizes that are filled in: from which arrays and axes
    dims: tuple[str, ...]  #: names in shapes that are no parameters
    elementwise: bool  #: every array is indexed by the id alone, and they all have the extent's length
    signature: str  #: public: without the sizes that are filled in
    direct: str  #: with everything
    public_order: tuple[str, ...]  #: the parameters of the public signature
    direct_order: tuple[str, ...]  #: those of the direct one; dims are among them, and "extent"
    dtype: str
    splittable: bool  #: work items may run on several threads
    may_alias: bool  #: an output may be the same memory as an input


def find_interface(kernel: ir.Kernel, extent: Extent) -> Interface:
    """Return the interface of a typed kernel. Raises CompileError."""
    return _Finder(kernel, extent).interface()


class _Finder:
    def __init__(self, kernel: ir.Kernel, extent: Extent) -> None:
        self.kernel = kernel
        self.extent = extent
        self.arrays = kernel.arrays
        self.known = definitions(kernel)
        self.accesses = _accesses(kernel, self.known)
        self.loops = loop_stops(kernel, self.known)
        self.flat_sizes = self._flat_sizes()
        self.elementwise = self._is_elementwise()
        self.roles = self._roles()

    def fail(self, message: str, advice: str = "") -> CompileError:
        kernel = self.kernel
        return CompileError(message, file=kernel.file, source=kernel.source, span=kernel.span, advice=advice)

    # ---- sizes ----

    def _flat_sizes(self) -> dict[str, str]:
        """The flat arrays of which every access runs over the values below one parameter: that parameter."""
        found: dict[str, str] = {}
        for name, param in self.arrays.items():
            if param.shape:
                continue
            indices = [indices[0] for array, indices, _ in self.accesses if array == name]
            sizes = {self._runs_below(index) for index in indices if not self._says_nothing(index)}
            if len(sizes) == 1 and None not in sizes:
                found[name] = str(sizes.pop())
        return found

    def _says_nothing(self, index: ir.Expr) -> bool:
        """Whether an index is a number, or a local that is computed step by step."""
        is_local = isinstance(index, ir.Var) and index.name not in self.kernel.scalars and index.name not in self.loops
        return is_local or isinstance(index, ir.Literal)

    def _runs_below(self, index: ir.Expr) -> str | None:
        """The parameter n of an index that is the id of n work items, or the variable of range(n)."""
        match axis_of(index, self.loops):
            case Id():
                return self.extent.param
            case Loop(stop=ir.Var(name=name)) if name in self.kernel.scalars:
                return name
        return None

    def _sizes(self) -> dict[str, tuple[tuple[str, int | None], ...]]:
        sizes: dict[str, list[tuple[str, int | None]]] = {}
        for name, size in self.flat_sizes.items():
            sizes.setdefault(size, []).append((name, None))
        for name, param in self.arrays.items():
            for axis, named in enumerate(param.shape):
                if isinstance(named, str) and named in self.kernel.scalars:
                    sizes.setdefault(named, []).append((name, axis))
        order = [name for name in self.kernel.scalars if name in sizes]
        return {name: tuple(sizes[name]) for name in order}

    # ---- roles ----

    def _is_elementwise(self) -> bool:
        at_id = all(len(indices) == 1 and is_id(indices[0]) for _, indices, _ in self.accesses)
        used = {array for array, _, _ in self.accesses} == set(self.arrays)
        flat = not any(param.shape for param in self.arrays.values())
        bounded = self.extent.kind == "lengths" or set(self.flat_sizes) == set(self.arrays)
        return at_id and used and flat and bounded and self.extent.kind in ("lengths", "guard")

    def _roles(self) -> dict[str, Role]:
        written = {array for array, _, is_store in self.accesses if is_store}
        read = {array for array, _, is_store in self.accesses if not is_store}
        if not written:
            raise self.fail(f"kernel {self.kernel.name!r} stores nothing", "store its results: out[idx] = ...")
        stores = certain_stores(self.kernel, self.known, self.extent)
        roles: dict[str, Role] = {}
        for name in self.arrays:
            if name not in written:
                roles[name] = "in"
            elif name in read or self._has_to_be_passed(name, stores):
                roles[name] = "inout"
            else:
                roles[name] = "out"
        return roles

    def _has_to_be_passed(self, name: str, stores: frozenset[Store]) -> bool:
        """Whether a stored array is an in-out: what it had stays where it is not written, or its place counts.

        An array that a call has to give anyway keeps its place before numbers that come after it.
        """
        if self._can_be_allocated(name):
            return not self._covers(name, stores)
        names = [param.name for param in self.kernel.params]
        after = names[names.index(name) + 1 :]
        return any(other in self.kernel.scalars and other not in self._sizes() for other in after)

    def _can_be_allocated(self, name: str) -> bool:
        """Whether a call could leave the array out, since the others tell its shape."""
        param = self.arrays[name]
        if param.shape:
            return True
        return self.elementwise or name in self.flat_sizes or self.extent.kind == "lengths"

    def _covers(self, name: str, stores: frozenset[Store]) -> bool:
        """Whether some store that always happens runs over the whole array."""
        return any(store.array == name and self._runs_over(self.arrays[name], store) for store in stores)

    def _runs_over(self, param: ir.Param, store: Store) -> bool:
        shape = [
            ir.Literal(size, type="i64") if isinstance(size, int) else ir.Var(size, type="i64") for size in param.shape
        ]
        match store.axes:
            case (Id(),) if not param.shape:
                return True  # its length is the extent, or it could not be allocated
            case (Loop(),) if not param.shape:
                return True
            case (Quotient(size=divisor), Remainder(size=size)) if len(shape) == 2:
                wanted = ir.BinaryOp("mul", shape[0], shape[1], type="i64")
                swapped = ir.BinaryOp("mul", shape[1], shape[0], type="i64")
                return divisor == size == shape[1] and self.extent.expr in (wanted, swapped)
        return bool(shape) and all(
            (isinstance(axis, Loop) and axis.stop == size) or (isinstance(axis, Id) and self.extent.expr == size)
            for axis, size in zip(store.axes, shape, strict=True)
        )

    # ---- signatures ----

    def interface(self) -> Interface:
        sizes = self._sizes()
        dims = self._free_dims()
        inputs = [param.name for param in self.kernel.params if self.roles.get(param.name) != "out"]
        outputs = [name for name, role in self.roles.items() if role == "out"]
        caller = ("extent",) if self.extent.kind == "caller" else ()
        public = (*(name for name in inputs if name not in sizes), *caller, *outputs)
        direct = (*inputs, *dims, "extent", *outputs)
        if len(direct) > MAX_PARAMS:
            raise self.fail(
                f"kernel {self.kernel.name!r} has {len(direct)} parameters and sizes, at most {MAX_PARAMS} are possible"
            )
        dtype = self._dtype()
        return Interface(
            self.roles,
            sizes,
            dims,
            self.elementwise,
            self._signature(public, dtype, self._public_shape),
            self._signature(direct, dtype, lambda name: name),
            public,
            direct,
            dtype,
            self._is_splittable(),
            self._may_alias(),
        )

    def _free_dims(self) -> tuple[str, ...]:
        names = [size for param in self.arrays.values() for size in param.shape if isinstance(size, str)]
        return tuple(dict.fromkeys(name for name in names if name not in self.kernel.scalars))

    def _dtype(self) -> str:
        """The dtype of the first input, or of the first array."""
        first = [name for name, role in self.roles.items() if role != "out"] or list(self.arrays)
        return ir.DTYPE[self.arrays[first[0]].type]

    def _public_shape(self, name: str) -> str:
        param = self.arrays[name]
        if self.elementwise:
            return ""
        if param.shape:
            return ",".join(map(str, param.shape))
        if self.extent.kind == "lengths" and name in self.extent.arrays:
            return "n"
        return self.flat_sizes.get(name, f"{name}_length")

    def _signature(self, order: tuple[str, ...], dtype: str, shape: object) -> str:
        texts: dict[bool, list[str]] = {False: [], True: []}
        for name in order:
            role = self.roles.get(name)
            if role is None:
                param = self.kernel.scalars.get(name)
                own = "i64" if param is None else ir.DTYPE[param.type]
                text = "scalar"
            else:
                own = ir.DTYPE[self.arrays[name].type]
                text = f"({shape(name)})" if callable(shape) else ""
                text = f"inout{text}" if role == "inout" else text
            texts[role == "out"].append(text if own == dtype else f"{text}:{own}")
        return f"{','.join(texts[False])}->{','.join(texts[True])}"

    # ---- promises ----

    def _is_splittable(self) -> bool:
        """Whether no work item touches what another one writes, and the order of work items does not show."""
        if any(is_atomic(statement) for statement in ir.statements(self.kernel.body)):
            return False
        written = {array for array, _, is_store in self.accesses if is_store}
        return self.extent.kind != "one" and all(
            self._is_own(indices) for array, indices, _ in self.accesses if array in written
        )

    def _is_own(self, indices: tuple[ir.Expr, ...]) -> bool:
        """Whether an element belongs to one work item: at the id, in row id, or at the id's row and column."""
        axes = [axis_of(index, self.loops) for index in indices]
        if any(isinstance(axis, Id) for axis in axes):
            return True
        quotients = {axis.size for axis in axes if isinstance(axis, Quotient)}
        if quotients & {axis.size for axis in axes if isinstance(axis, Remainder)}:
            return True
        return len(indices) == 1 and self._is_in_row(indices[0])

    def _is_in_row(self, index: ir.Expr) -> bool:
        """id * size + column, where the column is below size."""
        if not (isinstance(index, ir.BinaryOp) and index.op == "add"):
            return False
        for product, column in ((index.left, index.right), (index.right, index.left)):
            if not (isinstance(product, ir.BinaryOp) and product.op == "mul"):
                continue
            for row, size in ((product.left, product.right), (product.right, product.left)):
                below = axis_of(column, self.loops)
                if is_id(row) and below == Loop(size) and is_uniform(size, self.kernel):
                    return True
        return False

    def _may_alias(self) -> bool:
        """Whether every work item has read all its inputs before it stores anything."""
        return self.elementwise and _stores_last(self.kernel.body, stored=False) is not None


def _stores_last(body: Sequence[ir.Stmt], *, stored: bool) -> bool | None:
    """Whether a block has stored, given whether that was so before it; None if it loads after a store."""
    for statement in body:
        if stored and any(isinstance(node, ir.Index) for expr in _values(statement) for node in ir.walk(expr)):
            return None
        match statement:
            case ir.If():
                sides = [_stores_last(side, stored=stored) for side in (statement.then, statement.orelse)]
                if None in sides:
                    return None
                stored = any(sides)
            case ir.For() | ir.While() if any(map(ir.stored_array, ir.statements(statement.body))):
                return None
        stored = stored or ir.stored_array(statement) is not None
    return stored


def _values(statement: ir.Stmt) -> tuple[ir.Expr, ...]:
    """The expressions that a statement reads; the element that it stores to is not one, its indices are."""
    if isinstance(statement, ir.Assign) and isinstance(statement.target, ir.Index):
        return statement.value, *statement.target.indices
    return ir.expressions(statement)


def _accesses(kernel: ir.Kernel, known: Mapping[str, ir.Expr]) -> list[Access]:
    """Every access of an array element; an atomic reads and writes."""
    found: list[Access] = []
    for statement in ir.statements(kernel.body):
        for expr in _values(statement):
            for node in ir.walk(expr):
                if isinstance(node, ir.Index):
                    found.append((node.array, tuple(resolve(index, known) for index in node.indices), False))
                elif isinstance(node, ir.Call) and node.function.startswith("atomic_"):
                    index = (resolve(node.args[0], known),)
                    found += [(str(node.array), index, False), (str(node.array), index, True)]
        if isinstance(statement, ir.Assign) and isinstance(statement.target, ir.Index):
            target = statement.target
            found.append((target.array, tuple(resolve(index, known) for index in target.indices), True))
    return found
