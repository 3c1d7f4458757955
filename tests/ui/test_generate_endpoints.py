"""What the Generate tab sends is what core computes and draws, and nothing a stranger sends breaks it."""

import base64
import json
import math
import threading

import numpy as np
import pytest
import torch

from llm.checkpoint import load_checkpoint, save_checkpoint
from llm.completion import complete
from llm.config import DEFAULT_ORDER, ModelConfig, SamplingConfig
from llm.decoder import Decoder
from llm.filters import filter_logits
from llm.model import GPT
from llm.sampler import generate
from llm.tokenizers import train_tokenizer
from llm.ui import memory as memory_module
from llm.ui import subject
from llm.ui.generate import drawing
from llm.ui.generate.drawing import MAX_TOKENS, Generation
from llm.ui.generate.write import build_write
from llm.ui.live import DEAR_SECONDS, OWN_BYTES, LiveGenerations
from llm.ui.sessions import Sessions

TEXT = "the quick brown fox jumps over the lazy dog; " * 4
PROMPT = "the quick"
VISITOR, OTHER = "0" * 32, "1" * 32
ORDER = list(DEFAULT_ORDER[::-1])
SETTINGS = {"temperature": 0.8, "top_k": 60, "top_p": 0.95, "min_p": 0.01, "repetition_penalty": 1.2, "seed": 7}
SETTINGS |= {"typical_p": 0.99, "order": ORDER}
SAMPLING = SamplingConfig.from_dict(SETTINGS)


class Table:
    """The endpoints over one tiny random model, and that model."""

    def __init__(self, folder, kind="bpe", build=lambda subjects: build_write(LiveGenerations(subjects))):
        self.tokenizer = train_tokenizer(kind, TEXT, **({"vocab_size": 280} if kind == "bpe" else {}))
        self.model = GPT(
            ModelConfig(self.tokenizer.vocab_size, n_ctx=16, n_embd=16, n_head=2, n_layer=2), seed=3
        ).eval()
        with torch.no_grad():
            self.model.wte.weight.mul_(20)  # sharper odds than a fresh model's
        save_checkpoint(folder / "tiny", self.model, self.tokenizer)
        self.subjects = subject.Subjects(Sessions())
        self.endpoints = {fn.__name__: fn for fn in build(self.subjects).server_fns}

    def ask(self, name, **values):
        return self.endpoints[name](
            {"visitor": VISITOR, "model": "shipped:tiny", "prompt": PROMPT, "ids": [], **values}
        )

    def draw_all(self, settings, total, count=7):
        """Ids and probabilities of `total` tokens, asked for a few at a time."""
        answer = self.ask("begin_generation", **settings, count=1)
        tokens = answer["tokens"]
        while len(tokens) < total and answer["ended"] is None:
            answer = self.ask("draw_tokens", generation=answer["generation"], count=min(count, total - len(tokens)))
            tokens += answer["tokens"]
        return tokens


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.setattr(subject, "SHIPPED", tmp_path)
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path / "home"))
    return Table(tmp_path)


def floats(text):
    return torch.from_numpy(np.frombuffer(base64.b64decode(text), "<f4").copy())


def test_the_vocabulary_is_every_tokens_bytes(table):
    """Lengths and bytes cut up again give token_bytes of each id, broken UTF-8 included."""
    answer = table.ask("read_vocabulary")
    lengths, data, start = (
        np.frombuffer(base64.b64decode(answer["lengths"]), "<u4"),
        base64.b64decode(answer["bytes"]),
        0,
    )
    assert len(lengths) == table.tokenizer.vocab_size and answer["tokenizer"] == table.tokenizer.hash
    for id, length in enumerate(lengths.tolist()):
        assert data[start : start + length] == table.tokenizer.token_bytes(id)
        start += length


