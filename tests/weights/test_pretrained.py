"""GPT-2s in Hugging Face's format, both ways against transformers, and folders that nobody should trust."""

import json
import struct

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer, GPT2Config, GPT2LMHeadModel
from twins import SHAPES, hugging_face_twin, random_ids, randomised

from llm.config import ACTIVATIONS, ModelConfig
from llm.gpt2 import ALIASES
from llm.model import GPT
from llm.tokenizers import GPT2Tokenizer, train_tokenizer
from llm.weights.pretrained import gpt2_from_files, load_gpt2, save_gpt2

TINY = ModelConfig(97, n_ctx=8, n_embd=12, n_head=3, n_layer=2)
VARIANTS = {
    "no biases": TINY.replace(bias=False),
    "exact GELU": TINY.replace(activation_function="gelu"),
    "a head of its own": TINY.replace(tie_word_embeddings=False),
    "everything": TINY.replace(
        bias=False, tie_word_embeddings=False, activation_function="gelu", layer_norm_epsilon=1e-3
    ),
}


def assert_equal_logits(ours, theirs):
    ids = random_ids(ours.config, 2, ours.config.n_ctx)
    with torch.no_grad():
        torch.testing.assert_close(ours(ids), theirs.eval()(ids).logits, atol=1e-4, rtol=1e-4)


@pytest.fixture
def folder(tmp_path):
    """A folder that transformers' save_pretrained wrote."""
    hugging_face_twin(randomised(TINY)).save_pretrained(tmp_path / "theirs")
    return tmp_path / "theirs"


