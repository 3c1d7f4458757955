"""assets/answers.d.ts says what Python answers: its text is learnt anew from every endpoint and has to be the same."""

import difflib

import orjson
import pytest
from answers import FILE, written
from asking import Asked

LONE = "a\ud800b"
"""Half of a surrogate pair, which JSON in UTF-8 can't hold."""
TEXTS = [
    "corpus",
    "generation",
    "growth",
    "batch",
    "ids",
    "knows",
    "lane",
    "link",
    "model",
    "name",
    "off",
    "order",
    "path",
]
TEXTS += ["order", "path", "added", "piece", "prompt", "query", "run", "sheet", "text", "tok", "tokenizer"]


def test_answers_are_what_the_page_is_told():
    """No key is missing, new or of another type, and no endpoint is left out; what to write instead is printed."""
    before, now = FILE.read_text(encoding="utf-8"), written()
    changes = "\n".join(
        difflib.unified_diff(before.splitlines(), now.splitlines(), "assets/answers.d.ts", "answers", n=3)
    )
    assert before == now, f"{changes}\nPYTHONPATH=. python tests/assets/answers.py writes it anew."


@pytest.mark.parametrize("model", ["shipped:tales", LONE])
def test_whatever_is_sent_can_be_answered(model, tmp_path, monkeypatch):
    """Half a character in any text of a request comes back as U+FFFD, if at all, and never breaks an answer."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    request = {"visitor": "0" * 32, **dict.fromkeys(TEXTS, LONE), "model": model}
    for endpoints in Asked().endpoints.values():
        for name in (None, *TEXTS):  # with the others wrong, the first wrong one would hide the rest
            sent = (
                request if name is None else {**request, **{other: "a" for other in TEXTS}, "model": model, name: LONE}
            )
            for endpoint in endpoints.values():
                orjson.dumps(endpoint(dict(sent)), option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY)