def test_logits_are_the_models_own(table):
    """The picture's numbers are the forward pass, bit for bit, after the prompt and what was written."""
    prompt, written = table.tokenizer.encode(PROMPT), [5, 9]
    answer = table.ask("read_logits", ids=written)
    with torch.no_grad():
        expected = table.model(torch.tensor([prompt + written]), last_only=True)[0, -1]
    assert torch.equal(floats(answer["logits"]), expected)
    assert answer["prompt_ids"] == prompt and answer["reads"] == len(prompt) + 2 and answer["n_ctx"] == 16
    json.dumps(answer, allow_nan=False)


def test_a_prompt_longer_than_the_context_is_read_from_its_end(table):
    """The last n_ctx tokens are read, and the answer says how many."""
    prompt = table.tokenizer.encode(TEXT)
    answer = table.ask("read_logits", prompt=TEXT)
    with torch.no_grad():
        expected = table.model(torch.tensor([prompt[-16:]]), last_only=True)[0, -1]
    assert torch.equal(floats(answer["logits"]), expected) and answer["reads"] == 16 < len(prompt)


def test_drawn_tokens_are_those_of_complete(table):
    """A few at a time, past the end of the context: the ids and odds that core's complete() gives."""
    config = SAMPLING.replace(max_new_tokens=50)
    expected = [p.choice for p in complete(table.model, table.tokenizer, PROMPT, config) if p.choice]
    tokens = table.draw_all(SETTINGS, total=50)
    assert [(id, p, raw, share) for id, p, raw, _, share in tokens] == [
        (c.id, c.probability, c.raw_probability, c.share) for c in expected
    ]


def test_the_logits_sent_are_those_the_next_token_is_drawn_from(table):
    """Bars after a draw are the odds of the next one, also where the model starts reading again."""
    prompt, written = table.tokenizer.encode(PROMPT), []
    answer, reads = table.ask("begin_generation", **SETTINGS), []
    for _ in range(30):
        written += [token[0] for token in answer["tokens"]]
        reads.append(answer["reads"])
        logits = floats(answer["logits"])
        answer = table.ask("draw_tokens", generation=answer["generation"])
        id, p, raw, rank, _ = answer["tokens"][0]
        odds = filter_logits(logits[None], SAMPLING, torch.tensor([prompt + written]))[0].softmax(-1)
        assert p == pytest.approx(odds[id].item(), rel=1e-5)
        assert raw == pytest.approx(logits.softmax(-1)[id].item(), rel=1e-5)
        assert rank == 1 + (logits > logits[id]).sum()
    assert max(reads) == 16 and 8 in reads[1:]


def test_a_generation_can_begin_after_written_tokens(table):
    """After a forced token or an undo the drawing goes on from the ids, not from re-encoded text."""
    written = [3, 1, 4, 1, 5]
    ids = table.tokenizer.encode(PROMPT) + written
    answer = table.ask("begin_generation", **SETTINGS, ids=written, count=1)
    more = table.ask("draw_tokens", generation=answer["generation"], count=5)
    expected = [c.id for c in generate(table.model, ids, SAMPLING.replace(max_new_tokens=6))]
    assert [token[0] for token in answer["tokens"] + more["tokens"]] == expected


def test_end_of_text_ends_it_and_is_said(table, tmp_path):
    """<|endoftext|> comes last; asking again gives nothing more."""
    eot = table.tokenizer.eot_id
    with torch.no_grad():  # raises the logit of <|endoftext|> by 4
        embedding = table.model.wte.weight[eot]
        table.model.ln_f.bias.copy_(4 * embedding / (embedding @ embedding))
    save_checkpoint(tmp_path / "ending", table.model, table.tokenizer)
    answer = table.ask("begin_generation", model="shipped:ending")
    ids = [token[0] for token in answer["tokens"]]
    while answer["ended"] is None:
        answer = table.ask("draw_tokens", generation=answer["generation"], count=3)
        ids += [token[0] for token in answer["tokens"]]
    assert answer["ended"] == "end_of_text" and ids.index(eot) == len(ids) - 1
    assert table.ask("draw_tokens", generation=answer["generation"])["tokens"] == []


