"""The decoder against the model: the same logits at every position, in one row or many."""

import pytest
import torch
from twins import SHAPES, random_ids, randomised

from llm.config import ModelConfig
from llm.decoder import Decoder
from llm.model import GPT

KINDS = [
    {},
    {"bias": False, "activation_function": "gelu"},
    {"tie_word_embeddings": False},
    {"n_inner": 10, "activation_function": "relu"},
]


def read_on(decoder: Decoder, ids: list[int]) -> torch.Tensor:
    """Logits after each of `ids`, read one by one in the decoder's only row."""
    return torch.stack([decoder.step([id])[0].clone() for id in ids])


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("config", SHAPES, ids=str)
def test_logits_equal_the_models_at_every_position(config, kind):
    """However much of the text is prefilled, every later logit is the model's, to the context's last token."""
    model = randomised(config.replace(**kind))
    ids = random_ids(config, 1, config.n_ctx)
    with torch.no_grad():
        expected = model(ids)[0]
    decoder = Decoder(model)
    for prefilled in (0, 1, config.n_ctx // 2, config.n_ctx - 1):
        decoder.rows[0].truncate(0)
        decoder.prefill(ids[0, :prefilled].tolist())
        logits = read_on(decoder, ids[0, prefilled:].tolist())
        torch.testing.assert_close(logits, expected[prefilled:], atol=1e-4, rtol=1e-4)


def test_prefill_reads_on_from_what_is_there():
    """A text may be prefilled in parts, with single tokens in between."""
    model, ids = randomised(SHAPES[0]), random_ids(SHAPES[0], 1, 20)[0].tolist()
    decoder = Decoder(model)
    decoder.prefill(ids[:5])
    decoder.step(ids[5:6])
    decoder.prefill(ids[6:15])
    with torch.no_grad():
        expected = model(torch.tensor([ids]))[0, 15:]
    torch.testing.assert_close(read_on(decoder, ids[15:]), expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_rows_of_different_lengths_do_not_see_each_other(kind):
    """Four texts of four lengths, one begun anew half-way: each row's logits are those of its text alone."""
    model = randomised(SHAPES[0].replace(**kind))
    texts = [random_ids(SHAPES[0], 1, 30, seed=n)[0].tolist() for n in range(4)]
    decoder, starts = Decoder(model, batch_size=4), [0, 3, 11, 20]
    for row, start in enumerate(starts):
        decoder.prefill(texts[row][:start], row)
    for moment in range(10):
        if moment == 5:  # another text in row 2, shorter than what was there
            decoder.rows[2].truncate(0)
            texts[2], starts[2] = texts[0][::-1], -5
        logits_BV = decoder.step([text[start + moment] for text, start in zip(texts, starts, strict=True)])
        for row, (text, start) in enumerate(zip(texts, starts, strict=True)):
            with torch.no_grad():
                expected = model(torch.tensor([text[: start + moment + 1]]))[0, -1]
            torch.testing.assert_close(logits_BV[row], expected, atol=1e-4, rtol=1e-4)


def test_training_is_seen():
    """The decoder reads the weights where they lie, so it writes with those of now."""
    model = randomised(SHAPES[0])
    decoder = Decoder(model)
    with torch.no_grad():
        before = model(torch.tensor([[7]]))[0, -1]
        model.h[1].mlp.c_fc.weight.add_(0.1)
        after = model(torch.tensor([[7]]))[0, -1]
    torch.testing.assert_close(decoder.step([7])[0], after, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(before, after, atol=1e-3)


def test_steps_use_the_same_buffers():
    """The logits of two steps are one tensor, so that nothing of their size is made in the loop."""
    decoder = Decoder(randomised(SHAPES[0]))
    one, two = decoder.step([1]), decoder.step([2])
    assert one.data_ptr() == two.data_ptr() and torch.equal(one, two)


def test_no_gradients_are_recorded():
    """Reading outside `no_grad`, as a server does, makes no graph and leaves the parameters as they were."""
    model = randomised(SHAPES[0])
    decoder = Decoder(model)
    decoder.prefill([1, 2, 3])
    assert torch.is_grad_enabled() and not decoder.step([4]).requires_grad
    assert all(p.requires_grad and p.grad is None for p in model.parameters())


def test_a_full_row_is_refused():
    """One token more than the context is an error that says what to do, in a step as in a prefill."""
    model = GPT(SHAPES[1]).eval()
    decoder = Decoder(model, batch_size=2)
    decoder.prefill([1] * 16, row=1)
    with pytest.raises(ValueError, match="read the text's end again"):
        decoder.step([1, 1])
    with pytest.raises(ValueError, match="keep the last 16"):
        decoder.prefill([1], row=1)


def test_a_context_of_one_token():
    """The smallest model there is reads one token."""
    model = randomised(ModelConfig(vocab_size=10, n_ctx=1, n_embd=8, n_head=2, n_layer=1))
    with torch.no_grad():
        torch.testing.assert_close(Decoder(model).step([3]), model(torch.tensor([[3]]))[0])
