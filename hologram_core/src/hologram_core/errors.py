"""Every error a user of the runtime can meet, each saying what was asked, what was found, what to do.

The data behind a message is in the attributes of the error; the sentence is made once, in __init__.
Errors about arguments are plain TypeError and ValueError, as NumPy's are.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import _native


def one_line(message: str) -> str:
    """Return a message of several lines as one."""
    return "; ".join(line.strip() for line in message.splitlines() if line.strip())


class HologramError(Exception):
    """The root of all errors that are Hologram's own."""


class SettingsError(HologramError, ValueError):
    """A HOLOGRAM_* variable or a Runtime parameter has a value that means nothing."""


class SignatureError(HologramError, ValueError):
    """A signature text does not parse, or a kernel contradicts its own signature."""


class LibraryError(HologramError, ValueError):
    """A kernel library's table cannot be trusted: wrong ABI version, sizes or strings."""


class KernelError(HologramError, RuntimeError):
    """A kernel reported a failure; the message is the kernel's own."""


_native.set_kernel_error(KernelError)


class PluginError(HologramError):
    """A provider failed, and HOLOGRAM_STRICT=1 makes that an error. `.provider` names it."""

    def __init__(self, provider: str, what: str) -> None:
        self.provider = provider
        super().__init__(f"provider {provider}: {what}")


class PluginWarning(UserWarning):
    """A provider failed and was left out; everything else keeps working."""


class UnknownKernelError(HologramError, LookupError):
    """No provider offers a kernel for a request.

    `.op`, `.dtype`, `.n` are the request, `.asked` the providers that were asked.
    """

    def __init__(
        self,
        op: str,
        dtype: str | None,
        n: int | None,
        *,
        asked: Sequence[str] = (),
        found: Sequence[str] = (),
        advice: Sequence[str] = (),
    ) -> None:
        self.op, self.dtype, self.n, self.asked = op, dtype, n, tuple(asked)
        request = "" if dtype is None else f" for {dtype} (n={n})"
        lines = [f"no kernel {op!r}{request}; asked: {', '.join(asked) or 'no provider is installed'}"]
        lines += [f"  {line}" for line in (*found, *advice)]
        super().__init__("\n".join(lines))


class UnknownOpError(UnknownKernelError, AttributeError):
    """No op has this name: neither the catalogue nor any provider knows it."""

    def __init__(self, op: str, *, closest: Sequence[str], asked: Sequence[str]) -> None:
        found = [f"closest names: {', '.join(closest)}"] if closest else []
        UnknownKernelError.__init__(
            self, op, None, None, asked=asked, found=found, advice=["all names: dir(hologram_core.ops)"]
        )
