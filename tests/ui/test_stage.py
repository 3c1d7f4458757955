"""The stage: how much of the window each view's picture takes, whether all of it is seen, and how small its text is.

`pytest tests/ui/test_stage.py -n 0 -s -m "slow or not slow"` prints the whole table; a walk takes most of a minute, so
only the room's is among the tests that always run.
"""

import re

import pytest
from playwright.sync_api import expect

TABS = ("train", "attention", "model", "tokenizer", "generate", "scaling")
DESKS = [(1440, 900), (1920, 1080), (1280, 720)]
ROOM, PHONE = (1280, 720), (390, 844)

MEASURE = """() => {
  const view = [...document.querySelectorAll(".gb-view[data-gb-on]")].find((one) => one.offsetParent !== null);
  const pictures = [...view.querySelectorAll("[data-picture]")].filter((one) => one.offsetParent !== null);
  const union = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  let area = 0, hidden = 0;
  for (const picture of pictures) {
    const box = picture.getBoundingClientRect();
    let seen = { left: Math.max(0, box.left), top: Math.max(0, box.top),
      right: Math.min(innerWidth, box.right), bottom: Math.min(innerHeight, box.bottom) };
    for (let node = picture.parentElement; node && node !== document.body; node = node.parentElement) {
      if (getComputedStyle(node).overflow === "visible") continue;
      const clip = node.getBoundingClientRect();
      seen = { left: Math.max(seen.left, clip.left), top: Math.max(seen.top, clip.top),
        right: Math.min(seen.right, clip.right), bottom: Math.min(seen.bottom, clip.bottom) };
    }
    const whole = box.width * box.height;
    area += whole;
    hidden += whole - Math.max(0, seen.right - seen.left) * Math.max(0, seen.bottom - seen.top);
    union.left = Math.min(union.left, box.left); union.top = Math.min(union.top, box.top);
    // What overflows a picture without a scroll bar of the picture's own is cut.
    const cut = (one) => getComputedStyle(one).overflowY === "hidden" && one.scrollHeight > one.clientHeight + 2;
    if (cut(picture)) hidden += whole * (1 - picture.clientHeight / picture.scrollHeight);
  }
  // A box that scrolls shows by a fade that it goes on; only code is led to from elsewhere.
  const scrolls = (one) => /auto|scroll/.test(getComputedStyle(one).overflowY);
  const goesOn = (one) => scrolls(one) && one.scrollHeight > one.clientHeight + 2;
  const through = [...view.querySelectorAll("[data-picture], [data-picture] *")]
    .filter((one) => one.offsetParent !== null && goesOn(one) && !one.matches(".gb-source"))
    .filter((one) => !getComputedStyle(one).maskImage.includes("gradient"))
    .map((one) => one.className);
  const caption = view.querySelector(".gb-caption-now")?.getBoundingClientRect();
  const covered = [...view.querySelectorAll("[data-picture] svg text")].filter((one) => {
    const { bottom, right, width } = one.getBoundingClientRect();
    return width && caption && bottom > caption.top + 2 && right > caption.left && right < caption.right;
  }).map((one) => one.textContent);
  const said = [...view.querySelectorAll(".gb-caption > p")].filter((one) => one.offsetParent !== null);
  const lines = said.map((one) => Math.round(one.clientHeight / parseFloat(getComputedStyle(one).lineHeight)));
  let smallest = Infinity;
  const walker = document.createTreeWalker(view, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    const shown = parent.offsetParent !== null && getComputedStyle(parent).visibility === "visible";
    if (walker.currentNode.textContent.trim() && shown && !parent.closest(".gb-sr, svg, .gb-tip"))
      smallest = Math.min(smallest, parseFloat(getComputedStyle(parent).fontSize));
  }
  const round = (x) => Math.round(1000 * x) / 10;
  return {
    pictures: pictures.length, top: Math.round(union.top), share: round(area / innerWidth / innerHeight),
    visible: area ? round(1 - hidden / area) : 0, smallest, through, covered, lines,
    page: [document.documentElement.scrollWidth - innerWidth, document.documentElement.scrollHeight - innerHeight],
    notices: [...view.querySelectorAll(".gb-notice[data-kind=warning]")].filter((one) => one.offsetParent).length,
  };
}"""


def views(page):
    """Every view as (tab, name), as the page itself lists them."""
    found = []
    for tab in TABS:
        page.evaluate("(tab) => glassbox.openView(tab)", tab)
        page.wait_for_selector(f"[data-views-of={tab}]:not([hidden]) [data-view]")
        names = page.eval_on_selector_all(
            f"[data-views-of={tab}] [data-view]", "(all) => all.map((b) => b.dataset.view)"
        )
        found += [(tab, name) for name in names]
    return found


