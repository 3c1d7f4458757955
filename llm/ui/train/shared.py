"""What the views of the Train tab share."""

from __future__ import annotations

from llm.ui.guests import guest
from llm.ui.panel import Request
from llm.ui.sessions import Session
from llm.ui.subject import Subjects
from llm.ui.train.planning import Forecasts
from llm.ui.train.preparation import Preparations
from llm.ui.train.run_summaries import RunSummaries


class Shared:
    """The visitors, models to train on from, texts made ready, who trains and who waits, what is known of runs."""

    def __init__(self, subjects: Subjects) -> None:
        self.subjects = subjects
        self.sessions = subjects.sessions
        self.classroom = subjects.classroom
        self.preparations = Preparations(self.sessions)
        self.slots = self.sessions.slots
        self.forecasts = Forecasts()
        self.summaries = RunSummaries()

    def owner(self, request: Request) -> Session:
        """Whose run a request may look at: the visitor's own, or from a phone that which the speaker shows."""
        session, id = self.sessions.of(request), request.get("run")
        if self.classroom is None or not guest.get() or not isinstance(id, str):
            return session
        return self.classroom.owner(id) or session

    def runs_of_others(self) -> list[str]:
        """The ids of runs that whoever asks may look at besides their own."""
        return self.classroom.runs if self.classroom is not None and guest.get() else []
