"""The filters against transformers' processors, and generation against transformers.generate."""

import itertools
import math
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)
from twins import SHAPES, hugging_face_twin, random_ids, randomised

from llm.config import ModelConfig, SamplingConfig
from llm.decoder import Decoder
from llm.sampler import filter_logits, generate, generate_batch, keep_top_p

V = 41
GRID = [
    SamplingConfig(repetition_penalty=penalty, temperature=temperature, top_k=k, top_p=p, min_p=min_p)
    for penalty, temperature, k, p, min_p in itertools.product(
        (0.5, 1.0, 1.7), (0.1, 1.0, 2.0), (0, 1, 7, V, V + 10), (0.0, 1e-9, 0.5, 0.9, 1.0), (0.0, 0.1, 1.0)
    )
]


def logits_with_ties(seed: int) -> torch.Tensor:
    """Rows of logits on a coarse grid, so that every row has many equal values of both signs."""
    return (torch.randn(4, V, generator=torch.Generator().manual_seed(seed)) * 4).round() / 2


def hugging_face_filters(config: SamplingConfig) -> LogitsProcessorList:
    """The same settings as transformers' own processors, in the order `generate` applies them."""
    filters = LogitsProcessorList()
    filters.append(RepetitionPenaltyLogitsProcessor(config.repetition_penalty))
    filters.append(TemperatureLogitsWarper(config.temperature))
    if config.top_k:  # like transformers.generate, none where the setting means off
        filters.append(TopKLogitsWarper(config.top_k))
    if config.top_p < 1.0:
        filters.append(TopPLogitsWarper(config.top_p))
    filters.append(MinPLogitsWarper(config.min_p))
    return filters


def only_choice(logits: torch.Tensor, config: SamplingConfig) -> list[int]:
    """The one id each row is left with."""
    kept = filter_logits(logits, config).isfinite()
    assert kept.sum(dim=-1).tolist() == [1] * len(kept)
    return kept.int().argmax(dim=-1).tolist()


def test_filters_equal_transformers_without_ties():
    """Every combination of settings gives transformers' filtered logits, token for token."""
    logits = torch.randn(4, V, generator=torch.Generator().manual_seed(1)) * 3
    previous = random_ids(SHAPES[1].replace(vocab_size=V), batch=4, length=9)
    for config in GRID:
        expected = hugging_face_filters(config)(previous, logits)
        torch.testing.assert_close(filter_logits(logits, config, previous), expected, rtol=0, atol=0, msg=str(config))


def test_filters_equal_transformers_with_ties():
    """With ties as many tokens of each value are kept as by transformers.

    Which of several equal tokens top-p drops is not settled there: its sort is unstable, and differs
    between processors. So the sorted values are compared.
    """
    previous = random_ids(SHAPES[1].replace(vocab_size=V), batch=4, length=9)
    for seed, config in enumerate(GRID):
        logits = logits_with_ties(seed)
        expected = hugging_face_filters(config)(previous, logits).sort(dim=-1).values
        ours = filter_logits(logits, config, previous).sort(dim=-1).values
        torch.testing.assert_close(ours, expected, rtol=0, atol=0, msg=str(config))


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


def test_temperature_zero_keeps_the_first_of_the_most_likely():
    """Greedy is one token, the lowest id among equals, whatever the other settings are."""
    logits = torch.tensor([[1.0, 5.0, 5.0, 0.0], [7.0, 1.0, 7.0, 7.0]])
    for config in (SamplingConfig(temperature=0.0), SamplingConfig(temperature=0.0, top_k=3, top_p=0.5, min_p=1.0)):
        assert only_choice(logits, config) == [1, 0]


@pytest.mark.parametrize("temperature", [1e-38, 1e-300])
def test_a_vanishing_temperature_is_greedy(temperature):
    """A temperature too small to divide by gives the greedy token and not NaN, whatever the signs."""
    logits = torch.tensor([[-30.0, -20.0, -40.0], [30.0, 20.0, 40.0]])
    assert only_choice(logits, SamplingConfig(temperature=temperature)) == [1, 2]


