"""The Generate tab: a laboratory for sampling, in several views."""

from __future__ import annotations

from llm.ui.generate.branches import build_branches
from llm.ui.generate.many_at_once import build_many_at_once
from llm.ui.generate.side_by_side import build_side_by_side
from llm.ui.generate.surprise import build_surprise
from llm.ui.generate.write import build_write
from llm.ui.live import LiveGenerations
from llm.ui.panel import Views
from llm.ui.subject import Subjects

VIEWS = [build_write, build_branches, build_side_by_side, build_many_at_once, build_surprise]


def build_generate_tab(subjects: Subjects) -> None:
    """The tab's views; all keep the texts they write in one place."""
    live = LiveGenerations(subjects)
    Views("generate", [build(live) for build in VIEWS])
