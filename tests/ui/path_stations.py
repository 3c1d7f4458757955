"""The course's stations, for the tests of their answers and of their page."""

from llm.checkpoint import load_checkpoint
from llm.ui.model.stations import stations
from llm.ui.subject import SHIPPED

NAMES = [station.name for station in stations()]


def station_of(name):
    return next(station for station in stations() if station.name == name)


def loaded(name):
    checkpoint = load_checkpoint(SHIPPED / station_of(name).start["model"].removeprefix("shipped:"))
    return checkpoint.model, checkpoint.tokenizer
