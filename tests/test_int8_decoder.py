"""8-bit weights against the exact ones: how near, on what models, and where they are refused."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from twins import SHAPES, random_ids, randomised

from llm.checkpoint import load_checkpoint
from llm.config import SamplingConfig
from llm.corpora import load_corpus
from llm.int8_decoder import Int8Decoder, Int8Weights, why_not
from llm.sampler import generate

CHECKPOINTS = Path(__file__).resolve().parents[1] / "checkpoints"
SHAKESPEARE = Path(__file__).parent / "texts" / "shakespeare-end.txt"
CORPUS = {"tales": "tales", "induction": "task:copy", "sorter": "task:sort"}
KINDS = [{}, {"bias": False, "activation_function": "gelu"}, {"tie_word_embeddings": False}]


def logits_of(decoder, ids):
    return torch.stack([decoder.step([id])[0].clone() for id in ids])


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("config", SHAPES, ids=str)
@pytest.mark.parametrize("threads", [1, 2])
def test_logits_stay_close(config, kind, threads):
    """On random models, to the last position: the odds diverge from the exact ones by less than 0.002 nats."""
    model = randomised(config.replace(**kind))
    ids = random_ids(config, 1, config.n_ctx)
    with torch.no_grad():
        expected_TV = model(ids)[0].log_softmax(-1)
    decoder = Int8Decoder(Int8Weights(model))
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        decoder.prefill(ids[0, :3].tolist())
        got_TV = logits_of(decoder, ids[0, 3:].tolist()).log_softmax(-1)
    finally:
        torch.set_num_threads(before)
    expected_TV = expected_TV[3:]
    assert not torch.equal(got_TV, expected_TV)
    assert (expected_TV.exp() * (expected_TV - got_TV)).sum(-1).max() < 2e-3


@pytest.mark.parametrize("size", [1, 31, 32, 127, 128, 129, 300, 1_024])
def test_sums_of_products_are_exact(size):
    """To the last unit, at the ends of the range and wherever blocks end, as numpy's own in 64 bits."""
    from llm.int8_loops import LEVELS, dot

    random = np.random.default_rng(size)
    weights = random.integers(-127, 128, size).astype(np.int8)
    wholes = random.integers(-LEVELS, LEVELS + 1, size).astype(np.int16)
    for weight_K, whole_K in ((weights, wholes), (np.full_like(weights, -127), np.full_like(wholes, LEVELS))):
        assert dot(weight_K, whole_K) == int(weight_K.astype(np.int64) @ whole_K.astype(np.int64))


def test_powers_of_e_are_as_near_as_float32_can_tell():
    """To 4e-7 of numpy's in 64 bits, over all that float32 can hold; what would be less than that is nothing."""
    from llm.int8_loops import exp

    x_N = np.linspace(-87, 88, 10_001).astype(np.float32)
    got_N = np.array([exp(x) for x in x_N], dtype=np.float64)
    assert np.abs(got_N / np.exp(x_N.astype(np.float64)) - 1).max() < 4e-7
    assert 0 < exp(np.float32(-1e9)) < 2e-38


def test_a_large_common_offset_costs_nothing():
    """A vector added to every row of the head moves all logits together; the rounded rows leave it out."""
    model = randomised(SHAPES[0].replace(tie_word_embeddings=False))
    near = logits_of(Int8Decoder(Int8Weights(model)), [3])
    with torch.no_grad():
        model.lm_head.weight += 5 * model.ln_f.bias.sign()
    far = logits_of(Int8Decoder(Int8Weights(model)), [3])
    assert far.abs().min() > 16
    torch.testing.assert_close(far.log_softmax(-1), near.log_softmax(-1), atol=5e-3, rtol=0)


@pytest.mark.parametrize("name", ["tales", "shakespeare", "induction", "sorter"])
def test_shipped_models_say_the_same(name):
    """On each shipped model's own kind of text the odds diverge by 0.001 nats on average, and whichever token leads by
    more than a tenth of a nat still leads."""
    checkpoint = load_checkpoint(CHECKPOINTS / name)
    model = checkpoint.model.eval()
    text = SHAKESPEARE.read_text() if name == "shakespeare" else load_corpus(CORPUS[name]).text
    ids = checkpoint.tokenizer.encode(text[:4_000])[: min(200, model.config.n_ctx)]
    with torch.no_grad():
        expected_TV = model(torch.tensor([ids]))[0].log_softmax(-1)
    got_TV = logits_of(Int8Decoder(Int8Weights(model)), ids).log_softmax(-1)
    first_T, second_T = expected_TV.topk(2).values.unbind(-1)
    sure_T = first_T - second_T > 0.1
    assert sure_T.sum() > 20
    assert torch.equal(got_TV.argmax(-1)[sure_T], expected_TV.argmax(-1)[sure_T])
    assert (expected_TV.exp() * (expected_TV - got_TV)).sum(-1).mean() < 1e-3


def test_a_long_text_begins_again_as_the_exact_one():
    """Beyond the context `generate` reads the end of the text anew; the same seed gives the same text each time."""
    model, config = randomised(SHAPES[0]), SamplingConfig(seed=3, max_new_tokens=80)
    texts = [
        [choice.id for choice in generate(model, [1, 2], config, decoder=Int8Decoder(Int8Weights(model)))]
        for _ in range(2)
    ]
    assert len(texts[0]) == 80 and texts[0] == texts[1]


def test_what_it_cannot_do_is_refused_in_a_sentence(monkeypatch):
    """Hooks, other formats, a full context and a missing numba are each named."""
    model = randomised(SHAPES[1])
    assert why_not(model) is None
    handle = model.h[0].mlp.register_forward_hook(lambda *_: None)
    with pytest.raises(ValueError, match="Hooks"):
        Int8Decoder(Int8Weights(model))
    handle.remove()
    decoder = Int8Decoder(Int8Weights(model))
    decoder.prefill([1] * 16)
    with pytest.raises(ValueError, match="is full"):
        decoder.step([1])
    with pytest.raises(ValueError, match="float32"):
        Int8Weights(randomised(SHAPES[1]).to(torch.bfloat16))
    with pytest.raises(ValueError, match="CPU"):
        Int8Weights(randomised(SHAPES[1]).to("meta"))
    monkeypatch.setitem(sys.modules, "numba", None)
    assert why_not(model) == "8-bit weights need numba: pip install numba."


def test_torch_keeps_its_number_of_threads():
    """numba starts as many as there are cores in the same OpenMP; torch's products stay with what they were told."""
    code = (
        "import torch\nfrom llm.config import ModelConfig\nfrom llm.model import GPT\n"
        "from llm.int8_decoder import Int8Decoder, Int8Weights\n"
        "model = GPT(ModelConfig(30, n_ctx=8, n_embd=16, n_head=2, n_layer=2)).eval()\n"
        "Int8Decoder(Int8Weights(model)).step([0])\nprint(torch.get_num_threads())"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