def settled(page, tab, name):
    """Open a view and wait until it has drawn."""
    page.evaluate("([tab, view]) => glassbox.openView(tab, view)", [tab, name])
    page.wait_for_function(
        """(name) => {
          const view = document.querySelector(`#gb-${name}`);
          return view?.matches("[data-gb-on]") && !view.querySelector("[aria-busy=true]");
        }""",
        arg=name,
    )
    page.wait_for_timeout(400)


def measured(page, tab, name, printed):
    """What MEASURE says of a view once it has a picture; printed as a row of the table."""
    settled(page, tab, name)
    # A view that begins with an example computes it first.
    page.wait_for_function(
        """(name) => [...document.querySelectorAll(`#gb-${name} [data-picture]`)].some((one) => one.offsetParent)""",
        arg=name,
    )
    page.wait_for_timeout(300)
    found = page.evaluate(MEASURE)
    print(f"{printed:<22}{tab + ' / ' + name:<42}{found['share']:>6} % of the window  {found['visible']:>5} % seen  "
          f"text {found['smallest']:g} px  begins at {found['top']}")  # fmt: skip
    return found


@pytest.fixture
def page_at(visit):
    """page_at(width, height, dark): a fresh page of that size."""

    def make(width, height, dark=False):
        page = visit(size={"width": width, "height": height})
        page.evaluate("(dark) => document.body.classList.toggle('dark', dark)", dark)
        return page

    return make


@pytest.mark.slow
@pytest.mark.parametrize("width, height", DESKS)
def test_at_the_desk_the_picture_owns_the_window(page_at, width, height):
    """Every view's picture is wholly seen, takes 45 % of the window, and the page does not scroll."""
    page = page_at(width, height, dark=width == 1920)
    wrong = []
    for tab, name in views(page):
        found = measured(page, tab, name, f"{width} x {height}")
        if found["share"] < 45 or found["visible"] < 99.5 or max(found["page"]) > 0 or found["notices"]:
            wrong.append((tab, name, found))
    assert not wrong, wrong


@pytest.mark.slow
def test_in_a_room_there_is_nothing_but_the_picture(page_at):
    """P leaves the picture on 75 % of a projector's screen, with text of 20 px or more; P brings the controls back."""
    page = page_at(*ROOM)
    wrong = []
    for tab, name in views(page):
        settled(page, tab, name)
        page.keyboard.press("p")
        page.wait_for_function("document.body.classList.contains('gb-room')")
        found = measured(page, tab, name, "room, 1280 x 720")
        if found["share"] < 75 or found["visible"] < 99.5 or found["smallest"] < 20 or max(found["page"]) > 0:
            wrong.append((tab, name, found))
        if found["through"]:
            wrong.append((tab, name, "a line is cut through", found["through"]))
        if found["covered"]:
            wrong.append((tab, name, "the caption lies on it", found["covered"]))
        if max(found["lines"], default=0) > 1:
            wrong.append((tab, name, "what is said at rest takes more than a line"))
        page.keyboard.press("p")
        page.wait_for_function("!document.body.classList.contains('gb-room')")
    assert not wrong, wrong


@pytest.mark.parametrize("width, height", [(1440, 900), (1280, 720)])
def test_the_second_row_is_not_cut(page_at, width, height):
    """Six tabs, the eight views of Attention, worked examples and Save stand side by side."""
    page = page_at(width, height)
    page.evaluate("glassbox.openView('attention', 'patch_and_steer')")
    page.wait_for_selector("[data-views-of=attention] [data-view=patch_and_steer][aria-pressed=true]")
    page.wait_for_selector("#gb-examples summary >> nth=1")
    last = page.get_by_role("tab", name="Scaling").bounding_box()
    menu = page.locator("#gb-examples summary").first.bounding_box()
    assert last["x"] + last["width"] <= menu["x"]
    row = page.locator(".gb-tab-row [role=tablist]")
    assert row.evaluate("(row) => row.scrollWidth <= row.clientWidth")


def test_what_is_said_is_said_whole(page_at):
    """In a room the line beneath the picture takes a second one; at the desk a suggestion grows when pointed at."""
    whole = "(line) => line.scrollWidth <= line.clientWidth && line.getBoundingClientRect().bottom <= innerHeight"
    page = page_at(*ROOM)
    cut = 0
    for name in ("logit_lens", "compare"):
        settled(page, "attention", name)
        suggestion = page.locator(f"#gb-{name} .gb-try")
        cut += not suggestion.evaluate(whole)
        suggestion.hover()
        assert suggestion.evaluate(whole)
        page.keyboard.press("p")
        page.wait_for_function("document.body.classList.contains('gb-room')")
        said = page.locator(f"#gb-{name} .gb-caption-now")
        assert said.is_visible() and said.evaluate(whole)
        page.keyboard.press("p")
    assert cut, "no suggestion was too long for its line"


