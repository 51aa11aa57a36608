"""Do the steps from a flow to the executor each do what they say: registers, stages, passes, and the native program?"""

import itertools
import random

import numpy as np
import pytest

import hologram_core as hg
from hologram_core.catalogue import STANDARD
from hologram_sigmatics import _pages, compile_circuit
from hologram_sigmatics.flow import Flow, Input, Output, Step, kind_of
from hologram_sigmatics.liveness import Use, allocate, shortest_lives
from hologram_sigmatics.stages import cut

N = ("...", "n")


def _step(name, reads, write, shape=N):
    return Step(STANDARD[name], tuple(reads), (write,), (shape,))


def _flow(inputs, *steps, outputs=None):
    last = steps[-1].writes[0]
    named = [Input(f"x{index}", shape) for index, shape in enumerate(inputs)]
    return Flow(tuple(named), (), steps, tuple(Output(f"y{value}", value) for value in outputs or [last]))


# ---- liveness ------------------------------------------------------------------------------------


def _alive_at_once(uses, keep):
    """The most values that must be held at any time, by the definition."""
    written = {value: index for index, use in enumerate(uses) for value in use.writes}
    last = {value: max([written[value]] + [i for i, use in enumerate(uses) if value in use.reads]) for value in written}
    last |= dict.fromkeys(keep, len(uses))
    most = 0
    for index, use in enumerate(uses):
        if not use.writes:
            continue
        # in place what is read for the last time makes room for what is written
        until = index + 1 if use.in_place else index
        before = [value for value, at in written.items() if at < index and last[value] >= until]
        most = max(most, len(before) + len(use.writes))
    return most


@pytest.mark.parametrize("seed", range(300))
def test_values_take_as_few_registers_as_are_alive_at_once(seed):
    rng = random.Random(seed)
    uses, values = [], itertools.count()
    known = []
    for _ in range(rng.randint(1, 20)):
        reads = tuple(rng.sample(known, min(len(known), rng.randint(0, 3))))
        writes = tuple(next(values) for _ in range(rng.choice([1, 1, 1, 2])))
        uses.append(Use(reads, writes, rng.random() < 0.7))
        known += writes
    keep = rng.sample(known, rng.randint(0, min(2, len(known))))
    registers = allocate(uses, keep)
    assert registers.count == _alive_at_once(uses, keep)
    held = {}
    for use in uses:
        assert all(held.get(registers.of[value]) == value for value in use.reads), "overwritten too early"
        taken = {registers.of[value] for value in use.reads}
        for value in use.writes:
            assert use.in_place or registers.of[value] not in taken
            held[registers.of[value]] = value
        assert len({registers.of[value] for value in use.writes}) == len(use.writes)
    assert all(held[registers.of[value]] == value for value in keep)


def test_steps_are_put_in_the_order_that_needs_fewest_registers():
    exps = [_step("exp", [index], 4 + index) for index in range(4)]
    sums = [_step("vector_add", [4, 5], 8), _step("vector_add", [8, 6], 9), _step("vector_add", [9, 7], 10)]
    flow = _flow([N] * 4, *exps, *sums)
    circuit = compile_circuit(
        "merge@c09[c07,c10] . merge@c08[c06,c09] . merge@c04[c05,c08] . merge:exp@c03->c07 . merge:exp@c02->c06 . "
        "merge:exp@c01->c05 . merge:exp@c00->c04"
    )
    assert "registers: 2" in circuit.program()
    ordered = shortest_lives(flow)
    assert sorted(step.writes for step in ordered.steps) == sorted(step.writes for step in flow.steps)
    x = np.random.default_rng(0).standard_normal((4, 20)).astype("f4")
    expected = np.exp(x[0]) + np.exp(x[1]) + np.exp(x[2]) + np.exp(x[3])
    np.testing.assert_allclose(circuit(*x), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("phrase", "registers"),
    [
        ("merge:sigmoid@c04->c05 . merge:add@c03[c02,c04] . merge:mul@c00[c01,c03]", 1),
        ("merge@c02[c03,c04] . merge:exp@c01->c03 . merge:exp@c00->c02", 2),
        ("mark@c[0..2]", 3),
        ("swap@c00<->c01", 2),
        ("merge:max@c00->c01", 0),
    ],
)
def test_a_circuit_needs_no_more_registers_than_it_must(phrase, registers):
    assert f"registers: {registers}\n" in compile_circuit(phrase).program()


