"""The Attention tab in a browser, as a visitor meets it."""

import re

import pytest
from playwright.sync_api import expect

from llm.checkpoint import load_checkpoint
from llm.inside.trace import trace
from llm.ui.subject import SHIPPED

TITLE = "#gb-heads [data-id=title]"
ZOOM = "#gb-heads [data-id=zoom] canvas >> nth=0"
COLOURS = """canvas => {
  const pixels = new Uint32Array(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer);
  return new Set(pixels).size;
}"""


def number(text):
    return float(text.replace("−", "-"))


def wait_for_address(page, *parts):
    page.wait_for_function("parts => parts.every((part) => location.hash.includes(part))", arg=parts)


def open_attention(page):
    page.get_by_role("tab", name="Attention").click()
    page.wait_for_function("document.querySelector('#gb-heads [data-id=title]').textContent")


def middle_cell(page):
    """Point at a cell well inside the triangle; returns where that is and what the tooltip says of it."""
    page.locator(ZOOM).scroll_into_view_if_needed()
    box = page.locator(ZOOM).bounding_box()
    at = box["x"] + 0.45 * box["width"], box["y"] + 0.75 * box["height"]
    page.mouse.move(*at)
    page.wait_for_function("document.querySelector('.gb-tip')?.textContent.includes('score before softmax')")
    found = re.fullmatch(
        r"(.+) \((\d+)\) → (.+) \((\d+)\)weight (\S+)score before softmax (\S+)"
        r"its row adds up to (\S+); its column, over \d+ rows?, to (\S+)",
        page.locator(".gb-tip").text_content(),
    )
    looks, row, looked, column, weight, score, *sums = found.groups()
    return at, (looks, int(row)), (looked, int(column)), number(weight), number(score), [number(x) for x in sums]


def test_the_page_opens_on_a_head_that_is_understood_at_once(page):
    """The first head is a worked example's, its pair marked and its sentence said; space leads to the next head."""
    open_attention(page)
    caption = page.locator("#gb-heads .gb-caption-now")
    expect(caption).to_have_text(re.compile(r"Who comes next\? Layer \d, head \d looks back at Arlo .* \d+ % of its"))
    expect(page.locator("#gb-heads [data-id=kind]")).to_have_text(re.compile(r"^\. \(\d+\) looks at ·Arlo \(\d+\)$"))
    expect(page.locator("#gb-heads .gb-looked")).to_have_text(" Arlo")
    title = page.locator(TITLE).text_content()
    assert caption.text_content().startswith(f"Who comes next? {title} ")
    box = page.locator(ZOOM).bounding_box()
    assert box["height"] > 600 and box["y"] + box["height"] < 900  # large, and not cut
    page.keyboard.press("Space")
    expect(page.locator(TITLE)).not_to_have_text(title)
    expect(caption).to_have_text(re.compile(r"^Layer \d, head \d.* looks most at "))


def test_a_visitor_sees_all_heads_and_reads_exact_weights(page):
    """The grid is drawn at once; clicking zooms; hovering tells the model's own numbers; keys walk; clicks lock."""
    open_attention(page)
    grid = page.locator("#gb-heads [data-id=grid] canvas").first
    page.wait_for_function(f"({COLOURS})(document.querySelector('#gb-heads [data-id=grid] canvas')) > 20")
    expect(page.locator("#gb-heads .gb-next li")).to_have_count(10)

    subject = page.evaluate("({ ...glassbox.subject })")
    checkpoint = load_checkpoint(SHIPPED / subject["model"].removeprefix("shipped:"))
    config, ids = checkpoint.model.config, checkpoint.tokenizer.encode(subject["prompt"])
    layer, head = config.n_layer - 1, 0
    box = grid.bounding_box()
    page.mouse.click(
        box["x"] + (head + 0.5) * box["width"] / config.n_head,
        box["y"] + (layer + 0.5) * box["height"] / config.n_layer,
    )
    page.wait_for_function(f"document.querySelector('{TITLE}').textContent === 'Layer {layer}, head {head}'")

    names = [f"blocks.{layer}.attn.hook_pattern", f"blocks.{layer}.attn.hook_attn_scores"]
    seen = trace(checkpoint.model, ids, names)
    at, (looks, row), (looked, column), weight, score, sums = middle_cell(page)
    spoken = [checkpoint.tokenizer.decode([id]).replace(" ", "·").replace("\n", "⏎") for id in ids]
    assert (looks, looked) == (spoken[row], spoken[column])
    assert weight == pytest.approx(float(seen[names[0]][0, head, row, column]), rel=1e-5)
    assert score == pytest.approx(float(seen[names[1]][0, head, row, column]), rel=1e-5, abs=1e-6)
    assert sums == pytest.approx([1.0, float(seen[names[0]][0, head, :, column].sum())], abs=1e-4)

    readout = page.locator("#gb-heads .gb-caption-now")
    page.mouse.click(*at)
    page.mouse.move(5, 5)
    expect(readout).to_contain_text(f"({row}) looks at {looked} ({column})")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"document.querySelector('{TITLE}').textContent === 'Layer {layer}, head {head + 1}'")
    page.wait_for_function("document.querySelector('#gb-heads .gb-caption-now').textContent.includes('Kept')")
    wait_for_address(page, f"cell={row}.{column}", f"head={layer}.{head + 1}")
    page.keyboard.press(",")
    wait_for_address(page, f"cell={row - 1}.{min(column, row - 1)}")
    page.keyboard.press("Escape")
    expect(readout).not_to_contain_text("Kept")
    page.wait_for_function("!location.hash.includes('cell=')")


