"""The machine: what figures have to be told with."""

from __future__ import annotations

import datetime
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np

from ._native import cpu_levels


def describe() -> dict[str, Any]:
    """Return the date, the CPU, its highest level, the system, the versions, and how busy the machine is."""
    return {
        "date": datetime.date.today().isoformat(),
        "cpu": cpu_name(),
        "level": (cpu_levels() or ("none",))[-1],
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else 0.0,
    }


def cpu_name() -> str:
    """Return what the CPU calls itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
