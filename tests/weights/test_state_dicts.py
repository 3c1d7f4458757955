"""State dicts of other people's GPT-2s, against small implementations of their kind written here."""

import json
import math
import re

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from llm.model import KVCache
from llm.weights.containers import read_state
from llm.weights.state_dicts import model_from_state

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
    return {"n_head": H, "activation_function": "gelu" if kind["exact"] else "gelu_new"} | changes


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
    """Every combination computes what its own code computes, and the config says in what it differs from GPT-2.

    How the matrices lie is seen from their shapes: attn.c_proj is square, and would fit wrongly too.
    """
    theirs = Foreign(**kind)
    state = theirs.state_dict() if layout == "linear" else turned(theirs.state_dict())
    model = model_from_state(state, **options(kind))
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


def names_of_2020(state):
    """The same weights as minGPT's first version kept them: q, k and v apart, positions [1, T, C], a mask."""
    old = {}
    for name, t in state.items():
        name = name.removeprefix("transformer.")
        for ours, theirs in {
            "wte.weight": "tok_emb.weight", "lm_head": "head", "attn.c_proj": "attn.proj", "mlp.c_fc": "mlp.0",
            "mlp.c_proj": "mlp.2", "ln_1": "ln1", "ln_2": "ln2", ".attn.bias": ".attn.mask",
        }.items():  # fmt: skip
            name = name.replace(ours, theirs)
        name = re.sub(r"^h\.", "blocks.", name)
        if "c_attn" in name:
            for part, rows in zip(("query", "key", "value"), t.chunk(3), strict=True):
                old[name.replace("c_attn", part)] = rows
        elif name == "wpe.weight":
            old["pos_emb"] = t[None]
        else:
            old[name] = t
    return old


def test_mingpt_of_2020():
    """Its own names, its exact GELU and q, k and v apart: equal logits; without its keys, one sentence."""
    kind = MINGPT | {"exact": True}
    theirs = Foreign(**kind)
    state = names_of_2020(theirs.state_dict())
    assert {"tok_emb.weight", "pos_emb", "blocks.1.attn.key.bias", "blocks.0.attn.mask", "head.weight"} <= set(state)
    assert_equal_logits(model_from_state(state, **options(kind)), theirs)
    del state["blocks.1.attn.key.weight"]
    with pytest.raises(ValueError, match=r"lacks h\.1\.attn\.key\.weight"):
        model_from_state(state, **options(kind))


def described(state, folder, dtype="float32"):
    """The weights one after another in a raw file, and the JSON that says where each lies."""
    entries, offset = {}, 0
    with (folder / "weights.bin").open("wb") as file:
        for name, t in state.items():
            array = t.numpy().astype(dtype)
            entries[name] = {"dtype": dtype, "shape": list(array.shape), "file": "weights.bin", "offset": offset}
            offset += file.write(array.tobytes())
    return entries


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_arrays_that_json_describes(tmp_path, dtype):
    """Raw numbers from numpy and a JSON file give the model that the state dict itself gives."""
    theirs = Foreign(**NANOGPT)
    if dtype == "float16":
        theirs = theirs.half().float()
    entries = described(theirs.state_dict(), tmp_path, dtype)
    (tmp_path / "weights.json").write_text(json.dumps(entries))
    assert_equal_logits(model_from_state(read_state(tmp_path / "weights.json"), **options(NANOGPT)), theirs)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"offset": 4_000_000}, "doesn't lie in 'weights.bin'"),
        ({"offset": 2}, "doesn't lie in 'weights.bin'"),
        ({"offset": -4}, "doesn't describe"),
        ({"shape": [2**40, 2**40]}, "doesn't lie in 'weights.bin'"),
        ({"shape": [1.5]}, "doesn't describe"),
        ({"shape": [1] * 9}, "doesn't describe"),
        ({"dtype": "object"}, "doesn't describe"),
        ({"dtype": ["float32"]}, "doesn't describe"),
        ({"file": "../weights.bin"}, "isn't a file beside weights.json"),
        ({"file": "other.bin"}, "isn't a file beside weights.json"),
        ({"file": None}, "doesn't describe"),
    ],
    ids=range(11),
)
def test_a_wrong_description_is_refused(tmp_path, change, message):
    """Places outside the file or the folder, shapes and types that are none: one sentence, nothing allocated."""
    entries = described(Foreign(**NANOGPT).state_dict(), tmp_path)
    entries["transformer.wte.weight"] |= change
    (tmp_path / "weights.json").write_text(json.dumps(entries))
    with pytest.raises(ValueError, match=message):
        read_state(tmp_path / "weights.json")


def test_a_compiled_model_from_a_file(tmp_path):
    """torch.compile's prefix, masks kept as booleans, half precision, tied head written out: one file, equal logits."""
    theirs = Foreign(**NANOGPT).bfloat16()
    state = {f"_orig_mod.{name}": t.clone() for name, t in theirs.state_dict().items()}
    state = {name: t.bool() if name.endswith(".attn.bias") else t for name, t in state.items()}
    save_file(state, tmp_path / "ckpt.safetensors")
    assert_equal_logits(model_from_state(read_state(tmp_path / "ckpt.safetensors"), **options(NANOGPT)), theirs.float())


@pytest.mark.parametrize("tied", [True, False])
def test_a_padded_vocabulary_is_cut(tied):
    """nanoGPT pads its table for speed; the rows that stand for no token go, in the head as well."""
    kind = NANOGPT | {"tied": tied}
    theirs = Foreign(**kind, vocab=V + 3)
    model = model_from_state(theirs.state_dict(), **options(kind), vocab_size=V)
    assert model.config.vocab_size == V
    assert_equal_logits(model, theirs)


def test_matrices_that_lie_differently_are_refused():
    """A file whose first block is turned and whose second isn't is nobody's; it is not loaded half wrongly."""
    state = Foreign(**MINGPT).state_dict()
    half = {name: turned({name: t})[name] if ".h.0." in name else t for name, t in state.items()}
    with pytest.raises(ValueError, match=r"h\.1\.attn\.c_attn\.weight in The state dict is \[72, 24\]"):
        model_from_state(half, **options(MINGPT))


def without(state, *names):
    return {name: t for name, t in state.items() if name not in names}


@pytest.mark.parametrize(
    ("change", "more", "message"),
    [
        (lambda s: s, {"n_head": None}, "how many heads"),
        (lambda s: s, {"activation_function": None}, "which GELU"),
        (lambda s: s, {"n_head": 5}, "5 heads can't share"),
        (lambda s: s, {"activation_function": "mish"}, "must be gelu_new or gelu"),
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
    ids=range(15),
)
def test_weights_that_do_not_fit_together_are_refused(change, more, message):
    """Half a model, a foreign tensor, impossible options: one sentence, and no model is built."""
    with pytest.raises(ValueError, match=message):
        model_from_state(change(Foreign(**MINGPT).state_dict()), **options(MINGPT, **more))


def test_a_name_of_a_far_layer_takes_no_memory(monkeypatch):
    """A small file that names layer 255 of a width of 16,384 would ask for terabytes; shapes are compared first."""
    monkeypatch.setattr("llm.weights.state_dicts.GPT", None)
    state = {"wte.weight": torch.zeros(2, 16_384), "wpe.weight": torch.zeros(1, 16_384), "h.255.x": torch.zeros(1)}
    with pytest.raises(ValueError, match=r"holds 'h\.255\.x'"):
        model_from_state(state, n_head=1, activation_function="gelu")


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
        read_state(path)
