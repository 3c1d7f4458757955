"""Batches: a pure function of seed, step and rank; token files; the refusals."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from llm import data
from llm.corpora import own_files, read_own_text
from llm.data import (
    UNASKED,
    answer_ends,
    check_lengths,
    encode_corpus,
    eval_windows,
    get_batch,
    only_answers,
    open_tokens,
    split,
    tokens_of,
    write_tokens,
)
from llm.files import in_use
from llm.tokenizers import train_tokenizer

TOKENS = torch.arange(1000, dtype=torch.int32)


def batch(step=0, seed=1, rank=0, world_size=1, batch_size=8, n_ctx=16, tokens=TOKENS):
    return get_batch(tokens, batch_size=batch_size, n_ctx=n_ctx, seed=seed, step=step, rank=rank, world_size=world_size)


def test_batch_holds_windows_of_the_text_and_what_follows():
    """In a text of consecutive numbers every row must count up, and every target be its input's successor."""
    x_BT, y_BT = batch()
    assert x_BT.shape == y_BT.shape == (8, 16)
    assert x_BT.dtype == y_BT.dtype == torch.int64
    assert torch.equal(x_BT, x_BT[:, :1] + torch.arange(16))
    assert torch.equal(y_BT, x_BT + 1)


def test_batch_is_a_pure_function_of_seed_and_step():
    """The same seed and step give the same batch whatever was drawn before; another of either, another batch."""
    torch.manual_seed(0)
    first, _ = batch(step=3)
    batch(step=99), torch.rand(5), np.random.rand(5)
    assert torch.equal(batch(step=3)[0], first)
    assert not torch.equal(batch(step=4)[0], first)
    assert not torch.equal(batch(step=3, seed=2)[0], first)
    assert not torch.equal(batch(step=1, seed=3)[0], batch(step=3, seed=1)[0])


def test_batch_leaves_the_global_random_state_alone():
    """Other code that draws numbers must not notice a training beside it."""
    before, before_numpy = torch.get_rng_state(), np.random.get_state(legacy=False)
    batch()
    assert torch.equal(torch.get_rng_state(), before)
    assert str(np.random.get_state(legacy=False)) == str(before_numpy)


