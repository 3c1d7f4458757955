"""What is a visitor's goes when they are gone, and never for a stranger's sake; the disk has its limits."""

import json
import os
import secrets
import time
from contextlib import nullcontext

import gradio as gr
import pytest

from llm.config import ModelConfig, TrainConfig
from llm.files import write_text
from llm.limits import Limits
from llm.runs.run import Run, list_runs
from llm.tokenizers import train_bpe, train_tokenizer
from llm.ui import uploads
from llm.ui.door.receiving import upload_folder
from llm.ui.housekeeping import check_room, make_room, sweep
from llm.ui.own_models.uploaded import keep_model
from llm.ui.own_texts import OwnTexts
from llm.ui.sessions import Sessions
from llm.ui.vocabularies import keep_vocabulary

ME, OTHER = {"visitor": "0" * 32}, {"visitor": "1" * 32}
TOKENIZER = train_tokenizer("character", "abc")
HOURS = 3600.0


class Alive:
    """A run in training, as far as anybody here asks."""

    alive, state = True, "running"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    return tmp_path


def make_run(session, megabytes=1.0):
    """A finished run of that size."""
    model = ModelConfig(TOKENIZER.vocab_size, n_ctx=8, n_embd=8, n_head=1, n_layer=1)
    run = Run.create(session.runs, model, TrainConfig(), TOKENIZER, corpus="abc")
    (run.path / "snapshots" / "weights").write_bytes(bytes(round(megabytes * 1e6)))
    return run


def age(folder, hours):
    """As if a folder and all in it had not changed for so long."""
    for path in [*folder.rglob("*"), folder]:
        os.utime(path, (time.time() - hours * HOURS,) * 2)


def test_a_text_is_kept_once_on_the_disk_and_not_in_memory(home):
    """Under two names it is one file; the oldest name goes first; a name is never a path, and odd letters stay."""
    texts, text = OwnTexts(home / "texts"), "Zürich \U0001f989 \ud800 " * 1000
    texts["../../a/b"] = text
    texts["<b>.txt"] = text
    assert texts["../../a/b"] == texts["<b>.txt"] == text.replace("\ud800", "?")
    assert len(list((home / "texts").glob("*.txt"))) == 1 and set(home.iterdir()) == {home / "texts"}
    assert texts.all()["<b>.txt"].bytes == len(text.encode("utf-8", "replace"))
    texts["new"] = "another"
    texts.keep_last(1)
    assert list(texts) == ["new"] and "<b>.txt" not in texts
    assert [path.read_text() for path in (home / "texts").glob("*.txt")] == ["another"]
    with pytest.raises(KeyError):
        texts["gone"]
    assert list(OwnTexts(home / "texts")) == ["new"]  # another process finds it


@pytest.mark.parametrize("damage", ["", "[]", '{"a": 1}', '{"a": ["../x"]}', "\0"])
def test_a_damaged_list_of_texts_is_an_empty_one(home, damage):
    """Whatever lies there, nothing fails, and the next text is kept."""
    texts = OwnTexts(home / "texts")
    texts["a"] = "text"
    (home / "texts" / "texts.json").write_text(damage)
    assert list(texts) == []
    texts["b"] = "text"
    assert texts["b"] == "text"


def test_only_as_many_texts_as_allowed_are_kept():
    """The limits say how many; the oldest goes first."""
    session = Sessions(Limits(uploads=2)).of(ME)
    for name in "abc":
        uploads.keep_own(session, name, name)
    assert list(session.uploads) == ["b", "c"]


def test_two_hundred_strangers_take_nothing_from_a_visitor():
    """Their texts, runs and vocabularies push out nobody else's, and are refused or bounded themselves."""
    sessions = Sessions(Limits(visitors=500))
    mine = sessions.of(ME)
    uploads.keep_own(mine, "mine", "my text")
    keep_vocabulary(sessions, mine, "mine", train_bpe("ab ab ab", 258))
    run = make_run(mine)
    for _ in range(200):
        stranger = sessions.of({"visitor": secrets.token_hex(16)})
        uploads.keep_own(stranger, "x", "x" * 1000)
    sweep(sessions)
    assert sessions.of(ME) is mine and mine.uploads["mine"] == "my text" and list(mine.tokenizers) == ["mine"]
    assert [kept.id for kept in list_runs(mine.runs)] == [run.id]


