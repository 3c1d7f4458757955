"""LAMBADA and HellaSwag on tiny files, against scores worked out one token at a time."""

import json
import math

import pytest
import torch
from twins import randomised

from llm.benchmarks import HellaSwagScore, LambadaScore, continuation_nats, hellaswag, lambada
from llm.checkpoint import save_checkpoint
from llm.cli.parser import main
from llm.config import ModelConfig
from llm.tokenizers import GPT2Tokenizer, train_tokenizer

TEXTS = [
    "The cat sat on the mat and the dog sat on the rug",
    'He said "never again" and left, and again he came back, again.',
    "  Two words\n",
    "A long passage, " * 9 + "much longer than the context of the model, ends in a café",
]
QUESTIONS = [
    {"ctx": "The cat", "endings": ["sat on the mat.", "ate", "was never seen again by anyone.", "café"], "label": 2},
    {"ctx": "A dog", "endings": ["came back.", "left."], "label": "1", "activity_label": "Pets"},
    {"ctx": "He said", "endings": ["never", "again and again and again"], "label": 0, "ind": 7},
    {"ctx": "She was", "endings": ["here", "there, where the dog sat on the rug"], "label": 1},
]
CORPUS = " ".join(TEXTS) + json.dumps(QUESTIONS, ensure_ascii=False)
TOKENIZERS = [train_tokenizer("bpe", CORPUS, 320), train_tokenizer("character", CORPUS)]


def model_for(tokenizer, n_ctx=64):
    model = randomised(ModelConfig(tokenizer.vocab_size, n_ctx=n_ctx, n_embd=24, n_head=2, n_layer=2))
    model.wte.weight.data.mul_(3)  # opinions strong enough for the measures to disagree
    return model


def write_lines(path, lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def token_by_token(model, context, continuation):
    """Nats and likeliest token of each token, each from a forward pass of its own over the last n_ctx tokens."""
    ids, nats, greedy = [*context, *continuation], [], []
    start = max(0, len(ids) - model.config.n_ctx - 1)  # one window for all of them
    for position in range(len(context), len(ids)):
        with torch.no_grad():
            odds = model(torch.tensor([ids[start:position]]))[0, -1].double().log_softmax(dim=-1)
        nats.append(-odds[ids[position]].item())
        greedy.append(int(odds.argmax()) == ids[position])
    return nats, greedy


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=lambda t: t.kind)
@pytest.mark.parametrize("n_ctx", [20, 256])
def test_lambada_equals_brute_force(tmp_path, tokenizer, n_ctx):
    """Whole word and last token, with the space before the word, long passages cut at the front."""
    model = model_for(tokenizer, n_ctx)
    words, lasts = [], []
    for text in TEXTS:
        before, word = text.rstrip().rsplit(" ", 1)
        context = tokenizer.encode(before)
        continuation = tokenizer.encode(f"{before} {word}")[len(context) :]
        assert tokenizer.decode(continuation) == f" {word}"
        nats, greedy = token_by_token(model, context, continuation)
        words.append((sum(nats), all(greedy)))
        lasts.append((nats[-1], greedy[-1]))
    score = lambada(model, tokenizer, write_lines(tmp_path / "lambada.jsonl", [{"text": t} for t in TEXTS]))
    assert score.passages == len(TEXTS)
    assert score.perplexity == pytest.approx(math.exp(sum(n for n, _ in words) / len(TEXTS)), rel=1e-4)
    assert score.last_token_perplexity == pytest.approx(math.exp(sum(n for n, _ in lasts) / len(TEXTS)), rel=1e-4)
    assert score.accuracy == sum(right for _, right in words) / len(TEXTS)
    assert score.last_token_accuracy == sum(right for _, right in lasts) / len(TEXTS)


class Parrot(torch.nn.Module):
    """Always expects the token that stood two places before, and is sure of it."""

    def __init__(self, config):
        super().__init__()
        self.config, self.device = config, torch.device("cpu")

    def forward(self, ids_BT):
        before_BT = ids_BT.roll(1, dims=1)
        return torch.nn.functional.one_hot(before_BT, self.config.vocab_size).float() * 50


