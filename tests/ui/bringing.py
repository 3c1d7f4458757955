"""Models that people bring: what a page may ask about them, and some to bring."""

import json
import secrets

import torch
from foreign import ALPHABET, IDS, V
from test_your_model import OWNED, as_safetensors, hugging_face

from llm.checkpoint import save_checkpoint
from llm.config import ModelConfig
from llm.limits import Limits
from llm.model import GPT
from llm.tokenizers import train_tokenizer
from llm.ui import subject
from llm.ui.bar import build_bar
from llm.ui.door.receiving import upload_folder
from llm.ui.openings import spells
from llm.ui.sessions import Sessions

META = json.dumps({"itos": dict(enumerate(ALPHABET))}).encode()
BOOK = OWNED["the book"]


class Page:
    """What the bar of a page may ask."""

    def __init__(self, *folders, **limits):
        self.subjects = subject.Subjects(Sessions(Limits(**limits)), folders=folders)
        self.endpoints = {fn.__name__: fn for fn in build_bar(self.subjects).server_fns}

    def __call__(self, endpoint, /, **values):
        return self.endpoints[endpoint]({"visitor": "0" * 32, **values})

    def keep(self, *paths, name="mine", **said):
        return self("keep_model", name=name, paths=[uploaded(path.name, path.read_bytes()) for path in paths], **said)

    def models(self):
        return {model["ref"]: model for model in self("list_models")["models"]}

    def model(self, ref):
        return self.subjects.of({"visitor": "0" * 32, "model": ref})


def uploaded(name, content):
    folder = upload_folder() / secrets.token_hex(8)
    folder.mkdir(parents=True)
    (folder / name).write_bytes(content)
    return f"{folder.name}/{name}"


def assert_opened(page, answer, logits):
    """The model computes what its own code does, has a prompt that it reads, and so do its examples."""
    assert answer.get("model"), answer
    found = page.model(answer["model"])
    with torch.no_grad():
        torch.testing.assert_close(found.model(IDS), logits, atol=1e-4, rtol=1e-4)
    examples = page.models()[answer["model"]]["examples"]
    assert all(spells(found.tokenizer, prompt) and prompt.strip() for prompt in [answer["prompt"], *examples])


def transformers_folder(folder):
    module = hugging_face()
    module.save_pretrained(folder)
    (folder / "tokenizer.json").write_bytes(META)
    with torch.no_grad():
        return module(IDS).logits


def glassbox_folder(folder):
    model = GPT(ModelConfig(V, n_ctx=16, n_embd=24, n_head=3, n_layer=2), seed=3).eval()
    save_checkpoint(folder, model, train_tokenizer("character", ALPHABET))
    with torch.no_grad():
        return model(IDS)


FOLDERS = {"transformers": transformers_folder, "Glassbox": glassbox_folder}


def filled(shelf):
    """The folder, with two models that need nothing, one that does, and other things."""
    for name, make in FOLDERS.items():
        (shelf / name).mkdir(parents=True)
        make(shelf / name)
    (shelf / "book").mkdir()
    as_safetensors(BOOK.state, shelf / "book")
    (shelf / "book" / "meta.json").write_bytes(META)
    (shelf / "notes.txt").write_text("Nothing to see.", encoding="utf-8")
    (shelf / "empty").mkdir()
    return shelf
