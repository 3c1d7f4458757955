"""The GPT-2s that people own open with the logits of the code they came from, or one sentence says why not."""

import json
import math
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from foreign import ALPHABET, IDS, Book, C, H, L, T, V, folded, lens_logits, lens_state, randomised
from lacking import lacking
from safetensors.torch import save_file
from test_state_dicts import Foreign, names_of_2020
from transformers import GPT2Config, GPT2LMHeadModel

from llm.checkpoint import load_checkpoint
from llm.tokenizers import read_tokenizer
from llm.weights import unpickling
from llm.weights.bring import open_any


@dataclass(frozen=True)
class Owned:
    """A model that somebody has: its weights, what its own code computes, and what its file doesn't say."""

    state: dict
    logits: torch.Tensor
    options: dict
    title: str


def owned(module, title, *, rename=lambda state: state, **options):
    with torch.no_grad():
        return Owned(rename(module.state_dict()), module(IDS), options, title)


def hugging_face():
    config = GPT2Config(
        vocab_size=V, n_positions=T, n_embd=C, n_head=H, n_layer=L, bos_token_id=0, eos_token_id=0, n_inner=20,
        activation_function="relu",
    )  # fmt: skip
    return randomised(GPT2LMHeadModel(config))


def transformers_state():
    module = hugging_face()
    with torch.no_grad():
        return Owned(module.state_dict(), module(IDS).logits, {"n_head": H, "activation_function": "relu"}, "Hugging")


LENS = lens_state()
NANOGPT = {"bias": False, "exact": True, "tied": True}
OWNED = {
    "the book": owned(randomised(Book(False)), "Raschka's book", n_head=H),
    "the book, qkv_bias": owned(randomised(Book(True)), "Raschka's book", n_head=H),
    "TransformerLens": Owned(LENS, lens_logits(LENS), {}, "TransformerLens"),
    "TransformerLens, folded": Owned(folded(LENS), lens_logits(folded(LENS)), {}, "TransformerLens"),
    "minGPT": owned(
        Foreign(bias=True, exact=False, tied=False), "minGPT or nanoGPT", n_head=H, activation_function="gelu_new"
    ),
    "nanoGPT": owned(Foreign(**NANOGPT), "minGPT or nanoGPT", n_head=H, activation_function="gelu"),
    "minGPT, 2020": owned(
        Foreign(bias=True, exact=True, tied=False), "minGPT of 2020", n_head=H, rename=names_of_2020
    ),
    "transformers": transformers_state(),
}  # fmt: skip


def whole(state):
    return {name: t.contiguous().clone() for name, t in state.items()}


def as_safetensors(state, folder):
    save_file({name: t for name, t in whole(state).items() if t.dtype != torch.int64}, folder / "mine.safetensors")
    return folder / "mine.safetensors"


def as_pickle(name, wrap=lambda state: state, **how):
    def write(state, folder):
        torch.save(wrap(dict(state)), folder / name, **how)
        return folder / name

    return write


def compiled(state):
    return {"model": {f"_orig_mod.{name}": t for name, t in state.items()}, "optimizer": {"state": {0: torch.ones(9)}}}


def lightning(state):
    return {"state_dict": {f"gpt.{name}": t for name, t in state.items()}, "epoch": 3, "hyper_parameters": {"lr": 1e-3}}


CONTAINERS = {
    "safetensors": as_safetensors,
    ".pth": as_pickle("mine.pth"),
    ".pt, compiled, with its optimiser": as_pickle("mine.pt", compiled),
    ".ckpt of Lightning": as_pickle("mine.ckpt", lightning),
    ".bin, before 2020": as_pickle("mine.bin", _use_new_zipfile_serialization=False),
}


@pytest.mark.parametrize("kind", OWNED.values(), ids=OWNED)
def test_each_layout_opens(tmp_path, kind):
    """Every implementation's state dict gives its own logits, and what it was taken for is said."""
    notes = open_any(as_safetensors(kind.state, tmp_path), tmp_path / "new", tokenizer=alphabet(), **kind.options)
    assert_opened(tmp_path / "new", kind.logits)
    assert kind.title in notes[0]


@pytest.mark.parametrize("write", CONTAINERS.values(), ids=CONTAINERS)
def test_each_container_opens(tmp_path, write):
    """One model in whatever file it is kept."""
    kind = OWNED["the book"]
    open_any(write(kind.state, tmp_path), tmp_path / "new", tokenizer=alphabet(), **kind.options)
    assert_opened(tmp_path / "new", kind.logits)


