"""What the views of the Train tab share."""

from __future__ import annotations

from llm.ui.sessions import Sessions
from llm.ui.train.planning import Forecasts
from llm.ui.train.preparation import Preparations
from llm.ui.train.run_summaries import RunSummaries
from llm.ui.train.slots import Slots


class Shared:
    """The visitors, the texts made ready for training, who trains and who waits, and what is known of runs."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.preparations = Preparations()
        self.slots = Slots(sessions.limits)
        self.forecasts = Forecasts()
        self.summaries = RunSummaries()
