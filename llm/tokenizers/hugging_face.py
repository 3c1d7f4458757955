"""Byte-level vocabularies in Hugging Face's tokenizer.json, read and encoded with here.

Such a file names its merges as pairs and may cut text in several ways one after the other. Only what
byte-level BPE needs is supported (GPT-2's, Llama 3's and Qwen's files, say), and whatever would
change an id is refused, never ignored.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, Self

import regex

from llm.deadline import deadline, seconds_left
from llm.tokenizers.base import END_OF_TEXT, MAX_NAMED, SECONDS, any_of, checked_fields, is_count, matches, well_formed
from llm.tokenizers.byte_level import PATTERN
from llm.tokenizers.composed import composed
from llm.tokenizers.gpt2 import byte_characters
from llm.tokenizers.merging import MergingTokenizer, merge
from llm.tokenizers.tiktoken_file import MAX_TOKEN_BYTES, MAX_TOKENS

MAX_MERGES = 1_000_000
MAX_PATTERN = 2_000
"""Characters of a file's regular expression."""
_KEPT_PIECES = 50_000
_KEPT_LENGTH = 100  # characters; what is longer hardly comes again
_PARTS = ("model", "normalizer", "pre_tokenizer", "added_tokens")
_BYTES = {character: byte for byte, character in byte_characters().items()}


class HuggingFaceTokenizer(MergingTokenizer):
    """A byte-level BPE by Hugging Face's rules: neighbours merge if the file lists their pair, the earliest first."""

    kind = "hugging_face"
    title = "From a tokenizer.json"

    def __init__(self, file: Any) -> None:
        """`file` is what tokenizer.json holds. Raises ValueError on anything but byte-level BPE."""
        given = _mapping(file, "content")
        self.file = {name: given.get(name) for name in _PARTS}
        """The parts of tokenizer.json that were read."""
        model = _mapping(self.file["model"], "model")
        _check_kind(model)
        vocab = _mapping(model.get("vocab"), "vocabulary")
        added = _added_tokens(self.file["added_tokens"], vocab)
        _check_model(model, vocab)
        ids = [*vocab.values(), *(token["id"] for token in added)]
        if not all(is_count(id, 0, 2 * MAX_TOKENS) for id in ids):
            raise ValueError("A token of this file has no proper id; use the file as it was published.")
        tokens = [b""] * (1 + max(ids))
        for name, id in vocab.items():
            tokens[id] = _bytes_of(name)
        self._special = {token["content"]: token["id"] for token in added if token.get("special")}
        self._written = {token["content"]: token["id"] for token in added if not token.get("special")}
        for name, id in (self._special | self._written).items():
            tokens[id] = name.encode()
        super().__init__(tokens, self._special.get(END_OF_TEXT))
        self._ranks = _ranks(model.get("merges"), vocab)
        self._pairs = list(self._ranks)
        self._made: dict[int, int] = {}  # the first merge that makes a token
        for rank, token in self._ranks.values():
            self._made.setdefault(token, rank)
        self._byte_ids = {byte: vocab[character] for character, byte in _BYTES.items() if character in vocab}
        if len(self._byte_ids) != 256:
            raise ValueError("This vocabulary lacks some single bytes; only byte-level BPE can be read here.")
        self._whole = {_bytes_of(name): id for name, id in vocab.items()} if model.get("ignore_merges") else {}
        self._composes = _composes(self.file["normalizer"])
        self._cuts = [_compiled(pattern) for pattern in _patterns(self.file["pre_tokenizer"])]
        self._added = any_of(self._written)
        self._kept: dict[str, list[int]] = {}  # of pieces met before; most words come again

    @property
    def special_tokens(self) -> dict[str, int]:
        """Their ids by their names."""
        return dict(self._special)

    @property
    def is_plain(self) -> bool:
        """Whether a text is cut as GPT-2's is, and not changed before."""
        return not self._composes and not self._whole and [cut.pattern for cut in self._cuts] == [PATTERN]

    def normalize(self, text: str) -> str:
        """Lone surrogates become U+FFFD; where the file says so, letters and accents are composed (NFC)."""
        text = well_formed(text)
        return composed(text) if self._composes else text

    def what_is_lost(self, text: str) -> str | None:
        """Says when letters and accents are composed."""
        if self.normalize(text) == well_formed(text):
            return None
        return "Letters and accents written apart come back as one character (Unicode's NFC)."

    def encode(self, text: str) -> list[int]:
        """Ids for any text; special tokens written in it are plain text.

        Raises TooLong if the patterns take too long, or whoever asked has no time left.
        """
        ids: list[int] = []
        for piece, id in self._parts(self.normalize(text)):
            seconds_left()
            ids += self._merged_piece(piece) if id is None else [id]
        return ids

    def pieces(self, text: str) -> list[str]:
        """What the file's patterns cut a text into; added tokens are pieces of their own.

        Raises TooLong if they take too long.
        """
        return [piece for piece, _ in self._parts(self.normalize(text))]

    def byte_ids(self, data: bytes) -> list[int]:
        """The tokens of single bytes that merging begins with."""
        return [self._byte_ids[byte] for byte in data]

    def merged(self, left: int, right: int) -> tuple[int, int] | None:
        """The rank of a pair's merge in the file's list, and the token it makes."""
        return self._ranks.get((left, right))

    def rank(self, id: int) -> int | None:
        """The first merge in the list that makes this token."""
        return self._made.get(id)

    def pair(self, id: int) -> tuple[int, int] | None:
        """The pair of the first merge that makes this token."""
        return self._pairs[self._made[id] - 1] if id in self._made else None

    def to_dict(self) -> dict[str, Any]:
        """{"kind": "hugging_face", "file": {...}}: the parts of tokenizer.json that were read."""
        return {"kind": self.kind, "file": self.file}

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """Restore from JSON. Raises ValueError on anything but a sound vocabulary."""
        (file,) = checked_fields(values, cls.kind, {"file": dict})
        return cls(file)

    def _parts(self, text: str) -> list[tuple[str, int | None]]:
        """The pieces of a normalised text, in order; an added token comes with its id."""
        parts: list[tuple[str, int | None]] = []
        start = 0
        with deadline(SECONDS):  # for all stretches and all patterns together
            for match in matches(self._added, text) if self._added else ():
                parts += [(piece, None) for piece in self._cut(text[start : match.start()])]
                parts.append((match.group(), self._written[match.group()]))
                start = match.end()
            parts += [(piece, None) for piece in self._cut(text[start:])]
        return parts

    def _cut(self, text: str) -> list[str]:
        pieces = [text] if text else []
        for pattern in self._cuts:
            pieces = [part for piece in pieces for part in _isolated(pattern, piece)]
        return pieces

    def _merged_piece(self, piece: str) -> list[int]:
        ids = self._kept.get(piece)
        if ids is None:
            data = piece.encode("utf-8")
            whole = self._whole.get(data)
            ids = [whole] if whole is not None else merge(self.byte_ids(data), self.merged)
            if len(self._kept) >= _KEPT_PIECES:
                self._kept.clear()
            if len(piece) <= _KEPT_LENGTH:
                self._kept[piece] = ids
        return ids


