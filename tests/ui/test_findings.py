"""What was found out about models lies in the one memory budget."""

import gc
import weakref

import pytest
from tiny_model import TEXT, asked, louder

from llm.config import ModelConfig
from llm.corpora import Corpus
from llm.model import GPT
from llm.ui import texts_at_hand
from llm.ui.attention.passes import Passes
from llm.ui.attention.patch_and_steer import build_patch_and_steer
from llm.ui.findings import Findings
from llm.ui.memory import Memory, Shelf
from llm.ui.model.forward import build_forward
from llm.ui.model.learning_step import build_learning_step
from llm.ui.model.walks import Walks

OTHER = TEXT.replace("fox", "dog")


@pytest.fixture
def looking(tiny, monkeypatch):
    """Endpoints that keep what they find, a tiny model, and the memory that it counts in."""
    corpus = Corpus("foxes", "Foxes", TEXT * 100, "", "")
    monkeypatch.setattr(texts_at_hand, "load_corpus", lambda name, allow_download: corpus)
    kept = []

    def build(subjects):
        kept.append(subjects.sessions.memory)
        walks = Walks(subjects)
        return build_forward(walks), build_learning_step(walks), build_patch_and_steer(Passes(subjects))

    endpoints, model, _ = tiny(build, louder, n_ctx=60)
    return endpoints, model, kept[0]


@pytest.mark.parametrize(
    "name, question",
    [
        ("read_contexts", {"layer": 0, "neuron": 1}),
        ("read_learning_step", {}),
        ("read_pair", {"other": OTHER}),
    ],
)
def test_it_is_counted_before_it_is_made(looking, name, question):
    """Where there is no room it is refused in one sentence; what is kept counts, and goes for what is used later."""
    endpoints, _, memory = looking
    memory.budget = 100_000  # the model takes 80,000
    assert "memory" in endpoints[name](asked(**question))["error"]
    memory.budget = 10**9
    endpoints["read_step"](asked(station="head"))
    before = memory.held
    assert "error" not in endpoints[name](asked(**question))
    kept = memory.held
    assert kept > before
    endpoints[name](asked(**question))
    assert memory.held == kept
    memory.budget = kept + 10
    Shelf(memory).make("other", memory.budget, bytes)
    assert memory.held == memory.budget


def test_a_finding_is_of_its_model():
    """Another model gets its own, and no finding keeps its model in memory."""
    findings = Findings(Memory())
    one, other = (GPT(ModelConfig(5, n_ctx=4, n_embd=4, n_head=1, n_layer=1), seed=seed) for seed in (1, 2))
    assert findings.of(one, "width", 10, lambda: 16) == 16
    assert findings.of(one, "width", 10, lambda: 17) == 16
    assert findings.of(other, "width", 10, lambda: 17) == 17
    gone = weakref.ref(one)
    del one
    gc.collect()
    assert gone() is None
