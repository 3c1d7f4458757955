"""The Tokenizer tab: the prompt as tokens, under the model's own tokenizer or one of four others.

The endpoints answer with ids, each distinct token once, and how tokens lie on the text; the page
draws them.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import Any

from llm.corpora import load_corpus
from llm.tokenizers import KINDS, BPETokenizer, GPT2Tokenizer, Tokenizer, WhitespaceTokenizer, train_tokenizer
from llm.ui import inputs
from llm.ui.components import Answer, Lens, Request
from llm.ui.subject import Loaded, Subjects
from llm.ui.tokenizer.token_shapes import (
    Span,
    cells,
    columns,
    decoded,
    piece_starts,
    readable,
    shared_characters,
    word_spans,
)

CHOICES = ("model", *KINDS)
NAMES = {
    "whitespace": "Whitespace",
    "character": "Characters",
    "bpe": "Byte-level BPE",
    "gpt2": "GPT-2's vocabulary",
}
MAX_COMPARED = 2500
"""Tokens, of all rows together, that the aligned view draws."""


def build_reading(subjects: Subjects) -> Lens:
    """The lens and its endpoints. `kind` is one of CHOICES; "model" is the subject's own tokenizer."""

    def chosen(request: Request) -> tuple[str, Loaded, Tokenizer]:
        loaded = subjects.of(request)
        kind = inputs.choice(request, "kind", CHOICES, "model")
        return kind, loaded, loaded.tokenizer if kind == "model" else ready_tokenizer(kind)

    def read_tokens(request: Request) -> Answer:
        kind, loaded, tokenizer = chosen(request)
        text = inputs.text(request, "text")
        return {
            **introduction(kind, tokenizer, loaded.title),
            **reading(tokenizer, text),
            "counts": text_counts(text),
            "n_ctx": loaded.config.n_ctx,
        }

    def compare_tokens(request: Request) -> Answer:
        text = inputs.text(request, "text")
        rows = []
        for kind in CHOICES:
            _, loaded, tokenizer = chosen({**request, "kind": kind})
            rows.append((introduction(kind, tokenizer, loaded.title), tokenizer))
        return {"counts": text_counts(text), "n_ctx": loaded.config.n_ctx, **comparison(text, rows)}

    def explain_token(request: Request) -> Answer:
        _, _, tokenizer = chosen(request)
        return {"steps": merge_steps(tokenizer, inputs.whole(request, "id", 0, tokenizer.vocab_size - 1))}

    def decode_ids(request: Request) -> Answer:
        _, _, tokenizer = chosen(request)
        ids = parse_ids(inputs.text(request, "ids"))
        data = b"".join(map(tokenizer.token_bytes, ids))
        broken = [rest.hex(" ") for _, rest in decoded(data) if rest]
        return {"text": tokenizer.decode(ids), "broken": broken}

    return Lens("reading", [read_tokens, compare_tokens, explain_token, decode_ids])


@functools.cache
def ready_tokenizer(kind: str) -> Tokenizer:
    """A tokenizer that belongs to no model: GPT-2's, or one learnt from a text that needs no network.

    Learnt when first asked for, then kept. Raises ValueError when the text or the vocabulary is missing.
    """
    return train_tokenizer(kind, "" if kind == "gpt2" else load_corpus("pydoc").text)


def introduction(kind: str, tokenizer: Tokenizer, title: str) -> dict[str, Any]:
    """What the page says of a tokenizer: its name and where it comes from. `title` is the model's."""
    vocabulary = f"vocabulary {tokenizer.vocab_size:,}"
    match kind:
        case "model":
            name, about = "This model's tokenizer", f"{NAMES[tokenizer.kind]}, saved with {title}, {vocabulary}"
        case "gpt2":
            name, about = NAMES[kind], f"as OpenAI published it, {vocabulary}"
        case _:
            name, about = NAMES[kind], f"trained here on Python's documentation, {vocabulary}"
    return {"kind": kind, "name": name, "about": about}


def text_counts(text: str) -> dict[str, int]:
    """How long a text is before anything cuts it up. Characters are code points, as Python counts them."""
    return {"bytes": len(text.encode()), "characters": len(text), "words": len(text.split())}


def reading(tokenizer: Tokenizer, text: str) -> dict[str, Any]:
    """The tokens of a text and how they lie on it. Raises ValueError where `encode` does.

    `clusters`: [first token, how many, their text] of neighbours that share a character.
    `pieces`: the tokens that begin a piece of GPT-2's first cut, None for kinds without one.
    `unknown`: [token, word] for each word that the vocabulary lacks.
    """
    ids = tokenizer.encode(text)
    spans = token_spans(tokenizer, text, ids)
    lossy = isinstance(tokenizer, WhitespaceTokenizer)
    pieces = None
    if isinstance(tokenizer, BPETokenizer | GPT2Tokenizer):
        starts = piece_starts(text)
        pieces = [i for i, (start, _) in enumerate(spans) if start in starts]
    return {
        "ids": ids,
        "tokens": token_table(tokenizer, ids),
        "clusters": [] if lossy else [list(group) for group in shared_characters(text, spans)],
        "pieces": pieces,
        "unknown": [[i, word[:80]] for i, word in enumerate(text.split()) if ids[i] == 0] if lossy else [],
        "lost": tokenizer.what_is_lost(text),
    }