def test_a_word_is_right_only_if_all_of_it_is(tmp_path):
    """A space and a letter: both right, only the space right, only the last letter right."""
    tokenizer = train_tokenizer("character", "ab c")
    parrot = Parrot(ModelConfig(tokenizer.vocab_size, n_ctx=16, n_embd=2, n_head=1, n_layer=1))
    texts = ["b b b", "a b a", "ca bab"]
    score = lambada(parrot, tokenizer, write_lines(tmp_path / "l.jsonl", [{"text": t} for t in texts]))
    assert (score.accuracy, score.last_token_accuracy) == (1 / 3, 2 / 3)
    assert 1.0 < score.last_token_perplexity < score.perplexity


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=lambda t: t.kind)
def test_hellaswag_equals_brute_force(tmp_path, tokenizer):
    """The likeliest ending in all, per token and per byte; the three don't always agree."""
    model = model_for(tokenizer)
    chosen = []
    for question in QUESTIONS:
        context = tokenizer.encode(question["ctx"])
        rows = []
        for ending in question["endings"]:
            ids = tokenizer.encode(" " + ending)
            nats = sum(token_by_token(model, context, ids)[0])
            rows.append((nats, nats / len(ids), nats / len(ending.encode())))
        chosen.append([column.index(min(column)) for column in zip(*rows, strict=True)])
    expected = [
        sum(choice[k] == int(q["label"]) for choice, q in zip(chosen, QUESTIONS, strict=True)) / len(QUESTIONS)
        for k in range(3)
    ]
    score = hellaswag(model, tokenizer, write_lines(tmp_path / "hellaswag.jsonl", QUESTIONS))
    assert [score.accuracy, score.accuracy_per_token, score.accuracy_per_byte] == expected
    assert score.questions == len(QUESTIONS) and len(set(map(tuple, chosen))) > 1
    assert any(choice[0] != choice[1] for choice in chosen)


def test_continuations_of_different_lengths_do_not_disturb_each_other():
    """What a batch is filled up with is never seen, and greedy choices are those of the forward pass."""
    model = model_for(TOKENIZERS[0])
    context, continuations = [1, 2, 3], [[4], [5, 6, 7, 8, 9], [10, 11]]
    together = continuation_nats(model, context, continuations)
    for scored, continuation in zip(together, continuations, strict=True):
        nats, greedy = token_by_token(model, context, continuation)
        assert scored[0] == pytest.approx(nats, abs=1e-4) and scored[1] == greedy


def test_the_longest_continuation_still_has_a_token_before_it():
    """One that fills the context is scored; a longer one is refused."""
    model = model_for(TOKENIZERS[0], n_ctx=8)
    ((nats, _),) = continuation_nats(model, [1, 2, 3], [[4] * 8])
    assert nats == pytest.approx(token_by_token(model, [1, 2, 3], [4] * 8)[0], abs=1e-4)
    with pytest.raises(ValueError, match="9 tokens doesn't fit a context of 8"):
        continuation_nats(model, [1], [[4] * 9])
    with pytest.raises(ValueError, match="nothing to score"):
        continuation_nats(model, [], [[1]])


def test_gpt2s_tokens_keep_the_space_with_the_word():
    """The protocol's premise: the context's tokens are a prefix of the text's, and the last word brings its space."""
    tokenizer = GPT2Tokenizer()
    for text in TEXTS:
        before, word = text.rstrip().rsplit(" ", 1)
        whole, context = tokenizer.encode(f"{before} {word}"), tokenizer.encode(before)
        assert whole[: len(context)] == context and tokenizer.decode(whole[len(context) :]) == f" {word}"


