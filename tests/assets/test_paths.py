"""Where strangers come, nothing that the page is told says where on this computer things lie."""

import tempfile
from pathlib import Path

import asking
import pytest
from answers import TABS
from asking import Asked

from llm.limits import Limits
from llm.ui.panel import Panel

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_no_answer_of_any_endpoint_names_a_folder(tmp_path, monkeypatch):
    """All that a visit asks, runs, uploads and exports among it: neither the home, nor the code, nor the uploads."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    told, sent = {}, asking._sent

    def noted(answer):
        told[len(told)] = str(answer)
        return sent(answer)

    monkeypatch.setattr(asking, "_sent", noted)
    ask = Asked(Limits(paths=False))
    for ask_tab in TABS:
        ask_tab(ask)
    assert len(told) > 50
    for answer in told.values():
        for place in (tmp_path, ROOT, Path.home(), Path(tempfile.gettempdir()) / "gradio"):
            assert str(place) + "/" not in answer, answer[:500]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "There is no file /Users/me/.cache/glassbox/runs/a/run.json; choose one.",
            "There is no file run.json; choose one.",
        ),
        ("'/srv/app/x.txt' can't be read", "'x.txt' can't be read"),
        ("C:\\Users\\me\\runs\\a.json is damaged", "a.json is damaged"),
        ("~/glassbox/runs/r1 is gone", "r1 is gone"),
        ("Use 3/4 of it, and/or http://127.0.0.1:7860/a/b", "Use 3/4 of it, and/or http://127.0.0.1:7860/a/b"),
    ],
)
def test_a_failure_names_a_file_and_not_its_folder(said, shown):
    """Where paths aren't shown, in refusals and in the failure of a run; elsewhere they are told whole."""

    def refuse(request):
        raise ValueError(said)

    def tell(request):
        return {"standing": {"failure": said}, "text": said}

    panel = Panel("keys", [refuse, tell])
    asked = {endpoint.__name__: endpoint for endpoint in panel.server_fns}
    assert asked["refuse"]({}) == {"error": said}
    panel.shows_paths = False
    assert asked["refuse"]({}) == {"error": shown}
    assert asked["tell"]({}) == {"standing": {"failure": shown}, "text": said}


def test_a_full_or_locked_disk_is_named():
    """Instead of something that went wrong inside."""

    def write(request):
        raise OSError(*request["error"])

    (endpoint,) = Panel("keys", [write]).server_fns
    assert endpoint({"error": (28, "No space left on device")})["error"].startswith("The disk is full")
    assert "GLASSBOX_HOME" in endpoint({"error": (30, "Read-only file system", "/x/y")})["error"]
    assert "went wrong" in endpoint({"error": (5, "Input/output error")})["error"]
