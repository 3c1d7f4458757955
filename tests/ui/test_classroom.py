"""A class in Chromium: one speaker's page and two phones, which follow, leave, come back, and may change nothing."""

import json
import re
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from server_process import ServerProcess

from tests.ui.desk import READY

HEARD = "glassbox.modules['shared/classroom.js'].classroom()"


class Class(ServerProcess):
    """`python app.py --class`, with what it prints."""

    heard = subprocess.PIPE

    def start(self):
        """Start it, and wait for the two links."""
        super().start()
        said = "".join(self.process.stdout.readline() for _ in range(3))
        self.room = re.search(r"room: +(\S+)", said)[1]
        self.speaker = re.search(r"http://\S+/class/speaker/\S+", said)[0]
        with urllib.request.urlopen(f"{self.url}/") as answer:
            config, _ = json.JSONDecoder().raw_decode(answer.read().decode().split("window.gradio_config = ")[1])
        self.components = {one["props"].get("elem_id"): one["id"] for one in config["components"]}
        self.somebody = self.visitor()

    def visitor(self):
        """A fresh token."""
        with urllib.request.urlopen(urllib.request.Request(f"{self.url}/visitor", method="POST")) as answer:
            return json.load(answer)["visitor"]


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """A class that has begun."""
    server = Class(tmp_path_factory.mktemp("class"), "--class")
    yield server
    server.kill()


@pytest.fixture
def people(browser, room):
    """people(url, width, height) -> a page in a browser of its own; an error in its console fails the test."""
    contexts, errors = [], []

    def person(url=room.url, width=390, height=844):
        context = browser.new_context(viewport={"width": width, "height": height}, has_touch=width < 900)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        page.wait_for_function(f"{READY} && {HEARD}")
        return page

    yield person
    for context in contexts:
        context.close()
    assert not errors, errors


def shows(page, **wanted):
    """Wait until a page's address says this."""
    page.wait_for_function(
        "(wanted) => Object.entries(wanted).every(([key, value]) => glassbox.address.get(key) === value)", arg=wanted
    )


def test_phones_follow_and_leave_and_come_back(room, people):
    """Prompt, model, moment, tab, view and its own state reach both phones; a touch leaves, one tap comes back."""
    speaker = people(room.speaker, 1440, 900)
    assert room.speaker.rsplit("/", 1)[1] not in speaker.url, "the secret stays in no address"
    one, two = people(), people()
    speaker.wait_for_function(f"{HEARD}.phones === 2")
    speaker.locator(".gb-bar [data-id=prompt]").fill("Once there was a boy called")
    for phone in (one, two):
        shows(phone, prompt="Once there was a boy called", model="shipped:tales")
        assert phone.evaluate("glassbox.subject.prompt") == "Once there was a boy called"
        phone.locator("#gb-heads .gb-next li").first.wait_for()
        phone.evaluate("window.same = true")
    speaker.evaluate("glassbox.look({ model: 'shipped:induction', step: 200, prompt: '\\nabcabc|abc' })")
    shows(one, model="shipped:induction", step="200", prompt="\nabcabc|abc")
    speaker.get_by_role("button", name="Logit lens").click()
    speaker.locator("#gb-logit_lens").get_by_role("button", name="entropy").click()
    shows(two, view="logit_lens", lens="entropy")
    pressed = two.locator("#gb-logit_lens button[value=entropy][aria-pressed=true]")
    pressed.wait_for(state="attached")
    speaker.get_by_role("tab", name="Generate").click()
    shows(one, tab="generate")
    one.locator("#gb-write").wait_for()

    one.get_by_role("tab", name="Tokenizer").tap()
    back = one.get_by_role("button", name="Back to the speaker")
    back.wait_for()
    speaker.locator(".gb-bar [data-id=prompt]").fill("At last")
    shows(two, prompt="At last", tab="generate")
    shows(one, prompt="\nabcabc|abc", tab="tokenizer")
    back.tap()
    shows(one, prompt="At last", tab="generate")
    back.wait_for(state="hidden")
    assert one.evaluate("window.same"), "no page was loaded again"

    two.context.close()
    speaker.locator("[data-id=share] summary").click()
    speaker.get_by_role("button", name="Let the room follow").click()
    speaker.locator(".gb-qr", has_text="1 phone here").wait_for()
    assert room.room.split("//")[1] in speaker.locator(".gb-qr").inner_text()


