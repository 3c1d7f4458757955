"""The page as it is handed out: its headers, its policy, its place below a path, and under what a Space sets."""

import http.client
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llm.ui.door.page_answer import marked

ROOT = Path(__file__).resolve().parents[2]


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
