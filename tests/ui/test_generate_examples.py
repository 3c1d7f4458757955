"""Views of the Generate tab open on a finished example: real, named as one, and the visitor's own takes its place."""

import pytest
from playwright.sync_api import expect

from llm.checkpoint import load_checkpoint
from llm.config import SamplingConfig
from llm.sampler import generate
from llm.ui.subject import SHIPPED

EXAMPLE = 24  # tokens
SEED = 1337


@pytest.fixture
def view(page):
    """Opens a view of the tab as a visitor who has written nothing."""

    def open_view(name):
        page.evaluate("(name) => glassbox.openView('generate', name)", name)
        expect(page.locator(f"#gb-{name} .gb-caption-now")).to_contain_text("Example")
        return page.locator(f"#gb-{name}")

    return open_view


@pytest.fixture
def drawn(page):
    """The text that core draws after the page's prompt: drawn(temperature=2.0)."""
    shipped = load_checkpoint(SHIPPED / page.evaluate("glassbox.subject.model").removeprefix("shipped:"))
    prompt = shipped.tokenizer.encode(page.evaluate("glassbox.subject.prompt"))

    def draw(seed=SEED, **settings):
        config = SamplingConfig(seed=seed, max_new_tokens=EXAMPLE, **settings)
        return shipped.tokenizer.decode(c.id for c in generate(shipped.model, prompt, config))

    return draw


def written(box):
    """The tokens that a box shows, as one text."""
    return "".join(box.locator(".gb-written-token").all_text_contents()).replace("⏎\n", "\n")


def test_branches_open_on_a_tree_of_two(view, drawn, page):
    """Two branches that part at a token, the first of them core's text; no link holds them; one click begins anew."""
    branches = view("branches")
    expect(branches.locator(".gb-branches li")).to_have_count(2)
    expect(branches.locator("[data-id=parting]")).to_contain_text("They part at token")
    first = written(branches.locator("[data-id=other]"))
    assert first and drawn().startswith(first)
    page.wait_for_timeout(300)  # the address follows a moment later
    assert "tree=" not in page.url
    branches.locator("[data-id=begin]").click()
    expect(branches.locator("[data-id=another]")).to_be_enabled()
    expect(branches.locator(".gb-branches li")).to_have_count(1)
    expect(branches.locator(".gb-caption-now")).not_to_contain_text("Example")
    page.wait_for_function("location.hash.includes('tree=')")


def test_a_text_that_is_brought_takes_the_examples_place(view, page):
    """A token picked in Write leads to a tree that holds that text alone."""
    branches = view("branches")
    page.evaluate("glassbox.openView('generate', 'write')")
    page.click("#gb-write [data-id=one]:not([disabled])")
    page.click("#gb-write .gb-written-token")
    expect(branches.locator(".gb-branches li")).to_have_count(1)
    expect(branches.locator(".gb-caption-now")).to_contain_text("Token 1")
    expect(branches.locator(".gb-caption-now")).not_to_contain_text("Example")


def test_side_by_side_opens_on_two_texts(view, drawn, page):
    """A and B are core's at their temperatures; writing both replaces them."""
    sides = view("side_by_side")
    for side, settings in (("a", {}), ("b", {"temperature": 2.0})):
        text = written(sides.locator(f"[data-side={side}]"))
        assert text and drawn(**settings).startswith(text)
    sides.locator("[data-id=go]").click()
    expect(sides.locator("[data-id=clear]")).to_be_enabled()
    expect(sides.locator(".gb-caption-now")).not_to_contain_text("Example")


def test_many_at_once_opens_on_three_samples(view, drawn, page):
    """Three samples with seeds in a row, each core's; the arrows lead through them; the button writes all eight."""
    many = view("many_at_once")
    expect(many.locator(".gb-samples li")).to_have_count(3)
    for seed in range(SEED, SEED + 3):
        text = written(many.locator(f"[data-seed='{seed}']"))
        assert text and drawn(seed=seed).startswith(text)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(many.locator(".gb-caption-now")).to_contain_text(f"Seed {SEED + 1}:")
    page.keyboard.press("ArrowRight")
    expect(many.locator(".gb-caption-now")).to_contain_text("Token 1:")
    many.locator("[data-id=go]").click()
    expect(many.locator(".gb-samples li")).to_have_count(8)
    expect(many.locator(".gb-caption-now")).not_to_contain_text("Example")


def test_keys_write_and_take_back(page):
    """In a room: right draws a token, left takes it back, down points at a bar, Enter writes that one."""
    page.evaluate("glassbox.openView('generate', 'write')")
    page.wait_for_selector("#gb-write .gb-odds button[data-token]")
    chips, says = page.locator("#gb-write .gb-written-token"), page.locator("#gb-write .gb-caption-now")
    page.keyboard.press("p")
    expect(says).to_contain_text("Likeliest next")
    page.keyboard.press("ArrowRight")
    expect(chips).to_have_count(1)
    page.keyboard.press("ArrowLeft")
    expect(chips).to_have_count(0)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    second = page.locator("#gb-write .gb-odds .gb-pointed button")
    expect(says).to_contain_text(second.locator(".gb-odds-token").inner_text())
    page.keyboard.press("Enter")
    expect(page.locator("#gb-write .gb-forced")).to_have_count(1)
    expect(says).to_contain_text("Token 1:")
