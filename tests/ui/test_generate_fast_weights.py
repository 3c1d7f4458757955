"""8-bit weights on the page: they write and do nothing else, say what they change, and leave where they can't."""

import sys
import time
from pathlib import Path

import pytest
import torch
from test_generate_endpoints import PROMPT, SAMPLING, SETTINGS, VISITOR, Table, floats

from llm.int8_decoder import Int8Decoder, Int8Weights
from llm.sampler import generate
from llm.ui import fast_weights, subject
from llm.ui.generate.write import build_write
from llm.ui.live import LiveGenerations


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.setattr(subject, "SHIPPED", tmp_path)
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path / "home"))
    lives = []

    def build(subjects):
        lives.append(LiveGenerations(subjects))
        return build_write(lives[0])

    table = Table(tmp_path, build=build)
    table.live = lives[0]
    return table


def loaded(table):
    return table.subjects.of({"visitor": VISITOR, "model": "shipped:tiny"})


def made(table):
    """Ask for the copy until what it changes is measured."""
    deadline = time.monotonic() + 120
    while not (answer := table.ask("measure_weights", on=True))["cost"]:
        assert time.monotonic() < deadline, answer
        time.sleep(0.05)
    return answer


def ids_of(tokens):
    return [token[0] for token in tokens]


def test_the_exact_weights_write_until_the_fast_ones_are_there(table, monkeypatch):
    """A generation that began before keeps the exact ones to its end; the next one is what an Int8Decoder writes."""
    with monkeypatch.context() as slowly:
        slowly.setattr(fast_weights.FastCopy, "_make", lambda self: None)
        first = table.ask("begin_generation", **SETTINGS, weights="int8", count=1)
    assert first["weights"] == "exact"
    weights = Int8Weights(loaded(table).model)
    table.live.fast.of(weights.model).weights = weights
    more = table.ask("draw_tokens", generation=first["generation"], count=5)
    prompt = table.tokenizer.encode(PROMPT)
    expected = [c.id for c, _ in zip(generate(table.model, prompt, SAMPLING), range(6), strict=False)]
    assert more["weights"] == "exact"
    assert ids_of(first["tokens"] + more["tokens"]) == expected[: 1 + len(more["tokens"])]

    answer = table.ask("begin_generation", **SETTINGS, weights="int8", count=1)
    decoder = Int8Decoder(weights)
    choice = next(generate(weights.model, prompt, SAMPLING, decoder=decoder))
    assert answer["weights"] == "int8" and answer["tokens"][0][:2] == [choice.id, choice.probability]


def test_what_they_change_is_measured(table):
    """Over 256 tokens and more: nearly always the same likeliest token, nearly the same perplexity."""
    answer = table.ask("measure_weights")
    assert answer == {"why_not": None, "usual": False, "ready": False, "cost": None}
    answer = made(table)
    assert answer["ready"] and answer["why_not"] is None
    cost = answer["cost"]
    assert cost["positions"] >= 256 and 0.9 < cost["agreement"] <= 1 and abs(cost["change"]) < 0.01
    assert 1 < cost["perplexity"] < table.tokenizer.vocab_size


def test_one_copy_for_all_and_counted(table):
    """Two visitors share it; it takes part of the memory for all; where there is no room the exact ones write."""
    memory = table.subjects.sessions.memory
    loaded(table)
    before = memory.held
    made(table)
    one = table.live.fast.of(loaded(table).model)
    other = table.live.fast.of(table.subjects.of({"visitor": "1" * 32, "model": "shipped:tiny"}).model)
    assert one is other and memory.held - before >= loaded(table).config.n_params
    memory.budget = 10
    table.live.fast._shelf.memory._let_go(next(kept for kept in memory._kept.values() if kept.value is one))
    assert "MB of memory" in table.ask("measure_weights", on=True)["why_not"]


def test_odds_stay_exact(table):
    """With the copy there and writing, the odds of a position are the model's own, bit for bit."""
    made(table)
    assert table.ask("begin_generation", **SETTINGS, weights="int8", count=3)["weights"] == "int8"
    answer = table.ask("read_logits", weights="int8")
    with torch.no_grad():
        expected = table.model(torch.tensor([table.tokenizer.encode(PROMPT)]), last_only=True)[0, -1]
    assert torch.equal(floats(answer["logits"]), expected)


def test_nothing_but_drawing_knows_of_them():
    """No other part of the page names the 8-bit decoder."""
    sources = Path(fast_weights.__file__).parent.rglob("*.py")
    naming = {path.name for path in sources if "int8_decoder" in path.read_text(encoding="utf-8")}
    assert naming == {"fast_weights.py", "drawing.py"}


def test_somebody_who_looks_inside_meanwhile_changes_nothing(table):
    """A trace's hooks on the shared model neither forbid the copy nor write with other weights."""
    made(table)
    handle = loaded(table).model.h[0].register_forward_hook(lambda *_: None)
    assert table.ask("measure_weights", on=True)["why_not"] is None
    assert table.ask("begin_generation", **SETTINGS, weights="int8", count=1)["weights"] == "int8"
    handle.remove()


def test_large_models_use_them_unless_told_otherwise(table, monkeypatch):
    """From LARGE parameters on, where nothing is in the way."""
    monkeypatch.setattr(fast_weights, "LARGE", 100)
    monkeypatch.setattr(fast_weights.FastCopy, "_make", lambda self: None)
    assert table.ask("measure_weights")["usual"]
    monkeypatch.setitem(sys.modules, "numba", None)
    assert not table.ask("measure_weights")["usual"]


def test_where_they_cannot_write_the_exact_ones_do(table, monkeypatch):
    """Without numba, or when making them fails, the reason is one sentence and the text is there."""
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "numba", None)
        answer = table.ask("measure_weights", on=True)
        assert answer["why_not"].startswith("8-bit weights need numba") and not answer["ready"]
        assert table.ask("begin_generation", **SETTINGS, weights="int8", count=1)["weights"] == "exact"

    table.live.fast._shelf.memory.forget(None)

    def broken(model, **_):
        raise RuntimeError("no compiler")

    monkeypatch.setattr(fast_weights, "Int8Weights", broken)
    deadline = time.monotonic() + 10
    while table.ask("measure_weights", on=True)["why_not"] is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert "could not be made" in table.ask("measure_weights", on=True)["why_not"]
    assert "must be one of" in table.ask("begin_generation", weights="int4")["error"]
