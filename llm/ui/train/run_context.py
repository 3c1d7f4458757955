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
        write_text(run.path / TEXT_FILE, json.dumps(prepared.corpus.whole().text))
    stream = TextStream(prepared.tokenizer)
    context = {
        "baselines": prepared.baselines_for(run.train_config),
        "exam": [list(question) for question in prepared.exam],
        "passage": [stream.push(id) for id in prepared.passage],
        "bytes_per_token": prepared.card.bytes_per_token if run.train_config.loss_on == "text" else None,
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


def bring_back_text(session: Session, run: Run) -> str:
    """How the form names the run's text; one of the visitor's own is found by its content, or comes from the run."""
    if not run.corpus_ref.startswith(UPLOAD):
        return run.corpus_ref
    for name, text in session.uploads.all().items():
        if run.text_hash and text.hash == run.text_hash:
            return UPLOAD + name
    name, path = run.corpus_ref.removeprefix(UPLOAD), run.path / TEXT_FILE
    if path.is_file() and (run.text_hash or name not in session.uploads):
        return UPLOAD + keep_own(session, name, json.loads(path.read_text(encoding="utf-8")))
    return run.corpus_ref


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