def test_a_generation_ends_at_the_limit(table, monkeypatch):
    """However often it is asked, a generation draws so many tokens and no more."""
    monkeypatch.setattr(drawing, "MAX_TOKENS", 20)
    tokens = table.draw_all({"seed": 1}, total=1_000)
    assert len(tokens) == 21


def test_an_empty_prompt_reads_end_of_text(table):
    """As in complete(): the model reads <|endoftext|>, and draws what complete() draws."""
    assert table.ask("read_logits", prompt="")["prompt_ids"] == [table.tokenizer.eot_id]
    drawn = table.ask("begin_generation", prompt="", **SETTINGS)["tokens"][0]
    piece = next(complete(table.model, table.tokenizer, "", SAMPLING))
    assert drawn[0] == piece.choice.id


def test_prompts_that_cannot_be_read_get_a_sentence(tmp_path, monkeypatch):
    """A character model refuses an empty prompt and a character it lacks, in words."""
    monkeypatch.setattr(subject, "SHIPPED", tmp_path)
    table = Table(tmp_path, kind="character")
    for prompt in ("", "Ω"):
        for endpoint in ("read_logits", "begin_generation"):
            assert table.ask(endpoint, prompt=prompt)["error"].endswith(".")


def test_a_stop_text_ends_it_where_complete_ends(table):
    """The token that completes the stop text comes last, and the text before it is complete()'s."""
    whole = "".join(p.text for p in complete(table.model, table.tokenizer, PROMPT, SAMPLING))
    stop = whole[4:6]
    answer = table.ask("begin_generation", **SETTINGS, stop=[stop])
    ids = [token[0] for token in answer["tokens"]]
    while answer["ended"] is None:
        answer = table.ask("draw_tokens", generation=answer["generation"], count=3)
        ids += [token[0] for token in answer["tokens"]]
    text = table.tokenizer.decode(ids)
    pieces = complete(table.model, table.tokenizer, PROMPT, SAMPLING.replace(stop=(stop,)))
    assert answer["ended"] == "stop" and text[: text.index(stop)] == "".join(p.text for p in pieces)
    assert stop not in table.tokenizer.decode(ids[:-1])


def test_a_source_is_a_folder_that_loads(table):
    """What a transcript names as the checkpoint is where this very model is read from."""
    source = table.ask("name_source")
    loaded = load_checkpoint(source["folder"])
    assert torch.equal(loaded.model.wte.weight, table.model.wte.weight) and source["title"] == "tiny"


NUMBERS = ["temperature", "top_k", "top_p", "min_p", "typical_p", "repetition_penalty", "seed", "count"]


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, "1", None, [], {}, True])
def test_settings_that_are_no_numbers_are_refused(table, name, bad):
    """NaN, infinity and other types get one sentence."""
    answer = table.ask("begin_generation", **{name: bad})
    assert set(answer) == {"error"} and "must be a number" in answer["error"]


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("extreme", [-1e300, -5, 0, 1e-300, 1e300, 2**63, 2**200])
def test_settings_out_of_range_are_clamped(table, name, extreme):
    """Numbers out of range act as the end of the slider; time and memory stay bounded."""
    answer = table.ask("begin_generation", **{name: extreme})
    assert 1 <= len(answer["tokens"]) <= MAX_TOKENS
    json.dumps(answer, allow_nan=False)


@pytest.mark.parametrize(
    "bad",
    [
        {"ids": "abc"}, {"ids": None}, {"ids": [1.0]}, {"ids": ["1"]}, {"ids": [True]}, {"ids": [-1]}, {"ids": [10**9]},
        {"ids": [10**30]}, {"ids": [1] * (MAX_TOKENS + 1)}, {"prompt": 3}, {"prompt": None}, {"prompt": "x" * 20_001},
        {"model": "shipped:../tiny"}, {"model": 3}, {"visitor": "x"}, {"visitor": None},
    ],
)  # fmt: skip
@pytest.mark.parametrize("endpoint", ["read_logits", "begin_generation"])
def test_hostile_requests_get_a_sentence(table, endpoint, bad):
    """Wrong types, ids outside the vocabulary, huge texts, unknown models and visitors are refused in words."""
    answer = table.ask(endpoint, **bad)
    assert set(answer) == {"error"} and "inside the server" not in answer["error"]


