"""Steps, vocabularies in training, the lexicon and the shelf, as the page and as strangers ask for them."""

import json
import time
from pathlib import Path

import gradio as gr
import pytest
import tiktoken
import tokenizers

from llm.checkpoint import save_checkpoint
from llm.config import ModelConfig
from llm.corpora import load_corpus
from llm.limits import Limits
from llm.model import GPT
from llm.tokenizers import FORMATS, PATTERNS, GPT2Tokenizer, export, train_bpe, train_tokenizer
from llm.ui import subject
from llm.ui.memory import TOKEN_BYTES
from llm.ui.sessions import Sessions
from llm.ui.tokenizer import vocabulary_training
from llm.ui.tokenizer.read import build_read
from llm.ui.tokenizer.step_through import build_step_through
from llm.ui.tokenizer.tokenizer_menu import TokenizerMenu
from llm.ui.tokenizer.train_a_vocabulary import build_train_a_vocabulary
from llm.ui.tokenizer.vocabulary import build_vocabulary
from llm.ui.tokenizer.vocabulary_training import VocabularyTraining
from llm.ui.vocabularies import SHARE

TEXT = "It's 2024, and the tokens don't stop!\n"


class Tab:
    """The views' endpoints, called as one visitor; an error is raised."""

    def __init__(self):
        self.sessions = Sessions()
        shelf = TokenizerMenu(subject.Subjects(self.sessions))
        views = [build(shelf) for build in (build_read, build_step_through, build_train_a_vocabulary, build_vocabulary)]
        self._endpoints = {fn.__name__: fn for view in views for fn in view.server_fns}

    def ask(self, endpoint, visitor="0" * 32, **values):
        request = {"visitor": visitor, "model": "shipped:tiny", "step": None, **values}
        answer = self._endpoints[endpoint](request)
        if "error" in answer:
            raise ValueError(answer["error"])
        return json.loads(json.dumps(answer))

    def learn(self, **values):
        """Start a training and wait for its end; all that the polls said, joined."""
        self.ask("start_learning", **{"corpus": "pasted", "text": TEXT * 20, "vocab_size": 280, **values})
        told = self.ask("poll_learning")
        merges = told["merges"]
        while told["state"] in ("reading", "running"):
            time.sleep(0.01)
            told |= self.ask("poll_learning", since=told["next"])
            merges += told["merges"]
        return {**told, "merges": merges}


@pytest.fixture
def tab(tmp_path, monkeypatch):
    monkeypatch.setattr(subject, "SHIPPED", tmp_path)
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    tokenizer = train_tokenizer("character", TEXT)
    model = GPT(ModelConfig(tokenizer.vocab_size, n_ctx=8, n_embd=8, n_head=1, n_layer=1))
    save_checkpoint(tmp_path / "tiny", model, tokenizer)
    return Tab()


def uploaded(name, data):
    """A file as Gradio receives it."""
    folder = Path(gr.utils.get_upload_folder()) / "test-vocabularies"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    return str(folder / name)


# ---- Step through -------------------------------------------------------------------------------------


def test_steps_of_each_piece_end_at_the_texts_ids(tab):
    """The pieces are named and join to the text; their steps, replayed as the page does, end at GPT-2's ids."""
    answer = tab.ask("cut_text", tok="gpt2", text=TEXT)
    assert "".join(piece["piece"] for piece in answer["pieces"]) == TEXT and answer["total"] == len(answer["pieces"])
    assert [piece["kind"] for piece in answer["pieces"][:4]] == ["word", "contraction", "number", "punctuation"]
    ids = []
    for piece in answer["pieces"]:
        told = tab.ask("merge_piece", tok="gpt2", piece=piece["piece"])
        state = told["start"]
        for step in told["steps"]:
            ranks = {place: (rank, token) for place, rank, token in step["candidates"]}
            rank, token = ranks[step["place"]]
            assert rank == min(rank for rank, _ in ranks.values()) and str(token) in told["tokens"]
            state = [*state[: step["place"]], token, *state[step["place"] + 2 :]]
        assert state == told["encoded"]
        ids += state
    assert ids == GPT2Tokenizer().encode(TEXT)


def test_single_bytes_are_a_tokenizer_of_their_own(tab):
    """What byte-level BPE begins with stands on the shelf: ids are bytes, and nothing is left to step through."""
    text = TEXT + "naïve \N{CAT FACE}"
    assert tab.ask("read_text", tok="bytes", text=text, sheet="s")["ids"][2] == list(text.encode())
    told = tab.ask("merge_piece", tok="bytes", piece=" the")
    assert told["steps"] == [] and told["start"] == told["encoded"] == list(b" the")
    assert {"ref": "bytes", "name": "Bytes"} in tab.ask("list_tokenizers")["groups"][1]["tokenizers"]


