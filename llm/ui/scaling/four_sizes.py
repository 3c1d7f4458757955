"""Four sizes: what GPT-2's sizes are and what the paper reports of them, beside the visitor's model."""

from __future__ import annotations

from llm.scaling.gpt2_paper import PRINTED, SIZES, TABLE_3, size_of
from llm.ui.panel import Answer, Request, View
from llm.ui.subject import Subjects


def build_four_sizes(subjects: Subjects) -> View:
    """The view; its endpoint tells the paper's numbers and the size of the model that is looked at."""

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
        }

    return View("Four sizes", [read_sizes])
