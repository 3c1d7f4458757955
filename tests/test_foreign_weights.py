"""State dicts of other people's GPT-2s, against small implementations of their kind written here."""

import math

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from llm.gpt2 import model_from_state
from llm.model import KVCache
from llm.pretrained import load_state

V, T, C, H, L = 61, 16, 24, 3, 2


class Norm(nn.Module):
    def __init__(self, bias):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(C))
        self.bias = nn.Parameter(torch.zeros(C)) if bias else None

    def forward(self, x):
        return F.layer_norm(x, (C,), self.weight, self.bias, 1e-5)


class Attention(nn.Module):
    """Written out with a mask that is a buffer called `bias`, as both projects have it."""

    def __init__(self, bias):
        super().__init__()
        self.c_attn, self.c_proj = nn.Linear(C, 3 * C, bias=bias), nn.Linear(C, C, bias=bias)
        self.register_buffer("bias", torch.tril(torch.ones(T, T)).view(1, 1, T, T))

    def forward(self, x):
        B, t, _ = x.shape
        q, k, v = (part.view(B, t, H, C // H).transpose(1, 2) for part in self.c_attn(x).chunk(3, dim=-1))
        scores = (q @ k.mT / math.sqrt(C // H)).masked_fill(self.bias[:, :, :t, :t] == 0, -math.inf)
        return self.c_proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(B, t, C))


class Foreign(nn.Module):
    """minGPT: tanh GELU, biases, a head of its own. nanoGPT: exact GELU, biases or none, the head tied."""

    def __init__(self, *, bias, exact, tied, vocab=V):
        super().__init__()
        self.exact = exact
        self.transformer = nn.ModuleDict({
            "wte": nn.Embedding(vocab, C),
            "wpe": nn.Embedding(T, C),
            "h": nn.ModuleList(
                nn.ModuleDict({
                    "ln_1": Norm(bias),
                    "attn": Attention(bias),
                    "ln_2": Norm(bias),
                    "mlp": nn.ModuleDict({
                        "c_fc": nn.Linear(C, 4 * C, bias=bias), "c_proj": nn.Linear(4 * C, C, bias=bias),
                    }),
                })
                for _ in range(L)
            ),
            "ln_f": Norm(bias),
        })  # fmt: skip
        self.lm_head = nn.Linear(C, vocab, bias=False)
        if tied:
            self.lm_head.weight = self.transformer["wte"].weight
        generator = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)

    def gelu(self, x):
        if self.exact:
            return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))
        return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))

    def forward(self, ids):
        parts = self.transformer
        x = parts["wte"](ids) + parts["wpe"](torch.arange(ids.size(1)))
        for block in parts["h"]:
            x = x + block["attn"](block["ln_1"](x))
            x = x + block["mlp"]["c_proj"](self.gelu(block["mlp"]["c_fc"](block["ln_2"](x))))
        return self.lm_head(parts["ln_f"](x))


MINGPT = {"bias": True, "exact": False, "tied": False}
NANOGPT = {"bias": False, "exact": True, "tied": True}
KINDS = {
    "minGPT": MINGPT,
    "nanoGPT": NANOGPT,
    "nanoGPT with biases": NANOGPT | {"bias": True},
    "none of GPT-2's choices": {"bias": False, "exact": True, "tied": False},
}


def options(kind, **changes):
    return {"n_head": H, "layout": "linear", "activation_function": "gelu" if kind["exact"] else "gelu_new"} | changes


def ids_of():
    return torch.randint(V, (2, T), generator=torch.Generator().manual_seed(2))


def assert_equal_logits(model, theirs, vocab=V):
    with torch.no_grad():
        torch.testing.assert_close(model(ids_of()), theirs(ids_of())[..., :vocab], atol=1e-4, rtol=1e-4)


def turned(state):
    """The same weights as Conv1D keeps them."""
    ends = ("c_attn.weight", "c_proj.weight", "c_fc.weight")
    return {name: t.T.contiguous() if name.endswith(ends) else t for name, t in state.items()}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("layout", ["linear", "conv1d"])
def test_logits_equal(kind, layout):
    """Every combination computes what its own code computes, and the config says in what it differs from GPT-2."""
    theirs = Foreign(**kind)
    state = theirs.state_dict() if layout == "linear" else turned(theirs.state_dict())
    model = model_from_state(state, **options(kind, layout=layout))
    assert_equal_logits(model, theirs)
    assert (model.config.bias, model.config.tie_word_embeddings) == (kind["bias"], kind["tied"])
    assert (model.config.n_ctx, model.config.n_layer, model.config.vocab_size) == (T, L, V)
    assert not model.training


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_the_cache_and_a_training_step_work_without_what_is_missing(kind):
    """No biases or a head of its own change neither cached reading nor that every weight learns."""
    model = model_from_state(Foreign(**kind).state_dict(), **options(kind))
    cache, ids = KVCache(model.config, batch_size=2), ids_of()
    with torch.no_grad():
        parts = [model(part, cache=cache) for part in ids.split([5, 1, T - 6], dim=1)]
        torch.testing.assert_close(torch.cat(parts, dim=1), model(ids), atol=1e-4, rtol=1e-4)
    model.loss(ids[:, :-1], ids[:, 1:]).backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


