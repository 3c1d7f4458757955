"""Worked examples, files and the QR code: what a speaker needs in a room and takes home."""

import base64
import functools
import io
import json
import re

import numpy as np
import pytest
import segno
import tiny_model
import torch
from playwright.sync_api import expect

from llm.checkpoint import load_checkpoint, save_checkpoint
from llm.config import ModelConfig
from llm.inside.trace import trace
from llm.model import GPT
from llm.runs.snapshots import Snapshots
from llm.tokenizers import train_tokenizer
from llm.ui import subject
from llm.ui.attention import examples
from llm.ui.attention.examples import build_examples
from llm.ui.attention.worked_examples import WORKED_EXAMPLES
from llm.ui.bar import build_bar, qr_rows
from llm.ui.sessions import Sessions
from llm.ui.subject import SHIPPED, Loaded

asked = functools.partial(tiny_model.asked, prompt="the quick")


@pytest.fixture
def strip(tiny):
    """Endpoints by name, over one tiny random model; the model; its tokenizer."""
    return tiny(build_examples, n_ctx=40)


@pytest.mark.parametrize(
    ("name", "model"), [(n, m) for n, e in WORKED_EXAMPLES.items() for m in e.models if (SHIPPED / m).is_dir()]
)
def test_a_worked_example_says_what_is_so(name, model):
    """In each shipped model it names: the share it says is what the marked pairs get, and no other head gives more."""
    checkpoint = load_checkpoint(SHIPPED / model)
    example, tokenizer = WORKED_EXAMPLES[name], checkpoint.tokenizer
    prompt = example.models[model]
    found, says = example.find(Loaded(checkpoint.model.eval(), tokenizer, model, None), prompt)
    ids = tokenizer.encode(prompt)
    marks = example.marks(tokenizer, prompt, ids)
    seen = trace(checkpoint.model, ids, ["blocks.*.attn.hook_pattern"])
    shares = {
        (layer, head): float((seen[f"blocks.{layer}.attn.hook_pattern"][0, head] * marks).sum(1)[marks.any(1)].mean())
        for layer in range(checkpoint.model.config.n_layer)
        for head in range(checkpoint.model.config.n_head)
    }
    assert shares[found.layer, found.head] == max(shares.values())
    assert f"Layer {found.layer}, head {found.head}" in says and f"{100 * max(shares.values()):.0f} %" in says
    assert marks[found.row, found.column] and len(re.findall(r"[.!?](?= |$)", says)) <= 2


def shares_of(model, prompt, marks):
    """(layer, head) -> share of its attention on the marked pairs, over the rows that have one."""
    checkpoint = load_checkpoint(SHIPPED / model)
    ids = checkpoint.tokenizer.encode(prompt)
    seen = trace(checkpoint.model, ids, ["blocks.*.attn.hook_pattern"])
    marks = marks(checkpoint.tokenizer, prompt, ids)
    config = checkpoint.model.config
    return {
        (layer, head): float((seen[f"blocks.{layer}.attn.hook_pattern"][0, head] * marks).sum(1)[marks.any(1)].mean())
        for layer in range(config.n_layer)
        for head in range(config.n_head)
    }


@pytest.mark.parametrize(
    ("name", "least"),
    [("previous", 0.99), ("induction", 0.95), ("sink", 0.9), ("pronoun", 0.9), ("sorting", 0.85), ("training", 0.95)],
)
def test_a_worked_example_shows_what_it_promises(name, least):
    """The first model of each shows it clearly: so much of its best head's attention goes where the sentence says."""
    example = WORKED_EXAMPLES[name]
    model, prompt = next(iter(example.models.items()))
    assert max(shares_of(model, prompt, example.marks).values()) > least


def test_what_the_sentences_say_beside_the_share():
    """Only > looks away from the resting place; other heads of the sorter look for other digits; training brings it."""
    sink, sorting = WORKED_EXAMPLES["sink"], WORKED_EXAMPLES["sorting"]
    checkpoint = load_checkpoint(SHIPPED / "sorter")
    prompt = sink.models["sorter"]
    found, _ = sink.find(Loaded(checkpoint.model.eval(), checkpoint.tokenizer, "sorter", None), prompt)
    name = f"blocks.{found.layer}.attn.hook_pattern"
    first_T = trace(checkpoint.model, checkpoint.tokenizer.encode(prompt), [name])[name][0, found.head, :, 0]
    assert first_T[prompt.index(">")] < 0.05 and (first_T > 0.9).sum() == len(prompt) - 1
    winners = set()
    for digits in ("8652341", "8652342", "8652340"):  # the smallest is a 1, a 2, a 0
        shares = shares_of("sorter", f"\n{digits}>{''.join(sorted(digits))}", sorting.marks)
        winners.add(max(shares, key=shares.get))
    assert len(winners) == 3
    example = WORKED_EXAMPLES["training"]
    snapshots = Snapshots(SHIPPED / "induction" / "snapshots")
    before = Loaded(
        snapshots.load(snapshots.steps()[0]).eval(), load_checkpoint(SHIPPED / "induction").tokenizer, "", 0
    )
    assert example.find(before, example.models["induction"])[0].share < 0.2


