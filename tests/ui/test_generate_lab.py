"""The Generate tab's laboratory as a person uses it: the chain's order, export, branches, two sides, many samples."""

import io
import json
import os
import shlex
from contextlib import redirect_stdout

import pytest
import torch

from llm.__main__ import main
from llm.checkpoint import load_checkpoint
from llm.completion import complete
from llm.config import HUGGING_FACE_ORDER, SamplingConfig
from llm.evaluate import surprisal
from llm.filters import filter_logits
from llm.sampler import generate
from llm.ui.components import ASSETS
from llm.ui.subject import SHIPPED

HOSTILE = "<img src=x onerror=\"document.title='broken'\">"


def open_view(page, name, address=""):
    """Load the page at one view of the tab, with some settings in its address."""
    page.goto("about:blank")
    page.goto(f"{page.app_url}/#tab=generate&view={name}{address}")
    page.wait_for_function("window.glassbox && glassbox.subject.model !== null")
    page.wait_for_selector(f"#gb-{name} .gb-lens", state="visible")


@pytest.fixture
def lab(page, app_url):
    page.app_url = app_url
    return page


def shipped(page):
    return load_checkpoint(SHIPPED / page.evaluate("glassbox.subject.model").removeprefix("shipped:"))


def counted(page, view, count, part=""):
    page.wait_for_function(
        "([view, count, part]) => document.querySelectorAll(`#gb-${view} ${part} .gb-written-token`).length === count",
        arg=[view, count, part],
    )


def texts(page, view, part=""):
    """The written text of a view, as the page shows it."""
    return page.evaluate(
        """([view, part]) => [...document.querySelectorAll(`#gb-${view} ${part} .gb-written-token`)]
          .map((chip) => chip.textContent).join("").replaceAll("⏎\\n", "\\n")""",
        [view, part],
    )


def run_python(code):
    """What a piece of Python prints, run from the project's folder as its reader would."""
    out, here = io.StringIO(), os.getcwd()
    os.chdir(ASSETS.parent)
    try:
        with redirect_stdout(out):
            exec(code, {})
    finally:
        os.chdir(here)
    return out.getvalue().removesuffix("\n")


def test_the_order_of_the_chain_is_the_persons(lab):
    """Dragged and moved by key, the order acts as core's does, its distance is told, and the address keeps it."""
    open_view(lab, "writing", "&t=1.5&k=30&p=0.8&y=0.9&prompt=My%20lord")
    lab.wait_for_selector("#gb-writing .gb-odds button[data-token]")
    assert "Hugging Face's order" in lab.inner_text("#gb-writing .gb-chain-note")
    grip, goal = (
        lab.locator(f"#gb-writing [data-step={name}] .gb-grip").bounding_box() for name in ("top_p", "temperature")
    )
    lab.mouse.move(grip["x"] + 5, grip["y"] + 8)
    lab.mouse.down()
    lab.mouse.move(goal["x"] + 5, goal["y"] - 6, steps=6)
    lab.mouse.up()
    lab.locator("#gb-writing [data-step=typical_p] .gb-grip").press("ArrowUp")
    order = ["repetition_penalty", "top_p", "temperature", "top_k", "typical_p", "min_p"]
    steps = lab.eval_on_selector_all("#gb-writing .gb-step", "(rows) => rows.map((row) => row.dataset.step)")
    assert steps == order
    checkpoint, settings = shipped(lab), {"temperature": 1.5, "top_k": 30, "top_p": 0.8, "typical_p": 0.9}
    ids = checkpoint.tokenizer.encode(lab.evaluate("glassbox.subject.prompt"))
    with torch.no_grad():
        logits = checkpoint.model(torch.tensor([ids]), last_only=True)[0]

    def final(**more):
        return filter_logits(logits, SamplingConfig(**settings, **more)).softmax(-1)[0]

    lab.wait_for_function("glassbox.address.get('order') === 'rptkym'")
    shown = lab.eval_on_selector_all(
        "#gb-writing .gb-odds button",
        "(rows) => rows.map((row) => [Number(row.dataset.token), Number(row.dataset.final)])",
    )
    mine, theirs = final(order=tuple(order)), final(order=HUGGING_FACE_ORDER)
    for id, p in shown:
        assert p == pytest.approx(mine[id].item(), abs=1e-5)
    apart = (mine - theirs).abs().sum().item() / 2
    note = lab.inner_text("#gb-writing .gb-chain-note")
    assert apart > 0.01 and f"{100 * apart:#.3g} %" in note
    for name in ("temperature", "top_p", "top_k", "typical_p"):
        lab.uncheck(f"#gb-writing [data-on={name}]")
    assert lab.inner_text("#gb-writing [data-id=kept]") == "1\u202f024 of 1\u202f024"
    lab.check("#gb-writing [data-on=top_k]")
    lab.wait_for_function("document.querySelector('#gb-writing [data-id=kept]').textContent.startsWith('30 ')")
    lab.click("text=Back to Hugging Face's order")
    lab.wait_for_function("glassbox.address.get('order') === null && glassbox.address.get('off') === 'tpy'")


