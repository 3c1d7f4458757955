"""What the views of the Train tab share."""

from __future__ import annotations

from llm.ui.classroom import Classroom
from llm.ui.guests import guest
from llm.ui.panel import Request
from llm.ui.sessions import Session, Sessions
from llm.ui.train.preparation import Preparations
from llm.ui.train.run_summaries import RunSummaries


class Shared:
    """The visitors, the texts made ready for training, and what is known of runs."""

    def __init__(self, sessions: Sessions, classroom: Classroom | None = None) -> None:
        self.sessions = sessions
        self.classroom = classroom
        self.preparations = Preparations()
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
