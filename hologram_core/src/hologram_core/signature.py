"""Signatures: a text such as "(m,k),(k,n)->(m,n)" becomes parameters with roles, dimensions, dtypes.

    signature ::= [ input { "," input } ] "->" [ output { "," output } ]
    input     ::= [ "inout" ] array | "scalar" [ ":" dtype ]
    output    ::= array
    array     ::= "(" [ dim { "," dim } ] ")" [ ":" dtype ]  |  "(...)" [ ":" dtype ]
    dim       ::= name | number

"()" everywhere is element-wise; "(...)" is a whole array, flattened, and all of them have one shape,
which an input tells; a parameter without a dtype has the kernel's. Two signatures are equal when they
differ only in the names of dimensions. Refused with SignatureError: anything else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Literal, NamedTuple, TypeAlias

from . import dtypes
from .errors import SignatureError

Role: TypeAlias = Literal["in", "inout", "out"]
Kind: TypeAlias = Literal["scalar", "core", "whole"]

ROLES: tuple[Role, ...] = ("in", "inout", "out")  # the positions are the C enum Role
KINDS: tuple[Kind, ...] = ("scalar", "core", "whole")  # and Kind
MAX_PARAMS, MAX_CORE, MAX_DIMS = 16, 4, 16
MAX_SIZE = 2**63 - 1  # of a dimension that is a number

_TOKEN = re.compile(r"\s*(->|\.\.\.|[A-Za-z_]\w*|\d+|[(),:]|\S)")


class Param(NamedTuple):
    """One parameter: its kind and role, its core dimensions by name or size, a dtype or the kernel's."""

    kind: Kind
    role: Role
    core: tuple[str | int, ...] = ()
    dtype: str | None = None

    def __str__(self) -> str:
        if self.kind == "scalar":
            text = "scalar"
        else:
            text = "(...)" if self.kind == "whole" else f"({','.join(map(str, self.core))})"
        return ("inout" if self.role == "inout" else "") + text + (f":{self.dtype}" if self.dtype else "")


@dataclass(frozen=True)
class Signature:
    """A parsed signature; `canonical` is its text with the dimensions renamed in order."""

    canonical: str
    params: tuple[Param, ...] = field(compare=False)

    @staticmethod
    def parse(text: str) -> Signature:
        """Parse a signature text. Raises SignatureError saying what was expected where."""
        return _parse(text)

    def __str__(self) -> str:
        return _render(self.params)

    @cached_property
    def inputs(self) -> tuple[Param, ...]:
        """The parameters a caller passes, in-outs included."""
        return tuple(param for param in self.params if param.role != "out")

    @cached_property
    def outputs(self) -> tuple[Param, ...]:
        """The parameters that only the kernel writes; `out` in a call."""
        return tuple(param for param in self.params if param.role == "out")

    @cached_property
    def dims(self) -> tuple[str | int, ...]:
        """The core dimensions in order of first appearance: those of hologram_call.dims."""
        return tuple(dict.fromkeys(dim for param in self.params for dim in param.core))

    @cached_property
    def elementwise(self) -> bool:
        """Whether every array is "()" and so the work items are the elements."""
        return not self.dims and any(param.kind == "core" for param in self.params)

    @cached_property
    def anchored(self) -> bool:
        """Whether some array has the kernel's dtype, rather than one that it states."""
        return any(param.kind != "scalar" and param.dtype is None for param in self.params)

    def without_dtype(self, dtype: str) -> Signature:
        """Return the signature in which no parameter states this dtype."""
        params = tuple(
            Param(param.kind, param.role, param.core, None if param.dtype == dtype else param.dtype)
            for param in self.params
        )
        return Signature(_canonical(params), params)

    def layout(self, dtype: str | None = None, *, single: bool = False) -> tuple[object, ...]:
        """Return the signature as native/layout.c reads it; dtype is for signatures that state them all.

        With `single`, arrays with batch dimensions are not taken by the call path.
        """
        dims = self.dims
        params = tuple(
            (
                KINDS.index(param.kind),
                ROLES.index(param.role),
                -1 if param.dtype is None else dtypes.index(param.dtype),
                tuple(dims.index(dim) for dim in param.core),
            )
            for param in self.params
        )
        sizes = tuple(dim if isinstance(dim, int) else -1 for dim in dims)
        return params, sizes, self.elementwise, -1 if dtype is None else dtypes.index(dtype), single


