"""Writes assets/answers.d.ts: what each endpoint answers, learnt by asking every one of them.

    PYTHONPATH=. python tests/assets/answers.py

The app is built in this process, over an empty home; the models are the shipped ones, and the run is a tiny one.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from asking import KNOWN, TABS, Asked

from llm.ui.fast_weights import Cost

FILE = Path(__file__).resolve().parents[2] / "assets" / "answers.d.ts"
HEAD = """// What Python answers the page, an interface an endpoint. Written by tests/assets/answers.py from real
// answers: don't edit it. A key with a question mark is missing from some answers.

/** A token's text, in which a piece of a character is U+FFFD. */
export interface Token {
  id: number;
  text: string;
}

/** A stretch of a token's bytes: text that can be shown, or bytes in hexadecimal. */
export interface Part {
  hex?: string;
  text?: string;
}
"""
ALSO: dict[str, list[Any]] = {
    "list_plan.settings{}.choices[]": ["a choice"],  # as other forms have it; a plan has none
    "fit_sweep.predicted": [None],  # until the largest size is trained
    "poll_sweep.trainings[].loss": [None, 1.0],
    **{f"{name}_sweep.place": [None, 1] for name in ("start", "continue", "steer", "poll")},  # in the queue
    **{f"{name}_{what}.place": [None, 1] for what in ("ablation", "point") for name in ("start", "steer", "poll")},
    "read_budgets.budgets[].lowest": [None],  # where the losses don't show one
    "read_budgets.frontier": [None],
    "read_budgets.law": [None],
    "begin_generation.ended": [None, "stop"],
    "draw_tokens.ended": [None, "stop"],
    "list_ledger.rows[].best": [None],  # until the first evaluation
    "list_ledger.rows[].seconds": [None],
    "list_ledger.rows[].train_loss": [None],
    "list_ledger.rows[].validation_loss": [None],
    "list_ledger.rows[].changes[]": [["layer_stats", None, True]],
    "compare_runs.settings[].values[]": [True, None],
    "open_run.end": [None],  # of a run in training
    "open_run.about.path": [None],  # on a public server
    "open_run.backdrop.bytes_per_token": [None],  # of a run that was made elsewhere
    "map_tokens.vocabulary.eot_id": [None],
    "trace_prompt.opening": [{"row": 1, "column": 0, "says": "a"}],
    "score_heads.kinds[].scores[]": [None],
    "poll_run.joules": [None, 1.0],  # as far as this computer counts them
    "poll_run.joules_of": [None, "GPU"],
    "begin_rows.ended": ["end_of_text"],
    "grow_rows.ended": ["end_of_text"],
    "begin_rows.readings[].token": [{"id": 1, "text": "a"}],  # as grow_rows has it; the first reading draws nothing
    "begin_rows.readings[].p": [1.0],
    "begin_batch.tokens[][]": [[1, 1.0, 1.0, 1, 1.0]],  # a slow computer has drawn nothing yet
    "draw_batch.tokens[][]": [[1, 1.0, 1.0, 1, 1.0]],  # a quick computer has drawn all before
    "begin_batch.distinct[]": [None],  # of texts too short to count
    "begin_batch.overlap[]": [None],
    "draw_batch.distinct[]": [None],
    "draw_batch.overlap[]": [None],
    "draw_batch.stopped[]": [True],
    "measure_weights.cost": [Cost(256, 1.0, 9.0, 0.0)._asdict()],  # compiling takes a while
    "measure_weights.why_not": ["8-bit weights need numba: pip install numba."],
    "open_run.about.model.without[]": ["mlp"],  # the form makes none
    "read_ablations.settings{}.choices[]": [""],
    "read_surprise.lost": ["case"],  # only of tokenizers that no shipped model has
    "read_surprise.next": [None, 1],  # a short text is read at once
}
"""What a place may hold that can't be brought about everywhere, or every time."""
SAME = {"open_run.standing": "poll_run"}
"""Places that hold what another endpoint answers."""


def written() -> str:
    """The text of assets/answers.d.ts. Raises AssertionError when an endpoint was not asked, or not well enough."""
    home, before = tempfile.mkdtemp(), os.environ.get("GLASSBOX_HOME")
    os.environ["GLASSBOX_HOME"] = home
    try:
        ask = Asked()
        for ask_tab in TABS:
            ask_tab(ask)
    finally:
        shutil.rmtree(home, ignore_errors=True)
        del os.environ["GLASSBOX_HOME"]
        if before is not None:
            os.environ["GLASSBOX_HOME"] = before
    for path, examples in ALSO.items():
        name, _, rest = path.partition(".")
        for example in examples:
            ask.shapes[name].at(f".{rest}").add(example, path, KNOWN)
    for path, other in SAME.items():
        name, _, rest = path.partition(".")
        there = ask.shapes[name].at(f".{rest}")
        assert there.fields.keys() == ask.shapes[other].fields.keys(), f"{path} and {other} have other keys"
        there.alias = _named(other)
    missing = sorted(ask.endpoints.keys() - ask.shapes.keys())
    assert not missing, f"ask these endpoints too, in tests/assets/asking.py: {', '.join(missing)}"
    holes = [hole for name, shape in sorted(ask.shapes.items()) for hole in shape.holes(name)]
    assert not holes, f"nobody has seen what these can be; ask for it in tests/assets/asking.py: {', '.join(holes)}"
    parts = [HEAD]
    for name, shape in sorted(ask.shapes.items()):
        says = next(iter(ask.endpoints[name].values())).__doc__
        assert says, f"say in one line what {name} answers"
        line = says.strip().splitlines()[0]
        interface = (
            f"interface {_named(name)} {shape.body()}" if shape.fields else f"type {_named(name)} = {shape.body()};"
        )
        parts.append(f"/** {line} */\nexport {interface}\n")
    table = "".join(f"  {name}: {_named(name)};\n" for name in sorted(ask.shapes))
    parts.append(f"/** What each endpoint answers, by its name. */\nexport interface Answers {{\n{table}}}\n")
    return "\n".join(parts)


def _named(endpoint: str) -> str:
    return endpoint.title().replace("_", "")


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
