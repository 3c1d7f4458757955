"""The way back: one real step of learning on a piece of the model's own text, and the same piece read again.

Shapes: T predictions, F factors, L layers.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from llm.checkpoint import load_trainer_state
from llm.config import TrainConfig
from llm.files import read_json
from llm.runs.run import Run
from llm.training.learning_step import FACTORS, PARTS, LearningStep, Memory
from llm.ui import inputs
from llm.ui.model.steps import Training
from llm.ui.model.walks import Walks
from llm.ui.panel import Answer, Request, View
from llm.ui.prompt import named, packed, window
from llm.ui.subject import Loaded, Subjects
from llm.ui.texts_at_hand import corpus_called

MAX_TOKENS = 64
"""Predictions in a piece: what can be read at a glance."""
MAX_PIECES = 1_000
SHARE = 10
"""A model's validation text is the last tenth of what it learnt from; pieces come from before it."""
CHARACTERS = 32
"""Of a text for each token that is wanted: more than a token is long."""
MAX_PARAMETERS = 200_000_000
"""Of a model that takes a step here."""
ROWS = 6
"""Rows of the token embedding that are named."""
_OPTIMIZERS = {"adamw": "AdamW", "muon": "Muon"}


@dataclass(frozen=True)
class _Piece:
    """What the step is made on."""

    ids: list[int]
    title: str
    own: bool
    """Whether the model learnt from it."""


def build_learning_step(walks: Walks) -> View:
    """The view; its one endpoint makes the step, a part at each question, which the page then leads through."""

    def read_learning_step(request: Request) -> Answer:
        """The step on a piece of the model's text or the prompt, as far as it is made; without either no tokens.

        Whoever asks again sees it go on; when nobody does, it is given up.
        """
        loaded = walks.subjects.of(request)
        if loaded.config.n_params > MAX_PARAMETERS:
            raise ValueError(f"A step is shown for models of at most {MAX_PARAMETERS // 10**6} million parameters.")
        piece = _piece(walks.subjects, request, loaded)
        if not piece.ids:
            return {"tokens": []}
        if len(piece.ids) < 2:
            raise ValueError("A prediction needs a next token to be compared with; write two tokens or more.")
        training = _training(walks.subjects.run_of(request), loaded)
        done, seen = walks.steps.of(loaded.model, piece.ids, training, walks.subjects.sessions.of(request))
        made = {"done": done, "parts": PARTS}
        if seen is None:
            return {"tokens": named(loaded.tokenizer, piece.ids), "made": made}
        best = seen.best_FT.tolist()
        pulled = seen.rows_V.topk(min(ROWS, len(seen.rows_V))).indices.tolist()
        texts = named(loaded.tokenizer, sorted({id for row in best for id in row}))
        return {
            "tokens": named(loaded.tokenizer, piece.ids),
            "made": made,
            "title": piece.title,
            "own": piece.own,
            "layers": loaded.config.n_layer,
            "step": training.step,
            "ofRun": training.run,
            "remembered": training.memory is not None,
            "optimizer": _OPTIMIZERS[training.config.optimizer],
            "rate": seen.rate,
            "matrixRate": seen.matrix_rate,
            "gradient": seen.gradient,
            "clipped": seen.clipped,
            "factors": list(FACTORS),
            "known": seen.read_F.tolist(),
            "losses": packed(seen.losses_FT),
            "best": best,
            "odds": packed(seen.odds_FT),
            "texts": {str(token["id"]): token["text"] for token in texts},
            "parts": [
                {
                    "key": part.key,
                    "parameters": part.parameters,
                    "gradient": part.gradient,
                    "weight": part.weight,
                    "update": part.update,
                }
                for part in seen.parts
            ],
            "stream": packed(seen.stream_LT),
            "rows": {
                "any": int((seen.rows_V > 0).sum()),
                "read": int((seen.read_V > 0).sum()),
                "all": loaded.config.vocab_size,
                "tied": loaded.config.tie_word_embeddings,
                "most": [
                    {**token, "gradient": float(seen.rows_V[token["id"]]), "read": float(seen.read_V[token["id"]])}
                    for token in named(loaded.tokenizer, pulled)
                ],
            },
            "places": {"any": len(piece.ids) - 1, "all": loaded.config.n_ctx},
        }

    return View("Learning step", [read_learning_step])


def whole_step(walks: Walks, request: Request) -> LearningStep | None:
    """The step that the view shows for this request, once it is whole; None without a text to learn from.

    Raises ValueError when it can't be made.
    """
    loaded = walks.subjects.of(request)
    ids = _piece(walks.subjects, request, loaded).ids
    training, session = _training(walks.subjects.run_of(request), loaded), walks.subjects.sessions.of(request)
    done, seen = 0, None
    while len(ids) > 1 and done < PARTS:
        done, seen = walks.steps.of(loaded.model, ids, training, session)
    return seen


def _piece(subjects: Subjects, request: Request, loaded: Loaded) -> _Piece:
    """A piece of the model's own text; of the prompt where that is asked for, or the text isn't here."""
    number = inputs.whole(request, "piece", 0, MAX_PIECES, 0)
    source = inputs.choice(request, "source", ("text", "prompt"), default="text")
    room = min(loaded.config.n_ctx, MAX_TOKENS) + 1
    corpus = corpus_called(subjects.text_of(request), subjects.sessions.of(request)) if source == "text" else None
    if corpus is not None:
        with suppress(ValueError):  # its tokenizer can't spell it: then it is another text of that name
            ids = loaded.tokenizer.encode(_cut(corpus.text, number, CHARACTERS * room))[:room]
            if len(ids) > 1:
                return _Piece(ids, corpus.title, own=True)
    ids, _ = window(loaded, inputs.text(request, "prompt"))
    return _Piece(ids[:room], "the prompt", own=False)


def _cut(text: str, number: int, length: int) -> str:
    """Piece `number` of the part that a model learns from; they lie all over it, and begin with a line if they can."""
    learnt = text[: len(text) - len(text) // SHARE]
    start = int((number * 0.618034) % 1 * max(0, len(learnt) - 2 * length))
    line = learnt.find("\n", start, start + length) + 1 if start else 0
    return learnt[line or start :][:length]


def _training(run: Run | None, loaded: Loaded) -> Training:
    """As its run went on, with what its optimiser remembers of this very moment; else as a training usually ends."""
    if run is None:
        config = TrainConfig()
        return Training(config, config.max_steps, run=False, memory=None)
    config = run.train_config
    step = config.max_steps if loaded.step is None else loaded.step
    folder = run.path / "checkpoint"
    with suppress(ValueError, TypeError):  # none yet, or being written now
        if read_json(folder / "trainer.json").get("step") == step:
            tensors, info = load_trainer_state(folder)
            config = config.replace(**info.get("changed", {}))
            return Training(config, step, run=True, memory=Memory(tensors, step))
    return Training(config, step, run=True, memory=None)
