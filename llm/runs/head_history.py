"""What kind of head each one was, snapshot by snapshot: the moment when an induction head forms.

    for moment in head_score_history("checkpoints/induction/snapshots"):
        moment.layers[1]["induction"]  # of layer 1, a score for each head

Shapes: H heads, R rows, T time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from llm.files import read_json, write_json
from llm.inside.head_scores import HEAD_KINDS, head_scores, measured_rows, repeated_line, repeated_tokens
from llm.inside.trace import trace
from llm.model import GPT
from llm.runs.snapshots import Snapshots
from llm.tokenizers import load_tokenizer

FILE = "head_scores.json"
"""Where the scores of a run are kept: beside the folder with its snapshots."""
VERSION = 2
"""To be raised when scores are measured differently, so that old ones are not mixed with new ones."""
_KEEPING = threading.Lock()  # a training and whoever looks at it keep scores in one file

LayerScores = dict[str, list[float | None]]
"""For each of HEAD_KINDS, a score for each head, as `llm.inside.head_scores` has them."""


class Moment(NamedTuple):
    """One snapshot: its step, and the scores in each layer."""

    step: int
    layers: list[LayerScores]


def head_score_history(snapshots: str | Path, *, after: int = -1, keep: bool = False) -> Iterator[Moment]:
    """The scores of all heads at each snapshot in a folder after step `after`, in order.

    Measured on `own_line`, where the training has one, or else on `repeated_tokens`.

    One snapshot is loaded at a time, when it is asked for. With `keep` the scores are written to
    FILE beside the folder, and the next time only new snapshots are measured; what is there is used
    either way. A snapshot that was thinned out meanwhile is passed over. Raises ValueError when one
    can't be read.
    """
    kept = Snapshots(snapshots)
    path, line = kept.folder.parent / FILE, own_line(snapshots)
    for step in (step for step in kept.steps() if step > after):
        scores = _read(path)
        if (layers := scores.get(str(step))) is None:
            try:
                layers = measured(kept.load(step), line)
            except (ValueError, FileNotFoundError):
                if step in kept.steps():
                    raise
                continue
            if keep:
                with suppress(OSError):  # what can't be kept can be measured again
                    _keep(kept, step, layers)
        yield Moment(step, layers)


def add_moment(snapshots: str | Path, step: int, model: GPT) -> None:
    """Keep the scores of a snapshot that is just being made, while its model is at hand: loading it takes longer."""
    _keep(Snapshots(snapshots), step, measured(model, own_line(snapshots)))


def own_line(snapshots: str | Path) -> list[int]:
    """What the heads of a training on `task:copy` are measured on, `repeated_line`; no ids for any other."""
    run = Path(snapshots).parent
    try:
        settings = read_json(run / "run.json")
        if settings.get("corpus_ref") != "task:copy":
            return []
        return repeated_line(load_tokenizer(run / "tokenizer.json"), settings["model"]["n_ctx"])
    except (ValueError, KeyError, TypeError):  # snapshots without a sound run around them
        return []


def measured(model: GPT, line: Sequence[int] = ()) -> list[LayerScores]:
    """The scores in each layer of one model, to four digits: on `line` or, without one, on `repeated_tokens`."""
    ids = list(line) or repeated_tokens(model.config.vocab_size, model.config.n_ctx)
    if not ids:  # a context of one token can't repeat anything
        return [{kind: [None] * model.config.n_head for kind in HEAD_KINDS} for _ in model.h]
    seen = trace(model, ids, names=["blocks.*.attn.hook_pattern"])
    row_R = measured_rows(len(ids))
    scores = (head_scores(pattern_1HTT[0][:, row_R], row_R, ids) for pattern_1HTT in seen.tensors.values())
    return [{kind: _rounded(values) for kind, values in layer.items()} for layer in scores]


def forget_after(snapshots: str | Path, step: int) -> None:
    """Drop kept scores of later steps, because a training goes on from `step` and may differ now."""
    path = Path(snapshots).parent / FILE
    with _KEEPING:
        if path.exists():
            scores = {n: layers for n, layers in _read(path).items() if int(n) <= step}
            write_json(path, {"version": VERSION, "steps": scores})


def _keep(snapshots: Snapshots, step: int, layers: list[LayerScores]) -> None:
    """Write one moment's scores beside the others', and forget those whose snapshot was thinned out."""
    path = snapshots.folder.parent / FILE
    with _KEEPING:
        there = {str(n) for n in snapshots.steps()}
        scores = {n: values for n, values in _read(path).items() if n in there} | {str(step): layers}
        write_json(path, {"version": VERSION, "steps": scores})


def _rounded(values: Sequence[float | None]) -> list[float | None]:
    return [None if value is None else round(value, 4) for value in values]


def _read(path: Path) -> dict[str, Any]:
    """Kept scores by step; none when the file isn't sound, since they can be measured again."""
    try:
        values = read_json(path)
    except ValueError:
        return {}
    steps = values.get("steps")
    return steps if values.get("version") == VERSION and isinstance(steps, dict) else {}
