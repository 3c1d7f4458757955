"""What a request passes before anything of the page sees it, asked from outside by raw HTTP."""

import contextlib
import inspect
import json
import re

import pytest
from gradio.queueing import Queue

from llm.ui.door import FOLDERS, ROUTES
from llm.ui.door.question import read_question
from llm.ui.door.receiving import name_of, upload_folder
from llm.ui.door.refusal import Refused
from tests.ui.raw import said, spelt

JSON = {"content_type": "application/json"}
ROW = b"Row, row, row your boat. " * 100


@pytest.fixture(scope="module")
def word(raw):
    """What stands in the page, and proves that who asks shows it."""
    return re.search(rb'glassbox-page\\" content=\\"([0-9a-f]+)', raw.send("GET", "/")[2])[1].decode()


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


def test_gradios_queue_still_means_the_same(raw):
    """Its private names are there, and are what it sleeps between two looks for events."""
    source = inspect.getsource(Queue)
    for name in ("sleep_when_free", "progress_update_sleep_when_free"):
        assert getattr(raw.app._queue, name) == 0.1
        assert f"asyncio.sleep(self.{name})" in source
