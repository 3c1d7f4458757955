"""The Train tab as a person uses it."""

import json
import re
from itertools import pairwise

import pytest
from playwright.sync_api import expect

from llm.ui.subject import SHIPPED
from tests.ui.desk import READY


def open_tab(page):
    page.get_by_role("tab", name="Train").click()
    page.wait_for_function("document.querySelector('.gb-train [data-id=n-params]').textContent !== '–'")


STEPS_MADE = (
    "n => Number(document.querySelector('[data-id=n-step]').textContent.split('/')[0].replace(/\\D/g, '')) === n"
)


def steps_made(page):
    return int(re.sub(r"\D", "", page.locator(".gb-train [data-id=n-step]").inner_text().split("/")[0]))


def tiny(page, steps, **sliders):
    """Fill the form with a run of some seconds."""
    page.locator("[data-id=preset]").select_option("seconds")
    for name, value in sliders.items():
        page.locator(f"[data-name={name}]").fill(str(value))
    page.get_by_label("Steps", exact=True).fill(str(steps))
    page.get_by_label("Evaluation every").fill("20")
    page.wait_for_function("!document.querySelector('[data-id=start]').disabled")


def train(page):
    """Start, and wait for the end."""
    before = page.evaluate("glassbox.address.get('run')")
    page.locator("[data-id=start]").click()
    page.wait_for_function("(before) => glassbox.address.get('run') !== before", arg=before)
    page.get_by_text("Finished.").wait_for()


def test_drive_a_run_reload_and_go_on(page):
    """Start, pause, one step, another rate with its mark; Restart lists what it would change; a reload finds the run;
    it stops, and continues."""
    open_tab(page)
    tiny(page, 100_000)
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_function("document.querySelectorAll('.gb-samples time').length > 2", timeout=60_000)
    validation = "document.querySelector('[data-id=chart]').data.find((line) => line.name === 'validation').y"
    page.wait_for_function(f"{validation}.at(-1) < {validation}[0] - 0.2")
    page.wait_for_function("glassbox.subject.model.startsWith('run:')")

    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Resume").wait_for()
    before = -1
    while before != steps_made(page):  # those made before the pause come in a moment later
        before = steps_made(page)
        page.wait_for_timeout(400)
    page.get_by_role("button", name="Step", exact=True).click()
    page.wait_for_function(STEPS_MADE, arg=before + 1)
    rate = page.get_by_label("Learning rate", exact=True)
    rate.fill("-2")
    rate.dispatch_event("change")
    page.get_by_text("the change counts from the next step on").wait_for()
    page.get_by_role("button", name="Resume").click()
    notes = "document.querySelector('[data-id=chart]').layout.annotations"
    page.wait_for_function(f"{notes}.some((note) => note.text === 'learning rate 0.01')")
    page.get_by_role("slider", name="Layers").fill("2")
    page.get_by_text("layers 1 → 2").wait_for()
    expect(page.get_by_role("button", name="Restart")).to_have_class(re.compile("gb-primary"))

    page.reload()
    page.wait_for_function(READY)
    open_tab(page)
    page.get_by_text("layers 1 → 2").wait_for()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped; everything is saved.").wait_for()
    page.get_by_role("button", name="Undo").click()
    stopped = steps_made(page)
    page.get_by_role("button", name="Continue to").click()
    page.wait_for_function(f"{STEPS_MADE.replace('===', '>')}", arg=stopped)
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped; everything is saved.").wait_for()


def test_the_tab_opens_on_a_finished_example_until_the_first_start(page):
    """Loss, answers and layers of the shipped training, named as an example in every view, with its own numbers;
    arrows go along its evaluations; Start puts the visitor's run in its place."""
    open_tab(page)
    page.get_by_text("A finished example: induction, 1 600 steps. Press Start for your own.").wait_for()
    shipped = [json.loads(line) for line in (SHIPPED / "induction" / "metrics.jsonl").open(encoding="utf-8")]
    losses = [event["validation_loss"] for event in shipped if event["event"] == "evaluation"]
    drawn = "document.querySelector('[data-id=chart]').data.find((line) => line.name === 'validation').y"
    page.wait_for_function(f"document.querySelector('[data-id=chart]').data && {drawn}.length === {len(losses)}")
    assert page.evaluate(drawn) == pytest.approx(losses, rel=1e-5)
    expect(page.locator(".gb-answers li")).to_have_count(64)
    caption = page.locator(".gb-train .gb-caption-now")
    expect(caption).to_contain_text("The example at step 1 600: 2.11 nats")
    page.keyboard.press("ArrowLeft")
    expect(caption).to_contain_text("The example at step 1 550")
    page.get_by_role("button", name="Runs", exact=True).click()
    page.get_by_text("A finished example, which ships.").wait_for()
    losses_drawn = page.locator("#gb-runs [data-id=losses]")
    expect(losses_drawn.locator("polyline")).to_have_count(1)
    expect(losses_drawn.locator(".gb-run-loss-now")).to_have_text(f"{losses[-1]:.3g}")
    page.get_by_role("button", name="Layers", exact=True).click()
    page.get_by_text("A finished example: induction, 1 600 steps, trained again to measure it.").wait_for()
    page.get_by_role("button", name="Run", exact=True).click()
    tiny(page, 25)
    train(page)
    expect(page.locator(".gb-train [data-id=example]")).to_be_hidden()
    page.get_by_role("button", name="Layers", exact=True).click()
    expect(page.locator(".gb-layers .gb-caption-now")).to_contain_text("Step 25: layer 0, head 0")
    expect(page.locator(".gb-layers [data-id=example]")).to_be_hidden()