def asked(room, panel, fn, cookie="", **data):
    """An endpoint, as any program on the network may ask it."""
    body = {"data": {"visitor": room.somebody, **data}, "component_id": room.components[f"gb-{panel}"], "fn_name": fn}
    body = json.dumps(body | {"session_hash": "glassbox"}).encode()
    headers = {"Content-Type": "application/json", "Cookie": cookie}
    request = urllib.request.Request(f"{room.url}/gradio_api/component_server", body, headers)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def test_a_phone_changes_nothing_unless_allowed(room, people):
    """The page hides what trains, and raw HTTP is refused, uploads too, until the speaker allows it."""
    cookie = f"glassbox_speaker={room.speaker.rsplit('/', 1)[1]}"
    assert asked(room, "classroom", "show_class", cookie, state="model=shipped%3Atales&tab=train") == {}
    phone = people()
    phone.locator("#gb-run .gb-only-looks").wait_for()
    assert not phone.locator("#gb-run [data-id=start]").is_visible()
    refused = {"error": "In this class the speaker trains and writes; phones look."}
    assert asked(room, "run", "start_run") == refused
    assert asked(room, "write", "begin_generation", model="shipped:tales", prompt="Once") == refused
    assert asked(room, "write", "begin_generation", cookie="glassbox_speaker=guess") == refused
    assert asked(room, "classroom", "show_class", state="tab=train")["error"]
    assert asked(room, "classroom", "allow_class", may_change=True)["error"]
    with pytest.raises(urllib.error.HTTPError, match="403"):
        headers = {"X-Glassbox-Visitor": room.somebody, "Content-Type": "application/octet-stream"}
        urllib.request.urlopen(urllib.request.Request(f"{room.url}/files", b"x", headers))
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{room.url}/class/speaker/guess")
    assert "generation" in asked(room, "write", "begin_generation", cookie, model="shipped:tales", prompt="Once")

    speaker = people(room.speaker, 1440, 900)
    speaker.locator("[data-id=share] summary").click()
    speaker.get_by_role("button", name="Let the room follow").click()
    speaker.get_by_label("Phones may train and write").check()
    phone.wait_for_function(f"{HEARD}.only_looks === null")
    assert "generation" in asked(room, "write", "begin_generation", model="shipped:tales", prompt="Once")
    speaker.get_by_label("Phones may train and write").uncheck()
    phone.wait_for_function(f"{HEARD}.only_looks !== null")
    assert asked(room, "run", "start_run") == refused


def test_phones_see_the_run_that_the_speaker_shows_and_no_other(room):
    """By raw HTTP: a run of the speaker's is there for phones while it is shown, without its path, and only to look."""
    speaker = {"cookie": f"glassbox_speaker={room.speaker.rsplit('/', 1)[1]}", "visitor": room.visitor()}
    form = {"corpus": "task:sort", "tokenizer": "character", "n_layer": 1, "n_head": 1, "n_embd": 16, "n_ctx": 32}
    run = asked(room, "run", "start_run", **speaker, **form, max_steps=4, batch_size=2)["run"]
    while asked(room, "run", "poll_run", **speaker, run=run, since=0)["state"] in ("running", "paused"):
        time.sleep(0.1)

    def seen():
        opened, traced = asked(room, "run", "open_run", run=run), looked(f"class:run:{run}")
        models = [model["ref"] for model in asked(room, "bar", "list_models")["models"]]
        return opened, traced, f"class:run:{run}" in models

    def looked(model):
        return asked(room, "heads", "trace_prompt", model=model, prompt="12>")

    opened, traced, listed = seen()
    assert opened["error"] and traced["error"] and not listed
    assert asked(room, "classroom", "show_class", **speaker, state=f"tab=train&run={run}&model=run%3A{run}") == {}
    opened, traced, listed = seen()
    assert opened["about"]["id"] == run and opened["about"]["path"] is None
    assert traced["tokens"] and listed
    assert looked(f"run:{run}")["error"], "by no other name"
    for change in ("delete_run", "rename_run"):
        assert asked(room, "runs", change, run=run, name="mine")["error"]
    assert asked(room, "runs", "list_ledger")["rows"] == []
    assert asked(room, "classroom", "show_class", **speaker, state="model=shipped%3Atales") == {}
    opened, traced, listed = seen()
    assert opened["error"] and traced["error"] and not listed
