"""Generation against transformers.generate, its rule past the context, seeds, batches and streams."""

import math
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from twins import SHAPES, hugging_face_twin, random_ids, randomised

from llm.config import DEFAULT_ORDER, ModelConfig, SamplingConfig
from llm.decoder import Decoder
from llm.filters import filter_logits
from llm.sampler import generate, generate_together


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


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"temperature": 2.0, "top_k": 7},
        {"temperature": 1.5, "top_p": 0.9, "min_p": 0.05, "repetition_penalty": 1.5},
        {"temperature": 1.5, "typical_p": 0.8, "order": DEFAULT_ORDER[::-1]},
    ],
    ids=["plain", "top-k", "top-p", "reversed"],
)
def test_draws_follow_the_filtered_odds(settings):
    """2,000 first tokens under as many seeds are spread like filter_logits' odds; none that was ruled out is drawn."""
    model = randomised(ModelConfig(vocab_size=10, n_ctx=4, n_embd=8, n_head=2, n_layer=1))
    with torch.no_grad():
        logits = model(torch.tensor([[3]]))[:, -1]
    odds = filter_logits(logits, SamplingConfig(**settings), torch.tensor([[3]]))[0].softmax(dim=-1)
    counts = torch.zeros(10)
    config = SamplingConfig(**settings, max_new_tokens=1)
    for choice in next(generate_together(model, [[3]] * 2_000, config, seeds=range(2_000))).values():
        counts[choice.id] += 1
    assert counts[odds == 0].sum() == 0
    counts, odds = counts[odds > 0], odds[odds > 0]
    chi_square = ((counts - 2_000 * odds) ** 2 / (2_000 * odds)).sum().item()
    # The seeds are fixed, so this can't flicker; p = 0.001 for one degree of freedom less than there are tokens.
    assert chi_square < {10: 27.9, 9: 26.1, 8: 24.3, 7: 22.5, 6: 20.5, 5: 18.5, 4: 16.3}[len(odds)]


def test_a_choice_says_where_its_random_number_fell():
    """The share lies in the drawn token's stretch of the odds laid end to end by id."""
    model, config = randomised(SHAPES[0]), SamplingConfig(temperature=1.3, top_k=20, max_new_tokens=30)
    shares = []
    for choice in generate(model, [1, 2, 3], config):
        ends = filter_logits(choice.logits_V[None], config)[0].softmax(-1).double().cumsum(-1)
        begin = ends[choice.id] - choice.probability
        assert begin - 1e-6 < choice.share * ends[-1] <= ends[choice.id] + 1e-6
        shares.append(choice.share)
    assert 0 < min(shares) < 0.3 < 0.7 < max(shares) <= 1


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


def test_a_decoder_can_be_used_again():
    """A second text through the same decoder is the one a fresh decoder writes; the first leaves nothing behind."""
    model, config = randomised(SHAPES[0]), SamplingConfig(seed=5, max_new_tokens=40)
    decoder = Decoder(model)
    for prompt in ([1, 2, 3], [9, 8]):
        expected = [c.id for c in generate(model, prompt, config)]
        assert [c.id for c in generate(model, prompt, config, decoder=decoder)] == expected


def together(model, prompts, config, **more):
    """The new ids of each prompt, continued side by side."""
    drawn = [[] for _ in prompts]
    for choices in generate_together(model, prompts, config, **more):
        for row, choice in choices.items():
            drawn[row].append(choice.id)
    return drawn


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
    assert together(model, prompts, config) == [[c.id for c in generate(model, p, config)] for p in prompts]


def test_samples_side_by_side_are_those_of_their_seeds():
    """Many samples of one prompt: each has the tokens and probabilities that `generate` gives with its seed."""
    model, config = randomised(SHAPES[0]), SamplingConfig(temperature=1.4, top_p=0.9, max_new_tokens=40)
    steps = list(generate_together(model, [[1, 2, 3]] * 4, config, seeds=[5, 6, 7, 5]))
    for row, seed in enumerate((5, 6, 7, 5)):
        alone = list(generate(model, [1, 2, 3], config.replace(seed=seed)))
        assert [step[row].id for step in steps] == [choice.id for choice in alone]
        together = [(step[row].probability, step[row].raw_probability, step[row].share) for step in steps]
        expected = [(choice.probability, choice.raw_probability, choice.share) for choice in alone]
        torch.testing.assert_close(torch.tensor(together), torch.tensor(expected), atol=1e-5, rtol=1e-4)
        assert [step[row].reads for step in steps] == [choice.reads for choice in alone]


def test_each_row_of_a_batch_ends_by_itself():
    """A row that drew end-of-text stays as it is while the others go on, even past the context."""
    model, prompts = randomised(SHAPES[0]), [[1, 2, 3], [4], [5, 6]]
    config = SamplingConfig(seed=2, max_new_tokens=60)
    texts = together(model, prompts, config)
    eot = next(second for first, second in zip(*texts[:2], strict=True) if first != second)
    alone = [[c.id for c in generate(model, p, config, eot_id=eot)] for p in prompts]
    assert together(model, prompts, config, eot_id=eot) == alone
    assert len(alone[1]) < 60 and len(alone[1]) < len(alone[0])


def test_a_batch_refuses_what_generate_refuses():
    """One unusable prompt is named; no prompts at all are no texts."""
    model = randomised(SHAPES[0])
    with pytest.raises(ValueError, match="Id 97"):
        together(model, [[1], [97]], SamplingConfig())
    with pytest.raises(ValueError, match="at least one"):
        together(model, [[1], []], SamplingConfig())
    assert together(model, [], SamplingConfig()) == []


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
