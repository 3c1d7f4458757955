"""Four sizes: what GPT-2's sizes are and what the paper reports of them, beside the visitor's model."""

from __future__ import annotations

from llm.scaling.gpt2_paper import PRINTED, SIZES, TABLE_3, size_of
from llm.ui.panel import Answer, Request, View
from llm.ui.scaling.measuring import Texts, score_window, texts_at_hand
from llm.ui.subject import Subjects


def build_four_sizes(subjects: Subjects) -> View:
    """The view; its endpoints tell the paper's numbers and the size of the model that is looked at, and measure it."""
    texts = Texts()

    def read_sizes(request: Request) -> Answer:
        """The four sizes, the scores of the paper's Table 3, and the model that is looked at, measured alike."""
        loaded = subjects.of(request)
        return {
            "sizes": [
                {"name": name, "printed": printed, **size._asdict()}
                for (name, size), printed in zip(SIZES.items(), PRINTED, strict=True)
            ],
            "scores": [
                {
                    "text": row.text,
                    "measure": row.measure,
                    "higher_is_better": row.higher_is_better,
                    "scores": list(row.scores),
                    "how": row.how,
                    "command": row.command,
                }
                for row in TABLE_3
            ],
            "mine": {"title": loaded.title, **size_of(loaded.config)._asdict()},
            "texts": texts_at_hand(subjects.sessions.of(request)),
        }

    def measure_window(request: Request) -> Answer:
        """How well the model that is looked at predicts one window of a text."""
        return score_window(subjects, texts, request)

    return View("Four sizes", [read_sizes, measure_window])
