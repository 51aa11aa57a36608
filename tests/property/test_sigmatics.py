"""Do the laws of the language hold on random phrases: printing, errors, both sets of rules?"""

import itertools
import random

import numpy as np
import pytest
from support.phrases import as_text, damaged, random_circuit, random_gates, random_tree
from support.registers import Arrays, RaceError, Terms, run

from hologram_sigmatics import SigmaticsError, canonicalize, equivalent, evaluate_bytes, evaluate_words, parse
from hologram_sigmatics.classes import IDENTITY, action_of, transform_of
from hologram_sigmatics.effects import inputs_of, outputs_of, steps_of
from hologram_sigmatics.nodes import Op, Par, Phrase, Prefix, Seq, Transform
from hologram_sigmatics.rules import data, gates
from hologram_sigmatics.rules.transforms import flatten, push_down

DTYPES = ("f2", "f4", "f8", "i1", "i4", "i8", "u1", "u4", "?")


# ---- text ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(0, 1500, 500))
def test_printed_trees_parse_to_equal_trees(seed):
    for number in range(seed, seed + 500):
        tree = Phrase(random_tree(random.Random(number), 4))
        assert parse(str(tree)) == tree


@pytest.mark.parametrize("seed", range(0, 10_000, 1000))
def test_damaged_texts_are_phrases_or_errors_with_a_place(seed):
    rng = random.Random(seed)
    refused = 0
    for _ in range(1000):
        text = damaged(rng, as_text(random_tree(rng, 3)))
        try:
            evaluate_words(parse(text))
        except SigmaticsError as error:
            refused += 1
            lines = text.split("\n")
            assert 1 <= error.line <= len(lines)
            assert 1 <= error.column <= len(lines[error.line - 1]) + 1
            assert error.expected or "deep" in error.message
    assert 100 < refused < 1000


# ---- transforms ----------------------------------------------------------------------------------

TRANSFORMS = [
    Transform(r, d, t, mirror=mirror)
    for r, d, t, mirror in itertools.product((None, 1, -2), (None, 1, 2), (None, 3), (False, True))
    if mirror or (r, d, t) != (None, None, None)
]


def test_actions_are_permutations_that_compose():
    for outer, inner in itertools.product(TRANSFORMS, TRANSFORMS):
        both = action_of(outer).after(action_of(inner))
        assert [both(number) for number in range(96)] == [
            action_of(outer)(action_of(inner)(number)) for number in range(96)
        ]
        assert sorted(map(both, range(96))) == list(range(96))
        assert action_of(transform_of(both)) == both
    assert transform_of(IDENTITY) is None


def test_pushing_transforms_down_and_flattening_keep_bytes_and_addresses():
    for seed in range(200):
        tree = random_tree(random.Random(seed), 4)
        pushed = flatten(push_down(tree))
        assert evaluate_bytes(Phrase(pushed)) == evaluate_bytes(Phrase(tree))
        assert _prefixes_reach_one_op(pushed)
        assert flatten(push_down(pushed)) == pushed


def _prefixes_reach_one_op(node):
    match node:
        case Op():
            return True
        case Prefix():
            return isinstance(node.body, Op)
        case Seq(parts) | Par(parts):
            return all(map(_prefixes_reach_one_op, parts)) and not any(isinstance(part, type(node)) for part in parts)


# ---- gates ---------------------------------------------------------------------------------------

#: a letter that no rule knows stands for whatever else there may be
WORDS = [tuple(word) for length in range(1, 6) for word in itertools.product("CXZSI?", repeat=length)]


def _successors(word):
    """Every word that one rule makes of a word, at any place."""
    for at in range(len(word)):
        for rule in gates.RULES:
            if word[at : at + len(rule.before)] == tuple(rule.before):
                yield word[:at] + tuple(rule.after) + word[at + len(rule.before) :]
        if word[at] == "I" and len(word) > 1:
            yield word[:at] + word[at + 1 :]


def _ends(word, known):
    """The words in which rewriting can end, whatever the order."""
    if word not in known:
        nexts = [_ends(following, known) for following in _successors(word)]
        known[word] = frozenset().union(*nexts) if nexts else frozenset([word])
    return known[word]