def assert_is_tiny(model):
    for name, tensor in randomised(TINY).state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor), name
    assert model.config == TINY and not model.training and all(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("config", SHAPES, ids=str)
def test_what_transformers_saved_loads_with_equal_logits(tmp_path, config):
    """Random models of several shapes, weight for weight."""
    model = randomised(config)
    twin = hugging_face_twin(model)
    twin.save_pretrained(tmp_path)
    loaded = load_gpt2(tmp_path)
    assert loaded.config == config
    assert all(torch.equal(a, b) for a, b in zip(loaded.parameters(), model.parameters(), strict=True))
    assert_equal_logits(loaded, twin)


@pytest.mark.parametrize(
    "settings",
    [
        {"tie_word_embeddings": False},
        {"layer_norm_epsilon": 1e-3, "n_inner": 48},
        {"n_inner": 20, "activation_function": "relu"},
        *({"activation_function": name} for name in (*ACTIVATIONS, *ALIASES)),
        {"scale_attn_weights": False},
        {"scale_attn_by_inverse_layer_idx": True},
        {"scale_attn_weights": False, "scale_attn_by_inverse_layer_idx": True},
    ],
    ids=str,
)
def test_transformers_own_variants_load_with_equal_logits(tmp_path, settings):
    """A GPT-2 made by transformers itself with another activation, width, epsilon, scale or a head of its own."""
    torch.manual_seed(0)
    theirs = GPT2LMHeadModel(GPT2Config(vocab_size=97, n_positions=8, n_embd=12, n_head=3, n_layer=2, **settings))
    for parameter in theirs.parameters():
        parameter.data.add_(torch.randn_like(parameter) * 0.3)
    theirs.save_pretrained(tmp_path)
    notes = []
    ours = gpt2_from_files(tmp_path, [tmp_path / "model.safetensors"], notes)
    told = [name for name in ("scale_attn_weights", "scale_attn_by_inverse_layer_idx") if name in settings]
    assert len(notes) == len(told) and all(name in note for name, note in zip(told, notes, strict=True))
    assert_equal_logits(ours, theirs)
    save_gpt2(tmp_path / "back", ours)
    assert_equal_logits(ours, GPT2LMHeadModel.from_pretrained(tmp_path / "back"))


@pytest.mark.parametrize("config", [*SHAPES, *VARIANTS.values()], ids=str)
def test_what_we_save_opens_in_transformers_with_equal_logits(tmp_path, config):
    """Nothing missing, nothing left over, not even for models that transformers can't make itself; and back again."""
    model = randomised(config)
    save_gpt2(tmp_path / "ours", model)
    theirs, report = GPT2LMHeadModel.from_pretrained(tmp_path / "ours", output_loading_info=True)
    assert not any(report.values()), report
    assert_equal_logits(model, theirs)
    again = load_gpt2(tmp_path / "ours")
    assert again.config == config.replace(bias=True)  # missing biases were written as zeros
    ids = random_ids(config, 1, config.n_ctx)
    with torch.no_grad():
        torch.testing.assert_close(again(ids), model(ids))
    assert len({path.stat().st_mode for path in (tmp_path / "ours").iterdir()}) == 1


def rewrite(folder, change):
    path = folder / "model.safetensors"
    tensors = load_file(path)
    changed = change(tensors)  # in place, or a new dictionary
    save_file(changed if isinstance(changed, dict) else tensors, path, metadata={"format": "pt"})


def rename(change):
    return lambda tensors: {change(name): t for name, t in tensors.items()}


def masks(tensors):
    for layer in range(TINY.n_layer):
        tensors[f"transformer.h.{layer}.attn.bias"] = torch.ones(1, 1, 8, 8, dtype=torch.bool).tril()
        tensors[f"transformer.h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)


def tied_head(tensors):
    tensors["lm_head.weight"] = tensors["transformer.wte.weight"].clone()


@pytest.mark.parametrize(
    "change",
    [
        rename(lambda name: name.removeprefix("transformer.")),
        rename(lambda name: "_orig_mod." + name),
        masks,
        tied_head,
        lambda tensors: [masks(tensors), tied_head(tensors)],
    ],
    ids=["no prefix", "compiled", "masks", "tied head", "masks and tied head"],
)
def test_the_many_ways_to_write_the_same_model(folder, change):
    """With the prefix or without, with a tied head written out, with masks among the weights."""
    rewrite(folder, change)
    assert_is_tiny(load_gpt2(folder))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_loads_as_float32(folder, dtype):
    """Rounded weights keep their values."""
    rewrite(folder, lambda tensors: {name: t.to(dtype) for name, t in tensors.items()})
    for name, tensor in randomised(TINY).state_dict().items():
        assert torch.equal(load_gpt2(folder).state_dict()[name], tensor.to(dtype).float())


def test_shards_load_as_one(tmp_path):
    """A model in many files with an index, as transformers cuts it."""
    hugging_face_twin(randomised(TINY)).save_pretrained(tmp_path, max_shard_size="3KB")
    assert len(list(tmp_path.glob("model-*.safetensors"))) > 3
    assert_is_tiny(load_gpt2(tmp_path))


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a/b.safetensors", "..", "model.bin", "", 3])
def test_an_index_cannot_point_elsewhere(folder, name):
    """Only files beside it, and only safetensors."""
    (folder / "model.safetensors").unlink()
    index = {"weight_map": {"wte.weight": name}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    with pytest.raises(ValueError, match="doesn't name its safetensors files"):
        load_gpt2(folder)


def test_a_missing_or_doubled_shard_is_named(tmp_path):
    """A file that was not copied, and a tensor that two files hold."""
    hugging_face_twin(randomised(TINY)).save_pretrained(tmp_path, max_shard_size="3KB")
    first, second, *_ = sorted(tmp_path.glob("model-*.safetensors"))
    content = second.read_bytes()
    second.write_bytes(first.read_bytes())
    with pytest.raises(ValueError, match=rf"is in {first.name} and in {second.name}"):
        load_gpt2(tmp_path)
    second.write_bytes(content)
    first.unlink()
    with pytest.raises(ValueError, match=f"lacks {first.name}"):
        load_gpt2(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.update({"transformer.h.2.ln_1.bias": torch.zeros(12)}), r"holds 'h\.2\.ln_1\.bias'"),
        (lambda t: t.update({"score.weight": torch.zeros(2, 12)}), r"holds 'score\.weight'"),
        (lambda t: t.pop("transformer.h.1.mlp.c_fc.bias"), r"lacks h\.1\.mlp\.c_fc\.bias"),
        (lambda t: t.update({"transformer.ln_f.bias": torch.zeros(13)}), r"is \[13\] but .* asks for \[12\]"),
        (lambda t: t.update({"lm_head.weight": torch.zeros(97, 12)}), "head is its own; set tie_word_embeddings"),
        (lambda t: t.update({"lm_head.weight": torch.zeros(97, 13)}), r"lm_head\.weight .* is \[97, 13\]"),
        (lambda t: t["transformer.wte.weight"].fill_(float("inf")), "NaN or infinity"),
        (lambda t: t.update({"transformer.ln_f.bias": torch.zeros(12).double()}), "type 'F64'"),
        (lambda t: t.update({"wte.weight": torch.zeros(97, 12)}), "the same weight"),
    ],
    ids=range(9),
)
def test_weights_that_do_not_fit_are_refused(folder, change, message):
    """An extra or missing tensor, a wrong shape or type, a head that isn't tied: one sentence that names it."""
    rewrite(folder, change)
    with pytest.raises(ValueError, match=message) as error:
        load_gpt2(folder)
    assert "\n" not in str(error.value)


def rewrite_config(folder, **changes):
    values = json.loads((folder / "config.json").read_text(encoding="utf-8")) | changes
    (folder / "config.json").write_text(json.dumps(values), encoding="utf-8")


def test_a_config_that_asks_for_terabytes_takes_no_memory(folder, monkeypatch):
    """It's compared with the headers before a model is made."""
    rewrite_config(folder, vocab_size=10**6, n_positions=65_536, n_embd=16_384, n_head=1, n_layer=256)
    monkeypatch.setattr("llm.weights.pretrained.GPT", None)
    with pytest.raises(ValueError, match="asks for"):
        load_gpt2(folder)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:7],
        lambda data: data[:100],
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: struct.pack("<Q", 2**63) + data[8:],
        lambda data: struct.pack("<Q", 10_000_001) + data[8:],
        lambda data: data.replace(b'"F32"', b'"F99"', 1),
        lambda data: data.replace(b"[0,", b"[4,", 1),
        lambda data: data.replace(b'"shape":[', b'"shape":[-', 1),
    ],
    ids=range(10),
)
def test_damaged_or_hostile_files_are_refused(folder, damage, monkeypatch):
    """Cut short, too long, a header that lies: a ValueError before a model is made."""
    path = folder / "model.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    monkeypatch.setattr("llm.weights.pretrained.GPT", None)
    with pytest.raises(ValueError, match=r"model\.safetensors"):
        load_gpt2(folder)


