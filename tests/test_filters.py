"""The filters against transformers' processors, in its order and any other; ties, extremes and broken logits."""

import itertools
import math

import pytest
import torch
from transformers import (
    GenerationConfig,
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
    TypicalLogitsWarper,
)
from twins import SHAPES, hugging_face_twin, random_ids, randomised

from llm.config import DEFAULT_ORDER, SAMPLERS, SamplingConfig, complete_order
from llm.filters import filter_logits, keep_top_p, keep_typical, most_likely

V = 41
GRID = [
    SamplingConfig(repetition_penalty=penalty, temperature=temperature, top_k=k, top_p=p, min_p=min_p)
    for penalty, temperature, k, p, min_p in itertools.product(
        (0.5, 1.0, 1.7), (0.1, 1.0, 2.0), (0, 1, 7, V, V + 10), (0.0, 1e-9, 0.5, 0.9, 1.0), (0.0, 0.1, 1.0)
    )
]
TYPICAL = [
    SamplingConfig(temperature=temperature, top_k=k, top_p=p, typical_p=typical)
    for temperature, k, p, typical in itertools.product(
        (0.5, 1.0, 2.0), (0, 9), (0.8, 1.0), (1e-9, 0.2, 0.5, 0.9, 0.999999)
    )
]
BUSY = SamplingConfig(repetition_penalty=1.7, temperature=0.7, top_k=25, top_p=0.9, min_p=0.03, typical_p=0.8)
THEIRS = tuple(name for name in DEFAULT_ORDER if getattr(BUSY, name) != SAMPLERS[name].default)
"""The samplers that transformers has too; a new one that it lacks is off here, and has a test of its own."""
ORDERS = [BUSY.replace(order=complete_order(order)) for order in itertools.permutations(THEIRS)]


def logits_with_ties(seed: int) -> torch.Tensor:
    """Rows of logits on a coarse grid, so that every row has many equal values of both signs."""
    return (torch.randn(4, V, generator=torch.Generator().manual_seed(seed)) * 4).round() / 2


def hugging_face_filters(config: SamplingConfig) -> LogitsProcessorList:
    """The same settings as transformers' own processors, in the config's order.

    Like transformers.generate, none where a setting means off.
    """
    filters = {
        "repetition_penalty": RepetitionPenaltyLogitsProcessor(config.repetition_penalty),
        "temperature": TemperatureLogitsWarper(config.temperature),
        "top_k": TopKLogitsWarper(config.top_k) if config.top_k else None,
        "top_p": TopPLogitsWarper(config.top_p) if config.top_p < 1.0 else None,
        "min_p": MinPLogitsWarper(config.min_p),
        "typical_p": TypicalLogitsWarper(config.typical_p) if config.typical_p < 1.0 else None,
    }
    assert filters.keys() == set(THEIRS)
    return LogitsProcessorList(filters[name] for name in config.order if filters.get(name))


def only_choice(logits: torch.Tensor, config: SamplingConfig) -> list[int]:
    """The one id each row is left with."""
    kept = filter_logits(logits, config).isfinite()
    assert kept.sum(dim=-1).tolist() == [1] * len(kept)
    return kept.int().argmax(dim=-1).tolist()


def test_filters_equal_transformers_without_ties():
    """Every combination of settings gives transformers' filtered logits, token for token."""
    logits = torch.randn(4, V, generator=torch.Generator().manual_seed(1)) * 3
    previous = random_ids(SHAPES[1].replace(vocab_size=V), batch=4, length=9)
    for config in GRID + TYPICAL:
        expected = hugging_face_filters(config)(previous, logits)
        torch.testing.assert_close(filter_logits(logits, config, previous), expected, rtol=0, atol=0, msg=str(config))


def test_filters_equal_transformers_with_ties():
    """With ties as many tokens of each value are kept as by transformers.

    Which of several equal tokens top-p drops is not settled there: its sort is unstable, and differs
    between processors. So the sorted values are compared.
    """
    previous = random_ids(SHAPES[1].replace(vocab_size=V), batch=4, length=9)
    for seed, config in enumerate(GRID + TYPICAL):
        logits = logits_with_ties(seed)
        expected = hugging_face_filters(config)(previous, logits).sort(dim=-1).values
        ours = filter_logits(logits, config, previous).sort(dim=-1).values
        torch.testing.assert_close(ours, expected, rtol=0, atol=0, msg=str(config))


