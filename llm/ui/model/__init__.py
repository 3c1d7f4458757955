"""The Model tab: one token through the model, and one step of learning back, with every number."""

from __future__ import annotations

from llm.ui.model.forward import build_forward
from llm.ui.model.learning_step import build_learning_step
from llm.ui.model.path import build_path
from llm.ui.model.walks import Walks
from llm.ui.panel import Views
from llm.ui.subject import Subjects

VIEWS = [
    build_forward,
    build_learning_step,
    build_path,
]


def build_model_tab(subjects: Subjects) -> None:
    """The tab's views; they find models the same way."""
    walks = Walks(subjects)
    Views("model", [build(walks) for build in VIEWS])
