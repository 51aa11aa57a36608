"""Hundreds of wrong argument combinations for each op: the right exception, nothing written, nothing leaked."""

import gc
import random
import sys
import tracemalloc
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from support.forms import READABLE, WithArray
from support.providers import Provider, runtime_of

import hologram_core as hg
from hologram_core.catalogue import ROWS

ALLOWED = (TypeError, ValueError, hg.UnknownKernelError)
COMBINATIONS = 200


class _Raises:
    def __init__(self, error):
        self.error = error

    def __array__(self, dtype=None, copy=None):
        raise self.error("no array today")


class _RaisesDlpack:
    def __dlpack__(self, **options):
        raise BufferError("no array today")

    def __dlpack_device__(self):
        return 1, 0


def _deep(levels):
    value = 1.0
    for _ in range(levels):
        value = [value]
    return value


def _masked():
    return np.ma.masked_array(np.ones(8, "f4"), [True] + [False] * 7)


JUNK = [
    lambda: None,
    lambda: "abc",
    lambda: "1.5",
    lambda: b"abcd",
    lambda: object(),
    lambda: type,
    lambda: ...,
    lambda: NotImplemented,
    lambda: slice(3),
    lambda: {},
    lambda: {"a": 1},
    lambda: {1.0, 2.0},
    lambda: (i for i in range(8)),
    lambda: range(8),
    lambda: [],
    lambda: (),
    lambda: [None],
    lambda: [[1.0], [1.0, 2.0]],
    lambda: ["a"] * 8,
    lambda: [1.0] * 7,
    lambda: _deep(70),
    lambda: _deep(20),
    lambda: True,
    lambda: -1,
    lambda: 10**400,
    lambda: 2**64,
    lambda: -(2**63) - 1,
    lambda: [10**400] * 8,
    lambda: 1e308,
    lambda: float("nan"),
    lambda: 1 + 2j,
    lambda: Decimal("1.5"),
    lambda: Fraction(1, 3),
    lambda: np.float64(1e308),
    lambda: np.str_("x"),
    lambda: np.datetime64("2020-01-01"),
    lambda: np.complex64(1j),
    lambda: np.ones(8),
    lambda: np.ones(8, "f2"),
    lambda: np.ones(8, "i8"),
    lambda: np.ones(8, "?"),
    lambda: np.ones(8, "c8"),
    lambda: np.ones(8, "g"),
    lambda: np.ones(8, "O"),
    lambda: np.ones(8, "S3"),
    lambda: np.ones(8, "U3"),
    lambda: np.zeros(8, "M8[s]"),
    lambda: np.zeros(8, "f4,i4"),
    lambda: np.zeros(8, "V4"),
    lambda: np.array(["a", "b"], np.dtypes.StringDType()),
    lambda: np.array(None),
    lambda: np.ones((), "f4"),
    lambda: np.ones(0, "f4"),
    lambda: np.ones(1, "f4"),
    lambda: np.ones(7, "f4"),
    lambda: np.ones((8, 8), "f4"),
    lambda: np.ones((3, 5), "f4"),
    lambda: np.ones((5, 3, 8), "f4"),
    lambda: np.ones((0, 8), "f4"),
    lambda: np.ones((8, 0), "f4"),
    lambda: np.ones((1,) * 64, "f4"),
    lambda: np.ones(16, "f4")[::2],
    lambda: READABLE["byte-swapped"](np.ones(8, "f4")),
    lambda: READABLE["read-only"](np.ones(8, "f4")),
    lambda: READABLE["unaligned"](np.ones(8, "f4")),
    _masked,
    lambda: memoryview(b"12345678"),
    lambda: bytearray(32),
    lambda: memoryview(bytearray(32)).cast("f"),
    lambda: WithArray(np.ones(8, "f4")),
    lambda: WithArray("no array"),
    lambda: _Raises(ValueError),
    lambda: _Raises(TypeError),
    lambda: _RaisesDlpack(),
]


