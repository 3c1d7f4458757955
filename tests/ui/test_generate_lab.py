"""The Generate tab's laboratory as a person uses it: the chain's order, export, branches, two sides, many samples."""

import io
import json
import os
import shlex
import string
from contextlib import redirect_stdout
from urllib.parse import quote

import pytest
import torch
from playwright.sync_api import expect

from llm.checkpoint import load_checkpoint, save_checkpoint
from llm.cli.parser import main
from llm.completion import complete
from llm.config import DEFAULT_ORDER, ModelConfig, SamplingConfig, TrainConfig
from llm.evaluate import surprisal
from llm.filters import filter_logits
from llm.model import GPT
from llm.paths import home
from llm.runs.run import Run
from llm.sampler import generate
from llm.tokenizers import train_tokenizer
from llm.ui.panel import ASSETS

PROMPT = "My lord, the king"
HOSTILE = "<img src=x onerror=\"document.title='broken'\">"


@pytest.fixture(scope="module")
def checkpoint(app_url):
    """A tiny random model, as a run that the command line left in the app's home."""
    tokenizer = train_tokenizer("character", string.printable[:95])
    model = GPT(ModelConfig(tokenizer.vocab_size, n_ctx=64, n_embd=32, n_head=2, n_layer=2), seed=3).eval()
    with torch.no_grad():
        model.wte.weight.mul_(10)  # sharper odds than a fresh model's
    run = Run.create(home() / "runs", model.config, TrainConfig(), tokenizer, corpus="none", name="lab", run_id="lab")
    folder = run.path / "snapshots" / "step-00000000"
    save_checkpoint(folder, model, tokenizer, step=0, info={})
    yield load_checkpoint(folder)
    run.delete()


@pytest.fixture
def lab(visit, checkpoint):
    """Opens the page at one view of the tab, with that model and some settings in its address."""

    def open_view(name, settings=""):
        page = visit(f"tab=generate&view={name}&model=cli:lab&prompt={quote(PROMPT)}{settings}")
        page.wait_for_selector(f"#gb-{name} .gb-panel", state="visible")
        return page

    return open_view


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


def test_the_order_of_the_chain_is_the_persons(lab, checkpoint):
    """Dragged and moved by key, the order acts as core's does, its distance is told, and the address keeps it."""
    page = lab("write", "&t=1.5&k=30&p=0.8&y=0.9")
    page.wait_for_selector("#gb-write .gb-odds button[data-token]")
    note = page.locator("#gb-write .gb-chain-note")
    expect(note).to_contain_text("Hugging Face's order")
    grip, goal = (
        page.locator(f"#gb-write [data-step={name}] .gb-grip").bounding_box() for name in ("top_p", "temperature")
    )
    page.mouse.move(grip["x"] + 5, grip["y"] + 8)
    page.mouse.down()
    page.mouse.move(goal["x"] + 5, goal["y"] - 6, steps=6)
    page.mouse.up()
    page.locator("#gb-write [data-step=typical_p] .gb-grip").press("ArrowUp")
    order = ["repetition_penalty", "top_p", "temperature", "top_k", "typical_p", "min_p"]
    steps = "[...document.querySelectorAll('#gb-write .gb-step')].map((row) => row.dataset.step).join()"
    page.wait_for_function(f"order => {steps} === order", arg=",".join(order))
    settings = {"temperature": 1.5, "top_k": 30, "top_p": 0.8, "typical_p": 0.9}
    ids = checkpoint.tokenizer.encode(PROMPT)
    with torch.no_grad():
        logits = checkpoint.model(torch.tensor([ids]), last_only=True)[0]

    def final(**more):
        return filter_logits(logits, SamplingConfig(**settings, **more)).softmax(-1)[0]

    page.wait_for_function("glassbox.address.get('order') === 'rptkym'")
    mine, theirs = final(order=tuple(order)), final(order=DEFAULT_ORDER)
    apart = (mine - theirs).abs().sum().item() / 2
    assert apart > 0.01
    expect(note).to_contain_text(f"{100 * apart:#.3g} %")
    shown = page.eval_on_selector_all(
        "#gb-write .gb-odds button",
        "(rows) => rows.map((row) => [Number(row.dataset.token), Number(row.dataset.final)])",
    )
    for id, p in shown:
        assert p == pytest.approx(mine[id].item(), abs=1e-5)
    for name in ("temperature", "top_p", "top_k", "typical_p"):
        page.uncheck(f"#gb-write [data-on={name}]")
    expect(page.locator("#gb-write [data-id=kept]")).to_have_text("95 of 95")
    page.check("#gb-write [data-on=top_k]")
    page.wait_for_function("document.querySelector('#gb-write [data-id=kept]').textContent.startsWith('30 ')")
    page.click("text=Back to Hugging Face's order")
    page.wait_for_function("glassbox.address.get('order') === null && glassbox.address.get('off') === 'tpy'")


