"""What the views of the Train tab share."""

from __future__ import annotations

from llm.ui.sessions import Sessions
from llm.ui.train.preparation import Preparations
from llm.ui.train.run_summaries import RunSummaries


class Shared:
    """The visitors, the texts made ready for training, and what is known of runs."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.preparations = Preparations(sessions)
        self.summaries = RunSummaries()