# ---- stages --------------------------------------------------------------------------------------


def test_kinds_of_ops():
    kinds = {name: kind_of(spec) for name, spec in STANDARD.items()}
    assert {name for name, kind in kinds.items() if kind == "fold"} == {
        "reduce_sum", "reduce_min", "reduce_max", "reduce_prod", "vector_dot",
    }  # fmt: skip
    assert {name for name, kind in kinds.items() if kind == "row"} == {
        "softmax", "log_softmax", "layer_norm", "rms_norm", "cross_entropy",
    }  # fmt: skip
    assert {name for name, kind in kinds.items() if kind == "call"} == {
        "gemv", "gemm", "gemv_f32", "gemm_f32", "mse", "binary_cross_entropy",
    }  # fmt: skip


M = ("m", "n")
CASES = [
    ([M, M], [("vector_add", [0, 1], M), ("exp", [2], M)], ["(),()->()"]),
    ([M, ("n",)], [("vector_add", [0, 1], M)], ["(n),(n)->(n)"]),
    ([M, ("m", 1)], [("vector_add", [0, 1], M)], ["(n),(1)->(n)"]),
    ([M, ()], [("vector_add", [0, 1], M)], ["(...),()->(...)"]),
    ([M, ("n",), ("m", 1), ()], [("vector_add", [0, 1], M), ("vector_mul", [4, 2], M), ("vector_sub", [5, 3], M)], ["(n),(n),(1),()->(n)"]),
    ([M], [("reduce_sum", [0], ()), ("vector_div", [0, 1], M)], ["(...)->(...)"]),
    ([("n",)], [("reduce_sum", [0], ()), ("vector_div", [0, 1], ("n",)), ("softmax", [2], ("n",))], ["(n)->(n)"]),
    ([M], [("reduce_sum", [0], ()), ("vector_div", [0, 1], M), ("softmax", [2], M)], ["(...)->(...)", "(n)->(n)"]),
    ([M], [("reduce_sum", [0], ()), ("sqrt", [1], ())], ["(...)->()"]),
    ([M, ("b", "m", "n")], [("exp", [0], M), ("vector_add", [2, 1], ("b", "m", "n"))], ["()->()", "(),()->()"]),
    ([M, M, ("n",)], [("gemv", [0, 2], ("m",)), ("exp", [3], ("m",)), ("gemv", [1, 4], ("m",))], ["(m,n),(n)->(m)", "()->()", "(m,n),(n)->(m)"]),
    ([M, M], [("exp", [0], M), ("gemm", [0, 1], ("m", "k")), ("vector_mul", [2, 1], M), ("vector_add", [3, 3], ("m", "k"))], ["(),()->()", "(m,k),(k,n)->(m,n)", "()->()"]),
]  # fmt: skip


@pytest.mark.parametrize(("inputs", "steps", "signatures"), CASES)
def test_steps_are_cut_into_stages(inputs, steps, signatures):
    made = [_step(name, reads, len(inputs) + index, shape) for index, (name, reads, shape) in enumerate(steps)]
    read = {value for step in made for value in step.reads}
    outputs = [step.writes[0] for step in made if step.writes[0] not in read]
    stages = cut(_flow(inputs, *made, outputs=outputs))
    assert [str(stage.signature) for stage in stages] == signatures
    known = set(range(len(inputs)))
    for stage in stages:
        assert known.issuperset(stage.reads)
        known.update(stage.writes)
    assert known.issuperset(outputs)


def test_too_many_arrays_for_a_kernel_are_refused():
    phrase = " . ".join(f"merge@c{index:02}[c20,c20]" for index in range(16))
    with pytest.raises(
        ValueError, match="a circuit that reads 17 arrays and writes 1 at once: a kernel has at most 16"
    ):
        compile_circuit(phrase)


def test_a_flow_that_reads_what_is_not_there_is_refused():
    with pytest.raises(ValueError, match="step exp reads a value that is not there yet"):
        _flow([N], _step("exp", [2], 1))