def test_examples_whose_model_is_missing_are_left_out(strip, tmp_path):
    """The row holds what works here; before and after needs snapshots; asking for another is refused kindly."""
    endpoints, _, _ = strip
    assert endpoints["list_worked_examples"](asked()) == {"examples": []}
    assert "not here" in endpoints["find_worked_example"](asked(name="sorting"))["error"]
    assert "must be one of" in endpoints["find_worked_example"](asked(name="../x"))["error"]
    text = "".join(sorted(set("".join(WORKED_EXAMPLES["induction"].models.values()))))
    save_checkpoint(tmp_path / "induction", model_of(text), train_tokenizer("character", text))
    names = [example["name"] for example in endpoints["list_worked_examples"](asked())["examples"]]
    assert names == ["previous", "induction"]
    found = endpoints["find_worked_example"](asked(name="induction"))
    assert found["model"] == "shipped:induction" and found["step"] is None and found["steps"] == []
    row, column = found["cell"]
    assert found["prompt"][row] == found["prompt"][column - 1]  # what followed the same character before
    for step in (0, 50):
        folder = Snapshots(tmp_path / "induction" / "snapshots").path(step)
        save_checkpoint(folder, model_of(text), train_tokenizer("character", text))
    names = [example["name"] for example in endpoints["list_worked_examples"](asked())["examples"]]
    assert names == ["previous", "induction", "training"]
    found = endpoints["find_worked_example"](asked(name="training"))
    assert found["step"] == 0 and found["steps"] == [0, 50]


def model_of(text):
    vocabulary = train_tokenizer("character", text).vocab_size
    return GPT(ModelConfig(vocabulary, n_ctx=40, n_embd=16, n_head=2, n_layer=2))


@pytest.mark.parametrize("whole", [False, True])
def test_tensors_are_the_models(strip, whole):
    """numpy reads the file without pickle; pattern, q, k and v are the trace's, of one head or of all."""
    endpoints, model, tokenizer = strip
    ids = tokenizer.encode("the quick")
    seen = trace(model, ids, ["blocks.*.attn.hook_*"])
    answer = endpoints["pack_tensors"](asked(whole=True) if whole else asked(layer=1, head=2))
    file = np.load(io.BytesIO(base64.b64decode(answer["file"])), allow_pickle=False)
    layers, heads = ([0, 1], [0, 1, 2, 3]) if whole else ([1], [2])
    assert (file["layers"].tolist(), file["heads"].tolist()) == (layers, heads)
    for i, layer in enumerate(layers):
        expected_HTT = seen[f"blocks.{layer}.attn.hook_pattern"][0, heads]
        np.testing.assert_allclose(file["pattern"][i], expected_HTT.numpy(), atol=1e-6)
        for part in "qkv":
            expected_HTD = seen[f"blocks.{layer}.attn.hook_{part}"][0].transpose(0, 1)[heads]
            np.testing.assert_array_equal(file[part][i], expected_HTD.numpy())
    assert file["ids"].tolist() == ids and "".join(file["tokens"]) == "the quick"


def test_too_many_heads_for_a_file_are_refused_kindly(strip, monkeypatch):
    """Both files of all heads are bounded; a prompt as long as the sentence says fits, one token more doesn't."""
    endpoints, _, _ = strip
    monkeypatch.setattr(examples, "MAX_VALUES", 8 * 12 * (12 + 3 * 4) + 9)
    monkeypatch.setattr(examples, "MAX_PAGE_VALUES", 12 * 2 * 2 * 16 + 9)
    for name in ("pack_tensors", "pack_heads"):
        assert "error" not in endpoints[name](asked(prompt="the quick br", whole=True))
        refusal = endpoints[name](asked(prompt="the quick bro", whole=True))["error"]
        assert "Save one head" in refusal and "at most 12 tokens" in refusal


def test_queries_and_keys_of_all_heads_are_packed_exactly(strip):
    """What the saved page of all heads works from is the trace's own float32, head by head."""
    endpoints, model, tokenizer = strip
    answer = endpoints["pack_heads"](asked())
    seen = trace(model, tokenizer.encode("the quick"), ["blocks.*.attn.hook_[qk]"])
    for part in "qk":
        expected = torch.cat([seen[f"blocks.{layer}.attn.hook_{part}"][0].transpose(0, 1) for layer in (0, 1)])
        np.testing.assert_array_equal(tiny_model.floats(answer[part]), expected.flatten().numpy())


def test_one_head_is_packed_exactly(strip):
    """Weights and scores of the saved page are the trace's own float32."""
    endpoints, model, tokenizer = strip
    answer = endpoints["pack_head"](asked(layer=1, head=3))
    seen = trace(model, tokenizer.encode("the quick"), ["blocks.1.attn.hook_pattern", "blocks.1.attn.hook_attn_scores"])
    for key, name in (("pattern", "pattern"), ("scores", "attn_scores")):
        sent = np.frombuffer(base64.b64decode(answer[key]), np.float32)
        np.testing.assert_array_equal(sent, seen[f"blocks.1.attn.hook_{name}"][0, 3].numpy()[np.tril_indices(9)])


