"""The Generate tab: a laboratory for sampling, in several views."""

from __future__ import annotations

from llm.ui.subject import Subjects
from llm.ui.generate.writing import build_writing


def build_generate_tab(subjects: Subjects) -> None:
    """The tab's views, one of which is seen at a time."""
    build_writing(subjects)
