"""Models without a part of GPT-2: they compute what their name says, count right, and no view takes them for whole."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from llm.checkpoint import load_checkpoint, save_checkpoint
from llm.config import PARTS, ModelConfig, SamplingConfig, TrainConfig
from llm.decoder import Decoder
from llm.inside.architecture import architecture
from llm.inside.attention_flow import rollout
from llm.inside.column import Column, column_names
from llm.inside.contributions import direct_logits
from llm.inside.live_attention import watch
from llm.inside.neurons import strongest_contexts
from llm.inside.patching import Pair, Site
from llm.inside.trace import trace
from llm.inside.walk import Walk
from llm.int8_decoder import why_not
from llm.model import GPT
from llm.sampler import generate
from llm.scaling.counting import COUNTS
from llm.tokenizers import train_tokenizer
from llm.training.flops import flops_per_token
from llm.training.learning_step import learning_step
from llm.weights.pretrained import save_gpt2

V, T, C, H, L = 61, 12, 32, 4, 3
WHOLE = ModelConfig(V, n_ctx=16, n_embd=C, n_head=H, n_layer=L)
WITHOUTS = [(), *((part,) for part in PARTS), ("positions", "norms"), ("norms", "mlp"), ("positions", "residual")]
OTHERS = [
    {"n_head": 1}, {"activation_function": "relu"}, {"activation_function": "gelu"}, {"tie_word_embeddings": False}
]  # fmt: skip
CONFIGS = [*(WHOLE.replace(without=without) for without in WITHOUTS), *(WHOLE.replace(**other) for other in OTHERS)]
CONFIGS += [WHOLE.replace(without=("mlp",), bias=False), WHOLE.replace(without=("norms",), bias=False)]


def ids_of(*shape):
    return torch.randint(V, shape, generator=torch.Generator().manual_seed(1))


def made(config, seed=3):
    """A model whose weights are larger than at the start, so that nothing is lost in rounding."""
    model = GPT(config, seed=seed).eval()
    with torch.no_grad():
        for number, parameter in enumerate(model.parameters()):
            generator = torch.Generator().manual_seed(number)
            parameter.add_(0.15 * torch.randn(parameter.shape, generator=generator))
    return model


def by_hand(state, ids_BT, *, heads=H, positions=True, norms=True, residual=True, mlp=True, activation="gelu_new"):
    """GPT-2's logits from a state dict, written with plain functions alone; a part may be missing."""
    B, T = ids_BT.shape

    def norm(x, name):
        if not norms:
            return x
        centred = x - x.mean(-1, keepdim=True)
        scaled = centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
        return scaled * state[f"{name}.weight"] + state.get(f"{name}.bias", 0.0)

    def linear(x, name):
        return x @ state[f"{name}.weight"].T + state.get(f"{name}.bias", 0.0)

    def active(x):
        if activation == "relu":
            return x.clamp(min=0)
        if activation == "gelu":
            return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))

    x = state["wte.weight"][ids_BT]
    if positions:
        x = x + state["wpe.weight"][:T]
    mask = torch.full((T, T), -math.inf).triu(1)
    for layer in range(L):
        name = f"h.{layer}"
        q, k, v = linear(norm(x, f"{name}.ln_1"), f"{name}.attn.c_attn").view(B, T, 3, heads, -1).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(2, 3) / math.sqrt(q.size(3)) + mask).softmax(-1)
        written = linear((weights @ v).transpose(1, 2).reshape(B, T, C), f"{name}.attn.c_proj")
        x = x + written if residual else written
        if mlp:
            written = linear(active(linear(norm(x, f"{name}.ln_2"), f"{name}.mlp.c_fc")), f"{name}.mlp.c_proj")
            x = x + written if residual else written
    return norm(x, "ln_f") @ state.get("lm_head.weight", state["wte.weight"]).T


def expected(config, model, ids_BT):
    lacking = {part: False for part in config.without}
    return by_hand(model.state_dict(), ids_BT, heads=config.n_head, activation=config.activation_function, **lacking)


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_it_computes_what_its_name_says(config):
    """Logits are those of a forward pass written by hand without that part; the part makes a difference."""
    model, ids_BT = made(config), ids_of(2, T)
    logits_BTV = model(ids_BT)
    torch.testing.assert_close(logits_BTV, expected(config, model, ids_BT), atol=2e-5, rtol=1e-4)
    if config != WHOLE:
        assert (logits_BTV - made(WHOLE)(ids_BT)).abs().max() > 1e-4


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_parameters_and_flops_are_those_that_torch_counts(config):
    """All of them, and those of the blocks; FLOPs against torch's own counter."""
    model, ids_BT = GPT(config), torch.zeros(2, config.n_ctx, dtype=torch.long)
    assert config.n_params == sum(p.numel() for p in model.parameters())
    blocks = sum(p.numel() for p in model.h.parameters())
    assert COUNTS["blocks"](config) == blocks
    assert COUNTS["blocks and head"](config) == blocks + V * C
    math_only = torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH)
    with FlopCounterMode(display=False) as counter, math_only:
        model(ids_BT)
    assert counter.get_total_flops() == flops_per_token(config, training=False) * ids_BT.numel()


@pytest.mark.parametrize("without", WITHOUTS, ids=str)
def test_what_is_left_begins_as_in_the_whole_model(without):
    """The same seed gives a pair of models that differ in nothing but the part."""
    whole = GPT(WHOLE, seed=5).state_dict()
    part = GPT(WHOLE.replace(without=without), seed=5).state_dict()
    assert set(part) <= set(whole) and all(torch.equal(part[name], whole[name]) for name in part)


