"""Head scores along a run's snapshots: measured once each, kept beside them, forgotten when they may differ."""

import json
import shutil
import threading
from pathlib import Path

import pytest
from trainings import CONFIG, MODEL, SPLITS, TOKENIZER, kept_model, make

from llm.inside.head_scores import HEAD_KINDS, head_scores, measured_rows, repeated_tokens
from llm.inside.trace import trace
from llm.runs import head_history
from llm.runs.head_history import FILE, head_score_history, measured, own_line
from llm.runs.run import Run
from llm.training.events import SnapshotEvent


@pytest.fixture
def run(tmp_path):
    run, trainer = Run.create(tmp_path, MODEL, CONFIG, TOKENIZER, corpus="cats"), make(dropout=0.0)
    for event in trainer:
        run.record(trainer, event)
    (run.path / FILE).unlink()  # as an older run is, whose heads were not measured on the way
    return run


def test_a_training_leaves_the_scores_of_its_snapshots(tmp_path, loads):
    """Measured while the model is at hand, before its weights are rounded: as near as that to the snapshot's own."""
    run, trainer = Run.create(tmp_path, MODEL, CONFIG, TOKENIZER, corpus="cats"), make(dropout=0.0)
    for event in trainer:
        run.record(trainer, event)
    assert len(loads) == len(run.snapshots())
    left = list(head_score_history(run.path / "snapshots"))
    assert len(loads) == len(left) and trainer.model.training
    (run.path / FILE).unlink()
    for moment, own in zip(left, head_score_history(run.path / "snapshots"), strict=True):
        assert moment.step == own.step
        for scores, expected in zip(moment.layers, own.layers, strict=True):
            assert all(scores[kind] == pytest.approx(expected[kind], abs=2e-3) for kind in HEAD_KINDS)


@pytest.fixture
def loads(monkeypatch):
    """How often a model was measured."""
    made = []
    monkeypatch.setattr(head_history, "measured", lambda model, line: made.append(model) or measured(model, line))
    return made


def test_scores_are_those_of_each_snapshot(run):
    """Every head of every layer at every snapshot, as head_scores gives them on the repeated tokens."""
    ids = repeated_tokens(MODEL.vocab_size, MODEL.n_ctx)
    moments = list(head_score_history(run.path / "snapshots"))
    assert [moment.step for moment in moments] == run.snapshots() == [0, 1, 2, 4, 5, 10, 12]
    rows = measured_rows(len(ids))
    for step, layers in moments:
        seen = trace(kept_model(run, step), ids, names=["*.hook_pattern"])
        for layer, scores in enumerate(layers):
            pattern_HRT = seen[f"blocks.{layer}.attn.hook_pattern"][0][:, rows]
            expected = head_scores(pattern_HRT, rows, ids)
            assert list(scores) == list(HEAD_KINDS)
            for kind, values in scores.items():
                assert values == pytest.approx(expected[kind], abs=1e-4) and len(values) == MODEL.n_head
    assert moments[0].layers != moments[-1].layers


def test_it_is_lazy_and_remembers(run, loads):
    """One snapshot is measured for each moment asked for; the second time only new ones are."""
    moments = head_score_history(run.path / "snapshots", keep=True)
    first = [next(moments), next(moments)]
    assert len(loads) == 2
    again = list(head_score_history(run.path / "snapshots", keep=True))
    assert again[:2] == first and len(loads) == 7
    assert list(head_score_history(run.path / "snapshots", keep=True)) == again and len(loads) == 7
    shutil.rmtree(run.path / "snapshots" / "step-00000002")  # thinned out
    (run.path / "snapshots" / "step-00000001").rename(run.path / "snapshots" / "step-00000003")
    assert [m.step for m in head_score_history(run.path / "snapshots", keep=True)] == [0, 3, 4, 5, 10, 12]
    kept = json.loads((run.path / FILE).read_text(encoding="utf-8"))["steps"]
    assert sorted(map(int, kept)) == [0, 3, 4, 5, 10, 12] and len(loads) == 8


def test_nothing_is_written_unless_asked(run, loads):
    """A shipped folder stays as it is, but scores that came with it are used; a damaged file is measured anew."""
    before = sorted(run.path.rglob("*"))
    expected = list(head_score_history(run.path / "snapshots"))
    assert sorted(run.path.rglob("*")) == before and len(loads) == 7
    list(head_score_history(run.path / "snapshots", keep=True))
    assert list(head_score_history(run.path / "snapshots")) == expected and len(loads) == 14
    for damaged in ("{", "[]", '{"version": 0, "steps": {"0": []}}', '{"version": 2, "steps": 3}'):
        (run.path / FILE).write_text(damaged, encoding="utf-8")
        assert next(head_score_history(run.path / "snapshots")) == expected[0]
        assert (run.path / FILE).read_text(encoding="utf-8") == damaged
    assert list(head_score_history(run.path / "nowhere")) == []