def test_the_default_order_is_that_of_transformers():
    """A config says nothing of its order: transformers.generate builds its processors in that one."""
    twin = hugging_face_twin(randomised(SHAPES[0]))
    settings = {name: getattr(BUSY, name) for name in THEIRS}
    asked = twin._prepare_generation_config(GenerationConfig(do_sample=True, **settings))[0]
    built = twin._get_logits_processor(asked, input_ids_seq_length=3)
    ours = hugging_face_filters(BUSY)
    assert [type(one) for one in built] == [type(one) for one in ours] and BUSY.order == DEFAULT_ORDER


def test_any_order_equals_transformers_processors_in_that_order():
    """All 720 orders give what transformers' processors give when applied in that order.

    Ties too, where top-p's choice between equal tokens, which is not settled there, can't matter
    afterwards: a penalty that comes later tells them apart.
    """
    previous = random_ids(SHAPES[1].replace(vocab_size=V), batch=4, length=9)
    even = torch.randn(4, V, generator=torch.Generator().manual_seed(2)) * 3
    tied, outcomes = logits_with_ties(3), set()
    for config in ORDERS:
        expected = hugging_face_filters(config)(previous, even)
        ours = filter_logits(even, config, previous)
        torch.testing.assert_close(ours, expected, rtol=0, atol=0, msg=str(config.order))
        outcomes.add(tuple(ours.isfinite().flatten().tolist()))
        if config.order.index("repetition_penalty") < config.order.index("top_p"):
            expected = hugging_face_filters(config)(previous, tied).sort(dim=-1).values
            ours = filter_logits(tied, config, previous).sort(dim=-1).values
            torch.testing.assert_close(ours, expected, rtol=0, atol=0, msg=str(config.order))
    assert len(outcomes) > 5  # the order does matter for these logits


@pytest.mark.parametrize("order", [DEFAULT_ORDER[:5], (*DEFAULT_ORDER[:5], "top_p"), ("top_k",), (1, 2)])
def test_an_order_that_is_none_is_refused(order):
    """Each step is named once, or one sentence says so."""
    with pytest.raises(ValueError, match="order must name each"):
        SamplingConfig(order=order)


def test_kept_logits_stay_where_they_were():
    """A filter only ever replaces logits by -inf; it never moves one to another token."""
    for seed in range(20):
        logits = logits_with_ties(seed)
        filtered = filter_logits(logits, SamplingConfig(top_k=20, top_p=0.7, min_p=0.05))
        kept = filtered.isfinite()
        assert kept.any(dim=-1).all() and not kept.all()
        assert torch.equal(filtered[kept], logits[kept])


def test_top_k_keeps_every_tie():
    """Tokens equal to the k-th stay: k is a value to reach, not a head count."""
    kept = filter_logits(torch.tensor([[3.0, 1.0, 2.0, 2.0, 2.0, 0.0]]), SamplingConfig(top_k=2)).isfinite()
    assert kept.tolist() == [[True, False, True, True, True, False]]


@pytest.mark.parametrize(("p", "kept"), [(0.0, 1), (0.4, 1), (0.6, 2), (0.85, 3), (0.96, 4), (1.0, 4)])
def test_top_p_keeps_the_crossing_token(p, kept):
    """The token that carries the sum over p stays; with p of 0 the most likely one does."""
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()
    assert keep_top_p(logits, p).isfinite().sum().item() == kept


@pytest.mark.parametrize(
    ("p", "kept"), [(0.0, [1]), (0.2, [1]), (0.4, [0, 1]), (0.75, [0, 1]), (0.9, [0, 1, 2]), (0.96, [0, 1, 2, 3])]
)
def test_typical_p_keeps_what_is_about_as_surprising_as_expected(p, kept):
    """Entropy 1.142 nats; surprises 0.693, 1.204, 1.897 and 2.996: the most likely token is not the most typical."""
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()
    assert keep_typical(logits, p).isfinite().nonzero()[:, 1].tolist() == kept


def test_typical_p_keeps_all_that_are_equally_typical():
    """Equal logits are equally typical, and ruled-out tokens stay out and count for nothing."""
    logits = torch.zeros(1, 8)
    assert torch.equal(keep_typical(logits, 0.1), logits)
    logits[0, 3:] = -math.inf
    assert torch.equal(keep_typical(logits, 0.1), logits)


def full_top_p(logits: torch.Tensor, p: float) -> torch.Tensor:
    """Top-p by sorting every token."""
    ascending, ids = logits.sort(dim=-1, stable=True)
    drop = ascending.softmax(dim=-1).cumsum(dim=-1) <= 1.0 - p
    drop[:, -1] = False
    return logits.masked_fill(drop.scatter(1, ids, drop), -math.inf)