def token_spans(tokenizer: Tokenizer, text: str, ids: list[int]) -> list[Span]:
    """Start and end of each token in the text's bytes. Whitespace tokens are their words, known or not."""
    return word_spans(text) if isinstance(tokenizer, WhitespaceTokenizer) else tokenizer.spans(ids)


def token_table(tokenizer: Tokenizer, ids: Iterable[int]) -> dict[str, dict[str, Any]]:
    """Each distinct token by its id: how to show it, its bytes, and the rank of the merge that made it."""
    table = {}
    for id in set(ids):
        data = tokenizer.token_bytes(id)
        table[str(id)] = {"parts": readable(data), "hex": data.hex(" "), "rank": merge_rank(tokenizer, id)}
    return table


def merge_rank(tokenizer: Tokenizer, id: int) -> int | None:
    """Which merge made a token, the first being 1; None for single bytes, special tokens and other kinds."""
    if isinstance(tokenizer, BPETokenizer | GPT2Tokenizer) and 256 <= id < 256 + len(tokenizer.merges):
        return id - 255  # both vocabularies number their merges on from the 256 bytes
    return None


def merge_steps(tokenizer: Tokenizer, id: int) -> list[dict[str, Any]]:
    """The merges that build a token from its bytes, in the order in which they were learnt."""
    if not isinstance(tokenizer, BPETokenizer | GPT2Tokenizer):
        return []
    pairs: dict[int, tuple[int, int]] = {}
    waiting = [id]
    while waiting:
        token = waiting.pop()
        if token not in pairs and merge_rank(tokenizer, token) is not None:
            pairs[token] = tokenizer.merges[token - 256].pair
            waiting.extend(pairs[token])

    def shown(token: int) -> dict[str, Any]:
        return {"id": token, "parts": readable(tokenizer.token_bytes(token))}

    return [
        {"left": shown(left), "right": shown(right), "token": shown(token), "rank": merge_rank(tokenizer, token)}
        for token, (left, right) in sorted(pairs.items())
    ]


def comparison(text: str, tokenizers: list[tuple[dict[str, Any], Tokenizer]]) -> dict[str, Any]:
    """One row a tokenizer, cut into columns that hold the same stretch of text.

    A row has `total` tokens; `ids`, `tokens` and `cells` (how many tokens stand in each column) are of
    the first columns only, up to MAX_COMPARED tokens in all. `breaks` are the columns that end a line,
    `bytes_drawn` is where the last column ends. A tokenizer that can't write this text has an `error`.
    """
    rows = []
    for row, tokenizer in tokenizers:
        try:
            ids = tokenizer.encode(text)
        except ValueError as refusal:
            rows.append({**row, "error": str(refusal)})
            continue
        rows.append({**row, "tokenizer": tokenizer, "all": ids, "lost": tokenizer.what_is_lost(text)})
    written = [row for row in rows if "error" not in row]
    spans = [token_spans(row["tokenizer"], text, row["all"]) for row in written]
    data = text.encode()
    starts = columns(len(data), spans)
    counts = [cells(starts, row_spans) for row_spans in spans]
    drawn = tokens = 0
    while drawn < len(starts) and (drawn == 0 or tokens + sum(row[drawn] for row in counts) <= MAX_COMPARED):
        tokens += sum(row[drawn] for row in counts)
        drawn += 1
    ends = [*starts[1:], len(data)][:drawn]
    for row, row_cells in zip(written, counts, strict=True):
        tokenizer, ids = row.pop("tokenizer"), row.pop("all")
        kept = ids[: sum(row_cells[:drawn])]
        row.update(total=len(ids), ids=kept, tokens=token_table(tokenizer, kept), cells=row_cells[:drawn])
    return {
        "rows": rows,
        "breaks": [column for column, end in enumerate(ends) if data[end - 1 : end] == b"\n"],
        "bytes_drawn": ends[-1] if ends else 0,
    }


def parse_ids(text: str) -> list[int]:
    """Ids from a JSON list or with spaces or commas between them. Raises ValueError on anything else."""
    ids = []
    for word in filter(None, re.split(r"[\s,;\[\]()]+", text)):
        if not re.fullmatch(r"-?[0-9]{1,12}", word):
            raise ValueError(f"“{word[:40]}” is no id; write whole numbers such as 15496, 995.")
        ids.append(int(word))
    return ids
