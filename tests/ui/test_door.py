"""What a request passes before anything of the page sees it, asked from outside by raw HTTP."""

import contextlib
import http.client
import inspect
import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from gradio.queueing import Queue

from llm.limits import Limits
from llm.tokenizers import BPETokenizer
from llm.ui.door import FOLDERS, LARGE_AT_ONCE, ROUTES, rates
from llm.ui.door.names import address_of
from llm.ui.door.page_answer import marked
from llm.ui.door.question import read_question
from llm.ui.door.rates import Rates
from llm.ui.door.receiving import name_of, upload_folder
from llm.ui.door.refusal import Refused
from llm.ui.door.visitors import Visitors
from llm.ui.sessions import Sessions
from tests.ui.raw import raw_app, spelt

ROOT = Path(__file__).resolve().parents[2]
JSON = {"content_type": "application/json"}
ROW = b"Row, row, row your boat. " * 100


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """A client of an app that goes by one more name and takes little at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLASSBOX_HOME", str(tmp_path_factory.mktemp("home")))
        with raw_app(["Glass.example"], request_mb=0.5, upload_mb=0.5) as client:
            yield client


@pytest.fixture(scope="module")
def word(raw):
    """What stands in the page, and proves that who asks shows it."""
    return re.search(rb'glassbox-page\\" content=\\"([0-9a-f]+)', raw.send("GET", "/")[2])[1].decode()


def said(answer):
    return json.loads(answer[2]).get("error")


def every(routes):
    for route in routes:
        yield from (
            every(inner) if (inner := getattr(getattr(route, "original_router", route), "routes", None)) else [route]
        )


def test_nothing_else_is_there(raw):
    """Of all of Gradio's routes only those that the page uses answer; icons of any size, queue, proxies don't."""
    asked = 0
    for route in every(raw.app.app.routes):
        path = re.sub(r"\{(\w+):path\}", "x", route.path)
        path = re.sub(r"\{[^}]+\}", "16", path)
        if path in ROUTES or path.startswith(FOLDERS) or route.endpoint.__module__.startswith("llm."):
            continue
        for method in getattr(route, "methods", None) or {"GET"}:
            asked += 1
            assert raw.send(method, path, b"{}", **JSON)[0] == 404, (method, path)
    assert asked > 60
    for path in ("/pwa_icon/16000", "/monitoring", "/gradio_api/file=/etc/passwd", "/gradio_api/file=http://x.example"):
        assert raw.send("GET", path)[0] == 404
    assert raw.send("DELETE", "/")[0] == raw.send("PUT", "/visitor")[0] == 404
    assert raw.send("GET", "/assets/../../../../../etc/passwd")[0] in (403, 404)


@pytest.mark.parametrize(
    "host", ["localhost:1", "127.0.0.1", "[::1]:7860", "x.localhost", "192.168.1.7:80", "glass.example"]
)
def test_names_of_ours(raw, host):
    """This computer, any address that is a number, and the names that were given."""
    assert raw.send("GET", "/glassbox.json", host=host)[0] == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "[", "a@evil.example"]
)
def test_names_that_are_not_ours(raw, host):
    """A website that gave its name our address is not answered, nor through a proxy."""
    answer = raw.send("GET", "/", host=host)
    assert answer[0] == 421 and "--allow-host" in said(answer)
    assert raw.send("GET", "/", x_forwarded_host=f"localhost, {host}")[0] == 421


def test_only_our_own_page_asks(raw, word):
    """Another website's page can't; a frame without an origin must show our page, which nobody else can read."""
    own = f"http://127.0.0.1:{raw.port}"
    for origin, status in {
        own: 200,
        "https://glass.example": 200,  # a proxy that speaks TLS
        "http://evil.example": 403,
        "http://127.0.0.1:1": 403,  # another server on this computer
        "http://[": 403,
        "null": 403,
    }.items():
        assert raw.ask("list_models", origin=origin)[0] == status, origin
        assert raw.send("POST", "/visitor", origin=origin)[0] == status, origin
    assert raw.ask("list_models", origin="null", x_glassbox_page=word)[0] == 200
    assert raw.ask("list_models", origin="null", x_glassbox_page="é")[0] == 403
    assert raw.ask("list_models", sec_fetch_site="cross-site")[0] == 403
    for origin in ("null", "http://evil.example"):
        assert raw.send("GET", "/", origin=origin)[0] == 403
    assert raw.send("GET", "/", sec_fetch_site="cross-site", sec_fetch_mode="navigate")[0] == 200  # a link


@pytest.mark.parametrize("kind", ["text/plain", "", "multipart/form-data", "application/x-www-form-urlencoded"])
def test_what_any_website_may_send_is_refused(raw, kind):
    """A question comes as JSON, which a browser sends nowhere without asking."""
    body = raw.question("list_models", {"visitor": raw.visitor})
    assert raw.send("POST", "/gradio_api/component_server", body, content_type=kind)[0] == 415


def test_large_questions_are_refused_while_they_arrive(raw):
    """By the size that is told, and by what came where none is told."""
    answer = raw.ask("list_models", {"prompt": "x" * 600_000})
    assert answer[0] == 413 and "0.5 MB" in said(answer)
    with contextlib.suppress(ConnectionError):  # it may hang up
        assert raw.send("POST", "/gradio_api/component_server", (b"x" * 10_000 for _ in range(1000)), **JSON)[0] == 413


DEEP = "[" * 20 + "]" * 20
MANY = "[" + "0," * 300_000 + "0]"
BEYOND = ["NaN", "-Infinity", "1e400", "9" * 400, DEEP, MANY, '"', "[" * 1500]


@pytest.mark.parametrize("data", ["[]", "3", "null", "[" * 5000, "\x00", *(f'{{"a": {value}}}' for value in BEYOND)])
def test_json_beyond_bounds(data):
    """What no page sends: no object, numbers that JSON lacks or nobody can use, depth, masses, nonsense."""
    with pytest.raises(Refused) as refusal:
        read_question(spelt(1, "x", data))
    assert refusal.value.status == 400


def test_other_questions_are_refused(raw):
    """Other sessions, components and functions than a page's; bytes that are no text."""
    good = raw.question("list_models", {"visitor": raw.visitor})
    assert raw.send("POST", "/gradio_api/component_server", good, **JSON)[0] == 200
    for bad in (good.replace(b"list_models", b"get_config"), re.sub(rb'_id": \d+', b'_id": 99999', good)):
        assert raw.send("POST", "/gradio_api/component_server", bad, **JSON)[0] == 404
    for bad in (good.replace(b'"glassbox"', b'"other"'), good.replace(b"list", b"\xff"), b"", good[:-1] + b', "x": 1}'):
        assert raw.send("POST", "/gradio_api/component_server", bad, **JSON)[0] == 400


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


