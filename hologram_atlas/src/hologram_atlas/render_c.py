"""Lowered kernels as one C text: pure and deterministic.

The text is compiled once for each instruction-set level (HOLOGRAM_LEVEL names it), and one of these
times, or once more, with HOLOGRAM_TABLE for the table of the library. In it every kernel has two
bodies, one for calls whose indices are proved to be inside their arrays by the comparisons before
it, and one that checks every index; and two entries, the public and the direct row of the manifest.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hologram_core import dtypes
from hologram_core.signature import Signature

from . import __version__, ir
from .bounds import Comparison, Condition
from .c_exact import Exact
from .c_expressions import C_STORED, C_TYPE, Expressions, Names, c_string
from .c_functions import header
from .c_lanes import LANES, Lanes, can_run_in_lanes
from .c_statements import Statements, work_of
from .definitions import ID, row_width
from .facts import END
from .lowered import Lowered
from .manifest import manifest
from .simplify import open_guards

ROW_STEP = 16  #: elements; whole vectors of f32 at every level
LEVELS = ("baseline", "avx2", "avx512")

# The loop over work items counts turns from `row_begin`, whose column is `first`: over all of them,
_WHOLE = ["    const int64_t row_begin = begin, first = 0, turns = end - begin;", "    int64_t turn = 0;"]
_TURN = """\
        const int64_t item = row_begin + turn, column = first + turn;
        (void)item, (void)column;"""
# or row by row, which leaves no division inside,
_ROW = """\
    const int64_t width = {width};
    int64_t row = floor_div_i64(begin, width), first = mod_i64(begin, width);
    for (int64_t row_begin = begin; row_begin < end;) {{
    const int64_t left = width > 0 ? width - first : 1, turns = left < end - row_begin ? left : end - row_begin;
    int64_t turn = 0;"""
_NEXT_ROW = """\
    row_begin += turns;
    row = width > 0 ? row + 1 : floor_div_i64(row_begin, width);
    first = width > 0 ? 0 : mod_i64(row_begin, width);
    }
    (void)row;"""
# and first in blocks of lanes, where the kernel can.
_BLOCK = """\
    for (; turns - turn >= {lanes}; turn += {lanes}) {{
        const int64_t item_0 = row_begin + turn, column_0 = first + turn;
        (void)item_0, (void)column_0;"""


def render(stem: str, kernels: Sequence[Lowered], *, file: str = "") -> str:
    """Return the C text of a library of kernels; the stem and the file are for its manifest."""
    bodies = "\n".join(_KernelText(lowered, f"k{i}").text() for i, lowered in enumerate(kernels))
    about = manifest(stem, kernels, file=file)
    parts = [
        f"/* {stem}, by hologram-atlas: made from {file or 'source text'}. Changes here are lost. */",
        f'#include "hologram/levels.h"\n{header(bodies)}#include "hologram/language.h"\n',
        "#ifdef HOLOGRAM_LEVEL\n",
        bodies,
        "#endif\n",
        _table(kernels, about),
    ]
    return "\n".join(parts)


# ---- one kernel ----------------------------------------------------------------------------------


class _KernelText:
    """The functions of one kernel; `symbol` begins their names."""

    def __init__(self, lowered: Lowered, symbol: str) -> None:
        self.lowered = lowered
        self.kernel = lowered.kernel
        self.interface = lowered.interface
        self.symbol = symbol
        self.names = Names.of(self.kernel)
        self.params = {param.name: param for param in self.kernel.params}

    def text(self) -> str:
        kernel = self.kernel
        parts = [f"/* ---- {kernel.name} ---- */\n", self._extent()]
        if self.lowered.unchecked:
            parts.append(self._items("items", open_guards(kernel, self.lowered.extent), proved=True))
        else:
            parts.append(self._items("items", open_guards(kernel, self.lowered.extent), proved=True))
            parts.append(self._items("checked", kernel.body, proved=False))
        parts += [self._run(), self._entry("public"), self._entry("direct")]
        return "\n".join(parts)

    # ---- parameters ----

    def _parameters(self) -> list[tuple[str, str]]:
        """(declaration, name) of what the inner functions take besides the call."""
        result = []
        for param in self.kernel.params:
            name = self.names[param.name]
            if not param.is_array:
                result.append((f"const {C_TYPE[ir.scalar_compute_type(param)]} {name}", name))
                continue
            constant = "const " if self.interface.roles[param.name] == "in" else ""
            restrict = "" if self.interface.may_alias else "restrict "
            result.append((f"{constant}{C_STORED[param.type]} *{restrict}{name}", name))
            result.append((f"const int64_t {name}_length", f"{name}_length"))
        return result + [(f"const int64_t d_{dim}", f"d_{dim}") for dim in self.interface.dims]

    def _declared(self, *more: str) -> str:
        return ", ".join([*(declaration for declaration, _ in self._parameters()), *more])

    def _given(self, *more: str) -> str:
        return ", ".join([*(name for _, name in self._parameters()), *more])

    def _expressions(self, *, proved: bool) -> Expressions:
        checked = self._stays_checked if proved else lambda access, axis: True
        return Expressions(self.kernel, self.names, checked)

    def _stays_checked(self, access: ir.Index | ir.Call, axis: int) -> bool:
        return not self.lowered.unchecked and not self.lowered.certificate.is_proved(access, axis)

    # ---- functions ----

    def _extent(self) -> str:
        """The number of work items in *extent, or false where it does not fit in 64 bits."""
        extent = self.lowered.extent
        exact = Exact(self._expressions(proved=False))
        if extent.kind == "lengths":
            value = f"{self.names[extent.arrays[0]]}_length"
        elif extent.expr is not None:
            value = exact.value(extent.expr)
        else:
            value = "0"
        lines = [f"    {line}" for line in exact.lines]
        return "\n".join(
            [
                f"static inline bool {self.symbol}_extent({self._declared('int64_t *extent')}) {{",
                "    bool ok = true;",
                *lines,
                f"    const int64_t items = {value};",
                "    *extent = items < 0 ? 0 : items;",
                "    return ok;\n}\n",
            ]
        )

    def _items(self, name: str, body: Sequence[ir.Stmt], *, proved: bool) -> str:
        """The loop over work items, in rows where the kernel takes the row and column of the id."""
        expressions = self._expressions(proved=proved)
        width = row_width(self.kernel, expressions.definitions) if proved else None
        if width is not None:
            expressions.known = {
                ir.BinaryOp("floor_div", ID, width, type="i64"): "row",
                ir.BinaryOp("mod", ID, width, type="i64"): "column",
            }
        lanes = Lanes(expressions, body)
        writes, reads = _elements(body)
        independent = proved and (self.interface.splittable or lanes.is_independent(writes, reads))
        blocks = independent and can_run_in_lanes(body, lanes, expressions.is_checked)
        statements = Statements(expressions, unrolls=proved)
        lines = statements.body(body, 2)
        locals_ = [f"        {C_TYPE[kind]} {self.names[local]};" for local, kind in self.kernel.locals]
        twice = independent and not statements.leaves_early and not _arrays(writes) & _arrays(reads)
        return "\n".join(
            [
                f"{'BODY' if proved else 'COLD'} int32_t {self.symbol}_{name}(",
                f"    const hologram_call *call, {self._declared('int64_t begin', 'int64_t end')}) {{",
                *(_WHOLE if width is None else [_ROW.format(width=expressions.render(width))]),
                *([_BLOCK.format(lanes=LANES), *lanes.render(2), "    }"] if blocks else []),
                *(self._aligned([*locals_, *lines]) if twice else []),
                *(self._whole_vectors([*locals_, *lines]) if twice and width is not None and not blocks else []),
                *([] if not proved or blocks else ["    INDEPENDENT" if independent else "    UNROLLED"]),
                "    for (; turn < turns; turn++) {",
                _TURN,
                *locals_,
                *lines,
                *(["    next_item:;"] if statements.leaves_early else []),
                "    }",
                *([] if width is None else [_NEXT_ROW]),
                "    return HOLOGRAM_OK;\n}\n",
            ]
        )

    def _whole_vectors(self, body: list[str]) -> list[str]:
        """A row in whole vectors, the last of which reaches back over elements that are then computed twice."""
        if self.interface.may_alias:
            return []
        return [
            f"    if (turns >= {ROW_STEP}) {{",
            f"        const int64_t whole = turns - turns % {ROW_STEP};",
            "        INDEPENDENT",
            "        for (; turn < whole; turn++) {",
            _TURN,
            *body,
            "        }",
            "        if (turn < turns) {",
            f"        turn = turns - {ROW_STEP};",
            "        INDEPENDENT",
            f"        for (int64_t step = 0; step < {ROW_STEP}; step++, turn++) {{",
            _TURN,
            *body,
            "        }",
            "        }",
            "    }",
        ]

    def _aligned(self, body: list[str]) -> list[str]:
        """A first block of an element-wise kernel, after which the stores of a long loop are whole cache lines.

        Some of its elements are computed twice, which must not be seen: nothing that is stored is an input too.
        """
        roles = self.interface.roles
        outputs = [name for name, role in roles.items() if role == "out"]
        if not self.interface.elementwise or "inout" in roles.values():
            return []
        out = self.names[outputs[0]]
        line = 64 // dtypes.find(ir.DTYPE[self.params[outputs[0]].type]).itemsize
        inputs = [self.names[name] for name, role in roles.items() if role == "in"]
        apart = "".join(f" && (const void *){self.names[o]} != {i}" for o in outputs for i in inputs)
        return [
            f"    if (turns >= {8 * line}{apart}) {{",
            "        INDEPENDENT",
            f"        for (; turn < {line}; turn++) {{",
            _TURN,
            *body,
            "        }",
            f"        turn = {line} - (int64_t)((uintptr_t)({out} + row_begin) / sizeof *{out} % {line});",
            "    }",
        ]

    def _run(self) -> str:
        """Chooses the body: the comparisons on which the proofs rest, once for each call."""
        arguments = self._given("begin", "end")
        lines = [
            f"HOT int32_t {self.symbol}_run(",
            f"    const hologram_call *call, {self._declared('int64_t extent', 'int64_t begin', 'int64_t end')}) {{",
        ]
        if self.lowered.unchecked:
            lines += [f"    return {self.symbol}_items(call, {arguments});", "}\n"]
            return "\n".join(lines)
        exact = Exact(self._expressions(proved=False))
        for condition in self.lowered.certificate.conditions:
            exact.require(condition)
        if self.lowered.extent.kind == "guard":
            exact.lines.append("ok &= end <= extent;")
        lines += ["    bool ok = true;", *(f"    {line}" for line in exact.lines)]
        lines += [
            "    if (LIKELY(ok))",
            f"        return {self.symbol}_items(call, {arguments});",
            f"    return {self.symbol}_checked(call, {arguments});",
            "}\n",
        ]
        return "\n".join(lines)

    # ---- entries ----

    def _entry(self, which: str) -> str:
        """A hologram_kernel_fn and its hologram_extent_fn."""
        unpacked = [f"    {line}" for line in self._unpacked(which)]
        arguments = self._given("&extent")
        symbol = f"{self.symbol}_{which}"
        find = [
            "    int64_t extent;",
            f"    if (!{self.symbol}_extent({arguments}))",
            '        return hologram_fail(call, HOLOGRAM_BAD_VALUE, "the extent does not fit in 64 bits");',
        ]
        given = [f"    {line}" for line in self._given_extent(which)]
        checks = [f"    {line}" for line in self._entry_checks(which)]
        run = f"    return {self.symbol}_run(call, {self._given('extent', 'call->begin', 'call->end')});"
        if which == "public" and self._fits_the_call():
            find, given = [], []
            run = f"    return {self.symbol}_items(call, {self._given('call->begin', 'call->end')});"
        return "\n".join(
            [
                f"int32_t HOLOGRAM_AT_LEVEL({symbol})(const hologram_call *call) {{",
                *unpacked,
                *checks,
                *find,
                *given,
                run,
                "}\n",
                f"int64_t HOLOGRAM_AT_LEVEL({symbol}_extent)(const hologram_call *call) {{",
                *unpacked,
                "    int64_t extent;",
                f"    if (!{self.symbol}_extent({arguments}))",
                "        return 1; /* for which the kernel then says what is wrong */",
                *(f"    {line}" for line in self._extent_override(which)),
                "    return extent;",
                "}\n",
            ]
        )

    def _fits_the_call(self) -> bool:
        """Whether the proofs rest on nothing but what the call path sees to: work items within all arrays."""
        wanted = {
            Condition(((Comparison(END, ir.Call("len", (), name, type="i64")),),)) for name in self.interface.roles
        }
        return self.interface.elementwise and set(self.lowered.certificate.conditions) <= wanted

    def _order(self, which: str) -> tuple[str, ...]:
        return self.interface.public_order if which == "public" else self.interface.direct_order

    def _unpacked(self, which: str) -> list[str]:
        """Declares every parameter of the inner functions from the call."""
        order = self._order(which)
        lines = []
        for name in order:
            at = order.index(name)
            param = self.params.get(name)
            if param is None:  # the extent is read by those who need it
                if name != "extent":
                    lines.append(f"const int64_t d_{name} = *(const int64_t *)call->args[{at}];")
            elif param.is_array:
                constant = "const " if self.interface.roles[name] == "in" else ""
                c = self.names[name]
                lines.append(f"{constant}{C_STORED[param.type]} *{c} = call->args[{at}];")
                lines.append(f"const int64_t {c}_length = call->lengths[{at}];")
            else:
                lines.append(self._unpacked_scalar(param, at))
        if which == "public":
            lines += self._filled()
        return lines

    def _unpacked_scalar(self, param: ir.Param, at: int) -> str:
        kind = C_TYPE[ir.scalar_compute_type(param)]
        value = f"*(const {C_STORED[param.type]} *)call->args[{at}]"
        value = f"{value} != 0" if param.type == "bool" else f"({kind}){value}"
        return f"const {kind} {self.names[param.name]} = {value};"

    def _filled(self) -> list[str]:
        """The sizes that the public row takes from its arrays."""
        dims = Signature.parse(self.interface.signature).dims
        lines = []
        for name, places in self.interface.sizes.items():
            array, axis = places[0]
            value = f"{self.names[array]}_length" if axis is None else f"call->dims[{dims.index(name)}]"
            lines.append(f"const int64_t {self.names[name]} = {value};")
        for name in self.interface.dims:
            lines.append(f"const int64_t d_{name} = call->dims[{dims.index(name)}];")
        return lines

    def _entry_checks(self, which: str) -> list[str]:
        """What an entry refuses: numbers beyond 2^63, arrays that have not the shape they are given."""
        lines = []
        order = self._order(which)
        for name in order:
            param = self.params.get(name)
            if param is not None and not param.is_array and param.type in ("u64", "usize"):
                text = c_string(f"argument '{name}': at most 9223372036854775807 is possible")
                lines.append(f"if ({self.names[name]} < 0) return hologram_fail(call, HOLOGRAM_BAD_VALUE, {text});")
        if which == "direct":
            lines += [self._shape_check(param) for param in self.kernel.params if param.shape]
        return lines

    def _shape_check(self, param: ir.Param) -> str:
        expressions = self._expressions(proved=False)
        sizes = ", ".join(expressions.size(size) for size in param.shape)
        shape = ", ".join(map(str, param.shape))
        text = c_string(f"argument '{param.name}': %lld elements do not make the shape ({shape})")
        length = f"{self.names[param.name]}_length"
        fail = f"hologram_fail(call, HOLOGRAM_BAD_VALUE, {text}, (long long){length})"
        return f"if (!has_shape({length}, {len(param.shape)}, (const int64_t[]){{{sizes}}})) return {fail};"

    def _extent_override(self, which: str) -> list[str]:
        """An extent that the caller gives."""
        if "extent" not in self._order(which):
            return []
        at = self._order(which).index("extent")
        return [
            f"const int64_t given = *(const int64_t *)call->args[{at}];",
            "if (given >= 0) extent = given;",
        ]

    def _given_extent(self, which: str) -> list[str]:
        """Checks of the extent that the caller gives, or has to."""
        if "extent" not in self._order(which):
            return []
        at = self._order(which).index("extent")
        lines = [f"const int64_t given = *(const int64_t *)call->args[{at}];"]
        extent = self.lowered.extent
        least = "0" if extent.kind == "caller" else "-1"
        text = "argument 'extent': %lld, expected a number of work items"
        if extent.kind == "caller":
            text += "; no guard tells how many there are"
        fail = f"hologram_fail(call, HOLOGRAM_BAD_VALUE, {c_string(text)}, (long long)given)"
        lines.append(f"if (given < {least}) return {fail};")
        first, *others = [f"{self.names[array]}_length" for array in extent.arrays] or [""]
        if others:
            differ = " || ".join(f"{other} != {first}" for other in others)
            text = c_string(f"arrays {', '.join(extent.arrays)} have different lengths; pass extent=")
            lines.append(f"if (given < 0 && ({differ})) return hologram_fail(call, HOLOGRAM_BAD_VALUE, {text});")
        return lines


def _elements(body: Sequence[ir.Stmt]) -> tuple[list[ir.Index], list[ir.Index]]:
    """(the elements that a body stores to, those that it reads)."""
    writes, reads = [], []
    for statement in ir.statements(body):
        for expr in ir.expressions(statement):
            reads += [node for node in ir.walk(expr) if isinstance(node, ir.Index)]
        if isinstance(statement, ir.Assign) and isinstance(statement.target, ir.Index):
            writes.append(statement.target)
            reads.remove(statement.target)
    return writes, reads


def _arrays(elements: Sequence[ir.Index]) -> set[str]:
    return {element.array for element in elements}


# ---- the table -----------------------------------------------------------------------------------


def _table(kernels: Sequence[Lowered], about: dict[str, Any]) -> str:
    symbols = [f"k{i}_{which}" for i in range(len(kernels)) for which in ("public", "direct")]
    rows = [
        line for i, lowered in enumerate(kernels) for which in ("public", "direct") for line in _rows(lowered, i, which)
    ]
    parts = [
        "#ifdef HOLOGRAM_TABLE",
        '#ifndef HOLOGRAM_BUILT_WITH\n#define HOLOGRAM_BUILT_WITH ""\n#endif',
        *(f"HOLOGRAM_VARIANTS({symbol});" for symbol in symbols),
        *(f"int64_t HOLOGRAM_AT_LOWEST({symbol}_extent)(const hologram_call *call);" for symbol in symbols),
        _manifest_text(json.dumps(about, separators=(",", ":"))),
        "static const hologram_kernel_row rows[] = {",
        *rows,
        "};",
        f'HOLOGRAM_LIBRARY_OF("hologram-atlas {__version__}" HOLOGRAM_BUILT_WITH, "{about["hash"]}", rows, about);',
        "#endif\n",
    ]
    return "\n".join(parts)


def _rows(lowered: Lowered, i: int, which: str) -> list[str]:
    interface, kernel = lowered.interface, lowered.kernel
    name = kernel.name if which == "public" else f"{kernel.name}!direct"
    signature = interface.signature if which == "public" else interface.direct
    flags = ["HOLOGRAM_SPLITTABLE"] if interface.splittable else []
    flags += ["HOLOGRAM_MAY_ALIAS"] if interface.may_alias else []
    has_extent = which == "direct" or not interface.elementwise
    return [
        f"    {{.op = {c_string(name)}, .signature = {c_string(signature)}, .dtype = {c_string(interface.dtype)},",
        f"     .doc = {c_string(kernel.doc)}, .min_n = 0, .max_n = INT64_MAX, .flags = {' | '.join(flags) or '0'},",
        f"     .work = {work_of(kernel.body)}, HOLOGRAM_BODIES(k{i}_{which}),",
        f"     .extent = {f'HOLOGRAM_AT_LOWEST(k{i}_{which}_extent)' if has_extent else 'NULL'}}},",
    ]


def _manifest_text(about: str) -> str:
    """The manifest as a C string, in lines."""
    pieces = [about[i : i + 100] for i in range(0, len(about), 100)]
    return "static const char about[] =\n" + "\n".join(f"    {c_string(piece)}" for piece in pieces) + ";"
