"""Grokking: what is measured of a model that does sums, the records that ship, and a small one that learns."""

import pytest
import torch
import torch.nn.functional as F

from llm.cli.parser import main
from llm.config import ModelConfig, TrainConfig
from llm.corpora.tasks import Modular
from llm.data import Splits, encode_corpus, only_answers
from llm.inside.spectrum import number_ids, spectrum, waves_needed
from llm.model import GPT
from llm.runs.run import Run, list_runs
from llm.scaling.grokking import (
    MAX_QUESTIONS,
    Moment,
    Record,
    Score,
    first_step,
    measured,
    modular_task,
    read_record,
    record_of,
    write_record,
)
from llm.tokenizers import train_tokenizer
from llm.training.trainer import Trainer
from llm.ui.scaling.grokking import RECORDS, records

TASK = Modular(11, train_share=0.6)
TEXT = TASK.text(4_000, seed=1)
TOKENIZER = train_tokenizer("bpe", TEXT, 280)
SHAPE = ModelConfig(TOKENIZER.vocab_size, n_ctx=8, n_embd=64, n_head=4, n_layer=1)


def test_a_moment_is_what_asking_one_by_one_finds():
    """Accuracy and loss of each part over all its questions, and the spectrum of the numbers' rows, by hand."""
    model = GPT(SHAPE, seed=3)
    model.wte.weight.data *= 20  # so that its answers differ
    moment = measured(model, TOKENIZER, TASK, 7)
    ids = number_ids(TOKENIZER, 11)
    for score, questions in ((moment.shown, TASK.pool.train), (moment.held_out, TASK.pool.held_out)):
        right, losses = 0, []
        for question in questions:
            logits = model(torch.tensor([TOKENIZER.encode(f"\n{question.prompt}")]))[0, -1]
            answer = ids[int(question.answer)]
            right += int(logits.argmax()) == answer
            losses.append(F.cross_entropy(logits, torch.tensor(answer)).item())
        assert score.accuracy == pytest.approx(right / len(questions), abs=1e-3)
        assert score.loss == pytest.approx(sum(losses) / len(losses), rel=1e-3)
    assert moment.step == 7
    assert moment.norms == pytest.approx(spectrum(model.wte.weight.detach()[ids]).tolist(), rel=1e-3)


def test_a_record_survives_its_file(tmp_path):
    """Written and read it is the same; anything else is refused in one sentence."""
    moments = tuple(Moment(s, Score(s / 10, 1.5), Score(s / 20, 2.5), (1.0, 0.5)) for s in (0, 5, 10))
    record = Record(TASK, seed=3, parameters=99, seconds=1.5, moments=moments)
    write_record(tmp_path / "one.json", record)
    assert read_record(tmp_path / "one.json") == record
    assert (first_step(moments, "shown", 0.5), first_step(moments, "held_out")) == (5, None)
    (tmp_path / "two.json").write_text('{"moments": [{"step": 1}]}', encoding="utf-8")
    with pytest.raises(ValueError, match="no record of a grokking"):
        read_record(tmp_path / "two.json")


def test_what_ships_learns_by_heart_long_before_it_understands():
    """Three seeds, small files: all shown sums right when few others are, those much later, and then on few waves."""
    assert len(records()) == 3 and sum(path.stat().st_size for path in RECORDS.iterdir()) < 200_000
    for record in records():
        assert len(record.task.pool.train) <= MAX_QUESTIONS  # all that are shown were asked
        heart, understood = (first_step(record.moments, *of) for of in (("shown", 1.0), ("held_out",)))
        assert heart and understood and understood > 3 * heart
        at_heart = next(moment for moment in record.moments if moment.step == heart)
        assert at_heart.held_out.accuracy < 0.05
        waves = [waves_needed(torch.tensor(moment.norms)) for moment in (record.moments[0], record.moments[-1])]
        assert waves[0] > 35 and waves[1] < 15
        assert record.seconds < 240


def test_sums_are_learnt_from_their_answers(tmp_path):
    """A tiny model that is asked for answers alone knows the sums it was shown, and is found as such a run."""
    config = TrainConfig(
        loss_on="answers", max_steps=400, batch_size=64, learning_rate=3e-3, warmup_steps=5, eval_interval=400,
        eval_windows=4, sample_tokens=0,
    )  # fmt: skip
    marked = Splits(*(only_answers(TOKENIZER, encode_corpus(TOKENIZER, text), "=") for text in (TEXT, TEXT[:400])))
    trainer = Trainer(GPT(SHAPE, seed=1), *marked, config, prompt_ids=[0])
    for _ in trainer:
        pass
    assert measured(trainer.model, TOKENIZER, TASK, 400).shown.accuracy > 0.9
    named = {"corpus": "Modular arithmetic", "corpus_ref": "task:modular"}
    assert modular_task(Run.create(tmp_path, SHAPE, config, TOKENIZER, **named)) == Modular()
    assert modular_task(Run.create(tmp_path, SHAPE, config, TOKENIZER, corpus="Tales", corpus_ref="tales")) is None


@pytest.mark.slow
def test_the_command_trains_a_run_and_writes_its_record(tmp_path, monkeypatch, capsys):
    """One file a seed, made again from the run that the app lists; a seed that can't be is refused."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    assert main(["grokking", str(tmp_path / "sums"), "--seed", "5", "--max-steps", "2"]) == 0
    (run,) = list_runs(tmp_path / "runs")
    record = read_record(tmp_path / "sums" / "seed-5.json")
    assert record == record_of(run, record.seconds) and record.seconds > 0
    assert [moment.step for moment in record.moments] == [0, 1, 2]
    assert record.seed == 5 and run.name == "Grokking, seed 5" and "from step None" in capsys.readouterr().err
    assert main(["grokking", str(tmp_path / "sums"), "--seed", "-1"]) == 2
    assert "seed" in capsys.readouterr().err
