"""The Train tab's card of the text that the form has chosen."""

from __future__ import annotations

import dataclasses
import math

from llm.tokenizers import KINDS
from llm.ui import inputs
from llm.ui.components import Answer, Lens, Request
from llm.ui.sessions import Sessions
from llm.ui.train.preparation import Preparations
from llm.ui.train.settings import read_number


def build_corpus(sessions: Sessions, preparations: Preparations) -> Lens:
    """The view; its endpoint describes a text cut by a tokenizer."""

    def describe_corpus(request: Request) -> Answer:
        session = sessions.of(request)
        kind = inputs.choice(request, "tokenizer", KINDS)
        size = int(read_number(request, "vocab_size"))
        prepared = preparations.of(session, inputs.text(request, "corpus", limit=300), kind, size)
        card = dataclasses.asdict(prepared.card)
        return {**card, "ref": prepared.ref, "even_loss": math.log(prepared.tokenizer.vocab_size), "kind": kind}

    return Lens("corpus", [describe_corpus], view=True)
