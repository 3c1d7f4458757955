"""The Train tab as a person uses it."""

import re

import pytest


def open_tab(page):
    page.get_by_role("tab", name="Train").click()
    page.wait_for_function("document.querySelector('.gb-train [data-id=n-params]').textContent !== '–'")


def figure(page, name):
    return page.locator(f".gb-train [data-id={name}]").inner_text()


def test_train_pause_step_stop_and_look(page):
    """Start: the loss falls and samples come. Pause, one step, reload and find it again, stop; the bar follows."""
    open_tab(page)
    page.locator("[data-id=preset]").select_option(label="Seconds: one head, one layer")
    page.locator("summary", has_text="More").click()
    page.get_by_label("Steps", exact=True).fill("100000")
    page.get_by_label("Steps between evaluations").fill("20")
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_function("document.querySelectorAll('.gb-samples time').length > 3", timeout=60_000)
    losses = page.evaluate("document.querySelector('[data-id=chart]').data.at(-1).y")
    assert losses[-1] < losses[0] - 0.5
    assert page.evaluate("glassbox.subject.model").startswith("run:")

    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Resume").wait_for()
    page.wait_for_timeout(600)
    before = int(re.sub(r"\D", "", figure(page, "n-step").split("/")[0]))
    page.get_by_role("button", name="Step", exact=True).click()
    page.wait_for_function(
        "n => Number(document.querySelector('[data-id=n-step]').textContent.split('/')[0].replace(/\\D/g, '')) === n",
        arg=before + 1,
    )

    page.reload()
    page.wait_for_function("window.glassbox && glassbox.subject.model !== null")
    open_tab(page)
    page.get_by_role("button", name="Resume").wait_for()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped; everything is saved.").wait_for()


def test_settings_that_cannot_be_are_explained_and_start_is_off(page):
    """Heads that don't share the width evenly: one sentence with the remedy, and no Start until it is mended."""
    open_tab(page)
    page.locator("[data-name=n_head]").fill("7")
    page.get_by_text("can't share a width of 96 evenly; use a width of 91 or 98").wait_for()
    assert page.get_by_role("button", name="Start", exact=True).is_disabled()
    page.locator("[data-name=n_head]").fill("8")
    page.wait_for_function("!document.querySelector('[data-id=start]').disabled")


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("empty.txt", b"", "is empty; choose a file"),
        ("picture.txt", b"\x89PNG\0\0\0", "is not a text file"),
        ("latin.txt", "caf\xe9".encode("latin-1") + b" " * 50, "is not UTF-8: byte 3"),
        ("huge.txt", b"x" * 21_000_000, "the limit is 20.0 MB"),
    ],
)
def test_files_that_cannot_be_read_are_refused(page, name, data, sentence):
    """A bad file gets one sentence, and the form stays as it was."""
    open_tab(page)
    page.locator(".gb-train [data-id=file]").set_input_files({"name": name, "mimeType": "text/plain", "buffer": data})
    page.get_by_text(sentence).wait_for()
    assert page.locator("[data-name=corpus]").input_value() == "tales"


def test_an_uploaded_text_becomes_the_corpus(page):
    """A good file can be learned from at once."""
    open_tab(page)
    text = ("The owl and the pussycat went to sea. " * 200).encode()
    page.locator(".gb-train [data-id=file]").set_input_files(
        {"name": "owl.txt", "mimeType": "text/plain", "buffer": text}
    )
    page.wait_for_function("document.querySelector('[data-name=corpus]').value === 'upload:owl.txt'")
    page.wait_for_function("document.querySelector('[data-id=plan]').textContent.includes('in the vocabulary')")
