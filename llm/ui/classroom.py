"""A class in a room: one speaker, whose page every phone follows.

What travels is the state in the speaker's address, a line of text: each phone draws it by itself. Phones see the
models that ship and, read-only, those of the speaker's that this state names; nothing else of the speaker's.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from llm.ui.guests import ONLY_LOOKS
from llm.ui.sessions import Session

CLASS = "class:"
"""What comes before the reference of a model of the speaker's, where phones name it."""
RUN = "run:"
OWN = (RUN, "cli:", "upload:", "hub:", "folder:")
"""What comes before the reference of a model that not everybody has."""
MINE = "mine:"
"""What comes before a vocabulary of a visitor's own, which phones are not shown."""


@dataclass(frozen=True)
class Shown:
    """A model of the speaker's that phones may look at now."""

    ref: str
    folder: Path
    title: str
    text: str
    """What it learnt from, as the bar's menu has it; empty where nobody knows."""


class Classroom:
    """What the speaker shows, who is there, and what they may do. Safe to use from any thread."""

    def __init__(self, *, may_change: bool = False) -> None:
        self.secret = secrets.token_urlsafe(32)
        """Whoever sends it is the speaker."""
        self.address = ""
        """Where phones find the page; known once the server listens."""
        self._speaker: Session | None = None
        self._may_change = may_change
        self._state: str | None = None
        self._told = 0
        self._shown: dict[str, Shown] = {}
        self._phones: set[asyncio.Event] = set()
        self._speakers: set[asyncio.Event] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._messages: dict[bool, bytes] = {}

    @property
    def may_change(self) -> bool:
        """Whether phones may train and write."""
        return self._may_change

    def allow(self, may_change: bool) -> None:
        """Let phones train and write, or no longer."""
        self._may_change = may_change
        self._wake(everybody=True)

    def tell(self, speaker: Session, state: str, find: Callable[[str], Shown]) -> None:
        """Show phones this state of the speaker's page, the part of its address after the "#".

        `find` finds a model of the speaker's by its reference; it raises ValueError where there is none, and what
        names such a model is left out.
        """
        shown: dict[str, Shown] = {}
        pairs = []
        for key, value in parse_qsl(state, keep_blank_values=True):
            ref = RUN + value if key == "run" else value
            if ref.startswith(OWN):
                try:
                    shown[ref] = find(ref)
                except ValueError:
                    continue
                value = value if key == "run" else CLASS + value
            if not value.startswith(MINE):
                pairs.append((key, value))
        with self._lock:
            self._speaker = speaker
            self._state, self._shown = urlencode(pairs), shown
            self._told += 1
        self._wake(everybody=True)

    @property
    def shown(self) -> list[Shown]:
        """The speaker's own models that phones may look at now."""
        return list(self._shown.values())

    def find(self, ref: str) -> Shown:
        """One of them, by its reference without "class:". Raises ValueError when the speaker shows another."""
        if ref not in self._shown:
            raise ValueError("The speaker shows another model now. Choose one from the menu at the top.")
        return self._shown[ref]

    @property
    def runs(self) -> list[str]:
        """The ids of the speaker's runs that phones may look at now."""
        return [ref.removeprefix(RUN) for ref in self._shown if ref.startswith(RUN)]

    def owner(self, run: str) -> Session | None:
        """The speaker, where phones may look at that run."""
        return self._speaker if RUN + run in self._shown else None

    @property
    def phones(self) -> int:
        """How many are there: pages of phones that listen."""
        return len(self._phones)

    def enter(self, *, speaker: bool) -> asyncio.Event:
        """Take a seat, in the server's loop; the event is set whenever there is something to hear."""
        self._loop = asyncio.get_running_loop()
        seat = asyncio.Event()
        seat.set()
        (self._speakers if speaker else self._phones).add(seat)
        self._wake(everybody=False)
        return seat

    def leave(self, seat: asyncio.Event) -> None:
        """Give the seat back."""
        self._phones.discard(seat)
        self._speakers.discard(seat)
        self._wake(everybody=False)

    def message(self, *, speaker: bool) -> bytes:
        """What a page is to know now, as JSON; the same bytes for every phone."""
        with self._lock:
            if speaker not in self._messages:
                known: dict[str, Any] = {"speaker": speaker, "may_change": self._may_change}
                if speaker:
                    known |= {"address": self.address, "phones": self.phones, "only_looks": None}
                else:
                    known |= {"state": self._state, "told": self._told}
                    known["only_looks"] = None if self._may_change else ONLY_LOOKS
                self._messages[speaker] = json.dumps(known).encode()
            return self._messages[speaker]

    def _wake(self, *, everybody: bool) -> None:
        """Have the speaker's pages hear what is new, and the phones too."""

        def ring() -> None:
            with self._lock:
                self._messages.clear()
            for seat in [*self._speakers, *(self._phones if everybody else ())]:
                seat.set()

        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(ring)