def test_a_broken_model_is_refused(table, tmp_path):
    """NaN weights draw no picture and no token."""
    with torch.no_grad():
        table.model.ln_f.weight.fill_(math.nan)
    save_checkpoint(tmp_path / "broken", table.model, table.tokenizer)
    for endpoint in ("read_logits", "begin_generation"):
        assert "NaN" in table.ask(endpoint, model="shipped:broken")["error"]


def test_a_generation_is_its_visitors_own(table):
    """Another visitor, an unknown id, or a newer generation of the same visitor: the old one is gone."""
    first = table.ask("begin_generation")["generation"]
    assert table.ask("draw_tokens", generation=first, visitor=OTHER) == {"gone": True}
    assert table.ask("draw_tokens", generation="f" * 16) == {"gone": True}
    assert "error" in table.ask("draw_tokens", generation=["x"])
    assert table.ask("draw_tokens", generation=first)["tokens"]
    second = table.ask("begin_generation")["generation"]
    assert table.ask("draw_tokens", generation=first) == {"gone": True}
    assert table.ask("draw_tokens", generation=second)["tokens"]


def test_two_calls_never_step_one_generation(table, monkeypatch):
    """While one thread draws another is refused, and the drawing goes on undisturbed."""
    generation = table.ask("begin_generation", **SETTINGS)["generation"]
    reading, go_on, step, answers = threading.Event(), threading.Event(), Decoder.step, []

    def slow(*args, **kwargs):
        reading.set()
        assert go_on.wait(10)
        return step(*args, **kwargs)

    monkeypatch.setattr(Decoder, "step", slow)
    thread = threading.Thread(target=lambda: answers.append(table.ask("draw_tokens", generation=generation)))
    thread.start()
    assert reading.wait(10)
    assert "still being drawn" in table.ask("draw_tokens", generation=generation)["error"]
    go_on.set()
    thread.join()
    expected = [c.id for c in generate(table.model, table.tokenizer.encode(PROMPT), SAMPLING)]
    assert [token[0] for token in answers[0]["tokens"]] == expected[1:2]
    assert [token[0] for token in table.ask("draw_tokens", generation=generation)["tokens"]] == expected[2:3]


def test_live_generations_are_bounded(table, monkeypatch):
    """A visitor's own go for their next ones, others' never while they are being written, idle ones always."""
    now = 1_000.0
    monkeypatch.setattr(memory_module.time, "monotonic", lambda: now)
    loaded = table.subjects.of({"visitor": VISITOR, "model": "shipped:tiny"})
    live, memory, size = LiveGenerations(table.subjects), table.subjects.sessions.memory, 10_000_000
    memory.share, memory.budget = 2 * (size + OWN_BYTES), 8 * (size + OWN_BYTES)  # half of it for four texts

    def begin(visitor, lane):
        made = live.begin({"visitor": visitor}, lane, size, lambda: Generation(loaded, [1], SamplingConfig()))
        return lambda: live.get({"visitor": visitor}, lane, made.id) is not None

    left, right, one, other = begin("me", "left"), begin("me", "right"), begin("one", "write"), begin("other", "write")
    with pytest.raises(ValueError, match="no room"):
        begin("stranger", "write")
    assert left() and right() and one() and other()
    third = begin("me", "write")
    assert not left() and right() and one() and other() and third()
    now += DEAR_SECONDS
    assert right() and one() and third()  # in use again
    assert begin("stranger", "write")() and right() and one() and third() and not other()
    now += memory.kept_seconds + 1
    memory.clear_idle()
    assert not (right() or one() or third())
