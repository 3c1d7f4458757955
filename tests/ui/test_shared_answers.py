"""One answer for all who ask the same, and for nobody who may not."""

import threading
import time

import pytest
from tiny_model import asked

from llm.ui.attention.heads import build_heads
from llm.ui.attention.passes import Passes
from llm.ui.memory import Memory
from llm.ui.shared_answers import SharedAnswers


def counting(pause=0.0):
    """An endpoint that says how often it was asked, and the list of what it was asked."""
    seen = []

    def look(request):
        seen.append(request)
        time.sleep(pause)
        if request.get("prompt") == "bad":
            raise ValueError("no")
        return {"text": "x" * request.get("size", 1)}

    return look, seen


def test_many_at_once_cost_one():
    """Who asks while another is asking the same waits for that answer; a refusal reaches all and is not kept."""
    look, seen = counting(pause=0.2)
    shared = SharedAnswers(lambda request: request["model"], Memory()).of(look)
    answers = []

    def ask(visitor, prompt):
        try:
            answers.append(shared({"visitor": visitor, "model": "a", "prompt": prompt}))
        except ValueError as refusal:
            answers.append(str(refusal))

    for prompt, expected in (("Once", {"text": "x"}), ("bad", "no")):
        answers.clear()
        threads = [threading.Thread(target=ask, args=(str(i), prompt)) for i in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [expected] * 20
    assert len(seen) == 2
    with pytest.raises(ValueError, match="no"):
        shared({"model": "a", "prompt": "bad"})
    assert len(seen) == 3


def test_an_answer_is_of_its_model_and_question():
    """Another model, moment, prompt or endpoint is asked anew; a model that is not there is refused each time."""
    look, seen = counting()
    places = {"run:1": "/a/1", "class:run:1": "/a/1"}

    def place(request):
        if request["model"] not in places:
            raise ValueError("gone")
        return places[request["model"]], request.get("step")

    answers = SharedAnswers(place, Memory())
    shared = answers.of(look)
    shared({"model": "run:1", "prompt": "a", "visitor": "1"})
    shared({"model": "class:run:1", "prompt": "a", "visitor": "2"})
    assert len(seen) == 1, "the same model by another name"
    shared({"model": "run:1", "prompt": "b"})
    shared({"model": "run:1", "prompt": "a", "step": 5})
    assert len(seen) == 3
    del places["class:run:1"]
    with pytest.raises(ValueError, match="gone"):
        shared({"model": "class:run:1", "prompt": "a", "visitor": "2"})


def test_what_is_kept_is_bounded():
    """The least used answers go for others, in the one budget; one without room is given but not kept."""
    look, seen = counting()
    memory = Memory()
    memory.budget = 1000
    shared = SharedAnswers(lambda request: "m", memory).of(look)
    for prompt in "abcdefgh":
        shared({"prompt": prompt, "size": 150})
    assert 0 < memory.held <= 1000
    shared({"prompt": "h", "size": 150})
    assert len(seen) == 8
    shared({"prompt": "a", "size": 150})
    shared({"prompt": "i", "size": 900})
    shared({"prompt": "i", "size": 900})
    assert len(seen) == 11
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert shared({"prompt": deep}) == {"text": "x"}


def test_visitors_share_a_pass(tiny):
    """Two visitors who look at the same heads get the same answer, worked out once."""
    endpoints, _, _ = tiny(lambda subjects: build_heads(Passes(subjects)), n_ctx=40)
    first = endpoints["trace_prompt"](asked("the quick"))
    assert endpoints["trace_prompt"](asked("the quick", visitor="1" * 32)) is first
    assert endpoints["trace_prompt"](asked("the lazy")) is not first
