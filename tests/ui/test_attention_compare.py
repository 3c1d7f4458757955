"""The Compare view in a browser: two real heads, their difference, and nothing drawn where there is none."""

import re

import pytest
from playwright.sync_api import expect

from llm.checkpoint import load_checkpoint
from llm.inside.trace import trace
from llm.ui.subject import SHIPPED


def test_a_visitor_compares_two_heads(visit):
    """Weights and difference are the model's; the link brings A and B back; unequal lengths get no difference."""
    page = visit("tab=attention&view=compare&a=1.0&b=2.3&cell=6.2")
    page.wait_for_function("document.querySelector('#gb-compare [data-id=stage]')?.hidden === false")
    subject = page.evaluate("({ ...glassbox.subject })")
    checkpoint = load_checkpoint(SHIPPED / subject["model"].removeprefix("shipped:"))
    seen = trace(checkpoint.model, checkpoint.tokenizer.encode(subject["prompt"]), ["blocks.*.attn.hook_pattern"])
    a, b = (float(seen[f"blocks.{layer}.attn.hook_pattern"][0, head, 6, 2]) for layer, head in ((1, 0), (2, 3)))
    readout = page.locator("#gb-compare .gb-caption-now").text_content()
    found = re.findall(r"(?:weight|A − B:) (−?\d[\d.]*\d(?:e−\d+)?)", readout)
    assert [float(x.replace("−", "-")) for x in found] == pytest.approx([a, b, a - b], rel=1e-4, abs=1e-6)

    svg = page.evaluate("glassbox.modules[`shared/picture_file.js`].toSvg(document.querySelector('#gb-compare'))")
    said = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    assert said[:6] == ["A", "layer", "1", "head", "0", "as"] and svg.count("<image") >= 3  # a picture names its heads

    page.locator("#gb-compare [data-side=b] select").nth(1).select_option("0")
    page.wait_for_function("location.hash.includes('b=2.0')")
    page.locator("#gb-compare [data-side=b] summary").click()
    page.locator("#gb-compare [data-side=b] textarea").fill("<b>My lord</b>")
    page.wait_for_function("!document.querySelector('#gb-compare [data-id=apart]').hidden")
    expect(page.locator("#gb-compare [data-id=apart]")).to_contain_text("no difference to draw")
    expect(page.locator("#gb-compare [data-id=difference]")).to_be_hidden()
    page.wait_for_function("location.hash.includes('My')")  # the address follows a moment later
    page.reload()
    what = "document.querySelector('#gb-compare [data-side=b] .gb-compared-what')"
    page.wait_for_function(f"{what}?.textContent.includes('<b>My lord</b>')")
    expect(page.locator("#gb-compare [data-side=b] select").first).to_have_value("2")
