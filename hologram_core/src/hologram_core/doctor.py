"""The doctor: is this machine fit for the runtime, and does every provider compute what it should?

In goes the environment of the process, or a runtime; out come Findings, one by one, each with what was looked at, what
was found and, unless all is well, what to do. A real computation of every provider is compared with the reference of
the op. Nothing is refused: a variable that means nothing is a finding, and the rest is looked at without it.
"""

from __future__ import annotations

import os
import platform
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from . import _native, dtypes
from .catalogue import STANDARD
from .errors import SettingsError, one_line
from .kernel import Kernel
from .plugins import discover
from .provider import FOREIGN, Failure, Provider, text_of, traceback_of
from .rows import kernel_row
from .runtime import Runtime
from .settings import PREFIX, Settings

PASS, NOTE, FAIL = STATES = ("pass", "note", "fail")
MAX_KERNELS = 1000  #: of one provider that are computed
MAX_WRONG = 5  #: kernels of one provider that are told of
SECONDS = 60.0  #: that one kernel may take


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str  #: "compiler"
    state: str  #: "pass", "note" (works, but know this) or "fail"
    found: str  #: one line
    advice: str = ""  #: what to do, one line
    detail: str = ""  #: a traceback, for --debug

    def __post_init__(self) -> None:
        if self.state not in STATES:
            raise ValueError(f"finding {self.what!r}: state {self.state!r}, expected one of {', '.join(STATES)}")

    def __str__(self) -> str:
        return f"{self.state.upper()}  {self.what}: {self.found}{f'; {self.advice}' if self.advice else ''}"

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain data."""
        return asdict(self)


def examine(runtime: Runtime | None = None) -> Iterator[Finding]:
    """Look at everything, and yield what is found as soon as it is.

    Without a runtime, at the one that the environment asks for, not strict.
    """
    refused = dict(_refused_variables())
    with _set_aside(refused):
        yield from _machine()
        yield from _variables(refused)
        runtime = runtime or _quietly(lambda: Runtime(strict=False))
        yield from _settings(runtime.settings)
        providers = _quietly(runtime._listed)
        if not providers:
            yield _no_provider(runtime.settings)
        for provider in providers:
            yield from _quietly(list, _examine_provider(runtime, provider))


@contextmanager
def _set_aside(variables: Iterable[str]) -> Iterator[None]:
    """Take variables out of the environment for a while."""
    kept = {name: os.environ.pop(name) for name in variables}
    try:
        yield
    finally:
        os.environ.update(kept)


def _quietly(step: Callable[..., Any], *arguments: object) -> Any:
    """Run a step; what it warns about is among what is found."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return step(*arguments)


# ---- the machine -----------------------------------------------------------------------------------------------------


def _machine() -> Iterator[Finding]:
    build = f"{platform.python_implementation()} on {platform.system()} {platform.machine()}"
    yield Finding("Python", PASS, f"{platform.python_version()}, {build}, {sys.executable}")
    yield Finding("NumPy", PASS, np.__version__)
    levels = _native.cpu_levels()
    if levels:
        yield Finding("CPU", PASS, f"has {', '.join(levels)}")
    else:
        yield Finding("CPU", FAIL, "has none of the levels", "kernels in C need x86-64-v2: SSE4.2 and POPCNT")


def _refused_variables() -> Iterator[tuple[str, str]]:
    """Each variable with a value that means nothing, and why."""
    for name, value in os.environ.items():
        if name.startswith(PREFIX):
            try:
                _quietly(Settings.from_environment, {name: value})
            except SettingsError as error:
                yield name, str(error)


def _variables(refused: dict[str, str]) -> Iterator[Finding]:
    for name, message in refused.items():
        found = message.removeprefix(name).lstrip("=: ")
        advice = f"give {name} another value, or none; until then every use of the runtime is this error"
        yield Finding(name, FAIL, found, advice)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Settings.from_environment()
    for warning in caught:
        name, _, found = str(warning.message).partition(" ")
        yield Finding(name, NOTE, found, "it has no effect; is it misspelt?")


def _settings(settings: Settings) -> Iterator[Finding]:
    cpus = Settings().threads
    state, advice = (NOTE, "more threads than CPUs take turns") if settings.threads > cpus else (PASS, "")
    yield Finding("threads", state, f"{settings.threads} for one call, {cpus} CPUs for this process", advice)
    limit = "" if settings.isa is None else ", by HOLOGRAM_ISA"
    yield Finding("levels in use", PASS, f"{', '.join(settings.levels) or 'none'}{limit}")
    yield from _unknown_names(settings)


def _unknown_names(settings: Settings) -> Iterator[Finding]:
    """Providers that a setting names and nobody has installed."""
    installed = {found.provider for found in discover()}
    installed |= {name.partition(":")[0] for name in installed}
    named = {"PROVIDERS": settings.providers or (), "DISABLE": settings.disable, "PRIORITY": settings.priority or ()}
    for variable, names in named.items():
        unknown = sorted(set(names) - installed)
        if unknown:
            found, there = f"names {', '.join(unknown)}, not installed", ", ".join(sorted(installed))
            yield Finding(f"{PREFIX}{variable}", NOTE, found, f"there are {there or 'none'}")


