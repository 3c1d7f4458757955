"""A task's questions put to a model: the same answers as one by one, and what the command line says of them."""

import json
import re

import pytest

from llm.checkpoint import save_checkpoint
from llm.cli.parser import main
from llm.config import ModelConfig, SamplingConfig, TrainConfig
from llm.corpora.tasks import Modular, Sort
from llm.data import encode_corpus, split
from llm.model import GPT
from llm.sampler import generate
from llm.tokenizers import train_tokenizer
from llm.training.questions import ask, examine
from llm.training.trainer import Trainer

TASK = Sort(1, 3, "01")


@pytest.fixture(scope="module")
def pupil():
    """A model that has learnt to sort half-way, and its tokenizer."""
    text = TASK.text(20_000, seed=1337)
    tokenizer = train_tokenizer("character", text)
    model = GPT(ModelConfig(vocab_size=tokenizer.vocab_size, n_ctx=16, n_embd=16, n_head=2, n_layer=1), seed=1)
    config = TrainConfig(
        max_steps=60, batch_size=8, learning_rate=1e-2, warmup_steps=0, eval_interval=60, eval_windows=1
    )
    for _ in Trainer(model, *split(encode_corpus(tokenizer, text)), config, prompt_ids=[0]):
        pass
    return model, tokenizer


def test_an_exam_counts_as_asking_one_by_one_does(pupil):
    """Side by side, the model answers as it does alone, after a line end and until the next one."""
    model, tokenizer = pupil
    greedy = SamplingConfig(temperature=0.0, max_new_tokens=5)

    def complete(prompt):
        return tokenizer.decode([choice.id for choice in generate(model, tokenizer.encode("\n" + prompt), greedy)])

    accuracy = examine(model, tokenizer, TASK, n_examples=150, seed=3)
    assert accuracy == TASK.exact_match(complete, n_examples=150, seed=3)
    assert 15 < accuracy.correct < 135


def test_questions_are_the_tasks_own_between_two_line_ends():
    """Prompt and answer as ids: joined they are a line of the text, held out from it where the task does that."""
    tokenizer = train_tokenizer("character", Modular(7).text(2_000, seed=1))
    asked = [tokenizer.decode(q.prompt_ids + q.answer_ids) for q in ask(tokenizer, Modular(7), 30, seed=2)]
    assert set(asked) <= {f"\n{example.text}" for example in Modular(7).pool.held_out} and len(set(asked)) > 10


def test_a_context_too_short_for_the_questions_is_refused(pupil):
    """Else the start of the question would silently be forgotten."""
    model, tokenizer = pupil
    with pytest.raises(ValueError, match="context"):
        examine(model, tokenizer, Sort(9, 9, "01"), 10)


def test_the_command_line_reports_floor_and_exact_match(pupil, tmp_path, capsys):
    """evaluate says how many of 1,000 new questions were right, with the error of that, in words and as JSON."""
    text = Modular().text(3_000, seed=1)
    tokenizer = train_tokenizer("character", text)
    model = GPT(ModelConfig(vocab_size=tokenizer.vocab_size, n_ctx=32, n_embd=8, n_head=1, n_layer=1), seed=1)
    save_checkpoint(tmp_path / "model", model, tokenizer, step=0, info={})
    command = ["evaluate", "--corpus", "task:modular", "--checkpoint", str(tmp_path / "model")]
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert "0.8058 nats a token: no model gets lower" in shown
    right = re.search(r"exact match +([\d.]+)% \(\+- [\d.]+%\) of 1,000 questions that training never shows", shown)
    assert main([*command, "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["exact_match"] == {"correct": round(float(right[1]) * 10), "total": 1000}
    assert values["floor"]["value"] == pytest.approx(0.80578, abs=1e-5)


def test_a_task_is_learnt_in_characters_unless_told_otherwise(tmp_path, monkeypatch):
    """Byte pairs would join the letters that the task is about."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    tiny = ["--n-layer=1", "--n-head=1", "--n-embd=8", "--n-ctx=32", "--max-steps=1", "--eval-windows=1"]
    assert main(["train", "--corpus", "task:sort", *tiny, "--out", str(tmp_path / "model")]) == 0
    assert json.loads((tmp_path / "model" / "tokenizer.json").read_text(encoding="utf-8"))["kind"] == "character"
