"""The walk forward: every number that the page gets is the model's, and a visitor can follow a token to its odds."""

import json
import math
import re

import numpy as np
import pytest
from playwright.sync_api import expect
from tiny_model import TEXT, asked, floats, louder

from llm.checkpoint import load_checkpoint
from llm.corpora import Corpus
from llm.inside.attribution import attribute
from llm.inside.column import Column, column_names
from llm.inside.trace import trace
from llm.inside.walk import Walk
from llm.ui import texts_at_hand
from llm.ui.model import contexts
from llm.ui.model.forward import build_forward
from llm.ui.model.walks import Walks
from llm.ui.sessions import Sessions
from llm.ui.subject import SHIPPED, Subjects


@pytest.fixture
def view(tiny):
    """Endpoints by name, over a tiny random model of 3 layers; the model; its tokenizer."""
    return tiny(lambda subjects: build_forward(Walks(subjects)), louder, n_ctx=60, n_layer=3)


def walk_of(model, ids, position):
    return Walk(model, trace(model, ids, column_names(model)), position)


# ---- endpoints -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("position", [0, 7, None])
def test_every_step_is_the_walks(view, position):
    """All steps of a token, for a head, as the core works them out; the last token where none is named."""
    endpoints, model, tokenizer = view
    ids = tokenizer.encode(TEXT)
    walk = walk_of(model, ids, len(ids) - 1 if position is None else position)
    for key in walk.keys:
        answer = endpoints["read_step"](asked(key=key, position=position, head=2))
        json.dumps(answer, allow_nan=False)
        step = walk.step(key, 2)
        assert answer["key"] == key and answer["position"] == walk.column.position
        assert [row["name"] for row in answer["rows"]] == [row.name for row in step.rows]
        for row, own in zip(answer["rows"], step.rows, strict=True):
            np.testing.assert_array_equal(floats(row["values"]), own.values.numpy())
        assert (answer["matrix"] is None) == (step.matrix is None)
        if step.matrix is not None:
            np.testing.assert_array_equal(floats(answer["matrix"]), step.matrix.numpy().ravel())
        assert [token["id"] for token in answer["named"]] == step.tokens
        if answer["terms"]:
            row, cell = answer["cell"]
            parts = [a * b for _, a, b in answer["terms"]["largest"]]
            total = sum(parts) + answer["terms"]["rest"] + (answer["terms"]["bias"] or 0.0)
            scale = math.sqrt(model.config.head_size) if key.endswith("scores") else 1.0
            assert total / scale == pytest.approx(float(step.rows[row].values[cell]), rel=1e-3, abs=1e-4)


def test_a_cell_is_taken_apart_where_it_is_a_sum(view):
    """The cell that is asked for, clamped to what there is."""
    endpoints, model, tokenizer = view
    ids = tokenizer.encode(TEXT)
    step = walk_of(model, ids, len(ids) - 1).step("h.1.attn.c_attn", 0)
    answer = endpoints["read_step"](asked(key="h.1.attn.c_attn", row=1, cell=2))
    expected = step.terms(1, 2)
    assert answer["cell"] == [1, 2] and answer["terms"]["rest"] == pytest.approx(expected.rest)
    assert [tuple(term) for term in answer["terms"]["largest"]] == expected.largest
    assert endpoints["read_step"](asked(key="h.1.attn.c_attn", row=99, cell=99))["cell"] == [2, 3]


def test_what_is_drawn_is_all_that_travels(view):
    """A long prompt sends no square of scores, and a step is a few vectors."""
    endpoints, _, _ = view
    whole = endpoints["read_step"](asked(TEXT[:20], key="h.0.attn.scores"))
    assert floats(whole["matrix"]).size == 20 * 20
    assert max(len(json.dumps(endpoints["read_step"](asked(key=key)))) for key in ("h.0.ln_1", "stream")) < 40_000


