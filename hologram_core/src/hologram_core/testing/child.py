"""A child process for what may crash or hang: what it says, and what it was about to do when it died.

In goes a generator function; out come the messages that it yields in the child, and last a Death if the child ended
before the function did, or was silent for too long. A child is a fork of this process, and so has all that is in memory
here; where there is no fork it starts anew, and what goes in must pickle.
"""

from __future__ import annotations

import faulthandler
import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Literal, NamedTuple, TypeAlias

from .report import Verdict

METHOD = "fork" if hasattr(os, "fork") else "spawn"
_LENGTH = 400  #: bytes of a text that is kept
_END = "end"


class Message(NamedTuple):
    """What a job says about one check: that it "begins", or its verdict."""

    check: str
    verdict: Verdict | Literal["begins"]
    reason: str = ""


@dataclass(frozen=True)
class Death:
    """How a child ended that should not have, and what it was about to do."""

    how: str
    doing: str

    def __str__(self) -> str:
        return f"{self.doing}: {self.how}" if self.doing else self.how


class Doing:
    """What a job is about to do, in memory that outlives it."""

    def __init__(self, memory: Any = None) -> None:
        self._memory = memory

    def __call__(self, text: str) -> None:
        """Note it; called before each call of a kernel."""
        if self._memory is not None:
            self._memory.value = text.encode()[: _LENGTH - 1]


Job: TypeAlias = Callable[..., Iterator[Any]]  # job(doing, *args)


def run_here(job: Job, *args: Any, timeout: float) -> Iterator[Any]:
    """Run a job in this process, without any of the safety; nothing can be done about one that hangs."""
    yield from job(Doing(), *args)


def run_in_child(job: Job, *args: Any, timeout: float) -> Iterator[Any]:
    """Run a job in a child process, which may be silent for `timeout` seconds."""
    context: Any = multiprocessing.get_context(METHOD)
    receiver, sender = context.Pipe(duplex=False)
    memory = context.RawArray("c", _LENGTH)
    process = context.Process(target=_work, args=(sender, memory, job, args), daemon=True)
    with warnings.catch_warnings():
        # that this process has threads, of NumPy for example: none of them is needed in the child
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()
    sender.close()
    try:
        yield from _receive(receiver, process, timeout)
    except EOFError:
        process.join()
        yield Death(_how(process.exitcode), memory.value.decode(errors="replace"))
    except TimeoutError:
        yield Death(f"it has not returned for {timeout:g} s", memory.value.decode(errors="replace"))
    finally:
        process.kill()
        process.join()
        receiver.close()


def _receive(receiver: Connection, process: Any, timeout: float) -> Iterator[Any]:
    """The messages up to the last. Raises EOFError if that does not come, TimeoutError after a silence."""
    while receiver.poll(timeout):
        try:
            message = receiver.recv()
        except OSError as error:  # how Windows says it
            raise EOFError from error
        if message == _END:
            return
        yield message
    raise TimeoutError


def _work(sender: Connection, memory: Any, job: Job, args: tuple[Any, ...]) -> None:
    """What runs in the child."""
    faulthandler.disable()  # the parent reports it
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash is expected, a file of it is not
    for message in job(Doing(memory), *args):
        sender.send(message)
    sender.send(_END)


def _how(status: int) -> str:
    if status >= 0:
        return f"it ended the process with status {status:#x}"
    names = {number.value: number.name for number in signal.Signals}
    return f"the process died of {names.get(-status, 'signal')} ({signal.strsignal(-status)})"
