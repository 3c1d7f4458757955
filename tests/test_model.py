"""The model against Hugging Face's GPT-2, and its cache against itself."""

import pytest
import torch
from twins import SHAPES, hugging_face_twin, random_ids, randomised

from llm.config import GPT2_SIZES, ModelConfig
from llm.model import GPT, Dropout, KVCache, causal_mask


@pytest.mark.parametrize("config", SHAPES, ids=str)
def test_logits_equal_hugging_face(config):
    """Every part computes what GPT-2 computes: logits agree to 1e-4 on random weights."""
    model = randomised(config)
    ids = random_ids(config, batch=3, length=config.n_ctx)
    with torch.no_grad():
        torch.testing.assert_close(model(ids), hugging_face_twin(model)(ids).logits, atol=1e-4, rtol=1e-4)


def test_greedy_continuation_equals_hugging_face():
    """Greedy decoding with our cache picks the tokens transformers.generate picks."""
    config = SHAPES[0]
    model, prompt = randomised(config), random_ids(SHAPES[0], batch=1, length=5)
    expected = hugging_face_twin(model).generate(prompt, max_new_tokens=20, do_sample=False, eos_token_id=None)
    cache, ids = KVCache(config), prompt
    with torch.no_grad():
        step = prompt
        for _ in range(20):
            step = model(step, cache=cache, last_only=True)[:, -1].argmax(-1, keepdim=True)
            ids = torch.cat([ids, step], dim=1)
    assert ids.tolist() == expected.tolist()