def test_a_tokenizer_without_merges_says_so(tab):
    """Words and characters have no steps."""
    assert tab.ask("cut_text", text=TEXT) | {"about": ""} == {
        "ref": "model", "name": "This model's tokenizer", "short": "This model", "about": "",
        "kind": "character", "merges": False, "pieces": [], "total": 0,
    }  # fmt: skip
    with pytest.raises(ValueError, match="merges nothing"):
        tab.ask("merge_piece", piece="the")
    with pytest.raises(ValueError, match="at most 160"):
        tab.ask("merge_piece", tok="gpt2", piece="a" * 200)


# ---- Train a vocabulary -------------------------------------------------------------------------------


def test_what_the_page_sees_is_the_training(tab):
    """Merges, counts and tokens left, as told in several answers, are the trainer's; the sample collapses alike."""
    told = tab.learn(text=TEXT * 20, vocab_size=280)
    tokenizer = train_bpe(TEXT * 20, 280)
    assert told["state"] == "finished" and told["learnt"] == 280 - 257
    assert [(tuple(m[:2]), m[2]) for m in told["merges"]] == [(m.pair, m.count) for m in tokenizer.merges]
    assert told["merges"][-1][3] == len(tokenizer.encode(TEXT * 20)) and told["n_bytes"] == len(TEXT) * 20
    assert [tuple(pair[:2]) for pair in told["pairs"]] == [m.pair for m in train_bpe(TEXT * 20, 300).merges[23:25]]
    sample = told["sample"]
    for token, (left, right, *_) in enumerate(told["merges"], start=256):
        for piece in sample:
            i = 0
            while i + 1 < len(piece):
                if piece[i : i + 2] == [left, right]:
                    piece[i : i + 2] = [token]
                i += 1
    text = tokenizer.decode(id for piece in told["sample"] for id in piece)
    assert [id for piece in sample for id in piece] == tokenizer.encode(text)


def test_pause_step_pace_and_stop(tab):
    """A paused training makes exactly one merge a step, goes on, and stops at any size with what it has."""
    tab.ask("start_learning", corpus="pydoc", vocab_size=4096, pace=0.5)
    tab.ask("steer_learning", action="step")
    deadline = time.monotonic() + 10
    while (told := tab.ask("poll_learning"))["learnt"] < 1:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    tab.ask("steer_learning", action="pause")
    before = tab.ask("poll_learning")["learnt"]
    tab.ask("steer_learning", action="step")
    while (told := tab.ask("poll_learning"))["learnt"] == before:
        time.sleep(0.01)
    assert told["learnt"] == before + 1 and told["state"] == "paused"
    tab.ask("steer_learning", action="resume", pace=0)
    while tab.ask("poll_learning")["learnt"] < 50:
        time.sleep(0.005)
    assert tab.ask("steer_learning", action="stop")["state"] in ("stopped", "finished")
    learnt = tab.ask("poll_learning")["learnt"]
    assert tab.ask("save_vocabulary", name="stopped early")["ref"] == "mine:stopped early"
    assert tab.sessions.of({"visitor": "0" * 32}).tokenizers["stopped early"].vocab_size >= 257 + learnt


def test_the_example_is_one_for_all_and_touches_no_training(tab):
    """Before a first training a real one is polled, the same for every visitor; it never takes a training's place."""
    while (told := tab.ask("poll_learning", example=True))["state"] != "finished":
        time.sleep(0.01)
    corpus = load_corpus("pydoc")
    assert told["title"] == corpus.title
    assert len(told["merges"]) == 300
    tokenizer = train_bpe(corpus.text, 557)
    assert [tuple(merge[:2]) for merge in told["merges"]] == [merge.pair for merge in tokenizer.merges]
    assert not tab.ask("prepare_learning")["going"]
    with pytest.raises(ValueError, match="No vocabulary is in training"):
        tab.ask("save_vocabulary", name="theirs")

    own = tab.learn(vocab_size=270)
    assert tab.ask("poll_learning", example=True, visitor="1" * 32)["merges"] == told["merges"]
    assert tab.ask("poll_learning")["merges"] == own["merges"]