def test_a_transcript_writes_the_same_again(lab, monkeypatch, capsys):
    """Its Python and its command line, run, print the text of the page; after a choice by hand, the Python does."""
    open_view(lab, "writing", f"&t=0.9&k=50&y=0.95&seed=5&n=12&stop={json.dumps(['@@'])}")
    lab.wait_for_selector("#gb-writing .gb-odds button[data-token]")
    lab.click("#gb-writing [data-id=generate]")
    counted(lab, "writing", 12)
    lab.wait_for_function("document.querySelector('#gb-writing [data-id=generate]').textContent === 'Generate'")
    lab.click("#gb-writing summary:text('Export')")
    lab.wait_for_function("document.querySelector('#gb-writing [data-id=code]').textContent.includes('complete(')")
    text, prompt = texts(lab, "writing"), lab.evaluate("glassbox.subject.prompt")
    assert run_python(lab.inner_text("#gb-writing [data-id=code]")) == text
    with lab.expect_download() as download:
        lab.click("#gb-writing [data-id=json]")
    transcript = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert transcript["text"] == text and transcript["prompt"] == prompt and len(transcript["tokens"]) == 12
    assert transcript["settings"]["stop"] == ["@@"] and "\\n" not in transcript["command_line"].split("--prompt=")[0]
    python, module, package, *arguments = shlex.split(transcript["command_line"])
    monkeypatch.chdir(ASSETS.parent)
    capsys.readouterr()
    assert (python, module, package, main(arguments)) == ("python", "-m", "llm", 0)
    assert capsys.readouterr().out == prompt + text + "\n"
    with lab.expect_download() as download:
        lab.click("#gb-writing [data-id=png]")
    assert download.value.path().read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    lab.locator("#gb-writing .gb-odds button").nth(2).click()
    counted(lab, "writing", 13)
    lab.click("#gb-writing [data-id=one]")
    counted(lab, "writing", 14)
    lab.wait_for_function("document.querySelector('#gb-writing [data-id=code]').textContent.includes('chosen by hand')")
    assert run_python(lab.inner_text("#gb-writing [data-id=code]")) == texts(lab, "writing")
    with lab.expect_download() as download:
        lab.click("#gb-writing [data-id=markdown]")
    assert "chosen by hand" in download.value.path().read_text(encoding="utf-8")


def test_another_token_makes_a_branch(lab):
    """From a token of the text to the odds of that moment, to a branch that core would write, and back to Write."""
    open_view(lab, "branches", "&reach=10&seed=4")
    lab.click("#gb-branches [data-id=begin]")
    counted(lab, "branches", 10, "[data-id=text]")
    lab.wait_for_selector("#gb-branches [data-id=another]:not([disabled])")
    lab.locator("#gb-branches [data-id=text] .gb-written-token").nth(4).click()
    lab.wait_for_selector("#gb-branches .gb-odds .gb-taken")
    rows = lab.locator("#gb-branches .gb-odds li:not(.gb-taken) button")
    chosen = int(rows.first.get_attribute("data-token"))
    rows.first.click()
    counted(lab, "branches", 15, "[data-id=text]")
    lab.wait_for_selector("#gb-branches [data-id=another]:not([disabled])")
    checkpoint = shipped(lab)
    ids = checkpoint.tokenizer.encode(lab.evaluate("glassbox.subject.prompt"))
    first = [c.id for c in generate(checkpoint.model, ids, SamplingConfig(seed=4, max_new_tokens=10))]
    start = [*first[:4], chosen]
    more = [c.id for c in generate(checkpoint.model, ids + start, SamplingConfig(seed=4, max_new_tokens=10))]
    assert texts(lab, "branches", "[data-id=text]") == checkpoint.tokenizer.decode(start + more)
    assert "part at token 5" in lab.inner_text("#gb-branches [data-id=parting]")
    lab.click("#gb-branches .gb-active [title^=Rename]")
    lab.keyboard.type(HOSTILE[:40])
    lab.keyboard.press("Enter")
    assert lab.inner_text("#gb-branches .gb-active b") == HOSTILE[:40]
    assert lab.locator("#gb-branches img").count() == 0
    lab.click("#gb-branches .gb-active [title^=Keep]")
    lab.click("#gb-branches [data-id=write]")
    lab.wait_for_selector("#gb-writing .gb-lens", state="visible")
    counted(lab, "writing", 15)
    lab.locator("#gb-writing .gb-written-token").nth(2).click()
    lab.wait_for_selector("#gb-branches .gb-lens", state="visible")
    assert lab.locator("#gb-branches .gb-branches li").count() == 2  # the text was known: no third branch
    lab.click("#gb-branches .gb-branches li:first-child [title^=Prune]")
    lab.wait_for_selector("#gb-branches [data-id=begin]", state="visible")


