"""`hologram circuit`: parse arguments, call functions that return values, print."""

from __future__ import annotations

import json
from typing import Any

import click

from .canonical import canonicalize
from .evaluate import evaluate_bytes, evaluate_words
from .parser import parse


def add_commands(cli: Any) -> None:
    """Add the sub-commands to the group `hologram`."""
    cli.add_command(circuit)


@click.command()
@click.argument("phrase", metavar="EXPR")
@click.option("--json", "as_json", is_flag=True, help="Print plain data.")
def circuit(phrase: str, as_json: bool) -> None:
    """Show what the phrase EXPR means: its bytes, belt addresses, words and normal form."""
    facts = describe(phrase)
    if as_json:
        click.echo(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    width = max(map(len, facts)) + 2
    for name, value in facts.items():
        shown = (", " if name == "applied" else " ").join(map(str, value)) if isinstance(value, list) else value
        click.echo(f"{name:{width}}{shown or 'none'}")


def describe(phrase: str) -> dict[str, Any]:
    """Return what is known of a phrase without data."""
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
    }