@pytest.fixture(scope="module")
def ops():
    return hg.Runtime(providers=["hologram-stdlib"]).ops


def _good(spec):
    """Arguments that the op takes, with every dimension 8."""
    inputs = [
        np.float32(0.5)
        if param.kind == "scalar"
        else np.full((8,) if spec.signature.elementwise or param.kind == "whole" else (8,) * len(param.core), 0.5, "f4")
        for param in spec.signature.inputs
    ]
    (output,) = spec.signature.outputs
    shape = (8,) if spec.signature.elementwise else (8,) * len(output.core)
    return inputs, np.full(shape, 7, "f4")


def _combinations(spec):
    """Argument lists that differ from a good one in one place, then in several."""
    inputs, _ = _good(spec)
    for position in range(len(inputs) + 1):
        for junk in JUNK:
            arguments, out = _good(spec)
            arguments = [*arguments, out]
            arguments[position] = junk()
            yield arguments, {}
    for count in range(len(inputs) + 4):
        arguments, out = _good(spec)
        yield (arguments + [out] * 4)[:count], {}
    for name in ("out", "x", "a", "where", "dtype", "", "self"):
        for junk in JUNK[:40:3]:
            yield _good(spec)[0], {name: junk()}
    rng = random.Random(spec.name)
    for _ in range(COMBINATIONS):
        arguments, out = _good(spec)
        arguments = [rng.choice(JUNK)() if rng.random() < 0.5 else argument for argument in arguments]
        kwargs = (
            {"out": rng.choice([out, None, rng.choice(JUNK)(), arguments[0], (out,)])} if rng.random() < 0.7 else {}
        )
        if rng.random() < 0.1:
            arguments = arguments[: rng.randrange(len(arguments) + 1)]
        if rng.random() < 0.1:
            kwargs[rng.choice(spec.parameters)] = rng.choice(JUNK)()
        yield arguments, kwargs


def _outcome(call, arguments, kwargs):
    """The exception of a call, None if there is none."""
    try:
        call(*arguments, **kwargs)
    except BaseException as error:
        return error
    return None


@pytest.mark.parametrize("spec", ROWS, ids=lambda spec: spec.name)
def test_wrong_arguments_get_the_right_exception_and_change_nothing(ops, spec):
    op = ops[spec.name]
    refused = 0
    for arguments, kwargs in _combinations(spec):
        arrays = [value for value in (*arguments, *kwargs.values()) if isinstance(value, np.ndarray)]
        before = repr([array.tolist() for array in arrays])
        references = [sys.getrefcount(array) for array in arrays]
        error = _outcome(op, arguments, kwargs)
        if error is not None:
            refused += 1
            assert type(error) in ALLOWED, (error, arguments, kwargs)
            assert str(error), (arguments, kwargs)
            assert "run()" not in str(error), (arguments, kwargs)
            assert repr([array.tolist() for array in arrays]) == before, (error, arguments, kwargs)
        del error
        assert [sys.getrefcount(array) for array in arrays] == references, (arguments, kwargs)
    assert refused > 200
    inputs, out = _good(spec)
    assert op(*inputs, out=out) is out
    assert np.all(np.isfinite(out))


@pytest.mark.parametrize("spec", ROWS, ids=lambda spec: spec.name)
def test_bound_kernel_is_as_careful(ops, spec):
    inputs, out = _good(spec)
    n = max(value.size for value in (*inputs, out))
    kernel = hg.get_kernel(spec.name, "f32", n, provider="hologram-stdlib")
    for position in range(len(inputs) + 1):
        for junk in JUNK:
            arguments = [*inputs, out]
            arguments[position] = junk()
            error = _outcome(kernel, arguments, {})
            assert type(error) in (TypeError, ValueError, type(None)), (error, arguments)
            assert "run()" not in str(error), arguments
    assert kernel(*inputs, out=out) is out


# ---- leaks ---------------------------------------------------------------------------------------


