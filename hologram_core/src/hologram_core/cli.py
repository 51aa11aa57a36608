"""The command `hologram`: parse, call a function that returns values, print.

In go the arguments of the command line; out come its prints and an exit status: 0, 1 for an error, 2 for misuse.
An error is one line on stderr, whoever's command it is; its traceback is behind --debug.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import default, dtypes
from .errors import HologramError, one_line
from .printing import as_json, print_json, print_rows, print_sentence, progress

if TYPE_CHECKING:
    from .bench import Report

#: errors whose text says all there is to know
EXPECTED = (HologramError, TypeError, ValueError, LookupError, OSError)
STATE_STYLES = {"pass": "green", "note": "yellow", "fail": "bold red"}


class Commands(click.Group):
    """The group `hologram`. Providers add their commands when all are listed, or when a name is none of its own."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of a name, None where there is none."""
        found = super().get_command(ctx, cmd_name)
        if found is None:
            self._add_provided()
            found = super().get_command(ctx, cmd_name)
        return found

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, of its own alone where no runtime can be made."""
        try:
            self._add_provided()
        except HologramError as error:
            _complain("hologram", str(error))
        return super().list_commands(ctx)

    def _add_provided(self) -> None:
        own = dict(self.commands)
        default.default_runtime().register_commands(self)
        self.commands.update(own)


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback of an error; may stand anywhere.")
@click.version_option(package_name="hologram-core", prog_name="hologram")
@click.pass_context
def hologram(context: click.Context, debug: bool) -> None:
    """See into the Hologram kernel runtime: what is installed, what runs, why, and how fast."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


# ---- completion ------------------------------------------------------------------------------------------------------