def test_a_second_start_takes_the_place_of_the_first(tab):
    """One training a visitor; and no more over all visitors than the machine has room for."""
    tab.ask("start_learning", corpus="pydoc", vocab_size=4096, pace=0.5)
    first = tab.sessions.of({"visitor": "0" * 32}).vocabulary_training
    tab.ask("start_learning", corpus="pydoc", vocab_size=4096, pace=0.5)
    assert first.state == "stopped"
    tab.sessions.limits = Limits(vocabulary_trainings=1)
    with pytest.raises(ValueError, match="Others are training"):
        tab.ask("start_learning", visitor="1" * 32, corpus="pydoc")
    tab.ask("steer_learning", action="stop")


def test_a_training_nobody_watches_stops(monkeypatch):
    """Closing the page does not leave a thread behind."""
    monkeypatch.setattr(vocabulary_training, "IDLE_SECONDS", 0.05)
    training = VocabularyTraining("x", TEXT * 50, 4096, 0.5)
    training.start()
    training.pause()
    deadline = time.monotonic() + 5
    while training.alive:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert training.state == "stopped"


def test_what_was_learnt_is_kept_used_and_leaves_as_files(tab):
    """Kept under a name it reads and steps at once, and its three files open elsewhere with the same ids."""
    tab.learn(corpus="pydoc", vocab_size=700)
    assert tab.ask("save_vocabulary", name="  my   vocabulary ")["ref"] == "mine:my vocabulary"
    own = train_bpe(load_corpus("pydoc").text, 700)
    ids = tab.ask("read_text", tok="mine:my vocabulary", text=TEXT, sheet="s")["ids"][2]
    assert ids == own.encode(TEXT)
    assert tab.ask("list_tokenizers")["groups"][2]["tokenizers"] == [
        {"ref": "mine:my vocabulary", "name": "my vocabulary"}
    ]
    files = {form: tab.ask("export_tokenizer", tok="mine:my vocabulary", format=form) for form in FORMATS}
    assert [file["name"] for file in files.values()] == [
        "my-vocabulary.json", "my-vocabulary.tiktoken", "my-vocabulary-tokenizer.json"
    ]  # fmt: skip
    assert tokenizers.Tokenizer.from_str(files["hugging_face"]["text"]).encode(TEXT).ids == ids
    for name, file in zip(("a.json", "b.tiktoken", "c.json"), files.values(), strict=True):
        path = uploaded(name, file["text"].encode())
        ref = tab.ask("keep_tokenizer", path=path)["ref"]
        assert ref == f"mine:{name[0]}" and not Path(path).exists()
        assert tab.ask("read_text", tok=ref, text=TEXT, sheet=name)["ids"][2] == ids
        assert tab.ask("merge_piece", tok=ref, piece=" the") == tab.ask(
            "merge_piece", tok="mine:my vocabulary", piece=" the"
        )
    with pytest.raises(ValueError, match="is gone"):
        tab.ask("read_text", visitor="1" * 32, tok="mine:a", text=TEXT, sheet="s")


def test_a_tiktoken_file_is_cut_as_the_visitor_says(tab):
    """Such a file does not name its pattern; GPT-4's keeps three digits together at most."""
    own = train_bpe("123456 " * 50, 300)
    data = export(own, "tiktoken").encode()
    by_gpt2 = tab.ask("keep_tokenizer", path=uploaded("x.tiktoken", data))["ref"]
    by_gpt4 = tab.ask("keep_tokenizer", path=uploaded("y.tiktoken", data), pattern="cl100k")["ref"]
    assert [p["piece"] for p in tab.ask("cut_text", tok=by_gpt2, text="123456")["pieces"]] == ["123456"]
    assert [p["piece"] for p in tab.ask("cut_text", tok=by_gpt4, text="123456")["pieces"]] == ["123", "456"]
    ranks = {own.token_bytes(id): id for id in range(own.vocab_size - 1)}
    theirs = tiktoken.Encoding("y", pat_str=PATTERNS["cl100k"], mergeable_ranks=ranks, special_tokens={})
    assert tab.ask("read_text", tok=by_gpt4, text="123456", sheet="s")["ids"][2] == theirs.encode("123456")


def test_the_shelf_is_bounded(tab):
    """The oldest goes when a visitor keeps many, and all visitors together have a limit."""
    data = export(train_bpe("ab ab", 300), "glassbox").encode()
    for n in range(10):
        tab.ask("keep_tokenizer", path=uploaded(f"v{n}.json", data))
    mine = [entry["name"] for entry in tab.ask("list_tokenizers")["groups"][2]["tokenizers"]]
    assert mine == [f"v{n}" for n in range(9, 1, -1)]
    tab.sessions.memory.budget = SHARE * TOKEN_BYTES * 8 * 258
    with pytest.raises(ValueError, match="too many vocabularies"):
        tab.ask("keep_tokenizer", visitor="1" * 32, path=uploaded("w.json", data))


