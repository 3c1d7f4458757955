"""assets/answers.d.ts says what Python answers: its text is learnt anew from every endpoint and has to be the same."""

import difflib

import orjson
import pytest
from answers import FILE, written
from asking import Asked

LONE = "a\ud800b"
"""Half of a surrogate pair, which JSON in UTF-8 can't hold."""
TEXTS = {
    *("corpus", "generation", "growth", "batch", "ids", "knows", "lane", "link", "model", "name", "off", "order"),
    *("path", "added", "piece", "prompt", "query", "run", "sheet", "text", "tok", "tokenizer"),
}


class Heard(dict):
    """A request that notes in `read` which of its values an endpoint has looked at; to copy it is to look at all."""

    def __init__(self, values):
        super().__init__(values)
        self.read = set()

    def __getitem__(self, name):
        self.read.add(name)
        return super().__getitem__(name)

    def get(self, name, default=None):
        self.read.add(name)
        return super().get(name, default)

    def __contains__(self, name):
        self.read.add(name)
        return super().__contains__(name)

    def __iter__(self):  # else `{**request}` would ask none of the above
        return super().__iter__()


def test_answers_are_what_the_page_is_told():
    """No key is missing, new or of another type, and no endpoint is left out; what to write instead is printed."""
    before, now = FILE.read_text(encoding="utf-8"), written()
    changes = "\n".join(
        difflib.unified_diff(before.splitlines(), now.splitlines(), "assets/answers.d.ts", "answers", n=3)
    )
    assert before == now, f"{changes}\nPYTHONPATH=. python tests/assets/answers.py writes it anew."


def sendable(answer):
    """Raises what orjson says of an answer that can't be sent."""
    orjson.dumps(answer, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY)


@pytest.mark.parametrize("model", ["shipped:tales", LONE])
def test_whatever_is_sent_can_be_answered(model, tmp_path, monkeypatch):
    """Half a character in any text of a request comes back as U+FFFD, if at all, and never breaks an answer."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    read = set()
    plain, wrong = ({"visitor": "0" * 32, **dict.fromkeys(TEXTS, text), "model": model} for text in ("a", LONE))
    for endpoint in (each for named in Asked().endpoints.values() for each in named.values()):
        sendable(endpoint(dict(wrong)))
        request = Heard(plain)
        sendable(endpoint(request))
        read |= request.read
        # With the others wrong, the first wrong one would hide the rest; and what is not read can change nothing.
        for name in sorted(request.read & TEXTS):
            sendable(endpoint({**plain, name: LONE}))
    assert "model" in read