def _mapping(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"This tokenizer.json has no {name}; use the file as it was published.")
    return value


def _bytes_of(name: str) -> bytes:
    """What a token written in OpenAI's visible characters stands for; a name with others stands for itself."""
    try:
        return bytes(_BYTES[character] for character in name)
    except KeyError:
        return well_formed(name).encode()


def _check_kind(model: dict[str, Any]) -> None:
    kind = model.get("type", "Unigram" if isinstance(model.get("vocab"), list) else "BPE")  # old files leave it out
    if kind != "BPE" or model.get("byte_fallback"):
        kind = "SentencePiece BPE" if kind == "BPE" else kind
        raise ValueError(f"This is a {kind!s:.20} vocabulary; only byte-level BPE can be read here.")


def _check_model(model: dict[str, Any], vocab: dict[str, Any]) -> None:
    for option in ("dropout", "continuing_subword_prefix", "end_of_word_suffix"):
        if model.get(option):
            raise ValueError(f"This vocabulary needs {option}, which byte-level BPE does not have.")
    if not vocab or len(vocab) > MAX_TOKENS:
        raise ValueError(f"This vocabulary has {len(vocab):,} tokens; 1 to {MAX_TOKENS:,} are supported.")
    if not all(len(name) <= MAX_TOKEN_BYTES for name in vocab):
        raise ValueError(f"A token is longer than {MAX_TOKEN_BYTES:,} bytes; use the file as it was published.")
    if len(set(map(repr, vocab.values()))) != len(vocab):
        raise ValueError("Two tokens of this vocabulary have the same id; use the file as it was published.")


def _added_tokens(entries: Any, vocab: dict[str, Any]) -> list[dict[str, Any]]:
    """The added tokens, checked. Those that would take the blanks beside them along are refused."""
    if entries is None:
        return []
    if not isinstance(entries, list) or len(entries) > MAX_NAMED:
        raise ValueError(f"added_tokens of this tokenizer.json must be a list of at most {MAX_NAMED:,}.")
    for entry in entries:
        name = entry.get("content") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name or len(name) > MAX_TOKEN_BYTES or well_formed(name) != name:
            raise ValueError("An added token has no content; use the file as it was published.")
        if not entry.get("special") and (entry.get("lstrip") or entry.get("rstrip") or entry.get("single_word")):
            raise ValueError(f"The added token {name[:40]!r} takes blanks or words along; that can't be read here.")
    ids = {entry["content"]: entry.get("id") for entry in entries}
    taken = {repr(id) for name, id in vocab.items() if ids.get(name) != id}
    if len(set(map(repr, ids.values()))) != len(entries) or not taken.isdisjoint(map(repr, ids.values())):
        raise ValueError("An added token has the id of another token; use the file as it was published.")
    return entries


