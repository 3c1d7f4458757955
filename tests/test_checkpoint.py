"""Checkpoints: exact round trips, Hugging Face's layout, atomic replacement, hostile folders."""

import itertools
import json
import os
import shutil
import struct

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from trainings import step_once
from transformers import GPT2Config, GPT2LMHeadModel
from twins import SHAPES, hugging_face_twin, random_ids, randomised

from llm import checkpoint as checkpoint_module
from llm import files as files_module
from llm.checkpoint import (
    check_weights,
    load_checkpoint,
    load_trainer_state,
    save_checkpoint,
)
from llm.config import ModelConfig, TrainConfig
from llm.data import encode_corpus, split
from llm.gpt2 import gpt2_shapes, state_from_gpt2, state_to_gpt2
from llm.model import GPT
from llm.tokenizers import train_tokenizer
from llm.training.trainer import Trainer

TEXT = "a quick brown fox jumps over the lazy dog. " * 8
TOKENIZER = train_tokenizer("character", TEXT)
CONFIG = ModelConfig(TOKENIZER.vocab_size, n_ctx=8, n_embd=12, n_head=3, n_layer=2)


def make_trainer(model=None):
    config = TrainConfig(max_steps=6, batch_size=2, eval_interval=3, eval_windows=2, sample_tokens=0)
    return Trainer(model or GPT(CONFIG), *split(encode_corpus(TOKENIZER, TEXT)), config, prompt_ids=[0])


@pytest.fixture
def folder(tmp_path):
    save_checkpoint(tmp_path / "model", randomised(CONFIG), TOKENIZER, step=7, info={"corpus": "fox — füchse"})
    return tmp_path / "model"


def test_round_trip_is_exact(folder):
    """Weights, tokenizer, step and notes come back as they were, ready to be read from."""
    loaded = load_checkpoint(folder)
    for name, tensor in randomised(CONFIG).state_dict().items():
        assert torch.equal(tensor, loaded.model.state_dict()[name]), name
    assert loaded.model.config == CONFIG
    assert loaded.tokenizer.hash == TOKENIZER.hash
    assert (loaded.step, loaded.info) == (7, {"corpus": "fox — füchse"})
    assert not loaded.model.training
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors", "tokenizer.json"]
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_rounded_snapshot_is_half_the_size(tmp_path, folder, dtype):
    """float16 weights load as float32 with the rounded values, or in a type that was asked for."""
    save_checkpoint(tmp_path / "half", randomised(CONFIG), TOKENIZER, dtype=dtype)
    half, whole = ((f / "model.safetensors").stat().st_size for f in (tmp_path / "half", folder))
    assert half < 0.65 * whole
    loaded = load_checkpoint(tmp_path / "half").model
    for name, tensor in randomised(CONFIG).state_dict().items():
        assert torch.equal(tensor.to(dtype).float(), loaded.state_dict()[name])
    assert load_checkpoint(folder, dtype=torch.bfloat16).model.wte.weight.dtype == torch.bfloat16


@pytest.mark.parametrize("config", SHAPES)
def test_weights_file_is_hugging_faces_gpt2(tmp_path, config):
    """transformers reads model.safetensors as it is, with nothing missing or left over, and gives equal logits."""
    model = randomised(config)
    path = tmp_path / "model.safetensors"
    save_file(state_to_gpt2(model.state_dict()), path)
    check_weights(path, gpt2_shapes(config))
    theirs = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=config.vocab_size, n_positions=config.n_ctx, n_embd=config.n_embd, n_head=config.n_head,
            n_layer=config.n_layer, activation_function="gelu_new", bos_token_id=0, eos_token_id=0,
        )
    ).eval()  # fmt: skip
    keys = theirs.transformer.load_state_dict(load_file(path), strict=True)
    assert not keys.missing_keys and not keys.unexpected_keys
    ids = random_ids(config, 2, config.n_ctx)
    with torch.no_grad():
        assert torch.allclose(model(ids), theirs(ids).logits, atol=1e-4)


