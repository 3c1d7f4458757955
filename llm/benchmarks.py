"""Two tests of what a model understood, from JSONL files: LAMBADA's last words and HellaSwag's endings.

Scores depend on the protocol as much as on the model, so here is ours, and where others differ.

LAMBADA (Paperno et al., 2016). Each line is `{"text": ...}`, a passage whose last word can be guessed
only from all of it. The text is taken as it is; the last word is what follows the last space, and
it is scored with that space, as GPT-2's tokens have it. Two readings are reported:
  word        all tokens of the word: right when each is the likeliest; the perplexity is e to the mean
              over passages of the word's nats (EleutherAI's lm-evaluation-harness, lambada_openai).
  last token  only the last of them, the others given: easier, and what OpenAI's own numbers are said to be.
GPT-2's Table 3 has accuracies of 45.99, 55.48, 60.12 and 63.24 and perplexities of 35.13, 15.60, 10.87 and
8.63 for the four sizes, on a text of its own and with a filter that keeps stop words from being
answers, which nothing here does; the harness gets 32.56 and 40.06 for the smallest.

HellaSwag (Zellers et al., 2019). Each line has `ctx`, four `endings` and the `label` of the right one.
An ending is scored after `ctx` and a space. Three accuracies are reported, for choosing the ending
with the fewest nats in all, per token, and per byte. The first two are those of build-nanogpt
(28.59 and 29.55 for the smallest GPT-2); the harness divides by characters, cleans the texts of
WikiHow's marks and puts the activity before them, so its numbers are others.

Shapes: B batch, T time, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from llm.files import parsed_json
from llm.model import GPT
from llm.sampler import checked_ids, reading
from llm.tokenizers import Tokenizer

MAX_LINE_BYTES = 1_000_000

Progress = Callable[[int], None]
"""Called with the number of lines scored so far."""


@dataclass(frozen=True)
class LambadaScore:
    """How well last words were guessed."""

    passages: int
    accuracy: float
    """Share of passages whose whole last word is what greedy decoding writes."""
    perplexity: float
    """e to the mean nats of a last word."""
    last_token_accuracy: float
    last_token_perplexity: float


@dataclass(frozen=True)
class HellaSwagScore:
    """How often the right ending was the likeliest, by three measures of likely."""

    questions: int
    accuracy: float
    """By the nats of the whole ending, which favours short ones."""
    accuracy_per_token: float
    accuracy_per_byte: float


def lambada(model: GPT, tokenizer: Tokenizer, path: str | Path, on_progress: Progress | None = None) -> LambadaScore:
    """Score the last word of each passage in a JSONL file, read line by line.

    Raises ValueError naming the line when one is no passage of at least two words.
    """
    right = right_last = passages = 0
    nats = nats_last = 0.0
    for number, line in _lines(Path(path)):
        text = line.get("text")
        before, space, word = text.rstrip().rpartition(" ") if isinstance(text, str) else ("", "", "")
        if not before.strip() or not word:
            raise _wrong_line(Path(path), number, "needs a text of at least two words")
        # Encoded as one text, so that the word has the tokens it has in running text.
        whole, context = tokenizer.encode(before + space + word), tokenizer.encode(before)
        if len(context) >= len(whole):
            raise _wrong_line(Path(path), number, "ends in nothing that this tokenizer can write")
        ((nats_T, greedy_T),) = continuation_nats(model, context, [whole[len(context) :]])
        passages += 1
        right += all(greedy_T)
        right_last += greedy_T[-1]
        nats += math.fsum(nats_T)
        nats_last += nats_T[-1]
        if on_progress is not None:
            on_progress(passages)
    _some(passages, Path(path))
    return LambadaScore(
        passages, right / passages, _exp(nats / passages), right_last / passages, _exp(nats_last / passages)
    )


def hellaswag(
    model: GPT, tokenizer: Tokenizer, path: str | Path, on_progress: Progress | None = None
) -> HellaSwagScore:
    """Score the endings of each question in a JSONL file, read line by line.

    Raises ValueError naming the line when one has no context, endings or label.
    """
    right, questions = [0, 0, 0], 0
    for number, line in _lines(Path(path)):
        ctx, endings, label = _question(line, Path(path), number)
        scored = continuation_nats(model, tokenizer.encode(ctx), [tokenizer.encode(f" {e}") for e in endings])
        sums = [math.fsum(nats_T) for nats_T, _ in scored]
        tokens = [len(nats_T) for nats_T, _ in scored]
        n_bytes = [len(ending.encode("utf-8", "replace")) for ending in endings]
        measures = [
            [total / n for total, n in zip(sums, sizes, strict=True)] for sizes in ([1] * len(sums), tokens, n_bytes)
        ]
        questions += 1
        for kind, measure in enumerate(measures):
            right[kind] += measure.index(min(measure)) == label
        if on_progress is not None:
            on_progress(questions)
    _some(questions, Path(path))
    return HellaSwagScore(questions, *(count / questions for count in right))


def _question(line: dict[str, Any], path: Path, number: int) -> tuple[str, list[str], int]:
    """A HellaSwag line's context, endings and the index of the right one."""
    ctx, endings, label = line.get("ctx"), line.get("endings"), line.get("label")
    label = int(label) if isinstance(label, str) and label.isdecimal() else label  # some copies write "3"
    if not isinstance(ctx, str) or not isinstance(endings, list) or len(endings) < 2:
        raise _wrong_line(path, number, "needs a ctx and at least two endings")
    if not ctx.strip() or not all(isinstance(ending, str) and ending.strip() for ending in endings):
        raise _wrong_line(path, number, "has an empty ctx or ending")
    if type(label) is not int or not 0 <= label < len(endings):
        raise _wrong_line(path, number, f"needs the label of the right ending, 0 to {len(endings) - 1}")
    return ctx, endings, label