# ---- the native program --------------------------------------------------------------------------

PASS = (1, (), (("exp", 1, 0, 0, True, False, ((0, False), (2, False))),), (), (), ((1, 2, True),))
GOOD = {
    "inputs": (False,), "outputs": 1, "dimension": -1, "page": 3072, "strip": 256, "item": 4, "narrow": "", "split": 1000,
    "constants": b"", "cells": 0, "buffers": (), "partials": 0, "flat": PASS, "passes": (PASS,), "singles": (), "owner": None,
}  # fmt: skip


def _with_step(*step):
    return {"flat": (1, (), (step,), (), (), ())}


def test_a_program_that_makes_sense_is_taken():
    assert _pages.Program(**GOOD).address > 0


@pytest.mark.parametrize(
    "changes",
    [
        {"inputs": [False]},
        {"inputs": (False,) * 16},
        {"outputs": 0},
        {"outputs": -5},
        {"outputs": 2**40},
        {"dimension": 99},
        {"dimension": -2},
        {"page": 0},
        {"page": 2**40},
        {"strip": 0},
        {"strip": 3073},
        {"item": 0},
        {"item": 16},
        {"constants": b"1234"},
        {"constants": b"12345678" * 1000},
        {"cells": -1},
        {"cells": 10_000},
        {"partials": 10_000},
        {"partials": -1},
        {"buffers": (0,)},
        {"buffers": (7,)},
        {"buffers": ("x",)},
        {"buffers": (-1,) * 600},
        {"flat": None},
        {"flat": ()},
        {"flat": (-1, (), (), (), (), ())},
        {"flat": (600, (), (), (), (), ())},
        {"flat": (511, (), (), (), (), ())},
        {"flat": (1, (), [], (), (), ())},
        {"passes": (None,)},
        {"passes": [PASS]},
        {"singles": ((0, 0, False),)},
        {"singles": ((1, 2, False),)},
        {"singles": (5,)},
        {"narrow": None},
        _with_step("exp", 0, 0, 0, True, False, ()),
        _with_step("exp", 1, 0, 0, True, False, ((0, False),) * 17),
        _with_step("exp", 1, 0, 0, True, False, ((3, False),)),
        _with_step("exp", 1, 0, 0, True, False, ((-1, False),)),
        _with_step("exp", 1, 0, 0, True, False, (0, 2)),
        _with_step("exp", "x", 0, 0, True, False, ()),
        _with_step("exp", 2**80, 0, 0, True, False, ()),
        _with_step("e\0xp", 1, 0, 0, True, False, ()),
        _with_step(None, 1, 0, 0, True, False, ()),
        _with_step("exp"),
        {"flat": (1, (), (), (), (), ((0, 2, True),))},
        {"flat": (1, (), (), (), (), ((1, 9, True),))},
        {"flat": (1, (), (), (), (5,), ())},
        {"flat": (1, (), (), (), ((("sum", 1, 0, 0, False, False, ((0, False), (1, True))), 0, 0),), ())},
        {"owner": None, "extra": 1},
    ],
)
def test_a_program_that_makes_no_sense_is_refused(changes):
    with pytest.raises((ValueError, TypeError, OverflowError)):
        _pages.Program(**{**GOOD, **changes})


def test_fill_and_not_are_what_they_are_called():
    for dtype in map(np.dtype, ("?", "i1", "i2", "i4", "i8", "f2", "f4", "f8")):
        one = np.ones((), dtype).item()
        circuit = compile_circuit("merge:max@c01[c00,c02]", {"x": "c00"}, constants={"c01": one}, dtype=dtype)
        for n in (0, 1, 77, 20_000):
            x = np.zeros(n, dtype)
            np.testing.assert_array_equal(circuit(x), np.ones(n, dtype))


def test_an_isa_can_be_forced():
    a, b = np.random.default_rng(1).standard_normal((2, 9000)).astype("f4")
    found = [
        compile_circuit("merge:tanh@c02->c02 . merge@c00[c01,c02]", runtime=hg.Runtime(isa=isa))(a, b)
        for isa in ("baseline", hg.cpu_levels()[-1])
    ]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-6)