@given(st.integers(0, 2**63 - 1), st.integers(0, 10**9), st.sampled_from([1, 2, 3, 4, 6, 12]))
def test_processes_together_see_what_one_would(seed, step, world_size):
    """The ranks' rows are a partition of the one batch, so the number of processes doesn't change the training."""
    whole, _ = batch(step, seed, batch_size=12)
    parts = [batch(step, seed, rank, world_size, batch_size=12)[0] for rank in range(world_size)]
    assert {len(part) for part in parts} == {12 // world_size}
    assert sorted(torch.cat(parts)[:, 0].tolist()) == sorted(whole[:, 0].tolist())


def test_every_offset_occurs_and_none_beyond():
    """The first and the last window of a short text are drawn too: an off-by-one would lose one or crash."""
    firsts = torch.cat([batch(step, tokens=TOKENS[:20])[0][:, 0] for step in range(50)])
    assert set(firsts.tolist()) == {0, 1, 2, 3}


def test_text_of_exactly_one_window():
    """n_ctx + 1 tokens are enough, for training and for evaluating."""
    assert torch.equal(batch(tokens=TOKENS[:17])[1], torch.arange(1, 17).expand(8, 16))
    assert torch.equal(eval_windows(TOKENS[:17], 16, 5)[0], torch.arange(16)[None])


def test_short_text_is_refused_with_the_remedy():
    """The message must name the tokens there are and the largest context that fits."""
    for make in (lambda: batch(tokens=TOKENS[:16]), lambda: eval_windows(TOKENS[:16], 16, 4)):
        with pytest.raises(ValueError, match=r"has 16 tokens; a context of 16 needs 17\. Use a context of 15 or less"):
            make()
    with pytest.raises(ValueError, match=r"100 tokens, 10 of them .* Use a context of 9 or less, or more text"):
        check_lengths(16, *split(TOKENS[:100]))
    check_lengths(9, *split(TOKENS[:100]))
    with pytest.raises(ValueError, match="Use more text"):
        check_lengths(16, *split(TOKENS[:0]))


def test_rows_that_cannot_be_shared_are_refused():
    """Uneven shares would weigh some rows more than others without anyone noticing."""
    with pytest.raises(ValueError, match="multiple of 3"):
        batch(world_size=3, batch_size=8)


def test_split_cuts_the_end_off_without_copying():
    """Validation text is the end, all tokens are in one part, and both are views."""
    parts = split(TOKENS, 0.1)
    assert torch.equal(torch.cat(parts), TOKENS)
    assert len(parts.validation) == 100
    assert parts.train.data_ptr() == TOKENS.data_ptr()
    for fraction in (0.0, 1.0, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            split(TOKENS, fraction)


@given(st.integers(2, 400), st.integers(1, 30), st.integers(1, 40))
def test_eval_windows_never_overlap_and_reach_the_end(length, n_ctx, count):
    """Each token is predicted at most once, and the windows span the text evenly."""
    if length <= n_ctx:
        return
    x_NT, y_NT = eval_windows(TOKENS[:length], n_ctx, count)
    assert len(x_NT) == min(count, (length - 1) // n_ctx)
    assert torch.equal(y_NT, x_NT + 1)
    starts = x_NT[:, 0]
    assert starts[0] == 0
    if len(starts) > 1:
        gaps = starts.diff()
        assert y_NT[-1, -1] == length - 1
        assert gaps.min() >= n_ctx and gaps.max() - gaps.min() <= 1


def test_encode_corpus_gives_the_tokenizers_ids():
    """The tensor is the tokenizer's own ids, and decodes to the text."""
    text = "ein Baum\n" * 5
    tokenizer = train_tokenizer("character", text)
    tokens = encode_corpus(tokenizer, text)
    assert tokens.dtype == torch.int32 and tokens.dim() == 1
    assert tokenizer.decode(tokens.tolist()) == text


@pytest.mark.parametrize(("vocab_size", "dtype"), [(65_536, torch.uint16), (65_537, torch.int32)])
def test_token_file_round_trip(tmp_path, vocab_size, dtype):
    """The highest id survives in the smallest type that holds it, and batches from the file equal those from memory."""
    ids = torch.randint(vocab_size, (500,), generator=torch.Generator().manual_seed(0))
    ids[-1] = vocab_size - 1
    write_tokens(tmp_path / "tokens.npy", [ids[:7].tolist(), ids[7:]], vocab_size)
    tokens = open_tokens(tmp_path / "tokens.npy")
    assert tokens.dtype == dtype
    assert torch.equal(tokens.long(), ids)
    for from_file, from_memory in zip(batch(tokens=tokens), batch(tokens=ids), strict=True):
        assert torch.equal(from_file, from_memory)
    for from_file, from_memory in zip(eval_windows(tokens, 16, 9), eval_windows(ids, 16, 9), strict=True):
        assert torch.equal(from_file, from_memory)
    assert [path.name for path in tmp_path.iterdir()] == ["tokens.npy"]


def test_writing_to_opened_tokens_does_not_change_the_file(tmp_path):
    """The map is copy-on-write: a slip in the program can't damage the corpus."""
    write_tokens(tmp_path / "tokens.npy", [[1, 2, 3]], 10)
    open_tokens(tmp_path / "tokens.npy")[0] = 9
    assert open_tokens(tmp_path / "tokens.npy").tolist() == [1, 2, 3]


def test_token_files_do_not_pile_up(tmp_path, monkeypatch):
    """Beyond the limit those unused for longest go, never one that somebody reads, in this process or another."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    monkeypatch.setattr(data, "KEPT_BYTES", 700)
    tokenizer = train_tokenizer("character", "abc")
    folder = tmp_path / "tokens"

    def cut(letter):
        """The tokens of a text that is read in pieces: 100, of two bytes each, behind a header of 128."""
        (tmp_path / "text.txt").write_text(letter * 100, encoding="utf-8")
        return tokens_of(tokenizer, read_own_text(own_files(tmp_path / "text.txt"), in_memory=10))

    def names():
        return sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)

    cut("a"), cut("b")
    first, second = names()
    cut("a")  # used again
    cut("c")
    assert first in names() and second not in names() and len(names()) == 2
    held = cut("a")
    cut("b"), cut("c"), cut("b"), cut("c")
    assert first in names() and held.tolist() == tokenizer.encode("a" * 100)
    del held
    cut("b"), cut("c")
    assert first not in names()
    oldest = names()[0]
    reader = "import sys, pathlib, llm.data as d; t = d.open_tokens(pathlib.Path(sys.argv[1])); print(len(t)); input()"
    with subprocess.Popen(
        [sys.executable, "-c", reader, oldest], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"100\n" and in_use(oldest)
        cut("a"), cut("c")
        assert oldest in names()
        other.communicate(b"\n")
    cut("a")
    assert oldest not in names()


@pytest.mark.parametrize("ids", [[0, 10], [-1, 3]])
def test_ids_outside_the_vocabulary_are_refused(tmp_path, ids):
    """Casting them to two bytes would wrap around silently."""
    with pytest.raises(ValueError, match="a vocabulary of 10 has only 0 to 9"):
        write_tokens(tmp_path / "tokens.npy", [ids], 10)
    assert not list(tmp_path.iterdir())


def test_files_that_hold_no_tokens_are_refused(tmp_path):
    """Text, floats, a table, an empty and a missing file: one clear error, and nothing is unpickled."""
    path = tmp_path / "x.npy"
    for content in (b"", b"hello", b"PK\x03\x04"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="write it again"):
            open_tokens(path)
    for array in (np.zeros(3), np.zeros((2, 2), np.uint16), np.array([{}], dtype=object)):
        np.save(path, array, allow_pickle=True)
        with pytest.raises(ValueError, match="write it again"):
            open_tokens(path)
    with pytest.raises(ValueError, match="write it again"):
        open_tokens(tmp_path / "missing.npy")


@given(st.lists(st.tuples(st.integers(0, 999), st.integers(0, 99)), min_size=4, max_size=30), st.integers(0, 99))
def test_only_answers_are_asked_and_every_window_begins_with_a_question(sums, step):
    """Of lines of any length: inputs are the text as it is, targets its answers with their line ends, nothing else."""
    text = "".join(f"{a}={b}\n" for a, b in sums)
    tokenizer = train_tokenizer("character", text + "0123456789=\n")
    plain = encode_corpus(tokenizer, text)
    marked = only_answers(tokenizer, plain, "=")
    ends = answer_ends(marked, 8)
    assert all(text[end] == "\n" for end in ends.tolist())
    windows = {text[end : end + 9] for end in ends.tolist()}
    for x_BT, y_BT in (
        get_batch(marked, batch_size=5, n_ctx=8, seed=1, step=step, starts=ends),
        eval_windows(marked, 8, 3, ends),
    ):
        for x, y in zip(x_BT.tolist(), y_BT.tolist(), strict=True):
            seen = tokenizer.decode(x)
            expected = []
            for window in (window for window in windows if window.startswith(seen)):  # they may part at the last one
                asked = ["=" in window[:place].rpartition("\n")[2] for place in range(1, 9)]
                wanted = zip(tokenizer.encode(window[1:]), asked, strict=True)
                expected.append([id if here else UNASKED for id, here in wanted])
            assert y in expected


def test_texts_without_answers_have_none_to_ask():
    """A sign that never comes, a tokenizer that joins it to others, a text too short: one sentence each."""
    text = "1=2\n3=4\n"
    tokenizer = train_tokenizer("character", text + ">")
    tokens = encode_corpus(tokenizer, text)
    with pytest.raises(ValueError, match="No answer"):
        only_answers(tokenizer, tokens, ">")
    with pytest.raises(ValueError, match="no token for"):
        only_answers(tokenizer, tokens, "1=")
    with pytest.raises(ValueError, match="too short for one whole question"):
        answer_ends(only_answers(tokenizer, tokens, "="), 5)
