"""What the views of the Train tab share."""

from __future__ import annotations

from llm.ui.subject import Subjects
from llm.ui.train.preparation import Preparations
from llm.ui.train.run_summaries import RunSummaries


class Shared:
    """The visitors, the models to train on from, the texts made ready for training, and what is known of runs."""

    def __init__(self, subjects: Subjects) -> None:
        self.subjects = subjects
        self.sessions = subjects.sessions
        self.preparations = Preparations(self.sessions)
        self.summaries = RunSummaries()
