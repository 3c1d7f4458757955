"""The Tokenizer tab: the prompt as tokens, under the model's own tokenizer or one of four others.

The page draws what `read_tokens` answers: the ids, each distinct token once, and where tokens and
characters do not end together. Nothing here knows how tokens look.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from llm.corpora import load_corpus
from llm.tokenizers import KINDS, BPETokenizer, GPT2Tokenizer, Tokenizer, WhitespaceTokenizer, train_tokenizer
from llm.ui import inputs
from llm.ui.components import Answer, Lens, Request
from llm.ui.subject import Loaded, Subjects
from llm.ui.token_shapes import Span, byte_ends, pieces, readable, split_clusters

CHOICES = ("model", *KINDS)
NAMES = {
    "whitespace": "Whitespace",
    "character": "Characters",
    "bpe": "Byte-level BPE",
    "gpt2": "GPT-2's vocabulary",
}
MAX_COMPARED = 2500
"""Tokens of all rows together that the aligned view draws."""


def build_tokenizer_tab(subjects: Subjects) -> Lens:
    """The lens with its four endpoints; each takes `kind`, one of CHOICES."""

    def chosen(request: Request, loaded: Loaded) -> tuple[str, Tokenizer]:
        kind = inputs.choice(request, "kind", CHOICES, "model")
        return kind, loaded.tokenizer if kind == "model" else ready_tokenizer(kind)

    def read_tokens(request: Request) -> Answer:
        loaded = subjects.of(request)
        kind, tokenizer = chosen(request, loaded)
        text = inputs.text(request, "text")
        return {**introduction(kind, tokenizer, loaded), **reading(tokenizer, text), "n_ctx": loaded.config.n_ctx}

    def compare_tokens(request: Request) -> Answer:
        loaded = subjects.of(request)
        text = inputs.text(request, "text")
        rows = []
        for kind in CHOICES:
            try:
                tokenizer = loaded.tokenizer if kind == "model" else ready_tokenizer(kind)
                row = introduction(kind, tokenizer, loaded)
            except ValueError as refusal:  # its training text or vocabulary is missing
                rows.append({"kind": kind, "name": NAMES[kind], "error": str(refusal)})
                continue
            try:
                ids = tokenizer.encode(text)
            except ValueError as refusal:  # one of them can't write this text; the others still can
                rows.append({**row, "error": str(refusal)})
            else:
                rows.append({**row, "tokenizer": tokenizer, "ids": ids, "lost": tokenizer.what_is_lost(text)})
        return {"counts": text_counts(text), "n_ctx": loaded.config.n_ctx, **aligned(text, rows)}

    def explain_token(request: Request) -> Answer:
        _, tokenizer = chosen(request, subjects.of(request))
        return {"steps": merge_steps(tokenizer, inputs.whole(request, "id", 0, tokenizer.vocab_size - 1))}

    def decode_ids(request: Request) -> Answer:
        _, tokenizer = chosen(request, subjects.of(request))
        ids = parse_ids(inputs.text(request, "ids"))
        data = b"".join(map(tokenizer.token_bytes, ids))
        broken = [part["hex"] for part in readable(data, whole_characters=True) if "hex" in part]
        return {"text": tokenizer.decode(ids), "tokens": len(ids), "broken": broken}

    return Lens("tokenizer", [read_tokens, compare_tokens, explain_token, decode_ids])


@functools.cache
def ready_tokenizer(kind: str) -> Tokenizer:
    """A tokenizer of this kind without any model: GPT-2's, or one learnt from text that needs no network.

    Learnt when first asked for and then kept. Raises ValueError when its text or its vocabulary is missing.
    """
    return train_tokenizer(kind, "" if kind == "gpt2" else load_corpus("pydoc").text)


def introduction(kind: str, tokenizer: Tokenizer, loaded: Loaded) -> dict[str, Any]:
    """What the page says of a tokenizer: its name and where it comes from."""
    vocabulary = f"vocabulary {tokenizer.vocab_size:,}"
    match kind:
        case "model":
            name, about = "This model's", f"{NAMES[tokenizer.kind]}, saved with {loaded.title}, {vocabulary}"
        case "gpt2":
            name, about = NAMES[kind], f"as OpenAI published it, {vocabulary}"
        case _:
            name, about = NAMES[kind], f"trained here on Python's documentation, {vocabulary}"
    return {"kind": kind, "name": name, "about": about, "vocab_size": tokenizer.vocab_size}


def text_counts(text: str) -> dict[str, int]:
    """How long a text is before anything cuts it up."""
    return {"bytes": len(text.encode()), "characters": len(text), "words": len(text.split())}


def reading(tokenizer: Tokenizer, text: str) -> dict[str, Any]:
    """The tokens of a text, and where they are more or less than whole characters.

    `clusters` are [first token, how many, text] of neighbours that share a character between them;
    `pieces` are the tokens that begin a piece of GPT-2's pre-tokenisation; `unknown` are
    [token, word] of words that the vocabulary lacks. Raises ValueError where `encode` does.
    """
    ids = tokenizer.encode(text)
    answer: dict[str, Any] = {
        "ids": ids,
        "tokens": token_table(tokenizer, ids),
        "counts": text_counts(text),
        "lost": tokenizer.what_is_lost(text),
        "clusters": [],
        "pieces": None,
        "unknown": [],
    }
    if isinstance(tokenizer, WhitespaceTokenizer):
        answer["unknown"] = [[i, word[:80]] for i, (id, word) in enumerate(zip(ids, text.split())) if id == 0]
        return answer
    spans = tokenizer.spans(ids)
    answer["clusters"] = split_clusters(text, spans)
    if isinstance(tokenizer, BPETokenizer | GPT2Tokenizer):
        starts = {0, *byte_ends(pieces(text))}
        answer["pieces"] = [i for i, (start, _) in enumerate(spans) if start in starts]
    return answer


def token_table(tokenizer: Tokenizer, ids: Iterable[int]) -> dict[str, dict[str, Any]]:
    """Each distinct token by its id: how to show it, its bytes, and its merge's rank (from 1) if one made it."""
    table: dict[str, dict[str, Any]] = {}
    for id in set(ids):
        data = tokenizer.token_bytes(id)
        table[str(id)] = {"parts": readable(data), "hex": data.hex(" "), "rank": merge_rank(tokenizer, id)}
    return table


