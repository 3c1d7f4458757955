"""Starts runs and takes them up again, within what a visitor may use."""

from __future__ import annotations

import os
from typing import Any

from llm.runs.assembly import make_run, make_trainer, resume_run
from llm.runs.run import Run
from llm.training.trainer import Trainer
from llm.ui.housekeeping import make_room
from llm.ui.sessions import Session, Sessions
from llm.ui.train.preparation import Preparations
from llm.ui.train.run_context import bring_back_text, write_context
from llm.ui.train.run_summaries import live
from llm.ui.train.settings import Wanted
from llm.ui.train.training import Training

MAX_TRAININGS = max(2, os.cpu_count() or 2)
"""Runs in training at once, over all visitors."""


def start(sessions: Sessions, session: Session, wanted: Wanted, *, replace: bool = False) -> Training:
    """Train a new run; with `replace` the one in training stops for it, saving everything.

    Raises ValueError when the visitor's other run or those of all visitors are in the way.
    """
    before = _in_the_way(sessions, session, replace)
    prepared, model_config, train_config = wanted.prepared, wanted.model, wanted.train
    shape = f"{model_config.n_layer} x {model_config.n_head} x {model_config.n_embd}"
    named = {
        "corpus": prepared.corpus.title,
        "name": f"{prepared.corpus.title}, {f'from {wanted.parent.name}' if wanted.parent else shape}",
    }
    run = make_run(session.runs, prepared, model_config, train_config, parent=wanted.parent, **named)
    write_context(run, prepared, wanted.tokenizer)

    def build() -> Trainer:
        make_room(sessions, session, run)
        origin, where = wanted.begin_with, wanted.device
        return make_trainer(prepared, model_config, train_config, prepared.asked, device=where, begin_with=origin)

    return _launch(session, Training(run, build, after=before))


def go_on(
    sessions: Sessions, session: Session, preparations: Preparations, run: Run, changes: dict[str, Any], device: str
) -> Training:
    """Take up a run where it was last saved, to another end if `changes` has "max_steps", the rest as `Trainer.change`.

    Raises ValueError when it is in training, its text is gone, or as `start` does.
    """
    if live(session, run.id):
        raise ValueError("This run is in training already.")
    before = _in_the_way(sessions, session, replace=False)
    if not run.corpus_ref:
        raise ValueError("Nobody noted which text this run learns from; continue it where it was started.")
    max_steps = changes.pop("max_steps", None)
    prepared = preparations.again(session, bring_back_text(session, run), run)

    def build() -> Trainer:
        make_room(sessions, session, run)
        trainer = resume_run(run, prepared, prepared.asked, device=device, max_steps=max_steps)
        trainer.change(**changes)
        return trainer

    return _launch(session, Training(run, build, after=before))


def _in_the_way(sessions: Sessions, session: Session, replace: bool) -> Training | None:
    """The visitor's training that has to end first; it is told to."""
    mine = next((training for training in session.trainings.values() if training.alive), None)
    if mine and replace:
        mine.stop()
        return mine
    if mine:
        raise ValueError("A run of yours is still training. Stop it first, or let it finish.")
    if sessions.training_count() >= MAX_TRAININGS:
        raise ValueError(f"{MAX_TRAININGS} runs are training here already. Try again when one has finished.")
    return None


def _launch(session: Session, training: Training) -> Training:
    session.trainings[training.run.id] = training
    session.trainings.move_to_end(training.run.id)
    training.start()
    return training
