"""Who asks: tokens that only the server makes, kept over restarts, and a place for each."""

import re

import pytest

from llm.limits import Limits
from llm.tokenizers import BPETokenizer
from llm.ui.door.refusal import Refused
from llm.ui.door.visitors import Visitors
from llm.ui.sessions import Sessions
from tests.ui.raw import said

JSON = {"content_type": "application/json"}


def test_tokens_are_the_servers(raw):
    """Made by the server, each another; one that is invented, altered or missing is refused."""
    tokens = {raw.new_visitor() for _ in range(20)}
    assert len(tokens) == 20 and all(re.fullmatch("[0-9a-f]{64}", token) for token in tokens)
    token = raw.visitor
    other = token[:-1] + ("0" if token[-1] != "0" else "1")
    for invented in ("0" * 32, "0" * 64, other, token.upper(), "é" * 64, token + "\n", None, 3, [token], {}):
        answer = raw.ask("list_models", {"visitor": invented})
        assert answer[0] == 401 and "does not know you" in said(answer), invented
    body = raw.question("list_models", {})
    assert raw.send("POST", "/gradio_api/component_server", body, **JSON)[0] == 401
    assert raw.send("GET", "/visitor")[0] == 404


def test_a_visitor_is_known_after_a_restart(tmp_path, monkeypatch):
    """The key lies in the home, for its owner alone; another server doesn't know its visitors."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path / "a"))
    token = Visitors(Limits()).new()
    Visitors(Limits()).check(token)
    assert (tmp_path / "a" / "visitors.key").stat().st_mode & 0o077 == 0
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path / "b"))
    with pytest.raises(Refused):
        Visitors(Limits()).check(token)


def test_a_home_that_can_not_be_written(tmp_path, monkeypatch):
    """Then the key lasts as long as the process, and the page works all the same."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path / "file" / "home"))
    visitors = Visitors(Limits())
    visitors.check(visitors.new())


def test_newcomers_take_no_place_from_those_who_have_something(tmp_path, monkeypatch):
    """A crowd of fresh tokens costs nobody a vocabulary or an upload; when all places are taken, they are told."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    sessions = Sessions(Limits(visitors=3))
    first = sessions.of({"visitor": "0" * 32})
    first.tokenizers["mine"] = BPETokenizer([])
    sessions.of({"visitor": "e" * 32}).uploads["mine"] = "a text"
    for n in range(200):
        sessions.of({"visitor": f"{n + 1:032x}"}).tokenizers.update({"x": BPETokenizer([])} if n > 198 else {})
    assert sessions.of({"visitor": "0" * 32}) is first
    assert sessions.of({"visitor": "e" * 32}).uploads["mine"] == "a text"  # on the disk, whoever took the place
    sessions.of({"visitor": "e" * 32}).tokenizers["x"] = BPETokenizer([])
    with pytest.raises(ValueError, match="places here are taken"):
        sessions.of({"visitor": "f" * 32})
