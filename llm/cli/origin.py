"""The model that `train --from` begins with."""

from __future__ import annotations

import tempfile
from pathlib import Path

from llm.checkpoint import load_checkpoint
from llm.cli.output import say
from llm.model import GPT
from llm.paths import home
from llm.runs.parent import Parent
from llm.runs.run import Run
from llm.tokenizers import Tokenizer
from llm.weights.bring import open_any
from llm.weights.pretrained import is_glassbox


def open_origin(source: str) -> tuple[GPT, Tokenizer, Parent]:
    """A model from a folder, a file of weights or a run's id, and what is to be noted of it.

    Raises ValueError when there is none.
    """
    path, runs = Path(source), home() / "runs"
    if not path.exists() and not any(sign in source for sign in "/\\."):
        path = Run.open(runs, source).path
    if path.is_dir() and (path / "run.json").is_file():  # a run's folder
        path = path / "checkpoint"
    if path.is_dir() and is_glassbox(path):
        kept = load_checkpoint(path)
    elif not path.exists():
        raise ValueError(f"There is no {source}; give a model's folder, a file of weights, or a run's id.")
    else:
        with tempfile.TemporaryDirectory(prefix="glassbox-") as scratch:
            for note in open_any(path, Path(scratch) / "model", source=source):
                say(note)
            kept = load_checkpoint(Path(scratch) / "model")
    if path.name == "checkpoint" and (path.parent / "run.json").is_file():
        run = Run.open(path.parent.parent, path.parent.name)
        mine = path.resolve().is_relative_to(runs.resolve())
        return kept.model, kept.tokenizer, Parent(run.name, f"cli:{run.id}" if mine else "", kept.step)
    return kept.model, kept.tokenizer, Parent(path.resolve().name, "", kept.step or None)