def test_gradients_equal_hugging_face():
    """The loss and its gradient agree, so training it trains a GPT-2."""
    config = SHAPES[2]
    model, ids = randomised(config), random_ids(SHAPES[2], batch=2, length=12)
    twin = hugging_face_twin(model)
    loss = model.loss(ids[:, :-1], ids[:, 1:])
    loss.backward()
    expected = twin(ids, labels=ids).loss
    expected.backward()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(model.wte.weight.grad, twin.transformer.wte.weight.grad, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(
        model.h[0].attn.c_attn.weight.grad, twin.transformer.h[0].attn.c_attn.weight.grad.T, atol=1e-5, rtol=1e-4
    )


@pytest.mark.parametrize("config", SHAPES, ids=str)
def test_parameter_count_equals_the_formula(config):
    """`ModelConfig.n_params`, the built model and Hugging Face's agree, the tied head counted once."""
    model = GPT(config)
    assert sum(p.numel() for p in model.parameters()) == config.n_params == hugging_face_twin(model).num_parameters()


def test_gpt2_sizes_count_as_released():
    """The four released sizes have the parameter counts of OpenAI's checkpoints."""
    counts = [c.n_params for c in GPT2_SIZES.values()]
    assert counts == [124_439_808, 354_823_168, 774_030_080, 1_557_611_200]


@pytest.mark.parametrize("config", SHAPES, ids=str)
def test_cached_logits_equal_uncached_at_every_position(config):
    """One token at a time through the cache gives the logits of one pass over the whole text."""
    model, ids = randomised(config), random_ids(config, batch=2, length=config.n_ctx)
    cache = KVCache(config, batch_size=2)
    with torch.no_grad():
        whole = model(ids)
        for t in range(config.n_ctx):
            step = model(ids[:, t : t + 1], cache=cache)
            torch.testing.assert_close(step[:, 0], whole[:, t], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("cuts", [(5, 6), (1, 10, 11), (3, 7, 20, 31)])
def test_cache_filled_in_chunks_equals_uncached(cuts):
    """Chunks of any length line their mask up with the end of the cache, not its beginning."""
    config = SHAPES[0]
    model, ids = randomised(config), random_ids(config, batch=2, length=32)
    cache, logits = KVCache(config, batch_size=2), []
    with torch.no_grad():
        for chunk in torch.tensor_split(ids, cuts, dim=1):
            logits.append(model(chunk, cache=cache))
        torch.testing.assert_close(torch.cat(logits, dim=1), model(ids), atol=1e-4, rtol=1e-4)


def test_cache_can_be_cut_back():
    """After `truncate` the model reads on as if the forgotten tokens had never been there."""
    config = SHAPES[0]
    model, ids, other = randomised(config), random_ids(config, 1, 10), random_ids(config, 1, 4, seed=9)
    cache = KVCache(config)
    with torch.no_grad():
        model(ids, cache=cache)
        cache.truncate(6)
        again = model(other, cache=cache)
        torch.testing.assert_close(again, model(torch.cat([ids[:, :6], other], 1))[:, 6:], atol=1e-4, rtol=1e-4)
    with pytest.raises(ValueError, match="can't be cut to 99"):
        cache.truncate(99)


def test_last_only_is_the_last_row():
    """Generation's short cut gives the row that the full pass gives."""
    model, ids = randomised(SHAPES[0]), random_ids(SHAPES[0], 2, 9)
    with torch.no_grad():
        torch.testing.assert_close(model(ids, last_only=True), model(ids)[:, -1:])


def test_a_token_never_sees_the_future():
    """Changing a later token leaves every earlier logit as it was."""
    model, ids = randomised(SHAPES[0]), random_ids(SHAPES[0], 1, 12)
    changed = ids.clone()
    changed[0, 7] = (changed[0, 7] + 1) % SHAPES[0].vocab_size
    with torch.no_grad():
        before, after = model(ids), model(changed)
    torch.testing.assert_close(before[:, :7], after[:, :7])
    assert not torch.allclose(before[:, 7:], after[:, 7:])


def test_too_many_tokens_are_refused():
    """A text longer than the context is an error that says what to do, cached or not."""
    model = GPT(SHAPES[1])
    with pytest.raises(ValueError, match="keep the last 16"):
        model(random_ids(SHAPES[1], 1, 17))
    cache = KVCache(SHAPES[1])
    with torch.no_grad():
        model(random_ids(SHAPES[1], 1, 16), cache=cache)
        with pytest.raises(ValueError, match="context of 16"):
            model(random_ids(SHAPES[1], 1, 1), cache=cache)


def test_same_seed_same_weights_and_global_random_state_untouched():
    """Initialisation is a function of its seed alone and disturbs nobody else's random numbers."""
    before = torch.get_rng_state()
    one, two, other = GPT(SHAPES[0], seed=1), GPT(SHAPES[0], seed=1), GPT(SHAPES[0], seed=2)
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert not torch.equal(one.wte.weight, other.wte.weight)


def test_initial_weights_have_gpt2s_spread():
    """Matrices start at 0.02, residual projections at 0.02 / sqrt(2 n_layer), and the loss at about ln V."""
    config = ModelConfig(vocab_size=500, n_ctx=64, n_embd=192, n_head=6, n_layer=8)
    model = GPT(config)
    assert model.wte.weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert model.h[3].attn.c_attn.weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert model.h[3].mlp.c_proj.weight.std().item() == pytest.approx(0.02 / 4, rel=0.02)
    ids = random_ids(config, 4, 33)
    assert model.loss(ids[:, :-1], ids[:, 1:]).item() == pytest.approx(6.21, abs=0.1)  # ln 500


def test_dropout_follows_its_seed_and_stays_out_of_evaluation():
    """The same seed replays the same dropout, another seed does not, and evaluation has none."""
    config = SHAPES[0].replace(dropout=0.5)
    model, ids = GPT(config), random_ids(config, 2, 8)
    runs = []
    for seed in (1, 1, 2):
        model.set_dropout_seed(seed, 7)
        runs.append(model(ids))
    assert torch.equal(runs[0], runs[1]) and not torch.equal(runs[0], runs[2])
    plain = GPT(SHAPES[0]).eval()
    torch.testing.assert_close(model.eval()(ids), plain(ids))


def test_dropout_keeps_the_mean():
    """Dropped shares and scaling are right: about p zeroes, the mean unchanged."""
    drop = Dropout(0.25)
    drop.generator = torch.Generator().manual_seed(0)
    out = drop(torch.ones(100_000))
    assert (out == 0).float().mean().item() == pytest.approx(0.25, abs=0.01)
    assert out.mean().item() == pytest.approx(1.0, abs=0.01)


def test_attention_written_out_equals_the_fused_kernel():
    """The path with dropout computes the same attention as the fused kernel: at a tiny rate they meet."""
    model, ids = randomised(SHAPES[0].replace(dropout=1e-9)), random_ids(SHAPES[0], 2, 20)
    with torch.no_grad():
        torch.testing.assert_close(model.train()(ids), model.eval()(ids), atol=1e-4, rtol=1e-4)


def test_causal_mask_lines_up_with_the_end():
    """Two new tokens after three cached ones: the first sees four, the second all five."""
    assert causal_mask(2, 5).tolist() == [[True] * 4 + [False], [True] * 5]