def test_lines_are_counted_and_blank_ones_skipped(tmp_path):
    """Progress goes up by one a passage; a blank line is none."""
    path = tmp_path / "lambada.jsonl"
    path.write_text('{"text": "a cat"}\n\n  \n{"text": "the rug", "more": 1}', encoding="utf-8")
    done = []
    assert lambada(model_for(TOKENIZERS[1]), TOKENIZERS[1], path, on_progress=done.append).passages == 2
    assert done == [1, 2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no lines"),
        (b'{"text": "a cat"}\n{"text": "cat"}', "Line 2 of test.jsonl needs a text of at least two words"),
        (b'{"text": ["a", "cat"]}', "Line 1 .* two words"),
        (b"{}", "two words"),
        (b"[1]", "Line 1 of test.jsonl must be a JSON object"),
        (b"{", "must be a JSON object"),
        (b"\xff\xfe", "must be a JSON object"),
        (b"[" * 100_000, "must be a JSON object"),
        (b'{"text": "' + b"a " * 600_000 + b'"}', "has over 1,000,000 bytes"),
    ],
    ids=range(9),
)
def test_a_line_that_is_no_passage_is_named(tmp_path, content, message):
    """The number of the line and what it lacks."""
    (tmp_path / "test.jsonl").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        lambada(model_for(TOKENIZERS[1]), TOKENIZERS[1], tmp_path / "test.jsonl")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ctx": None}, "needs a ctx"),
        ({"ctx": " "}, "empty ctx"),
        ({"endings": ["one"]}, "at least two endings"),
        ({"endings": "two"}, "at least two endings"),
        ({"endings": ["a", ""]}, "empty ctx or ending"),
        ({"endings": ["a", 3]}, "empty ctx or ending"),
        ({"label": 4}, "label of the right ending, 0 to 3"),
        ({"label": -1}, "label"),
        ({"label": ""}, "label"),
        ({"label": True}, "label"),
        ({"label": None}, "label"),
    ],
    ids=range(11),
)
def test_a_line_that_is_no_question_is_named(tmp_path, change, message):
    """The test set's hidden labels among them."""
    path = write_lines(tmp_path / "test.jsonl", [QUESTIONS[1], QUESTIONS[0] | change])
    with pytest.raises(ValueError, match=f"Line 2 of test.jsonl .*{message}"):
        hellaswag(model_for(TOKENIZERS[1]), TOKENIZERS[1], path)


def test_a_missing_file_is_named(tmp_path):
    """Rather than an error of the operating system."""
    with pytest.raises(ValueError, match=r"no file .*nowhere"):
        lambada(model_for(TOKENIZERS[1]), TOKENIZERS[1], tmp_path / "nowhere")


@pytest.fixture
def folder(tmp_path):
    save_checkpoint(tmp_path / "model", model_for(TOKENIZERS[0]), TOKENIZERS[0])
    write_lines(tmp_path / "lambada.jsonl", [{"text": text} for text in TEXTS])
    write_lines(tmp_path / "hellaswag.jsonl", QUESTIONS)
    return tmp_path


def test_the_command_line_prints_what_the_library_scores(folder, capsys):
    """As JSON and as lines for people."""
    model = model_for(TOKENIZERS[0])
    for name, score, kind in [("lambada", lambada, LambadaScore), ("hellaswag", hellaswag, HellaSwagScore)]:
        path = folder / f"{name}.jsonl"
        expected = score(model, TOKENIZERS[0], path)
        assert main(["evaluate", "--checkpoint", str(folder / "model"), f"--{name}", str(path), "--json"]) == 0
        printed = json.loads(capsys.readouterr().out)
        assert (printed.pop("test"), printed.pop("file")) == (name, path.name)
        assert kind(**printed) == expected
        assert main(["evaluate", "--checkpoint", str(folder / "model"), f"--{name}", str(path)]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == len(printed) and any(
            line.split() == ["accuracy", f"{expected.accuracy:.4f}"] for line in lines
        )


def test_windows_make_no_sense_for_passages(folder, capsys):
    """--stride belongs to another measure, and that is said."""
    args = ["evaluate", "--checkpoint", str(folder / "model"), "--lambada", str(folder / "lambada.jsonl")]
    assert main([*args, "--stride", "3"]) == 2
    assert capsys.readouterr().err == "Each passage is read whole; leave out --stride.\n"
