"""The bench: how long one call of an op takes with each provider's kernel, beside what others do.

In go names of ops, a dtype, sizes and peers; out comes a Report with a row for each op, size and contestant, and with
what was left out. All take turns in one process and compute the same, which is checked. Refused: an op, dtype or peer
that does not exist.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from . import dtypes, peers
from ._native import BoundKernel
from .catalogue import OpSpec
from .default import default_runtime
from .errors import one_line
from .html import table
from .machine import describe
from .rows import Rows
from .runtime import Runtime
from .timing import Contestant, check, compile_loop, take_turns

Array = np.ndarray[Any, Any]
PAGE, STEP = 4096, 1088  #: bytes, of which 17 cache lines are a step

HEADINGS = ("op", "dtype", "n", "who", "best", "p50", "p99", "p99.9", "numpy takes")
OPS = ("vector_add", "sigmoid", "softmax", "gemm")  #: where none is named
SIZES = (1, 3, 10, 30, 100, 300, 1000, 3072, 10_000, 30_000, 100_000)
ROUNDS, SECONDS = 60, 0.0004  #: turns of each contestant, and how long one lasts: too short to be interrupted often
SINGLES = 500  #: single runs of a turn


@dataclass(frozen=True)
class Measured:
    """How long a call takes with one contestant, in ns."""

    HEADINGS: ClassVar[tuple[str, ...]] = HEADINGS

    op: str
    dtype: str
    n: int  #: elements of the largest array
    who: str  #: a provider or a peer
    is_ours: bool  #: whether it is a provider
    best: float  #: the mean of the best loop
    p50: float  #: of single calls, as the next two
    p99: float
    p999: float
    ratio: float | None  #: NumPy's best by this one's; None without NumPy

    def cells(self) -> tuple[str, ...]:
        """Return a text for each heading."""
        times = (f"{time:,.0f}" for time in (self.best, self.p50, self.p99, self.p999))
        return self.op, self.dtype, str(self.n), self.who, *times, "" if self.ratio is None else f"{self.ratio:.2f}x"

    def notes(self) -> tuple[str, ...]:
        """Return nothing."""
        return ()


@dataclass(frozen=True)
class Report:
    """What was measured."""

    rows: Rows[Measured]
    left_out: tuple[str, ...]  #: a line for whatever could not be measured
    machine: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data."""
        rows = [asdict(row) for row in self.rows]
        return {"machine": self.machine, "rows": rows, "left_out": list(self.left_out)}

    def _repr_html_(self) -> str:
        notes = [f"left out: {line}" for line in self.left_out]
        return table(HEADINGS, [row.cells() for row in self.rows], notes=notes, right=range(4, len(HEADINGS)))


