"""A tiny random model on the table, for tests that call the endpoints of views directly."""

import base64

import numpy as np
import torch

from llm.checkpoint import save_checkpoint
from llm.config import ModelConfig
from llm.model import GPT
from llm.tokenizers import train_tokenizer
from llm.ui.sessions import Sessions
from llm.ui.subject import Subjects

TEXT = "the quick brown fox jumps over the lazy dog; "


def tiny_view(folder, build, change=lambda model: None, *, n_ctx, n_layer=2):
    """Endpoints by name of what `build` makes of the subjects in `folder`; the model they see; its tokenizer.

    The model has 4 heads in each layer and reads characters of TEXT. `change` makes its parts differ more.
    """
    tokenizer = train_tokenizer("character", TEXT)
    model = GPT(ModelConfig(tokenizer.vocab_size, n_ctx=n_ctx, n_embd=16, n_head=4, n_layer=n_layer), seed=1).eval()
    with torch.no_grad():
        change(model)
    save_checkpoint(folder / "tiny", model, tokenizer)
    built = build(Subjects(Sessions()))
    panels = built if isinstance(built, tuple) else (built,)
    return {fn.__name__: fn for lens in panels for fn in lens.server_fns}, model, tokenizer


def sharper(model):
    """Heads that look at few tokens."""
    for block in model.h:
        block.attn.c_attn.weight.mul_(20)


def louder(model):
    """Parts that write much into the residual stream."""
    for block in model.h:
        block.attn.c_proj.weight.mul_(30)
        block.mlp.c_proj.weight.mul_(30)


def asked(prompt=TEXT, **values):
    """What the page sends."""
    return {"visitor": "0" * 32, "model": "shipped:tiny", "prompt": prompt, **values}


def read(text, dtype):
    """An array as it travels."""
    return np.frombuffer(base64.b64decode(text), dtype)


def floats(text):
    return read(text, np.float32)
