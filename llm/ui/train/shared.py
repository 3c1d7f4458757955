"""What the views of the Train tab share."""

from __future__ import annotations

from llm.ui.subject import Subjects
from llm.ui.train.planning import Forecasts
from llm.ui.train.preparation import Preparations
from llm.ui.train.run_summaries import RunSummaries
from llm.ui.train.slots import Slots


class Shared:
    """The visitors, models to train on from, texts made ready, who trains and who waits, what is known of runs."""

    def __init__(self, subjects: Subjects) -> None:
        self.subjects = subjects
        self.sessions = subjects.sessions
        self.preparations = Preparations(self.sessions)
        self.slots = Slots(self.sessions.limits)
        self.forecasts = Forecasts()
        self.summaries = RunSummaries()
