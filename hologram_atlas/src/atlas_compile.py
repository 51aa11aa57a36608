"""atlas-compile: kernels in Python to JSON, without executing the file.

atlas-compile custom_op.py -o custom_op.json -v
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from hologram_atlas import ir
from hologram_atlas.compiler import lower, read
from hologram_atlas.errors import CompileError
from hologram_atlas.schema import to_json


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status: 0, 1 for a kernel that does not compile, 2 for bad arguments."""
    parser = argparse.ArgumentParser(prog="atlas-compile", description="Translate kernels in Python to JSON.")
    parser.add_argument("input", type=Path, help="the Python file; it is parsed, never executed")
    parser.add_argument("-o", "--output", type=Path, help="the JSON file (default: beside the input)")
    parser.add_argument("-v", "--verbose", action="store_true", help="say what was found")
    given = parser.parse_args(arguments)
    output = given.output or given.input.with_suffix(".json")
    if output.suffix in (".so", ".dylib", ".dll", ".py", ".c"):
        parser.error(f"{output} would hold JSON; for a library or C use: hologram build")
    try:
        if output.exists() and output.samefile(given.input):
            raise CompileError("the output would replace the input", file=str(output), advice="choose another with -o")
        kernels = read(given.input)
        for kernel in kernels:
            lower(kernel)  # whose errors a JSON file would only put off
        if not kernels:
            raise CompileError("there is no kernel in it", file=str(given.input), advice="write a typed function")
        output.write_text(to_json(kernels) + "\n", encoding="utf-8")
    except (CompileError, OSError) as error:
        print(f"atlas-compile: {error}", file=sys.stderr)
        return 1
    if given.verbose:
        _describe(kernels, given.input, output)
    return 0


def _describe(kernels: Sequence[ir.Kernel], source: Path, output: Path) -> None:
    for kernel in kernels:
        params = ", ".join(
            f"{param.name}: DeviceArray[{param.type}]" if param.is_array else f"{param.name}: {param.type}"
            for param in kernel.params
        )
        line = f" (line {kernel.span.line})" if kernel.span else ""
        print(f"{kernel.name}({params}){line}")
    print(f"{source} -> {output}: {len(kernels)} kernel{'s' if len(kernels) != 1 else ''}")


if __name__ == "__main__":
    sys.exit(main())
