"""The plugin of hologram-atlas: sub-commands of `hologram`, what its doctor asks, and the interpreter for checks.

Kernels reach the runtime through hologram-dynamic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from hologram_core import Kernel, hookimpl

MAX_STEPS = 100_000  #: turns of loops that one work item may take when a kernel is checked

if TYPE_CHECKING:
    from hologram_core.doctor import Finding


@hookimpl
def register_commands(cli: object) -> None:
    """Add `hologram build`, `watch`, `new`, `pack` and `bundle`."""
    from .commands import add_commands  # here, since few processes run the command

    add_commands(cli)


@hookimpl
def diagnose() -> Iterable[Finding]:
    """Tell of the C compiler and the cache."""
    from .examine import findings

    return findings()


def load_interpreter() -> Callable[[Mapping[str, Any]], Kernel]:
    """Return what makes a kernel in Python of the IR in a manifest; hologram_core.testing.check() calls this.

    It raises CompileError for IR that is none, and its kernel TimeoutError in a call that does not come to an end.
    """
    from .compiler import interpreter, lower
    from .schema import from_json

    def interpret(ir: Mapping[str, Any]) -> Kernel:
        (kernel,) = from_json(ir)
        return interpreter(lower(kernel), max_steps=MAX_STEPS).kernel.rows[0]

    return interpret
