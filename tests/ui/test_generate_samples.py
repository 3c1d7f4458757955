"""Many samples at once and texts read for surprise: what the page is sent is what core gives, hostile requests too."""

import json
import math

import pytest
import torch
from test_generate_endpoints import PROMPT, SETTINGS, TEXT, VISITOR, Table

from llm.checkpoint import save_checkpoint
from llm.completion import complete
from llm.config import DEFAULT_ORDER, SamplingConfig
from llm.diversity import distinct, overlap
from llm.evaluate import surprisal
from llm.sampler import generate
from llm.ui import subject
from llm.ui.generate import many_at_once
from llm.ui.generate import surprise as surprise_view
from llm.ui.generate.many_at_once import MAX_LENGTH, MAX_SAMPLES, build_many_at_once
from llm.ui.generate.surprise import build_surprise
from llm.ui.live import OWN_BYTES, LiveGenerations


@pytest.fixture
def samples(tmp_path, monkeypatch):
    monkeypatch.setattr(subject, "SHIPPED", tmp_path)
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path / "home"))
    return Table(tmp_path, build=lambda subjects: build_many_at_once(LiveGenerations(subjects)))


@pytest.fixture
def reader(tmp_path, monkeypatch):
    monkeypatch.setattr(subject, "SHIPPED", tmp_path)
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path / "home"))
    return Table(tmp_path, build=lambda subjects: build_surprise(LiveGenerations(subjects)))


def write_all(table, **settings):
    """A batch to its end: its rows of tokens, and the last answer."""
    answer = table.ask("begin_batch", **settings)
    rows = [list(tokens) for tokens in answer["tokens"]]
    while not answer["done"]:
        answer = table.ask("draw_batch", batch=answer["batch"])
        for row, tokens in zip(rows, answer["tokens"], strict=True):
            row += tokens
    return rows, answer


def test_each_sample_is_what_its_seed_writes_alone(samples, monkeypatch):
    """Rows asked for bit by bit are generate()'s with seeds in a row; diversity is that of the whole texts."""
    monkeypatch.setattr(many_at_once, "CALL_SECONDS", 0.0001)
    rows, answer = write_all(samples, **SETTINGS, samples=4, max_new_tokens=25)
    prompt = samples.tokenizer.encode(PROMPT)
    assert answer["seeds"] == [7, 8, 9, 10]
    for seed, row in zip(answer["seeds"], rows, strict=True):
        config = SamplingConfig.from_dict(SETTINGS).replace(seed=seed, max_new_tokens=25)
        alone = list(generate(samples.model, prompt, config, eot_id=samples.tokenizer.eot_id))
        assert [token[0] for token in row] == [choice.id for choice in alone]
        assert [token[2] for token in row] == pytest.approx([choice.raw_probability for choice in alone], rel=1e-4)
    texts = [[token[0] for token in row] for row in rows]
    assert answer["distinct"] == [distinct(texts, n) for n in range(1, 9)]
    assert answer["overlap"] == [overlap(texts, n) for n in range(1, 9)]
    json.dumps(answer, allow_nan=False)


def test_a_sample_ends_at_its_stop_text(samples):
    """Each text for itself: no token is told after the one that completes the stop text."""
    alone = "".join(p.text for p in complete(samples.model, samples.tokenizer, PROMPT, SamplingConfig(seed=3)))
    stop = next(letter for letter in alone[2:] if letter.isalpha() and letter.isascii())
    rows, answer = write_all(samples, seed=3, samples=3, max_new_tokens=60, stop=[stop])
    for row, stopped in zip(rows, answer["stopped"], strict=True):
        text = samples.tokenizer.decode(token[0] for token in row)
        before = samples.tokenizer.decode(token[0] for token in row[:-1])
        assert stopped == (stop in text) and stop not in before
    assert answer["stopped"][0] and len(rows[0]) < 60


def test_a_batch_too_large_for_the_memory_is_refused(samples, monkeypatch):
    """The cache of all texts together is bounded, and the sentence says how many there is room for."""
    monkeypatch.setattr(samples.subjects.sessions.memory, "share", 3 * 2 * 2 * 16 * 16 * 4 + OWN_BYTES)
    assert "room for 3 texts" in samples.ask("begin_batch", samples=4)["error"]
    assert "tokens" in samples.ask("begin_batch", samples=3, max_new_tokens=2)