# ---- providers -------------------------------------------------------------------------------------------------------


def _no_provider(settings: Settings) -> Finding:
    if settings.providers is not None or settings.disable:
        return Finding("providers", FAIL, "none is left", "HOLOGRAM_PROVIDERS and HOLOGRAM_DISABLE decide which are")
    return Finding("providers", FAIL, "none is installed, so there are no kernels", "pip install hologram-stdlib")


def _examine_provider(runtime: Runtime, provider: Provider) -> Iterator[Finding]:
    """What its kernels compute, what it says about the machine, and what failed meanwhile."""
    kernels = _kernels(provider)
    tried = _try_all(runtime, provider, kernels[:MAX_KERNELS])
    said = [replace(finding, what=f"{provider.name}: {finding.what}") for finding in provider.findings()]
    wrong = [finding for finding in tried if finding.state == FAIL]
    for failure in provider.failures:
        advice = f'mend or remove it; HOLOGRAM_DISABLE="{provider.name}" goes on without it'
        yield Finding(provider.name, FAIL, f"{failure.where}: {failure.message}", advice, failure.traceback)
    yield from wrong[:MAX_WRONG]
    if wrong or not provider.failures:
        yield _sum_up(provider, tried, len(kernels))
    yield from said


def _kernels(provider: Provider) -> list[Kernel]:
    """What it declares or, if that is nothing, what it answers to small requests for the standard ops."""
    declared = list(provider.declared_kernels())
    if declared:
        return declared
    answers = (provider.offer(op, dtype, 8) for op in STANDARD for dtype in dtypes.NAMES)
    return [answer for answer in answers if isinstance(answer, Kernel)]


def _try_all(runtime: Runtime, provider: Provider, kernels: Sequence[Kernel]) -> list[Finding]:
    """Compute something with each kernel, in a child process where there is fork: one may crash, or never return.

    After so many of those the rest is not tried.
    """
    from .testing import child  # here: it brings ctypes

    run = child.run_in_child if child.METHOD == "fork" else child.run_here
    tried: list[Finding] = []
    deaths = 0
    while len(tried) < len(kernels) and deaths < MAX_WRONG:
        for message in run(_trials, runtime, provider, kernels[len(tried) :], timeout=SECONDS):
            if isinstance(message, child.Death):
                deaths += 1
                advice = f'report this to its author; HOLOGRAM_DISABLE="{provider.name}" goes on without all of it'
                tried.append(Finding(f"{provider.name}: {message.doing}", FAIL, message.how, advice))
            else:
                finding, failures = message
                tried.append(finding)
                provider.failures.extend(failure for failure in failures if failure not in provider.failures)
    return tried


def _trials(
    doing: Callable[[str], None], runtime: Runtime, provider: Provider, kernels: Sequence[Kernel]
) -> Iterator[tuple[Finding, list[Failure]]]:
    """For each kernel what was found, and what its provider did wrong meanwhile."""
    for kernel in kernels:
        doing(f"{kernel.op} {kernel.dtype}")
        before = len(provider.failures)
        yield _try(runtime, provider, kernel), provider.failures[before:]


def _try(runtime: Runtime, provider: Provider, kernel: Kernel) -> Finding:
    """Compute something with one kernel."""
    from .testing import KernelCheckError, check_once  # here: it brings ctypes

    spec = runtime.op(kernel.op).spec
    what = f"{provider.name}: {kernel.op} {kernel.dtype}"
    problem = kernel_row(kernel, spec, provider, runtime._rules).problem
    if problem or spec.reference is None:
        return Finding(what, NOTE, problem or "no reference to compare with")
    try:
        n = min(max(8, kernel.min_n), kernel.max_n)
        bound = runtime.get_kernel(kernel.op, kernel.dtype, n, provider=provider.name)
        if not check_once(bound, spec.reference):
            return Finding(what, NOTE, "no arguments that were tried have a result")
    except KernelCheckError as error:
        return Finding(what, FAIL, one_line(str(error)), "its results are wrong: report this to its author")
    except FOREIGN as error:
        return Finding(what, FAIL, one_line(text_of(error)), "report this to its author", traceback_of(error))
    return Finding(what, PASS, "as the reference")


def _sum_up(provider: Provider, tried: Sequence[Finding], count: int) -> Finding:
    """One line about all kernels of a provider."""
    number = Counter(finding.state for finding in tried)
    parts = [f"{number[PASS]} of {count} kernels compute what the reference does" if count else "no kernels of its own"]
    parts += [f"wrong: {number[FAIL]}"] if number[FAIL] else []
    notes = Counter(finding.found for finding in tried if finding.state == NOTE)
    parts += [f"{found} ({times})" for found, times in notes.most_common(MAX_WRONG)]
    parts += [f"the first {len(tried)} were tried"] if len(tried) < count else []
    state = FAIL if number[FAIL] else NOTE if number[NOTE] else PASS
    return Finding(provider.name, state, f"{provider.version}: {'; '.join(parts)}".removeprefix(": "))
