"""The class on the page: the speaker's page tells what it shows, and says what phones may do."""

from __future__ import annotations

from llm.ui import inputs
from llm.ui.classroom import Classroom
from llm.ui.guests import guest
from llm.ui.panel import Answer, Panel, Request, changing
from llm.ui.subject import Subjects

MAX_STATE = 30_000
"""Characters of an address."""


def build_class_panel(subjects: Subjects, classroom: Classroom) -> Panel:
    """The panel; its endpoints are the speaker's alone."""

    def show_class(request: Request) -> Answer:
        """Have every phone follow to this state of the page."""
        _speaker_only()
        session = subjects.sessions.of(request)
        state = inputs.text(request, "state", limit=MAX_STATE)
        classroom.tell(session, state, lambda ref: subjects.shown(session, ref))
        return {}

    @changing
    def allow_class(request: Request) -> Answer:
        """Let phones train and write, or no longer."""
        _speaker_only()
        classroom.allow(inputs.flag(request, "may_change"))
        return {}

    return Panel("classroom", [show_class, allow_class])


def _speaker_only() -> None:
    if guest.get():
        raise ValueError("Only the speaker's page can do that.")