def test_gate_rules_end_in_one_word_whatever_their_order():
    known = {}
    rng = random.Random(5)
    longer = [tuple(rng.choices("CXZSI?", weights=(4, 4, 2, 2, 1, 1), k=rng.randint(6, 12))) for _ in range(100)]
    for word in WORDS + longer:
        ends = _ends(word, known)
        assert ends == {tuple(gates.normal_word(word)[0])}


def test_gate_rules_make_no_word_longer():
    assert all(len(rule.after) <= len(rule.before) for rule in gates.RULES)


# The identities hold for the matrices that the gates are named after, so a rule that says too much is found.
H, X, Z, S = (
    np.array(matrix, dtype=complex)
    for matrix in ([[1, 1], [1, -1]], [[0, 1], [1, 0]], [[1, 0], [0, -1]], [[1, 0], [0, 1j]])
)
MATRICES = {"I": np.eye(2), "X": X, "Z": Z, "S": S, "C": H @ X / np.sqrt(2)}


@pytest.mark.parametrize("rule", gates.RULES, ids=lambda rule: rule.name)
def test_gate_rule_is_true_of_the_matrices_of_the_gates(rule):
    before, after = (
        np.linalg.multi_dot([MATRICES["I"], MATRICES["I"], *(MATRICES[letter] for letter in word)])
        for word in (rule.before, rule.after)
    )
    np.testing.assert_allclose(before, after, rtol=0, atol=1e-15)


@pytest.mark.parametrize("rule", gates.RULES, ids=lambda rule: rule.name)
def test_gate_rule_follows_from_the_published_identities(rule):
    """Both sides are reached from each other by the six published laws, used in both directions."""
    published = ("H²=I", "X²=I", "Z²=I", "HXH=Z", "S²=Z", "I·I=I")
    laws = [(law.before.replace("I", ""), law.after.replace("I", "")) for law in gates.RULES if law.name in published]
    assert len(laws) == len(published)
    start, goal = (word.replace("I", "") for word in (rule.before, rule.after))
    seen, ahead = {start}, [start]
    while ahead and goal not in seen:
        word = ahead.pop(0)
        for one, other in laws + [(after, before) for before, after in laws]:
            for at in range(len(word) + 1):
                following = word[:at] + other + word[at + len(one) :]
                if word[at:].startswith(one) and len(following) <= 9 and following not in seen:
                    seen.add(following)
                    ahead.append(following)
    assert goal in seen


def test_gate_normal_form_is_idempotent_and_never_longer():
    for seed in range(400):
        tree = Phrase(random_gates(random.Random(seed), 4))
        once = canonicalize(tree)
        twice = canonicalize(once.phrase)
        assert twice.phrase == once.phrase
        assert twice.applied == []
        assert once.ops_after <= once.ops_before
        assert once.ops_after == twice.ops_before
        assert equivalent(tree, once.phrase)


def _grouped(rng, items):
    """A sequence with parentheses anywhere."""
    if len(items) == 1:
        return items[0]
    at = rng.randint(1, len(items) - 1)
    return Seq((_grouped(rng, items[:at]), _grouped(rng, items[at:])))


def test_gate_normal_form_is_the_same_in_groups_and_in_branches():
    for seed in range(200):
        rng = random.Random(seed)
        items = [gates.GATES[letter] for letter in rng.choices("CXZSI", weights=(4, 5, 2, 2, 1), k=rng.randint(2, 12))]
        normal = canonicalize(Phrase(Seq(tuple(items)))).phrase
        grouped = _grouped(rng, items)
        assert canonicalize(Phrase(grouped)).phrase == normal
        branches = Par(
            (gates.GATES["S"], grouped, Prefix(Transform(mirror=True), Prefix(Transform(mirror=True), grouped)))
        )
        expected = Par((gates.GATES["S"], normal.body, normal.body))
        assert canonicalize(Phrase(Seq((branches, gates.GATES["I"])))).phrase == Phrase(expected)


# ---- data ----------------------------------------------------------------------------------------


def _legal_circuit(seed):
    """A random circuit with independent branches, and what it computes as terms."""
    for attempt in itertools.count():
        rng = random.Random(f"{seed} {attempt}")
        tree = random_circuit(rng, rng.choice([2, 3, 5, 8, 13, 20]), rng.choice([2, 3, 5, 8]))
        try:
            terms = Terms()
            return tree, run(tree, terms), terms
        except RaceError:
            with pytest.raises(SigmaticsError, match="branch"):
                steps_of(Phrase(tree))