def test_a_link_comes_back_and_a_hostile_prompt_stays_text(page, app_url):
    """Head, cell, scale and mute return from the address; markup in a prompt is shown, never run."""
    hostile = "<img src=x onerror=alert(1)> ${1+1} {{value}} </script>"
    page.evaluate("history.replaceState(null, '', '#head=1.1&cell=3.2&scale=linear&mute=1')")
    page.reload()
    open_attention(page)
    expect(page.locator(TITLE)).to_have_text("Layer 1, head 1")
    expect(page.locator("#gb-heads .gb-caption-now")).to_contain_text("Kept")
    expect(page.locator("#gb-heads [data-id=scale] [aria-pressed=true]")).to_have_text("linear")
    expect(page.locator("#gb-heads [data-id=mute]")).to_be_checked()
    page.evaluate("prompt => glassbox.look({ prompt })", hostile)
    page.wait_for_function("document.querySelector('#gb-heads [data-id=reading]').textContent.includes('onerror')")
    assert page.locator("#gb-heads [data-id=reading]").text_content() == hostile
    assert page.locator("#gb-heads img").count() == 0
    page.evaluate("glassbox.look({ prompt: '' })")
    page.get_by_role("button", name="Use an example").click()
    page.wait_for_function("document.querySelector('#gb-heads [data-id=reading]').textContent.startsWith('To be')")


def test_arcs_flows_and_the_order_of_the_heads(page):
    """Arcs hold the share they say, both ways; rollout says what it is; sorting puts the best score first."""
    open_attention(page)
    page.keyboard.press(".")
    page.get_by_role("button", name="arcs", exact=True).click()
    caption = page.locator("#gb-heads [data-id=caption]")
    arcs = page.locator("#gb-heads .gb-arcs path")
    expect(caption).to_contain_text(re.compile(r"holds? \d+ %"))
    count, share = map(int, re.search(r"(\d+) arcs? holds? (\d+) %", caption.text_content()).groups())
    assert arcs.count() == count <= 12 and (share >= 70 or count == 12)
    page.get_by_role("button", name="who looks at it").click()
    expect(arcs).to_have_count(1)  # the last token: itself alone
    expect(caption).to_contain_text("the attention it gets")
    page.get_by_role("button", name="what it looks at").click()
    page.locator("#gb-heads [data-id=flow]").select_option("rollout")
    page.wait_for_function("document.querySelector('#gb-heads [data-id=caption]').textContent.includes('arcs hold')")
    expect(caption).to_contain_text("Abnar")
    wait_for_address(page, "drawn=arcs", "flow=rollout")

    page.locator("#gb-heads [data-id=sort]").select_option("previous")
    page.locator("#gb-heads [data-id=grid] canvas").first.click(position={"x": 10, "y": 10})
    subject = page.evaluate("({ ...glassbox.subject })")
    checkpoint = load_checkpoint(SHIPPED / subject["model"].removeprefix("shipped:"))
    config = checkpoint.model.config
    seen = trace(checkpoint.model, checkpoint.tokenizer.encode(subject["prompt"]), ["blocks.*.attn.hook_pattern"])
    scores = {
        (layer, head): float(seen[f"blocks.{layer}.attn.hook_pattern"][0, head].diagonal(-1)[1:].mean())
        for layer in range(config.n_layer)
        for head in range(config.n_head)
    }
    layer, head = max(scores, key=scores.__getitem__)
    expect(page.locator(TITLE)).to_have_text(f"Layer {layer}, head {head}")
    shown = page.locator("#gb-heads [data-id=scores] tr").first
    expect(shown).to_have_text(f"previous token{max(scores.values()):.2f}")