def test_whoever_stays_away_is_forgotten_with_all_that_is_theirs(home):
    """Memory, texts and runs go after the idle hours; whoever has a run in training stays, however long."""
    sessions = Sessions(Limits(idle_hours=2))
    gone, busy, here = (sessions.of({"visitor": digit * 32}) for digit in "012")
    for session in (gone, busy, here):
        uploads.keep_own(session, "text", "text")
        make_run(session)
    busy.trainings["run"] = Alive()
    gone.seen = busy.seen = time.time() - 3 * HOURS
    sweep(sessions)
    assert not gone.folder.exists() and busy.folder.exists() and here.folder.exists()
    assert sessions.of({"visitor": "0" * 32}) is not gone and sessions.of({"visitor": "1" * 32}) is busy


def test_folders_of_earlier_processes_go_too(home):
    """By their last use: one whose run goes on in another process is in use."""
    before = Sessions(Limits(idle_hours=2))
    old, young, training = (before.of({"visitor": digit * 32}) for digit in "012")
    for session in (old, young, training):
        make_run(session)
    age(old.folder, 3), age(young.folder, 1), age(training.folder, 3)
    (list_runs(training.runs)[0].path / "metrics.jsonl").write_text("")
    sweep(Sessions(Limits(idle_hours=2)))
    assert not old.folder.exists() and young.folder.exists() and training.folder.exists()


def test_a_folder_is_used_when_its_visitor_is_there():
    """A question makes it young again, though nothing is written."""
    sessions = Sessions()
    session = sessions.of(ME)
    make_run(session)
    age(session.folder, 5)
    sessions.of(ME)
    assert time.time() - session.folder.stat().st_mtime < 60


def test_a_visitors_runs_are_bounded_by_number_and_size():
    """The oldest go first, never one in training and never the newest; the run is told what its snapshots may take."""
    sessions = Sessions(Limits(runs=3, visitor_disk_mb=10))
    session = sessions.of(ME)
    runs = [make_run(session) for _ in range(5)]
    session.trainings[runs[0].id] = Alive()
    make_room(sessions, session, runs[-1])
    assert {run.id for run in list_runs(session.runs)} == {runs[n].id for n in (0, 2, 3, 4)}
    assert runs[-1].snapshot_bytes == 6_000_000
    large = make_run(session, megabytes=12)
    make_room(sessions, session, large)
    assert {run.id for run in list_runs(session.runs)} == {runs[0].id, large.id}


def test_a_kept_run_stays():
    """However old and large, until it is kept no longer; it counts, and its visitor is told what to do."""
    sessions = Sessions(Limits(runs=2, visitor_disk_mb=10, disk_mb=10))
    session = sessions.of(ME)
    kept, _, new = (make_run(session, 4) for _ in range(3))
    kept.keep(True)
    make_room(sessions, session, new)
    sweep(sessions)
    assert {run.id for run in list_runs(session.runs)} == {kept.id, new.id} and list_runs(session.runs)[1].kept
    assert 0 < new.snapshot_bytes < 3_700_000
    check_room(sessions, session)
    (kept.path / "more").write_bytes(bytes(2_000_000))
    with pytest.raises(ValueError, match="keep take 6 MB, and they may take 5; delete one"):
        check_room(sessions, session)
    (kept.path / "more").unlink()
    new.keep(True)
    with pytest.raises(ValueError, match="You keep 2 runs"):
        check_room(sessions, session)
    kept.keep(False)
    make_run(session, 4)
    sweep(sessions)
    assert kept.id not in {run.id for run in list_runs(session.runs)}


@pytest.mark.parametrize("stays", [True, False])
def test_a_kept_run_of_somebody_who_is_gone(stays):
    """Where kept runs stay it is there when they come back, and nothing else of theirs is."""
    limits = Limits(idle_hours=2, kept_runs_stay=stays)
    away, forgotten = Sessions(limits).of(ME), Sessions(limits)
    gone = forgotten.of(OTHER)
    for session in (away, gone):
        make_run(session).keep(True), make_run(session)
        session.uploads["a.txt"] = "a"
        age(session.folder, 3)
    gone.seen = time.time() - 3 * HOURS
    sweep(forgotten)
    for session in (away, gone):
        assert len(list_runs(session.runs)) == stays and session.folder.exists() == stays and not list(session.uploads)


