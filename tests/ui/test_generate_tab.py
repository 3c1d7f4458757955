"""The Write view as a person uses it: sliders move the odds, a seed writes core's text, Stop stops."""

import base64

import pytest
import torch
from playwright.sync_api import expect

from llm.checkpoint import load_checkpoint
from llm.completion import complete
from llm.config import SamplingConfig
from llm.filters import filter_logits
from llm.ui.subject import SHIPPED

ROWS = """() => [...document.querySelectorAll("#gb-write .gb-odds li:not([hidden])")].map((row) => {
  const { token, own, final } = row.firstChild.dataset;
  return { id: Number(token), own: Number(own), final: Number(final), removed: row.classList.contains("gb-removed") };
})"""
WRITTEN = """() => [...document.querySelectorAll("#gb-write .gb-written-token")]
  .map((chip) => chip.textContent).join("").replaceAll("⏎\\n", "\\n")"""
STEP_UNTIL = """(slider, [name, words]) => {
  const says = () => document.querySelector(`#gb-write [data-say=${name}]`).innerText;
  for (let n = 0; n < 250 && says() !== words; n++) {
    slider.stepUp();
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  }
  slider.dispatchEvent(new Event("change", { bubbles: true }));
  return says() === words;
}"""
IDLE = "() => document.querySelector('[data-id=generate]').textContent === 'Generate'"


@pytest.fixture
def tab(page):
    """The page at the Generate tab, with its bars drawn."""
    page.get_by_role("tab", name="Generate").click()
    page.wait_for_selector("#gb-write .gb-odds button[data-token]")
    return page


@pytest.fixture
def shipped(tab):
    """The checkpoint that the page shows."""
    return load_checkpoint(SHIPPED / tab.evaluate("glassbox.subject.model").removeprefix("shipped:"))


def slide(tab, name, words):
    """Move a slider step by step from its left end, the first by its key, until it says `words`."""
    slider = tab.locator(f"#gb-write [data-setting={name}]")
    slider.press("Home")
    if tab.inner_text(f"#gb-write [data-say={name}]") != words:
        slider.press("ArrowRight")
        assert slider.evaluate(STEP_UNTIL, [name, words]), f"{name} never says {words}"


def frames(tab, count=3):
    """Let the page draw."""
    tab.evaluate(
        "(n) => new Promise((done) => { const go = () => (n-- ? requestAnimationFrame(go) : done()); go(); })", count
    )


def expected_odds(tab, shipped, **settings):
    ids = shipped.tokenizer.encode(tab.evaluate("glassbox.subject.prompt"))
    with torch.no_grad():
        logits = shipped.model(torch.tensor([ids[-shipped.model.config.n_ctx :]]), last_only=True)[0]
    filtered = filter_logits(logits, SamplingConfig(**settings), torch.tensor([ids]))
    return logits.softmax(-1)[0], filtered.softmax(-1)[0]


def check_rows(tab, shipped, **settings):
    """Every bar shows core's own and final probability; the rows are the most likely tokens."""
    frames(tab)
    own, final = expected_odds(tab, shipped, **settings)
    rows = tab.evaluate(ROWS)
    assert len(rows) >= 20
    for row in rows:
        assert row["own"] == pytest.approx(own[row["id"]].item(), abs=1e-5)
        assert row["final"] == pytest.approx(final[row["id"]].item(), abs=1e-5)
        assert row["removed"] == (final[row["id"]].item() == 0.0)
    assert sum(row["final"] for row in rows) == pytest.approx(final.topk(len(rows)).values.sum().item(), abs=1e-5)
    return rows


def test_sliders_move_the_odds_as_core_says(tab, shipped):
    """Dragging temperature, then top-k 5, top-p and the penalty, shows filter_logits' odds, also after a reload."""
    check_rows(tab, shipped)
    requests = []
    tab.on("request", lambda request: requests.append(request.url))
    box = tab.locator("#gb-write [data-setting=temperature]").bounding_box()
    middle = box["y"] + box["height"] / 2
    tab.mouse.move(box["x"] + box["width"] / 2, middle)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] * 0.7, middle, steps=5)
    tab.mouse.up()
    temperature = float(tab.inner_text("#gb-write [data-say=temperature]"))
    assert 2.0 < temperature < 3.0
    check_rows(tab, shipped, temperature=temperature)
    slide(tab, "top_k", "5")
    rows = check_rows(tab, shipped, temperature=temperature, top_k=5)
    assert [row["removed"] for row in rows] == [False] * 5 + [True] * (len(rows) - 5)
    expect(tab.locator("#gb-write .gb-cut")).to_have_attribute("data-cut", "top-k 5")
    slide(tab, "top_p", "0.5")
    slide(tab, "repetition_penalty", "1.3")
    settings = {"temperature": temperature, "top_k": 5, "top_p": 0.5, "repetition_penalty": 1.3}
    check_rows(tab, shipped, **settings)
    assert requests == []
    tab.wait_for_function("glassbox.address.get('r') === '1.3'")
    tab.reload()
    tab.get_by_role("tab", name="Generate").click()
    tab.wait_for_selector("#gb-write .gb-odds button[data-token]")
    check_rows(tab, shipped, **settings)
    slide(tab, "temperature", "0, greedy")
    assert [row["final"] for row in check_rows(tab, shipped, **{**settings, "temperature": 0.0})][:2] == [1.0, 0.0]