def _ops(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    return _beginning(default.default_runtime().op_names(), incomplete)


def _dtypes(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    return _beginning(dtypes.NAMES, incomplete)


def _providers(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    return _beginning([row.name for row in default.providers()], incomplete)


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


# ---- commands --------------------------------------------------------------------------------------------------------


@hologram.command()
@click.argument("name", required=False, shell_complete=_ops)
@click.option("--dtype", help="Only this dtype.", shell_complete=_dtypes)
@click.option("--provider", help="Only of this provider.", shell_complete=_providers)
@as_json
def kernels(name: str | None, dtype: str | None, provider: str | None, as_json: bool) -> None:
    """List the kernels that providers declare.

    All of them, or those of the op NAME and what that is: for which dtype and n, by whom, at which priority, and the
    instruction set that runs here.
    """
    op = None if name is None else default.op(name)  # which knows the closest names
    names = [row.name for row in default.providers()]
    if provider not in (None, *names):
        raise LookupError(f"no provider {provider!r}; there are {', '.join(names) or 'none'}")
    if op is not None:  # an op may be another one's form for one dtype, and has then no kernels of its own
        name, dtype = op.spec.kernel_op, dtype or op.spec.dtype
    rows = default.list_kernels(op=name, dtype=dtype, provider=provider)
    if as_json:
        print_json([row.to_dict() for row in rows])
        return
    if op is not None:
        print_sentence(f"{op.spec.usage}: {op.spec.doc}", hang=2)
        print_sentence(" ".join(filter(None, [f"Signature {op.signature}.", op.spec.accuracy])), hang=2)
        click.echo()
    print_rows(rows)


@hologram.command()
@as_json
def providers(as_json: bool) -> None:
    """List the providers, their hooks and state, and what failed.

    A provider is ready; or faulty, where a hook of it fails and the others work; or failed, where it is not used at
    all. The priorities are those of the kernels that it declares.
    """
    rows = default.providers()
    if as_json:
        print_json([row.to_dict() for row in rows])
    else:
        print_rows(rows)


@hologram.command()
@click.argument("name", shell_complete=_ops)
@click.argument("dtype", shell_complete=_dtypes)
@click.argument("n", type=click.IntRange(min=0))
@as_json
def explain(name: str, dtype: str, n: int, as_json: bool) -> None:
    """Tell which kernel serves a call, why, and how to change it.

    The call is of the op NAME with arrays of DTYPE, the largest of which has N elements. The answer is the ranking of
    all that providers offer, with the reasons, and the n for which it stays the same.
    """
    explanation = default.explain(name, dtype, n)
    if as_json:
        print_json(explanation.to_dict())
    else:
        for line in str(explanation).splitlines():
            print_sentence(line, hang=5 if line.startswith(" ") else 2)


@hologram.command()
@as_json
@click.pass_context
def doctor(context: click.Context, as_json: bool) -> None:
    """Check this machine and every provider.

    Each provider has to compute something with each of its kernels, and the result is compared with the reference of
    the op. The exit status is 1 if anything fails.
    """
    from .doctor import FAIL, examine  # here and below: what other commands have no use for

    findings = []
    for finding in examine():
        findings.append(finding)
        if not as_json:
            print_sentence(str(finding), hang=6, style=STATE_STYLES[finding.state])
            click.echo(finding.detail if context.find_root().params["debug"] else "", nl=False)
    failed = sum(finding.state == FAIL for finding in findings)
    if as_json:
        print_json([finding.to_dict() for finding in findings])
    else:
        click.echo(f"{failed} of {len(findings)} failed" if failed else "all is well")
    context.exit(1 if failed else 0)


def _listed(context: click.Context, parameter: click.Parameter, text: str | None) -> list[str]:
    return [item.strip() for item in (text or "").split(",") if item.strip()]


def _sizes(context: click.Context, parameter: click.Parameter, text: str | None) -> list[int]:
    items = _listed(context, parameter, text)
    if not all(item.isdecimal() for item in items):
        raise click.BadParameter(f"expected numbers of elements, such as 1,100,3072, got {text!r}")
    return [int(item) for item in items]


@hologram.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=_ops)
@click.option("--dtype", default="f32", show_default=True, help="The dtype of the arrays.", shell_complete=_dtypes)
@click.option(
    "--n", "sizes", callback=_sizes, metavar="N,N,...", help="Elements of the largest array, as in 1,100,3072."
)
@click.option(
    "--against", default="numpy", show_default=True, callback=_listed, metavar="PEERS", help="Of numpy,numba,torch."
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Draw into this file; hologram-bench.svg if left out.",
)
@click.option("--no-plot", is_flag=True, help="Draw nothing.")
@as_json
def bench(
    names: Sequence[str],
    dtype: str,
    sizes: Sequence[int],
    against: Sequence[str],
    plot: Path | None,
    no_plot: bool,
    as_json: bool,
) -> None:
    """Time ops beside NumPy and others, and draw it.

    One call of each op NAME (vector_add, sigmoid, softmax and gemm if none is given) is timed with every provider that
    serves it and with each peer that is installed, in turns. Times are in ns: the best mean of a loop, and percentiles
    of single calls. The picture is an SVG or a PNG.
    """
    from . import plot as drawing
    from .bench import OPS, SIZES, measure

    if plot is not None:
        drawing.check_target(plot)
    with progress("timing") as step:
        report = measure(names or OPS, dtype=dtype, sizes=sizes or SIZES, against=against, progress=step)
    if as_json:
        print_json(report.to_dict())
    else:
        print_rows(report.rows, right=range(4, 9))
    for line in report.left_out:
        click.echo(f"left out: {line}", err=True)
    if not no_plot:
        _draw(report, plot)


def _draw(report: Report, target: Path | None) -> None:
    """Draw into a file that was asked for, or into the usual one if that can be done."""
    from .plot import PlotError, draw

    try:
        draw(report, target or Path("hologram-bench.svg"))
    except PlotError as error:
        if target is not None:
            raise
        click.echo(str(error), err=True)
    else:
        click.echo(f"saved {target or 'hologram-bench.svg'}", err=True)


# ---- running ---------------------------------------------------------------------------------------------------------


@hologram.command()
@click.argument("what", metavar="FILE|FOLDER|PACK")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), help="Seconds one check may take; default: 60.")
@as_json
def check(what: str, timeout: float | None, as_json: bool) -> None:
    """Check that kernels keep the contract, in child processes.

    Those of a library, of a folder of libraries, of a pack or of another provider.
    """
    from . import testing  # here, since no other command needs it

    report = testing.check(
        what,
        timeout=timeout or testing.TIMEOUT,
        progress=lambda rows: None if as_json else click.echo(testing.text_of(rows)),
    )
    if as_json:
        print_json(report.to_dict())
    else:
        click.echo(report.summary)
    if report.failed:
        raise click.exceptions.Exit(1)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command with sys.argv or the given arguments; return the exit status."""
    args = list(sys.argv[1:] if arguments is None else arguments)
    debug, rest = "--debug" in args, [arg for arg in args if arg != "--debug"]
    try:
        status = hologram.main(["--debug"] * debug + rest, "hologram", standalone_mode=False)
        return status if isinstance(status, int) else 0  # click returns the status of an Exit
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "hologram"
        return _complain(path, f"{error.format_message()} ({path} --help)", error.exit_code)
    except click.ClickException as error:
        return _complain("hologram", error.format_message(), error.exit_code)
    except click.Abort:
        return 130
    except EXPECTED as error:
        if debug:
            raise
        return _complain("hologram", str(error))
    except Exception as error:
        if debug:
            raise
        return _complain("hologram", f"{type(error).__name__}: {error}; --debug shows where")


def _complain(who: str, message: str, status: int = 1) -> int:
    click.echo(f"{who}: {one_line(message)}", err=True)
    return status
