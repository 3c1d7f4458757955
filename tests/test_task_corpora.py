"""Tasks as corpora: their texts, and the floor of the loss for any corpus and tokenizer."""

import math
import re
from itertools import product

import pytest

from llm.config import ModelConfig, TrainConfig
from llm.corpora import CORPORA, corpus_floor, load_corpus, tales, task_of
from llm.corpora.floors import task_floor
from llm.corpora.tasks import TASKS, Dates, Sort
from llm.corpora.tasks.texts import load
from llm.data import answer_ends
from llm.model import GPT
from llm.runs.assembly import make_trainer, prepare
from llm.tokenizers import train_tokenizer
from llm.training.events import EvalEvent

NAMES = [name for name in CORPORA if name.startswith("task:")]


def test_every_task_is_a_corpus_under_its_name():
    """What the list promises: all of them, no network, and a way back from the name to the task."""
    assert [f"task:{name}" for name in TASKS] == NAMES and len(NAMES) >= 7
    assert [task_of(name) for name in NAMES] == [task() for task in TASKS.values()]
    assert [task_of(name) for name in ("tales", "task:", "task:chess", "sort")] == [None] * 4
    assert not any(CORPORA[name].needs_download for name in NAMES)
    assert len({CORPORA[name].description for name in NAMES}) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_task_loads_as_its_own_lines(name):
    """Whole lines from one seed, the same every time, with what the list says of them."""
    corpus = load(name, size_bytes=5_000)
    assert corpus.name == name and corpus.licence == "MIT" and corpus.title == CORPORA[name].title
    assert corpus.text == task_of(name).text(5_000, 1337) and "1337" in corpus.source


def test_a_task_has_the_size_that_the_list_says():
    """By its name it is two megabytes, all from the same seed, and drawn only once."""
    corpus = load_corpus("task:dates")
    assert load_corpus("task:dates").text is corpus.text
    assert 0 <= len(corpus.text) - CORPORA["task:dates"].size_bytes < 50
    assert corpus.text.startswith(load("task:dates", size_bytes=5_000).text)


@pytest.mark.parametrize("name", NAMES)
def test_a_task_validates_on_questions_that_its_text_never_shows(name):
    """Where questions are kept out, validation reads them and them alone, seeded; elsewhere the end of the text."""
    corpus, task = load(name, size_bytes=20_000), task_of(name)
    tokenizer = train_tokenizer("character", corpus.text)
    splits = prepare(name, corpus, tokenizer).splits
    shown, held_out = (set(tokenizer.decode(part.tolist()).splitlines()) for part in splits)
    if not task.holds_out:
        assert corpus.held_out == "" and len(splits.train) == pytest.approx(9 * len(splits.validation), rel=0.01)
        return
    assert not shown & held_out and shown | held_out <= {e.text.strip() for e in task.all_examples()}
    assert held_out <= {e.text.strip() for e in task.pool.held_out} and len(splits.validation) >= 2_000
    assert tokenizer.decode(splits.train.tolist()) == corpus.text
    assert load(name, size_bytes=20_000).held_out == corpus.held_out != load(name, 20_000, seed=7).held_out


def test_a_training_on_answers_has_their_targets_and_their_floor():
    """The loss is that of the answers alone, by hand; texts that are no task have none to learn."""
    corpus = load("task:modular", size_bytes=3_000)
    prepared = prepare("task:modular", corpus, train_tokenizer("bpe", corpus.text, 360))
    train = TrainConfig(loss_on="answers", batch_size=4, max_steps=1, eval_windows=3, sample_tokens=0, warmup_steps=0)
    shape = ModelConfig(prepared.tokenizer.vocab_size, n_ctx=7, n_embd=8, n_head=1, n_layer=1)
    trainer = make_trainer(prepared, shape, train, {"prompt_ids": [0]}, device="cpu")
    found = next(event for event in trainer if isinstance(event, EvalEvent))
    tokens = prepared.splits.validation
    ends = answer_ends(prepared.splits_for(train).validation, shape.n_ctx)
    model, losses = GPT(shape, seed=train.seed), []
    for end in (ends[0], ends[(len(ends) - 1) // 2], ends[-1]):
        ids = tokens[end : end + 8].long()
        assert re.fullmatch(r"\n\d\d\+\d\d=\d\d\n\d\d", prepared.tokenizer.decode(ids.tolist()))
        losses += [-model(ids[None, :7])[0, place].log_softmax(0)[ids[place + 1]].item() for place in (4, 5)]
    assert found.validation_loss == pytest.approx(sum(losses) / 6, abs=1e-5)
    assert prepared.baselines_for(train)[-1]["loss"] == 0 and len(prepared.baselines_for(TrainConfig())) > 2
    tales_text = prepare("tales", load_corpus("tales"), train_tokenizer("character", load_corpus("tales").text))
    with pytest.raises(ValueError, match="Only tasks"):
        tales_text.splits_for(train)


def test_unknown_tasks_are_answered_with_the_known_ones():
    """A wrong name lists the right ones, from the corpora and from the tasks alike."""
    for wrong in (load_corpus, load):
        with pytest.raises(ValueError, match=r"task:chess.*task:sort"):
            wrong("task:chess")


def test_floor_in_characters_is_exact():
    """A character tokenizer's floor is that of the task itself, without any error."""
    for name in NAMES:
        floor = corpus_floor(name, train_tokenizer("character", task_of(name).text(2_000, 1)))
        assert (floor.value, floor.standard_error) == (task_of(name).nats_per_character, 0.0)


def test_floor_in_tokens_against_enumeration():
    """Every line that can be, with its probability: nats over mean tokens; the estimate is off by its error at most."""
    task = Sort(1, 4, "012")
    text = task.text(20_000, seed=5)
    lines = ["".join(s) for n in (1, 2, 3, 4) for s in product("012", repeat=n)]
    odds = [1 / 4 / 3 ** len(s) for s in lines]
    entropy = -math.fsum(p * math.log(p) for p in odds)
    for kind, size in (("bpe", 300), ("gpt2", None)):
        tokenizer = train_tokenizer(kind, text, size)
        tokens = math.fsum(
            p * len(tokenizer.encode(f"\n{s}>{''.join(sorted(s))}")) for s, p in zip(lines, odds, strict=True)
        )
        floor = task_floor(task, tokenizer, n_examples=4000)
        assert 0 < floor.standard_error < 0.02 * floor.value
        assert abs(floor.value - entropy / tokens) < 4 * floor.standard_error
        # ... and counting line by line is counting in a whole text.
        assert text.count("\n") * entropy / len(tokenizer.encode(text)) == pytest.approx(entropy / tokens, rel=0.03)


def test_floor_of_tales_and_of_texts_that_people_wrote():
    """Tales say it themselves; nobody knows the entropy of documentation."""
    tokenizer = train_tokenizer("bpe", tales.text(50_000, 1), 400)
    assert corpus_floor("tales", tokenizer, 50, seed=3) == tales.floor(tokenizer, 50, seed=3).per_token
    assert corpus_floor("pydoc", tokenizer) is None and corpus_floor("notes.txt", tokenizer) is None


def test_no_floor_for_a_tokenizer_that_loses_something():
    """Where words become <unk> there is less to predict: a line that a model could cross is no floor."""
    assert corpus_floor("tales", train_tokenizer("whitespace", tales.text(50_000, 1), 50)) is None
    assert task_floor(Dates(), train_tokenizer("whitespace", Dates().text(50_000, 1), 50)) is None