def test_a_model_with_fewer_layers_shows_the_same_step_of_its_last(view):
    """A step that this model lacks is turned into what it has; so is a head or a token beyond the last."""
    endpoints, _, _ = view
    answer = endpoints["read_step"](asked(key="h.11.mlp.activation", head=40, position=4_000))
    assert (answer["key"], answer["head"], answer["position"]) == ("h.2.mlp.activation", 3, len(TEXT) - 1)
    for key in ("h.x", "h.", "nothing", "h.0.nothing"):
        assert endpoints["read_step"](asked(key=key))["key"] == "id"


def test_the_architecture_is_the_models(view):
    """Parameters and FLOPs add up to the whole, and lit lines are lines of the file."""
    endpoints, model, _ = view
    answer = endpoints["read_architecture"](asked())
    times = {"before": 1, "block": 3, "after": 1}
    for name in ("parameters", "flops"):
        assert sum(one[name] * times[one["where"]] for one in answer["operations"]) == answer[name]
    assert answer["parameters"] == model.config.n_params
    for one in answer["operations"]:
        assert all(1 <= line <= len(answer["source"]) for line in one["lines"] + one["writtenOut"])
    (gelu,) = (one for one in answer["operations"] if one["key"] == "mlp.activation")
    assert "self.activation(" in answer["source"][gelu["lines"][0] - 1]


def test_parts_of_a_logit(view):
    """All parts add up to the logit, of the likeliest token or of any other."""
    endpoints, model, tokenizer = view
    ids = tokenizer.encode(TEXT)
    at = Column(model, trace(model, ids, column_names(model)), 6)
    for target in (None, 3):
        answer = endpoints["read_attribution"](asked(position=6, target=target))
        parts = attribute(at, answer["target"]["id"])
        rows = zip(answer["heads"], answer["mlps"], answer["biases"], strict=True)
        total = answer["token"] + answer["place"] + answer["norm"]
        total += sum(sum(heads) + mlp + bias for heads, mlp, bias in rows)
        assert total == pytest.approx(answer["logit"], abs=1e-3)
        assert answer["scale"] == pytest.approx(parts.scale)
        best = answer["neurons"][1][0]
        assert best["by"] == pytest.approx(float(parts.neurons_LN[1, best["neuron"]]))
    assert endpoints["read_attribution"](asked(target=10**9))["target"]["id"] == model.config.vocab_size - 1


def test_a_neuron_says_what_it_writes_for(view):
    """Its activation here, and the tokens its write raises and lowers most; without a number the most active one."""
    endpoints, model, tokenizer = view
    ids = tokenizer.encode(TEXT)
    at = Column(model, trace(model, ids, column_names(model)), 5)
    answer = endpoints["read_neuron"](asked(position=5, layer=1, neuron=9))
    assert answer["after"] == pytest.approx(float(at.neurons(1)[1][9]), abs=1e-6)
    along_V = (model.wte.weight * model.ln_f.weight) @ (
        model.h[1].mlp.c_proj.weight[:, 9] - model.h[1].mlp.c_proj.weight[:, 9].mean()
    )
    assert answer["promoted"][0]["id"] == int(along_V.argmax())
    assert answer["suppressed"][0]["id"] == int(along_V.argmin())
    most = endpoints["read_neuron"](asked(position=5, layer=1))
    assert most["neuron"] == int(at.neurons(1)[1].argmax())


