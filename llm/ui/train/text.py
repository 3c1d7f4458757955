"""The Train tab's card of the text that the form has chosen."""

from __future__ import annotations

import dataclasses
import math

from llm.ui import inputs
from llm.ui.panel import Answer, Request, View
from llm.ui.train.presets import FORM
from llm.ui.train.settings import read_origin, read_tokenizer
from llm.ui.train.shared import Shared


def build_text(shared: Shared) -> View:
    """The view; its endpoint describes a text cut by a tokenizer."""
    sessions, preparations = shared.sessions, shared.preparations

    def describe_corpus(request: Request) -> Answer:
        """What a text is like, cut by a tokenizer."""
        session = sessions.of(request)
        tokenizer, size = read_tokenizer(request), inputs.setting(request, FORM["vocab_size"])
        corpus = inputs.text(request, "corpus", limit=300)
        if ref := read_origin(request):
            origin = shared.subjects.of({**request, "model": ref, "step": None})
            prepared = preparations.in_tokens_of(session, corpus, origin.title, origin.tokenizer)
        else:
            prepared = preparations.of(session, corpus, tokenizer, size)
        card = dataclasses.asdict(prepared.card)
        return {**card, "ref": prepared.ref, "even_loss": math.log(prepared.tokenizer.vocab_size)}

    return View("Text", [describe_corpus])
