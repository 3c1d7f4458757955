"""One budget for all that is kept: counted before it is made, the least used goes first, nobody's dear things do."""

import gc
import threading

import pytest
import torch

from llm.checkpoint import save_checkpoint
from llm.config import ModelConfig
from llm.limits import LAPTOP, Limits
from llm.model import GPT
from llm.tokenizers import train_tokenizer
from llm.ui import memory as memory_module
from llm.ui import subject
from llm.ui.memory import Memory, Shelf
from llm.ui.sessions import Sessions
from llm.ui.turns import Once, Turns


class Thing:
    """Something to keep."""


@pytest.fixture
def memory():
    found = Memory()
    found.budget, found.share = 1_000, 400
    return found


def test_the_budget_is_half_of_what_there_is_unless_said(monkeypatch):
    """And never so much that nothing is left for the rest of the process."""
    monkeypatch.setattr(memory_module, "memory_limit", lambda: 2_000_000_000)
    assert Memory(LAPTOP).budget == 10**9
    assert Memory(Limits(memory_mb=300)).budget == 300_000_000
    assert Memory(Limits(memory_mb=10_000)).budget == 1_500_000_000


def test_the_least_used_goes_first_whatever_it_is(memory):
    """Two shelves share the budget, and looking at something keeps it."""
    models, traces = Shelf(memory), Shelf(memory)
    for name in "abc":
        models.make(name, 300, Thing)
    assert models.get("a")
    traces.make("t", 300, Thing)
    assert models.get("b") is None and models.get("a") and models.get("c") and traces.get("t")
    assert memory.held == 900


def test_what_is_too_large_is_not_even_begun(memory):
    """One sentence, nothing made, and nothing else goes for it."""
    shelf, made = Shelf(memory), []
    shelf.make("a", 300, Thing)
    with pytest.raises(ValueError, match="choose something smaller"):
        shelf.make("b", 1_001, lambda: made.append(1))
    assert not made and shelf.get("a")


def test_what_is_being_made_counts_and_what_failed_does_not(memory):
    """Room is taken before the work begins, so that many at once can't overrun it; a failure gives it back."""
    shelf = Shelf(memory)

    def meanwhile():
        with pytest.raises(ValueError, match="no room"):
            shelf.make("b", 600, Thing)
        return Thing()

    shelf.make("a", 600, meanwhile)
    assert shelf.get("a") and memory.held == 600
    with pytest.raises(ZeroDivisionError):
        shelf.make("c", 400, lambda: 1 / 0)
    assert memory.held == 600


def test_what_it_really_takes_is_counted_afterwards(memory):
    """An estimate holds until the thing is there."""
    shelf = Shelf(memory)
    shelf.make("a", 900, lambda: "text", measure=len)
    assert memory.held == 4


def test_what_is_let_go_but_in_use_still_counts(memory):
    """A model that somebody is writing with takes its memory until they end."""
    shelf = Shelf(memory, anchor=lambda thing: thing)
    used = shelf.make("a", 700, Thing)
    with pytest.raises(ValueError, match="no room"):
        shelf.make("b", 700, Thing)
    assert memory.held == 700
    del used
    gc.collect()
    assert shelf.make("b", 700, Thing) and memory.held == 700


def test_a_strangers_things_never_push_out_ones_own(memory):
    """However many visitors come: what is dear fills half of the budget, and the rest is for looking."""
    texts, models = Shelf(memory, dear_seconds=60), Shelf(memory)
    mine = texts.make("mine", 100, Thing, owner="me")
    refused = 0
    for n in range(200):
        try:
            texts.make(n, 100, Thing, owner=f"stranger {n}")
        except ValueError:
            refused += 1
    assert texts.get("mine") is mine and refused == 196
    assert models.make("model", 500, Thing)


def test_a_visitors_share_is_kept_by_their_own(memory):
    """The fifth of four makes the first of the same visitor go, and no other's."""
    texts = Shelf(memory, dear_seconds=60)
    other = texts.make("other", 100, Thing, owner="other")
    for n in range(5):
        texts.make(n, 100, Thing, owner="me")
    assert [texts.get(n) is not None for n in range(5)] == [False, True, True, True, True]
    assert texts.get("other") is other
    memory.forget("me")
    assert memory.held == 100


def test_models_are_counted_before_they_are_loaded(tmp_path, monkeypatch):
    """A model that has no room is refused in one sentence; of two that fit one at a time the first goes."""
    monkeypatch.setattr(subject, "SHIPPED", tmp_path)
    tokenizer = train_tokenizer("character", "abc")
    for name, width in (("small", 64), ("other", 64), ("large", 256)):
        model = GPT(ModelConfig(tokenizer.vocab_size, n_ctx=16, n_embd=width, n_head=2, n_layer=2), seed=0)
        save_checkpoint(tmp_path / name, model, tokenizer)
    subjects = subject.Subjects(Sessions())
    small = subjects.of({"visitor": "0" * 32, "model": "shipped:small"})
    size = subjects.sessions.memory.held
    assert size >= sum(p.nbytes for p in small.model.parameters())
    subjects.sessions.memory.budget = round(1.5 * size)
    del small
    assert subjects.of({"visitor": "0" * 32, "model": "shipped:other"}) and subjects.sessions.memory.held == size
    with pytest.raises(ValueError, match="choose something smaller"):
        subjects.of({"visitor": "0" * 32, "model": "shipped:large"})
    assert torch.is_tensor(subjects.of({"visitor": "0" * 32, "model": "shipped:other"}).model.wte.weight)


def test_one_makes_what_several_want():
    """The others wait for it; whoever wants another thing does not wait, and no lock is left behind."""
    once, inside, others = Once(), threading.Event(), threading.Event()

    def want(key, done):
        with once.of(key):
            inside.set()
            done.wait(10)

    first = threading.Thread(target=want, args=("a", others))
    first.start()
    assert inside.wait(10)
    second = threading.Thread(target=want, args=("a", others))
    second.start()
    with once.of("b"):
        second.join(0.05)
        assert second.is_alive()
    others.set()
    first.join(10), second.join(10)
    assert not first.is_alive() and not second.is_alive() and not once._locks


def test_a_visitor_has_one_turn_at_a_time(monkeypatch):
    """A second piece of work of theirs waits; another visitor's does not, until the turns are out."""
    monkeypatch.setattr("llm.ui.turns.MAX_WAIT", 0.05)
    turns = Turns(2)
    with turns.of("me"):
        with pytest.raises(ValueError, match="Try again"), turns.of("me"):
            pass
        with turns.of("you"), pytest.raises(ValueError, match="Try again"), turns.of("third"):
            pass
        with turns.of("third"):
            pass
