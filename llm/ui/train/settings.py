"""The form of the Train tab: read from a request, and filled in again from a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from llm.config import ModelConfig, TrainConfig
from llm.model import GPT
from llm.runs.assembly import Prepared
from llm.runs.parent import Parent
from llm.runs.run import Run
from llm.settings import settings_of
from llm.tokenizers import KINDS
from llm.ui import inputs
from llm.ui.devices import training_device
from llm.ui.panel import Request
from llm.ui.train.preparation import is_sized
from llm.ui.train.presets import FORM
from llm.ui.vocabularies import MINE

if TYPE_CHECKING:
    from llm.ui.train.shared import Shared


@dataclass(frozen=True)
class Wanted:
    """A run as the form describes it, ready to be built."""

    tokenizer: str
    """As the form names it."""
    prepared: Prepared
    model: ModelConfig
    train: TrainConfig
    device: str
    begin_with: GPT | None = None
    """A model to train on from, whose shape this is; None for a new one."""
    parent: Parent | None = None
    """What is noted of it."""


KEPT = ("tokenizer", "vocab_size", *(name for name in settings_of(ModelConfig) if name in FORM and name != "dropout"))
"""What a model that is trained on from brings along, whatever the form says."""


def read_wanted(shared: Shared, request: Request) -> Wanted:
    """The form's values, checked. Raises ValueError with the first thing that can't be."""
    session, preparations = shared.sessions.of(request), shared.preparations
    values = {name: inputs.setting(request, setting) for name, setting in FORM.items()}
    corpus, tokenizer = inputs.text(request, "corpus", limit=300), read_tokenizer(request)
    vocab_size = values.pop("vocab_size")
    shape = {name: values.pop(name) for name in settings_of(ModelConfig) if name in values}
    ModelConfig(vocab_size=2, **shape)  # a shape that can't be is refused before the text is read
    train = TrainConfig(**values)
    if ref := read_origin(request):
        origin = shared.subjects.of({**request, "model": ref, "step": None})
        prepared = preparations.in_tokens_of(session, corpus, origin.title, origin.tokenizer)
        model = origin.config.replace(dropout=shape["dropout"])
        parent = Parent(origin.title, ref, origin.step)
        return Wanted(origin.tokenizer.kind, prepared, model, train, training_device(request), origin.model, parent)
    prepared = preparations.of(session, corpus, tokenizer, vocab_size)
    model = ModelConfig(vocab_size=prepared.tokenizer.vocab_size, **shape)
    return Wanted(tokenizer, prepared, model, train, training_device(request))


def read_origin(request: Request) -> str:
    """The model to train on from, as the bar names it; empty for a new one."""
    return inputs.text(request, "origin", limit=200) if request.get("origin") else ""


def read_tokenizer(request: Request) -> str:
    """The form's tokenizer: a kind, or MINE and the name of a vocabulary that may be on the visitor's shelf."""
    tokenizer = inputs.text(request, "tokenizer", limit=100)
    return tokenizer if tokenizer.startswith(MINE) else inputs.choice(request, "tokenizer", KINDS)


def read_changes(request: Request, names: Sequence[str]) -> dict[str, Any]:
    """Those of some settings that the request holds."""
    known = settings_of(TrainConfig) | FORM
    return {name: inputs.setting(request, known[name]) for name in names if name in request}


def form_of(run: Run, corpus: str, tokenizer: str) -> dict[str, Any]:
    """What the form would have to say to make that run again, but for changes on the fly.

    `corpus` and `tokenizer` are what the form calls the run's.
    """
    shape, train = run.model_config.to_dict(), run.train_config.to_dict()
    known = {name: shape.get(name, train.get(name)) for name in FORM}
    if not is_sized(tokenizer):
        known["vocab_size"] = FORM["vocab_size"].default  # nobody chose it
    return {**known, "origin": run.parent.ref if run.parent else "", "corpus": corpus, "tokenizer": tokenizer}
