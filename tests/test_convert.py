"""The convert command: folders of transformers, bare files and Glassbox models, and mistakes."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from transformers import GPT2LMHeadModel
from twins import hugging_face_twin, random_ids, randomised

from llm.checkpoint import load_checkpoint, save_checkpoint
from llm.cli.parser import main
from llm.config import ModelConfig
from llm.tokenizers import GPT2Tokenizer, train_tokenizer

ROOT = Path(__file__).resolve().parents[1]
TOKENIZER = train_tokenizer("bpe", "the quick brown fox jumps over the lazy dog " * 5, 280)
CONFIG = ModelConfig(TOKENIZER.vocab_size, n_ctx=8, n_embd=12, n_head=3, n_layer=2)


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Runs `convert` in a folder with a model in each format: exit code and errors; nothing is ever printed."""
    monkeypatch.chdir(tmp_path)
    model = randomised(CONFIG)
    save_checkpoint("ours", model, TOKENIZER, step=3)
    hugging_face_twin(model).save_pretrained("theirs")
    save_file({f"transformer.{name}": t for name, t in model.state_dict().items()}, "bare.safetensors")
    TOKENIZER.save("fox.json")
    capsys.readouterr()

    def convert(*args):
        code = main(["convert", *args])
        captured = capsys.readouterr()
        assert captured.out == ""
        return code, captured.err

    return convert


BARE = ["--n-head", "3", "--activation-function", "gelu_new"]


@pytest.mark.parametrize("args", [["theirs"], ["bare.safetensors", *BARE]], ids=["transformers", "bare"])
def test_into_glassbox(run, args):
    """The same weights with the tokenizer that was named, and where they came from."""
    code, err = run(args[0], "new", *args[1:], "--tokenizer", "fox.json")
    assert code == 0 and "python -m llm generate --checkpoint new" in err
    loaded = load_checkpoint("new")
    assert loaded.tokenizer.hash == TOKENIZER.hash and loaded.info == {"source": args[0]}
    assert loaded.model.config == CONFIG
    for name, tensor in randomised(CONFIG).state_dict().items():
        assert torch.equal(tensor, loaded.model.state_dict()[name])


def test_into_transformers_and_back(run):
    """A Glassbox model opens in transformers with equal logits, and comes back unchanged."""
    code, err = run("ours", "hf")
    assert code == 0 and "GPT2LMHeadModel.from_pretrained('hf')" in err
    ids = random_ids(CONFIG, 1, 8)
    with torch.no_grad():
        logits = GPT2LMHeadModel.from_pretrained("hf")(ids).logits
        torch.testing.assert_close(randomised(CONFIG)(ids), logits, atol=1e-4, rtol=1e-4)
    assert run("hf", "again", "--tokenizer", "fox.json")[0] == 0
    assert torch.equal(load_checkpoint("again").model.wte.weight, randomised(CONFIG).wte.weight)


def test_gpt2s_own_tokenizer_is_the_default(run):
    """A model with GPT-2's vocabulary needs no tokenizer to be named; nanoGPT's padding is cut, and both are said."""
    model = randomised(ModelConfig(50_304, n_ctx=4, n_embd=4, n_head=1, n_layer=1))
    save_file(dict(model.state_dict()), "nano.safetensors")
    options = ["--n-head", "1", "--activation-function", "gelu"]
    code, err = run("nano.safetensors", "new", *options)
    assert code == 0 and "GPT-2's own vocabulary is taken" in err and "Of 50,304 rows" in err
    loaded = load_checkpoint("new")
    assert loaded.tokenizer.hash == GPT2Tokenizer().hash and loaded.model.config.activation_function == "gelu"
    assert torch.equal(loaded.model.wte.weight, model.wte.weight[:50_257])


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ("theirs new", "name the model's own with --tokenizer"),
        ("theirs ours --tokenizer fox.json", "ours already holds something"),
        ("bare.safetensors new", "say it with --n-head"),
        ("bare.safetensors new --n-head 3", "say it with --activation-function"),
        ("bare.safetensors new --n-head 3 --activation-function gelu", "name the model's own with --tokenizer"),
        ("theirs new --n-head 3", "Only a bare file of weights needs --n-head"),
        ("ours new --vocab-size 5", "Only a bare file of weights needs --vocab-size"),
        ("nowhere.safetensors new " + " ".join(BARE), "nowhere.safetensors is missing"),
        ("no/such/folder new", "neither a folder here nor a model's name"),
        ("theirs new --tokenizer nowhere.json", "'nowhere.json' is no tokenizer"),
        ("fox.json new", "doesn't describe 'kind'"),
        ("theirs/config.json new", "config.json holds no weights"),
    ],
)
def test_a_mistake_gets_one_sentence(run, args, sentence):
    """Exit code 2, one line, nothing written."""
    before = sorted(Path().rglob("*"))
    code, err = run(*args.split())
    assert code == 2 and err.count("\n") == 1 and sentence in err
    assert sorted(Path().rglob("*")) == before


def test_help_does_not_wait_for_torch_or_the_hub():
    """Both are imported only when there is something to convert."""
    code = """
import runpy, sys
sys.argv = ["llm", "convert", "--help"]
try:
    runpy.run_module("llm", run_name="__main__")
except SystemExit as end:
    print({"torch", "huggingface_hub", "safetensors"} & set(sys.modules), "exit code:", end.code)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    assert "python -m llm convert" in done.stdout.split("example:")[1]
    assert "set() exit code: 0" in done.stdout
