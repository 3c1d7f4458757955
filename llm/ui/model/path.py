"""The course: ten stations over all tabs, each a guess, a thing to do on a real model, and what the model says."""

from __future__ import annotations

from typing import Any

from llm.inside.architecture import source
from llm.training.learning_step import LearningStep
from llm.ui import inputs
from llm.ui.model.learning_step import whole_step
from llm.ui.model.readings import READINGS, Place
from llm.ui.model.stations import Station, glossary, stations
from llm.ui.model.walks import Walks
from llm.ui.panel import Answer, Request, View

MAX_SETTINGS = 100
"""Settings of an address that are looked at."""


def build_path(walks: Walks) -> View:
    """The view; its endpoints list the stations and say what one of them finds. Raises ValueError for a bad file."""
    subjects, course = walks.subjects, {station.name: station for station in stations()}
    terms = [{"name": name, **term} for name, term in glossary().items()]
    file, lines = source()

    def read_path(request: Request) -> Answer:
        """The stations in order, and the glossary. No answer is among it."""
        return {"stations": [_described(one, lines) for one in course.values()], "file": file, "glossary": terms}

    def check_station(request: Request) -> Answer:
        """Whether a station's task is done where the visitor is now and, if so, what the model there says."""
        station = course[inputs.choice(request, "station", course)]
        settings = _settings(request)
        if not _is_there(request, station, settings):
            return {"done": False, "answer": None, "finding": ""}
        start = Place(subjects.of({**request, **station.start, "step": None}), station.start["prompt"], {})
        now = Place(
            subjects.of(request), inputs.text(request, "prompt"), settings, lambda: _step(walks, request, settings)
        )
        values = READINGS[station.reading].read(start, now)
        if values is None:
            return {"done": False, "answer": None, "finding": ""}
        return {"done": True, "answer": values["answer"], "finding": station.words["finding"].format(**values)}

    return View("Path", [read_path, check_station])


def _step(walks: Walks, request: Request, settings: dict[str, str]) -> LearningStep | None:
    """The step on the piece of text that the address names."""
    piece = settings.get("passage", "0")
    source = "prompt" if settings.get("on") == "prompt" else "text"
    return whole_step(walks, {**request, "piece": int(piece) if piece.isdecimal() else 0, "source": source})


def _is_there(request: Request, station: Station, settings: dict[str, str]) -> bool:
    """Whether the visitor is where the station leads to, and things stand as its file says they must."""
    start, until = station.start, station.until
    if inputs.text(request, "view", limit=100) != start["view"] or request.get("model") != start["model"]:
        return False
    if request.get("step") != until.get("step"):
        return False
    if "prompt" in until and inputs.text(request, "prompt").strip() != until["prompt"]:
        return False
    return all(settings.get(name) == value for name, value in until.get("settings", {}).items())


def _settings(request: Request) -> dict[str, str]:
    """What the address holds. Raises ValueError for anything but texts."""
    found: Any = request.get("settings", {})
    if not isinstance(found, dict) or len(found) > MAX_SETTINGS:
        raise ValueError("The settings of the address must be texts by name.")
    return {name: inputs.text(found, name) for name in found}


def _described(station: Station, lines: list[str]) -> Answer:
    return {
        "name": station.name,
        "minutes": station.minutes,
        "words": {name: text for name, text in station.words.items() if name != "finding"},
        "unit": station.unit,
        "choices": [{"name": name, "text": text} for name, text in station.choices.items()],
        "start": station.start,
        "lines": list(station.lines),
        "code": [lines[number - 1] for number in station.lines],
        "paper": station.paper,
    }
