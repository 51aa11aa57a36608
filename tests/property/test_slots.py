"""Do the tables of an op always agree with a plain model of ranking, whatever the providers and their changes?"""

import itertools
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.providers import runtime_of

import hologram_core as hg
from hologram_core import Kernel, Refusal, hookimpl

TIERS = {"inline": 300, "user": 200, "fallback": 100}
NAMES = ["a", "b", "c", "d"]
LARGEST = 12

ranges = st.tuples(st.integers(0, LARGEST), st.integers(0, LARGEST)).map(sorted) | st.just((0, hg.MAX_N))


@dataclass
class Entry:
    """One kernel of the model."""

    low: int
    high: int
    tier: str
    priority: int | None
    fits: bool  # its signature is the op's
    name: str = ""
    number: int = 0  # what it writes

    @property
    def rank(self) -> int:
        return TIERS[self.tier] if self.priority is None else self.priority

    def kernel(self) -> Kernel:
        number = self.number

        def write(*arguments):
            arguments[-1][...] = number

        signature = "(),()->()" if self.fits else "()->()"
        return Kernel.from_python(
            write, op="vector_add", signature=signature, dtype="f32", min_n=self.low, max_n=self.high, tier=self.tier,
            priority=self.priority,
        )  # fmt: skip


entries = st.builds(
    Entry,
    low=st.just(0),
    high=st.just(0),
    tier=st.sampled_from(list(TIERS)),
    priority=st.none() | st.integers(-2, 2).map(lambda step: 200 + step),
    fits=st.booleans() | st.just(True),
)


@st.composite
def disjoint_entries(draw):
    """Up to three kernels of one provider, of which at most one serves each n, as an honest provider answers."""
    found = []
    for entry in draw(st.lists(entries, min_size=1, max_size=3)):
        low, high = draw(ranges)
        if all(high < other.low or low > other.high for other in found):
            entry.low, entry.high = low, high
            found.append(entry)
    return found


@dataclass
class Model:
    """A provider: its kernels, whether it declares them, and for which n it fails."""

    kernels: list[Entry]
    declares: bool
    raises_at: frozenset[int] = field(default_factory=frozenset)

    def fails(self, n: int) -> bool:
        """Whether it raises; not where it has declared a kernel, which is a promise for the whole range."""
        return n in self.raises_at and not (self.declares and self.find(n))

    def find(self, n: int) -> Entry | None:
        return next((entry for entry in self.kernels if entry.low <= n <= entry.high), None)

    def answer(self, n: int) -> Entry | None:
        return None if self.fails(n) else self.find(n)


class Plugin:
    def __init__(self, model: Model) -> None:
        self.model = model
        self.kernels = {id(entry): entry.kernel() for entry in model.kernels}

    @hookimpl
    def provide_kernel(self, name, dtype, n):
        if (name, dtype) != ("vector_add", "f32"):
            return None
        if self.model.fails(n):
            raise RuntimeError("not this one")
        entry = self.model.answer(n)
        if entry is not None:
            return self.kernels[id(entry)]
        return Refusal("not this n")  # None would say "no n at all"


class DeclaringPlugin(Plugin):
    @hookimpl
    def declare_kernels(self):
        return list(self.kernels.values())


models = st.builds(
    Model,
    kernels=disjoint_entries(),
    declares=st.booleans(),
    raises_at=st.frozensets(st.integers(0, LARGEST), max_size=2) | st.just(frozenset()),
)


def _best(world, priorities, pinned, n):
    """The model of the whole dispatch: the number that a call of size n must find, or None."""
    offers = []
    for name, model in world.items():
        entry = model.answer(n)
        if entry is not None and entry.fits:
            rank = priorities.get(name, entry.rank)
            offers.append((name != pinned, -rank, entry.high - entry.low, name, entry.number))
    return min(offers)[-1] if offers else None


def _number(kernel):
    out = np.zeros(1, "f4")
    kernel.kernel.function(out, out, out)
    return int(out[0])


def _check(runtime, world, priorities, pinned, n):
    expected = _best(world, priorities, pinned, n)
    if expected is None:
        with pytest.raises(hg.UnknownKernelError):
            runtime.ops.vector_add(np.zeros(n, "f4"), np.zeros(n, "f4"))
        assert runtime.explain("vector_add", "f32", n).winner is None
        return
    x = np.zeros((n,), "f4")
    runtime.ops.vector_add(x, x)
    assert _number(runtime.get_kernel("vector_add", "f32", n)) == expected
    if n:
        assert int(runtime.ops.vector_add(x, x)[0]) == expected
    explanation = runtime.explain("vector_add", "f32", n)
    low, high = explanation.interval
    assert low <= n <= high
    for other in range(max(0, low), min(LARGEST + 3, high) + 1):
        assert _best(world, priorities, pinned, other) == expected


actions = st.one_of(
    st.tuples(st.just("call"), st.integers(0, LARGEST + 2)),
    st.tuples(st.just("call"), st.integers(0, LARGEST + 2)),
    st.tuples(st.just("call"), st.integers(0, LARGEST + 2)),
    st.tuples(st.just("register"), st.sampled_from(NAMES), models),
    st.tuples(st.just("unregister"), st.sampled_from(NAMES)),
    st.tuples(st.just("priority"), st.sampled_from(NAMES), st.none() | st.sampled_from([50, 199, 200, 201, 400])),
    st.tuples(st.just("pin"), st.none() | st.sampled_from(NAMES)),
    st.tuples(st.just("refresh")),
)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(NAMES), models), max_size=3), st.lists(actions, max_size=25))
@pytest.mark.filterwarnings("ignore::hologram_core.PluginWarning")
def test_slots_agree_with_the_model_across_changes(first, steps):
    runtime, world, priorities, pinned, numbers = runtime_of(), {}, {}, None, iter(range(1, 10_000))

    def register(name, model):
        if name in world:
            return
        for entry in model.kernels:
            entry.number = next(numbers)
        world[name] = model
        runtime.register((DeclaringPlugin if model.declares else Plugin)(model), name)

    for name, model in first:
        register(name, model)
    for action, *values in [*steps, *(("call", n) for n in range(LARGEST + 3)), *(("call", n) for n in (5, 0, 12))]:
        if action == "call":
            _check(runtime, world, priorities, pinned, values[0])
        elif action == "register":
            register(*values)
        elif action == "unregister" and values[0] in world:
            runtime.unregister(values[0])
            del world[values[0]]
        elif action == "priority":
            runtime.set_priority(*values)
            priorities = {**priorities, values[0]: values[1]}
            priorities = {key: value for key, value in priorities.items() if value is not None}
        elif action == "pin" and (values[0] is None or values[0] in world):
            runtime.pin("vector_add", values[0])
            pinned = values[0]
        elif action == "refresh":
            runtime.refresh()
    slots = [(low, high, _number(kernel)) for _, low, high, kernel in runtime.ops.vector_add.__self__.slots()]
    assert slots == sorted(slots)
    for (_, high, _), (low, _, _) in itertools.pairwise(slots):
        assert high < low
    for low, high, number in slots:
        for n in {low, high, *range(low, min(high, LARGEST + 3) + 1)}:
            assert _best(world, priorities, pinned, n) == number
