"""What there is to say of single tokens: how they read, their bytes, their merge, how they were made, what is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from llm.tokenizers import MergingTokenizer, Tokenizer, merge_history
from llm.ui.tokenizer.token_shapes import decoded, readable

MAX_REMARKS = 5
"""Sentences on what is wrong with pasted ids."""
MAX_SPELT = 500_000
"""Bytes that pasted ids may stand for: a token alone can have a thousand."""


def token_table(tokenizer: Tokenizer, ids: Iterable[int]) -> dict[str, dict[str, Any]]:
    """Each distinct token by its id: how to show it, its bytes, and the rank of the merge that made it."""
    return {str(id): _fact(tokenizer, id) for id in set(ids)}


def merge_rank(tokenizer: Tokenizer, id: int) -> int | None:
    """Which merge made a token, the first being 1; None for single bytes, special tokens and other kinds."""
    return tokenizer.rank(id) if isinstance(tokenizer, MergingTokenizer) else None


def history(tokenizer: Tokenizer, id: int) -> list[dict[str, Any]]:
    """The merges that build a token from its bytes, in the order in which they were learnt."""
    if not isinstance(tokenizer, MergingTokenizer):
        return []

    def shown(token: int) -> dict[str, Any]:
        return {"id": token, "parts": readable(tokenizer.token_bytes(token))}

    pairs = sorted(merge_history(tokenizer, id).items(), key=lambda entry: tokenizer.rank(entry[0]) or 0)
    return [
        {"left": shown(left), "right": shown(right), "token": shown(token), "rank": tokenizer.rank(token)}
        for token, (left, right) in pairs
    ]


def parse_ids(text: str) -> list[int]:
    """Ids from a JSON list or with spaces or commas between them. Raises ValueError on anything else."""
    ids = []
    for word in filter(None, re.split(r"[\s,;\[\]()]+", text)):
        if not re.fullmatch(r"-?[0-9]{1,12}", word):
            raise ValueError(f"“{word[:40]}” is no id; write whole numbers such as 15496, 995.")
        ids.append(int(word))
    return ids


def explain_ids(tokenizer: Tokenizer, ids: list[int]) -> dict[str, Any]:
    """The text of ids, the ids that are no tokens left out, and a remark on each thing that is wrong.

    `parts` are {"text": ...}, {"hex": bytes that are no character} and {"id": no token}, in order.
    Raises ValueError when they stand for more than MAX_SPELT bytes.
    """
    parts: list[dict[str, Any]] = []
    remarks: list[str] = []
    data = bytearray()
    spelt = 0

    def flush() -> None:
        for text, broken in decoded(bytes(data)):
            if text:
                parts.append({"text": text})
            if broken:
                parts.append({"hex": broken.hex(" ")})
                remarks.append(why_broken(broken))
        data.clear()

    for place, id in enumerate(ids, start=1):
        try:
            token = tokenizer.token_bytes(id)
        except ValueError:
            flush()
            parts.append({"id": id})
            remarks.append(
                f"{id}, the {_ordinal(place)}, is no token: ids here go from 0 to {tokenizer.vocab_size - 1:,}."
            )
            continue
        data += token
        spelt += len(token)
        if spelt > MAX_SPELT:
            raise ValueError(f"These ids stand for over {MAX_SPELT:,} bytes; paste fewer of them.")
    flush()
    if len(remarks) > MAX_REMARKS:
        remarks[MAX_REMARKS:] = [f"{len(remarks) - MAX_REMARKS:,} more things are wrong."]
    return {"parts": parts, "remarks": remarks, "text": "".join(part.get("text", "\ufffd") for part in parts)}


def why_broken(data: bytes) -> str:
    """Why bytes are no UTF-8 (RFC 3629). `data` is what a decoder gives up at once: a start, or a single byte."""
    first, shown = data[0], data.hex(" ")
    if 0x80 <= first < 0xC0:
        return f"{shown} goes on with a character whose first byte is missing."
    if first in (0xC0, 0xC1) or first > 0xF4:
        return f"{shown} never occurs in UTF-8."
    size = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    have = "only the first is" if len(data) == 1 else f"only {len(data)} are"
    return f"{shown} begins a character of {size} bytes, of which {have} here."


def _fact(tokenizer: Tokenizer, id: int) -> dict[str, Any]:
    data = tokenizer.token_bytes(id)
    return {"parts": readable(data), "hex": data.hex(" "), "rank": merge_rank(tokenizer, id)}


def _ordinal(n: int) -> str:
    ending = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n:,}{ending}"
