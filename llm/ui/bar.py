"""The bar above every tab: which model, which moment of its training, which prompt."""

from __future__ import annotations

import torch

from llm.ui.components import Answer, Lens, Request
from llm.ui.subject import Subjects
from llm.ui.uploads import keep_checkpoint

EXAMPLES = [
    "ROMEO:\nO, she doth teach the torches to burn bright!",
    "First Citizen:\nBefore we proceed any further, hear me speak.",
    "To be, or not to be: that is the question",
    "My lord, the king is dead; my lord, the king",
    "Once there was a girl called",
    "On a misty Wednesday, Arlo was counting clouds. Nobody in town was as serious as",
]


def build_bar(subjects: Subjects) -> Lens:
    """The bar; its endpoints list what there is to look at, and take in a checkpoint."""

    def list_models(request: Request) -> Answer:
        session = subjects.sessions.of(request)
        return {"models": subjects.available(session), "examples": EXAMPLES, "device": _device()}

    def keep_model(request: Request) -> Answer:
        return {"model": f"upload:{keep_checkpoint(subjects.sessions.of(request), request)}"}

    return Lens("bar", [list_models, keep_model])


def _device() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' if threads > 1 else ''}"