def continuation_nats(
    model: GPT, context: Sequence[int], continuations: Sequence[Sequence[int]]
) -> list[tuple[list[float], list[bool]]]:
    """For each continuation of one context, token by token: its nats, and whether it is the likeliest token.

    All are read in one batch. What exceeds the model's context is cut off at the front.
    Raises ValueError when the context or a continuation is empty or too long for the model.
    """
    n_ctx, longest = model.config.n_ctx, max(map(len, continuations))
    if not context or not all(continuations):
        raise ValueError("There is nothing to score: context and continuation need a token each.")
    if longest > n_ctx:
        raise ValueError(f"A continuation of {longest} tokens doesn't fit a context of {n_ctx}; use a larger model.")
    rows = [[*context, *continuation][-n_ctx - 1 :] for continuation in continuations]
    for row in rows:
        checked_ids(row, model.config.vocab_size)
    # The shorter ones are filled up on the right, where nothing that is scored can see it.
    width = max(map(len, rows))
    ids_BT = torch.tensor([row + [0] * (width - len(row)) for row in rows], device=model.device)
    with reading(model):
        logits_BTV = model(ids_BT[:, :-1])
    scored = []
    for ids_T, logits_TV, row, continuation in zip(ids_BT, logits_BTV, rows, continuations, strict=True):
        first, end = len(row) - len(continuation), len(row)
        scored.append(_nats(logits_TV[first - 1 : end - 1], ids_T[first:end]))
    return scored


def _nats(logits_TV: Tensor, targets_T: Tensor) -> tuple[list[float], list[bool]]:
    nats_T = F.cross_entropy(logits_TV.float(), targets_T, reduction="none")
    return nats_T.tolist(), (logits_TV.argmax(dim=-1) == targets_T).tolist()


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each line's number and object; blank lines are skipped. Only one line is in memory."""
    if not path.is_file():
        raise ValueError(f"There is no file {str(path)!r}; check the path.")
    with open(path, "rb") as file:
        number = 0
        while data := file.readline(MAX_LINE_BYTES + 1):
            number += 1
            if len(data) > MAX_LINE_BYTES:
                raise _wrong_line(path, number, f"has over {MAX_LINE_BYTES:,} bytes, so this is no JSONL file")
            if not data.strip():
                continue
            try:
                values = parsed_json(data, path.name)
            except ValueError as error:
                raise _wrong_line(path, number, "must be a JSON object") from error
            yield number, values


def _wrong_line(path: Path, number: int, why: str) -> ValueError:
    return ValueError(f"Line {number:,} of {path.name} {why}; use the test's own file.")


def _some(count: int, path: Path) -> None:
    if count == 0:
        raise ValueError(f"{path.name} holds no lines; use the test's own file.")


def _exp(nats: float) -> float:
    return math.exp(nats) if nats < 700 else math.inf  # exp overflows at 710
