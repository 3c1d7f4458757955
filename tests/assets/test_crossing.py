"""Every kind of value that crosses from Python to the page: written, sent and read by what the app itself uses."""

import json
import math
from datetime import UTC, datetime, timedelta, timezone

import gradio as gr
import pytest
import torch
from fastapi.testclient import TestClient
from trainings import CONFIG, MODEL, TOKENIZER

from llm.runs.run import Run
from llm.tokenizers import BPETokenizer, BPETrainer, train_tokenizer
from llm.ui import inputs, prompt
from llm.ui.generate import drawing
from llm.ui.live import vocabulary
from llm.ui.page_settings import DIALS, MAX_SEED
from llm.ui.panel import Panel

LONE = "a\ud800b"
"""Half of a surrogate pair, which a browser's text can hold and UTF-8 can't."""
WEIGHTS = torch.tensor([0, 1, 128, 255], dtype=torch.uint8)
NUMBERS = torch.tensor([0.0, -0.0, 1.5, -(2.0**-126), 2.0**100, 0.1, math.inf, -math.inf, math.nan])
SPELT = ["0", "-0", "1.5", "-1.1754943508222875e-38", "1.2676506002282294e+30", "0.10000000149011612"]
# Halves of é and of an emoji are tokens, and so is <|endoftext|>.
TOKENS = BPETokenizer(list(BPETrainer("é😀é😀 the the").merges()))


@pytest.fixture
def sent(node, tmp_path):
    """sent([(reader, value), ...], request) -> what the page's readers make of them, sent as an endpoint's answer."""

    def cross(rows, request=None):
        def table(request):
            return {"rows": rows(request) if callable(rows) else rows}

        with gr.Blocks() as blocks:
            panel = Panel("bar", [table])
        blocks.config = blocks.get_config_file()
        client = TestClient(gr.routes.App.create_app(blocks))
        call = {"session_hash": "x", "component_id": panel._id, "fn_name": "table", "data": request or {}}
        # As a browser writes it: half of a surrogate pair as an escape.
        answer = client.post("/gradio_api/component_server", content=json.dumps(call))
        assert answer.status_code == 200, answer.text
        (tmp_path / "table.json").write_text(json.dumps(answer.json()["rows"]), encoding="utf-8")
        done = node("crossing.mjs", tmp_path / "table.json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return cross


def milliseconds(moment):
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def test_values_arrive_as_they_left(sent, tmp_path):
    """Dates, numbers that JSON lacks, nothing, large whole numbers, arrays, texts, steps and ids."""
    run = Run.create(tmp_path, MODEL, CONFIG, TOKENIZER, corpus="text")
    moments = [
        datetime(2026, 3, 1, 12, 34, 56, 123456, UTC),
        datetime(2026, 3, 1, 12, 34, 56, tzinfo=UTC),
        datetime(2026, 10, 25, 2, 30, tzinfo=timezone(timedelta(hours=-8, minutes=-30))),
    ]
    rows = [
        ("date", run.created, [milliseconds(datetime.fromisoformat(run.created)), True]),
        *(("date", moment.isoformat(), [milliseconds(moment), True]) for moment in moments),
        ("as_is", math.nan, None),
        ("as_is", math.inf, None),
        ("number", math.nan, "–"),
        ("as_is", None, None),
        ("as_is", [True, False, 0, 0.0, ""], [True, False, 0, 0, ""]),
        ("whole", MAX_SEED, ["9007199254740991", True, "9\u202f007\u202f199\u202f254\u202f740\u202f991"]),
        ("as_is", [0.1, 1e-300, 1.7976931348623157e308], [0.1, 1e-300, 1.7976931348623157e308]),
        ("as_is", [0, 500, 2**31], [0, 500, 2**31]),
        ("as_is", {"step": None, "id": 200_018}, {"step": None, "id": 200_018}),
        ("bytes", prompt.packed(WEIGHTS), ["0", "1", "128", "255"]),
        ("bytes", prompt.packed(torch.zeros(0, dtype=torch.uint8)), []),
        ("floats", prompt.packed(NUMBERS), [*SPELT, "Infinity", "-Infinity", "NaN"]),
        ("floats", prompt.packed(torch.eye(2)[:, 1].expand(2, 2).T), ["0", "0", "1", "1"]),
        ("floats", drawing.packed(NUMBERS[:6]), SPELT),
        ("text", "é😀\0\u2028<b>\n", ["é😀\0\u2028<b>\n", [0xE9, 0x1F600, 0, 0x2028, 60, 98, 62, 10]]),
    ]
    for row, found in zip(rows, sent([row[:2] for row in rows]), strict=True):
        assert found == row[2], row


@pytest.mark.parametrize("tokenizer", [TOKENS, train_tokenizer("character", "aé😀\n"), train_tokenizer("gpt2", "")])
def test_a_vocabulary_arrives_byte_by_byte(sent, tokenizer):
    """Lengths as uint32, all bytes in a row; a piece of a character is named by its bytes."""
    (found,) = sent([("vocabulary", vocabulary(tokenizer))])
    tokens = [tokenizer.token_bytes(id) for id in range(tokenizer.vocab_size)]
    assert found["bytes"] == [token.hex() for token in tokens]
    assert (found["hash"], found["eot"]) == (tokenizer.hash, tokenizer.eot_id)
    for token, label in zip(tokens, found["labels"], strict=True):
        try:
            assert label.replace("·", " ") == token.decode().replace("·", " ") or min(token) < 32 or 127 in token
        except UnicodeDecodeError:
            assert label == f"‹{token.hex(' ').upper()}›"


def test_what_a_page_sends_can_be_answered(sent):
    """The largest seed comes back exactly; half of a surrogate pair, which no answer can hold, as U+FFFD."""
    request = {"seed": MAX_SEED, "text": LONE, "name": "😀"}

    def rows(asked):
        seed = inputs.setting(asked, DIALS["seed"])
        texts = [("as_is", inputs.text(asked, name)) for name in ("text", "name")]
        return [("whole", seed), *texts]

    (seed, exact, _), text, name = sent(rows, request)
    assert (seed, exact, text, name) == (str(MAX_SEED), True, "a\ufffdb", "😀")
