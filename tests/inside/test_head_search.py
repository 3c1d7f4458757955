"""The head that looks at marked pairs, against a search by plain loops; marks against their definitions."""

import pytest
import torch
from twins import SHAPES, random_ids, randomised

from llm.inside.head_search import mark_after_same, mark_first, mark_pairs, mark_previous, search_heads
from llm.inside.trace import trace


def cells(marked_TT):
    return {(int(row), int(column)) for row, column in marked_TT.nonzero()}


def test_marks_are_what_they_say():
    """Read off a text by hand: a b a b c a."""
    ids = [1, 2, 1, 2, 3, 1]
    assert cells(mark_previous(ids)) == {(2, 1), (3, 2), (4, 3), (5, 4)}
    assert cells(mark_first(ids)) == {(2, 0), (3, 0), (4, 0), (5, 0)}
    assert cells(mark_after_same(ids)) == {(2, 1), (3, 2), (5, 1), (5, 3)}
    assert cells(mark_after_same([4, 4, 4])) == {(2, 1)}  # a token never counts as having followed itself
    assert cells(mark_pairs(3, [(2, 0), (0, 2), (1, 1)])) == {(2, 0), (1, 1)}


@pytest.mark.parametrize("config", SHAPES, ids=str)
def test_the_best_head_by_plain_loops(config):
    """Layer, head, share and strongest pair are those that trying every head finds."""
    model, ids = randomised(config), random_ids(config, 1, 12, seed=4)[0].tolist()
    marked = mark_previous(ids)
    pairs = cells(marked)
    seen = trace(model, ids, ["blocks.*.attn.hook_pattern"])
    shares = {}
    for layer in range(config.n_layer):
        for head in range(config.n_head):
            pattern = seen[f"blocks.{layer}.attn.hook_pattern"][0, head]
            shares[layer, head] = sum(float(pattern[pair]) for pair in pairs) / len(pairs)
    best = max(shares, key=shares.__getitem__)
    found = search_heads(model, ids, marked)
    assert (found.layer, found.head) == best and found.share == pytest.approx(shares[best], rel=1e-5)
    pattern = seen[f"blocks.{found.layer}.attn.hook_pattern"][0, found.head]
    assert (found.row, found.column) == max(pairs, key=lambda pair: float(pattern[pair]))


def test_several_columns_of_a_row_count_together():
    """A row that may look at two tokens spends the sum on them; rows without a mark don't count."""
    model, ids = randomised(SHAPES[1]), random_ids(SHAPES[1], 1, 6)[0].tolist()
    found = search_heads(model, ids, mark_pairs(6, [(5, 0), (5, 2)]))
    pattern = trace(model, ids, ["blocks.0.attn.hook_pattern"])["blocks.0.attn.hook_pattern"][0, 0]
    assert found.share == pytest.approx(float(pattern[5, 0] + pattern[5, 2]), rel=1e-5)


def test_nothing_marked_is_refused():
    """A text without the pattern gets a sentence, not a division by zero."""
    with pytest.raises(ValueError, match="longer"):
        search_heads(randomised(SHAPES[1]), [1, 2, 3], torch.zeros(3, 3, dtype=torch.bool))