def test_notes_that_only_the_reader_refuses_are_a_value_error_too(folder):
    """safetensors has an error of its own kind; nobody should meet it."""
    path = folder / "model.safetensors"
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length]) | {"__metadata__": {"format": 3}}
    fresh = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(fresh)) + fresh + data[8 + length :])
    with pytest.raises(ValueError, match="can't be read"):
        load_gpt2(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(folder, name):
    """Nothing else is taken for it."""
    (folder / name).unlink()
    with pytest.raises(ValueError, match=f"lacks {name}"):
        load_gpt2(folder)


def test_a_folder_with_other_things_is_not_written_to(tmp_path):
    """Neither replaced nor added to; an empty one is used."""
    (tmp_path / "mine").mkdir()
    save_gpt2(tmp_path / "mine", GPT(TINY))
    for place in (tmp_path / "mine", tmp_path / "mine" / "config.json"):
        with pytest.raises(ValueError, match="choose a new folder"):
            save_gpt2(place, GPT(TINY))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine"]


TEXT = "The cat sat on the mat's edge, 1234 times — ça va? 日本語 <|endoftext|>\n\n  twice. " * 20


@pytest.mark.parametrize("tokenizer", [train_tokenizer("bpe", TEXT, 330), GPT2Tokenizer()], ids=lambda t: t.kind)
def test_the_tokenizer_goes_along(tmp_path, tokenizer):
    """AutoTokenizer finds the vocabulary in the folder and cuts text into our ids; generation ends where ours does."""
    save_gpt2(tmp_path / "ours", GPT(TINY.replace(vocab_size=tokenizer.vocab_size)), tokenizer)
    theirs = AutoTokenizer.from_pretrained(tmp_path / "ours")
    text = TEXT.replace("<|endoftext|>", "") + "something else 🙂"
    assert theirs.encode(text) == tokenizer.encode(text)
    assert len(theirs) == tokenizer.vocab_size and theirs.eos_token_id == tokenizer.eot_id
    assert GPT2LMHeadModel.from_pretrained(tmp_path / "ours").config.eos_token_id == tokenizer.eot_id


def test_a_tokenizer_without_counterpart_stays_behind(tmp_path):
    """The model of a character tokenizer is still a model; it says that nothing ends a text."""
    tokenizer = train_tokenizer("character", TEXT)
    save_gpt2(tmp_path / "ours", GPT(TINY.replace(vocab_size=tokenizer.vocab_size)), tokenizer)
    assert sorted(path.name for path in (tmp_path / "ours").iterdir()) == ["config.json", "model.safetensors"]
    assert GPT2LMHeadModel.from_pretrained(tmp_path / "ours").config.eos_token_id is None
