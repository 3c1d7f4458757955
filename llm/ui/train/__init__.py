"""The Train tab: choose a text and a shape, press Start, watch a GPT-2 learn."""

from __future__ import annotations

from llm.ui.panel import Views
from llm.ui.subject import Subjects
from llm.ui.train.layers import build_layers
from llm.ui.train.run import build_run
from llm.ui.train.runs import build_runs
from llm.ui.train.shared import Shared
from llm.ui.train.text import build_text

VIEWS = [build_run, build_runs, build_text, build_layers]


def build_train_tab(subjects: Subjects) -> None:
    """The tab's views; all know the same runs."""
    shared = Shared(subjects.sessions, subjects.classroom)
    Views("train", [build(shared) for build in VIEWS])