def test_a_file_is_received(raw):
    """One in a request, below the limit, under a harmless name; no path of this computer is told."""
    headers = {"content_type": "application/octet-stream", "x_glassbox_visitor": raw.visitor}
    status, _, told = raw.send("POST", "/files", ROW, x_glassbox_file="../a%2Fb%3Cc.txt", **headers)
    path = json.loads(told)["path"]
    assert status == 200 and re.fullmatch(r"[0-9a-f]{32}/b_c\.txt", path) and (upload_folder() / path).is_file()
    kept = json.loads(raw.ask("keep_upload", {"path": path})[2])
    assert kept["name"].endswith("b_c.txt") and not (upload_folder() / path).exists()
    before = len(list(upload_folder().iterdir()))
    answer = raw.send("POST", "/files", b"x" * 600_000, **headers)
    assert answer[0] == 413 and "0.5 MB" in said(answer)
    with contextlib.suppress(ConnectionError):  # it may hang up
        assert raw.send("POST", "/files", (b"x" * 10_000 for _ in range(1000)), **headers)[0] == 413
    assert raw.send("POST", "/files", b"x", content_type="text/plain", x_glassbox_visitor=raw.visitor)[0] == 415
    assert raw.send("POST", "/files", b"x", content_type="application/octet-stream")[0] == 401
    assert len(list(upload_folder().iterdir())) == before


