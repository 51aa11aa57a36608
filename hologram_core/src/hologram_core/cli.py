"""The sub-commands of `hologram`: parse, call a function that returns values, print.

Every list has --json. An error of ours is one line and exit status 1, its traceback behind --debug.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from . import default
from .errors import HologramError
from .kernel import MAX_N
from .rows import KernelRow, ProviderRow

as_json = click.option("--json", "as_json", is_flag=True, help="Print plain data.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="hologram-core", prog_name="hologram")
@click.pass_context
def hologram(context: click.Context, debug: bool) -> None:
    """Look into the Hologram kernel runtime."""
    context.obj = {"debug": debug}


@hologram.command()
@click.option("--op", help="Only this op.")
@click.option("--dtype", help="Only this dtype.")
@as_json
def kernels(op: str | None, dtype: str | None, as_json: bool) -> None:
    """List every kernel that the installed providers declare."""
    rows = default.list_kernels(op=op, dtype=dtype)
    if as_json:
        _print_json([row.to_dict() for row in rows])
    else:
        _print_table(("op", "dtype", "signature", "n", "provider", "tier", "isa"), [_kernel_cells(row) for row in rows])


@hologram.command()
@click.argument("name")
@click.argument("dtype")
@click.argument("n", type=click.IntRange(min=0))
@as_json
def explain(name: str, dtype: str, n: int, as_json: bool) -> None:
    """Tell which kernel serves op NAME for DTYPE and N elements, and why."""
    explanation = default.explain(name, dtype, n)
    if as_json:
        _print_json(explanation.to_dict())
    else:
        click.echo(str(explanation))


@hologram.command()
@as_json
def providers(as_json: bool) -> None:
    """List the installed providers, their hooks, and what failed."""
    rows = default.providers()
    if as_json:
        _print_json([row.to_dict() for row in rows])
    else:
        _print_table(("provider", "version", "kernels", "hooks", "failures"), [_provider_cells(row) for row in rows])


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command with sys.argv or the given arguments; return the exit status."""
    args = list(sys.argv[1:] if arguments is None else arguments)
    try:
        default.default_runtime().register_commands(hologram)
        status = hologram.main(args, prog_name="hologram", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return 130
    except (HologramError, TypeError, ValueError, LookupError, OSError) as error:
        if "--debug" in args:
            raise
        click.echo(f"hologram: {error}", err=True)
        return 1
    return status if isinstance(status, int) else 0  # click returns the status of an Exit


def _kernel_cells(row: KernelRow) -> tuple[str, ...]:
    high = "any" if row.max_n == MAX_N else str(row.max_n)
    served = f"{row.min_n}..{high}"
    tier = f"{row.tier} {row.priority}"
    return row.op, row.dtype, row.signature, served, row.provider, tier, row.isa or row.problem


def _provider_cells(row: ProviderRow) -> tuple[str, ...]:
    failures = "; ".join(f"{failure.where}: {failure.message}" for failure in row.failures)
    return row.name, row.version, str(row.kernels), ", ".join(row.hooks), failures or "none"


def _print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = Console()
    if not console.is_terminal:
        console = Console(width=Console(width=10_000).measure(table).maximum)  # a row stays a line
    if rows:
        console.print(table)
    else:
        click.echo("none")


def _print_json(data: Any) -> None:
    click.echo(json.dumps(data, indent=2))