def test_filters_leave_their_input_alone():
    """The function is pure: neither the logits nor the ids given to it change."""
    logits, previous = logits_with_ties(0), torch.tensor([[1, 2]] * 4)
    before = logits.clone()
    filter_logits(logits, SamplingConfig(1.5, 0.5, 3, 0.5, 0.2), previous)
    assert torch.equal(logits, before) and previous.tolist() == [[1, 2]] * 4


def test_half_precision_is_filtered_in_float32():
    """Probabilities summed in bfloat16 would stop short of 1 and let top-p keep the wrong tokens."""
    logits = torch.randn(2, V, generator=torch.Generator().manual_seed(0)).bfloat16()
    filtered = filter_logits(logits, SamplingConfig(top_p=0.8))
    assert filtered.dtype == torch.float32
    assert torch.equal(filtered, filter_logits(logits.float(), SamplingConfig(top_p=0.8)))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_broken_logits_are_refused(bad, temperature):
    """NaN or +inf in any row is one clear sentence, greedy or not; nothing is drawn from it."""
    logits = torch.zeros(2, V)
    logits[1, 3] = bad
    with pytest.raises(ValueError, match="no token can be chosen"):
        filter_logits(logits, SamplingConfig(temperature=temperature))


def test_nothing_left_to_choose_is_refused():
    """A row of -inf alone has no most likely token; one finite logit is enough."""
    logits = torch.full((1, V), -math.inf)
    with pytest.raises(ValueError, match="no token can be chosen"):
        filter_logits(logits, SamplingConfig())
    logits[0, 5] = -2.0
    assert only_choice(logits, SamplingConfig(top_k=3, top_p=0.5, min_p=0.1)) == [5]


def test_greedy_equals_transformers():
    """Temperature 0 writes what transformers.generate(do_sample=False) writes."""
    for shape in SHAPES:
        model, prompt = randomised(shape), random_ids(shape, batch=1, length=5)
        new = shape.n_ctx - 5
        expected = hugging_face_twin(model).generate(prompt, max_new_tokens=new, do_sample=False, eos_token_id=None)
        choices = generate(model, prompt[0].tolist(), SamplingConfig(temperature=0.0, max_new_tokens=new))
        assert [c.id for c in choices] == expected[0, 5:].tolist()


def test_greedy_with_repetition_penalty_equals_transformers():
    """The penalty looks at the prompt and at what was written, as in transformers."""
    model, prompt = randomised(SHAPES[0]), random_ids(SHAPES[0], batch=1, length=5)
    expected = hugging_face_twin(model).generate(
        prompt, max_new_tokens=25, do_sample=False, eos_token_id=None, repetition_penalty=1.8
    )
    config = SamplingConfig(repetition_penalty=1.8, temperature=0.0, max_new_tokens=25)
    assert [c.id for c in generate(model, prompt[0].tolist(), config)] == expected[0, 5:].tolist()


def test_a_seed_replays_and_leaves_the_global_generator_alone():
    """Same seed, same ids, even with two requests taking turns; the process's random state is untouched."""
    model, prompt = randomised(SHAPES[0]), [1, 2, 3]
    before = torch.get_rng_state()
    alone = [c.id for c in generate(model, prompt, SamplingConfig(seed=7, max_new_tokens=40))]
    one, two = (generate(model, prompt, SamplingConfig(seed=seed, max_new_tokens=40)) for seed in (7, 8))
    turns = [(a.id, b.id) for a, b in zip(one, two, strict=True)]
    assert [a for a, _ in turns] == alone != [b for _, b in turns]
    assert torch.equal(before, torch.get_rng_state())


def test_draws_follow_the_softmax():
    """2,000 first tokens under as many seeds are spread like the model's own odds (chi-square, 10 groups)."""
    config = ModelConfig(vocab_size=10, n_ctx=4, n_embd=8, n_head=2, n_layer=1)
    model = randomised(config)
    with torch.no_grad():
        odds = model(torch.tensor([[3]]))[0, -1].softmax(dim=-1)
    counts = torch.zeros(10)
    for seed in range(2_000):
        counts[next(generate(model, [3], SamplingConfig(seed=seed, max_new_tokens=1))).id] += 1
    chi_square = ((counts - 2_000 * odds) ** 2 / (2_000 * odds)).sum().item()
    assert chi_square < 27.9  # 9 degrees of freedom, p = 0.001; the seeds are fixed, so this can't flicker