def _calls(runtime):
    """Calls of each of the KINDS, succeeding and failing."""
    add, softmax, both = (runtime.ops[name] for name in ("vector_add", "softmax", "test.sum_and_difference"))
    accumulate, axpy = runtime.ops["test.accumulate"], runtime.ops.axpy
    kernel = runtime.get_kernel("vector_add", "f32", 8)
    a, out, wide, failing = np.ones(8, "f4"), np.empty(8, "f4"), np.ones(8), np.full(8, 2, "f4")
    matrix = np.ones((3, 8), "f4")
    return {
        "out": lambda: add(a, a, out),
        "out by name": lambda: add(a, a, out=out),
        "new": lambda: add(a, a),
        "by name": lambda: add(a=a, b=a),
        "scalar": lambda: axpy(2.0, a, a),
        "rows": lambda: softmax(matrix),
        "several outputs": lambda: both(a, a, out=(out, None)),
        "in-out": lambda: accumulate(out, a),
        "list": lambda: add(a, [1.0] * 8),
        "overlap": lambda: add(a, out[::-1], out=out),
        "bound": lambda: kernel(a, a, out=out),
        "wrong dtype": lambda: add(a, wide),
        "wrong shape": lambda: add(a, matrix[:, :7], out=out),
        "wrong out": lambda: add(a, a, out=wide),
        "wrong count": lambda: add(a),
        "wrong name": lambda: add(a, a, where=out),
        "no kernel": lambda: softmax(wide),
        "kernel fails": lambda: runtime.ops["test.fail"](failing),
        "kernel fails into out": lambda: runtime.ops["test.fail"](failing, out),
    }


KINDS = [
    "out", "out by name", "new", "by name", "scalar", "rows", "several outputs", "in-out", "list", "overlap", "bound",
    "wrong dtype", "wrong shape", "wrong out", "wrong count", "wrong name", "no kernel", "kernel fails",
    "kernel fails into out",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_calls_leave_no_memory_behind(runtime, kind):
    call = _calls(runtime)[kind]

    def repeat(times):
        for _ in range(times):
            _outcome(call, (), {})
        gc.collect()

    def growth():
        before, _ = tracemalloc.get_traced_memory()
        repeat(1500)
        return tracemalloc.get_traced_memory()[0] - before

    repeat(100)
    tracemalloc.start()
    try:
        # The smallest object that a call could leave is larger than 8 bytes. The interpreter's own caches may grow
        # for a while, so what counts is whether growth ends.
        assert any(growth() < 8 * 1500 for _ in range(6))
    finally:
        tracemalloc.stop()


def test_a_hundred_thousand_calls_leave_no_memory_and_no_references(runtime):
    a, out, wide = np.ones(8, "f4"), np.empty(8, "f4"), np.ones(8)
    op = runtime.ops.vector_add
    for _ in range(10):
        op(a, a, out=out)
    objects = (a, out, wide, op, out.dtype, wide.dtype)
    gc.collect()
    before = [sys.getrefcount(item) for item in objects]
    blocks = sys.getallocatedblocks()
    for _ in range(50_000):
        op(a, a, out=out)
        op(a, a)
    for _ in range(5000):
        _outcome(op, (a, wide), {})
    gc.collect()
    assert [sys.getrefcount(item) for item in objects] == before
    assert sys.getallocatedblocks() - blocks < 500


def test_ops_and_kernels_are_collected_with_their_runtime(library):
    class Owner:
        alive = 0

        def __init__(self):
            Owner.alive += 1

        def __del__(self):
            Owner.alive -= 1

    for _ in range(5):
        runtime = runtime_of(mine=Provider([library.adder(1, owner=Owner())]))
        runtime.ops.vector_add(np.ones(3, "f4"), np.ones(3, "f4"))
        runtime.get_kernel("vector_add", "f32", 3)
    assert Owner.alive > 0
    del runtime
    gc.collect()
    assert Owner.alive == 0