def test_contexts_come_bit_by_bit_and_are_kept(view, monkeypatch):
    """Each call reads on; another neuron of the layer costs no second pass; what is shown is where it was strongest."""
    endpoints, _, _ = view
    corpus = Corpus("foxes", "Foxes", TEXT * 100, "", "")
    monkeypatch.setattr(texts_at_hand, "load_corpus", lambda name, allow_download: corpus)
    monkeypatch.setattr(contexts, "CALL_SECONDS", -1.0)  # one chunk a call
    monkeypatch.setattr("llm.inside.neurons.CHUNK", 60)
    first = endpoints["read_contexts"](asked(layer=2, neuron=4))
    assert (first["read"], first["total"], first["title"], first["own"]) == (60, 450, "Foxes", False)
    answers = [endpoints["read_contexts"](asked(layer=2, neuron=4)) for _ in range(9)]
    assert [one["read"] for one in answers] == [120, 180, 240, 300, 360, 420, 450, 450, 450]
    other = endpoints["read_contexts"](asked(layer=2, neuron=5))
    assert other["read"] == 450 and other["contexts"] != answers[-1]["contexts"]
    values = [one["value"] for one in answers[-1]["contexts"]]
    assert values == sorted(values, reverse=True)
    for one in answers[-1]["contexts"]:
        assert one["before"] + one["token"] + one["after"] in TEXT * 100
        assert len(one["token"]) == 1


def test_a_text_that_cannot_be_spelt_is_refused_kindly(view, monkeypatch):
    """One sentence when no text is here that the tokenizer knows."""
    corpus = Corpus("omega", "Ω", "Ω" * 1000, "", "")
    monkeypatch.setattr(texts_at_hand, "load_corpus", lambda name, allow_download: corpus)
    assert "isn't here" in view[0]["read_contexts"](asked(layer=0, neuron=0))["error"]


def test_weights_that_are_no_numbers_get_a_sentence(tiny):
    """A model whose training has diverged."""

    def broken(model):
        model.h[1].mlp.c_proj.weight.fill_(math.nan)

    endpoints, _, _ = tiny(lambda subjects: build_forward(Walks(subjects)), broken, n_ctx=60)
    for name in ("read_step", "read_attribution", "read_neuron"):
        assert "NaN" in endpoints[name](asked(layer=0, neuron=0))["error"]


@pytest.mark.parametrize(
    "request_",
    [
        None,
        {},
        asked(prompt=None),
        asked(model="shipped:../x"),
        asked(key=7, position="x", target=[], layer=math.nan, neuron=math.nan),
        asked(position=math.inf, layer={}, target={}, neuron=True),
    ],
    ids=str,
)
def test_nonsense_is_refused_with_a_sentence(view, request_):
    """Endpoints are public: whatever comes, one sentence goes back."""
    for name in ("read_step", "read_attribution", "read_neuron", "read_contexts"):
        assert view[0][name](request_)["error"].endswith(".")


def test_without_a_prompt_there_is_nothing_to_walk(view):
    """No tokens for the step, a sentence for the rest; one token alone works."""
    endpoints, _, _ = view
    assert endpoints["read_step"](asked("")) == {"tokens": []}
    assert "write a prompt" in endpoints["read_attribution"](asked(""))["error"]
    for key in ("h.0.attn.softmax", "odds", "parts"):
        assert len(endpoints["read_step"](asked("t", key=key))["tokens"]) == 1


def test_a_models_text_is_known_by_its_name():
    """As its run says it or, without a run, its card; nothing where nobody said."""
    subjects = Subjects(Sessions())
    named = {"tales": "tales", "shakespeare": "tinyshakespeare", "induction": "task:copy"}
    for model, text in named.items():
        assert subjects.text_of({"visitor": "0" * 32, "model": f"shipped:{model}"}) == text


# ---- in a browser --------------------------------------------------------------------------------------

TITLE = "document.querySelector('#gb-forward [data-id=title]')?.textContent"


def number(text):
    return float(text.replace("−", "-").replace("\u202f", ""))


@pytest.fixture
def follow(visit):
    """follow("wte", follow=5) opens a link to a step: the page, and the shipped model's walk of that token."""

    def opened(key, **more):
        page = visit("&".join(["tab=model", f"walk={key}", *(f"{name}={value}" for name, value in more.items())]))
        page.wait_for_function(TITLE)
        subject = page.evaluate("({ ...glassbox.subject })")
        checkpoint = load_checkpoint(SHIPPED / subject["model"].removeprefix("shipped:"))
        ids = checkpoint.tokenizer.encode(subject["prompt"])
        return page, walk_of(checkpoint.model, ids, more.get("follow", len(ids) - 1))

    return opened


