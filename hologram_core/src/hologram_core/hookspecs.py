"""The contract with providers: five hooks, all optional.

A provider is a module or an object with any of these functions, each marked with @hookimpl, named
by an entry point in the group "hologram.plugins" or passed to Runtime.register(). The headings
are the same for each: Called, Return, None, Ordering, Errors.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    import click

    from .catalogue import OpSpec
    from .doctor import Finding
    from .kernel import Kernel, Refusal

PROJECT = "hologram"
GROUP = "hologram.plugins"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def provide_kernel(name: str, dtype: str, n: int) -> Kernel | Refusal | None:
    """Offer a kernel for one request.

    Called    once for each new request; the answer is remembered, so this is never on the hot path.
    Return    a Kernel for exactly this name and dtype that serves n elements (those of the largest
              array of the call).
    None      "not mine": the normal answer. It means that no n of this name and dtype is.
    Refusal   Refusal("f32 only"): mine, but not for this dtype or n; explain() prints the reason.
    Ordering  all providers are asked. The caller's pin wins, then the higher priority, then the
              narrower range of n, then the provider name that sorts first.
    Errors    an exception or a wrong answer drops this offer alone: it is recorded, warned about
              once, and raised under HOLOGRAM_STRICT=1.
    """


@hookspec
def declare_kernels() -> Iterable[Kernel]:  # type: ignore[empty-body]
    """List the kernels that provide_kernel can answer with.

    Called    once, at the first request or listing after the set of providers changed.
    Return    any iterable of Kernels. With it an answer is remembered for a whole range of n;
              without, for the one n that was asked.
    None      nothing to declare.
    Ordering  of no importance.
    Errors    as for provide_kernel; the provider then counts as having declared nothing.
    """


@hookspec
def declare_ops() -> Iterable[OpSpec]:  # type: ignore[empty-body]
    """Add ops to the catalogue.

    Called    once, at the first request or listing after the set of providers changed.
    Return    OpSpecs of names that are not in the catalogue.
    None      nothing to declare.
    Ordering  of two providers that declare one name, the name that sorts first is heard.
    Errors    as for provide_kernel. A row that contradicts a known op is refused and recorded.
    """


@hookspec
def register_commands(cli: click.Group) -> None:
    """Add sub-commands to the `hologram` command.

    Called    once, when the command starts.
    Return    nothing; use cli.add_command(...) or @cli.command().
    None      always.
    Ordering  by provider name.
    Errors    as for provide_kernel; the other commands keep working.
    """


@hookspec
def diagnose() -> Iterable[Finding]:  # type: ignore[empty-body]
    """Tell what the provider needs from the machine, and whether it is there.

    Called    once for each run of `hologram doctor`.
    Return    any iterable of Findings (hologram_core.doctor): what was looked at, "pass", "note" or
              "fail", what was found, and what to do.
    None      nothing to tell.
    Ordering  by provider name.
    Errors    as for provide_kernel; the doctor shows them, and everybody else's findings.
    """
