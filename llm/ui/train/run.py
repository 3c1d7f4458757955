"""The Train tab's first view: choose a text and a shape, press Start, watch a GPT-2 learn."""

from __future__ import annotations

import os
from typing import Any

from llm.corpora import CORPORA, load_corpus
from llm.corpora.encodings import OtherEncodingError
from llm.runs.parent import GENTLE
from llm.runs.run import Run, list_runs
from llm.tokenizers import KINDS
from llm.training.trainer import CHANGEABLE
from llm.ui import inputs
from llm.ui.devices import training_device
from llm.ui.guests import guest
from llm.ui.local_texts import LocalTexts
from llm.ui.page_settings import settings_for_page
from llm.ui.panel import Answer, Request, View, changing
from llm.ui.sessions import Session
from llm.ui.train.allowance import form_within
from llm.ui.train.example import example_run
from llm.ui.train.launching import go_on, start
from llm.ui.train.planning import check_memory, plan
from llm.ui.train.preparation import UPLOAD, Preparations
from llm.ui.train.presets import PRESETS
from llm.ui.train.run_context import bring_back_text, bring_back_vocabulary, read_context
from llm.ui.train.run_files import export
from llm.ui.train.run_summaries import RunSummaries, at_rest, find_run, live
from llm.ui.train.settings import KEPT, form_of, read_changes, read_wanted
from llm.ui.train.shared import Shared
from llm.ui.uploads import keep_own, keep_text, take_text
from llm.ui.vocabularies import MINE, about_kind

MAX_PASTE = 2_000_000
"""Characters of a pasted text."""
PASTED = "Pasted text"
MAX_GHOSTS = 8


def build_run(shared: Shared) -> View:
    """The view; its endpoints plan, start, steer, follow and hand out runs."""
    sessions, preparations, summaries = shared.sessions, shared.preparations, shared.summaries

    def list_choices(request: Request) -> Answer:
        """All that the form offers, and the visitor's runs."""
        session = sessions.of(request)
        runs = list_runs(session.runs)
        training = next((run.id for run in runs if live(session, run.id)), None)
        known = [*shared.runs_of_others(), *(run.id for run in runs)]
        return {
            "corpora": _corpora(session, preparations),
            "local_texts": [
                {"key": key, "title": path.name, "bytes": path.stat().st_size}
                for key, path in _local_texts(shared).all().items()
            ],
            "tokenizer_kinds": {name: about_kind(kind) for name, kind in KINDS.items()},
            "vocabularies": [
                {"name": MINE + name, "title": name, "size": kept.vocab_size}
                for name, kept in reversed(session.tokenizers.items())
            ],
            "origins": [
                {"ref": model["ref"], "title": model["title"], "group": model["group"]}
                for model in shared.subjects.available(session)
            ],
            "kept": KEPT,
            "gentle": GENTLE,
            "settings": settings_for_page(form_within(sessions.limits)),
            "changeable": CHANGEABLE,
            "presets": PRESETS,
            "upload_bytes": round(sessions.limits.upload_mb * 1e6),
            "run": training or next(iter(known), None),
            "runs": known,
        }

    @changing
    def download_corpus(request: Request) -> Answer:
        """Fetch a text that isn't here yet."""
        sessions.of(request)
        load_corpus(inputs.choice(request, "corpus", CORPORA))
        return {}

    @changing
    def keep_upload(request: Request) -> Answer:
        """Take in a text or table, uploaded or in a folder of this computer; in another encoding, tell which."""
        session = sessions.of(request)
        try:
            if "local" in request:
                kept = take_text(session, _local_texts(shared).path(inputs.text(request, "local", 40)), request)
            else:
                kept = keep_text(session, request)
        except OtherEncodingError as other:
            if not other.likely:
                raise
            encodings = [{"name": name, "sample": sample} for name, sample in other.samples.items()]
            return {"name": "", "columns": [], "column": None, "found": other.what, "encodings": encodings}
        taken = {"name": UPLOAD + kept.name, "columns": kept.columns, "column": kept.column}
        return {**taken, "found": "", "encodings": []}

    @changing
    def keep_paste(request: Request) -> Answer:
        """Take in a pasted text."""
        text = inputs.text(request, "text", MAX_PASTE)
        if not text.strip():
            raise ValueError("There is nothing to learn from yet; paste a text of at least a few lines.")
        return {"name": UPLOAD + keep_own(sessions.of(request), PASTED, text)}

    def plan_run(request: Request) -> Answer:
        """What a run would be: its parts, its memory, its way through the text."""
        session = sessions.of(request)
        return plan(sessions, session, read_wanted(shared, request))

    def forecast_run(request: Request) -> Answer:
        """How long it would take."""
        session = sessions.of(request)
        wanted = read_wanted(shared, request)
        plan(sessions, session, wanted)  # refuses what is too large
        return shared.forecasts.measure(wanted, busy=shared.slots.busy)

    @changing
    def start_run(request: Request) -> Answer:
        """Train a new run, at once or when it is its turn."""
        session = sessions.of(request)
        replace = inputs.flag(request, "replace")
        wanted = read_wanted(shared, request)
        plan(sessions, session, wanted)  # refuses what is too large
        seconds = shared.forecasts.known(wanted)
        return {"run": start(shared, session, wanted, seconds=seconds, replace=replace).run.id}

    @changing
    def continue_run(request: Request) -> Answer:
        """Take up a run where it was last saved."""
        session = sessions.of(request)
        run = find_run(session, request)
        wanted = read_changes(request, (*CHANGEABLE, "max_steps"))
        where = training_device(request)
        check_memory(sessions, session, run.model_config, run.train_config, where)
        return {"run": go_on(shared, session, run, wanted, where).run.id}

    @changing
    def steer_run(request: Request) -> Answer:
        """Pause, resume, step or stop a run."""
        session = sessions.of(request)
        action = inputs.choice(request, "action", ("pause", "resume", "step", "stop"))
        training = live(session, find_run(session, request).id)
        if training is None:
            raise ValueError("That run is not in training any more. Continue it, or start a new one.")
        getattr(training, action)()
        return {"state": training.state}

    @changing
    def note_presence(request: Request) -> Answer:
        """A page with runs in training came or went."""
        present = inputs.flag(request, "present")
        for training in list(sessions.of(request).trainings.values()):
            if present:
                training.come_back()
            else:
                training.leave()
        return {}

    @changing
    def change_run(request: Request) -> Answer:
        """Other settings from the next step on."""
        session = sessions.of(request)
        training = live(session, find_run(session, request).id)
        changes = read_changes(request, CHANGEABLE)
        if training is None:
            raise ValueError("Only a run in training can be changed; start it first.")
        training.change(**changes)
        return {"changes": changes}

    def open_run(request: Request) -> Answer:
        """All that has happened in a run."""
        session = shared.owner(request)
        run = find_run(session, request)
        form = form_of(run, bring_back_text(session, run), bring_back_vocabulary(sessions, session, run))
        training = session.trainings.get(run.id)
        if training:
            told = training.digest()
        else:
            summary = summaries.of(run)
            told = {**summary.state(), "standing": at_rest(session, run, summary)}
        return {**told, "about": _about(session, run), "form": form, "backdrop": read_context(run)}

    def poll_run(request: Request) -> Answer:
        """What has happened since event `since`, and how things stand."""
        session = shared.owner(request)
        training = session.trainings.get(inputs.text(request, "run", 80))
        if training is not None:  # its folder may be gone, if it left the queue
            return training.since(inputs.whole(request, "since", 0, 2**53, 0))
        run = find_run(session, request)
        return at_rest(session, run, summaries.of(run))

    def read_ghosts(request: Request) -> Answer:
        """The curves of other runs, to be drawn behind one."""
        session = sessions.of(request)
        wanted = request.get("runs")
        if not isinstance(wanted, list):
            raise ValueError("Runs must be a list.")
        known = {run.id: run for run in list_runs(session.runs)}
        ghosts = [known[id] for id in wanted[:MAX_GHOSTS] if isinstance(id, str) and id in known]
        return {"ghosts": [_ghost(session, summaries, run) for run in ghosts]}

    def read_example_run(request: Request) -> Answer:
        """A finished training that ships, told as `open_run` does: it is shown before the visitor has one."""
        sessions.of(request)
        run = example_run()
        told = summaries.of(run).state()
        return {
            "name": run.name,
            "curves": told["curves"],
            "moments": told["moments"],
            "end": told["end"],
            "backdrop": read_context(run),
        }

    def export_run(request: Request) -> Answer:
        """Make a file of a run; `path` is where the page fetches it."""
        session = sessions.of(request)
        return export(session, find_run(session, request), inputs.choice(request, "kind", ("csv", "jsonl", "zip")))

    forms = [list_choices, download_corpus, keep_upload, keep_paste, plan_run, forecast_run]
    drives = [start_run, continue_run, steer_run, change_run, note_presence]
    return View("Run", [*forms, *drives, open_run, poll_run, read_ghosts, read_example_run, export_run])


