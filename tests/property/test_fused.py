"""Does a fused function give what it gives unfused, and its circuit too once it was written and read again: for random functions?"""

import random

import numpy as np
import pytest
from support.circuits import same_bits

import hologram_core as hg
from hologram_sigmatics import compile_circuit, fuse

BINARY = ("vector_add", "vector_sub", "vector_mul", "vector_div", "vector_min", "vector_max")
UNARY = ("vector_neg", "vector_abs", "relu", "sqrt")
SHAPES = ((40,), (3000,), (4, 5), (2, 3, 4), (6, 500), (7000,), (3, 4000))


def _random_function(rng, arguments, rows):
    """A function that calls ops on its arguments and on what it has computed, some of it twice."""
    steps = []
    for _ in range(rng.choice([1, 2, 4, 8, 16])):
        values = range(len(steps) + arguments)
        one, two, three = (rng.choice(values) for _ in range(3))
        kind = rng.random()
        if kind < 0.45:
            steps.append((rng.choice(BINARY), one, two))
        elif kind < 0.65:
            steps.append((rng.choice(UNARY), one))
        elif kind < 0.75:
            steps.append((rng.choice(["scalar_add", "scalar_mul"]), one, rng.choice([0.5, -3.0, 0.1])))
        elif kind < 0.8:
            steps.append(("clip", one, -1.0, 1.5))
        elif kind < 0.85:
            steps.append(("vector_fma", one, two, three))
        elif kind < 0.95:
            steps.append((rng.choice(["reduce_max", "reduce_min"]), one))
        elif rows:
            steps.append(("rms_norm", one, arguments - 1, 1e-5))
        else:
            steps.append(("copy", one))
    results = rng.sample(range(len(steps)), min(len(steps), rng.choice([1, 1, 1, 2])))

    def function(*arrays):
        values = list(arrays)
        for name, *operands in steps:
            values.append(
                getattr(hg.ops, name)(*(values[item] if isinstance(item, int) else item for item in operands))
            )
        return tuple(values[arguments + at] for at in results)

    names = ", ".join(f"x{at}" for at in range(arguments))
    return eval(f"lambda {names}: function({names})", {"function": function})


def _results_or_error(function, arrays):
    try:
        return function(*arrays)
    except ValueError as error:
        return str(error).partition("(")[0]


@pytest.mark.parametrize("seed", range(0, 120, 20))
def test_random_functions_give_the_same_fused(seed):
    for number in range(seed, seed + 20):
        rng = random.Random(number)
        shape = rng.choice(SHAPES)
        drawn = np.random.default_rng(number)
        shapes = [rng.choice([shape, shape, shape, shape[-1:], (*shape[:-1], 1), ()]) for _ in range(rng.randint(1, 3))]
        rows = rng.random() < 0.3 and shape[-1] <= 3000
        shapes = [shape, *shapes, shape[-1:]] if rows else [shape, *shapes]
        arrays = [np.asarray(drawn.standard_normal(item) * 2, "f4") for item in shapes]
        function = _random_function(rng, len(arrays), rows)
        with np.errstate(all="ignore"):
            expected = _results_or_error(function, arrays)
        fused = fuse(function)
        for _ in range(2):
            found = _results_or_error(fused, arrays)
            if isinstance(expected, str):
                assert isinstance(found, str), number
                continue
            assert [item.shape for item in found] == [item.shape for item in expected], number
            if not rows:  # which have other kernels for one row than for many
                assert all(map(same_bits, found, expected)), number
            else:
                for one, other in zip(found, expected, strict=True):
                    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("seed", range(0, 80, 20))
def test_the_circuit_of_a_function_is_the_function(seed):
    written = 0
    for number in range(1000 + seed, 1020 + seed):
        rng = random.Random(number)
        n = rng.choice([10, 5000])
        arrays = list(np.random.default_rng(number).standard_normal((rng.randint(1, 3), n)).astype("f4"))
        fused = fuse(_random_function(rng, len(arrays), False))
        expected = fused(*arrays)
        circuit = fused.circuit
        again = compile_circuit(str(circuit), circuit.inputs, circuit.outputs, "f32", constants=circuit.constants)
        found = again(**{name: arrays[int(name[1:])] for name in circuit.inputs})
        for one, other in zip(found if isinstance(found, tuple) else (found,), expected, strict=True):
            assert same_bits(one, other), (number, str(circuit))
        written += 1
    assert written == 20