def test_a_batch_is_its_visitors_own(samples):
    """Another visitor, or an id that is none, gets nothing of it."""
    answer = samples.ask("begin_batch", samples=2)
    assert samples.ask("draw_batch", batch=answer["batch"], visitor="1" * 32) == {"gone": True}
    assert samples.ask("draw_batch", batch="f" * 16) == {"gone": True}
    assert "error" in samples.ask("draw_batch", batch=[1])


@pytest.mark.parametrize("name", ["samples", "max_new_tokens", "temperature", "typical_p"])
@pytest.mark.parametrize("bad", [math.nan, "8", None, [], True])
def test_batch_settings_that_are_no_numbers_are_refused(samples, name, bad):
    """One sentence for NaN and other types."""
    assert "must be a number" in samples.ask("begin_batch", **{name: bad})["error"]


@pytest.mark.parametrize("extreme", [-1e300, 0, 1e300])
def test_batch_settings_out_of_range_are_clamped(samples, extreme):
    """One sample at least, thirty-two at most, each of bounded length."""
    answer = samples.ask("begin_batch", samples=extreme, max_new_tokens=extreme)
    assert len(answer["seeds"]) == (MAX_SAMPLES if extreme > 1 else 1)
    assert all(len(row) <= MAX_LENGTH for row in answer["tokens"])


@pytest.mark.parametrize(
    "bad",
    [
        {"order": "top_k"}, {"order": [1]}, {"order": [[]]}, {"order": None}, {"stop": [""]},
        {"stop": [3]}, {"stop": "x"}, {"stop": ["x" * 201]}, {"prompt": 3}, {"model": "cli:x"},
    ],
)  # fmt: skip
def test_hostile_batches_get_a_sentence(samples, bad):
    """Orders that are none, stop texts that are no texts, unknown models."""
    answer = samples.ask("begin_batch", **bad)
    assert set(answer) == {"error"} and "inside the server" not in answer["error"]


def test_an_order_of_another_version_is_completed(samples):
    """Names that are unknown go, those that are missing come last: the text is that of the completed order."""
    settings = {"samples": 1, "max_new_tokens": 10, "top_k": 5, "temperature": 0.7}
    whole = ["top_k", *(name for name in DEFAULT_ORDER if name != "top_k")]
    kept = [samples.ask("begin_batch", order=order, **settings)["tokens"] for order in (["top_z", "top_k"], whole)]
    assert kept[0] == kept[1]


@pytest.mark.parametrize("seconds", [0.0, 60.0])
def test_a_text_read_bit_by_bit_has_cores_surprisal(reader, monkeypatch, seconds):
    """However few windows a call reads, all tokens but the first come once, with llm.evaluate's nats."""
    monkeypatch.setattr(surprise_view, "CALL_SECONDS", seconds)
    met, window, calls = {}, 0, 0
    while window is not None:
        answer = reader.ask("read_surprise", text=TEXT, window=window)
        met |= {answer["first"] + i: one for i, one in enumerate(answer["met"])}
        window, calls = answer["next"], calls + 1
        json.dumps(answer, allow_nan=False)
    ids = reader.tokenizer.encode(TEXT)
    assert answer["ids"] == ids and answer["windows"] > 3 and calls == (answer["windows"] if seconds == 0 else 1)
    assert sorted(met) == list(range(1, len(ids)))
    nats = torch.tensor([met[i][0] for i in range(1, len(ids))])
    torch.testing.assert_close(nats, torch.tensor(surprisal(reader.model, ids)[1:]), atol=1e-4, rtol=1e-4)
    assert all(len(one[3]) == 5 and one[1] >= 1 and 1 <= one[2] <= 15 for one in met.values())


def test_texts_that_cannot_be_read_get_a_sentence(reader, tmp_path):
    """Nothing, a single token, too long, no text at all, and a model whose numbers are broken."""
    for text in ("", "t", "x" * 20_001, 5, None):
        assert set(reader.ask("read_surprise", text=text)) == {"error"}
    assert set(reader.ask("read_surprise", text=TEXT, window=math.nan)) == {"error"}
    assert reader.ask("read_surprise", text=TEXT, window=10**9)["met"] == []
    with torch.no_grad():
        reader.model.ln_f.weight.fill_(math.nan)
    save_checkpoint(tmp_path / "broken", reader.model, reader.tokenizer)
    assert "NaN" in reader.ask("read_surprise", model="shipped:broken", text=TEXT)["error"]


def test_rivals_are_the_visitors_models(reader):
    """What can be compared with is what the menu at the top offers."""
    models = reader.ask("list_rivals")["models"]
    assert models == reader.subjects.available(reader.subjects.sessions.of({"visitor": VISITOR}))
    assert [model["ref"] for model in models] == ["shipped:tiny"]
