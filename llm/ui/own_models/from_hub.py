"""GPT-2 itself: fetched from the Hub once for all who look, and kept as a checkpoint."""

from __future__ import annotations

import logging
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from llm.config import GPT2_SIZES, ModelConfig
from llm.paths import home
from llm.ui.panel import Answer
from llm.weights.bring import open_any
from llm.weights.hub import OPENAI, UnreachableError, fetch_model

log = logging.getLogger(__name__)

State = Literal["fetching", "opening", "done", "failed", "cancelled"]


def file_bytes(config: ModelConfig) -> int:
    """What the file of a GPT-2's weights has: those in float32, and beside them a causal mask for each layer."""
    return 4 * (config.n_params + config.n_layer * config.n_ctx**2)


@dataclass(frozen=True)
class Offer:
    """A model that can be fetched."""

    repository: str
    title: str
    n_bytes: int
    """What its weights have."""


SIZES = {"gpt2": "small", "gpt2-medium": "medium", "gpt2-large": "large", "gpt2-xl": "XL"}
OFFERS = {
    name: Offer(f"{OPENAI}{name}", f"GPT-2 {SIZES[name]}", file_bytes(config)) for name, config in GPT2_SIZES.items()
}


def hub_folder() -> Path:
    """Where fetched models are kept, each a checkpoint by its name in OFFERS."""
    return home() / "hub"


class _CancelledError(Exception):
    """The visitor wants it no more."""


class _Fetching:
    """One model on its way: a thread that only listens to `cancelled`."""

    def __init__(self, name: str) -> None:
        self.name, self.offer = name, OFFERS[name]
        self.state: State = "fetching"
        self.done, self.total = 0, self.offer.n_bytes
        self.error = ""
        self.cancelled = threading.Event()
        threading.Thread(target=self._work, name=f"hub {name}", daemon=True).start()

    def _work(self) -> None:
        try:
            self._check_room()
            source = fetch_model(self.offer.repository, self._progress)
            self.state = "opening"
            open_any(source, hub_folder() / self.name, source=self.offer.repository)
            self.state = "done"
        except _CancelledError:
            self.state = "cancelled"
        except UnreachableError:
            self._fail(
                f"{self.offer.title} is not on this computer and the Hub can't be reached. Where there is a network, "
                f"python -m llm convert {self.offer.repository} {self.name} writes a folder that --allow-folder opens."
            )
        except ValueError as error:
            self._fail(str(error))
        except Exception:
            log.exception("fetching %s failed", self.name)
            self._fail("Something went wrong inside the server; its log has the details.")

    def _fail(self, error: str) -> None:
        self.error, self.state = error, "failed"

    def _progress(self, done: int, total: int) -> None:
        self.done, self.total = done, total
        if self.cancelled.is_set():
            raise _CancelledError

    def _check_room(self) -> None:
        hub_folder().mkdir(parents=True, exist_ok=True)
        free, wanted = shutil.disk_usage(hub_folder()).free, 2 * self.offer.n_bytes
        if free < wanted:
            raise ValueError(
                f"{self.offer.title} takes {wanted / 1e9:.1f} GB of disk and {free / 1e9:.1f} GB are free: free some "
                "space, or set GLASSBOX_HOME to a folder on another disk."
            )


class HubModels:
    """What is being fetched, for all visitors of one app."""

    def __init__(self) -> None:
        self._fetching: dict[str, _Fetching] = {}
        self._lock = threading.Lock()

    def offers(self) -> list[Answer]:
        """The models that are not here yet."""
        return [
            {"name": name, "title": offer.title, "bytes": offer.n_bytes, "fetching": self.state(name) == "fetching"}
            for name, offer in OFFERS.items()
            if not (hub_folder() / name).is_dir()
        ]

    def state(self, name: str) -> State | None:
        """How far a model is on its way; None if nobody asked for it."""
        fetching = self._fetching.get(name)
        return fetching.state if fetching else None

    def start(self, name: str) -> None:
        """Fetch a model, unless it is here or on its way; what an earlier try left is taken up."""
        with self._lock:
            if self.state(name) not in ("fetching", "opening") and not (hub_folder() / name).is_dir():
                self._fetching[name] = _Fetching(name)

    def cancel(self, name: str) -> None:
        """Stop fetching it; what has come is kept for the next time."""
        if fetching := self._fetching.get(name):
            fetching.cancelled.set()

    def progress(self, name: str) -> Answer:
        """What there is to see of its way."""
        if (hub_folder() / name).is_dir():
            return {"state": "done", "done": 1, "total": 1, "why": ""}
        fetching = self._fetching.get(name)
        if fetching is None:
            return {"state": "cancelled", "done": 0, "total": 1, "why": ""}
        return {"state": fetching.state, "done": fetching.done, "total": fetching.total, "why": fetching.error}
