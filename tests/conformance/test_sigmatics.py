"""Does every expression of the published algebra come out exactly as published?"""

import json
from pathlib import Path

import pytest

from hologram_sigmatics import SigmaticsError, evaluate_bytes, evaluate_words, parse

EXPRESSIONS = json.loads((Path(__file__).parent / "sigmatics.json").read_text("utf-8"))
GOOD = [row for row in EXPRESSIONS if "error" not in row]
BAD = [row for row in EXPRESSIONS if "error" in row]


@pytest.mark.parametrize("row", GOOD, ids=lambda row: row["expr"])
def test_bytes_and_addresses_are_the_published_ones(row):
    found = evaluate_bytes(row["expr"])
    assert found.bytes == row["bytes"]
    assert found.addresses == row["addresses"]


@pytest.mark.parametrize("row", [row for row in GOOD if "words" in row], ids=lambda row: row["expr"])
def test_words_are_the_published_ones(row):
    assert evaluate_words(row["expr"]).words == row["words"]


@pytest.mark.parametrize("row", GOOD, ids=lambda row: row["expr"])
def test_printed_expressions_parse_to_the_same_tree(row):
    tree = parse(row["expr"])
    assert parse(str(tree)) == tree


@pytest.mark.parametrize("row", BAD, ids=lambda row: repr(row["expr"]))
def test_published_errors_are_errors_with_a_place(row):
    with pytest.raises(SigmaticsError) as caught:
        parse(row["expr"])
    assert caught.value.line == 1
    assert 1 <= caught.value.column <= len(row["expr"]) + 1
    assert caught.value.expected
