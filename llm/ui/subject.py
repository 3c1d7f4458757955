"""The subject on the table: which model, at which moment of its training.

A model is named by a reference: "shipped:NAME" (a folder of checkpoints/, or a point of the sweep that ships),
"run:ID" (a run of this visitor), "sweep:ID" (one of their sweep), "ablation:ID", "point:ID" (a point of the sweep
that ships, trained again by them), "cli:ID" (a run that the command line trained), "upload:NAME", "hub:NAME" (fetched
from the Hub) or "folder:KEY" (in a folder of this computer); "class:" before one of the speaker's lets phones look at
it while the speaker shows it. A moment is the step of one of its snapshots; None is the newest. Loaded models are
read-only and shared by all visitors, so looking at a model in training never waits for its next step.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm.checkpoint import load_checkpoint
from llm.config import ModelConfig
from llm.files import existing_folder, read_json
from llm.model import GPT
from llm.paths import home
from llm.runs.run import Run, list_runs
from llm.runs.snapshots import Snapshots
from llm.scaling.ablations import title_of
from llm.tokenizers import Tokenizer, load_tokenizer
from llm.ui import inputs
from llm.ui.classroom import CLASS, Classroom, Shown
from llm.ui.devices import looking_device
from llm.ui.guests import guest
from llm.ui.local_texts import LocalTexts
from llm.ui.memory import TOKEN_BYTES, Shelf
from llm.ui.openings import openings
from llm.ui.own_models.folders import LocalModels
from llm.ui.own_models.from_hub import OFFERS, HubModels, hub_folder
from llm.ui.sessions import Session, Sessions
from llm.ui.shared_answers import SharedAnswers
from llm.ui.turns import Once

SHIPPED = Path(__file__).resolve().parents[2] / "checkpoints"
FIRST = "tales"
"""The shipped model that the page opens on: it can read any prompt."""
RUNS = {
    "run": "My runs",
    "sweep": "My sweep",
    "ablation": "My ablations",
    "point": "My points of the shipped sweep",
    "cli": "Command line",
}
"""Kinds of references to runs, and what the menu calls them."""
PLANNED = ("sweep", "ablation", "point")
"""Those whose runs a plan made."""

Place = tuple[str, int | None, float]
"""Of one moment of a model: its folder, its step, and when the folder changed where there is only one moment."""


@dataclass(frozen=True)
class Loaded:
    """A model ready to be looked at."""

    model: GPT
    tokenizer: Tokenizer
    title: str
    step: int | None

    @property
    def config(self) -> ModelConfig:
        return self.model.config


class Subjects:
    """Finds and loads what a visitor points at."""

    def __init__(self, sessions: Sessions, classroom: Classroom | None = None, folders: Sequence[Path] = ()) -> None:
        self.sessions = sessions
        self.classroom = classroom
        self.answers = SharedAnswers(self.place, sessions.memory)
        self.local, self.hub = LocalModels(folders), HubModels()
        self.local_texts = LocalTexts(folders)
        self._loaded = Shelf[Loaded](sessions.memory, anchor=lambda loaded: loaded.model)
        self._once = Once()

    def available(self, session: Session) -> list[dict[str, Any]]:
        """Every model this visitor can point at, with its steps and prompts to try: what the bar's menu shows."""
        found = [
            _entry("shipped", "Shipped", folder, folder.name, text=folder.name)
            for folder in sorted(_checkpoints(SHIPPED), key=lambda folder: folder.name != FIRST)
        ]
        for shown in self.classroom.shown if self.classroom and guest.get() else ():
            entry = _entry("class", "The speaker's", shown.folder, shown.title, text=shown.text)
            if entry["steps"] or not shown.ref.startswith("run:"):
                found.append(entry | {"ref": CLASS + shown.ref})
        for kind, group in RUNS.items():
            for run in () if kind == "cli" and guest.get() else list_runs(runs_of(kind, session)):
                training = session.trainings.get(run.id)
                entry = _entry(kind, group, run.path, _run_title(kind, run), text=run.corpus_ref)
                if entry["steps"]:
                    found.append(entry | {"live": training is not None and training.alive})
        found += [_entry("upload", "Yours", folder, folder.name) for folder in _checkpoints(session.models)]
        found += [
            _entry("shipped", "The shipped sweep", folder, title_of(folder.name), text="tales")
            for folder in shipped_points()
        ]
        return found if guest.get() else found + self._of_this_computer()

    def _of_this_computer(self) -> list[dict[str, Any]]:
        """Models that no visitor brought, for those who are no guests of a class."""
        found = [_entry("hub", "From the Hub", folder, _hub_title(folder)) for folder in _checkpoints(hub_folder())]
        for key, path in self.local.all().items():
            folder = self.local.opened(path)
            entry = _entry("folder", "This computer", folder or path, path.name)
            found.append(entry | {"ref": f"folder:{key}", "closed": folder is None})
        return found

    def of(self, request: dict[str, Any]) -> Loaded:
        """The model and moment that a request names. Raises ValueError when it isn't there."""
        folder, title = self._place(request)
        device, step = looking_device(request), _moment(folder, request)
        if step is None:
            return self._cached(folder, None, device, lambda: _opened(folder, title, device))

        def load() -> Loaded:
            model = Snapshots(folder / "snapshots").load(step).to(device).eval()
            return Loaded(model, load_tokenizer(folder / "tokenizer.json"), title, step)

        return self._cached(folder, step, device, load)

    def place(self, request: dict[str, Any]) -> Place:
        """By what the model and moment are known that a request names. Raises ValueError when it isn't there."""
        folder = self._place(request)[0]
        return _known_by(folder, _moment(folder, request))

    def snapshots(self, request: dict[str, Any]) -> tuple[Path, bool]:
        """The folder of the snapshots of the model that a request names, and whether it is the visitor's own."""
        return self._place(request)[0] / "snapshots", inputs.text(request, "model", limit=200).startswith("run:")

    def text_of(self, request: dict[str, Any]) -> str:
        """How the text that a model learnt from is named, as `load_corpus` and uploads name it; "" if nobody said.

        Raises ValueError when the model isn't there.
        """
        folder, _ = self._place(request)
        if run := _run(folder):
            return run.corpus_ref
        named = read_json(folder / "config.json").get("info", {}).get("corpus", "")
        return named if isinstance(named, str) else ""

    def shown(self, session: Session, ref: str) -> Shown:
        """The model of a reference, as a speaker shows it to a class. Raises ValueError when it isn't there."""
        kind, _, name = ref.partition(":")
        if kind == "shipped":
            return Shown(ref, _named(name, SHIPPED, _points()), title_of(name), "")
        if kind == "upload":
            return Shown(ref, _named(name, session.models), name, "")
        if kind in RUNS and not (kind == "cli" and guest.get()):
            run = Run.open(runs_of(kind, session), name)
            return Shown(ref, run.path, _run_title(kind, run), run.corpus_ref)
        if kind == "hub" and not guest.get():
            folder = _named(name, hub_folder())
            return Shown(ref, folder, _hub_title(folder), "")
        if kind == "folder" and not guest.get():
            return Shown(ref, self.local.open(name).folder, self.local.title(name), "")
        raise ValueError("There is no such model. Choose one from the menu at the top.")

    def run_of(self, request: dict[str, Any]) -> Run | None:
        """The run that made a model, if it is known. Raises ValueError when the model isn't there."""
        return _run(self._place(request)[0])

    def _place(self, request: dict[str, Any]) -> tuple[Path, str]:
        """The folder and the title of the model that a request names. Raises ValueError when it isn't there."""
        session = self.sessions.of(request)
        ref = inputs.text(request, "model", limit=200)
        if self.classroom and ref.startswith(CLASS):
            place = self.classroom.find(ref.removeprefix(CLASS))
        else:
            place = self.shown(session, ref)
        return place.folder, place.title

    def _cached(self, folder: Path, step: int | None, device: str, load: Callable[[], Loaded]) -> Loaded:
        key = (*_known_by(folder, step), device)
        with self._once.of(key):
            if kept := self._loaded.get(key):
                return kept
            place = folder if step is None else Snapshots(folder / "snapshots").path(step)
            return self._loaded.make(key, _loaded_bytes(place), load)


