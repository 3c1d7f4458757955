"""A vocabulary in training: one worker thread, buttons that only set events, and what the page asks for."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from typing import Any, Literal

from llm.deadline import TooLong, until
from llm.tokenizers import BPETokenizer, BPETrainer, Merge
from llm.ui.tokenizer.token_shapes import readable

State = Literal["reading", "running", "paused", "finished", "stopped", "failed"]

SHOWN_PAIRS = 10
SAMPLE_BYTES = 700
IDLE_SECONDS = 300
"""Without a question from the page for so long, a training stops by itself."""
FRAME_SECONDS = 0.2
"""How often the most frequent pairs are looked up for the page."""
MAX_MERGES_SENT = 4_000
"""Merges in one answer; the next has the rest."""
MAX_SENT_WHILE_LEARNING = 300
"""The same while a training runs as fast as it goes: answering takes time from it."""

log = logging.getLogger(__name__)


class VocabularyTraining:
    """Learns merges on its own thread until there are enough, none is left, or it is stopped."""

    def __init__(self, title: str, text: str, vocab_size: int, pace: float | None) -> None:
        """`pace` is in merges a second; None is as fast as it goes."""
        self.title = title
        self.vocab_size = vocab_size
        self.state: State = "reading"
        self.failure = ""
        self.n_bytes = len(text.encode())
        self.sample = _sample(text)
        self._text = text
        self._pace = pace
        self._learnt: list[Merge] = []
        self._tokens = [bytes([byte]) for byte in range(256)]
        self._lengths: list[int] = []  # tokens of the text after each merge
        self._pairs: list[tuple[tuple[int, int], int]] = []
        self._looked = 0.0  # when the pairs were looked up
        self._seconds = 0.0  # spent learning; waiting is left out
        self._asked = time.monotonic()
        self._permits = 0  # single merges still to make while paused
        self._turn = threading.Condition()
        self._unwanted = threading.Event()  # set when even the counting of pairs may end
        self._thread = threading.Thread(target=self._work, name=f"vocabulary from {title}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def pause(self) -> None:
        self._set("paused")

    def resume(self, pace: float | None) -> None:
        """Go on at that pace; one that runs changes its pace."""
        self._pace = pace
        self._set("running")

    def step(self) -> None:
        """Pause, and make one more merge."""
        with self._turn:
            self._permits += 1
        self._set("paused")

    def stop(self) -> None:
        """End before the next merge; what is learnt stays."""
        self._unwanted.set()
        self._set("stopped")

    def tokenizer(self) -> BPETokenizer:
        """A tokenizer of the merges so far. Raises ValueError before the first one."""
        if not self._lengths:
            raise ValueError("Nothing is learnt yet. Wait for the first merge.")
        return BPETokenizer(self._learnt[: len(self._lengths)])

    def since(self, index: int) -> dict[str, Any]:
        """The merges after the first `index`, the most frequent pairs, and how things stand.

        A merge is [left id, right id, count, tokens of the text after it, its token to read], and a pair
        [left id, right id, count, left and right token to read]: pairs can be of merges that are still to be told.
        """
        self._asked = time.monotonic()
        known = len(self._lengths)
        hurried = self.state == "running" and self._pace is None
        end = min(known, index + (MAX_SENT_WHILE_LEARNING if hurried else MAX_MERGES_SENT))
        learnt = self._learnt[index:end]
        return {
            "state": self.state,
            "failure": self.failure,
            "merges": [
                [*merge.pair, merge.count, self._lengths[n], readable(self._tokens[merge.token])]
                for n, merge in enumerate(learnt, start=index)
            ],
            "next": index + len(learnt),
            "learnt": known,
            "pairs": [
                [left, right, count, readable(self._tokens[left]), readable(self._tokens[right])]
                for (left, right), count in self._pairs
            ],
            "seconds": self._seconds,
        }

    def _set(self, state: State) -> None:
        with self._turn:
            if self.state in ("running", "paused") or (self.state == "reading" and state == "stopped"):
                self.state = state
            self._turn.notify_all()

    def _work(self) -> None:
        try:
            started = time.monotonic()
            with until(self._unwanted):
                trainer = BPETrainer(self._text)
            self._text = ""
            self._learnt, self._pairs = trainer.learnt, trainer.frequent_pairs(SHOWN_PAIRS)
            self._seconds = time.monotonic() - started
            with self._turn:
                if self.state == "reading":
                    self.state = "running"
            self._learn(trainer)
        except TooLong:
            self._text = ""  # stopped while reading
        except Exception as error:
            log.exception("Learning a vocabulary from %s failed", self.title)
            self.failure = f"The training stopped: {error}"
            self.state = "failed"

    def _learn(self, trainer: BPETrainer) -> None:
        merges = itertools.islice(trainer.merges(), self.vocab_size - 257)
        while self._may_go_on():
            started = time.monotonic()
            merge = next(merges, None)
            if merge is None:
                break
            self._tokens.append(self._tokens[merge.pair[0]] + self._tokens[merge.pair[1]])
            self._lengths.append(trainer.n_tokens)
            if self._pace is not None or self.state == "paused" or started - self._looked > FRAME_SECONDS:
                self._pairs, self._looked = trainer.frequent_pairs(SHOWN_PAIRS), started
            self._seconds += time.monotonic() - started
        self._pairs = trainer.frequent_pairs(SHOWN_PAIRS)
        with self._turn:
            if self.state != "stopped":
                self.state = "finished"

    def _may_go_on(self) -> bool:
        """Waits for the pace and while paused; False when it is over."""
        with self._turn:
            if self.state == "running" and self._pace is not None:
                self._turn.wait(1 / self._pace)
            while self.state == "paused" and not self._permits and not self._abandoned:
                self._turn.wait(1)
            self._permits = max(0, self._permits - 1)
            if self._abandoned:
                self.state = "stopped"
            return self.state != "stopped"

    @property
    def _abandoned(self) -> bool:
        return time.monotonic() - self._asked > IDLE_SECONDS


def _sample(text: str) -> str:
    """The first lines or words of a text, about SAMPLE_BYTES long: what the page shows collapsing."""
    start = text.lstrip()
    part = start[:SAMPLE_BYTES].encode()[:SAMPLE_BYTES].decode("utf-8", "ignore")
    end = max(part.rfind("\n"), part.rfind(" "))
    return part[:end] if len(part) < len(start) and end > len(part) // 2 else part