def test_a_transcript_writes_the_same_again(lab, monkeypatch, capsys):
    """Its Python and its command line, run, print the text of the page; after a choice by hand, the Python does."""
    page = lab("write", f"&t=0.9&k=50&y=0.95&seed=5&n=12&stop={json.dumps(['@@'])}")
    page.wait_for_selector("#gb-write .gb-odds button[data-token]")
    page.click("#gb-write [data-id=generate]")
    counted(page, "write", 12)
    page.wait_for_function("document.querySelector('#gb-write [data-id=generate]').textContent === 'Generate'")
    page.click("#gb-write summary:text('Export')")
    page.wait_for_function("document.querySelector('#gb-write [data-id=code]').textContent.includes('complete(')")
    text = texts(page, "write")
    assert run_python(page.inner_text("#gb-write [data-id=code]")) == text
    with page.expect_download() as download:
        page.click("#gb-write [data-id=json]")
    transcript = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert transcript["text"] == text and transcript["prompt"] == PROMPT and len(transcript["tokens"]) == 12
    assert transcript["settings"]["stop"] == ["@@"] and "\\n" not in transcript["command_line"].split("--prompt=")[0]
    python, module, package, *arguments = shlex.split(transcript["command_line"])
    monkeypatch.chdir(ASSETS.parent)
    capsys.readouterr()
    assert (python, module, package, main(arguments)) == ("python", "-m", "llm", 0)
    assert capsys.readouterr().out == PROMPT + text + "\n"
    with page.expect_download() as download:
        page.click("#gb-write [data-id=png]")
    assert download.value.path().read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    page.locator("#gb-write .gb-odds button").nth(2).click()
    counted(page, "write", 13)
    page.click("#gb-write [data-id=one]")
    counted(page, "write", 14)
    page.wait_for_function(
        "/chosen by hand[^]*generate\\(/.test(document.querySelector('#gb-write [data-id=code]').textContent)"
    )
    assert run_python(page.inner_text("#gb-write [data-id=code]")) == texts(page, "write")
    with page.expect_download() as download:
        page.click("#gb-write [data-id=markdown]")
    assert "chosen by hand" in download.value.path().read_text(encoding="utf-8")


def test_another_token_makes_a_branch(lab, checkpoint):
    """From a token of the text to the odds of that moment, to a branch that core would write, and back to Write."""
    page = lab("branches", "&reach=10&seed=4")
    page.click("#gb-branches [data-id=begin]")
    counted(page, "branches", 10, "[data-id=text]")
    page.wait_for_selector("#gb-branches [data-id=another]:not([disabled])")
    page.locator("#gb-branches [data-id=text] .gb-written-token").nth(4).click()
    page.wait_for_selector("#gb-branches [data-at='4'] .gb-taken")
    rows = page.locator("#gb-branches .gb-odds li:not(.gb-taken) button")
    chosen = int(rows.first.get_attribute("data-token"))
    rows.first.click()
    counted(page, "branches", 15, "[data-id=text]")
    page.wait_for_selector("#gb-branches [data-id=another]:not([disabled])")
    ids = checkpoint.tokenizer.encode(PROMPT)
    first = [c.id for c in generate(checkpoint.model, ids, SamplingConfig(seed=4, max_new_tokens=10))]
    start = [*first[:4], chosen]
    more = [c.id for c in generate(checkpoint.model, ids + start, SamplingConfig(seed=4, max_new_tokens=10))]
    assert texts(page, "branches", "[data-id=text]") == checkpoint.tokenizer.decode(start + more)
    expect(page.locator("#gb-branches [data-id=parting]")).to_contain_text("part at token 5")
    page.click("#gb-branches .gb-active [title^=Rename]")
    page.keyboard.type(HOSTILE[:40])
    page.keyboard.press("Enter")
    expect(page.locator("#gb-branches .gb-active b")).to_have_text(HOSTILE[:40])
    assert page.locator("#gb-branches img").count() == 0
    page.click("#gb-branches .gb-active [title^=Keep]")
    page.click("#gb-branches [data-id=write]")
    page.wait_for_selector("#gb-write .gb-panel", state="visible")
    counted(page, "write", 15)
    page.locator("#gb-write .gb-written-token").nth(2).click()
    page.wait_for_selector("#gb-branches .gb-panel", state="visible")
    expect(page.locator("#gb-branches .gb-branches li")).to_have_count(2)  # the text was known: no third branch
    page.click("#gb-branches .gb-branches li:first-child [title^=Prune]")
    page.wait_for_selector("#gb-branches [data-id=begin]", state="visible")


