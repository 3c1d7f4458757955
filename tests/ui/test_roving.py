"""Cells and tokens by keys alone: one stop of the Tab key for each group, arrows within it, values read out."""

import pytest
from playwright.sync_api import expect


@pytest.fixture
def at(page):
    """Open a view, and focus the stop of one of its groups."""

    def open_at(view, tab, group):
        page.evaluate("([tab, view]) => glassbox.openView(tab, view)", [tab, view])
        stop = page.locator(f"#gb-{view} {group} [tabindex='0']")
        expect(stop).to_have_count(1)
        stop.focus()
        return page.locator(f"#gb-{view} {group}"), page.locator(f"#gb-{view} .gb-caption-now")

    return open_at


def test_tokens_of_the_walk(page, at):
    """Arrows move along the prompt, Enter follows another token; the focus stays there; a click takes no focus."""
    group, caption = at("forward", "model", "[data-id=reading]")
    followed = int(group.locator(".gb-followed").get_attribute("data-at"))
    page.keyboard.press("ArrowLeft")
    expect(group.locator(":focus")).to_have_attribute("data-at", str(followed - 1))
    page.keyboard.press("Enter")
    expect(group.locator(".gb-followed")).to_have_attribute("data-at", str(followed - 1))
    expect(group.locator(":focus")).to_have_attribute("data-at", str(followed - 1))
    expect(caption).to_contain_text(f"({followed - 1})")
    page.evaluate("document.activeElement.blur()")
    group.locator("[data-at='0']").click()
    expect(group.locator(":focus")).to_have_count(0)


def test_cells_of_the_walk(page, at):
    """Arrows read the numbers of a vector one by one, up and down by its lines; Enter spells one's sum out."""
    page.evaluate("glassbox.address.set({ walk: 'h.0.attn.c_attn' })")
    page.evaluate("glassbox.openView('model', 'forward')")
    caption = page.locator("#gb-forward .gb-caption-now")
    expect(caption).to_contain_text("[")
    page.locator("#gb-forward .gb-cells canvas").first.focus()
    first = caption.text_content()
    page.keyboard.press("Home")
    expect(caption).to_contain_text("[0]")
    page.keyboard.press("ArrowRight")
    expect(caption).to_contain_text("[1]")
    page.keyboard.press("ArrowDown")
    expect(caption).not_to_contain_text("[1]")
    page.keyboard.press("Enter")
    assert page.locator("#gb-forward .gb-cell-marks").get_attribute("data-chosen") not in ("", first)
    assert "walk=h.0.attn.c_attn" in page.url  # arrows were the cells' own


def test_parts_of_a_logit(page, at):
    """Every part's share is read out; Enter on a head leads to it."""
    page.evaluate("glassbox.address.set({ walk: 'parts' })")
    _, caption = at("forward", "model", "[data-id=parts] table")
    for key in ("ArrowDown", "ArrowRight", "End"):
        page.keyboard.press(key)
        expect(caption).to_contain_text("to the logit of")
    expect(caption).to_contain_text("The biases of layer")


def test_tokens_and_weights_of_a_step(page, at):
    """A token tells its losses before and after; an operation its gradient and update."""
    group, caption = at("learning_step", "model", "[data-id=reading]")
    page.keyboard.press("ArrowRight")
    expect(caption).to_contain_text("likeliest")
    page.keyboard.press("ArrowDown")
    assert int(group.locator(":focus").get_attribute("data-at")) > 5
    group, caption = at("learning_step", "model", "[data-id=parts]")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(group.locator(":focus")).to_have_attribute(
        "data-part", "h.1.attn.c_attn"
    )  # beneath the middle of the first row
    expect(caption).to_contain_text("block 1, q, k, v: gradient")


def test_cells_of_a_patch(page, at):
    """Arrows read what each patch restores, Enter makes one, with Shift one more of its row."""
    page.evaluate("glassbox.openView('attention', 'patch_and_steer')")
    expect(page.locator("#gb-patch_and_steer .gb-kept")).to_have_count(1, timeout=20_000)  # once the map is there
    group, caption = at("patch_and_steer", "attention", "[data-id=map]")
    page.keyboard.press("Home")
    expect(caption).to_contain_text("restored")
    page.keyboard.press("ArrowDown")
    row = group.locator(":focus").get_attribute("data-row")
    page.keyboard.press("Enter")
    expect(group.locator(".gb-kept")).to_have_attribute("data-row", row)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+Enter")
    expect(group.locator(".gb-kept")).to_have_count(2)
    assert "put=" in page.url
