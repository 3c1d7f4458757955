"""Starts runs and takes them up again, within what a visitor may use."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from llm.model import GPT
from llm.runs.assembly import make_run, make_trainer, resume_run
from llm.runs.run import Run
from llm.training.trainer import Trainer
from llm.ui.housekeeping import check_room, make_room
from llm.ui.sessions import Session
from llm.ui.train.allowance import check_allowed
from llm.ui.train.run_context import bring_back_text, write_context
from llm.ui.train.run_summaries import live
from llm.ui.train.settings import Wanted
from llm.ui.train.training import Training

if TYPE_CHECKING:
    from llm.ui.train.shared import Shared


def start(shared: Shared, session: Session, wanted: Wanted, *, seconds: float | None, replace: bool) -> Training:
    """Train a new run, at once or when it is its turn; with `replace` the visitor's other one stops for it, saved.

    `seconds` is how long it will take, if that is known. Raises ValueError when the visitor's other run
    is in the way, or too many wait.
    """
    before = _in_the_way(session, replace)
    check_room(shared.sessions, session)
    prepared, model_config, train_config = wanted.prepared, wanted.model, wanted.train
    shape = f"{model_config.n_layer} x {model_config.n_head} x {model_config.n_embd}"
    named = {
        "corpus": prepared.corpus.title,
        "name": f"{prepared.corpus.title}, {f'from {wanted.parent.name}' if wanted.parent else shape}",
    }
    run = make_run(session.runs, prepared, model_config, train_config, parent=wanted.parent, **named)
    write_context(run, prepared, wanted.tokenizer)
    build = _builder(shared, session, run, None, wanted.device, wanted.begin_with)
    try:
        return _launch(shared, session, Training(run, build, shared.slots, after=before, seconds=seconds), before)
    except ValueError:
        run.delete()
        raise


def go_on(shared: Shared, session: Session, run: Run, changes: dict[str, Any], device: str) -> Training:
    """Take up a run where it was last saved, to another end if `changes` has "max_steps", the rest as `Trainer.change`.

    Raises ValueError when it is in training, its text is gone, it would be too long, or as `start` does.
    """
    if training := live(session, run.id):
        if training.state in ("waiting", "running", "paused"):
            raise ValueError("This run is in training already.")
        training.join()  # it has ended, and is on its way out
    before = _in_the_way(session, replace=False)
    check_room(shared.sessions, session)
    if not run.corpus_ref:
        raise ValueError("Nobody noted which text this run learns from; continue it where it was started.")
    check_allowed(shared.sessions.limits, run.model_config, run.train_config.replace(**changes))
    max_steps = changes.pop("max_steps", None)
    shared.preparations.again(session, bring_back_text(session, run), run)  # says what is missing
    build = _builder(shared, session, run, max_steps, device, None)
    return _launch(shared, session, Training(run, build, shared.slots, after=before, changes=changes), before)


def _builder(
    shared: Shared, session: Session, run: Run, max_steps: int | None, device: str, begin_with: GPT | None
) -> Callable[[], Trainer]:
    """Makes the run's trainer: a new one, or from where it was saved last. Nothing is held in memory until then."""

    def build() -> Trainer:
        nonlocal max_steps
        make_room(shared.sessions, session, run)
        prepared = shared.preparations.again(session, bring_back_text(session, run), run)
        if not run.resumable:
            config, train = run.model_config, run.train_config
            return make_trainer(prepared, config, train, prepared.asked, device=device, begin_with=begin_with)
        end, max_steps = max_steps, None  # the run itself remembers it
        return resume_run(run, prepared, prepared.asked, device=device, max_steps=end)

    return build


def _in_the_way(session: Session, replace: bool) -> Training | None:
    """The visitor's training that has to end first."""
    mine = next((training for training in session.trainings.values() if training.alive), None)
    if mine and not replace:
        waits = mine.state == "waiting"
        raise ValueError(
            "A run of yours waits for its turn. Let it leave the queue first."
            if waits
            else "A run of yours is still training. Stop it first, or let it finish."
        )
    return mine


def _launch(shared: Shared, session: Session, training: Training, before: Training | None) -> Training:
    shared.slots.admit(training, instead_of=before)
    if before:
        before.stop()
    for id in [id for id, other in session.trainings.items() if other.state == "left"]:
        del session.trainings[id]
    session.trainings[training.run.id] = training
    session.trainings.move_to_end(training.run.id)
    training.start()
    return training
