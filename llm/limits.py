"""What one visitor of a served page may use, and all of them together.

Each limit is written once, with its value on a laptop and, as `Public`, the one that holds before strangers.
`app.py` takes each as an option, the environment as GLASSBOX_ and its name in capitals; the README's table and
every check derive from here.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_type_hints

from llm.settings import About, Checked, Setting, settings_of

PREFIX = "GLASSBOX_"


@dataclass(frozen=True)
class Public:
    """The value of a limit where strangers come."""

    value: Any


@dataclass(frozen=True)
class Limits(Checked):
    """All limits of a served page. Raises ValueError when one is out of its bounds."""

    visitors: Annotated[int, About("Visitors", 1, 100_000), Public(200)] = 200
    """Visitors remembered at a time; beyond that new ones are asked to come back later."""
    idle_hours: Annotated[float, About("Idle hours", 0.01, 100_000, unit="hours"), Public(2.0)] = 720.0
    """Hours after which a visitor who is gone is forgotten, with all that is theirs on the disk."""
    requests_per_minute: Annotated[int, About("Questions a minute", 60, 10**6), Public(1_500)] = 12_000
    """Questions that one visitor may ask in a minute."""
    address_requests_per_minute: Annotated[int, About("Questions of an address", 60, 10**7), Public(30_000)] = 1_000_000
    """Questions a minute from one address, which a whole class may share."""
    address_visitors_per_hour: Annotated[int, About("New visitors of an address", 1, 10**6), Public(120)] = 5_000
    """New visitors an hour from one address, a quarter of them at once."""
    at_once: Annotated[int, About("Answers at once", 1, 40), Public(4)] = 8
    """Questions of one visitor that are answered at a time; others of theirs wait."""
    questions_waiting: Annotated[int, About("Questions waiting", 10, 10_000), Public(60)] = 400
    """Questions of one visitor that may wait; beyond that they are refused."""
    answer_seconds: Annotated[float, About("Seconds of an answer", 1, 100_000, unit="seconds"), Public(20.0)] = 300.0
    """Seconds that one answer may take; then it is given up."""
    request_mb: Annotated[float, About("Size of a question", 0.1, 256, unit="MB"), Public(5.0)] = 20.0
    """Megabytes of one question, files apart."""
    upload_mb: Annotated[float, About("Size of a file", 0.1, 100_000, unit="MB"), Public(20.0)] = 64.0
    """Megabytes of one file that a visitor brings."""
    uploads: Annotated[int, About("Files kept", 1, 100), Public(3)] = 5
    """Texts, and checkpoints, kept for a visitor; the oldest goes first."""
    model_uploads: Annotated[bool, About("Models from visitors"), Public(False)] = True
    """Whether visitors may bring models of their own."""
    downloads: Annotated[bool, About("Models from the Hub"), Public(False)] = True
    """Whether visitors may have GPT-2 fetched from the Hub, for all to look at."""
    paths: Annotated[bool, About("Paths shown"), Public(False)] = True
    """Whether the page says where on this computer things lie."""
    memory_mb: Annotated[int, About("Memory", 0, 10**7, unit="MB"), Public(0)] = 0
    """Megabytes that models, traces, caches and texts of all visitors may take together; 0 is half of what there is."""
    visitor_memory_mb: Annotated[int, About("Memory of a visitor", 10, 10**7, unit="MB"), Public(300)] = 2_000
    """Megabytes that texts being written or edited by one visitor may take; the longest unused go first."""
    kept_minutes: Annotated[float, About("Minutes kept", 0.1, 10_000, unit="minutes"), Public(2.0)] = 15.0
    """Minutes for which passes and texts under way stay in memory after they were last asked for."""
    vocabulary_tokens: Annotated[int, About("Tokens of vocabularies", 1_000, 10**8), Public(400_000)] = 2_000_000
    """Tokens in all vocabularies that are kept for a visitor; the oldest go first."""
    vocabularies: Annotated[int, About("Vocabularies kept", 1, 1_000), Public(8)] = 8
    """Vocabularies kept for a visitor; the oldest go first."""
    vocabulary_trainings: Annotated[
        int, About("Vocabularies in training", 1, 1_000), Public(max(2, os.cpu_count() or 2))
    ] = max(2, os.cpu_count() or 2)
    """Vocabularies in training at once, one for each visitor; others are asked to come back."""
    preparations: Annotated[int, About("Texts prepared at once", 1, 64), Public(2)] = 2
    """Texts cut into tokens at once, one for each visitor; others wait."""
    runs: Annotated[int, About("Runs kept", 1, 10_000), Public(5)] = 30
    """Runs kept on the disk for a visitor; the oldest go first."""
    visitor_disk_mb: Annotated[int, About("Disk of a visitor", 10, 10**7, unit="MB"), Public(300)] = 4_000
    """Megabytes on the disk for a visitor; the oldest runs go first."""
    disk_mb: Annotated[int, About("Disk", 10, 10**8, unit="MB"), Public(5_000)] = 50_000
    """Megabytes on the disk for all visitors together; those longest away go first."""
    kept_runs_stay: Annotated[bool, About("Kept runs stay"), Public(False)] = True
    """Whether a run that is kept stays on the disk when its visitor has been away for too long."""
    trainings: Annotated[int, About("Training at once", 1, 64), Public(max(1, (os.cpu_count() or 2) // 2))] = max(
        1, (os.cpu_count() or 2) // 2
    )
    """Runs in training at once; others wait in a queue. One for every two cores, unless said otherwise."""
    queue: Annotated[int, About("Waiting runs", 0, 1_000), Public(20)] = 20
    """Runs that may wait for their turn."""
    run_minutes: Annotated[float, About("Minutes of a run", 0.1, 100_000, unit="minutes"), Public(15.0)] = 240.0
    """Minutes that a run may train; then it stops, saved, and can be continued."""
    run_parameters: Annotated[int, About("Parameters of a run", 1_000, 10**12), Public(10_000_000)] = 10**10
    """Parameters of a model trained here."""
    run_tokens: Annotated[int, About("Tokens of a run", 1_000, 10**15), Public(50_000_000)] = 10**12
    """Tokens that a run may read in all."""


LAPTOP = Limits()
LIMITS: dict[str, Setting] = settings_of(Limits)
PUBLIC: dict[str, Any] = {
    name: next(extra.value for extra in hint.__metadata__ if isinstance(extra, Public))
    for name, hint in get_type_hints(Limits, include_extras=True).items()
}


def limits_of(args: argparse.Namespace, environment: Mapping[str, str]) -> Limits:
    """The limits that hold: an option before the environment, before the profile's own value.

    Raises ValueError when one of them makes no sense.
    """
    public = args.public or "SPACE_ID" in environment
    values = {name: PUBLIC[name] if public else setting.default for name, setting in LIMITS.items()}
    for name, setting in LIMITS.items():
        if PREFIX + name.upper() in environment:
            values[name] = _read(setting, environment[PREFIX + name.upper()])
        values[name] = getattr(args, name, values[name])
    return Limits(**values)


def _read(setting: Setting, text: str) -> Any:
    try:
        match setting.kind:
            case "switch":
                return {"1": True, "true": True, "on": True, "0": False, "false": False, "off": False}[text.lower()]
            case "whole":
                return int(text)
        return float(text)
    except (ValueError, KeyError):
        raise ValueError(f"{PREFIX}{setting.name.upper()} is {text!r:.40}, which {setting.label} can't be.") from None
