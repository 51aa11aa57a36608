"""@kernel and @inline: functions of a running program as kernels.

In goes a typed Python function; out comes a KernelFunction, which is compiled with its first call
and from then on called like a builtin. Refused with CompileError where the function is defined:
whatever is not in the language, and functions whose text cannot be found.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from types import FunctionType
from typing import Any, Protocol, TypeVar, cast, overload

import numpy as np

from hologram_core import BoundKernel, Op, OpSpec, Runtime, Signature, default_runtime
from hologram_core.bound import call_override
from hologram_dynamic.handle import KernelHandle
from hologram_dynamic.spec import parameter_names

from . import ir
from .bounds import Certificate
from .compiler import compile_lowered, interpreter, lower
from .errors import CompileError
from .lowered import Lowered
from .parse import Number, parse_function
from .render_c import render
from .source import find_source

F = TypeVar("F", bound=Callable[..., Any])


class KernelFunction(Protocol):
    """What @kernel makes of a function: call it, or ask what it is.

    Arguments go in the function's order or by name. Sizes that arrays tell may be left out, outputs
    too where their shape follows; `out` is the output, `extent` how many work items run.
    """

    __name__: str
    name: str
    ir: ir.Kernel  #: as parsed, untyped
    source_c: str  #: the C text
    handle: KernelHandle  #: the compiled kernel
    function: Callable[..., Any]  #: a builtin function that does the same

    def __call__(self, *args: Any, **named: Any) -> Any:
        """Run the kernel. Raises TypeError, ValueError, KernelError, and CompileError with the first call."""

    def explain(self) -> Certificate:
        """Return what is known of every access: proved, and by what, or checked. Print it."""

    def interpret(self, *args: Any, **named: Any) -> Any:
        """Run the kernel in Python, which defines what it does; takes what a call takes."""

    def register(self, runtime: Runtime | None = None) -> None:
        """Offer the kernel to a runtime, the default one if None, at user priority: hg.ops.NAME ranks it."""


def inline(function: F) -> F:
    """Mark a function that kernels of the same file or cell may call; it is expanded there."""
    function.__hologram_inline__ = True  # type: ignore[attr-defined]  # any function takes attributes
    return function


@overload
def kernel(function: Callable[..., Any], /) -> KernelFunction: ...
@overload
def kernel(*, shapes: str = "", unchecked: bool = False) -> Callable[[Callable[..., Any]], KernelFunction]: ...
def kernel(
    function: Callable[..., Any] | None = None, /, *, shapes: str = "", unchecked: bool = False
) -> KernelFunction | Callable[[Callable[..., Any]], KernelFunction]:
    """Make a kernel of a typed function: @kernel, or @kernel(shapes="(m,k),(k,n)->(m,n)").

    `shapes` gives each array sizes, by which it is then indexed; `unchecked` leaves all checks of
    indices out. Raises CompileError.
    """
    if function is None:
        return partial(_make, unchecked=unchecked)
    return _make(function)


def _make(function: Callable[..., Any], *, unchecked: bool = False) -> KernelFunction:
    if not isinstance(function, FunctionType):
        raise CompileError(f"@kernel takes a function, got {type(function).__name__}")
    return _callable(Live(lower(_parse(function), unchecked=unchecked)))


# ---- what the function was typed as --------------------------------------------------------------


def _parse(function: FunctionType) -> ir.Kernel:
    """The kernel in the text of a function; numbers it captures are what they are now."""
    text, file = find_source(function)
    captured = {**function.__globals__, **_closure(function)}
    helpers = [
        value
        for value in captured.values()
        if isinstance(value, FunctionType)
        and hasattr(value, "__hologram_inline__")
        and not re.search(rf"^\s*def {value.__name__}\b", text, re.MULTILINE)
    ]
    for helper in (value for value in captured.copy().values() if hasattr(value, "__hologram_inline__")):
        captured = {**helper.__globals__, **_closure(helper), **captured}
    for helper in helpers:  # of another cell: after the text, so that its lines stay what they are
        text += "\n\n" + _text_of(helper)

    def lookup(name: str) -> Number | None:
        value = captured.get(name)
        if isinstance(value, np.generic):
            value = value.item()
        return value if isinstance(value, (bool, int, float)) else None

    return parse_function(text, file, function.__name__, function.__code__.co_firstlineno, lookup=lookup)


def _closure(function: FunctionType) -> dict[str, Any]:
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    return found


def _text_of(function: FunctionType) -> str:
    """The lines of one function, without what is around it."""
    text, _ = find_source(function)
    lines = text.splitlines()
    first = function.__code__.co_firstlineno - 1
    end = first + 1
    while not lines[end - 1].lstrip().startswith("def "):
        end += 1
    while end < len(lines) and (not lines[end].strip() or lines[end][0].isspace() or lines[end][0] == ")"):
        end += 1
    return "\n".join(lines[first:end])


# ---- the kernel ----------------------------------------------------------------------------------


class Live:
    """A kernel of a running program; every stage is made when it is first asked for."""

    def __init__(self, lowered: Lowered) -> None:
        self.lowered = lowered
        self.name = self.__name__ = lowered.kernel.name
        self.__doc__ = lowered.kernel.doc
        self.spec = _LiveSpec.of(self)

    @property
    def ir(self) -> ir.Kernel:
        """The kernel as parsed, untyped."""
        return self.lowered.source

    @cached_property
    def source_c(self) -> str:
        """The C text."""
        return render(self.name, [self.lowered], file=self.lowered.kernel.file)

    @cached_property
    def handle(self) -> KernelHandle:
        """The compiled kernel."""
        return compile_lowered(self.source_c)[0]

    @property
    def function(self) -> Callable[..., Any]:
        """A builtin function that does the same."""
        return self.handle.function

    def explain(self) -> Certificate:
        """What is known of every access."""
        return self.lowered.certificate

    def interpret(self, *args: Any, **named: Any) -> Any:
        """Run in Python."""
        return interpreter(self.lowered)(*args, **named)

    def register(self, runtime: Runtime | None = None) -> None:
        """Offer the kernel to a runtime at user priority."""
        from hologram_dynamic.loader import own_loader  # here: few kernels are registered

        library = self.handle.library
        assert library is not None  # it was built
        own_loader(runtime or default_runtime()).load_library(library.path)

    @property
    def fits_a_builtin(self) -> bool:
        """Whether the author has all outputs last, as builtins do, and the extent need not be given."""
        interface = self.lowered.interface
        order = [param.name for param in self.lowered.kernel.params if param.name not in interface.sizes]
        return order == list(interface.public_order)

    def kernel_for(self, dtype: str, n: int) -> BoundKernel:
        """Return the kernel for a dtype and n, for whoever runs it as part of something else. Raises TypeError."""
        return self.handle.find_row(dtype, n)

    def choose(self, op: Op, dtype: int, n: int) -> BoundKernel:
        """Called by an Op that meets a new dtype or n."""
        return self.handle.choose(op, dtype, n)

    def call(self, op: Op, args: tuple[object, ...], named: dict[str, Any]) -> object:
        """Called by an Op for all that the call path does not take."""
        answer = call_override(op, args, named)
        return self.handle(*args, **named) if answer is NotImplemented else answer


@dataclass(frozen=True)
class _LiveSpec(OpSpec):
    """The spec of the Op of a kernel; attributes of the Op are attributes of this, and so of the kernel."""

    live: Live | None = field(default=None, compare=False)

    @staticmethod
    def of(live: Live) -> _LiveSpec:
        interface = live.lowered.interface
        signature = Signature.parse(interface.signature)
        names = [name for name in interface.public_order if interface.roles.get(name) != "out"]
        return _LiveSpec(live.name, signature, parameter_names(names), live.lowered.kernel.doc, live=live)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.live, name)


def _callable(live: Live) -> KernelFunction:
    """The object that users call: a native Op, or where an Op has another order of arguments a plain one."""
    if live.fits_a_builtin:
        spec = live.spec
        return cast(KernelFunction, Op(spec, spec.signature.layout(), 0, live.choose, live.call))
    return _PlainKernel(live)


class _PlainKernel:
    """A kernel that is called through its handle."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def __call__(self, *args: Any, **named: Any) -> Any:
        return self._live.handle(*args, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._live, name)

    def __repr__(self) -> str:
        return repr(self._live.handle)
