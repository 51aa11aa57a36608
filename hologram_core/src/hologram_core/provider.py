"""Provider: one plugin, asked hook by hook, kept apart from all others.

What goes wrong with it (at import, in a hook, in an answer) becomes a Failure with its traceback,
one warning and an entry in explain() and `hologram providers`; under strict it is a PluginError.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pluggy

from . import hookspecs
from .catalogue import OpSpec
from .errors import PluginError, PluginWarning
from .kernel import Kernel, Refusal

if TYPE_CHECKING:
    from .doctor import Finding

#: A stranger's code: anything may come out of it. Only an interrupt is for someone else.
FOREIGN = (Exception, SystemExit)
MAX_FAILURES = 20  #: of one hook that are kept


@dataclass(frozen=True)
class Failure:
    """What a provider did wrong: `where` ("import", a hook's name), one line, the traceback."""

    where: str
    message: str
    traceback: str = ""


class Provider:
    """One plugin, asked hook by hook; its name is given by the runtime, not by the plugin."""

    def __init__(
        self,
        name: str,
        version: str,
        *,
        distribution: str = "",
        strict: bool = False,
        log: Callable[[str, object], None] = lambda level, message: None,
    ) -> None:
        self.name = name
        self.version = version
        self.distribution = distribution
        self.strict = strict
        self._log = log
        self.plugin: object = None
        self.failures: list[Failure] = []
        self._hooks: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {}
        self._declared: dict[tuple[str, str], list[Kernel]] | None = None
        self._declared_ops: set[str] = set()

    @property
    def hooks(self) -> tuple[str, ...]:
        """Names of the hooks it implements."""
        return tuple(self._hooks)

    def attach(self, plugin: object, manager: pluggy.PluginManager) -> None:
        """Register the plugin and keep its hook functions. Unknown hook names are failures."""
        try:
            manager.register(plugin, name=self.name)
        except FOREIGN as error:
            if manager.get_plugin(self.name) is plugin:
                manager.unregister(plugin)
            self.fail("register", text_of(error), error)
            return
        self.plugin = plugin
        for caller in manager.get_hookcallers(plugin) or ():
            if not caller.has_spec():
                known = ", ".join(sorted(_hook_names()))
                self.fail("register", f"unknown hook {caller.name!r}; the hooks are {known}")
                continue
            for implementation in caller.get_hookimpls():
                if implementation.plugin is plugin:
                    self._hooks[caller.name] = (implementation.function, implementation.argnames)
        if not self._hooks and not self.failures:
            self.fail("register", "implements no hook; mark functions with @hologram_core.hookimpl")

    def fail(self, where: str, message: str, error: BaseException | None = None) -> Failure:
        """Record a failure: warn about the first one of a hook, raise PluginError under strict."""
        if self.strict:
            raise PluginError(self.name, f"{where}: {message}") from error
        earlier = [seen for seen in self.failures if seen.where == where]
        for seen in earlier:
            if seen.message == message:
                return seen
        failure = Failure(where, message, traceback_of(error))
        if len(earlier) < MAX_FAILURES:
            self.failures.append(failure)
            self._log("warning", f"provider {self.name}: {where}: {message}")
        if not earlier:
            warnings.warn(f"provider {self.name}: {where}: {message}", PluginWarning, stacklevel=2)
        return failure

    def _call(self, hook: str, **arguments: object) -> Any:
        function, names = self._hooks[hook]
        return function(**{name: arguments[name] for name in names})

    def offer(self, op: str, dtype: str, n: int) -> Kernel | Refusal | Failure | None:
        """Ask for one kernel. Whatever is not a fitting answer is a Failure, which holds for this n alone."""
        if "provide_kernel" not in self._hooks:
            return None
        try:
            answer = self._call("provide_kernel", name=op, dtype=dtype, n=n)
        except FOREIGN as error:
            return self.fail("provide_kernel", f"{text_of(error)} (asked for {op!r}, {dtype}, n={n})", error)
        if answer is None or isinstance(answer, Refusal):
            return answer
        wrong = _misfit(answer, op, dtype, n)
        if wrong:
            return self.fail("provide_kernel", f"{wrong} (asked for {op!r}, {dtype}, n={n})")
        return answer  # type: ignore[no-any-return]  # _misfit has checked it

    def open(self, kernel: Kernel) -> Kernel | Failure:
        """The kernel with its native code, which may have to be looked for first; see Kernel.late()."""
        try:
            return kernel.opened()
        except FOREIGN as error:
            return self.fail("open", f"{text_of(error)} (for {kernel.op!r}, {kernel.dtype})", error)

    def declared(self, op: str, dtype: str) -> list[Kernel]:
        """The kernels it has declared for an op and dtype."""
        return self._index().get((op, dtype), [])

    def declares(self, op: str) -> bool:
        """Whether it has declared kernels for an op, of any dtype: then there are no others of it."""
        self._index()
        return op in self._declared_ops

    def declared_kernels(self) -> Iterator[Kernel]:
        """All the kernels it has declared."""
        for kernels in self._index().values():
            yield from kernels

    def declared_dtypes(self, op: str) -> list[str]:
        """The dtypes for which it has declared the op."""
        return [dtype for name, dtype in self._index() if name == op]

    def _index(self) -> dict[tuple[str, str], list[Kernel]]:
        if self._declared is None:
            index: dict[tuple[str, str], list[Kernel]] = {}
            for kernel in self._collect("declare_kernels", Kernel):
                index.setdefault((kernel.op, kernel.dtype), []).append(kernel)
            self._declared = index
            self._declared_ops = {op for op, _ in index}
        return self._declared

    def declared_ops(self) -> list[OpSpec]:
        """The ops it adds to the catalogue."""
        return self._collect("declare_ops", OpSpec)

    def findings(self) -> list[Finding]:
        """What it has found out about the machine."""
        from .doctor import Finding  # here, since few processes ask

        return self._collect("diagnose", Finding)

    def forget(self) -> None:
        """Ask again for its declarations next time."""
        self._declared = None

    def _collect(self, hook: str, kind: type[Any]) -> list[Any]:
        if hook not in self._hooks:
            return []
        try:
            items = list(self._call(hook) or ())
        except FOREIGN as error:
            self.fail(hook, text_of(error), error)
            return []
        wrong = next((item for item in items if not isinstance(item, kind)), None)
        if wrong is not None:
            self.fail(hook, f"expected {kind.__name__} values, found {text_of(wrong)}")
            return []
        return items

    def register_commands(self, cli: object) -> None:
        """Let it add its sub-commands."""
        if "register_commands" not in self._hooks:
            return
        try:
            self._call("register_commands", cli=cli)
        except FOREIGN as error:
            self.fail("register_commands", text_of(error), error)


def traceback_of(error: BaseException | None) -> str:
    """The traceback of an error, "" where there is none."""
    if error is None:
        return ""
    import traceback  # here, since only a failure needs it

    return "".join(traceback.format_exception(error))


def text_of(value: object) -> str:
    """A stranger's object in words, even if it has none."""
    try:
        return f"{type(value).__name__}: {value}" if isinstance(value, BaseException) else repr(value)
    except FOREIGN:
        return type(value).__name__


def _misfit(answer: object, op: str, dtype: str, n: int) -> str:
    """What is wrong with an answer of provide_kernel, or ""."""
    if not isinstance(answer, Kernel):
        return f"expected a Kernel, a Refusal or None, got {text_of(answer)}"
    if answer.op != op or answer.dtype != dtype:
        return f"answered with a kernel for {answer.op!r}, {answer.dtype}"
    if not answer.serves(n):
        return f"answered with a kernel for n from {answer.min_n} to {answer.max_n}"
    return ""


def _hook_names() -> set[str]:
    return {name for name, value in vars(hookspecs).items() if hasattr(value, f"{hookspecs.PROJECT}_spec")}
