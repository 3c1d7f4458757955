"""The Train tab: choose a text and a shape, press Start, watch a GPT-2 learn."""

from __future__ import annotations

import os
from typing import Any

import pandas as pd
import torch

from llm.config import OPTIMIZERS, SCHEDULES, ModelConfig, TrainConfig
from llm.corpora import CORPORA, load_corpus
from llm.data import check_lengths
from llm.model import GPT
from llm.runs import Run, list_runs
from llm.tokenizers import KINDS
from llm.trainer import Trainer
from llm.ui import inputs
from llm.ui.components import Answer, Lens, Request
from llm.ui.train.preparation import Preparations, Prepared
from llm.ui.sessions import Session, Sessions
from llm.ui.train.training import Training
from llm.ui.uploads import keep_text

MAX_TRAININGS = max(2, os.cpu_count() or 2)
"""Runs in training at once, over all visitors."""
MAX_MEMORY = 4_000_000_000
"""Bytes that a run's weights, optimiser and activations may take together."""
MAX_KEPT_RUNS = 30
MAX_KEPT_BYTES = 4_000_000_000
"""Of runs on the disk for each visitor; the oldest go first."""
COLUMNS = ["step", "loss", "validation_loss", "learning_rate", "grad_norm", "tokens_seen", "seconds"]
"""Of a run's metrics as CSV."""
SAMPLE_PROMPT_TOKENS = 8
HISTORY_POINTS = 500

# Each limit is a slider's end in the page and a clamp here: name -> (low, high, default).
LIMITS: dict[str, tuple[float, float, float]] = {
    "n_layer": (1, 12, 4),
    "n_head": (1, 16, 4),
    "n_embd": (8, 768, 128),
    "n_ctx": (8, 1024, 64),
    "dropout": (0, 0.9, 0),
    "vocab_size": (257, 8192, 1024),
    "batch_size": (1, 128, 12),
    "learning_rate": (1e-5, 1e-1, 2e-3),
    "matrix_learning_rate": (1e-4, 0.2, 0.03),
    "min_lr_ratio": (0, 1, 0.1),
    "max_steps": (1, 100_000, 1500),
    "warmup_steps": (0, 10_000, 50),
    "weight_decay": (0, 1, 0.1),
    "eval_interval": (1, 10_000, 50),
    "seed": (0, 2**31, 1337),
}
_FRACTIONS = ("dropout", "learning_rate", "matrix_learning_rate", "min_lr_ratio", "weight_decay")
CHOICES = {"optimizer": OPTIMIZERS, "schedule": SCHEDULES}
_MUON = {"optimizer": "muon", "schedule": "linear", "min_lr_ratio": 0, "warmup_steps": 0, "weight_decay": 0}
PRESETS: list[dict[str, Any]] = [
    {
        "title": "Tales in a minute",
        "settings": {
            **_MUON, "corpus": "tales", "tokenizer": "bpe", "vocab_size": 2048,
            "n_layer": 2, "n_embd": 96, "learning_rate": 1e-2, "max_steps": 1200,
        },
    },
    {
        "title": "Characters of Shakespeare",
        "settings": {
            **_MUON, "corpus": "tinyshakespeare",
            "batch_size": 24, "learning_rate": 6e-3, "max_steps": 600,
        },
    },
    {
        "title": "As GPT-2 was trained: AdamW, cosine",
        "settings": {"corpus": "pydoc"},
    },
    {
        "title": "Seconds: one head, one layer",
        "settings": {"corpus": "pydoc", "n_layer": 1, "n_head": 1, "n_embd": 32, "max_steps": 1000},
    },
    {
        "title": "Six by six",
        "settings": {
            **_MUON, "corpus": "tales", "tokenizer": "bpe", "vocab_size": 2048,
            "n_layer": 6, "n_head": 6, "n_embd": 192, "n_ctx": 128, "learning_rate": 6e-3, "max_steps": 2000,
        },
    },
]  # fmt: skip
"""What the form starts from; what a preset doesn't name has its default."""