def test_from_pretrained_reads_a_saved_folder(tmp_path, folder):
    """With a Hugging Face config.json in place of ours, transformers' own loader takes the saved file."""
    shutil.copy(folder / "model.safetensors", tmp_path / "model.safetensors")
    hugging_face_twin(randomised(CONFIG)).config.save_pretrained(tmp_path)
    theirs = GPT2LMHeadModel.from_pretrained(tmp_path).eval()
    ids = random_ids(CONFIG, 1, 8)
    with torch.no_grad():
        assert torch.allclose(load_checkpoint(folder).model(ids), theirs(ids).logits, atol=1e-4)


@pytest.mark.parametrize("config", SHAPES)
def test_state_of_a_transformers_model_loads(config):
    """The way back: transformers' state dict becomes ours, and there and back is the same."""
    model = randomised(config)
    state = state_from_gpt2(hugging_face_twin(model).transformer.state_dict())
    assert state.keys() == model.state_dict().keys()
    for name, tensor in model.state_dict().items():
        assert torch.equal(state[name], tensor)
    assert {name: tuple(t.shape) for name, t in state_to_gpt2(model.state_dict()).items()} == gpt2_shapes(config)


def test_resume_through_a_folder_is_exact(tmp_path):
    """Trained 3 steps, saved, loaded and trained on equals 6 steps in one go, bit for bit."""
    whole, first = make_trainer(), make_trainer()
    list(whole)
    for _ in range(3):
        step_once(first)
    save_checkpoint(tmp_path / "c", first.model, TOKENIZER, trainer=first)
    loaded = load_checkpoint(tmp_path / "c")
    assert loaded.step == 3
    second = make_trainer(loaded.model)
    second.restore(*load_trainer_state(tmp_path / "c"))
    list(second)
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, second.model.state_dict()[name]), name


def test_rounding_and_resuming_exclude_each_other(tmp_path):
    """Rounded weights with exact moments would resume almost, but not exactly."""
    trainer = make_trainer()
    with pytest.raises(ValueError, match="can't go on training exactly"):
        save_checkpoint(tmp_path / "c", trainer.model, TOKENIZER, trainer=trainer, dtype=torch.float16)
    assert not list(tmp_path.iterdir())


def test_without_trainer_state_there_is_nothing_to_resume(folder):
    """A light snapshot says that trainer.json is missing."""
    with pytest.raises(ValueError, match=r"no file .*trainer\.json"):
        load_trainer_state(folder)


def test_all_files_can_be_read_by_the_same_people(folder):
    """A model that is shared must not hide its weights from everybody but the one who saved it."""
    assert len({path.stat().st_mode for path in folder.iterdir()}) == 1


def test_replacing_takes_the_old_files_away(tmp_path):
    """A snapshot saved over a full checkpoint must not leave the old optimiser beside new weights."""
    trainer = make_trainer()
    save_checkpoint(tmp_path / "c", trainer.model, TOKENIZER, trainer=trainer)
    save_checkpoint(tmp_path / "c", randomised(CONFIG), TOKENIZER, step=2)
    assert load_checkpoint(tmp_path / "c").step == 2
    assert not (tmp_path / "c" / "trainer.json").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_a_folder_with_other_things_is_never_replaced(tmp_path):
    """Choosing one's documents as the place to save must not delete them."""
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "thesis.txt").write_text("years of work", encoding="utf-8")
    for place in (tmp_path / "documents", tmp_path / "documents" / "thesis.txt"):
        with pytest.raises(ValueError, match="choose a new folder"):
            save_checkpoint(place, GPT(CONFIG), TOKENIZER)
    assert (tmp_path / "documents" / "thesis.txt").read_text(encoding="utf-8") == "years of work"


class Killed(BaseException):
    """Stands for the process being killed: nothing in the library catches it."""


def kill_after(monkeypatch, effects):
    """From now on the process dies right before this many more effects on the disk were made."""
    remaining = itertools.count(effects, -1)

    def mortal(real):
        def effect(*args, **more):
            if next(remaining) <= 0:  # the dead tidy up nothing either
                raise Killed
            return real(*args, **more)

        return effect

    for owner, name in [
        (checkpoint_module.Path, "mkdir"), (checkpoint_module.Path, "rename"), (checkpoint_module.shutil, "rmtree"),
        (checkpoint_module, "save_file"), (checkpoint_module, "write_json"), (files_module, "to_disk"),
    ]:  # fmt: skip
        monkeypatch.setattr(owner, name, mortal(getattr(owner, name)))


