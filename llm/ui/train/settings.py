"""The form of the Train tab: read from a request, and filled in again from a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llm.config import ModelConfig, TrainConfig
from llm.runs.assembly import Prepared
from llm.runs.run import Run
from llm.settings import settings_of
from llm.tokenizers import KINDS
from llm.ui import inputs
from llm.ui.devices import training_device
from llm.ui.panel import Request
from llm.ui.sessions import Session
from llm.ui.train.preparation import Preparations, is_sized
from llm.ui.train.presets import FORM
from llm.ui.vocabularies import MINE


@dataclass(frozen=True)
class Wanted:
    """A run as the form describes it, ready to be built."""

    tokenizer: str
    """As the form names it."""
    prepared: Prepared
    model: ModelConfig
    train: TrainConfig
    device: str


def read_wanted(preparations: Preparations, session: Session, request: Request) -> Wanted:
    """The form's values, checked. Raises ValueError with the first thing that can't be."""
    values = {name: inputs.setting(request, setting) for name, setting in FORM.items()}
    corpus, tokenizer = inputs.text(request, "corpus", limit=300), read_tokenizer(request)
    vocab_size = values.pop("vocab_size")
    shape = {name: values.pop(name) for name in settings_of(ModelConfig) if name in values}
    ModelConfig(vocab_size=2, **shape)  # a shape that can't be is refused before the text is read
    train = TrainConfig(**values)
    prepared = preparations.of(session, corpus, tokenizer, vocab_size)
    model = ModelConfig(vocab_size=prepared.tokenizer.vocab_size, **shape)
    return Wanted(tokenizer, prepared, model, train, training_device(request))


def read_tokenizer(request: Request) -> str:
    """The form's tokenizer: a kind, or MINE and the name of a vocabulary that may be on the visitor's shelf."""
    tokenizer = inputs.text(request, "tokenizer", limit=100)
    return tokenizer if tokenizer.startswith(MINE) else inputs.choice(request, "tokenizer", KINDS)


def read_changes(request: Request, names: Sequence[str]) -> dict[str, Any]:
    """Those of some settings that the request holds."""
    known = settings_of(TrainConfig) | FORM
    return {name: inputs.setting(request, known[name]) for name in names if name in request}


def form_of(run: Run, tokenizer: str) -> dict[str, Any]:
    """What the form would have to say to make that run again, but for changes on the fly.

    `tokenizer` is how the form names the run's.
    """
    shape, train = run.model_config.to_dict(), run.train_config.to_dict()
    known = {name: shape.get(name, train.get(name)) for name in FORM}
    if not is_sized(tokenizer):
        known["vocab_size"] = FORM["vocab_size"].default  # nobody chose it
    return {**known, "corpus": run.corpus_ref, "tokenizer": tokenizer}