def test_runs_are_listed_named_and_overlaid(page):
    """Two runs: the table says what changed, a name may hold markup, and a ticked run is a ghost in the chart."""
    open_tab(page)
    tiny(page, 25)
    train(page)
    tiny(page, 26, n_layer=2)
    train(page)
    page.get_by_role("button", name="Runs", exact=True).click()
    page.get_by_text("n_layer 1 → 2; max_steps 25 → 26").wait_for()
    expect(page.locator("#gb-runs [data-id=losses] polyline")).to_have_count(2)
    for date in page.locator(".gb-runs-table td:nth-child(3)").all_inner_texts():
        assert re.fullmatch(r"[A-Z][a-z]{2} \d+, \d\d:\d\d [AP]M", date)
    page.locator(".gb-run-name").nth(1).click()
    page.get_by_role("button", name="Rename").click()
    page.get_by_label("The run's name").fill("<i>first</i>")
    page.get_by_role("button", name="Rename").click()
    page.get_by_role("button", name="<i>first</i>").wait_for()
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.locator(".gb-run-beneath")).to_have_text("kept")
    expect(page.get_by_role("button", name="Keep no longer")).to_be_visible()
    tick = page.get_by_label("Draw <i>first</i> behind the run on show")
    expect(tick).to_be_checked()  # it learnt from the same tokens
    names = "document.querySelector('[data-id=chart]').data.map((line) => line.name)"
    tick.uncheck()
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_function(f"!{names}.includes('&lt;i&gt;first&lt;/i&gt;')")
    page.get_by_role("button", name="Runs", exact=True).click()
    tick.check()
    page.get_by_role("button", name="Run", exact=True).click()
    page.wait_for_function(f"{names}.includes('&lt;i&gt;first&lt;/i&gt;')")


def test_a_figure_that_answers_offline_and_curves_that_stay_short(page, tmp_path):
    """The exported page draws itself with the network cut, and 20,000 points become 500 with their peak."""
    open_tab(page)
    tiny(page, 25)
    train(page)
    page.locator("[data-id=take] summary").click()
    for kind, start in (("png", b"\x89PNG"), ("svg", b"<svg"), ("html", b"<!doctype html>")):
        with page.expect_download() as download:
            page.locator(f"[data-figure={kind}]").click()
        path = tmp_path / f"figure.{kind}"
        download.value.save_as(path)
        assert path.read_bytes().startswith(start)
    for kind in ("csv", "zip"):
        with page.expect_download() as download:
            page.locator(f"[data-export={kind}]").click()
        assert download.value.suggested_filename == f"Python-s-language-reference-1-x-1-x-32.{kind}"
    points = page.evaluate(
        "(() => { const c = glassbox.modules[`train/run_state.js`].curve(); "
        "for (let i = 1; i <= 20000; i += 1) c.add(i, i === 7777 ? 99 : i % 10); return c.points(); })()"
    )
    assert len(points) <= 500 and [7777, 99] in points
    assert all(a[0] < b[0] for a, b in pairwise(points))

    page.goto("about:blank")  # it would miss its server
    alone = page.context.new_page()
    page.context.set_offline(True)
    alone.goto((tmp_path / "figure.html").as_uri())
    alone.wait_for_selector(".gtitle, .xtitle")
    alone.mouse.move(*alone.evaluate("[innerWidth / 2, innerHeight * 0.2]"))
    alone.wait_for_selector(".hoverlayer .legend, .hoverlayer .hovertext")
    page.context.set_offline(False)


