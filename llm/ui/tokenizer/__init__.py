"""The Tokenizer tab: from bytes to tokens, in several views."""

from __future__ import annotations

from llm.ui.subject import Subjects
from llm.ui.tokenizer.reading import build_reading


def build_tokenizer_tab(subjects: Subjects) -> None:
    """The tab's views, one of which is seen at a time."""
    build_reading(subjects)