def test_a_visitor_walks_a_token_through_the_model(follow):
    """A link opens a step; arrows, the model's drawing and tokens lead on; numbers, formula and lit line are true."""
    page, walk = follow("h.2.ln_1", follow=5)
    expect(page.locator("#gb-forward [data-id=title]")).to_have_text("Block 2: LayerNorm")
    step = walk.step("h.2.ln_1")
    cell = int(step.rows[1].values.abs().argmax())
    shown = page.locator("#gb-forward [data-id=numbers] b")
    assert number(shown.nth(0).text_content()) == pytest.approx(float(step.rows[1].values[cell]), rel=5e-3)
    assert number(shown.nth(1).text_content()) == pytest.approx(float(step.rows[0].values[cell]), rel=5e-3)
    lit = page.locator("#gb-forward .gb-lit")
    expect(lit).to_contain_text("self.ln_1(x_BTC)")
    expect(page.locator("#gb-forward .gb-caption-now")).to_contain_text(f"y[{cell}] = ")

    page.keyboard.press("ArrowRight")
    expect(page.locator("#gb-forward [data-id=title]")).to_have_text("Block 2: Query, key, value")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#gb-forward [data-id=title]")).to_have_text("Block 3: Query, key, value")
    page.wait_for_function("location.hash.includes('walk=h.3.attn.c_attn')")
    expect(lit).to_contain_text("self.c_attn(x_BTC)")

    # Pointing at an operation lights its line; leaving it brings the step's own back.
    page.locator("#gb-forward [data-key='h.3.mlp.activation']").hover()
    expect(lit).to_contain_text("self.activation(")
    page.locator("#gb-forward [data-id=title]").hover()
    expect(lit).to_contain_text("self.c_attn(x_BTC)")

    page.locator("#gb-forward [data-key='h.3.attn.softmax']").click()
    expect(page.locator("#gb-forward [data-id=title]")).to_have_text("Block 3: Softmax")
    page.locator("#gb-forward [data-id=reading] .gb-token").nth(9).click()
    page.wait_for_function("location.hash.includes('follow=9')")
    page.wait_for_function("document.querySelector('#gb-forward .gb-caption-now').textContent.includes(' (9), ')")
    other = Walk(walk.column.model, walk.column.seen, 9).step("h.3.attn.softmax")
    most = float(other.rows[0].values.max())
    assert number(shown.nth(0).text_content()) == pytest.approx(most, rel=5e-3)


def test_a_cell_is_spelt_out_when_it_is_chosen(follow):
    """Pointing shows a cell's value; choosing it spells its sum out in the formula."""
    page, walk = follow("h.1.mlp.c_fc")
    cells = page.locator("#gb-forward [data-id=cells] canvas").first
    before = page.locator("#gb-forward [data-id=numbers]").text_content()
    cells.hover(position={"x": 12, "y": 36})
    expect(page.locator(".gb-tip")).to_contain_text("h[0]")
    value = float(walk.step("h.1.mlp.c_fc").rows[0].values[0])
    digits = number(re.search(r"before the activation: (\S+)", page.locator(".gb-tip").text_content())[1])
    assert digits == pytest.approx(value, rel=1e-4)
    cells.click(position={"x": 12, "y": 36})
    page.wait_for_function(
        "(before) => document.querySelector('#gb-forward [data-id=numbers]').textContent !== before", arg=before
    )
    page.wait_for_function("document.querySelector('#gb-forward [data-id=numbers]').textContent.includes('more')")
    assert number(page.locator("#gb-forward [data-id=numbers] b").text_content()) == pytest.approx(value, rel=5e-3)


