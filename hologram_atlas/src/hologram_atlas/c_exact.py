"""Integer expressions in C that notice when a result does not fit in 64 bits.

In go uniform IR expressions; out come the C text of the value and lines before it that clear the
variable `ok` where a sum or product would wrap.
"""

from __future__ import annotations

from . import ir
from .bounds import Comparison, Condition
from .c_expressions import Expressions

_CHECKED = {"add": "add", "sub": "sub", "mul": "mul"}


class Exact:
    """Collects the lines; the variable `ok` is theirs to clear."""

    def __init__(self, expressions: Expressions) -> None:
        self.expressions = expressions
        self.lines: list[str] = []
        self.count = 0
        self.ok = "ok"

    def value(self, expr: ir.Expr) -> str:
        """The C text of an i64 expression; its sums and products are in the lines before."""
        if isinstance(expr, ir.BinaryOp) and expr.op in _CHECKED and expr.type == "i64":
            return self._arithmetic(_CHECKED[expr.op], self.value(expr.left), self.value(expr.right))
        if isinstance(expr, ir.BinaryOp) and expr.op in ("floor_div", "mod") and expr.type == "i64":
            return f"{expr.op}_i64({self.value(expr.left)}, {self.value(expr.right)})"
        if isinstance(expr, ir.Call) and expr.function in ("min", "max") and expr.type == "i64":
            return f"{expr.function}_i64({', '.join(map(self.value, expr.args))})"
        return self.expressions.render(expr)

    def _arithmetic(self, op: str, left: str, right: str) -> str:
        """A new variable with the sum, difference or product of two texts."""
        self.count += 1
        name = f"e{self.count}"
        self.lines.append(f"int64_t {name}; {self.ok} &= !__builtin_{op}_overflow({left}, {right}, &{name});")
        return name

    def require(self, condition: Condition) -> None:
        """Clear `ok` where no alternative of a condition holds."""
        if len(condition.alternatives) == 1:
            self._all(condition.alternatives[0])
            return
        flags = []
        for comparisons in condition.alternatives:
            self.count += 1
            self.ok = f"a{self.count}"
            flags.append(self.ok)
            self.lines.append(f"bool {self.ok} = true;")
            self._all(comparisons)
        self.ok = "ok"
        self.lines.append(f"ok &= {' | '.join(flags)};")

    def _all(self, comparisons: tuple[Comparison, ...]) -> None:
        for comparison in comparisons:
            left = self.value(comparison.left)
            if comparison.right is not None:
                right = self.value(comparison.right)
                self.lines.append(f"{self.ok} &= {left} <= {right};")
