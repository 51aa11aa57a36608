"""Random programs: the interpreter against compiled code, see tests/fuzz.py."""

from __future__ import annotations

from pathlib import Path

import fuzz
import numpy as np
import pytest
from support.programs import NUMPY, Generator

from hologram_core.settings import Settings


@pytest.mark.parametrize("seed", range(8))
def test_random_programs_compute_the_same(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLOGRAM_CACHE_DIR", str(tmp_path))
    levels = Settings().levels
    found = fuzz.run_batch(seed, fuzz.BATCH, (levels[seed % len(levels)],))
    assert not found, str(found[0])


def test_comparison_notices_differences() -> None:
    program = Generator(3).program("f")
    (name, kind), *_ = program.arrays
    outcome = {name: np.ones(2, NUMPY[kind]) for name, kind in program.arrays} | {"": ""}
    other = {**outcome, name: np.zeros(2, NUMPY[kind])}
    assert not fuzz.compare(program, outcome, outcome)
    assert fuzz.compare(program, outcome, other)
    assert fuzz.compare(program, outcome, {**outcome, "": "failed"})