def test_all_visitors_together_are_bounded():
    """Those longest away go first, whoever is here keeps the newest run, and a run in training stays."""
    sessions = Sessions(Limits(disk_mb=10))
    sessions_before = Sessions()
    long_away, away = (sessions_before.of({"visitor": digit * 32}) for digit in "ab")
    make_run(long_away, 3), make_run(away, 3)
    age(long_away.folder, 5), age(away.folder, 1)
    here, training = sessions.of(ME), sessions.of(OTHER)
    first, newest = make_run(here, 3), make_run(here, 3)
    running = make_run(training, 3)
    training.trainings[running.id] = Alive()
    training.seen = time.time() - 5 * HOURS
    sweep(sessions)
    assert not long_away.folder.exists() and not away.folder.exists()
    assert {run.id for run in list_runs(here.runs)} == {first.id, newest.id}
    make_run(training, 3)
    sweep(sessions)
    assert {run.id for run in list_runs(here.runs)} == {newest.id}
    assert running.id in {run.id for run in list_runs(training.runs)}


def test_a_text_is_as_large_as_a_file_may_be(home, monkeypatch):
    """One limit for what arrives and what is read."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(home / "gradio"))
    session = Sessions(Limits(upload_mb=0.1)).of(ME)
    gr.utils.get_upload_folder()
    for letters, fits in ((90_000, True), (110_000, False)):
        came = home / "gradio" / "abc" / "notes.txt"
        came.parent.mkdir(parents=True)
        came.write_bytes(b"a" * letters)
        with nullcontext() if fits else pytest.raises(ValueError, match="limit"):
            assert uploads.keep_text(session, {"path": str(came)}).name in session.uploads


def test_what_was_not_fetched_goes(home, monkeypatch):
    """Files made for a visitor to fetch are deleted soon, and an upload with the folder that it came in at once."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(home / "gradio"))
    sessions = Sessions()
    old, fresh = upload_folder() / "exports" / "old", upload_folder() / "exports" / "fresh"
    old.mkdir(parents=True), fresh.mkdir()
    age(old, 1)
    sweep(sessions)
    assert not old.exists() and fresh.exists()
    came = home / "gradio" / "abc" / "notes.txt"
    write = gr.utils.get_upload_folder()
    came.parent.mkdir()
    write_text(came, "some text")
    assert str(home) in write
    uploads.keep_text(sessions.of(ME), {"path": str(came)})
    assert not came.parent.exists()
    came.parent.mkdir()
    came.write_bytes(b"\0")
    with pytest.raises(ValueError, match="not a text"):
        uploads.keep_text(sessions.of(ME), {"path": str(came)})
    assert not came.parent.exists()
    paths = []
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        came = home / "gradio" / name[:3] / name
        came.parent.mkdir()
        came.write_text(json.dumps({}))
        paths.append(str(came))
    with pytest.raises(ValueError):
        keep_model(sessions.of(ME), sessions.limits, {"name": "x", "paths": paths})
    assert {path.name for path in (home / "gradio").iterdir()} == {"exports"}


def test_a_visitors_vocabularies_are_bounded_by_their_tokens():
    """The oldest of the same visitor go; those of one who is long away go before anybody is refused."""
    sessions = Sessions(Limits(vocabulary_tokens=1_000))
    me, other = sessions.of(ME), sessions.of(OTHER)
    tokenizer = train_bpe("abcdefgh " * 200, 258)
    for n in range(6):
        keep_vocabulary(sessions, me, f"v{n}", tokenizer)
    assert list(me.tokenizers) == ["v3", "v4", "v5"]
    sessions.memory.budget = 4 * 400 * 1_000
    with pytest.raises(ValueError, match="too many"):
        keep_vocabulary(sessions, other, "w", tokenizer)
    me.seen = time.time() - HOURS
    keep_vocabulary(sessions, other, "w", tokenizer)
    assert list(other.tokenizers) == ["w"] and not me.tokenizers
