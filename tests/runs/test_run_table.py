"""Runs side by side: their curves and what changed between them."""

import pytest
from trainings import CONFIG, MODEL, TOKENIZER, make

from llm.runs.run import Run
from llm.runs.table import changed_settings, history
from llm.training.events import Question


def make_run(root, model=MODEL, config=CONFIG, tokenizer=TOKENIZER, **more):
    return Run.create(root, model, config, tokenizer, corpus="cats", **more)


def test_history_is_what_was_written_down(tmp_path):
    """Each curve has the events' own numbers; time adds up; an exam's accuracy is a share."""
    run, trainer = make_run(tmp_path), make(questions=[Question((1,), (2,)), Question((3,), (4,))])
    for event in trainer:
        run.record(trainer, event)
    curves, metrics = history(run), run.metrics()
    steps = [m for m in metrics if m["event"] == "step"]
    for name in ("loss", "learning_rate", "grad_norm", "clipped_norm", "tokens_seen"):
        assert curves[name] == [(m["step"], m[name]) for m in steps]
    assert curves["seconds"][-1] == (12, pytest.approx(sum(m["seconds"] for m in steps)))
    evaluations = [m for m in metrics if m["event"] == "evaluation"]
    assert curves["validation_loss"] == [(m["step"], m["validation_loss"]) for m in evaluations]
    assert curves["accuracy"] == [(m["step"], m["correct"] / 2) for m in metrics if m["event"] == "exam"]
    assert all(len(points) <= 5 for points in history(run, max_points=5).values())


def test_older_runs_and_empty_ones_have_a_history_too(tmp_path):
    """A number that was not written down then has no curve; without events there are none."""
    run = make_run(tmp_path)
    assert history(run) == {}
    line = '{"event": "step", "step": 1, "loss": 2.5, "seconds": 0.5}\n'
    (run.path / "metrics.jsonl").write_text(line, encoding="utf-8")
    assert history(run) == {"loss": [(1, 2.5)], "seconds": [(1, 0.5)]}


def test_only_what_differs_is_listed(tmp_path):
    """Settings of model, training and text in which not all runs agree, with each run's own value."""
    runs = [
        make_run(tmp_path),
        make_run(tmp_path, config=CONFIG.replace(learning_rate=0.1, seed=5)),
        make_run(tmp_path, model=MODEL.replace(n_layer=1), corpus_ref="task:sort"),
    ]
    assert changed_settings(runs) == [
        {"corpus": "cats", "n_layer": 2, "learning_rate": 3e-3, "seed": 1337},
        {"corpus": "cats", "n_layer": 2, "learning_rate": 0.1, "seed": 5},
        {"corpus": "task:sort", "n_layer": 1, "learning_rate": 3e-3, "seed": 1337},
    ]
    assert changed_settings(runs[:1]) == [{}] and changed_settings([]) == []