def test_a_choice_reports_both_probabilities():
    """`probability` is the filtered odds, `raw_probability` the model's own; greedy is certain of itself."""
    model, prompt = randomised(SHAPES[0]), [4, 5, 6]
    config = SamplingConfig(temperature=0.7, top_k=5, max_new_tokens=1)
    choice = next(generate(model, prompt, config))
    with torch.no_grad():
        logits = model(torch.tensor([prompt]))[:, -1]
    assert choice.probability == pytest.approx(filter_logits(logits, config).softmax(-1)[0, choice.id].item(), rel=1e-4)
    assert choice.raw_probability == pytest.approx(logits.softmax(-1)[0, choice.id].item(), rel=1e-4)
    greedy = next(generate(model, prompt, SamplingConfig(temperature=0.0)))
    assert greedy.probability == 1.0 > greedy.raw_probability


@pytest.mark.parametrize("prompt_length", [3, 16, 40])
def test_generation_past_the_context_follows_its_rule(prompt_length):
    """Past the context the tokens are those of the stated rule worked out without a cache.

    A prompt is read from its last n_ctx tokens on; a full context starts again from its last half.
    """
    config = SHAPES[1]
    model, ids = randomised(config), random_ids(config, 1, prompt_length)[0].tolist()
    drawn = [c.id for c in generate(model, ids, SamplingConfig(temperature=0.0, max_new_tokens=50))]
    window, expected = ids[-config.n_ctx :], []
    with torch.no_grad():
        for _ in range(50):
            if len(window) > config.n_ctx:
                window = window[-(config.n_ctx // 2) :]
            expected.append(int(model(torch.tensor([window]))[0, -1].argmax()))
            window.append(expected[-1])
    assert drawn == expected


def test_a_context_of_one_token_generates():
    """The smallest context there is starts again at every token and never stands still."""
    model = randomised(ModelConfig(vocab_size=10, n_ctx=1, n_embd=8, n_head=2, n_layer=1))
    assert len(list(generate(model, [1, 2], SamplingConfig(max_new_tokens=5)))) == 5


def test_a_choice_carries_the_logits_it_was_drawn_from():
    """Each choice keeps its own logits, the model's, and says how many tokens were read, past the context too."""
    model, ids = randomised(SHAPES[1]), [1, 2, 3]
    choices = list(generate(model, ids, SamplingConfig(max_new_tokens=20)))
    assert [c.reads for c in choices] == [*range(3, 17), *range(8, 14)]
    for choice in choices:
        with torch.no_grad():
            expected = model(torch.tensor([ids[-choice.reads :]]))[0, -1]
        torch.testing.assert_close(choice.logits_V, expected, atol=1e-4, rtol=1e-4)
        ids.append(choice.id)


def test_a_model_with_hooks_is_read_through_its_forward():
    """A hook steers what is written, and one that does nothing changes no token."""
    model, prompt = randomised(SHAPES[0]), [1, 2, 3]
    config = SamplingConfig(temperature=0.0, max_new_tokens=60)
    expected = [c.id for c in generate(model, prompt, config)]
    for factor in (1.0, 0.0):
        handle = model.h[1].mlp.register_forward_hook(lambda module, inputs, out, factor=factor: out * factor)
        assert ([c.id for c in generate(model, prompt, config)] == expected) == (factor == 1.0)
        handle.remove()


@pytest.mark.parametrize("dtype", [None, torch.float32])
def test_a_decoder_can_be_used_again(dtype):
    """A second text through the same decoder is the one a fresh decoder writes; the first leaves nothing behind."""
    model, config = randomised(SHAPES[0]), SamplingConfig(seed=5, max_new_tokens=40)
    decoder = Decoder(model, dtype=dtype)
    for prompt in ([1, 2, 3], [9, 8]):
        expected = [c.id for c in generate(model, prompt, config)]
        assert [c.id for c in generate(model, prompt, config, decoder=decoder)] == expected


@pytest.mark.parametrize(
    "config",
    [
        SamplingConfig(temperature=0.0, max_new_tokens=45),
        SamplingConfig(seed=3, max_new_tokens=45),
        SamplingConfig(repetition_penalty=1.5, temperature=0.8, top_k=20, top_p=0.9, seed=4, max_new_tokens=45),
    ],
    ids=["greedy", "seeded", "filtered"],
)
def test_a_ragged_batch_equals_each_prompt_alone(config):
    """Prompts shorter and longer than the context, all going past it at moments of their own."""
    model = randomised(SHAPES[0])
    prompts = [random_ids(SHAPES[0], 1, length, seed=length)[0].tolist() for length in (1, 7, 31, 32, 50, 7)]
    assert generate_batch(model, prompts, config) == [[c.id for c in generate(model, p, config)] for p in prompts]


def test_each_row_of_a_batch_ends_by_itself():
    """A row that drew end-of-text stays as it is while the others go on, even past the context."""
    model, prompts = randomised(SHAPES[0]), [[1, 2, 3], [4], [5, 6]]
    config = SamplingConfig(seed=2, max_new_tokens=60)
    texts = generate_batch(model, prompts, config)
    eot = next(second for first, second in zip(*texts[:2], strict=True) if first != second)
    alone = [[c.id for c in generate(model, p, config, eot_id=eot)] for p in prompts]
    assert generate_batch(model, prompts, config, eot_id=eot) == alone
    assert len(alone[1]) < 60 and len(alone[1]) < len(alone[0])


def test_a_batch_refuses_what_generate_refuses():
    """One unusable prompt is named; no prompts at all are no texts."""
    model = randomised(SHAPES[0])
    with pytest.raises(ValueError, match="Id 97"):
        generate_batch(model, [[1], [97]], SamplingConfig())
    with pytest.raises(ValueError, match="at least one"):
        generate_batch(model, [[1], []], SamplingConfig())
    assert generate_batch(model, [], SamplingConfig()) == []


def test_end_of_text_comes_last():
    """Nothing is drawn after the end-of-text token, and it is reported."""
    model = randomised(SHAPES[0])
    config = SamplingConfig(temperature=0.0, max_new_tokens=20)
    free = [c.id for c in generate(model, [1, 2, 3], config)]
    eot = free[4]
    assert [c.id for c in generate(model, [1, 2, 3], config, eot_id=eot)] == free[: free.index(eot) + 1]


def test_no_new_tokens_means_none():
    """max_new_tokens of 0 is an empty stream."""
    assert list(generate(randomised(SHAPES[0]), [1], SamplingConfig(max_new_tokens=0))) == []


@pytest.mark.parametrize(("ids", "sentence"), [([], "at least one"), ([3, 97], "Id 97"), ([-1], "Id -1")])
def test_unusable_ids_are_refused_at_the_call(ids, sentence):
    """No tokens, or tokens of another vocabulary, are refused before the stream is first asked."""
    with pytest.raises(ValueError, match=sentence):
        generate(randomised(SHAPES[0]), ids, SamplingConfig())


def test_generating_from_a_training_model_has_no_dropout_and_leaves_it_training():
    """A sample taken mid-training equals one in evaluation mode, and training goes on as it was."""
    model = randomised(SHAPES[0].replace(dropout=0.5))
    config = SamplingConfig(temperature=0.0, max_new_tokens=10)
    expected = [c.id for c in generate(model, [1, 2, 3], config)]
    model.train()
    drawn = []
    for choice in generate(model, [1, 2, 3], config):
        assert model.training and model.h[0].mlp.resid_dropout.training and torch.is_grad_enabled()
        drawn.append(choice.id)
    assert drawn == expected
    model.wte.weight.data[0, 0] = math.nan
    with pytest.raises(ValueError):
        list(generate(model, [0], config))
    assert model.training and torch.is_grad_enabled()


def test_streams_shared_by_threads_keep_grad_mode_out_of_the_gaps():
    """Threads that take streams in turn, as a server does, never see gradients switched off between tokens."""
    model = randomised(SHAPES[0])
    streams = [generate(model, [1], SamplingConfig(max_new_tokens=10, seed=s)) for s in range(4)]

    def step(n: int) -> bool:
        next(streams[n % 4])
        return torch.is_grad_enabled()

    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        assert all((first if n % 3 else second).submit(step, n).result() for n in range(40))
