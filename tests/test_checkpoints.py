"""The checkpoints that ship: small, sound, and as good as their cards say, by the very commands of the cards."""

import doctest
import json
import random
import re
import shlex
import statistics
import string
from itertools import islice
from pathlib import Path

import pytest

from llm.checkpoint import load_checkpoint
from llm.cli.parser import main
from llm.completion import complete
from llm.config import SamplingConfig
from llm.corpora import tales
from llm.corpora.tasks import Copy, Sort
from llm.data import encode_corpus
from llm.evaluate import evaluate
from llm.inside.head_scores import head_scores, measured_rows
from llm.inside.trace import trace
from llm.runs.snapshots import Snapshots
from llm.training.questions import examine

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = sorted(path.name for path in (ROOT / "checkpoints").iterdir() if path.is_dir() and path.name != "scaling")

REPEATED = ["induction", "shakespeare", "sorter"]
"""Checkpoints whose card is repeated here: each `$ python -m llm` of a ```console block, with the output below it,
and each `>>>` example. A row costs as long as its commands take, so keep those short."""


def card(name):
    return (ROOT / "checkpoints" / name / "README.md").read_text(encoding="utf-8")


def commands(text):
    """The commands of a card's console blocks, each with the output that the card shows."""
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.replace("\\\n", " ").partition("\n")
            yield shlex.split(command), output


def numbers(text):
    return [float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\.?\d*", text)]


@pytest.mark.parametrize("name", SHIPPED)
def test_every_checkpoint_loads_and_has_a_card(name):
    """The card names its size truly, the licence of its text, and how to make and try it."""
    checkpoint, text = load_checkpoint(ROOT / "checkpoints" / name), card(name)
    assert text.startswith(f"# {name}\n") and f"{checkpoint.model.config.n_params:,} parameters" in text
    assert checkpoint.info["licence"].casefold() in text.casefold()
    corpus = checkpoint.info["corpus"]
    assert re.search(rf"python -m llm train (--corpus {corpus}|--text {corpus}\.txt) ", text)
    assert f"--checkpoint checkpoints/{name}" in text


def best_heads(model, tokenizer):
    """The highest previous-token and induction scores, each the mean over five lines of 24 distinct letters, twice."""
    found = {"previous": [], "induction": []}
    for seed in range(5):
        letters = "".join(random.Random(seed).sample(string.ascii_lowercase, 24))
        ids = tokenizer.encode(f"\n{letters}|{letters}")
        seen, rows = trace(model, ids, ["blocks.*.attn.hook_pattern"]), measured_rows(len(ids))
        layers = [head_scores(pattern[0][:, rows], rows, ids) for pattern in seen.tensors.values()]
        for kind, scores in found.items():
            scores.append([score for layer in layers for score in layer[kind]])
    return {kind: max(map(statistics.fmean, zip(*scores, strict=True))) for kind, scores in found.items()}


def test_induction_has_both_heads_and_shows_how_they_came():
    """A previous-token head and an induction head, each above 0.9; neither at the start; the copies end right."""
    folder = ROOT / "checkpoints" / "induction"
    checkpoint, snapshots = load_checkpoint(folder), Snapshots(folder / "snapshots")
    assert min(best_heads(checkpoint.model, checkpoint.tokenizer).values()) > 0.9
    steps = snapshots.steps()
    assert 16 <= len(steps) <= 24 and steps[0] == 0 and steps[-1] == checkpoint.step
    first, last = (best_heads(snapshots.load(step), checkpoint.tokenizer) for step in (steps[0], steps[-1]))
    assert max(first.values()) < 0.2 and min(last.values()) > 0.9
    assert examine(checkpoint.model, checkpoint.tokenizer, Copy(), 200).share > 0.9


def test_the_history_of_induction_has_a_loss_for_each_snapshot():
    """metrics.jsonl is that of the run, so a page can draw the curve and go to any snapshot on it."""
    folder = ROOT / "checkpoints" / "induction"
    events = [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    steps = [event["step"] for event in events if event["event"] == "step"]
    assert steps == list(range(1, load_checkpoint(folder).step + 1))
    announced = {event["step"] for event in events if event["event"] == "snapshot"}
    assert set(Snapshots(folder / "snapshots").steps()) <= announced
    losses = [event["validation_loss"] for event in events if event["event"] == "evaluation"]
    assert losses[-1] == min(losses) < 0.7 * losses[0]


def test_the_sorter_sorts():
    """At least 99 of 100 questions exactly right, of 1,000 that it never saw."""
    checkpoint = load_checkpoint(ROOT / "checkpoints" / "sorter")
    assert examine(checkpoint.model, checkpoint.tokenizer, Sort()).share >= 0.99


def test_tales_has_learnt_nearly_all_there_is():
    """Within 0.05 nats a token of the floor on stories it never saw, and 95 % of its sentences are the grammar's."""
    checkpoint = load_checkpoint(ROOT / "checkpoints" / "tales")
    model, tokenizer = checkpoint.model.eval(), checkpoint.tokenizer
    unseen = list(islice(tales.stories(seed=7), 12))
    ids = encode_corpus(tokenizer, "".join(story.text + tales.SEPARATOR for story in unseen))
    floor = -sum(story.log_probability for story in unseen) / len(ids)  # of these very stories
    assert floor < evaluate(model, ids, stride=64).loss < floor + 0.05
    configs = [SamplingConfig(max_new_tokens=200, seed=seed) for seed in range(3)]
    samples = [complete(model, tokenizer, tales.SEPARATOR, config) for config in configs]
    assert statistics.fmean(tales.accepted_share("".join(p.text for p in pieces)) for pieces in samples) >= 0.95


@pytest.mark.parametrize("name", REPEATED)
def test_the_card_says_what_its_commands_say(name, monkeypatch, capsys):
    """Run again, each command prints what the card shows, but for the last digits of its numbers."""
    monkeypatch.chdir(ROOT)
    shown = list(commands(card(name)))
    assert shown
    for command, output in shown:
        assert command[:3] == ["python", "-m", "llm"] and main(command[3:]) == 0
        printed = capsys.readouterr().out
        assert re.sub(r"[\d,.]+", "#", printed) == re.sub(r"[\d,.]+", "#", output)
        assert numbers(printed) == pytest.approx(numbers(output), rel=2e-3)


@pytest.mark.parametrize("name", REPEATED)
def test_the_examples_of_the_card_run(name, monkeypatch):
    """Whoever types the card's Python sees the card's output."""
    monkeypatch.chdir(ROOT)
    path = str(ROOT / "checkpoints" / name / "README.md")
    failed, tried = doctest.testfile(path, module_relative=False, encoding="utf-8")
    assert failed == 0 and (tried > 0 or ">>>" not in card(name))


def test_all_checkpoints_together_are_small():
    """They are in every clone: at most 25 MB in all."""
    assert sum(path.stat().st_size for path in (ROOT / "checkpoints").rglob("*") if path.is_file()) <= 25_000_000
