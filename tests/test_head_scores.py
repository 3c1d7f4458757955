"""Head scores: heads built by hand carry the names they should."""

import pytest
import torch

from llm.head_scores import HEAD_KINDS, head_scores, most_telling, name_head

IDS = [5, 1, 2, 3, 4, 1, 2, 3, 4]  # the second half repeats the first


def one_look(target_of):
    """pattern_1TT of a head whose token i looks at target_of(i) alone."""
    pattern_1TT = torch.zeros(1, len(IDS), len(IDS))
    for i in range(len(IDS)):
        pattern_1TT[0, i, target_of(i)] = 1.0
    return pattern_1TT


@pytest.mark.parametrize(
    ("kind", "target_of"),
    [
        ("previous", lambda i: max(0, i - 1)),
        ("first", lambda i: 0),
        ("self", lambda i: i),
        ("duplicate", lambda i: i - 4 if i >= 5 else 0),
        ("induction", lambda i: i - 3 if i >= 5 else 0),
    ],
)
def test_a_pure_head_scores_one_on_its_kind(kind, target_of):
    """Each kind looks where its name says; an off-by-one would give 0."""
    scores = {k: v[0] for k, v in head_scores(one_look(target_of), IDS).items()}
    assert scores[kind] == pytest.approx(1.0)
    assert scores["diffuse"] == pytest.approx(0.0, abs=1e-6)
    assert name_head(scores) == (kind, pytest.approx(1.0))


def test_even_attention_is_diffuse_and_nothing_else():
    """A head that looks everywhere gets no other name, however many duplicates it covers."""
    T = 8
    even_1TT = (torch.ones(T, T).tril() / torch.arange(1, T + 1)[:, None])[None]
    scores = {k: v[0] for k, v in head_scores(even_1TT, [1] * T).items()}
    assert scores["duplicate"] > 0.4
    assert name_head(scores) == ("diffuse", pytest.approx(1.0))


def test_a_weak_head_is_unclear():
    """Without a score that stands out there is no name."""
    assert name_head(dict.fromkeys(HEAD_KINDS, 0.39)) == ("unclear", None)


def test_a_text_that_cannot_tell_gives_none():
    """A short text has no scores, and one without repeats no induction score; no NaN comes of either."""
    short = head_scores(torch.eye(2)[None], [1, 2])
    assert all(values == [None] for values in short.values())
    assert name_head({kind: values[0] for kind, values in short.items()}) == ("unclear", None)
    fresh = head_scores(torch.eye(6)[None], [1, 2, 3, 4, 5, 6])
    assert fresh["induction"] == fresh["duplicate"] == [None]
    assert fresh["self"] == [pytest.approx(1.0)]


def test_first_shown_is_the_clearest_pattern_and_never_a_sink():
    """The head to open on is a previous-token head if there is one, else the most selective one."""
    blank = dict.fromkeys(HEAD_KINDS, 0.0)
    heads = {
        (0, 0): {**blank, "diffuse": 1.0},
        (0, 1): {**blank, "first": 0.95},
        (1, 0): {**blank, "self": 0.5, "diffuse": 0.3},
    }
    assert most_telling(heads) == (1, 0)
    assert most_telling({**heads, (1, 1): {**blank, "previous": 0.6}}) == (1, 1)
    assert most_telling({**heads, (1, 1): {**blank, "induction": 0.6, "duplicate": None}}) == (1, 1)
