"""The Generate tab: a laboratory for sampling, in several views."""

from __future__ import annotations

from llm.ui.components import Views
from llm.ui.generate.batch import build_batch
from llm.ui.generate.branches import build_branches
from llm.ui.generate.duel import build_duel
from llm.ui.generate.surprisal import build_surprisal
from llm.ui.generate.writing import build_writing
from llm.ui.live import LiveGenerations
from llm.ui.subject import Subjects

VIEWS = {
    "writing": "Write",
    "branches": "Branches",
    "duel": "Side by side",
    "batch": "Many at once",
    "surprisal": "Surprise",
}


def build_generate_tab(subjects: Subjects) -> None:
    """The tab's views, one of which is seen at a time."""
    live = LiveGenerations()
    Views("generate", VIEWS)
    build_writing(subjects, live)
    build_branches(subjects, live)
    build_duel(subjects, live)
    build_batch(subjects, live)
    build_surprisal(subjects)