def _render(params: tuple[Param, ...]) -> str:
    inputs = ",".join(str(param) for param in params if param.role != "out")
    outputs = ",".join(str(param) for param in params if param.role == "out")
    return f"{inputs}->{outputs}"


def _canonical(params: tuple[Param, ...]) -> str:
    names: dict[str | int, str] = {}
    renamed = []
    for param in params:
        core = tuple(
            dim if isinstance(dim, int) or param.kind == "whole" else names.setdefault(dim, f"d{len(names)}")
            for dim in param.core
        )
        renamed.append(Param(param.kind, param.role, core, param.dtype))
    return _render(tuple(renamed))


@lru_cache(maxsize=4096)
def _parse(text: str) -> Signature:
    params = _Parser(text).signature()
    return Signature(_canonical(params), params)


class _Parser:
    """Recursive descent over the grammar of the module docstring."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = [(match[1], match.start(1)) for match in _TOKEN.finditer(text)]
        self.at = 0

    def fail(self, expected: str) -> SignatureError:
        found, column = self.tokens[self.at] if self.at < len(self.tokens) else ("the end", len(self.text))
        return SignatureError(f"signature {self.text!r}, column {column + 1}: expected {expected}, found {found}")

    def peek(self) -> str:
        return self.tokens[self.at][0] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1][0]

    def expect(self, token: str) -> None:
        if self.peek() != token:
            raise self.fail(repr(token))
        self.at += 1

    def signature(self) -> tuple[Param, ...]:
        inputs = self.parameters(output=False)
        self.expect("->")
        outputs = self.parameters(output=True)
        if self.at < len(self.tokens):
            raise self.fail("the end")
        params = (*inputs, *outputs)
        self.check(params)
        return params

    def parameters(self, *, output: bool) -> list[Param]:
        if self.peek() in ("->", ""):
            return []
        params = [self.parameter(output=output)]
        while self.peek() == ",":
            self.take()
            params.append(self.parameter(output=output))
        return params

    def parameter(self, *, output: bool) -> Param:
        if not output and self.peek() == "scalar":
            self.take()
            return Param("scalar", "in", (), self.dtype())
        role: Role = "out" if output else "in"
        if not output and self.peek() == "inout":
            self.take()
            role = "inout"
        if self.peek() != "(":
            raise self.fail("'('" if output or role == "inout" else "'(', 'scalar' or 'inout'")
        self.take()
        if self.peek() == "...":
            self.take()
            self.expect(")")
            return Param("whole", role, ("...",), self.dtype())
        return Param("core", role, self.dimensions(), self.dtype())

    def dimensions(self) -> tuple[str | int, ...]:
        dims: list[str | int] = []
        while self.peek() != ")":
            if dims:
                self.expect(",")
            dims.append(self.dimension())
        self.take()
        return tuple(dims)

    def dimension(self) -> str | int:
        token = self.peek()
        if token.isidentifier():
            return self.take()
        if not token.isdecimal() or len(token) > len(str(MAX_SIZE)) or int(token) > MAX_SIZE:
            raise self.fail("a dimension")
        return int(self.take())

    def dtype(self) -> str | None:
        if self.peek() != ":":
            return None
        self.take()
        if self.peek() not in dtypes.NAMES:
            raise self.fail(f"a dtype ({', '.join(dtypes.NAMES)})")
        return self.take()

    def check(self, params: tuple[Param, ...]) -> None:
        if not any(param.kind != "scalar" for param in params):
            raise SignatureError(f"signature {self.text!r}: expected at least one array")
        if {param.role for param in params if param.kind == "whole"} == {"out"}:
            raise SignatureError(f"signature {self.text!r}: (...) is an output, and no input (...) tells its shape")
        if not any(param.role != "in" for param in params):
            raise SignatureError(f"signature {self.text!r}: expected an output or an inout parameter")
        if len(params) > MAX_PARAMS or any(len(param.core) > MAX_CORE for param in params):
            raise SignatureError(
                f"signature {self.text!r}: at most {MAX_PARAMS} parameters of {MAX_CORE} dimensions each"
            )
        if len({dim for param in params for dim in param.core}) > MAX_DIMS:
            raise SignatureError(f"signature {self.text!r}: at most {MAX_DIMS} dimensions")