def test_killed_at_any_moment_there_is_always_a_whole_checkpoint(folder, monkeypatch):
    """Cut the writer before each of its effects on the disk: a reader finds step 7 or 8, and saving again works."""
    seen = []
    for effects in itertools.count():
        try:
            with monkeypatch.context() as patch:
                kill_after(patch, effects)
                save_checkpoint(folder, GPT(CONFIG), TOKENIZER, step=8)
            break
        except Killed:
            loaded = load_checkpoint(folder)
            wanted = randomised(CONFIG) if loaded.step == 7 else GPT(CONFIG)
            assert torch.equal(loaded.model.wte.weight, wanted.wte.weight)
            seen.append(loaded.step)
        for path in folder.parent.iterdir():  # as it is found some hours later
            os.utime(path, (0, 0))
        save_checkpoint(folder, randomised(CONFIG), TOKENIZER, step=7)
        assert [path.name for path in folder.parent.iterdir()] == ["model"]
    assert seen == sorted(seen) and set(seen) == {7, 8} and len(seen) > 10


def rewrite_config(folder, **changes):
    values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    values.update(changes)
    (folder / "config.json").write_text(json.dumps(values), encoding="utf-8")


def rewrite_weights(folder, change):
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")


def rewrite_header(path, change):
    """Change the JSON header of a safetensors file and nothing else."""
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    header = change(header) or header
    fresh = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(fresh)) + fresh + data[8 + length :])


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named(folder, name):
    """The message says which file isn't there."""
    (folder / name).unlink()
    with pytest.raises(ValueError, match=name):
        load_checkpoint(folder)


def test_a_missing_folder_is_named(tmp_path):
    """Neither the folder nor its older version is there."""
    with pytest.raises(ValueError, match=r"no folder .*nowhere"):
        load_checkpoint(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.update({"lm_head.bias": torch.zeros(3)}), "holds 'lm_head.bias'"),
        (lambda t: t.pop("h.1.mlp.c_fc.bias"), r"lacks h\.1\.mlp\.c_fc\.bias"),
        (lambda t: t.update({"ln_f.bias": torch.zeros(13)}), r"ln_f\.bias .* is \[13\] but .* \[12\]"),
        (lambda t: t.update({"ln_f.bias": torch.zeros(12, 1)}), r"is \[12, 1\] but"),
        (lambda t: t.update({"wpe.weight": t["wpe.weight"].double()}), "type 'F64'"),
        (lambda t: t.update({"wpe.weight": t["wpe.weight"].int()}), "type 'I32'"),
        (lambda t: t["wte.weight"].fill_(float("nan")), "NaN or infinity"),
    ],
)
def test_weights_that_do_not_fit_are_refused(folder, change, message):
    """An extra or missing tensor, a wrong shape or type, NaN: one sentence that names it."""
    rewrite_weights(folder, change)
    with pytest.raises(ValueError, match=message):
        load_checkpoint(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "glassbox-99"}, "format glassbox-1"),
        ({"model": [1]}, "incomplete"),
        ({"step": -1}, "incomplete"),
        ({"step": True}, "incomplete"),
        ({"info": "x"}, "incomplete"),
        ({"tokenizer": "0" * 64}, "isn't the one this model was trained with"),
        ({"model": CONFIG.to_dict() | {"n_layer": 3}}, "lacks h.2"),
        ({"model": CONFIG.to_dict() | {"n_layer": 1}}, "holds 'h.1"),
        ({"model": CONFIG.to_dict() | {"n_embd": 24}}, "asks for"),
        ({"model": CONFIG.to_dict() | {"n_head": 5}}, "evenly"),
        ({"model": CONFIG.to_dict() | {"evil": 5}}, "not a setting"),
        ({"model": {}}, "vocab_size"),
        ({"model": CONFIG.to_dict() | {"vocab_size": 10**6, "n_ctx": 65536, "n_embd": 16384, "n_head": 1}}, "asks for"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(folder, changes, message):
    """Also one that would ask for terabytes: it's compared with the file before anything is allocated."""
    rewrite_config(folder, **changes)
    with pytest.raises(ValueError, match=message):
        load_checkpoint(folder)


def test_the_tokenizer_must_have_the_models_vocabulary(folder):
    """Otherwise an id has no vector, or a logit no token."""
    train_tokenizer("character", "abc").save(folder / "tokenizer.json")
    with pytest.raises(ValueError, match=r"tokenizer has 3 tokens|tokenizer has \d+ tokens but the model"):
        load_checkpoint(folder)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b'"x"', b" " * 1_000_001, b"NaN"])