@pytest.mark.parametrize("without", WITHOUTS, ids=str)
def test_token_by_token_it_reads_as_at_once(without):
    """The fast decoder, alone and in a batch, and attention while writing: the model's own numbers."""
    model, ids = made(WHOLE.replace(without=without)), ids_of(T).tolist()
    logits_TV = model(torch.tensor([ids]))[0]
    decoder = Decoder(model, batch_size=2)
    decoder.prefill(ids[:4])
    decoder.prefill(ids[:6], row=1)
    for at in range(4, T - 2):
        logits_2V = decoder.step([ids[at], ids[at + 2]])
        torch.testing.assert_close(logits_2V, logits_TV[[at, at + 2]], atol=2e-5, rtol=1e-4)
    greedy = SamplingConfig(temperature=0, max_new_tokens=4)
    written = [choice.id for choice in generate(model, ids[:5], greedy)]
    for n, reading in enumerate(watch(model, ids[:5], greedy)):
        row_LHS = torch.stack(list(trace(model, ids[:5] + written[:n], ["*.hook_pattern"]).tensors.values()))[:, 0]
        if reading.start is None:
            torch.testing.assert_close(reading.row_LHS, row_LHS[:, :, -1], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("without", WITHOUTS, ids=str)
def test_saved_it_comes_back(without, tmp_path):
    """A checkpoint of it opens with equal logits; one of before, whose config says nothing of parts, opens whole."""
    tokenizer = train_tokenizer("character", "".join(map(chr, range(65, 65 + V))))
    model, ids_BT = made(WHOLE.replace(without=without)), ids_of(1, T)
    save_checkpoint(tmp_path / "saved", model, tokenizer)
    back = load_checkpoint(tmp_path / "saved").model
    assert back.config == model.config and torch.equal(back(ids_BT), model(ids_BT))
    values = {name: value for name, value in WHOLE.to_dict().items() if name != "without"}
    assert ModelConfig.from_dict(values) == WHOLE


@pytest.mark.parametrize("without", WITHOUTS[1:], ids=str)
def test_what_needs_a_whole_model_says_so(without, tmp_path):
    """8 bits, transformers, the walk and its parts, neurons, patches: right, or refused in one sentence."""
    model, ids = made(WHOLE.replace(without=without)), ids_of(T).tolist()
    assert "whole models" in why_not(model)
    with pytest.raises(ValueError, match="no GPT-2 that transformers could read; choose a whole one"):
        save_gpt2(tmp_path / "theirs", model)
    with pytest.raises(ValueError, match="made without"):
        architecture(model)
    with pytest.raises(ValueError, match="made without"):
        Walk(model, trace(model, ids, column_names(model)), 3)
    refused = {
        "logits": ({"norms", "residual"}, lambda: direct_logits(model, torch.ones(1, C), torch.ones(C))),
        "neurons": ({"mlp", "residual"}, lambda: next(strongest_contexts(model, torch.tensor(ids), 0))),
        "patching": ({"residual"}, lambda: Pair(model, ids, [ids[0] ^ 1, *ids[1:]]).row(Site("mlp", 0))),
    }
    for parts, ask in refused.values():
        if parts & set(without):
            with pytest.raises(ValueError, match="made without"):
                ask()
        else:
            ask()


@pytest.mark.parametrize("without", WITHOUTS, ids=str)
def test_what_is_seen_inside_is_what_it_computes(without):
    """The traced stream leads to the logits, what attention reads is worked out alike, and a learning step is made."""
    config = WHOLE.replace(without=without)
    model, ids = made(config), ids_of(T).tolist()
    seen = trace(model, ids)
    last_BTC = seen[f"blocks.{L - 1}.hook_resid_post"]
    torch.testing.assert_close(model.unembed(last_BTC), seen.logits, atol=2e-5, rtol=1e-4)
    column = Column(model, seen, 5)
    q = F.linear(column.normed(1, 1), model.h[1].attn.c_attn.weight, model.h[1].attn.c_attn.bias)[:C]
    torch.testing.assert_close(q.view(H, -1), seen["blocks.1.attn.hook_q"][0, 5], atol=2e-5, rtol=1e-4)
    assert bool(seen["hook_pos_embed"].any()) == ("positions" not in without)
    assert bool(seen["blocks.0.hook_mlp_out"].any()) == ("mlp" not in without)
    step = learning_step(model, ids, TrainConfig(learning_rate=1e-2), step=100)
    assert step.losses_FT[3].mean() < step.losses_FT[0].mean()
    assert sum(part.parameters for part in step.parts) == config.n_params


def test_without_residual_connections_rollout_counts_attention_alone():
    """Nothing leaves a token where it is, so the flow is the product of the patterns."""
    first, second = (torch.rand(4, 4, generator=torch.Generator().manual_seed(n)).softmax(1) for n in (1, 2))
    torch.testing.assert_close(rollout([first, second], residual=False), second @ first)


@pytest.mark.parametrize(
    ("without", "says"),
    [(("heads",), "different ones of"), (("mlp", "mlp"), "different ones of"), (("residual", "mlp"), "leave one")],
)  # fmt: skip
def test_what_makes_no_model_is_refused(without, says):
    """Unknown parts, one named twice, and blocks that would hand on nothing."""
    with pytest.raises(ValueError, match=says):
        WHOLE.replace(without=without)