def _outputs(seed, tree):
    """The classes whose values count: None for the circuit's own, or some that are named."""
    rng = random.Random(seed)
    used = sorted(run(tree, Terms()))
    return None if seed % 2 else [f"c{number:02}" for number in rng.sample(used, rng.randint(1, min(3, len(used))))]


@pytest.mark.parametrize("seed", range(0, 1200, 400))
def test_data_rules_keep_the_value_of_every_output(seed):
    used = set()
    for number in range(seed, seed + 400):
        tree, before, terms = _legal_circuit(number)
        outputs = _outputs(number, tree)
        found = canonicalize(Phrase(tree), "data", outputs=outputs)
        terms_after = Terms()
        after = run(found.phrase.body, terms_after)
        wanted = outputs_of(Phrase(tree)) if outputs is None else [int(name[1:]) for name in outputs]
        assert {c: after.get(c, ("input", c)) for c in wanted} == {c: before[c] for c in wanted}
        assert terms_after.calls == terms.calls, "an unknown kernel is called as often, with the same"
        assert outputs is not None or outputs_of(found.phrase) == outputs_of(Phrase(tree))
        assert set(inputs_of(found.phrase)) <= set(inputs_of(Phrase(tree)))
        assert found.ops_after <= found.ops_before
        used.update(found.applied)
    assert used == {*data.RULES, "transform push-down"}


@pytest.mark.parametrize("seed", range(0, 600, 200))
def test_data_normal_form_is_idempotent(seed):
    for number in range(seed, seed + 200):
        tree, _, _ = _legal_circuit(number)
        outputs = _outputs(number, tree)
        once = canonicalize(Phrase(tree), "data", outputs=outputs)
        twice = canonicalize(once.phrase, "data", outputs=outputs)
        assert (twice.phrase, twice.applied) == (once.phrase, [])


@pytest.mark.parametrize("dtype", DTYPES)
def test_data_rules_keep_every_bit_of_arrays(dtype):
    for number in range(3000, 3060):
        tree, _, _ = _legal_circuit(number)
        outputs = _outputs(number, tree)
        found = canonicalize(Phrase(tree), "data", outputs=outputs)
        wanted = outputs_of(Phrase(tree)) if outputs is None else [int(name[1:]) for name in outputs]
        arrays = Arrays(dtype, number)
        before, after = run(tree, arrays), run(found.phrase.body, arrays)
        for c in wanted:
            assert _bits(after.get(c, arrays.input(c))) == _bits(before[c])


def _bits(array):
    """The bytes of an array; one NaN is like another, since a + b and b + a may differ in which they return."""
    if array.dtype.kind == "f":
        array = np.where(np.isnan(array), array.dtype.type("nan"), array)
    return array.tobytes()


@pytest.mark.parametrize("rule", data.RULES)
def test_every_data_rule_alone_keeps_values(rule):
    """Each edit a rule proposes, and all of them together, on the ops as they run."""
    edits = 0
    for number in range(4000, 4300):
        tree, before, _ = _legal_circuit(number)
        tree = flatten(push_down(tree))
        steps = steps_of(Phrase(tree))
        wanted = frozenset(outputs_of(Phrase(tree)))
        proposed = list(data.RULES[rule](steps, wanted))
        together = {at: op for edit in proposed for at, op in edit.items()}
        for edit in [*proposed, together]:
            kept = [edit.get(at, _alone(step)) for at, step in enumerate(steps)]
            ops = tuple(op for op in reversed(kept) if op is not None)
            after = run(_in_order(ops), Terms()) if ops else {}
            assert {c: after.get(c, ("input", c)) for c in wanted} == {c: before[c] for c in wanted}
        edits += len(proposed)
    assert edits > 10


def _alone(step):
    """The op of a step with the prefixes that were around it."""
    transform = transform_of(step.action)
    return step.op if transform is None else Prefix(transform, step.op)


def _in_order(ops):
    return Seq(ops) if len(ops) > 1 else ops[0]


def test_steps_are_what_the_executor_does():
    for number in range(5000, 5200):
        tree, before, _ = _legal_circuit(number)
        ops = [_alone(step) for step in steps_of(Phrase(tree))]
        assert run(_in_order(tuple(reversed(ops))), Terms()) == before
