"""Is the order of offers the documented one, with the reasons that follow from it?"""

import itertools

import pytest

from hologram_core import MAX_N, Kernel, Offer
from hologram_core.ranking import interval, rank, reason


def _offer(provider, priority=200, low=0, high=MAX_N):
    kernel = Kernel.from_python(print, op="f", signature="()->()", dtype="f32", min_n=low, max_n=high)
    return Offer(kernel, provider, "1.0", priority, "python", 0)


BEST_FIRST = [
    _offer("z", 300),
    _offer("y", 200, 5, 5),
    _offer("x", 200, 0, 10),
    _offer("a", 200),
    _offer("b", 200),
    _offer("c", -5, 5, 5),
]


@pytest.mark.parametrize("order", list(itertools.permutations(BEST_FIRST))[::37])
def test_order_is_priority_then_range_then_name(order):
    assert rank(order) == BEST_FIRST


def test_pin_comes_before_everything():
    assert rank(BEST_FIRST, "c")[0].provider == "c"
    assert rank(BEST_FIRST, "c")[1:] == BEST_FIRST[:-1]


def test_pin_of_someone_who_offers_nothing_changes_nothing():
    assert rank(BEST_FIRST, "nobody") == BEST_FIRST


@pytest.mark.parametrize(
    ("winner", "loser", "pinned", "text"),
    [
        (_offer("a", 300), _offer("b", 200), None, "priority 200 < 300"),
        (_offer("b", 200, 0, 9), _offer("a", 200), None, "same priority, and b has the narrower range of n"),
        (_offer("a"), _offer("b"), None, "same priority and range, and 'a' sorts before 'b'"),
        (_offer("b", 100), _offer("a", 300), "b", "b is pinned"),
        (_offer("b", 300), _offer("a", 100), "nobody", "priority 100 < 300"),
    ],
)
def test_reason_says_why_one_comes_after_the_other(winner, loser, pinned, text):
    assert rank([loser, winner], pinned) == [winner, loser]
    assert reason(winner, loser, pinned) == text


@pytest.mark.parametrize(
    ("n", "ranges", "expected"),
    [
        (5, [], (0, 100)),
        (5, [(0, 100)], (0, 100)),
        (5, [(0, 7)], (0, 7)),
        (8, [(0, 7)], (8, 100)),
        (5, [(3, 7), (5, 5)], (5, 5)),
        (6, [(3, 9), (5, 5), (8, 20)], (6, 7)),
        (50, [(3, 9), (60, 70)], (10, 59)),
        (0, [(0, 0)], (0, 0)),
        (5, [(200, 300)], (0, 100)),
    ],
)
def test_interval_ends_where_a_range_begins_or_ends(n, ranges, expected):
    assert interval(n, ranges, (0, 100)) == expected


def test_offer_tells_its_kernels_fields():
    offer = _offer("a", 250, 1, 2)
    assert (offer.op, offer.dtype, offer.min_n, offer.max_n, offer.tier) == ("f", "f32", 1, 2, "user")
    assert str(offer) == "f f32 by a (user 250, python)"
