"""The view inside a head, in a browser: its numbers are the model's, and it shares head and pair with Heads."""

import math
import re

import pytest
from playwright.sync_api import expect

from llm.checkpoint import load_checkpoint
from llm.inside.trace import trace
from llm.ui.subject import SHIPPED


def test_a_visitor_takes_a_head_apart(visit):
    """Score, weight and length are the model's; a click on a token or a bar, and keys, choose another pair or head."""
    page = visit("tab=attention&view=inside_a_head&head=1.2&cell=7.3")
    title = "document.querySelector('#gb-inside_a_head [data-id=title]')?.textContent"
    page.wait_for_function(f"{title} === 'Layer 1, head 2'")
    subject = page.evaluate("({ ...glassbox.subject })")
    checkpoint = load_checkpoint(SHIPPED / subject["model"].removeprefix("shipped:"))
    names = [f"blocks.1.attn.hook_{name}" for name in ("q", "k", "v", "pattern")]
    seen = trace(checkpoint.model, checkpoint.tokenizer.encode(subject["prompt"]), names)
    q_D, k_D, v_D = seen[names[0]][0, 7, 2], seen[names[1]][0, 3, 2], seen[names[2]][0, 3, 2]
    D, dot, weight = len(q_D), float(q_D @ k_D), float(seen[names[3]][0, 2, 7, 3])
    write_C = checkpoint.model.h[1].attn.c_proj.weight.detach()[:, 2 * D : 3 * D] @ v_D * weight

    def numbers(part):
        text = page.locator(f"#gb-inside_a_head [data-id={part}]").text_content().replace("−", "-")
        return [float(x) for x in re.findall(r"-?\d+\.\d+(?:e-?\d+)?", text)]

    assert numbers("sum") == pytest.approx([dot, dot / math.sqrt(D)], rel=1e-3)
    assert numbers("formula") == pytest.approx([weight, float(write_C.norm())], rel=1e-3)
    expect(page.locator("#gb-inside_a_head [data-id=promoted] tr")).to_have_count(8)
    ink = page.locator("#gb-inside_a_head [data-id=suppressed] i").first.evaluate(
        "bar => getComputedStyle(bar).backgroundColor"
    )
    svg = page.evaluate("glassbox.modules[`shared/picture_file.js`].toSvg(document.querySelector('#gb-inside_a_head'))")
    assert svg.count(f'fill="{ink}"') == 8  # amber without blue is a colour too

    page.locator("#gb-inside_a_head [data-id=reading] .gb-token").nth(9).click()
    pair = "document.querySelector('#gb-inside_a_head [data-id=pair]').textContent"
    page.wait_for_function(f"{pair}.includes('(9) looks at')")
    bars = page.locator("#gb-inside_a_head [data-id=row] canvas").first
    bars.scroll_into_view_if_needed()
    bars.click(position={"x": 5, "y": 40})
    page.wait_for_function(f"{pair}.endsWith('(0)')")
    page.wait_for_function("location.hash.includes('cell=9.0')")
    page.keyboard.press("ArrowDown")
    page.wait_for_function(f"{title} === 'Layer 2, head 2'")
    page.get_by_role("button", name="Heads", exact=True).click()
    page.wait_for_function("document.querySelector('#gb-heads [data-id=title]').textContent === 'Layer 2, head 2'")
    expect(page.locator("#gb-heads .gb-caption-now")).to_contain_text("(9) looks at")
