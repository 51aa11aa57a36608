"""Types for editors: the text of ops.pyi from the catalogue. `python -m hologram_core.stubs` writes it."""

from __future__ import annotations

from pathlib import Path

from .catalogue import ROWS, OpSpec

PATH = Path(__file__).with_name("ops.pyi")

LINE_LENGTH = 120  # as the formatter has it

HEADER = '''"""Types of hologram_core.ops. Written by `python -m hologram_core.stubs`; do not edit."""

from typing import Any

from numpy.typing import ArrayLike, NDArray

from ._native import OpFunction
'''

FOOTER = """
def __getattr__(name: str) -> OpFunction: ...
def __dir__() -> list[str]: ...
"""


def render() -> str:
    """Return the text of ops.pyi: a class for each op of the catalogue, so that calls and attributes have types."""
    return HEADER + "".join(_class(spec) for spec in ROWS) + "\n" + "".join(_value(spec) for spec in ROWS) + FOOTER


def _class(spec: OpSpec) -> str:
    parameters = [_parameter(spec, i) for i in range(len(spec.parameters))]
    parameters.append("out: NDArray[Any] | None = None")
    line = f"    def __call__(self, {', '.join(parameters)}) -> NDArray[Any]:\n"
    if len(line) > LINE_LENGTH + 1:
        line = f"    def __call__(\n        self, {', '.join(parameters)}\n    ) -> NDArray[Any]:\n"
    return f'\nclass {_class_name(spec)}(OpFunction):\n{line}        """{spec.doc}"""\n'


def _parameter(spec: OpSpec, i: int) -> str:
    name = spec.parameters[i]
    if spec.signature.inputs[i].kind != "scalar":
        return f"{name}: ArrayLike"
    default = f" = {spec.defaults[name]}" if name in spec.defaults else ""
    return f"{name}: float{default}"


def _value(spec: OpSpec) -> str:
    return f"{spec.name}: {_class_name(spec)}\n"


def _class_name(spec: OpSpec) -> str:
    return "_" + spec.name.title().replace("_", "")


if __name__ == "__main__":
    PATH.write_text(render(), encoding="utf-8")
