"""Text of visitors and their files is only ever shown: markup, template and script syntax in every place for text."""

import json
from urllib.parse import quote

import pytest
from train_tab import settings

from llm.tokenizers import export, train_bpe
from tests.ui.desk import READY

MARK = "<img data-hit src=x onerror=window.hit=1>"
"""Can be a file's name too, so it has no slash."""
HOSTILE = (
    f"{MARK}<svg data-hit onload=window.hit=2></svg><script data-hit>window.hit=3</script>"
    "${window.hit=4}{{constructor.constructor('window.hit=5')()}}</textarea></script><b data-hit>"
)
KEYS = (
    "prompt",
    "model",
    "step",
    "tab",
    "view",
    "head",
    "cell",
    "tok",
    "run",
    "stop",
    "order",
    "off",
    "id",
    "w",
    "lens",
)
FILL = """(text) => {
  const fields = [...document.querySelectorAll(".gb-panel textarea, .gb-panel input[type=text]")];
  for (const field of fields) {
    field.value = field.maxLength > 0 ? text.slice(0, field.maxLength) : text;
    for (const event of ["input", "change"]) field.dispatchEvent(new Event(event, { bubbles: true }));
    field.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
  }
  return fields.map((field) => `${field.closest("[id^=gb-]")?.id} ${field.dataset.id ?? field.dataset.name}`);
}"""

ASK = """async ([panel, name, request]) => {
  const { asker } = glassbox.modules["shared/server.js"];
  return asker(panel)(name, request);
}"""


def views(page):
    """Every view of every tab, opened one after the other."""
    tabs = page.locator(".gb-tab-row [data-tab]").evaluate_all("tabs => tabs.map((tab) => tab.dataset.tab)")
    for tab in tabs:
        page.locator(f".gb-tab-row [data-tab={tab}]").click()
        page.wait_for_timeout(300)
        buttons = page.locator(f"[data-views-of={tab}] [data-view]:visible")
        for n in range(buttons.count()):
            buttons.nth(n).click()
            page.wait_for_timeout(250)
            yield page.locator(".gb-panel:visible").last


def check(page):
    """Nothing of it ran, and nothing of it became an element."""
    assert page.evaluate("window.hit") is None
    assert page.locator("[data-hit]").count() == 0


@pytest.mark.slow
def test_markup_in_every_place_for_text_stays_text(browser, app_url):
    """In the address, every field, and the names of files, columns, tokens, vocabularies and runs."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(60_000)
    values = "&".join(f"{key}={quote(HOSTILE)}" for key in KEYS)
    page.goto(f"{app_url}/?{values}&{quote(HOSTILE)}=1#{values}&{quote(HOSTILE)}=1")
    page.wait_for_function(READY)
    check(page)

    # Names: of a file and its column, of a vocabulary and its added tokens, of a run.
    page.locator(".gb-tab-row [data-tab=train]").click()
    table = f'"{MARK}"\n' + f"{HOSTILE.replace(',', ' ').replace(chr(34), ' ')}\n" * 40
    page.locator(".gb-train [data-id=file]").set_input_files(
        {"name": f"{MARK}.csv", "mimeType": "text/csv", "buffer": table.encode()}
    )
    page.wait_for_function("document.querySelector('[data-name=corpus]').value.includes('data-hit')")
    page.locator(".gb-tab-row [data-tab=tokenizer]").click()
    page.locator("[data-views-of=tokenizer] [data-view=read]").click()
    file = json.loads(export(train_bpe("the cat " * 40, 270), "hugging_face"))
    file["added_tokens"] += [{"id": 400, "content": HOSTILE}, {"id": 401, "content": f"<|{MARK}|>", "special": True}]
    page.locator("#gb-read").get_by_label("A vocabulary file").set_input_files(
        {"name": f"{MARK}.json", "mimeType": "", "buffer": json.dumps(file).encode()}
    )
    page.wait_for_function("document.querySelector('#gb-read').textContent.includes('data-hit')")
    form = settings(corpus="task:sort", max_steps=4, eval_interval=2)
    del form["visitor"]
    run = page.evaluate(ASK, ["run", "start_run", form])["run"]
    page.wait_for_function(
        f"({ASK})(['run', 'poll_run', {{run: '{run}', since: 0}}]).then((a) => a.state === 'finished')"
    )
    page.evaluate(ASK, ["runs", "rename_run", {"run": run, "name": HOSTILE[:100]}])
    check(page)

    # Every field of every view, those behind a switch too; then all views once more, with all that there is.
    filled = set()
    for _ in range(2):
        page.locator("#gb-bar").get_by_label("Prompt", exact=True).fill(HOSTILE)
        for _view in views(page):
            filled |= set(page.evaluate(FILL, HOSTILE))
            page.wait_for_timeout(200)
            check(page)
        page.reload()
        page.wait_for_function(READY)
    assert len(filled) >= 8, filled
    shown = page.locator(".gb-tab-row [data-tab=train]")
    shown.click()
    page.locator("[data-views-of=train] [data-view=runs]").click()
    page.wait_for_function("document.querySelector('#gb-runs').outerHTML.includes('data-hit')")
    check(page)
    context.close()