def _local_texts(shared: Shared) -> LocalTexts:
    """The texts in folders of this computer; none for guests of a class."""
    return LocalTexts() if guest.get() else shared.subjects.local_texts


def _corpora(session: Session, preparations: Preparations) -> list[dict[str, Any]]:
    """What there is to learn from: built-in texts and tasks, then the visitor's own."""
    built_in = [
        {
            "name": name,
            "title": info.title,
            "group": "Tasks" if name.startswith("task:") else "Texts",
            "description": info.description,
            "bytes": info.size_bytes,
            "here": not info.needs_download or preparations.is_here(name),
        }
        for name, info in CORPORA.items()
    ]
    own = [
        {
            "name": UPLOAD + name,
            "title": name,
            "group": "Yours",
            "description": "Your own text.",
            "bytes": text.bytes,
            "here": True,
        }
        for name, text in session.uploads.all().items()
    ]
    return built_in + own


def _about(session: Session, run: Run) -> dict[str, Any]:
    model = run.model_config.to_dict()
    known = {"id": run.id, "name": run.name, "corpus": run.corpus, **_learnt_from(run)}
    return {**known, "model": model, "path": _shown(session, run)}


def _shown(session: Session, run: Run) -> str | None:
    """Where the run lies, for whoever sits at this computer; strangers and phones need not know."""
    tell = session.limits.paths and not guest.get()
    return str(run.path).replace(os.path.expanduser("~"), "~", 1) if tell else None


def _ghost(session: Session, summaries: RunSummaries, run: Run) -> dict[str, Any]:
    """What is drawn of a run behind another one."""
    training = session.trainings.get(run.id)
    curves = training.digest()["curves"] if training else summaries.of(run).curves()
    names = ("validation_loss", "accuracy", "tokens_seen", "seconds")
    drawn = {name: curves[name] for name in names if name in curves}
    return {"id": run.id, "name": run.name, **_learnt_from(run), "curves": drawn}


def _learnt_from(run: Run) -> dict[str, str]:
    """What two runs have alike whose losses compare: the text, by its content where that is known, and the tokens."""
    return {"text": run.text_hash or run.corpus_ref, "tokens": run.tokenizer.hash}
