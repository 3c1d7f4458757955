"""A vocabulary as other programs read it: our JSON, tiktoken's lines, Hugging Face's tokenizer.json."""

from __future__ import annotations

import base64
import json
from typing import Any

from llm.deadline import deadline, seconds_left
from llm.tokenizers.base import Tokenizer
from llm.tokenizers.byte_level import PATTERN_NAME, PATTERNS, ByteLevelTokenizer
from llm.tokenizers.gpt2 import byte_characters
from llm.tokenizers.hugging_face import HuggingFaceTokenizer

FORMATS = {"glassbox": ".json", "tiktoken": ".tiktoken", "hugging_face": "tokenizer.json"}
"""What a vocabulary can be written as, and how such a file's name ends."""
MAX_MERGES_SOUGHT = 60_000
"""Tokens of a vocabulary without recorded merges, whose merges have to be found one by one (0.1 ms each)."""
MERGES_SECONDS = 15.0
"""How long that may take: a token of a thousand bytes needs far more."""


def export(tokenizer: Tokenizer, format: str) -> str:
    """The whole file, in one of FORMATS. Raises ValueError where that format can't hold this kind."""
    match format:
        case "glassbox":
            return json.dumps(tokenizer.to_dict())
        case "tiktoken":
            return tiktoken_lines(tokenizer)
        case "hugging_face":
            return json.dumps(hugging_face_file(tokenizer), ensure_ascii=False, indent=1)
    raise ValueError(f"{format!r:.40} is no format; choose {', '.join(FORMATS)}.")


def tiktoken_lines(tokenizer: Tokenizer) -> str:
    """One line a token: base64 and rank. `tiktoken.load.load_tiktoken_bpe` reads it.

    The special tokens and the pattern are not in such a file: whoever opens it names them.
    """
    ranked = _byte_level(tokenizer)
    special = set(ranked.special_tokens.values())
    lines = []
    for id in range(ranked.vocab_size):
        if id not in special and (data := ranked.bytes_or_nothing(id)):
            lines.append(f"{base64.b64encode(data).decode('ascii')} {id}\n")
    return "".join(lines)


def hugging_face_file(tokenizer: Tokenizer) -> dict[str, Any]:
    """What tokenizer.json holds: `tokenizers.Tokenizer.from_file` and transformers read it.

    There, a special token written in the text becomes that token; its ids are equal for all other text.
    """
    if isinstance(tokenizer, HuggingFaceTokenizer):
        return {"version": "1.0", "truncation": None, "padding": None, **tokenizer.file, **_BYTES_BACK}
    ranked = _byte_level(tokenizer)
    special = ranked.special_tokens
    special_ids = set(special.values())
    names = byte_characters()
    written = {
        id: "".join(names[byte] for byte in data)
        for id in range(ranked.vocab_size)
        if id not in special_ids and (data := ranked.bytes_or_nothing(id))
    }
    merges = [[written[left], written[right]] for left, right in _merges(ranked)]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": id,
                "content": name,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for name, id in special.items()
        ],
        "normalizer": None,
        "pre_tokenizer": _cut(ranked.pattern),
        **_BYTES_BACK,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {name: id for id, name in written.items()},
            "merges": merges,
        },
    }


_BYTES_BACK: dict[str, Any] = {
    "post_processor": None,
    "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
}


def _cut(pattern: str) -> dict[str, Any]:
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    if pattern == PATTERN_NAME:
        return {**byte_level, "use_regex": True}  # GPT-2's own pattern is built in
    split = {"type": "Split", "pattern": {"Regex": PATTERNS[pattern]}, "behavior": "Isolated", "invert": False}
    return {"type": "Sequence", "pretokenizers": [split, {**byte_level, "use_regex": False}]}


def _merges(tokenizer: ByteLevelTokenizer) -> list[tuple[int, int]]:
    ranked = [id for id in range(tokenizer.vocab_size) if tokenizer.rank(id)]
    if tokenizer.kind == "tiktoken" and len(ranked) > MAX_MERGES_SOUGHT:
        raise ValueError(
            f"This vocabulary's file has no merges, and finding {len(ranked):,} takes too long; "
            "export it as a .tiktoken file, which needs none."
        )
    pairs = []
    with deadline(MERGES_SECONDS):
        for id in ranked:
            seconds_left()
            if pair := tokenizer.pair(id):
                pairs.append(pair)
    if len(pairs) < len(ranked):
        raise ValueError("No merge makes some of this vocabulary's tokens; export it as a .tiktoken file.")
    return pairs


def _byte_level(tokenizer: Tokenizer) -> ByteLevelTokenizer:
    if not isinstance(tokenizer, ByteLevelTokenizer):
        raise ValueError("Only byte-level vocabularies whose ids are their ranks fit this format; take another.")
    return tokenizer