def test_two_sides_and_many_samples_and_surprise(lab):
    """A and B are core's texts with the first difference marked; samples have their seeds; a text has its surprisal."""
    open_view(lab, "duel", "&n=15&seed=3&b.t=0.3")
    lab.click("#gb-duel [data-id=go]:not([disabled])")
    counted(lab, "duel", 30)
    checkpoint = shipped(lab)
    model, tokenizer, prompt = checkpoint.model, checkpoint.tokenizer, lab.evaluate("glassbox.subject.prompt")
    ids = tokenizer.encode(prompt)
    config = SamplingConfig(seed=3, max_new_tokens=15)
    sides = [[c.id for c in generate(model, ids, config.replace(temperature=t))] for t in (1.0, 0.3)]
    assert [texts(lab, "duel", f"[data-side={side}]") for side in "ab"] == [tokenizer.decode(side) for side in sides]
    apart = next(i for i, (a, b) in enumerate(zip(*sides, strict=True)) if a != b)
    assert lab.eval_on_selector_all("#gb-duel .gb-apart", "(c) => c.map((x) => x.dataset.at)") == [str(apart)] * 2
    assert f"part at token {apart + 1}:" in lab.inner_text("#gb-duel [data-id=parting]")

    lab.click(".gb-views [data-view=batch]")
    lab.locator("#gb-batch [data-id=count]").fill("3")
    lab.click("#gb-batch [data-id=go]:not([disabled])")
    counted(lab, "batch", 45)
    lab.wait_for_function("document.querySelector('#gb-batch [data-id=go]').textContent === 'Write 3 samples'")
    written = [
        "".join(p.text for p in complete(model, tokenizer, prompt, config.replace(seed=seed))) for seed in (3, 4, 5)
    ]
    assert [texts(lab, "batch", f"[data-seed='{seed}']") for seed in (3, 4, 5)] == written
    assert lab.locator("#gb-batch .gb-best").count() == 1 and lab.evaluate("glassbox.address.get('samples')") == "3"

    lab.click(".gb-views [data-view=surprisal]")
    lab.wait_for_selector("#gb-surprisal .gb-written-token")
    text = f"ROMEO: {HOSTILE} " * 3
    lab.fill("#gb-surprisal [data-id=paste]", text)
    lab.wait_for_function("(n) => document.querySelectorAll('#gb-surprisal .gb-written-token').length === n",
                          arg=len(tokenizer.encode(text)))  # fmt: skip
    nats = surprisal(model, tokenizer.encode(text))[1:]
    assert f"{torch.tensor(nats).mean().item():.3g}" in lab.inner_text("#gb-surprisal [data-id=figures]")
    assert lab.locator("#gb-surprisal img").count() == 0 and lab.title() != "broken"
    chip = lab.locator("#gb-surprisal .gb-written-token").nth(3)
    chip.hover()
    assert f"{nats[2] / torch.log(torch.tensor(2.0)):.3g} bits of surprise" in lab.inner_text(".gb-tip")
    lab.select_option("#gb-surprisal [data-id=rival] select", lab.evaluate("glassbox.subject.model"))
    lab.wait_for_selector("#gb-surprisal [data-id=colour] [value=apart][aria-pressed=true]")
    chip.hover()
    assert "0 bits" in lab.inner_text(".gb-tip")
    lab.wait_for_function("glassbox.address.get('rival') !== null && glassbox.address.get('text') !== null")