def test_names_of_files():
    """Nothing of a path, no dot at the beginning, no length without end; letters of all languages stay."""
    names = {"Märchen 1.txt": "Märchen 1.txt", "..": "file", "": "file", "C:\\x\\.env": "env", "a\0b": "a_b"}
    assert {name: name_of(name) for name in names} == names
    assert len(name_of("é" * 500 + ".txt").encode()) <= 100 and name_of("é" * 500 + ".txt").endswith(".txt")


def test_headers(raw):
    """The page names what may run in it; nothing is guessed, kept or told to others."""
    _, headers, page = raw.send("GET", "/")
    policy = headers["content-security-policy"]
    nonce = re.search(r"'nonce-([^']+)'", policy)[1]
    outside = re.sub(rb"(?s)(<script[^>]*>).*?</script", rb"\1", page)
    assert outside.count(b"<script") == outside.count(f'<script nonce="{nonce}"'.encode()) > 5
    assert "'unsafe-inline'" not in policy.split("style-src")[0] and "http" not in policy
    assert headers["cache-control"] == "no-store" and nonce not in raw.send("GET", "/")[1]["content-security-policy"]
    for answer in (raw.ask("list_models"), *(raw.send("GET", path) for path in ("/", "/nothing", "/plotly.min.js"))):
        assert answer[1]["x-content-type-options"] == "nosniff" and answer[1]["referrer-policy"] == "same-origin"
    assert raw.ask("list_models")[1]["cache-control"] == "no-store"


def test_scripts_within_scripts_are_not_marked():
    """What a script writes out, as a page to export, is none of the page's own."""
    page = b'<script>a = "<script>b";</script><p><script src="x"></script><script>'
    assert marked(page, "n") == (
        b'<script nonce="n">a = "<script>b";</script><p><script nonce="n" src="x"></script><script nonce="n">'
    )


def test_below_a_path(raw):
    """A proxy may take its path away and tell it, or leave it; nonsense in its place is ignored."""
    page = raw.send("GET", "/", x_forwarded_prefix="/glass")[2]
    assert f'<base href="http://127.0.0.1:{raw.port}/glass/">'.encode() in page
    assert b'<base href="http' in raw.send("GET", "/glass", x_forwarded_prefix="/glass/")[2]
    assert raw.send("GET", "/glass/glassbox.json", x_forwarded_prefix="/glass")[0] == 200
    for nonsense in ("//evil.example", "/a b", '/"><script>', "x", "/../.."):
        assert b'<base href="http' not in raw.send("GET", "/", x_forwarded_prefix=nonsense)[2]


def test_gradios_queue_still_means_the_same(raw):
    """Its private names are there, and are what it sleeps between two looks for events."""
    source = inspect.getsource(Queue)
    for name in ("sleep_when_free", "progress_update_sleep_when_free"):
        assert getattr(raw.app._queue, name) == 0.1
        assert f"asyncio.sleep(self.{name})" in source


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


SPACE = {
    "SYSTEM": "spaces",
    "SPACE_ID": "someone/glassbox",
    "SPACE_HOST": "someone-glassbox.hf.space",
    "SPACE_AUTHOR_NAME": "someone",
    "SPACE_REPO_NAME": "glassbox",
    "SPACE_TITLE": "Glassbox",
    "SPACE_CREATOR_USER_ID": "0",
    "ACCELERATOR": "none",
    "CPU_CORES": "2",
    "MEMORY": "16Gi",
    "GRADIO_SSR_MODE": "True",
    "GRADIO_THEME": "huggingface",
    "GRADIO_SERVER_NAME": "0.0.0.0",
    "GRADIO_ANALYTICS_ENABLED": "True",
    "GRADIO_ALLOWED_PATHS": "/",
    "GRADIO_NUM_WORKERS": "2",
    "GRADIO_WATCH_DIRS": ".",
    "HF_HUB_ENABLE_HF_TRANSFER": "1",
    "TQDM_POSITION": "-1",
    "PYTHONUNBUFFERED": "1",
}


