"""Reference pages from docstrings and from the catalogue.

In go the public names of our modules; out come <module>.md and ops.md. A name without a docstring is an error.
"""

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import hologram_core
from hologram_core.catalogue import ROWS, OpSpec

STUB = Path(inspect.getfile(hologram_core)).with_name("_native.pyi")
WIDTH = 90  #: of a line that is not spread
MODULES = (
    "hologram_core",
    "hologram_core.testing",
    "hologram_core.doctor",
    "hologram_core.bench",
    "hologram_dynamic",
    "hologram_atlas",
    "hologram_sigmatics",
    "atlas_kernel",
)


def write(folder: Path) -> None:
    """Write all pages into a folder."""
    folder.mkdir(exist_ok=True)
    for name in MODULES:
        (folder / f"{name}.md").write_text(module_page(importlib.import_module(name)), encoding="utf-8")
    (folder / "ops.md").write_text(ops_page(), encoding="utf-8")


def module_page(module: ModuleType) -> str:
    """The public names of a module, each from its docstring."""
    lines = [f"# {module.__name__}", "", text_of(module)]
    for name in sorted(public_names(module), key=str.lower):
        value = getattr(module, name)
        if inspect.isclass(value) or callable(value):
            lines += entry("##", name, value)
            if inspect.isclass(value):
                lines += methods(name, value)
    return "\n".join(lines)


def public_names(module: ModuleType) -> list[str]:
    """What a module says it has, else what it defines."""
    own = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
    return [name for name in getattr(module, "__all__", own) if not name.startswith("_")]


def methods(owner: str, cls: type) -> Iterator[str]:
    """The public methods and properties that a class defines itself."""
    for name, value in vars(cls).items():
        plain = value.__func__ if isinstance(value, (staticmethod, classmethod)) else value
        if name.startswith("_") or not (inspect.isroutine(plain) or isinstance(plain, property)):
            continue
        yield from entry("###", f"{owner}.{name}", plain)


def entry(level: str, name: str, value: object) -> list[str]:
    return [f"{level} {name}", "", *usage(name, value), text_of(value), ""]


def usage(name: str, value: object) -> list[str]:
    """How to call it; a property, an error and what has no signature are not called."""
    if isinstance(value, property) or (inspect.isclass(value) and issubclass(value, BaseException)):
        return []
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return []
    return ["```python", spread(name, signature), "```", ""]


def spread(name: str, signature: inspect.Signature) -> str:
    """A call on one line, or on a line for each parameter; annotations are texts, so their quotes go."""
    parameters = [parameter for parameter in signature.parameters.values() if parameter.name != "self"]
    text = f"{name}{signature.replace(parameters=parameters)}".replace("'", "")
    if len(text) <= WIDTH:
        return text
    head, _, tail = text.partition("(")
    inner, _, returns = tail.rpartition(")")
    lines = [f"    {part},".replace("'", "") for part in split_parameters(inner)]
    return "\n".join([f"{head}(", *lines, f"){returns}"])


def split_parameters(text: str) -> list[str]:
    """The parameters of a call; a comma inside brackets ends none."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def text_of(value: object) -> str:
    """The docstring, that of the stub for a native type."""
    doc = inspect.getdoc(value) or native_doc(getattr(value, "__name__", ""))
    if not doc:
        raise ValueError(f"{value!r} has no docstring")
    return f"{doc}\n"


def native_doc(name: str) -> str | None:
    """What the stub of the native module says about a class."""
    tree = ast.parse(STUB.read_text(encoding="utf-8"))
    found = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    return next((ast.get_docstring(node) for node in found), None)


def ops_page() -> str:
    """The catalogue as a table."""
    lines = [
        "# Ops",
        "",
        "The standard ops, whoever provides them. A signature such as `(m,k),(k,n)->(m,n)` names core dimensions;",
        "`()` is element-wise, `(...)` a whole array, `scalar` a number ([the kernel ABI](../abi.md)).",
        "",
        "| op | result | signature | accuracy |",
        "|---|---|---|---|",
    ]
    return "\n".join([*lines, *map(op_row, ROWS), ""])


def op_row(spec: OpSpec) -> str:
    cells = (f"`{spec.usage}`", spec.doc, f"`{spec.signature}`", spec.accuracy)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
