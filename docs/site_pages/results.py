"""What `make bench BENCH_ARGS=--record` kept: the rows of benchmarks/measured.json, and how their times are written."""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MEASURED: dict[str, Any] = json.loads((ROOT / "benchmarks" / "measured.json").read_text(encoding="utf-8"))


def rows(benchmark: str) -> list[dict[str, Any]]:
    """Return what a benchmark measured."""
    return [row for row in MEASURED["rows"] if row["benchmark"] == benchmark]


def time(ns: float) -> str:
    """Return nanoseconds as text, from half a million on as milliseconds, and with their unit."""
    return f"{ns / 1e6:.1f} ms" if ns >= 5e5 else f"{ns:,.0f} ns"