def build_watching(sessions: Sessions) -> Lens:
    """The tab; its endpoints plan, start, steer and report runs."""
    preparations = Preparations()

    def list_choices(request: Request) -> Answer:
        session = sessions.of(request)
        corpora = [
            {
                "name": name,
                "title": info.title,
                "description": info.description,
                "bytes": info.size_bytes,
                "here": not info.needs_download or preparations.is_here(name),
            }
            for name, info in CORPORA.items()
        ]
        corpora += [
            {"name": f"upload:{name}", "title": name, "description": "Your file.", "bytes": len(text), "here": True}
            for name, text in session.uploads.items()
        ]
        newest = next(reversed(session.trainings.values()), None)
        return {
            "corpora": corpora,
            "tokenizers": list(KINDS),
            "choices": CHOICES,
            "limits": LIMITS,
            "presets": PRESETS,
            "run": newest.run.id if newest else None,
            "earlier": [run.id for run in list_runs(session.runs)[:4]],
        }

    def download_corpus(request: Request) -> Answer:
        sessions.of(request)
        load_corpus(inputs.choice(request, "corpus", CORPORA))
        return {}

    def keep_upload(request: Request) -> Answer:
        return {"name": f"upload:{keep_text(sessions.of(request), request)}"}

    def plan_run(request: Request) -> Answer:
        prepared, model, train = _settings(preparations, sessions.of(request), request)
        return _plan(prepared, model, train)

    def start_run(request: Request) -> Answer:
        session = sessions.of(request)
        if session.busy:
            raise ValueError("A run of yours is still training. Stop it first, or let it finish.")
        if sessions.training_count() >= MAX_TRAININGS:
            raise ValueError(f"{MAX_TRAININGS} runs are training here already. Try again when one has finished.")
        prepared, model_config, train_config = _settings(preparations, session, request)
        _plan(prepared, model_config, train_config)
        training = _start(session, prepared, model_config, train_config)
        return {"run": training.run.id}

    def steer_run(request: Request) -> Answer:
        training = _training(sessions.of(request), request)
        action = inputs.choice(request, "action", ("pause", "resume", "step", "stop"))
        getattr(training, action)()
        return {"state": training.state}

    def poll_run(request: Request) -> Answer:
        training = _training(sessions.of(request), request)
        since = inputs.whole(request, "since", 0, 2**53, 0)
        answer = training.since(since)
        if since == 0:
            answer |= {"baselines": training.baselines, "about": _about(training.run), "path": _shown(training.run)}
        return answer

    def read_history(request: Request) -> Answer:
        return _history(Run.open(sessions.of(request).runs, inputs.text(request, "run", 80)))

    def export_metrics(request: Request) -> Answer:
        run = Run.open(sessions.of(request).runs, inputs.text(request, "run", 80))
        return {"csv": _steps(run).to_csv(index=False), "name": f"{run.id}.csv"}

    reports = [poll_run, read_history, export_metrics]
    return Lens("watching", [list_choices, download_corpus, keep_upload, plan_run, start_run, steer_run, *reports])


def _settings(
    preparations: Preparations, session: Session, request: Request
) -> tuple[Prepared, ModelConfig, TrainConfig]:
    """The form's values, checked. Raises ValueError with the first thing that can't be."""
    values: dict[str, Any] = {name: inputs.number(request, name, *limits) for name, limits in LIMITS.items()}
    values = {name: value if name in _FRACTIONS else round(value) for name, value in values.items()}
    corpus = inputs.text(request, "corpus", limit=300)
    kind = inputs.choice(request, "tokenizer", KINDS)
    shape = {name: values[name] for name in ("n_layer", "n_head", "n_embd", "n_ctx", "dropout")}
    ModelConfig(vocab_size=2, **shape)  # a shape that can't be is refused before the text is read
    prepared = preparations.of(session, corpus, kind, values["vocab_size"])
    model = ModelConfig(vocab_size=prepared.tokenizer.vocab_size, **shape)
    recipe = {name: value for name, value in values.items() if name not in (*shape, "vocab_size")}
    recipe |= {name: inputs.choice(request, name, known, known[0]) for name, known in CHOICES.items()}
    return prepared, model, TrainConfig(**recipe)