def test_play_leads_on_by_itself_and_any_act_stops_it(follow):
    """Space plays and pauses; playing moves to the next step; a key of one's own stops it."""
    page, _ = follow("wte")
    page.keyboard.press(" ")
    play = page.locator("#gb-forward [data-id=play]")
    expect(play).to_have_text("Pause")
    expect(page.locator("#gb-forward [data-id=title]")).to_have_text("+ position")
    page.keyboard.press("ArrowLeft")
    expect(play).to_have_text("Play")
    expect(page.locator("#gb-forward [data-id=title]")).to_have_text("Token embedding")


def test_from_a_logits_parts_to_the_head(follow):
    """The parts add up to the logit; a click on a head opens it in the Attention tab, on the same token."""
    page, walk = follow("parts", follow=6)
    table = page.locator("#gb-forward [data-id=parts] table")
    expect(table).to_be_visible()
    sum_, logit = (
        page.locator(f"#gb-forward [data-id=parts] [data-id={part}]").text_content() for part in ("sum", "logit")
    )
    assert number(sum_) == pytest.approx(number(logit), rel=5e-3)
    assert number(logit) == pytest.approx(float(walk.column.logits.max()), rel=5e-3)
    table.get_by_role("button", name=re.compile("Layer 2, head 1")).click()
    page.wait_for_function("document.querySelector('#gb-heads [data-id=title]')?.textContent === 'Layer 2, head 1'")
    assert "cell=6" in page.evaluate("location.hash")


def test_a_neuron_and_where_it_is_strongest(follow):
    """A GELU cell's neuron is named; its contexts are found with progress, and Stop leaves what was found."""
    page, walk = follow("h.3.mlp.activation")
    best = int(walk.step("h.3.mlp.activation").rows[1].values.argmax())
    chip = page.locator("#gb-forward [data-id=active] button").first
    expect(chip).to_contain_text(f"{best} ")
    chip.click()
    page.wait_for_function(f"location.hash.includes('neuron=3.{best}')")
    panel = page.locator("#gb-forward [data-id=neuron]")
    expect(panel.locator("table")).to_have_count(2)
    panel.get_by_role("button", name="Find its contexts").click()
    expect(panel.locator("li")).to_have_count(8)
    panel.get_by_role("button", name="Stop").click()
    expect(panel.get_by_role("button", name="Go on")).to_be_visible()
    assert 0 < panel.locator("progress").evaluate("bar => bar.value") <= 1


def test_the_walk_follows_the_bars_model_and_moment(follow):
    """Another model at an early moment: its own numbers at the same step; two layers end where two layers end."""
    page, _ = follow("h.5.mlp.activation")
    page.evaluate("glassbox.look({ model: 'shipped:induction', step: 0, prompt: '\\nabcabc|abc' })")
    expect(page.locator("#gb-forward [data-id=title]")).to_have_text("Block 1: GELU")
    expect(page.locator("#gb-forward .gb-blocks button")).to_have_count(2)
    early = page.locator("#gb-forward [data-id=numbers] b").first.text_content()
    page.evaluate("glassbox.look({ step: null })")
    page.wait_for_function(
        "(early) => document.querySelector('#gb-forward [data-id=numbers] b').textContent !== early", arg=early
    )
    checkpoint = load_checkpoint(SHIPPED / "induction")
    ids = checkpoint.tokenizer.encode("\nabcabc|abc")
    values = walk_of(checkpoint.model, ids, len(ids) - 1).step("h.1.mlp.activation").rows[1].values
    shown = number(page.locator("#gb-forward [data-id=numbers] b").first.text_content())
    assert shown == pytest.approx(float(values[values.abs().argmax()]), rel=5e-3)


def test_the_picture_can_be_taken_away(follow):
    """SVG of the view has the step's title, the model's operations and the formula in it."""
    page, _ = follow("h.0.ln_1")
    with page.expect_download() as download:
        page.locator("#gb-forward [data-id=svg]").click()
    text = download.value.path().read_text(encoding="utf-8")
    assert download.value.suggested_filename == "glassbox-h.0.ln_1.svg"
    assert "LayerNorm" in text and "Blocks" in text and "<image" in text