def test_one_of_something_is_said_so_and_nothing_shows_beneath_the_plan(page):
    """A slider at 1 names one block; the plan that stays in view at the rail's end covers what scrolls under it."""
    open_tab(page)
    page.locator("[data-id=preset]").select_option("seconds")
    for name, words in (("n_layer", "1 block"), ("n_head", "1 head a layer"), ("batch_size", "12 sequences a step")):
        expect(page.locator(f"#gb-run :not(fieldset)[data-for={name}] .gb-mono")).to_have_text(words)
    rail = page.locator("#gb-run .gb-rail").bounding_box()
    edge = [rail["x"] + 60, rail["y"] + rail["height"] - 4]
    assert page.evaluate("([x, y]) => document.elementFromPoint(x, y).closest('.gb-plan-head') !== null", edge)


def test_settings_that_cannot_be_are_explained_and_start_is_off(page):
    """Heads that don't share the width evenly: one sentence with the remedy, and no Start until it is mended."""
    open_tab(page)
    page.locator("[data-name=n_head]").fill("7")
    sentence = "can't share a width of 96 evenly; use a width of 91 or 98"
    for place in (".gb-notice", ".gb-plan-head"):
        page.locator(f".gb-train {place}").get_by_text(sentence).wait_for()
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_disabled()
    page.locator("[data-name=n_head]").fill("8")
    page.wait_for_function("!document.querySelector('[data-id=start]').disabled")


UNREADABLE = {
    "empty.txt": (b"", "is empty; choose a file"),
    "picture.txt": (b"\x89PNG\0\0\0", "is not a text file"),
    "latin.txt": ("caf\xe9".encode("latin-1") + b" " * 50, "is not UTF-8: byte 3"),
    "huge.txt": (b"x" * 65_000_000, "the limit is 64.0 MB"),
}


def test_files_that_cannot_be_read_are_refused(page, tmp_path):
    """A bad file gets one sentence, and the form stays as it was."""
    open_tab(page)
    for name, (data, sentence) in UNREADABLE.items():
        (tmp_path / name).write_bytes(data)
        page.locator(".gb-train [data-id=file]").set_input_files(tmp_path / name)
        page.get_by_text(sentence).wait_for()
        assert page.locator("[data-name=corpus]").input_value() == "tales"


def test_a_text_in_another_encoding_is_converted(page):
    """The page says what it found, shows how the text reads in each encoding that fits, and learns from the choice."""
    open_tab(page)
    text = "Über die Brücke fährt ein Mädchen mit großen Äpfeln. " * 200
    page.locator(".gb-train [data-id=file]").set_input_files(
        {"name": "german.txt", "mimeType": "text/plain", "buffer": text.encode("cp1252")}
    )
    page.get_by_text("is not UTF-8: byte 0, in line 1, is 0xdc").wait_for()
    choice = page.get_by_label("The file's encoding")
    assert "cp1252: Über die Brücke" in choice.inner_text()
    choice.select_option("cp1252")
    page.wait_for_function("document.querySelector('[data-name=corpus]').value === 'upload:german.txt'")
    page.wait_for_function("document.querySelector('[data-id=plan]').textContent.includes('in the vocabulary')")
    page.locator("[data-name=corpus]").select_option("tales")
    expect(choice).to_be_hidden()


def test_the_form_trains_on_from_a_model(page):
    """Another model to begin with hides what it brings, proposes a gentle rate, and its run is listed as a child."""
    open_tab(page)
    page.locator("[data-name=corpus]").select_option("task:sort")
    page.locator("[data-name=origin]").select_option("shipped:sorter")
    for name in ("tokenizer", "n_layer", "vocab_size"):
        expect(page.locator(f"[data-name={name}]")).to_be_hidden()
    page.wait_for_function("!document.querySelector('[data-id=start]').disabled")
    settings = page.evaluate("glassbox.modules['train/shown_run.js'].shownRun.settings()")
    assert settings["origin"] == "shipped:sorter" and settings["learning_rate"] == pytest.approx(1e-4, rel=0.1)
    assert "origin" in page.url
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_function("document.querySelector('[data-id=n-step]').textContent !== '–'")
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("button", name="Runs", exact=True).click()
    page.get_by_text("↳ from sorter").wait_for()
    page.get_by_role("button", name="Run", exact=True).click()
    page.locator("[data-name=origin]").select_option("new")
    expect(page.locator("[data-name=n_layer]")).to_be_visible()


def test_an_uploaded_text_becomes_the_corpus(page):
    """A good file can be learned from at once."""
    open_tab(page)
    text = ("The owl and the pussycat went to sea. " * 200).encode()
    page.locator(".gb-train [data-id=file]").set_input_files(
        {"name": "owl.txt", "mimeType": "text/plain", "buffer": text}
    )
    page.wait_for_function("document.querySelector('[data-name=corpus]').value === 'upload:owl.txt'")
    page.wait_for_function("document.querySelector('[data-id=plan]').textContent.includes('in the vocabulary')")