def test_a_file_its_folder_and_a_list_of_files_agree(tmp_path):
    """Whichever is named, the tokenizer beside the weights is found and the model is the same."""
    kind = OWNED["the book"]
    path = as_safetensors(kind.state, tmp_path)
    (tmp_path / "meta.json").write_text(json.dumps({"stoi": {c: id for id, c in enumerate(ALPHABET)}}))
    for n, paths in enumerate((path, tmp_path, [path, tmp_path / "meta.json"])):
        notes = open_any(paths, tmp_path / f"out{n}" / "new", **kind.options)
        assert_opened(tmp_path / f"out{n}" / "new", kind.logits)
        assert any("meta.json" in note for note in notes)


def alphabet():
    return read_tokenizer(ALPHABET.encode())


def assert_opened(folder, logits):
    checkpoint = load_checkpoint(folder)
    with torch.no_grad():
        torch.testing.assert_close(checkpoint.model(IDS), logits, atol=1e-4, rtol=1e-4)
    assert checkpoint.tokenizer.encode(ALPHABET) == list(range(V))


def test_nanogpts_own_checkpoint_needs_no_options(tmp_path):
    """ckpt.pt says its heads in model_args; the padding goes, because the tokenizer says how many tokens there are."""
    theirs = Foreign(**NANOGPT, vocab=64)
    args = {"n_layer": L, "n_head": H, "n_embd": C, "block_size": T, "bias": False, "vocab_size": 64, "dropout": 0.0}
    config = {"n_head": 99, "dataset": "shakespeare_char", "batch_size": 12}
    checkpoint = {**compiled(theirs.state_dict()), "model_args": args, "iter_num": 5, "config": config}
    torch.save(checkpoint, tmp_path / "ckpt.pt")
    (tmp_path / "meta.json").write_text(json.dumps({"vocab_size": V, "itos": dict(enumerate(ALPHABET))}))
    notes = open_any(tmp_path / "ckpt.pt", tmp_path / "new")
    with torch.no_grad():
        assert_opened(tmp_path / "new", theirs(IDS)[..., :V])
    assert "gelu, as in nanoGPT" in " ".join(notes) and "Of 64 rows of the vocabulary 61 are kept" in " ".join(notes)


def test_a_config_beside_the_weights_says_the_rest(tmp_path):
    """The book's own dictionary as config.json: no option is needed; one of another model is refused."""
    kind = OWNED["the book"]
    path = as_safetensors(kind.state, tmp_path)
    values = {"vocab_size": V, "context_length": T, "emb_dim": C, "n_heads": H, "n_layers": L, "qkv_bias": False}
    (tmp_path / "config.json").write_text(json.dumps(values))
    open_any(tmp_path, tmp_path / "out" / "new", tokenizer=alphabet())
    assert_opened(tmp_path / "out" / "new", kind.logits)
    (tmp_path / "config.json").write_text(json.dumps(values | {"n_layers": 12}))
    with pytest.raises(ValueError, match="The settings say n_layer 12 and the weights 2"):
        open_any(path, tmp_path / "again", tokenizer=alphabet())