@pytest.mark.parametrize("spread", [0.0, 0.01, 1.0, 4.0, 12.0, 80.0])
def test_top_p_without_a_full_sort_keeps_the_same_tokens(spread):
    """Sorting only what may be kept gives what sorting all gives, for sharp and flat rows, ties and extremes."""
    generator = torch.Generator().manual_seed(6)
    for n in range(12):
        logits = torch.randn(2, 5_000, generator=generator) * spread
        if n % 3 == 1:
            logits = (logits * 2).round() / 2
        if n % 3 == 2:
            logits[:, ::2] = -math.inf
        for p in (0.0, 1e-9, 0.1, 0.5, 0.9, 0.99, 0.999999):
            assert torch.equal(keep_top_p(logits, p), full_top_p(logits, p)), (n, p)


def test_top_p_cuts_where_a_full_sort_does_when_the_share_is_met_exactly():
    """Eight equal odds, or eight a hair apart, and p a multiple of them: rounding decides, and the same way."""
    logits = torch.full((2, 2_000), -50.0)
    logits[0, :8] = torch.linspace(0, 1e-7, 8)
    logits[1, 100:108] = 0.0
    for eighths in range(9):
        assert torch.equal(keep_top_p(logits, eighths / 8), full_top_p(logits, eighths / 8))


def test_temperature_zero_keeps_the_first_of_the_most_likely():
    """Greedy is one token, the lowest id among equals, whatever the other settings are."""
    logits = torch.tensor([[1.0, 5.0, 5.0, 0.0], [7.0, 1.0, 7.0, 7.0]])
    for config in (SamplingConfig(temperature=0.0), SamplingConfig(temperature=0.0, top_k=3, top_p=0.5, min_p=1.0)):
        assert only_choice(logits, config) == [1, 0]


@pytest.mark.parametrize("order", ORDERS[::37])
def test_the_most_likely_is_what_temperature_zero_leaves(order):
    """In any order, with ties, and with samplers before and after it."""
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        logits_1V = torch.randn(1, V, generator=generator).mul(4).round()
        previous_1T = torch.randint(V, (1, 9), generator=generator)
        config = order.replace(temperature=0.0)
        left_V = filter_logits(logits_1V, config, previous_1T)[0]
        assert left_V.isfinite().nonzero().flatten().tolist() == [most_likely(logits_1V, config, previous_1T)]


@pytest.mark.parametrize("temperature", [1e-38, 1e-300])
def test_a_vanishing_temperature_is_greedy(temperature):
    """A temperature too small to divide by gives the greedy token and not NaN, whatever the signs."""
    logits = torch.tensor([[-30.0, -20.0, -40.0], [30.0, 20.0, 40.0]])
    assert only_choice(logits, SamplingConfig(temperature=temperature)) == [1, 2]


def test_filters_leave_their_input_alone():
    """The function is pure: neither the logits nor the ids given to it change."""
    logits, previous = logits_with_ties(0), torch.tensor([[1, 2]] * 4)
    before = logits.clone()
    filter_logits(logits, SamplingConfig(1.5, 0.5, 3, 0.5, 0.2, 0.7), previous)
    assert torch.equal(logits, before) and previous.tolist() == [[1, 2]] * 4


def test_half_precision_is_filtered_in_float32():
    """Probabilities summed in bfloat16 would stop short of 1 and let top-p keep the wrong tokens."""
    logits = torch.randn(2, V, generator=torch.Generator().manual_seed(0)).bfloat16()
    filtered = filter_logits(logits, SamplingConfig(top_p=0.8))
    assert filtered.dtype == torch.float32
    assert torch.equal(filtered, filter_logits(logits.float(), SamplingConfig(top_p=0.8)))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("size", [V, 3_000])
def test_broken_logits_are_refused(bad, size):
    """NaN or +inf in any row is one clear sentence, whatever the settings and their order; nothing is drawn from it."""
    logits, previous = torch.zeros(2, size), torch.tensor([[1, 2]] * 2)
    logits[1, 3] = bad
    one_at_a_time = [BUSY.replace(order=order) for order in (DEFAULT_ORDER, DEFAULT_ORDER[::-1])]
    for config in [SamplingConfig(), SamplingConfig(temperature=0.0), *GRID[::50], *TYPICAL[::7], *one_at_a_time]:
        with pytest.raises(ValueError, match="no token can be chosen"):
            filter_logits(logits, config, previous)


def test_nothing_left_to_choose_is_refused():
    """A row of -inf alone has no most likely token; one finite logit is enough."""
    logits = torch.full((1, V), -math.inf)
    with pytest.raises(ValueError, match="no token can be chosen"):
        filter_logits(logits, SamplingConfig())
    logits[0, 5] = -2.0
    assert only_choice(logits, SamplingConfig(top_k=3, top_p=0.5, min_p=0.1, typical_p=0.2)) == [5]
