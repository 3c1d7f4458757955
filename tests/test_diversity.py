"""Diversity against figures worked out by hand, and a plain count."""

import itertools
import random

import pytest

from llm.diversity import distinct, overlap


@pytest.mark.parametrize(
    ("texts", "n", "share"),
    [
        ([[1, 2, 3], [4, 5]], 1, 1.0),
        ([[1, 1, 1, 1]], 1, 0.25),
        ([[1, 2, 1, 2], [1, 2]], 2, 2 / 4),  # 1 2, 2 1, 1 2; 1 2
        ([[1, 2], [3]], 3, None),
        ([], 1, None),
    ],
)
def test_distinct_is_different_runs_over_all_runs(texts, n, share):
    """Repeats within a text and between texts count alike; too short texts have no figure."""
    assert distinct(texts, n) == share


@pytest.mark.parametrize(
    ("texts", "n", "share"),
    [
        ([[1, 2, 3], [1, 2, 3]], 2, 1.0),
        ([[1, 2, 3], [4, 5, 6]], 2, 0.0),
        ([[1, 2, 1, 2], [7, 8]], 2, 0.0),  # what a text repeats is its own
        ([[1, 2, 3], [2, 3, 4, 5], [9]], 2, (1 / 2 + 1 / 3) / 2),
        ([[1, 2, 3], [4]], 2, None),
        ([[1, 2]], 1, None),
    ],
)
def test_overlap_is_what_another_text_has_too(texts, n, share):
    """Each text's share of runs that occur elsewhere, averaged over the texts that have runs at all."""
    assert overlap(texts, n) == (pytest.approx(share) if share is not None else None)


def test_both_equal_a_plain_count():
    """On random texts: the definitions, written down again without counters."""
    chance = random.Random(4)
    for n in range(1, 5):
        texts = [[chance.randrange(4) for _ in range(chance.randrange(1, 30))] for _ in range(7)]
        grams = [[text[i : i + n] for i in range(len(text) - n + 1)] for text in texts]
        together = list(itertools.chain(*grams))
        assert distinct(texts, n) == len({tuple(g) for g in together}) / len(together)
        shares = []
        for i, own in enumerate(grams):
            others = list(itertools.chain(*(g for j, g in enumerate(grams) if j != i)))
            if own:
                shares.append(sum(g in others for g in own) / len(own))
        assert overlap(texts, n) == pytest.approx(sum(shares) / len(shares))