def test_json_that_is_no_object_is_refused(folder, content):
    """Empty, cut short, nested deeply, huge, or not text at all."""
    (folder / "config.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"config\.json"):
        load_checkpoint(folder)


def test_a_cut_file_is_refused_at_any_length(folder):
    """Every shorter prefix, and a longer file, gives a ValueError and never a model."""
    path = folder / "model.safetensors"
    data = path.read_bytes()
    for length in [*range(0, 24), *range(24, len(data), 997), len(data) - 1]:
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match=r"model\.safetensors"):
            load_checkpoint(folder)
    path.write_bytes(data + b"\0")
    with pytest.raises(ValueError, match="should have"):
        load_checkpoint(folder)


def entry(change):
    """A change of one tensor's entry in the header."""
    return lambda header: header["ln_f.bias"].update(change)


@pytest.mark.parametrize(
    "change",
    [
        lambda header: [1],
        lambda header: header.update({"wte.weight": 3}),
        entry({"dtype": ["F32"]}),
        entry({"shape": "12"}),
        entry({"shape": [-12]}),
        entry({"shape": [12.0]}),
        entry({"shape": [True]}),
        entry({"shape": [1] * 99}),
        entry({"shape": [2**70]}),
        entry({"data_offsets": [0]}),
        entry({"data_offsets": None}),
        entry({"data_offsets": [-48, 0]}),
        entry({"data_offsets": [0, 48]}),
        entry({"data_offsets": [10**9, 10**9 + 48]}),
        lambda header: header["ln_f.bias"].pop("dtype"),
    ],
)
def test_a_hostile_header_is_refused(folder, change):
    """Entries of wrong types, negative, overlapping or far beyond the end: a ValueError before any tensor is read."""
    rewrite_header(folder / "model.safetensors", change)
    with pytest.raises(ValueError, match=r"model\.safetensors"):
        check_weights(folder / "model.safetensors", gpt2_shapes(CONFIG))


def test_a_header_that_only_the_reader_refuses_is_a_value_error_too(folder):
    """Its notes must be texts; safetensors says so with an error of its own kind."""
    rewrite_header(folder / "model.safetensors", lambda header: header.update({"__metadata__": {"format": 3}}))
    with pytest.raises(ValueError, match=r"model\.safetensors"):
        load_checkpoint(folder)


@pytest.mark.parametrize("length", [2**64 - 1, 2**63, 10_000_001, 10**6])
def test_a_header_that_claims_to_be_huge_is_not_read(folder, length):
    """The length is compared with the file and a bound before so much memory is asked for."""
    path = folder / "model.safetensors"
    path.write_bytes(struct.pack("<Q", length) + path.read_bytes()[8:])
    with pytest.raises(ValueError, match="isn't a safetensors file"):
        load_checkpoint(folder)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_random_damage_never_does_more_than_raise_value_error(tmp_path_factory, data):
    """Bytes changed anywhere in any file either leave a model of the same shape or give a ValueError."""
    folder = tmp_path_factory.mktemp("damaged") / "model"
    save_checkpoint(folder, GPT(CONFIG), TOKENIZER)
    path = folder / data.draw(st.sampled_from(["config.json", "model.safetensors", "tokenizer.json"]))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, min(len(content), 3000) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        model = load_checkpoint(folder).model
    except ValueError:
        return
    assert {n: t.shape for n, t in model.state_dict().items()} == {
        n: t.shape for n, t in GPT(CONFIG).state_dict().items()
    }


def test_damaged_training_state_is_refused(tmp_path):
    """trainer.safetensors is checked as the weights are."""
    trainer = make_trainer()
    step_once(trainer)
    save_checkpoint(tmp_path / "c", trainer.model, TOKENIZER, trainer=trainer)
    path = tmp_path / "c" / "trainer.safetensors"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ValueError, match=r"trainer\.safetensors should have"):
        load_trainer_state(tmp_path / "c")