def _known_by(folder: Path, step: int | None) -> Place:
    return str(folder), step, folder.stat().st_mtime if step is None else 0.0


def _moment(folder: Path, request: dict[str, Any]) -> int | None:
    """The step of the snapshot that a request means, or None for the checkpoint itself.

    Raises ValueError when there is neither.
    """
    steps = Snapshots(folder / "snapshots").steps()
    if (folder / "config.json").is_file() and (request.get("step") is None or not steps):
        return None
    if not steps:
        raise ValueError("This run has no snapshot yet. Wait for its first one.")
    if request.get("step") is None:
        return steps[-1]
    wanted = inputs.whole(request, "step", 0, 2**31)
    return min(steps, key=lambda kept: abs(kept - wanted))  # the nearest kept one: thinning may have taken it away


def runs_of(kind: str, session: Session) -> Path:
    """Where the runs of one of RUNS lie."""
    own = {
        "run": session.runs,
        "sweep": session.sweep_runs,
        "ablation": session.study_runs,
        "point": session.point_runs,
    }
    return own.get(kind, home() / "runs")


def _entry(kind: str, group: str, folder: Path, title: str, text: str = "") -> dict[str, Any]:
    return {
        "ref": f"{kind}:{folder.name}",
        "group": group,
        "title": title,
        "steps": Snapshots(folder / "snapshots").steps(),
        "live": False,
        "closed": False,
        "examples": openings(folder, text),
    }


def _hub_title(folder: Path) -> str:
    return OFFERS[folder.name].title if folder.name in OFFERS else folder.name


def _run_title(kind: str, run: Run) -> str:
    """As its visitor called it; trainings of a plan are called by what they are."""
    return title_of(run.id) if kind in PLANNED else run.name


def _run(folder: Path) -> Run | None:
    return Run.open(folder.parent, folder.name) if (folder / "run.json").is_file() else None


def _opened(folder: Path, title: str, device: str) -> Loaded:
    checkpoint = load_checkpoint(folder, device)
    return Loaded(checkpoint.model.eval(), checkpoint.tokenizer, title, None)


def _loaded_bytes(folder: Path) -> int:
    """What a checkpoint will take in memory, by what it says of itself; whoever loads it checks that."""
    values = read_json(existing_folder(folder) / "config.json").get("model")
    config = ModelConfig.from_dict(values if isinstance(values, dict) else {})
    return 4 * config.n_params + TOKEN_BYTES * config.vocab_size


def _checkpoints(root: Path) -> Iterator[Path]:
    if root.is_dir():
        yield from sorted(folder for folder in root.glob("[!.]*") if (folder / "config.json").is_file())


def shipped_points() -> list[Path]:
    """Where the models lie with which some trainings of the sweep that ships ended; narrowest first."""
    return sorted(_checkpoints(_points()), key=_loaded_bytes)


def _points() -> Path:
    return SHIPPED / "scaling" / "models"


def _named(name: str, *roots: Path) -> Path:
    """The checkpoint of that name among what lies in these folders, so that no name can point anywhere else."""
    for root in roots:
        if root.is_dir() and name in os.listdir(root) and name[0] != "." and (root / name / "config.json").is_file():
            return root / name
    raise ValueError("That model is gone. Choose another from the menu at the top.")
