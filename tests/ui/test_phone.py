"""On a phone: nothing lies over anything else, and what was chosen is in sight."""

import pytest

from tests.ui.desk import READY

COVERED = """(name) => {
  const handle = document.querySelector(`#gb-${name} .gb-drawer`), covered = new Set();
  scrollTo(0, document.documentElement.scrollHeight);
  const { left, right, top, bottom } = handle.getBoundingClientRect();
  for (let x = left + 1; x < right; x += 4) for (let y = top + 1; y < bottom; y += 4)
    for (const under of document.elementsFromPoint(x, y))
      for (const text of handle.contains(under) ? [] : under.childNodes) {
        if (text.nodeType !== Node.TEXT_NODE || !text.textContent.trim()) continue;
        const range = document.createRange();
        range.selectNodeContents(text);
        for (const box of range.getClientRects())
          if (box.left <= x && x <= box.right && box.top <= y && y <= box.bottom) covered.add(text.textContent.trim());
      }
  return [...covered];
}"""


@pytest.fixture(scope="module")
def phone(browser, app_url):
    """A page 390 CSS pixels wide, for all tests of this file."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.set_default_timeout(40_000)
    page.goto(app_url)
    page.wait_for_function(READY)
    yield page
    context.close()


def opened(page, tab, view):
    """A view with its picture drawn."""
    page.evaluate("([tab, view]) => glassbox.openView(tab, view)", [tab, view])
    page.wait_for_function(
        """(name) => {
          const view = document.getElementById(`gb-${name}`);
          return view?.matches("[data-gb-on]") && !view.querySelector("[aria-busy=true]") &&
            [...view.querySelectorAll("[data-picture]")].some((one) => one.offsetParent);
        }""",
        arg=view,
    )
    return page.locator(f"#gb-{view}")


@pytest.mark.parametrize(
    ("tab", "view"),
    [("scaling", "grokking"), ("scaling", "compute_and_size"), ("generate", "write"), ("train", "run")],
)
def test_the_handle_of_the_settings_covers_nothing(phone, tab, view):
    """At the end of the page it has a row of its own; the buttons under the thumb stand beside it."""
    opened(phone, tab, view)
    assert phone.evaluate(COVERED, view) == []


def test_the_parts_of_a_view_follow_one_another(phone):
    """The text, the heads, one head enlarged and what stands beside them, each beneath the one before."""
    view = opened(phone, "attention", "while_generating")
    view.locator(".gb-zoom canvas").first.wait_for()
    parts = (".gb-grown", ".gb-grow-grid", ".gb-grow-grid .gb-scale", ".gb-grow-zoom .gb-zoom", ".gb-side")
    boxes = [view.locator(part).first.bounding_box() for part in parts]
    assert all(box["height"] > 20 for box in boxes)
    ends = [box["y"] + box["height"] for box in boxes]
    assert boxes[2]["y"] >= boxes[0]["y"] + boxes[0]["height"] - 1
    assert boxes[3]["y"] >= ends[2] - 1 and boxes[4]["y"] >= ends[3] - 1


def test_the_open_view_is_in_sight(phone):
    """The row of tabs and views is wider than the screen: it scrolls to the word of the view that was opened."""
    for tab, view in (("tokenizer", "compare_tokenizers"), ("attention", "positions_and_embeddings"), ("train", "run")):
        opened(phone, tab, view)
        word = phone.locator(f"#gb-tab-row [data-view={view}]").bounding_box()
        assert word["x"] >= 0 and word["x"] + word["width"] <= 390, (view, word)
