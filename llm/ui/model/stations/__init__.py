"""The stations of the course: a file each, its words apart from what it does, so that they can be translated.

A station asks for a guess (`words.question`), opens a view on a model (`start`), says what to do there
(`words.task`), and knows by `until` and by its reading when that is done. The answer is worked out
by the reading (readings.py) from the model that the visitor looks at; no file holds one. Words may
show a term of the glossary: `[tokens](token)`; the finding has the reading's values in braces.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import llm.model
from llm.files import read_json
from llm.inside.architecture import lines_of, source
from llm.ui.model.readings import READINGS
from llm.ui.panel import ASSETS
from llm.ui.subject import SHIPPED

FOLDER = Path(__file__).resolve().parent
GLOSSARY = FOLDER / "glossary.json"
TERM = re.compile(r"\[([^\]]+)\]\((\w+)\)")
"""A term as words hold it: what is shown, and its name in the glossary."""
UNITS = {"percent", "number", "tokens", "nats"}
"""What a guess that isn't a choice is counted in."""
_FIELDS = {"minutes", "start", "until", "reading", "code", "paper", "words"}
_WORDS = {"title", "question", "task", "finding", "why"}
_START = {"tab", "view", "model", "prompt"}
_PAPER = {"by", "title", "section", "link"}


@dataclass(frozen=True)
class Station:
    """One stop of the course, checked."""

    name: str
    minutes: int
    start: dict[str, str]
    """What it opens: a tab, a view, a model at its newest moment, and a prompt."""
    until: dict[str, Any]
    """What has to be so once it is done: a prompt, the step of a moment, settings of the address."""
    reading: str
    lines: tuple[int, ...]
    """Of the model's file, counted from 1: what does it."""
    paper: dict[str, str]
    unit: str | None
    """Of a guess that is a number; None where there are choices."""
    choices: dict[str, str]
    """By the answer that makes one right."""
    words: dict[str, str]


@cache
def glossary() -> dict[str, dict[str, str]]:
    """Terms by name, each with its `title` and one sentence, `says`."""
    terms: dict[str, dict[str, str]] = read_json(GLOSSARY)
    for name, term in terms.items():
        if set(term) != {"title", "says"} or not all(isinstance(text, str) and text for text in term.values()):
            raise ValueError(f"{GLOSSARY.name}: {name} needs a title and what it says, both texts.")
    return terms


@cache
def stations() -> tuple[Station, ...]:
    """All of them in the order of their files. Raises ValueError, naming the file, for one that can't work."""
    return tuple(read_station(path) for path in sorted(FOLDER.glob("[0-9]*.json")))


def read_station(path: Path) -> Station:
    """One file. Raises ValueError, naming it, for anything missing, unknown or not there to refer to."""
    try:
        return _checked(path.stem.split("_", 1)[1], read_json(path))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"The course's station {path.name} can't be used: {error}") from error


def _checked(name: str, values: dict[str, Any]) -> Station:
    _exactly(values, _FIELDS, "it")
    words, choices, unit = dict(values["words"]), {}, None
    if "choices" in words:
        choices = words.pop("choices")
    else:
        unit = words.pop("unit")
        if unit not in UNITS:
            raise ValueError(f"unit must be one of {', '.join(sorted(UNITS))}, or there are choices.")
    _exactly(words, _WORDS, "words")
    _exactly(values["paper"], _PAPER, "paper")
    for text in [*words.values(), *choices.values()]:
        for _, term in TERM.findall(text):
            if term not in glossary():
                raise ValueError(f"the glossary has no {term!r}.")
    start = values["start"]
    _exactly(start, _START, "start")
    if not (ASSETS / start["tab"] / f"{start['view']}.html").is_file():
        raise ValueError(f"there is no view {start['view']!r} in the tab {start['tab']!r}.")
    kind, _, model = start["model"].partition(":")
    if kind != "shipped" or not (SHIPPED / model / "config.json").is_file():
        raise ValueError(f"the model {start['model']!r} doesn't ship.")
    if unknown := set(values["until"]) - {"prompt", "step", "settings"}:
        raise ValueError(f"until has no {', '.join(sorted(unknown))}.")
    reading = READINGS.get(values["reading"])
    if reading is None:
        raise ValueError(f"there is no reading {values['reading']!r}; readings.py has {', '.join(READINGS)}.")
    shown = {field for _, field, _, _ in string.Formatter().parse(words["finding"]) if field is not None}
    if unknown := shown - set(reading.gives):
        raise ValueError(f"its reading gives no {', '.join(sorted(unknown))} to the finding.")
    return Station(
        name,
        values["minutes"],
        start,
        values["until"],
        values["reading"],
        _found(**values["code"]),
        values["paper"],
        unit,
        choices,
        words,
    )


def _exactly(values: dict[str, Any], names: set[str], what: str) -> None:
    """Raises ValueError when some of the names are missing, or others there."""
    if missing := names - set(values):
        raise ValueError(f"{what} lacks {', '.join(sorted(missing))}.")
    if unknown := set(values) - names:
        raise ValueError(f"{what} has no {', '.join(sorted(unknown))}.")


def _found(of: str, begins: str) -> tuple[int, ...]:
    """The lines of the running model's file that hold a piece of one of its functions."""
    found: Any = llm.model
    for name in of.split("."):
        found = getattr(found, name)
    lines = lines_of(found, begins)
    if not lines:
        raise ValueError(f"nothing in {of} of {source()[0]} begins with {begins!r}.")
    return lines
