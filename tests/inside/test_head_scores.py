"""Head scores: heads built by hand carry the names they should."""

import pytest
import torch

from llm.inside.head_scores import (
    HEAD_KINDS,
    MAX_ROWS,
    head_scores,
    measured_rows,
    most_telling,
    name_head,
    repeated_line,
    repeated_tokens,
)
from llm.tokenizers import train_tokenizer

IDS = [5, 1, 2, 3, 4, 1, 2, 3, 4]  # the second half repeats the first


def scored(pattern_HTT, ids):
    """The scores on the rows that are measured."""
    row_R = measured_rows(len(ids))
    return head_scores(pattern_HTT[:, row_R], row_R, ids)


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
    scores = {k: v[0] for k, v in scored(one_look(target_of), IDS).items()}
    assert scores[kind] == pytest.approx(1.0)
    assert scores["diffuse"] == pytest.approx(0.0, abs=1e-6)
    assert name_head(scores) == (kind, pytest.approx(1.0))


def test_even_attention_is_diffuse_and_nothing_else():
    """A head that looks everywhere gets no other name, however many duplicates it covers."""
    T = 8
    even_1TT = (torch.ones(T, T).tril() / torch.arange(1, T + 1)[:, None])[None]
    scores = {k: v[0] for k, v in scored(even_1TT, [1] * T).items()}
    assert scores["duplicate"] > 0.4
    assert name_head(scores) == ("diffuse", pytest.approx(1.0))


def test_a_weak_head_is_unclear():
    """Without a score that stands out there is no name."""
    assert name_head(dict.fromkeys(HEAD_KINDS, 0.39)) == ("unclear", None)


def test_a_text_that_cannot_tell_gives_none():
    """A short text has no scores, and one without repeats no induction score; no NaN comes of either."""
    short = scored(torch.eye(2)[None], [1, 2])
    assert all(values == [None] for values in short.values())
    assert name_head({kind: values[0] for kind, values in short.items()}) == ("unclear", None)
    fresh = scored(torch.eye(6)[None], [1, 2, 3, 4, 5, 6])
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


def test_rows_of_a_long_text_are_spread_evenly():
    """Short texts are measured whole, but for the first two rows; long ones from end to end."""
    assert measured_rows(2).tolist() == [] and measured_rows(3).tolist() == [2]
    assert measured_rows(MAX_ROWS + 2).tolist() == list(range(2, MAX_ROWS + 2))
    rows = measured_rows(1024)
    assert len(rows) == MAX_ROWS and rows[0] == 2 and rows[-1] == 1023
    gaps = rows.diff()
    assert gaps.min() >= 7 and gaps.max() <= 9


def test_random_tokens_are_the_vocabularys_own_and_come_twice():
    """The second half repeats the first, fits the context, and is the same every time."""
    ids = repeated_tokens(11, 1024)
    assert len(ids) == 128 and ids[:64] == ids[64:] and set(ids) <= set(range(11)) and len(set(ids)) > 5
    assert repeated_tokens(11, 1024) == ids != repeated_tokens(11, 1024, seed=1)
    assert len(repeated_tokens(11, 9)) == 8 and repeated_tokens(11, 1) == []


def test_an_induction_head_shows_on_random_repeats():
    """On the repeated sequence, looking one past the same token scores 1 on induction and 0 on duplicate."""
    ids = repeated_tokens(1_000_000, 64)  # so large a vocabulary that no token comes twice by chance
    T = len(ids)
    pattern_1TT = torch.zeros(1, T, T)
    for i in range(T):
        pattern_1TT[0, i, i - T // 2 + 1 if i >= T // 2 else 0] = 1.0
    scores = scored(pattern_1TT, ids)
    assert scores["induction"] == [pytest.approx(1.0)] and scores["duplicate"] == [pytest.approx(0.0)]


def test_a_line_of_the_copy_task_says_the_same_twice():
    """No letter twice in either half, as long as training lines get or as the context holds; else no ids."""
    tokenizer = train_tokenizer("character", "abcdefghijklmnopqrstuvwxyz|\n")
    for n_ctx, half in ((64, 24), (21, 9), (4, 1)):
        text = tokenizer.decode(repeated_line(tokenizer, n_ctx))
        first, second = text.removeprefix("\n").split("|")
        assert text.startswith("\n") and first == second and len(set(first)) == len(first) == half
    assert repeated_line(tokenizer, 3) == repeated_line(tokenizer, 1) == []
    words = train_tokenizer("bpe", "the cat sat on the mat " * 50, vocab_size=270)
    assert repeated_line(words, 64) == [] or len(repeated_line(words, 64)) == 50
