"""Scores against transformers and its documented recipe, and surprisal against the definition."""

import math

import pytest
import torch
from twins import SHAPES, hugging_face_twin, random_ids, randomised

from llm.evaluate import evaluate, surprisal

N_CTX = SHAPES[0].n_ctx


def transformers_recipe(twin, ids, n_ctx, stride) -> tuple[float, int]:
    """Mean loss and number of scored tokens as transformers' guide to perplexity works them out.

    It differs in one point: the guide takes one scored token off every window for the shift inside
    the model. That is right for windows that don't overlap. Where they do, the token that the shift
    costs is masked anyway, so here the labels that count are counted.
    """
    nats, scored, previous_end = 0.0, 0, 0
    for begin in range(0, len(ids), stride):
        end = min(begin + n_ctx, len(ids))
        inputs = ids[None, begin:end]
        labels = inputs.clone()
        labels[:, : -(end - previous_end)] = -100
        count = int((labels[:, 1:] != -100).sum())
        with torch.no_grad():
            nats += twin(inputs, labels=labels).loss.item() * count
        scored += count
        previous_end = end
        if end == len(ids):
            return nats / scored, scored


@pytest.mark.parametrize("length", [2, 20, 32, 33 + 5, 64, 200])
def test_without_overlap_equals_transformers_recipe(length):
    """The default, windows side by side, gives the loss and count of transformers' recipe."""
    model, ids = randomised(SHAPES[0]), random_ids(SHAPES[0], 1, length)[0]
    loss, scored = transformers_recipe(hugging_face_twin(model), ids, N_CTX, N_CTX)
    ours = evaluate(model, ids)
    assert ours.loss == pytest.approx(loss, abs=1e-4) and ours.tokens == scored == length - math.ceil(length / N_CTX)
    assert ours.perplexity == pytest.approx(math.exp(loss), rel=1e-4)
    assert (ours.n_ctx, ours.stride) == (N_CTX, N_CTX)


@pytest.mark.parametrize(("n_ctx", "stride"), [(32, 16), (32, 31), (32, 1), (20, 7), (2, 1)])
def test_with_overlap_equals_transformers_recipe(n_ctx, stride):
    """A stride below the context scores every token but the first exactly once, as the recipe does."""
    model, ids = randomised(SHAPES[0]), random_ids(SHAPES[0], 1, 150)[0]
    loss, scored = transformers_recipe(hugging_face_twin(model), ids, n_ctx, stride)
    ours = evaluate(model, ids, n_ctx=n_ctx, stride=stride)
    assert ours.loss == pytest.approx(loss, abs=1e-4) and ours.tokens == scored == 149


@pytest.mark.parametrize("batch_size", [1, 3, 100])
def test_batches_do_not_change_the_score(batch_size):
    """How many windows are read together is a matter of memory, not of the result."""
    model, ids = randomised(SHAPES[0]), random_ids(SHAPES[0], 1, 150)[0]
    one, other = (evaluate(model, ids, stride=10, batch_size=size) for size in (2, batch_size))
    assert one.loss == pytest.approx(other.loss, rel=1e-6) and one.tokens == other.tokens


def test_bits_per_byte_counts_the_bytes_of_the_scored_tokens():
    """Total bits over total bytes, leaving out the bytes of tokens that were not scored."""
    model, ids = randomised(SHAPES[0]), random_ids(SHAPES[0], 1, 70)[0]
    lengths = [1 + i % 5 for i in range(SHAPES[0].vocab_size)]
    ours = evaluate(model, ids, bytes_per_id=lengths)
    scored = [i for position, i in enumerate(ids.tolist()) if position % N_CTX]
    assert ours.bytes == sum(lengths[i] for i in scored) and ours.tokens == len(scored)
    assert ours.bits_per_byte == pytest.approx(ours.loss * len(scored) / math.log(2) / ours.bytes)
    assert evaluate(model, ids).bits_per_byte is None