def merge_rank(tokenizer: Tokenizer, id: int) -> int | None:
    """Which merge made this token, counted from 1; None for a single byte, a special token or another kind."""
    if not isinstance(tokenizer, BPETokenizer | GPT2Tokenizer) or not 256 <= id < 256 + len(tokenizer.merges):
        return None
    return id - 255  # both vocabularies number their merges on from the 256 bytes


def merge_steps(tokenizer: Tokenizer, id: int) -> list[dict[str, Any]]:
    """How merges build a token from its bytes, in the order in which they were learnt."""
    if not isinstance(tokenizer, BPETokenizer | GPT2Tokenizer):
        return []
    needed: dict[int, tuple[int, int]] = {}
    waiting = [id]
    while waiting:
        token = waiting.pop()
        if token not in needed and merge_rank(tokenizer, token) is not None:
            needed[token] = tokenizer.merges[token - 256].pair
            waiting.extend(needed[token])

    def shown(token: int) -> dict[str, Any]:
        return {"id": token, "parts": readable(tokenizer.token_bytes(token))}

    return [
        {"left": shown(left), "right": shown(right), "token": shown(token), "rank": merge_rank(tokenizer, token)}
        for token, (left, right) in sorted(needed.items())
    ]


def aligned(text: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Rows of tokens cut into columns: a column ends wherever no row has a token across that place.

    Each row gets `cells`, how many of its tokens stand in each column. Only as many columns are kept
    as hold MAX_COMPARED tokens; `characters_shown` says how far into the text they reach.
    """
    size = len(text.encode())
    across: set[int] = set()
    for row in rows:
        if "ids" in row:
            row["spans"] = places(row["tokenizer"], text, row["ids"])
            for start, end in row["spans"]:
                across.update(range(start + 1, end))
    ends = [place for place in range(1, size + 1) if place not in across]
    columns = {place: column for column, place in enumerate([0, *ends[:-1]])}
    for row in rows:
        if "ids" in row:
            row["cells"] = [0] * len(ends)
            opened = sorted(columns) if row["tokenizer"].kind == "whitespace" else None
            for start, _ in row["spans"]:
                row["cells"][_column(start, columns, opened)] += 1
    return _first_columns(text, rows, ends)