def test_a_seed_writes_the_text_that_core_writes(tab, shipped):
    """Twice the same text, token by token or in one go, and it is complete()'s; it can be kept as the prompt."""
    prompt = tab.evaluate("glassbox.subject.prompt")
    slide(tab, "temperature", "0.794")
    slide(tab, "top_k", "10")
    tab.get_by_text("Length and stop texts").click()
    slide(tab, "max_new_tokens", "30")
    tab.fill("#gb-write [data-id=seed]", "42")
    config = SamplingConfig(temperature=0.794, top_k=10, seed=42, max_new_tokens=30)
    expected = "".join(piece.text for piece in complete(shipped.model, shipped.tokenizer, prompt, config))
    written = []
    for singly in (0, 3):
        for n in range(singly):
            tab.click("#gb-write [data-id=one]")
            tab.wait_for_function(
                "(n) => document.querySelectorAll('#gb-write .gb-written-token').length === n", arg=n + 1
            )
        if singly:
            slide(tab, "max_new_tokens", "20")  # how long it gets does not change what is drawn
        tab.click("#gb-write [data-id=generate]")
        tab.wait_for_function("(n) => document.querySelectorAll('#gb-write .gb-written-token').length > n", arg=singly)
        tab.wait_for_function(IDLE)
        written.append(tab.evaluate(WRITTEN))
        if not singly:
            tab.click("#gb-write [data-id=clear]")
            tab.wait_for_function("document.querySelectorAll('#gb-write .gb-written-token').length === 0")
    assert written[0] == expected
    assert expected.startswith(written[1]) and tab.locator("#gb-write .gb-written-token").count() == 23
    tab.click("#gb-write [data-id=keep]")
    tab.wait_for_function("(text) => glassbox.subject.prompt === text", arg=prompt + written[1])


def test_stop_undo_and_a_token_of_ones_own(tab):
    """Stop ends a long generation where it is; undo takes a token back, redo brings it; a clicked bar is written."""
    tab.get_by_text("Length and stop texts").click()
    tab.press("#gb-write [data-setting=max_new_tokens]", "End")
    tab.click("#gb-write [data-id=generate]")
    tab.wait_for_function("document.querySelectorAll('#gb-write .gb-written-token').length > 5")
    tab.get_by_role("button", name="Stop").click()
    tab.wait_for_function(IDLE)
    count = tab.locator("#gb-write .gb-written-token").count()
    frames(tab, 30)
    assert 5 < count == tab.locator("#gb-write .gb-written-token").count() < 2000
    tab.click("#gb-write [data-id=undo]")
    tab.wait_for_function("(n) => document.querySelectorAll('#gb-write .gb-written-token').length === n", arg=count - 1)
    tab.click("#gb-write [data-id=redo]")
    tab.wait_for_function("(n) => document.querySelectorAll('#gb-write .gb-written-token').length === n", arg=count)
    chosen = tab.evaluate(ROWS)[4]
    tab.locator("#gb-write .gb-odds button").nth(4).click()
    tab.wait_for_selector("#gb-write .gb-written-token.gb-forced")
    tab.locator("#gb-write .gb-written-token").last.hover()
    expect(tab.locator(".gb-tip")).to_contain_text(f"id {chosen['id']}")
    expect(tab.locator(".gb-tip")).to_contain_text("you chose it")


def test_the_less_used_samplers_come_when_asked_for(tab):
    """Four are there; one click, or a link that has one of the others on, brings the rest."""
    steps = tab.locator("#gb-write .gb-step:not([hidden])")
    expect(steps).to_have_count(4)
    tab.get_by_role("button", name="More samplers").click()
    expect(steps).to_have_count(6)
    expect(tab.locator("#gb-write [data-on=min_p]")).to_be_focused()
    tab.locator("#gb-write [data-on=min_p]").press("Space")
    tab.wait_for_function("glassbox.address.get('m') !== null")
    tab.reload()
    expect(steps).to_have_count(6)
    expect(tab.locator("#gb-write [data-on=min_p]")).to_be_checked()


def test_a_character_cut_by_tokens_shows_its_bytes_until_it_is_whole(page):
    """Two tokens of one emoji: first its bytes, then the emoji once; markup in a token stays text."""
    tokens = ["😀".encode()[:2], "😀".encode()[2:], b"<img src=x>"]
    answer = {
        "tokenizer": "t",
        "eot_id": None,
        "lengths": base64.b64encode(b"".join(len(token).to_bytes(4, "little") for token in tokens)).decode(),
        "bytes": base64.b64encode(b"".join(tokens)).decode(),
    }
    seen = page.evaluate(
        """(answer) => {
          const { modules } = glassbox, box = document.createElement("div"), seen = [];
          const vocabulary = modules["shared/tokens/vocabulary.js"].vocabularyOf(answer);
          const written = modules["generate/token_chips.js"].tokenChips(box, document.createElement("canvas"));
          written.reset("", vocabulary);
          for (const id of [0, 1, 2]) { written.add({ id, raw: 0.5 }); seen.push(box.textContent); }
          return [...seen, vocabulary.text([0, 1, 2]), box.querySelector("img") === null];
        }""",
        answer,
    )
    assert seen == ["‹F0 9F›", "😀", "😀<img src=x>", "😀<img src=x>", True]
