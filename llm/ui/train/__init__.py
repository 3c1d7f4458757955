"""The Train tab: choose a text and a shape, press Start, watch a GPT-2 learn."""

from __future__ import annotations

from llm.ui.components import Views
from llm.ui.sessions import Sessions
from llm.ui.train.corpus import build_corpus
from llm.ui.train.layers import build_layers
from llm.ui.train.ledger import build_ledger
from llm.ui.train.preparation import Preparations
from llm.ui.train.records import Records
from llm.ui.train.watching import build_watching


def build_train_tab(sessions: Sessions) -> None:
    """The tab's views, one of which is seen at a time."""
    preparations, records = Preparations(), Records()
    Views("train", {"watching": "Run", "ledger": "Runs", "corpus": "Text", "layers": "Layers"})
    build_watching(sessions, preparations, records)
    build_ledger(sessions, records)
    build_corpus(sessions, preparations)
    build_layers(sessions, records)