# ---- Vocabulary ---------------------------------------------------------------------------------------


def test_the_search_finds_what_a_plain_loop_finds(tab):
    """By text, bytes, id, length and first byte, in each order, page by page."""
    tokenizer = GPT2Tokenizer()
    tokens = {id: tokenizer.token_bytes(id) for id in range(tokenizer.vocab_size)}
    answer = tab.ask("search_vocabulary", tok="gpt2", query="ing")
    wanted = [id for id, data in tokens.items() if b"ing" in data]
    assert answer["total"] == len(wanted) and [token["id"] for token in answer["tokens"]] == wanted[:120]
    rest = tab.ask("search_vocabulary", tok="gpt2", query="ing", start=120)
    assert [token["id"] for token in rest["tokens"]] == wanted[120:240]
    assert tab.ask("search_vocabulary", tok="gpt2", query="0x20 77 6f 72 6c 64")["tokens"][0]["id"] == 995
    assert tab.ask("search_vocabulary", tok="gpt2", query="#995")["tokens"][0]["parts"] == [{"text": " world"}]
    long = tab.ask("search_vocabulary", tok="gpt2", length=24, byte=0x20, order="length")
    wanted = sorted((id for id, d in tokens.items() if len(d) >= 24 and d[0] == 0x20), key=lambda id: -len(tokens[id]))
    assert [token["id"] for token in long["tokens"]] == wanted
    assert sum(long["lengths"]) == sum(long["bytes"]) == 50256 and long["lengths"][1] == 256


def test_tokens_that_a_text_never_uses(tab):
    """Counted in a text: how often each occurs, and which never do."""
    tokenizer = GPT2Tokenizer()
    ids = tokenizer.encode(load_corpus("pydoc").text)
    answer = tab.ask("search_vocabulary", tok="gpt2", corpus="pydoc", order="count")
    assert answer["never"] == tokenizer.vocab_size - len(set(ids))
    assert answer["tokens"][0]["count"] == max(map(ids.count, {ids[0], *(t["id"] for t in answer["tokens"][:3])}))
    unused = tab.ask("search_vocabulary", tok="gpt2", corpus="pydoc", unused=True, query="SolidGold")
    assert [token["id"] for token in unused["tokens"]] == [43453] and unused["tokens"][0]["count"] == 0


@pytest.mark.parametrize(
    ("endpoint", "values", "sentence"),
    [
        ("cut_text", {"text": 7}, "Text must be a text"),
        ("merge_piece", {"tok": "gpt2", "piece": "a" * 5000}, "use at most 2,000"),
        ("start_learning", {"corpus": "no such"}, "There is no such text"),
        ("start_learning", {"corpus": "upload:gone"}, "There is no such text"),
        ("start_learning", {"corpus": "pasted", "text": "  \n "}, "There is nothing to learn from"),
        ("start_learning", {"corpus": "pasted", "text": "x" * 1_000_001}, "use at most 1,000,000"),
        ("start_learning", {"corpus": "pydoc", "vocab_size": float("inf")}, "must be a number"),
        ("start_learning", {"corpus": "pydoc", "pace": "fast"}, "Pace must be a number"),
        ("start_learning", {"corpus": "pydoc", "visitor": "me"}, "lost its visitor token"),
        ("steer_learning", {"action": "pause"}, "No vocabulary is in training"),
        ("poll_learning", {}, "No vocabulary is in training"),
        ("save_vocabulary", {"name": "x"}, "No vocabulary is in training"),
        ("keep_tokenizer", {"path": "/etc/passwd"}, "did not arrive"),
        ("keep_tokenizer", {"path": None}, "did not arrive"),
        ("export_tokenizer", {"format": "exe"}, "Format must be one of"),
        ("export_tokenizer", {"format": "tiktoken"}, "fit this format"),
        ("search_vocabulary", {"query": 7}, "Query must be a text"),
        ("search_vocabulary", {"query": "0xzz"}, "two hexadecimal digits"),
        ("search_vocabulary", {"order": "luck"}, "Order must be one of"),
        ("search_vocabulary", {"tok": "gpt2", "length": "4"}, "Length must be a number"),
        ("search_vocabulary", {"tok": "gpt2", "corpus": ["pydoc"]}, "Corpus must be a text"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(tab, endpoint, values, sentence):
    """Endpoints are public: wrong kinds, types, names and sizes get a sentence, not a stack trace."""
    with pytest.raises(ValueError, match=sentence):
        tab.ask(endpoint, **values)
