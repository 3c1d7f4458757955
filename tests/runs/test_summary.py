"""What happened in a run, condensed: its curves are what was written down, and it stays small."""

import pytest
from trainings import CONFIG, MODEL, TOKENIZER, make

from llm.runs.run import Run
from llm.runs.summary import MAX_MOMENTS, RunSummary
from llm.tokenizers import CharacterTokenizer
from llm.training.events import Question


def record_of(run):
    record = RunSummary(run.tokenizer)
    record.extend(run.metrics())
    return record


def test_history_is_what_was_written_down(tmp_path):
    """Each curve has the events' own numbers; time adds up; an exam's accuracy is a share."""
    run, trainer = (
        Run.create(tmp_path, MODEL, CONFIG, TOKENIZER, corpus="cats"),
        make(questions=[Question((1,), (2,)), Question((3,), (4,))]),
    )
    for event in trainer:
        run.record(trainer, event)
    curves, metrics = record_of(run).curves(), run.metrics()
    steps = [m for m in metrics if m["event"] == "step"]
    for name in ("loss", "learning_rate", "grad_norm", "clipped_norm", "tokens_seen"):
        assert curves[name] == [(m["step"], pytest.approx(m[name], rel=1e-5)) for m in steps]
    assert curves["seconds"][-1] == (12, pytest.approx(sum(m["seconds"] for m in steps), rel=1e-5))
    evaluations = [m for m in metrics if m["event"] == "evaluation"]
    assert curves["validation_loss"] == [
        (m["step"], pytest.approx(m["validation_loss"], rel=1e-5)) for m in evaluations
    ]
    assert curves["accuracy"] == [(m["step"], m["correct"] / 2) for m in metrics if m["event"] == "exam"]


def test_older_runs_and_empty_ones_have_a_history_too(tmp_path):
    """A number that was not written down then has no curve; without events there are none."""
    run = Run.create(tmp_path, MODEL, CONFIG, TOKENIZER, corpus="cats")
    assert record_of(run).curves() == {}
    line = '{"event": "step", "step": 1, "loss": 2.5, "seconds": 0.5}\n'
    (run.path / "metrics.jsonl").write_text(line, encoding="utf-8")
    assert record_of(run).curves() == {"loss": [(1, 2.5)], "seconds": [(1, 0.5)]}


def test_a_digest_stays_small_however_long_the_run():
    """Thousands of events: at most 500 points a curve with the spike kept, and a limited number of moments."""
    record = RunSummary(CharacterTokenizer.train("ab\n"))
    for step in range(1, 6_001):
        numbers = {"learning_rate": 0.1, "grad_norm": 1.0, "clipped_norm": 1.0, "tokens_seen": step, "seconds": 0.1}
        record.add({"event": "step", "step": step, "loss": 50.0 if step == 4321 else 2.0 + step % 7, **numbers})
        if step % 10 == 0:
            record.add({"event": "evaluation", "step": step, "train_loss": 1.0, "validation_loss": 1.0})
            record.add({"event": "sample", "step": step, "ids": (0, 1), "prompt_length": 1})
    curves = record.curves()
    assert all(len(points) <= 500 for points in curves.values())
    assert (4321, 50.0) in curves["loss"] and curves["seconds"][-1] == (6000, pytest.approx(600))
    steps = [moment["step"] for moment in record.moments]
    assert len(steps) == MAX_MOMENTS and steps[0] == 10 and steps[-1] == 6000