def test_the_wrong_gelu_is_another_model():
    """The two GELUs differ enough that asking for the wrong one would show; that is why it's asked for."""
    theirs = Foreign(**NANOGPT)
    model = model_from_state(theirs.state_dict(), **options(NANOGPT, activation_function="gelu_new"))
    with torch.no_grad():
        assert (model(ids_of()) - theirs(ids_of())).abs().max() > 1e-4


def test_a_compiled_model_from_a_file(tmp_path):
    """torch.compile's prefix, masks kept as booleans, half precision, tied head written out: one file, equal logits."""
    theirs = Foreign(**NANOGPT).bfloat16()
    state = {f"_orig_mod.{name}": t.clone() for name, t in theirs.state_dict().items()}
    state = {name: t.bool() if name.endswith(".attn.bias") else t for name, t in state.items()}
    save_file(state, tmp_path / "ckpt.safetensors")
    assert_equal_logits(load_state(tmp_path / "ckpt.safetensors", **options(NANOGPT)), theirs.float())


@pytest.mark.parametrize("tied", [True, False])
def test_a_padded_vocabulary_is_cut(tied):
    """nanoGPT pads its table for speed; the rows that stand for no token go, in the head as well."""
    kind = NANOGPT | {"tied": tied}
    theirs = Foreign(**kind, vocab=V + 3)
    model = model_from_state(theirs.state_dict(), **options(kind), vocab_size=V)
    assert model.config.vocab_size == V
    assert_equal_logits(model, theirs)


@pytest.mark.parametrize("right", ["linear", "conv1d"])
def test_the_wrong_layout_is_not_guessed_right(right):
    """attn.c_proj is square and would load either way, so contradicting c_attn is an error and not a hint."""
    state = Foreign(**MINGPT).state_dict()
    wrong, state = ("conv1d", state) if right == "linear" else ("linear", turned(state))
    with pytest.raises(ValueError, match=f"the layout is '{right}' and not '{wrong}'"):
        model_from_state(state, **options(MINGPT, layout=wrong))


def without(state, *names):
    return {name: t for name, t in state.items() if name not in names}


@pytest.mark.parametrize(
    ("change", "more", "message"),
    [
        (lambda s: s, {"layout": "guess"}, "must be linear or conv1d"),
        (lambda s: s, {"n_head": 5}, "5 heads can't share"),
        (lambda s: s, {"activation_function": "relu"}, "must be gelu_new or gelu"),
        (lambda s: s, {"vocab_size": V + 1}, "can't be cut from them"),
        (lambda s: s, {"vocab_size": 0}, "can't be cut from them"),
        (lambda s: {}, {}, r"no matrix wte\.weight"),
        (lambda s: s | {"transformer.wte.weight": torch.tensor(1.0)}, {}, r"no matrix wte\.weight"),
        (lambda s: without(s, "transformer.wpe.weight"), {}, r"no matrix wpe\.weight"),
        (lambda s: without(s, "transformer.h.1.mlp.c_fc.bias"), {}, r"lacks h\.1\.mlp\.c_fc\.bias"),
        (lambda s: without(s, "transformer.ln_f.bias"), {}, r"holds 'h\.0\.ln_1\.bias'"),
        (lambda s: s | {"lm_head.bias": torch.zeros(V)}, {}, r"holds 'lm_head\.bias'"),
        (lambda s: s | {"lm_head.weight": torch.zeros(V, C + 1)}, {}, r"lm_head\.weight in The state dict is"),
        (lambda s: s | {"h.99999.x": torch.zeros(1)}, {}, "n_layer is 100000"),
        (lambda s: s | {"wte.weight": torch.zeros(V, C)}, {}, "the same weight"),
    ],
    ids=range(14),
)
def test_weights_that_do_not_fit_together_are_refused(change, more, message):
    """Half a model, a foreign tensor, impossible options: one sentence, and no model is built."""
    with pytest.raises(ValueError, match=message):
        model_from_state(change(Foreign(**MINGPT).state_dict()), **options(MINGPT, **more))


def test_a_name_of_a_far_layer_takes_no_memory(monkeypatch):
    """A small file that names layer 255 of a width of 16,384 would ask for terabytes; shapes are compared first."""
    monkeypatch.setattr("llm.gpt2.GPT", None)
    state = {"wte.weight": torch.zeros(2, 16_384), "wpe.weight": torch.zeros(1, 16_384), "h.255.x": torch.zeros(1)}
    with pytest.raises(ValueError, match=r"holds 'h\.255\.x'"):
        model_from_state(state, n_head=1, layout="linear", activation_function="gelu")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:-1], "should have"),
        (lambda data: data[:50], "isn't a safetensors file or was cut short"),
        (lambda data: data[:-4] + b"\0\0\xc0\x7f", "NaN or infinity"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, change, message):
    """Cut short, or ending in NaN."""
    path = tmp_path / "mingpt.safetensors"
    save_file(Foreign(**MINGPT).state_dict(), path)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ValueError, match=message):
        load_state(path, **options(MINGPT))
