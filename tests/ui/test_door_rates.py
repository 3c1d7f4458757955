"""How fast one may ask, by visitor and by address; who is too fast waits and is told for how long."""

import socket
from types import SimpleNamespace

import pytest

from llm.ui.door import LARGE_AT_ONCE, rates
from llm.ui.door.names import address_of
from llm.ui.door.rates import Rates
from llm.ui.door.refusal import Refused
from tests.ui.desk import READY
from tests.ui.raw import raw_app, said


def test_buckets_fill_steadily(monkeypatch):
    """A quarter of a minute's questions at once, then as many as the rate lets; each key has its own."""
    now = SimpleNamespace(monotonic=lambda: clock)
    clock = 100.0
    monkeypatch.setattr(rates, "time", now)
    bucket = Rates(60)
    for _ in range(15):
        bucket.spend("a", 1, "Too fast")
    with pytest.raises(Refused, match=r"Too fast; it goes on in 1 second\.") as refusal:
        bucket.spend("a", 1, "Too fast")
    assert (refusal.value.status, refusal.value.after) == (429, 1)
    bucket.spend("b", 1, "Too fast")
    clock += 2
    bucket.spend("a", 2, "Too fast")
    with pytest.raises(Refused):
        bucket.spend("a", 1, "Too fast")
    clock += 1000
    bucket.spend("a", 10**9, "Too fast")  # what is larger than the bucket takes all of it


def test_who_asks_too_fast_waits(tmp_path, monkeypatch):
    """One visitor's flood is refused with the seconds to wait, and another's question is answered."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    with raw_app(requests_per_minute=60, address_visitors_per_hour=20) as raw:
        answers = [raw.ask("list_models") for _ in range(20)]
        refused = [answer for answer in answers if answer[0] == 429]
        assert 3 <= len(refused) <= 5 and all("goes on in" in said(answer) for answer in refused)
        assert int(refused[0][1]["retry-after"]) >= 1
        raw.visitor = raw.new_visitor()
        assert raw.ask("list_models")[0] == 200
        assert [raw.send("POST", "/visitor")[0] for _ in range(4)] == [200, 200, 200, 429]


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxied", "address"),
    [
        ("10.0.0.1", "203.0.113.9", False, "10.0.0.1"),  # anybody can write that
        ("10.0.0.1", "1.1.1.1, 8.8.8.8, 10.2.3.4", True, "8.8.8.8"),
        ("10.0.0.1", "nonsense, 10.2.3.4", True, "10.0.0.1"),
        ("2a00:1:2:3:4:5:6:7", "", False, "2a00:1:2:3::"),
        ("::ffff:8.8.8.8", "", False, "8.8.8.8"),
        ("testclient", "", False, "testclient"),
    ],
)
def test_addresses(peer, forwarded, proxied, address):
    """Of a proxy's word only the part that the visitor can't have written counts."""
    scope = {"type": "http", "client": (peer, 1), "headers": [(b"x-forwarded-for", forwarded.encode())]}
    assert address_of(scope, proxied) == address


def test_long_questions_wait_for_one_another(raw):
    """Of slow senders of long texts only so many are heard at a time; short questions are answered meanwhile."""
    head = "POST /gradio_api/component_server HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    slow = [socket.create_connection((raw.host, raw.port)) for _ in range(LARGE_AT_ONCE)]
    for one in slow:
        one.sendall(f"{head}Content-Length: 200000\r\n\r\n{{".encode())
    for _ in range(100):
        answer = raw.ask("list_models", {"prompt": "x" * 200_000})
        if answer[0] == 429:
            break
    assert answer[0] == 429 and answer[1]["retry-after"] == "2" and raw.ask("list_models")[0] == 200
    for one in slow:
        one.close()
    for _ in range(100):
        if (answer := raw.ask("list_models", {"prompt": "x" * 200_000}))[0] == 200:
            break
    assert answer[0] == 200


def test_the_page_waits_when_it_asked_too_fast(browser, tmp_path, monkeypatch):
    """It says so in one line, and goes on by itself; a token that the server lost is replaced."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    with raw_app(requests_per_minute=120) as raw:
        page = browser.new_page()
        page.add_init_script("localStorage['glassbox.visitor'] ??= '0'.repeat(64)")
        page.goto(f"http://127.0.0.1:{raw.port}")
        page.wait_for_function(READY)
        assert page.evaluate("localStorage['glassbox.visitor'] !== '0'.repeat(64)")
        page.evaluate("""() => {
            const ask = glassbox.modules["shared/server.js"].asker("bar");
            window.asked = Promise.all(Array.from({ length: 40 }, () => ask("draw_code", { link: "x" })));
        }""")
        page.locator(".gb-connection").filter(has_text="This page asks too fast; it goes on in").wait_for()
        page.wait_for_function("document.querySelector('.gb-connection').hidden", timeout=60_000)
        page.close()