@pytest.mark.slow
def test_under_a_spaces_environment(tmp_path):
    """It starts, answers by the Space's name and by no other, with a stranger's limits, and complains of nothing."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | SPACE | {"GRADIO_SERVER_PORT": str(port), "GLASSBOX_HOME": str(tmp_path / "home")}
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=file, stderr=file)
    try:

        def get(path, host):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            connection.request("GET", path, headers={"Host": host})
            answer = connection.getresponse()
            return answer.status, answer.read()

        for _ in range(600):
            try:
                assert get("/glassbox.json", SPACE["SPACE_HOST"])[0] == 200
                break
            except OSError:
                assert process.poll() is None, log.read_text()
                time.sleep(0.1)
        page = get("/", SPACE["SPACE_HOST"])[1]
        assert b"glassbox-page" in page and str(ROOT).encode() not in page and sys.prefix.encode() not in page
        assert get("/", "evil.example")[0] == 421 and get("/pwa_icon/64", SPACE["SPACE_HOST"])[0] == 404
        assert "Traceback" not in log.read_text() and "hot-reloading" not in log.read_text()
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_no_policy_is_broken(page):
    """In all views the browser reports nothing, no request leaves this computer, no address has the token."""
    page.evaluate(
        "window.broken = []; addEventListener('securitypolicyviolation', (e) => broken.push(e.violatedDirective))"
    )
    requested = []
    page.on("request", lambda request: requested.append(request.url))
    for tab in ("Train", "Attention", "Tokenizer", "Generate"):
        page.get_by_role("tab", name=tab, exact=True).click()
        views = page.locator(f"[data-views-of={tab.lower()}] button:visible")
        for n in range(views.count()):
            views.nth(n).click()
            page.wait_for_timeout(300)
    assert page.evaluate("broken") == [] and len(requested) > 10
    assert all(re.match(r"(http://127\.0\.0\.1:|data:|blob:)", url) for url in requested)
    token = page.evaluate("localStorage.getItem('glassbox.visitor')")
    assert re.fullmatch("[0-9a-f]{64}", token) and not any(token in url for url in requested)


def test_markup_that_slips_in_does_not_run(browser, app_url):
    """Handlers and scripts that stand in a text which became markup are stopped by the policy."""
    page = browser.new_page()
    page.goto(app_url)
    page.wait_for_function("window.glassbox")
    page.evaluate("""() => {
        const place = document.createElement("div");
        place.innerHTML = "<img src=/nothing onerror='window.ran = 1'>";
        document.body.append(place);
        const script = document.createElement("script");
        script.textContent = "window.ran = 2";
        document.body.append(script);
    }""")
    page.wait_for_timeout(300)
    assert page.evaluate("window.ran") is None
    page.close()


def test_the_page_waits_when_it_asked_too_fast(browser, tmp_path, monkeypatch):
    """It says so in one line, and goes on by itself; a token that the server lost is replaced."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    with raw_app(requests_per_minute=120) as raw:
        page = browser.new_page()
        page.add_init_script("localStorage['glassbox.visitor'] ??= '0'.repeat(64)")
        page.goto(f"http://127.0.0.1:{raw.port}")
        page.wait_for_function("window.glassbox && glassbox.subject.model !== null")
        assert page.evaluate("localStorage['glassbox.visitor'] !== '0'.repeat(64)")
        page.evaluate("""() => {
            const ask = glassbox.modules["shared/server.js"].asker("bar");
            window.asked = Promise.all(Array.from({ length: 40 }, () => ask("draw_code", { link: "x" })));
        }""")
        page.locator(".gb-connection").filter(has_text="This page asks too fast; it goes on in").wait_for()
        page.wait_for_function("document.querySelector('.gb-connection').hidden", timeout=60_000)
        page.close()
