"""Does the executor give what the definition of a circuit says: for random circuits, every dtype, every length, any threads?"""

import itertools
import random

import numpy as np
import pytest
from support.circuits import PAGES, Arrays, random_computable, same_bits
from support.registers import RaceError, run

import hologram_core as hg
from hologram_core import dtypes
from hologram_sigmatics import Phrase, SigmaticsError, canonicalize, compile_circuit
from hologram_sigmatics.effects import inputs_of, outputs_of

CIRCUITS = 15  # for each dtype


def _circuit(dtype, seed, runtime=None):
    """A random circuit that reads something and writes something, and its tree."""
    for attempt in itertools.count():
        rng = random.Random(f"{dtype} {seed} {attempt}")
        tree = random_computable(rng, dtype)
        try:
            run(tree, Arrays(dtype, seed, 1))
        except RaceError:
            with pytest.raises(SigmaticsError, match="branch"):
                compile_circuit(Phrase(tree))
            continue
        parameters = len(inputs_of(Phrase(tree))) + len(outputs_of(Phrase(tree)))
        if inputs_of(Phrase(tree)) and outputs_of(Phrase(tree)) and parameters <= 16:
            return tree, compile_circuit(Phrase(tree), dtype=dtype, runtime=runtime)


def _results(circuit, arrays):
    found = circuit(*(arrays.argument(number) for number in inputs_of(circuit.phrase)))
    return found if isinstance(found, tuple) else (found,)


def _check(tree, circuit, arrays):
    expected = run(tree, arrays)
    for found, number in zip(_results(circuit, arrays), outputs_of(Phrase(tree)), strict=True):
        assert same_bits(found, arrays.result(expected[number])), (str(Phrase(tree)), arrays.n, number)


@pytest.mark.parametrize("dtype", dtypes.NAMES)
def test_circuits_give_what_their_ops_give_one_after_the_other(dtype):
    page = PAGES[dtype]
    for seed in range(CIRCUITS):
        tree, circuit = _circuit(dtype, seed)
        for n in (1, 7, page, random.Random(seed).choice([page - 1, page + 1]), 3 * page + 5):
            _check(tree, circuit, Arrays(dtype, seed, n))


@pytest.mark.parametrize("dtype", ["f32", "f16", "i64"])
def test_outputs_may_be_the_inputs(dtype):
    for seed in range(CIRCUITS):
        tree, circuit = _circuit(dtype, 1000 + seed)
        for n in (5, 2 * PAGES[dtype] + 3):
            arrays = Arrays(dtype, seed, n)
            expected = _results(circuit, arrays)
            inputs = [arrays.argument(number) for number in inputs_of(Phrase(tree))]
            rng = random.Random(seed)
            free = rng.sample(inputs, len(inputs))
            outs = tuple(free.pop() if item.shape and free else np.empty_like(item) for item in expected)
            circuit(*inputs, out=outs if len(outs) > 1 else outs[0])
            for found, item in zip(outs, expected, strict=True):
                assert same_bits(found, item), (str(Phrase(tree)), n)


@pytest.mark.parametrize("dtype", ["f32", "f64", "i8"])
def test_data_rules_leave_the_results_of_circuits(dtype):
    for seed in range(CIRCUITS):
        tree, circuit = _circuit(dtype, 2000 + seed)
        simpler = canonicalize(Phrase(tree), "data").phrase
        if not inputs_of(simpler):
            continue
        arrays = Arrays(dtype, seed, PAGES[dtype] + 3)
        try:
            found = _results(compile_circuit(simpler, dtype=dtype), arrays)
        except SigmaticsError as error:  # all that is left is an exchange, or nothing
            assert "output" in str(error) or "never written" in str(error)
            continue
        for one, other in zip(found, _results(circuit, arrays), strict=True):
            assert same_bits(one, other), str(Phrase(tree))


@pytest.mark.parametrize("dtype", ["f32", "f64", "i16"])
def test_results_do_not_depend_on_the_number_of_threads(dtype):
    runtimes = [hg.Runtime(threads=threads) for threads in (1, 2, 3, 8)]
    for seed in range(8):
        arrays = Arrays(dtype, seed, 90 * PAGES[dtype] + 17)
        found = [_results(_circuit(dtype, 3000 + seed, runtime)[1], arrays) for runtime in runtimes]
        for other in found[1:]:
            assert all(a.tobytes() == b.tobytes() for a, b in zip(found[0], other, strict=True))