def test_two_sides_and_many_samples_and_surprise(lab, checkpoint):
    """A and B are core's texts with the first difference marked; samples have their seeds; a text has its surprisal."""
    page = lab("side_by_side", "&n=15&seed=3&b.t=0.3")
    page.click("#gb-side_by_side [data-id=go]:not([disabled])")
    counted(page, "side_by_side", 30)
    model, tokenizer = checkpoint.model, checkpoint.tokenizer
    ids = tokenizer.encode(PROMPT)
    config = SamplingConfig(seed=3, max_new_tokens=15)
    sides = [[c.id for c in generate(model, ids, config.replace(temperature=t))] for t in (1.0, 0.3)]
    assert [texts(page, "side_by_side", f"[data-side={side}]") for side in "ab"] == [
        tokenizer.decode(side) for side in sides
    ]
    apart = next(i for i, (a, b) in enumerate(zip(*sides, strict=True)) if a != b)
    expect(page.locator("#gb-side_by_side .gb-apart")).to_have_count(2)
    assert (
        page.eval_on_selector_all("#gb-side_by_side .gb-apart", "(c) => c.map((x) => x.dataset.at)") == [str(apart)] * 2
    )
    expect(page.locator("#gb-side_by_side .gb-caption-now")).to_contain_text(f"part at token {apart + 1}:")

    page.click(".gb-views [data-view=many_at_once]")
    page.locator("#gb-many_at_once [data-id=count]").fill("3")
    page.click("#gb-many_at_once [data-id=go]:not([disabled])")
    counted(page, "many_at_once", 45)
    page.wait_for_function("document.querySelector('#gb-many_at_once [data-id=go]').textContent === 'Write 3 samples'")
    written = [
        "".join(p.text for p in complete(model, tokenizer, PROMPT, config.replace(seed=seed))) for seed in (3, 4, 5)
    ]
    assert [texts(page, "many_at_once", f"[data-seed='{seed}']") for seed in (3, 4, 5)] == written
    expect(page.locator("#gb-many_at_once .gb-best")).to_have_count(1)
    page.wait_for_function("glassbox.address.get('samples') === '3'")

    page.click(".gb-views [data-view=surprise]")
    page.wait_for_selector("#gb-surprise .gb-written-token")
    text = f"ROMEO: {HOSTILE} " * 3
    page.fill("#gb-surprise [data-id=paste]", text)
    page.wait_for_function("(n) => document.querySelectorAll('#gb-surprise .gb-written-token').length === n",
                          arg=len(tokenizer.encode(text)))  # fmt: skip
    nats = surprisal(model, tokenizer.encode(text))[1:]
    expect(page.locator("#gb-surprise [data-id=figures]")).to_contain_text(f"{torch.tensor(nats).mean().item():.3g}")
    assert page.locator("#gb-surprise img").count() == 0 and page.title() != "broken"
    chip = page.locator("#gb-surprise .gb-written-token").nth(3)
    chip.hover()
    expect(page.locator(".gb-tip")).to_contain_text(f"{nats[2] / torch.log(torch.tensor(2.0)):.3g} bits of surprise")
    page.select_option("#gb-surprise [data-id=rival] select", "cli:lab")
    page.wait_for_selector("#gb-surprise [data-id=colour] [value=apart][aria-pressed=true]")
    chip.hover()
    expect(page.locator(".gb-tip")).to_contain_text("0 bits")
    page.wait_for_function("glassbox.address.get('rival') !== null && glassbox.address.get('text') !== null")
