"""The Attention tab: every head of the model, in several views."""

from __future__ import annotations

from llm.ui.subject import Subjects
from llm.ui.attention.heads import build_heads


def build_attention_tab(subjects: Subjects) -> None:
    """The tab's views, one of which is seen at a time."""
    build_heads(subjects)