def test_a_resumed_run_forgets_what_may_become_different(run):
    """Scores after the checkpoint from which it goes on are dropped; earlier ones stay."""
    other, trainer = Run.create(run.path.parent, MODEL, CONFIG, TOKENIZER, corpus="cats"), make(dropout=0.0)
    for event in trainer:
        other.record(trainer, event)
        if event == SnapshotEvent(10, evaluated=True):
            break
    shutil.rmtree(other.path / "checkpoint")
    earlier = make(dropout=0.0)
    while next(earlier) != SnapshotEvent(5, evaluated=True):
        pass
    other.save_checkpoint(earlier)
    list(head_score_history(other.path / "snapshots", keep=True))
    other.resume(*SPLITS, prompt_ids=[0])
    kept = json.loads((other.path / FILE).read_text(encoding="utf-8"))["steps"]
    assert sorted(map(int, kept)) == [0, 1, 2, 4, 5] == other.snapshots()


def test_a_snapshot_thinned_out_meanwhile_is_passed_over(run):
    """The training may remove one between two moments; a damaged one is an error."""
    moments = head_score_history(run.path / "snapshots")
    assert next(moments).step == 0
    shutil.rmtree(run.path / "snapshots" / "step-00000001")
    assert next(moments).step == 2
    (run.path / "snapshots" / "step-00000004" / "model.safetensors").write_bytes(b"no")
    with pytest.raises(ValueError, match="safetensors"):
        next(moments)


def test_a_run_that_learnt_to_copy_is_measured_on_a_line_of_its_task(tmp_path):
    """The shipped induction model's heads, measured as its card does; without its run's settings, on random tokens."""
    folder = Path(__file__).resolve().parents[2] / "checkpoints" / "induction"
    for name in ("run.json", "tokenizer.json"):
        shutil.copy(folder / name, tmp_path)
    shutil.copytree(folder / "snapshots" / "step-00001600", tmp_path / "snapshots" / "step-00001600")

    def best(kind):
        (moment,) = head_score_history(tmp_path / "snapshots")
        return max(max(scores[kind]) for scores in moment.layers)

    assert best("induction") > 0.99 and best("previous") > 0.99
    (tmp_path / "run.json").write_text('{"corpus_ref": "task:sort"}', encoding="utf-8")
    assert own_line(tmp_path / "snapshots") == [] and best("induction") < 0.6
    for unsound in ('{"corpus_ref": "task:copy"}', '{"corpus_ref": "task:copy", "model": 3}', "{"):
        (tmp_path / "run.json").write_text(unsound, encoding="utf-8")
        assert own_line(tmp_path / "snapshots") == []


def test_a_context_too_short_to_repeat_has_no_scores():
    """Contexts of one and two tokens give None for every head and kind."""
    for n_ctx in (1, 2):
        model = make().model.__class__(MODEL.replace(n_ctx=n_ctx))
        assert measured(model) == [{kind: [None, None] for kind in HEAD_KINDS}] * 2


@pytest.mark.parametrize("repeat", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2))])
def test_a_training_that_is_watched_finishes(tmp_path, caplog, repeat):
    """Two timelines keep scores all the while a training keeps its own at every step: none gets in another's way."""
    run, done, failures = Run.create(tmp_path, MODEL, CONFIG, TOKENIZER, corpus="cats"), threading.Event(), []

    def watch():
        while not done.is_set():
            try:
                list(head_score_history(run.path / "snapshots", keep=True))
            except Exception as error:
                failures.append(error)

    watchers = [threading.Thread(target=watch) for _ in range(2)]
    for watcher in watchers:
        watcher.start()
    try:
        for event in (trainer := make(CONFIG.replace(eval_interval=1), dropout=0.0)):
            run.record(trainer, event)
    finally:
        done.set()
        for watcher in watchers:
            watcher.join()
    assert run.state == "finished" and failures == [] and "were not scored" not in caplog.text
    kept = json.loads((run.path / FILE).read_text(encoding="utf-8"))["steps"]
    assert sorted(map(int, kept)) == run.snapshots() == list(range(13))


def test_scores_that_cannot_be_kept_end_nothing(tmp_path, monkeypatch, caplog):
    """A training goes on when its heads can't be scored, and says so in the log; whoever looks still sees them."""
    run, trainer = Run.create(tmp_path, MODEL, CONFIG, TOKENIZER, corpus="cats"), make(dropout=0.0)

    def fail(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(head_history, "write_json", fail)
    for event in trainer:
        run.record(trainer, event)
    assert run.state == "finished" and "were not scored" in caplog.text
    moments = list(head_score_history(run.path / "snapshots", keep=True))
    assert [moment.step for moment in moments] == run.snapshots() and not (run.path / FILE).exists()
