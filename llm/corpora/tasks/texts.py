"""Tasks as texts to learn from: lines of questions with their answers, under names like "task:sort"."""

from __future__ import annotations

from functools import lru_cache

from llm.corpora.corpus import Corpus, CorpusInfo
from llm.corpora.tasks import TASKS, Task

PREFIX = "task:"
SIZE_BYTES = 2_000_000
SEED = 1337

INFO: dict[str, CorpusInfo] = {
    PREFIX + name: CorpusInfo(
        title=task.title,
        description=task.description,
        size_bytes=SIZE_BYTES,
        source="llm.corpora.tasks",
        licence="MIT",
        needs_download=False,
    )
    for name, task in TASKS.items()
}
"""Every task with its default settings."""


def task_of(name: str) -> Task | None:
    """The task behind a corpus's name; None where it is no task."""
    make = TASKS.get(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else None
    return make() if make else None


def load(name: str, size_bytes: int = SIZE_BYTES, seed: int = SEED) -> Corpus:
    """The lines as a corpus, the same ones for the same seed. Raises ValueError on a name outside INFO."""
    task = task_of(name)
    if task is None:
        raise ValueError(f"There is no task {name!r}; choose {', '.join(INFO)}.")
    info, text = INFO[name], _text(task, size_bytes, seed)
    held_out = _text(task, size_bytes // 10, seed, held_out=True) if task.holds_out else ""
    return Corpus(name, info.title, text, f"{info.source}, seed {seed}", info.licence, held_out)


@lru_cache(maxsize=8)
def _text(task: Task, size_bytes: int, seed: int, *, held_out: bool = False) -> str:
    """Kept, because drawing two megabytes takes about half a second and the page asks again and again."""
    return task.text(size_bytes, seed, held_out=held_out)
