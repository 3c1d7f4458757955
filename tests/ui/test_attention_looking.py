"""Worked examples, files and the QR code: what a speaker needs in a room and takes home."""

import base64
import io
import json
import re

import numpy as np
import pytest
import segno

from llm.checkpoint import load_checkpoint, save_checkpoint
from llm.config import ModelConfig
from llm.inside.trace import trace
from llm.model import GPT
from llm.runs.snapshots import Snapshots
from llm.tokenizers import train_tokenizer
from llm.ui import subject
from llm.ui.attention import looking
from llm.ui.attention.looking import build_looking
from llm.ui.attention.worked_examples import WORKED_EXAMPLES
from llm.ui.bar import build_bar, qr_rows
from llm.ui.sessions import Sessions
from llm.ui.subject import SHIPPED, Loaded

TEXT = "the quick brown fox jumps over the lazy dog; "


@pytest.fixture
def strip(tmp_path, monkeypatch):
    """Endpoints by name, over one tiny random model; the model; its tokenizer."""
    monkeypatch.setattr(subject, "SHIPPED", tmp_path)
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path / "home"))
    tokenizer = train_tokenizer("character", TEXT)
    model = GPT(ModelConfig(tokenizer.vocab_size, n_ctx=40, n_embd=16, n_head=4, n_layer=2), seed=1).eval()
    save_checkpoint(tmp_path / "tiny", model, tokenizer)
    lens = build_looking(subject.Subjects(Sessions()))
    return {fn.__name__: fn for fn in lens.server_fns}, model, tokenizer


def asked(**values):
    return {"visitor": "0" * 32, "model": "shipped:tiny", "prompt": "the quick", **values}


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


def test_tensors_are_the_models_and_bounded(strip, monkeypatch):
    """numpy reads it without pickle; pattern, q, k and v are the trace's; too many heads become a layer, or one."""
    endpoints, model, tokenizer = strip
    ids = tokenizer.encode("the quick")
    seen = trace(model, ids, ["blocks.*.attn.hook_*"])

    def packed():
        answer = endpoints["pack_tensors"](asked(layer=1, head=2))
        return np.load(io.BytesIO(base64.b64decode(answer["file"])), allow_pickle=False), answer["whole"]

    every = [0, 1, 2, 3]
    for limit, layers, heads in ((looking.MAX_VALUES, [0, 1], every), (1000, [1], every), (300, [1], [2])):
        monkeypatch.setattr(looking, "MAX_VALUES", limit)
        file, whole = packed()
        assert (file["layers"].tolist(), file["heads"].tolist(), whole) == (layers, heads, len(layers) == 2)
        for i, layer in enumerate(layers):
            expected_HTT = seen[f"blocks.{layer}.attn.hook_pattern"][0, heads]
            np.testing.assert_allclose(file["pattern"][i], expected_HTT.numpy(), atol=1e-6)
            for part in "qkv":
                expected_HTD = seen[f"blocks.{layer}.attn.hook_{part}"][0].transpose(0, 1)[heads]
                np.testing.assert_array_equal(file[part][i], expected_HTD.numpy())
    assert file["ids"].tolist() == ids and "".join(file["tokens"]) == "the quick"


def test_one_head_is_packed_exactly(strip):
    """Weights and scores of the saved page are the trace's own float32."""
    endpoints, model, tokenizer = strip
    answer = endpoints["pack_head"](asked(layer=1, head=3))
    seen = trace(model, tokenizer.encode("the quick"), ["blocks.1.attn.hook_pattern", "blocks.1.attn.hook_attn_scores"])
    for key, name in (("pattern", "pattern"), ("scores", "attn_scores")):
        sent = np.frombuffer(base64.b64decode(answer[key]), np.float32)
        np.testing.assert_array_equal(sent, seen[f"blocks.1.attn.hook_{name}"][0, 3].numpy()[np.tril_indices(9)])


@pytest.mark.parametrize("name", ["pack_head", "pack_tensors"])
@pytest.mark.parametrize("values", [{}, {"layer": "1", "head": 0}, {"layer": 0, "head": 0, "prompt": ""}])
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
    page.locator("#gb-looking [data-name=sorting]").click()
    page.wait_for_function("document.querySelector('#gb-heads [data-id=readout]').textContent.includes('Kept')")
    title = page.locator("#gb-heads [data-id=title]").text_content()
    assert page.locator("#gb-looking [data-id=says]").text_content().startswith(title)
    assert page.evaluate("glassbox.subject.model") == "shipped:sorter" and "cell=" in page.url

    def saved(kind):
        page.locator("#gb-looking summary").click()
        with page.expect_download() as download:
            page.locator(f"#gb-looking button[value={kind}]").click()
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
    assert "looks at ⏎ (0): weight 1," in offline.locator("output").text_content() and not errors
    offline.context.close()
    data = json.loads(re.search(r"\)\((\{.*\})\);</script>", file.read_text(encoding="utf-8")).group(1))
    assert data["tokens"] == ["⏎", "5", "2", ">", "2", "5"]

    assert saved("png").read_bytes().startswith(b"\x89PNG")
    assert "<foreignObject" not in (text := saved("svg").read_text(encoding="utf-8")) and title.split()[0] in text
    assert saved("npz").read_bytes().startswith(b"PK")

    page.locator("[data-id=share] summary").click()
    page.get_by_role("button", name="Show it as a QR code").click()
    page.wait_for_selector(".gb-qr path")
    page.keyboard.press("Escape")
