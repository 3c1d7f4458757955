"""The Train tab: choose a text and a shape, press Start, watch a GPT-2 learn."""

from __future__ import annotations

from llm.ui.sessions import Sessions
from llm.ui.train.watching import build_watching


def build_train_tab(sessions: Sessions) -> None:
    """The tab's views, one of which is seen at a time."""
    build_watching(sessions)
