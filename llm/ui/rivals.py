"""Another model, or another moment, to compare with."""

from __future__ import annotations

from collections.abc import Callable

from llm.ui.panel import Answer, Request
from llm.ui.subject import Subjects


def rivals_endpoint(subjects: Subjects) -> Callable[[Request], Answer]:
    """The endpoint that lists what can be compared with."""

    def list_rivals(request: Request) -> Answer:
        """Every model that this visitor can point at, with its steps."""
        return {"models": subjects.available(subjects.sessions.of(request))}

    return list_rivals