def test_a_coin_flip_a_byte_is_one_bit_a_byte():
    """A model that finds two one-byte tokens equally likely needs one bit for each byte."""
    model = randomised(SHAPES[0].replace(vocab_size=2))
    model.wte.weight.data.zero_()
    ours = evaluate(model, torch.tensor([0, 1, 1, 0, 1]), bytes_per_id=[1, 1])
    assert ours.bits_per_byte == pytest.approx(1.0) and ours.perplexity == pytest.approx(2.0)


def test_surprisal_is_minus_log_probability():
    """Each token's nats are those of a plain forward pass; the first token has none."""
    model, ids = randomised(SHAPES[0]), random_ids(SHAPES[0], 1, 20)
    with torch.no_grad():
        log_probabilities = model(ids).log_softmax(dim=-1)[0]
    expected = [-log_probabilities[t - 1, ids[0, t]].item() for t in range(1, 20)]
    values = surprisal(model, ids[0].tolist())
    assert values[0] is None and values[1:] == pytest.approx(expected, abs=1e-4)


def test_surprisal_of_a_long_text_has_every_token_once():
    """Past the context each token still has its value, from a window with half a context before it."""
    model, ids = randomised(SHAPES[0]), random_ids(SHAPES[0], 1, 101)[0]
    values = surprisal(model, ids.tolist())
    assert len(values) == 101 and values[0] is None and None not in values[1:]
    assert sum(values[1:]) / 100 == pytest.approx(evaluate(model, ids, stride=N_CTX // 2).loss, rel=1e-5)
    # Token 50 is scored in the window that starts at 32, the first to hold it.
    with torch.no_grad():
        expected = -model(ids[None, 32:50]).log_softmax(dim=-1)[0, -1, ids[50]].item()
    assert values[50] == pytest.approx(expected, abs=1e-4)


def test_any_integer_type_is_scored_alike():
    """Tokens kept in two bytes on disk score as tokens in memory do."""
    model, ids = randomised(SHAPES[0]), random_ids(SHAPES[0], 1, 90)[0]
    losses = {evaluate(model, ids.to(kind), bytes_per_id=[1] * 97).loss for kind in (torch.int64, torch.uint16)}
    assert len(losses) == 1


def test_progress_reaches_its_end():
    """Progress counts windows, never goes back, and ends at all of them."""
    calls = []
    ids = random_ids(SHAPES[0], 1, 300)[0]
    evaluate(randomised(SHAPES[0]), ids, stride=16, on_progress=lambda done, total: calls.append((done, total)))
    assert calls == sorted(calls) and calls[-1] == (18, 18)  # 1 + ceil((300 - 32) / 16) windows


def test_a_training_model_is_scored_without_dropout_and_goes_on_training():
    """An evaluation in the middle of training is the evaluation of the same weights at rest."""
    model, ids = randomised(SHAPES[0].replace(dropout=0.5)), random_ids(SHAPES[0], 1, 60)[0]
    expected = evaluate(model, ids).loss
    model.train()
    assert evaluate(model, ids).loss == expected and model.training


def test_an_endless_loss_has_an_infinite_perplexity():
    """A diverged model's loss can exceed what exp can hold; that is reported, not an error."""
    model = randomised(SHAPES[0])
    model.ln_f.bias.data.mul_(1e7)
    assert evaluate(model, random_ids(SHAPES[0], 1, 20)[0]).perplexity == math.inf


@pytest.mark.parametrize(
    ("ids", "settings", "sentence"),
    [
        ([1], {}, "at least two tokens"),
        ([1, 97, 2], {}, "Id 97"),
        ([1, 2, 3], {"n_ctx": 33}, "from 2 to the model's 32"),
        ([1, 2, 3], {"n_ctx": 1}, "from 2 to the model's 32"),
        ([1, 2, 3], {"stride": 0}, "from 1 to the context, 32"),
        ([1, 2, 3], {"n_ctx": 16, "stride": 17}, "from 1 to the context, 16"),
    ],
)
def test_what_cannot_be_scored_is_refused(ids, settings, sentence):
    """Too little text, foreign tokens and windows that don't fit are one clear sentence each."""
    with pytest.raises(ValueError, match=sentence):
        evaluate(randomised(SHAPES[0]), torch.tensor(ids), **settings)
