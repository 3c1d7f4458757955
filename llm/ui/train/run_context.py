"""What a run is drawn against: baselines, the exam's questions, the passage. Kept in the run's folder.

So a run can be shown without preparing its text again; and a text or a vocabulary that only the
visitor had can be given back to them, so that the run can be continued or made again.
"""

from __future__ import annotations

import json
import math
from contextlib import suppress
from typing import Any

from llm.files import read_json, write_json, write_text
from llm.runs.assembly import Prepared
from llm.runs.run import Run
from llm.tokenizers import TextStream
from llm.ui.sessions import Session, Sessions
from llm.ui.train.preparation import UPLOAD
from llm.ui.uploads import keep_own
from llm.ui.vocabularies import MINE, keep_vocabulary

RunContext = dict[str, Any]

FILE = "context.json"
TEXT_FILE = "text.json"


def write_context(run: Run, prepared: Prepared, tokenizer: str) -> RunContext:
    """Note all that belongs to the run's picture, the visitor's own text, and how the form names the tokenizer."""
    if prepared.ref.startswith(UPLOAD):
        write_text(run.path / TEXT_FILE, json.dumps(prepared.corpus.text))
    stream = TextStream(prepared.tokenizer)
    context = {
        "baselines": prepared.baselines,
        "exam": [list(question) for question in prepared.exam],
        "passage": [stream.push(id) for id in prepared.passage],
        "bytes_per_token": prepared.card.bytes_per_token,
        "unit": prepared.tokenizer.unit,
        "tokenizer": tokenizer,
    }
    write_json(run.path / FILE, context)
    return context


def read_context(run: Run) -> RunContext:
    """The same again; of a run that was made elsewhere no more than can be told without its text."""
    try:
        return read_json(run.path / FILE)
    except ValueError:
        size = run.model_config.vocab_size
        even = {"name": f"ln {size:,}: all tokens alike", "loss": math.log(size), "floor": False}
        rest = {"bytes_per_token": None, "unit": run.tokenizer.unit}
        return {"baselines": [even], "exam": [], "passage": [], **rest}


def bring_back_text(session: Session, run: Run) -> None:
    """Put a visitor's own text among the uploads again, if it went with the run and isn't there."""
    name, path = run.corpus_ref.removeprefix(UPLOAD), run.path / TEXT_FILE
    if run.corpus_ref.startswith(UPLOAD) and name not in session.uploads and path.is_file():
        keep_own(session, name, json.loads(path.read_text(encoding="utf-8")))


def bring_back_vocabulary(sessions: Sessions, session: Session, run: Run) -> str:
    """How the form names the run's tokenizer; a vocabulary of the visitor's own is on their shelf again."""
    noted: str = read_context(run).get("tokenizer", run.tokenizer.kind)
    if not noted.startswith(MINE):
        return noted
    for name, kept in session.tokenizers.items():
        if kept.hash == run.tokenizer.hash:
            return MINE + name
    name = noted.removeprefix(MINE)
    with suppress(ValueError):  # the shelves are full: then the form can't name it
        return keep_vocabulary(
            sessions, session, f"Of run {run.id}" if name in session.tokenizers else name, run.tokenizer
        )
    return run.tokenizer.kind