def _ranks(entries: Any, vocab: dict[str, int]) -> dict[tuple[int, int], tuple[int, int]]:
    """Rank and token of each pair. Entries are "left right" or, in newer files, [left, right]."""
    if not isinstance(entries, list) or len(entries) > MAX_MERGES:
        raise ValueError(f"A vocabulary's merges must be a list of at most {MAX_MERGES:,}.")
    ranks: dict[tuple[int, int], tuple[int, int]] = {}
    for entry in entries:
        names = entry.split(" ") if isinstance(entry, str) else entry
        if not isinstance(names, list) or len(names) != 2 or not all(isinstance(name, str) for name in names):
            raise ValueError("Each merge must name two tokens; use the file as it was published.")
        left, right = names
        if left not in vocab or right not in vocab or left + right not in vocab:
            raise ValueError(f"The merge {left[:20]!r} + {right[:20]!r} is not of tokens of this vocabulary.")
        pair = vocab[left], vocab[right]
        if pair in ranks:
            raise ValueError(f"The merge {left[:20]!r} + {right[:20]!r} is listed twice.")
        ranks[pair] = (len(ranks) + 1, vocab[left + right])
    return ranks


def _composes(normalizer: Any) -> bool:
    """Whether a text is put into NFC first: the only normalizer that byte-level vocabularies have."""
    if normalizer is None:
        return False
    steps = normalizer.get("normalizers", [normalizer]) if isinstance(normalizer, dict) else [None]
    if not isinstance(steps, list) or not all(isinstance(step, dict) and step.get("type") == "NFC" for step in steps):
        raise ValueError("This vocabulary rewrites the text before it cuts it; only NFC can be read here.")
    return bool(steps)


def _patterns(pre_tokenizer: Any) -> Iterator[str]:
    """Regular expressions whose matches are cut out, one after the other."""
    if not isinstance(pre_tokenizer, dict):
        raise ValueError("This vocabulary has no byte-level cut; only byte-level BPE can be read here.")
    steps = pre_tokenizer.get("pretokenizers", [pre_tokenizer])
    if not isinstance(steps, list) or not 1 <= len(steps) <= 8 or not all(isinstance(step, dict) for step in steps):
        raise ValueError("The way this vocabulary cuts text up can't be read here.")
    if steps[-1].get("type") != "ByteLevel":  # before it, patterns would meet the bytes' stand-ins
        raise ValueError("This vocabulary has no byte-level cut at the end; only byte-level BPE can be read here.")
    for step in steps:
        match step:
            case {"type": "ByteLevel", "add_prefix_space": False}:
                if step is not steps[-1]:
                    raise ValueError("This vocabulary has two byte-level cuts; that can't be read here.")
                if step.get("use_regex", True):
                    yield PATTERN
            case {"type": "Digits"}:
                yield r"\p{N}" if step.get("individual_digits") else r"\p{N}+"
            case {"type": "Split", "pattern": {"Regex": str(pattern)}, "behavior": "Isolated"} if not step.get(
                "invert"
            ):
                yield pattern
            # As some conversions write it: the matches are kept, and with these patterns that is everything.
            case {"type": "Split", "pattern": {"Regex": str(pattern)}, "behavior": "Removed", "invert": True}:
                yield pattern
            case _:
                raise ValueError(f"This vocabulary cuts text with {step.get('type')!s:.30}, which can't be read here.")


def _compiled(pattern: str) -> regex.Pattern[str]:
    repeats = [int(n) for n in re.findall(r"\{(?:\d*,)?(\d{1,9})\}", pattern)]  # repeats in repeats take memory
    if len(pattern) > MAX_PATTERN or math.prod(max(1, n) for n in repeats) > 10_000:
        raise ValueError("The pattern that cuts this vocabulary's text is too large; it can't be read here.")
    try:
        return regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError) as error:
        raise ValueError("The pattern that cuts this vocabulary's text can't be read here.") from error


def _isolated(pattern: regex.Pattern[str], text: str) -> list[str]:
    """The matches and what lies between them."""
    parts, start = [], 0
    for match in matches(pattern, text):
        parts += [text[start : match.start()], match.group()]
        start = match.end()
    return [part for part in (*parts, text[start:]) if part]