@pytest.mark.parametrize("shards", [False, True])
def test_a_transformers_folder_with_pickles(tmp_path, shards):
    """pytorch_model.bin, whole or in shards, is read as safetensors are."""
    module = hugging_face()
    (tmp_path / "theirs").mkdir()
    module.config.save_pretrained(tmp_path / "theirs")
    state = whole(module.transformer.state_dict())
    if shards:
        names = sorted(state)
        parts = {"pytorch_model-00001-of-00002.bin": names[:9], "pytorch_model-00002-of-00002.bin": names[9:]}
        for file, part in parts.items():
            torch.save({name: state[name] for name in part}, tmp_path / "theirs" / file)
        index = {"weight_map": {name: file for file, part in parts.items() for name in part}}
        (tmp_path / "theirs" / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    else:
        torch.save(state, tmp_path / "theirs" / "pytorch_model.bin")
    open_any(tmp_path / "theirs", tmp_path / "new", tokenizer=alphabet())
    with torch.no_grad():
        assert_opened(tmp_path / "new", module(IDS).logits)


class Marks:
    """A pickle that would leave a file behind if anybody ran it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


HOSTILE = {
    "a program": (lambda here: {"model": Marks(here / "ran")}, "holds Python objects and not only numbers"),
    "a whole module": (lambda here: Book(False), "holds Python objects and not only numbers"),
    "no weights": (lambda here: {"epoch": 3}, "holds no state dict"),
    "a bomb": (lambda here: {"wte.weight": torch.ones(1).expand(10**12)}, "more memory or disk than its size allows"),
    "not finite": (lambda here: {**OWNED["the book"].state, "pos_emb.weight": torch.full((T, C), math.nan)}, "NaN"),
}


@pytest.mark.parametrize(("make", "sentence"), HOSTILE.values(), ids=HOSTILE)
def test_a_pickle_that_is_no_list_of_numbers_is_refused(tmp_path, make, sentence):
    """Nothing of it runs, nothing is written, and its owner reads how to save it again."""
    torch.save(make(tmp_path), tmp_path / "mine.pt")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ValueError, match=sentence) as error:
        open_any(tmp_path / "mine.pt", tmp_path / "new", n_head=H)
    assert sentence == "NaN" or "save_file({n: t.contiguous().clone() for n, t in model.state_dict()" in str(
        error.value
    )
    assert sorted(tmp_path.iterdir()) == before


def test_a_pickle_is_read_without_a_network(tmp_path):
    """Where Linux allows it, the process that reads one has no way out; it never has this one's environment."""
    allowed = subprocess.run(["unshare", "--user", "--net", "true"], capture_output=True, check=False).returncode == 0
    if not allowed:
        lacking("this machine doesn't let a process give up its network")
    code = f"""
import importlib.util, socket
spec = importlib.util.spec_from_file_location("u", {unpickling.__file__!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
module.leave_the_network()
print([name for _, name in socket.if_nameindex()])
"""
    out = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, encoding="utf-8", check=True).stdout
    assert out == "['lo']\n"


REFUSED = {
    "cut short": (b"PK\x03\x04 something", "can't be read as a file that torch saved"),
    "a web page": (b"<html>", "can't be read as a file that torch saved"),
}


@pytest.mark.parametrize(("data", "sentence"), REFUSED.values(), ids=REFUSED)
def test_a_damaged_pickle_is_refused(tmp_path, data, sentence):
    """A download that broke off, or a page saved in its place."""
    (tmp_path / "mine.pt").write_bytes(data)
    with pytest.raises(ValueError, match=sentence):
        open_any(tmp_path / "mine.pt", tmp_path / "new")


def without(state, *ends):
    return {name: t for name, t in state.items() if not name.endswith(ends)}


STRANGERS = {
    "LitGPT": (
        {"transformer.wte.weight": torch.zeros(V, C), "transformer.h.0.norm_1.weight": torch.ones(C)},
        "a LitGPT model, with rotated queries and keys in place of a table of positions (h.0.norm_1.weight), "
        "which is no GPT-2",
    ),
    "Llama": ({"model.layers.0.self_attn.q_proj.weight": torch.zeros(C, C)}, "a model of Llama's or OPT's family"),
    "GPT-NeoX": ({"gpt_neox.layers.0.attention.query_key_value.weight": torch.zeros(C, C)}, "GPT-NeoX"),
    "BERT": ({"encoder.layer.0.attention.self.query.weight": torch.zeros(C, C)}, "a BERT"),
    "anything": ({"conv1.weight": torch.zeros(3, 3)}, "no other name that is known here; choose a model of"),
    "the book's half": (without(OWNED["the book"].state, "trf_blocks.1.att.W_key.weight"), "lacks h.1.attn.key.weight"),
    "a classifier of the book": (
        {**OWNED["the book"].state, "out_head.weight": torch.zeros(2, C)}, "has 2 outputs for 61 tokens",
    ),
    "a head with a bias": (lens_state(trained_bias=True), "has a bias (b_U) that was learnt"),
    "attention alone": (without(LENS, "W_in", "b_in", "W_out", "b_out"), "lacks h.0.mlp.c_fc.weight"),
}  # fmt: skip


@pytest.mark.parametrize(("state", "sentence"), STRANGERS.values(), ids=STRANGERS)
def test_what_is_no_gpt2_is_called_by_its_name(tmp_path, state, sentence):
    """One sentence that says what it is, or which part is missing or too much."""
    with pytest.raises(ValueError, match=re.escape(sentence)):
        open_any(as_safetensors(state, tmp_path), tmp_path / "new", n_head=H, activation_function="gelu")