@pytest.mark.parametrize("name", ["pack_head", "pack_heads", "pack_tensors"])
@pytest.mark.parametrize("values", [{"whole": 1, "prompt": "Ω"}, {"layer": "1", "whole": "yes", "prompt": ""}])
def test_hostile_requests_get_one_sentence(strip, name, values):
    """Whatever is sent, the answer is a refusal in words."""
    error = strip[0][name](asked(**values))["error"]
    assert error.endswith(".") and "Something went wrong" not in error


def test_a_code_holds_the_link(monkeypatch, tmp_path):
    """Its modules are those of the standard's encoder with the quiet zone around; a link too long is said to be."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    link = "http://192.168.1.20:7860/#model=shipped%3Asorter&prompt=3141592%3E&head=1.3"
    rows = qr_rows(link)
    side = len(rows)
    assert all(len(row) == side for row in rows) and "1" not in rows[0] + rows[3] + rows[-1]
    assert rows[4][4:11] == "1111111"  # a corner's finder pattern
    matrix = [list(row) for row in segno.make_qr(link, error="l", boost_error=False).matrix]
    assert [[int(c) for c in row[4:-4]] for row in rows[4:-4]] == matrix
    ask = {fn.__name__: fn for fn in build_bar(subject.Subjects(Sessions())).server_fns}["draw_code"]
    assert "too long" in ask({"visitor": "0" * 32, "link": "x" * 5000})["error"]
    assert "must be a text" in ask({"visitor": "0" * 32, "link": 5})["error"]


def test_a_speaker_shows_an_example_saves_it_and_shares_it(page, browser, tmp_path):
    """One click leads to head and cell; the saved page hovers without a network; pictures, tensors and code come."""
    page.get_by_role("tab", name="Attention").click()
    page.locator("#gb-examples [data-id=worked] summary").click()
    page.locator("#gb-examples [data-name=sorting]").click()
    page.wait_for_function("document.querySelector('#gb-heads .gb-caption-now').textContent.includes('Kept')")
    title = page.locator("#gb-heads [data-id=title]").text_content()
    expect(page.locator("#gb-examples [data-id=says]")).to_have_text(re.compile(f"^{re.escape(title)}"))
    page.wait_for_function("glassbox.subject.model === 'shipped:sorter' && location.hash.includes('cell=')")

    def saved(kind):
        page.locator("#gb-examples [data-id=menu] summary").click()
        with page.expect_download() as download:
            page.locator(f"#gb-examples button[value={kind}]").click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        return path

    page.evaluate("glassbox.look({ prompt: '\\n52>25' })")
    page.wait_for_function("document.querySelector('#gb-heads [data-id=reading]').textContent.includes('52>25')")
    file = saved("html")
    offline = browser.new_context(offline=True).new_page()
    errors = []
    offline.on("pageerror", lambda error: errors.append(str(error)))
    offline.goto(file.as_uri())
    box = offline.locator("canvas").bounding_box()
    offline.mouse.move(box["x"] + 110 + 10, box["y"] + 110 + 10)  # the first cell: a token that sees only itself
    expect(offline.locator("output")).to_contain_text("looks at ⏎ (0): weight 1,")
    assert not errors
    offline.context.close()
    every = saved("all-html")
    offline = browser.new_context(offline=True).new_page()
    offline.on("pageerror", lambda error: errors.append(str(error)))
    offline.goto(every.as_uri())
    grid, zoom = (offline.locator("canvas").nth(i).bounding_box() for i in range(2))
    offline.mouse.click(grid["x"] + 10, grid["y"] + 10)
    expect(offline.locator("output").first).to_have_text("Layer 0, head 0")
    offline.mouse.move(zoom["x"] + 110 + 10, zoom["y"] + 110 + 40)  # the second row, the first column
    expect(offline.locator("output").nth(1)).to_contain_text("weight")
    checkpoint = load_checkpoint(SHIPPED / "sorter")
    seen = trace(checkpoint.model, checkpoint.tokenizer.encode("\n52>25"), ["blocks.0.attn.hook_pattern"])
    weight = float(re.search(r"weight ([0-9.e-]+),", offline.locator("output").nth(1).text_content()).group(1))
    assert weight == pytest.approx(float(seen["blocks.0.attn.hook_pattern"][0, 0, 1, 0]), rel=1e-4) and not errors
    offline.context.close()
    data = json.loads(re.search(r"\)\((\{.*\})\);</script>", file.read_text(encoding="utf-8")).group(1))
    assert data["tokens"] == ["⏎", "5", "2", ">", "2", "5"]

    assert saved("png").read_bytes().startswith(b"\x89PNG")
    assert "<foreignObject" not in (text := saved("svg").read_text(encoding="utf-8")) and title.split()[0] in text
    assert saved("npz").read_bytes().startswith(b"PK") and saved("all-npz").read_bytes().startswith(b"PK")

    page.locator("[data-id=share] summary").click()
    page.get_by_role("button", name="Show it as a QR code").click()
    page.wait_for_selector(".gb-qr path")
    page.keyboard.press("Escape")
