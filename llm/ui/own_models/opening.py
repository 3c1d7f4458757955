"""What becomes of somebody's model: it opens, it needs to be told something, or it is refused in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from llm.config import ACTIVATIONS
from llm.files import read_json, write_json
from llm.tokenizers import Tokenizer, load_tokenizer, open_tokenizer
from llm.ui import inputs
from llm.ui.openings import openings, spells
from llm.ui.panel import Answer, Request
from llm.ui.uploads import arrived, remove_upload
from llm.weights.hub import CONFIG
from llm.weights.state_dicts import UntoldError

MAX_HEADS = 256
REMEDIES = {
    "n_head": "Say it here, or put it as n_head into a config.json beside them.",
    "activation_function": "GPT-2's own, and minGPT's, is gelu_new; nanoGPT has had gelu since 2023.",
    "tokenizer": "Choose the model's own: tokenizer.json, vocab.json with merges.txt, a .tiktoken or an alphabet.",
}
"""What a person can do on the page about each thing that `UntoldError` misses."""


@dataclass(frozen=True)
class Opened:
    """A model that was read."""

    folder: Path
    """A checkpoint."""
    ref: str
    """How `Subjects` knows it."""
    notes: list[str] = field(default_factory=list)
    """What was found out about it."""


def told(request: Request) -> dict[str, Any]:
    """What the visitor says of a model, as `open_any` takes it. Raises ValueError when it makes no sense."""
    said: dict[str, Any] = {}
    if "n_head" in request:
        said["n_head"] = inputs.whole(request, "n_head", 1, MAX_HEADS)
    if "activation_function" in request:
        said["activation_function"] = inputs.choice(request, "activation_function", ACTIVATIONS)
    if "tokenizer" in request:
        said["tokenizer"] = _tokenizer(files_of(request, "tokenizer"))
    return said


def files_of(request: Request, name: str, *, packed: bool = False) -> list[Path]:
    """Files that arrived, as a list in a request names them. Raises ValueError when it names something else."""
    given = request.get(name)
    if not isinstance(given, list) or not 0 < len(given) <= 100:
        raise ValueError("No file was chosen.")
    return [arrived(path, packed=packed) for path in given]


def answer(request: Request, work: Callable[[], Opened]) -> Answer:
    """What the page is told of a model that `work` opens; the prompt is one that it can read.

    Raises ValueError as `work` does, but for what the visitor can say.
    """
    try:
        opened = work()
    except UntoldError as untold:
        asks = {"needs": untold.setting, "why": f"{untold.why}. {REMEDIES[untold.setting]}"}
        return {"model": "", "notes": [], "prompt": "", "choices": list(ACTIVATIONS), "guessed": "", **asks}
    prompt = inputs.text(request, "prompt", default="")
    if not prompt.strip() or not spells(load_tokenizer(opened.folder / "tokenizer.json"), prompt):
        prompt = openings(opened.folder)[0]
    read = {"model": opened.ref, "notes": opened.notes, "prompt": prompt, "guessed": _guessed(opened)}
    return {**read, "choices": list(ACTIVATIONS), "needs": "", "why": ""}


def change_activation(folder: Path, name: str) -> None:
    """Let a checkpoint that was made of somebody's files compute with another activation than was guessed."""
    values = read_json(folder / CONFIG)
    values["model"]["activation_function"] = name
    values["info"].pop("guessed", None)
    write_json(folder / CONFIG, values)


def _guessed(opened: Opened) -> str:
    """The activation of a model that was read just now, if nobody said it and it may be another; else ""."""
    values = read_json(opened.folder / CONFIG)
    guessed = opened.notes and "activation_function" in values["info"].get("guessed", [])
    return str(values["model"]["activation_function"]) if guessed else ""


def _tokenizer(paths: list[Path]) -> Tokenizer:
    """The tokenizer that one file holds, or several together."""
    try:
        if len(paths) == 1:
            return open_tokenizer(paths[0])
        with TemporaryDirectory() as folder:
            for path in paths:
                (Path(folder) / path.name).write_bytes(path.read_bytes())
            return open_tokenizer(folder)
    finally:
        for path in paths:
            remove_upload(path)
