"""Waiting for what another thread or process does."""

from __future__ import annotations

import time
from collections.abc import Callable

SECONDS = 30.0  # more than anything takes on a machine that is busy with something else


def wait_for(condition: Callable[[], object], what: str = "") -> None:
    """Return as soon as the condition holds; fail after a long time."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, f"waited in vain: {what or condition}"
        time.sleep(0.002)