def _plan(prepared: Prepared, model: ModelConfig, train: TrainConfig) -> Answer:
    """What a run would be. Raises ValueError when the text is too short or the memory too small for it."""
    check_lengths(model.n_ctx, *prepared.splits)
    memory = _memory(model, train)
    if memory > MAX_MEMORY:
        raise ValueError(
            f"This run needs about {memory / 1e9:.1f} GB and a run here may take {MAX_MEMORY / 1e9:.0f}. "
            "Use a smaller batch, context, width or vocabulary."
        )
    c, layers = model.n_embd, model.n_layer
    tokens = sum(len(part) for part in prepared.splits)
    return {
        "n_params": model.n_params,
        "parts": [
            {"name": "token embedding, also the head", "count": model.vocab_size * c},
            {"name": "positions", "count": model.n_ctx * c},
            {"name": "attention", "count": layers * (4 * c * c + 4 * c)},
            {"name": "MLP", "count": layers * (8 * c * c + 5 * c)},
            {"name": "LayerNorm", "count": (4 * layers + 2) * c},
        ],
        "memory": memory,
        "vocab_size": model.vocab_size,
        "tokens": tokens,
        "bytes_per_token": prepared.n_bytes / tokens,
        "passes": train.max_steps * train.batch_size * model.n_ctx / len(prepared.splits.train),
    }


def _memory(model: ModelConfig, train: TrainConfig) -> int:
    """Bytes, about: weights, gradients and AdamW's two moments; what a step keeps for its backward pass."""
    rows = train.batch_size * model.n_ctx
    activations = rows * (model.n_layer * 18 * model.n_embd + 3 * model.vocab_size)
    if model.dropout:  # the attention weights are then written out
        activations += 4 * model.n_layer * train.batch_size * model.n_head * model.n_ctx**2
    return 4 * (4 * model.n_params + activations)


def _start(session: Session, prepared: Prepared, model_config: ModelConfig, train_config: TrainConfig) -> Training:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    splits = prepared.splits
    run = Run.create(
        session.runs,
        model_config,
        train_config,
        prepared.tokenizer,
        corpus=prepared.title,
        name=f"{prepared.title}, {model_config.n_layer} x {model_config.n_head} x {model_config.n_embd}",
    )
    trainer = Trainer(
        GPT(model_config, seed=train_config.seed).to(device),
        splits.train,
        splits.validation,
        train_config,
        prompt_ids=splits.validation[:SAMPLE_PROMPT_TOKENS].tolist(),
    )
    training = Training(run, trainer, prepared.tokenizer, prepared.floor)
    session.trainings[run.id] = training
    _make_room(session)
    training.start()
    return training


def _make_room(session: Session) -> None:
    """Delete the visitor's oldest runs beyond what is kept; never the newest."""
    held = 0
    for i, run in enumerate(list_runs(session.runs)):
        held += sum(path.stat().st_size for path in run.path.rglob("*") if path.is_file())
        if i >= MAX_KEPT_RUNS or (i > 0 and held > MAX_KEPT_BYTES):
            session.trainings.pop(run.id, None)
            run.delete()


def _training(session: Session, request: Request) -> Training:
    run_id = inputs.text(request, "run", limit=80)
    if run_id not in session.trainings:
        raise ValueError("That run is not in training any more. Start a new one.")
    return session.trainings[run_id]


def _about(run: Run) -> dict[str, Any]:
    return {"name": run.name, "corpus": run.corpus, "model": run.model_config.to_dict(), "id": run.id}


def _shown(run: Run) -> str | None:
    """Where the run lies, for whoever sits at this computer; strangers on a Space need not know."""
    return None if os.environ.get("SPACE_ID") else str(run.path).replace(os.path.expanduser("~"), "~", 1)


def _steps(run: Run) -> pd.DataFrame:
    """One row a step, with the validation loss where there was an evaluation after it."""
    metrics = pd.DataFrame(run.metrics(), columns=["event", *COLUMNS])
    evaluations = metrics.loc[metrics["event"] == "evaluation", ["step", "validation_loss"]]
    steps = metrics.loc[metrics["event"] == "step"].drop(columns=["event", "validation_loss"])
    return steps.merge(evaluations, on="step", how="left")[COLUMNS]


def _history(run: Run) -> Answer:
    """A run's curves, thinned to at most HISTORY_POINTS steps: what the page draws as a ghost."""
    steps = _steps(run)
    thinned = steps.iloc[:: max(1, len(steps) // HISTORY_POINTS)]
    evaluations = [m for m in run.metrics() if m["event"] == "evaluation"]
    return {
        "about": _about(run),
        "state": run.state,
        "steps": list(zip(thinned["step"].tolist(), thinned["loss"].tolist(), strict=True)),
        "evaluations": [[m["step"], m["train_loss"], m["validation_loss"]] for m in evaluations],
    }