def test_no_line_is_cut_through_in_a_room(page_at):
    """What goes on below its box fades out there, and is whole once it is scrolled to its end."""
    page = page_at(*ROOM)
    settled(page, "tokenizer", "train_a_vocabulary")
    sample = page.locator("#gb-train_a_vocabulary [data-id=sample]")
    sample.locator("> * >> nth=50").wait_for()
    mask = "(box) => getComputedStyle(box).maskImage"
    assert sample.evaluate(mask) == "none"  # at the desk it is scrolled
    page.keyboard.press("p")
    page.wait_for_function("document.body.classList.contains('gb-room')")
    expect(sample).to_have_css("mask-image", re.compile("linear-gradient"))
    sample.evaluate("(box) => box.scrollTo(0, box.scrollHeight)")
    expect(sample).to_have_css("mask-image", "none")


def test_all_samples_are_in_the_picture(page_at):
    """Many at once shows every row in a room, and Compare tokenizers every language at the desk."""
    page = page_at(*DESKS[0])
    settled(page, "tokenizer", "compare_tokenizers")
    bars = page.locator("#gb-compare_tokenizers [data-id=bars]")
    bars.locator("> *").nth(13).wait_for()
    for box in (bars, page.locator("#gb-compare_tokenizers [data-id=aligned]")):
        assert box.evaluate("(box) => box.scrollHeight <= box.clientHeight + 1")
    settled(page, "generate", "many_at_once")
    rows = page.locator("#gb-many_at_once .gb-samples li")
    rows.nth(2).wait_for()
    page.keyboard.press("p")
    page.wait_for_function("document.body.classList.contains('gb-room')")
    assert all(row.is_visible() for row in rows.all())


@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True])
def test_on_a_phone_the_picture_begins_near_the_top(page_at, dark):
    """Within 160 px on 390 x 844, and nothing sticks out sideways."""
    page = page_at(*PHONE, dark)
    wrong = []
    for tab, name in views(page):
        found = measured(page, tab, name, "phone")
        if found["top"] > 160 or found["page"][0] > 0:
            wrong.append((tab, name, found))
    assert not wrong, wrong


def test_how_far_a_view_has_come_stands_beneath_it_alone(page):
    """Grokking's step is not that of a model which has no moments, nor the walk's place that of another view."""
    for tab, name in (("scaling", "grokking"), ("model", "forward")):
        page.evaluate("([tab, name]) => glassbox.openView(tab, name)", [tab, name])
        expect(page.locator(f"#gb-{name} .gb-caption-step")).to_have_text(re.compile(r"\d"))
    page.evaluate("glassbox.openView('attention', 'heads')")
    said = "all => all.filter((one) => one.textContent).map((one) => one.closest('[id^=gb-]').id)"
    assert set(page.locator(".gb-caption-step").evaluate_all(said)) == {"gb-grokking", "gb-forward"}


def test_a_picture_that_comes_back_has_the_size_that_the_window_has_now(page_at):
    """Also where the model was another one meanwhile, and the view has nothing new to ask."""
    page = page_at(*DESKS[0])
    settled(page, "generate", "branches")
    tree = page.locator("#gb-branches .gb-branch-map")
    fills = "(field) => Math.abs(field.firstElementChild.clientWidth - field.clientWidth) < 2"
    page.wait_for_function(fills, arg=tree.element_handle())
    page.evaluate("glassbox.openView('train', 'runs')")
    for model in ("shipped:sorter", "shipped:tales"):
        page.evaluate("(model) => glassbox.look({ model })", model)
    page.set_viewport_size({"width": 1000, "height": 700})
    page.evaluate("glassbox.openView('generate', 'branches')")
    tree.wait_for()
    page.wait_for_function(fills, arg=tree.element_handle(), timeout=10_000)


RESTLESS = """() => {
  const fetched = window.fetch;
  window.fetch = async (...asked) => {
    const answer = await fetched(...asked);
    await new Promise((after) => setTimeout(after, 80));
    return answer;
  };
  let turn = 0;
  setInterval(() => {
    turn += 1;
    document.body.style.width = turn % 2 ? "" : "98%";
    document.body.classList.toggle("dark", turn % 3 === 0);
  }, 25);
}"""


@pytest.mark.slow
def test_a_window_and_a_theme_that_change_before_an_answer_came_hurt_no_view(page):
    """Each view, newly opened and on another model, draws itself at every moment of its waiting; no error is said."""
    found = views(page)
    page.reload()
    page.wait_for_function("window.glassbox && glassbox.subject.model !== null")
    page.evaluate(RESTLESS)
    for tab, name in found:
        page.evaluate("([tab, view]) => glassbox.openView(tab, view)", [tab, name])
        for model in ("shipped:sorter", "shipped:tales"):
            page.wait_for_timeout(500)
            page.evaluate("(model) => glassbox.look({ model })", model)
        page.wait_for_timeout(500)