def measure(
    ops: Sequence[str] = OPS,
    *,
    dtype: object = "f32",
    sizes: Sequence[int] = SIZES,
    against: Sequence[str] = ("numpy",),
    runtime: Runtime | None = None,
    rounds: int = ROUNDS,
    seconds: float = SECONDS,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> Report:
    """Time one call of each op at each size, with every provider that serves it and every peer that is installed.

    Sizes are numbers of elements of the largest array; matrices are square, and the nearest ones are taken. `progress`
    is called with how many of the races are done. Raises UnknownOpError, TypeError, ValueError.
    """
    runtime = runtime or default_runtime()
    unknown = [peer for peer in against if peer not in peers.PEERS]
    if unknown:
        raise ValueError(f"no peer {', '.join(map(repr, unknown))}; there are {', '.join(peers.PEERS)}")
    if not all(isinstance(n, int) and n > 0 for n in sizes):
        raise ValueError(f"measure() argument 'sizes': expected numbers of elements from 1 on, got {list(sizes)}")
    specs = [runtime.op(name).spec for name in ops]
    left_out: dict[str, list[int]] = {}  # what, in order and each once, and at which n
    rows: Rows[Measured] = Rows()
    about = {**describe(), "threads": runtime.settings.threads}
    races = [(spec, n) for spec in specs for n in dict.fromkeys(_largest(_shapes(spec, n)) for n in sizes)]
    for i, (spec, n) in enumerate(races):
        progress(i, len(races))
        race = _prepare(runtime, spec, dtypes.name(dtype), n, against, left_out)
        if race is not None:
            rows += _run(race, rounds, seconds)
    return Report(rows, tuple(what + _at(ns) for what, ns in left_out.items()), about)


def _at(sizes: Sequence[int]) -> str:
    return f" at n = {', '.join(map(str, sizes))}" if sizes else ""


@dataclass(frozen=True)
class _Race:
    """One op at one size: who takes part, and which of them are providers."""

    op: str
    dtype: str
    n: int
    contestants: Mapping[str, Contestant]
    ours: Sequence[str]


def _prepare(
    runtime: Runtime, spec: OpSpec, dtype: str, n: int, against: Sequence[str], left_out: dict[str, list[int]]
) -> _Race | None:
    """Bring together who can take part and computes what the op is; None where no provider does."""
    shapes = _shapes(spec, n)
    candidates = runtime.explain(spec.name, dtype, n).candidates
    ours = [candidate.provider for candidate in candidates if candidate.offer is not None]
    if not ours:
        left_out.setdefault(f"no provider serves {spec.name} {dtype}", []).append(n)
        return None
    arguments, outputs = _draw(spec, dtype, shapes)
    expected = _expect(spec, arguments, dtype)
    contestants = {}
    for name in (*ours, *against):
        try:
            out = _placed(outputs, len(arguments))
            if name in ours:
                kernel = runtime.get_kernel(spec.name, dtype, n, provider=name)
                contestant = _provider(spec, kernel, arguments, out)
            else:
                contestant = peers.contestant(name, spec, arguments, out)
            _try(name, contestant, expected)
            contestants[name] = contestant
        except Exception as error:  # a stranger's code, which must not end the others' race
            left_out.setdefault(one_line(str(error)), [])
    return _Race(spec.name, dtype, n, contestants, ours) if contestants.keys() & set(ours) else None


def _shapes(spec: OpSpec, n: int) -> list[tuple[int, ...] | None]:
    """A shape for each parameter, None for scalars; about n elements in the largest, matrices square."""
    params = spec.signature.params
    rank = max([1, *(len(param.core) for param in params)])
    side = max(min(n, 1), round(n ** (1 / rank)))
    return [
        None
        if param.kind == "scalar"
        else (side,)
        if spec.signature.elementwise
        else tuple(size if isinstance(size, int) else side for size in param.core)
        for param in params
    ]


def _largest(shapes: Sequence[tuple[int, ...] | None]) -> int:
    return max(math.prod(shape) for shape in shapes if shape is not None)


def _draw(spec: OpSpec, dtype: str, shapes: Sequence[tuple[int, ...] | None]) -> tuple[list[Any], list[Array]]:
    """Inputs in (0, 1), which every op takes (integers from 1 to 99), and arrays for the outputs."""
    rng = np.random.default_rng(0)
    values: list[Any] = []
    for param, shape in zip(spec.signature.params, shapes, strict=True):
        kind = dtypes.find(param.dtype or dtype).numpy
        drawn = rng.integers(1, 100, shape) if kind.kind in "iu" else rng.uniform(0.05, 0.95, shape)
        values.append(0.5 if shape is None else np.asarray(drawn).astype(kind))
    count = len(spec.signature.inputs)
    return _placed(values[:count]), values[count:]


def _placed(values: Sequence[Any], first: int = 0) -> list[Any]:
    """Copies of arrays, each at a part of a page of its own, and the same one for all contestants.

    What is written at the same place of a page as what is read soon after holds up the CPU.
    """
    return [_copy_at(i * STEP % PAGE, value) for i, value in enumerate(values, first)]


def _copy_at(place: int, value: Any) -> Any:
    if not isinstance(value, np.ndarray):
        return value
    room = np.zeros(value.nbytes + PAGE, np.uint8)
    start = (place - room.ctypes.data) % PAGE
    copy = room[start : start + value.nbytes].view(value.dtype).reshape(value.shape)
    copy[...] = value
    return copy


def _expect(spec: OpSpec, arguments: Sequence[Any], dtype: str) -> Array | None:
    """What the reference says, None where there is none, or the dtype is too coarse to compare."""
    kind = dtypes.find(dtype).numpy
    if spec.reference is None or kind.itemsize < 4:
        return None
    wide = [
        value.astype(np.float64) if isinstance(value, np.ndarray) and kind.kind == "f" else value for value in arguments
    ]
    return np.asarray(spec.reference(*wide))


def _provider(spec: OpSpec, kernel: BoundKernel, arguments: Sequence[Any], outputs: Sequence[Array]) -> Contestant:
    names = {"f": kernel, **dict(zip(spec.parameters, arguments, strict=True))}
    given = ", ".join(spec.parameters)
    if not outputs:
        return Contestant(f"f({given})", names)
    out = outputs[0] if len(outputs) == 1 else tuple(outputs)
    return Contestant(f"f({given}, out=out)", {**names, "out": out}, outputs[0] if len(outputs) == 1 else None)


def _try(name: str, contestant: Contestant, expected: Array | None) -> None:
    compile_loop(contestant)(1)
    if expected is not None and contestant.result is not None:
        try:
            check(name, contestant, np.broadcast_to(expected, contestant.result.shape))
        except AssertionError:
            raise ValueError(f"{name} computes something else: {contestant.line}") from None


def _run(race: _Race, rounds: int, seconds: float) -> Iterator[Measured]:
    turns = take_turns(race.contestants, rounds=rounds, seconds=seconds, singles=SINGLES)
    numpy = min(turns["numpy"].loops) if "numpy" in turns else None
    for name, turn in turns.items():
        best = min(turn.loops)
        p50, p99, p999 = (float(time) for time in np.percentile(turn.singles, (50, 99, 99.9)))
        ratio = None if numpy is None else numpy / best
        yield Measured(race.op, race.dtype, race.n, name, name in race.ours, best, p50, p99, p999, ratio)
