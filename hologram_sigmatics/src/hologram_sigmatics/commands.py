"""`hologram circuit`: parse arguments, call functions that return values, print."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np

from hologram_core import HologramError
from hologram_core.printing import as_json, print_json, source_errors

from .canonical import canonicalize
from .circuit import compile_circuit
from .effects import inputs_of
from .errors import SigmaticsError
from .evaluate import evaluate_bytes, evaluate_words
from .nodes import Phrase
from .parser import parse


def add_commands(cli: Any) -> None:
    """Add the sub-commands to the group `hologram`."""
    cli.add_command(circuit)


@click.command()
@click.argument("words", metavar="[EXPR] [NAME=VALUE]...", nargs=-1)
@click.option(
    "--run", "file", type=click.Path(exists=True, dir_okay=False), help="Run the phrase in FILE.", metavar="FILE"
)
@click.option("--out", "outs", multiple=True, metavar="[NAME=]FILE", help="Save an output of --run as .npy.")
@click.option("--dtype", default="f32", show_default=True, help="The dtype whose kernels are shown.")
@as_json
def circuit(words: tuple[str, ...], file: str | None, outs: tuple[str, ...], dtype: str, as_json: bool) -> None:
    """Show what a phrase of the circuit language means.

    Of EXPR its bytes, belt addresses, words, normal form and, if it means something on data, inputs, outputs and
    program. With --run the phrase in FILE is run: each NAME=VALUE is an input, a .npy file or a number. NAME is the
    class (c00=x.npy); other names stand for the inputs in order (a=x.npy b=y.npy).
    """
    with source_errors(SigmaticsError):
        if file is not None:
            shown = run_phrase(Path(file).read_text("utf-8"), _pairs(words))
            _save(shown, outs)
            facts = {name: _json_array(array) if as_json else _line(array) for name, array in shown.items()}
        elif len(words) == 1:
            facts = describe(words[0], dtype)
        else:
            raise click.UsageError("expected one phrase, in quotes, or --run FILE")
    if as_json:
        print_json(facts)
        return
    width = max(map(len, facts)) + 2
    for name, value in facts.items():
        click.echo(f"{name:{width}}{_text(name, value, width)}")


def describe(phrase: str, dtype: str) -> dict[str, Any]:
    """Return what is known of a phrase, and of what it does to data if it does anything."""
    tree = parse(phrase)
    literal = evaluate_bytes(tree)
    normal = canonicalize(tree)
    return {
        "phrase": str(tree),
        "bytes": literal.bytes,
        "addresses": literal.addresses,
        "words": evaluate_words(tree).words,
        "canonical": str(normal.phrase),
        "applied": normal.applied,
        **_on_data(tree, dtype),
    }


def _on_data(tree: Phrase, dtype: str) -> dict[str, Any]:
    """Inputs, outputs and program, if the phrase has a meaning on data."""
    try:
        found = compile_circuit(tree)
    except SigmaticsError:
        return {}
    facts = {"inputs": list(found.inputs.values()), "outputs": list(found.outputs.values())}
    try:
        return {**facts, "program": found.program(dtype).splitlines()}
    except HologramError as error:  # the phrase is fine, but not for this dtype
        return {**facts, "program": str(error).splitlines()}


def run_phrase(text: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return the outputs of a phrase, by name, for inputs by class or in order. Raises as compile_circuit does."""
    tree = parse(text)
    classes = [f"c{number:02}" for number in inputs_of(tree)]
    if len(values) != len(classes):
        raise SigmaticsError(f"the phrase has the inputs {', '.join(classes) or 'none'}; {len(values)} are given")
    names = dict(zip(values, values if set(values) == set(classes) else classes, strict=True))
    found = compile_circuit(tree, names)
    results = found(*values.values())
    return dict(zip(found.outputs, results if isinstance(results, tuple) else (results,), strict=True))


def _pairs(words: tuple[str, ...]) -> dict[str, Any]:
    """The inputs of NAME=VALUE."""
    pairs: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name in pairs:
            raise click.UsageError(f"{word!r}: expected NAME=VALUE, each name once")
        pairs[name] = _value(value)
    return pairs


def _value(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return np.load(text, allow_pickle=False)


def _save(results: dict[str, Any], outs: tuple[str, ...]) -> None:
    for out in outs:
        name, _, file = out.rpartition("=")
        name = name or next(iter(results))
        if name not in results:
            raise click.UsageError(f"--out {out}: the outputs are {', '.join(results)}")
        np.save(file, results[name])


def _line(array: Any) -> str:
    values = np.array2string(array, threshold=6, edgeitems=3).replace("\n", " ")
    return f"{array.dtype} {array.shape}  {values}"


def _json_array(array: Any) -> dict[str, Any]:
    return {"dtype": str(array.dtype), "shape": list(array.shape), "values": array.tolist()}


def _text(name: str, value: Any, width: int) -> str:
    """A fact for people: a program has a line for each of its own."""
    if not isinstance(value, list):
        return str(value)
    separator = {"applied": ", ", "program": "\n" + " " * width}.get(name, " ")
    return separator.join(map(str, value)) or "none"
