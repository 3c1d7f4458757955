"""What every tokenizer can do: text to ids, ids to text, the bytes of each id, JSON and a hash.

A tokenizer is, in the end, a list of byte strings: token `i` stands for `tokens[i]`, and text is
recovered by joining them. Each kind differs only in how it cuts text up.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import regex

from llm.deadline import TooLong, deadline, seconds_left
from llm.files import read_json, write_text

END_OF_TEXT = "<|endoftext|>"
"""GPT-2's mark between documents. It is only ever inserted by its id, never by writing it in text."""

MAX_FILE_BYTES = 64_000_000
"""A tokenizer.json larger than this is refused before it is read."""
MAX_NAMED = 5_000
"""Special and added tokens of one vocabulary: a text is searched for them all at once."""
SECONDS = 4.0
"""A text that takes longer to cut up is given up: a stranger may have written the names or the pattern to look for."""


class Tokenizer(ABC):
    """Base of all kinds. Made once, never changed."""

    kind: ClassVar[str]
    """The first thing its JSON says, and its name on the command line."""
    title: ClassVar[str]
    """What people call it."""
    short: ClassVar[str] = ""
    """The same where there is little room; empty where the title is short enough."""
    sized: ClassVar[bool] = False
    """Whether `train` makes its vocabulary as large as one wants."""
    origin: ClassVar[str] = ""
    """Where a vocabulary that is at hand comes from; empty for a kind that learns from a text."""
    unit: ClassVar[str] = "tokens"
    """What its tokens are, in the plural."""
    needs_every_character: ClassVar[bool] = False
    """Whether it spells only those that the text which it learnt from has."""
    loses: ClassVar[str] = ""
    """What no text of this kind gets back; empty where every text comes back exactly."""

    def __init__(self, tokens: Sequence[bytes], eot_id: int | None) -> None:
        self._tokens = tuple(tokens)
        self._hash: str | None = None
        self.eot_id = eot_id
        """The id of <|endoftext|>, or None where the vocabulary has none."""

    @property
    def vocab_size(self) -> int:
        """How many different tokens there are; ids go from 0 to one less."""
        return len(self._tokens)

    @property
    def special_tokens(self) -> dict[str, int]:
        """Ids that stand for no text of their own, by the names that they are written with."""
        return {} if self.eot_id is None else {END_OF_TEXT: self.eot_id}

    def normalize(self, text: str) -> str:
        """The text as `encode` takes it in, whose bytes the tokens spell."""
        return well_formed(text)

    def cut(self, text: str) -> int:
        """The last place where a text that goes on may be cut: its parts encode to what the whole does; 0 if none.

        Of a kind that doesn't know such places a text is encoded as a whole.
        """
        return 0

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """Ids of the tokens that spell `text`. Special tokens written in it are plain text."""

    def encode_special(self, text: str) -> list[int]:
        """Like `encode`, but the name of a special token becomes that token: only for text that is trusted.

        As tiktoken's `encode` with allowed_special="all"; of names that begin alike the longest counts.
        """
        ids: list[int] = []
        names = self.special_tokens
        with deadline(SECONDS):
            for part, special in self.split_special(text):
                ids += [names[part]] if special else self.encode(part)
        return ids

    def split_special(self, text: str) -> list[tuple[str, bool]]:
        """The text cut around the names of special tokens: each part, and whether it is such a name."""
        names = any_of(self.special_tokens)
        if names is None:
            return [(text, False)]
        parts: list[tuple[str, bool]] = []
        start = 0
        for match in matches(names, text):
            parts += [(text[start : match.start()], False), (match.group(), True)]
            start = match.end()
        return [(part, special) for part, special in (*parts, (text[start:], False)) if part]

    def decode(self, ids: Iterable[int]) -> str:
        """The text that ids stand for; bytes that are no whole UTF-8 character become U+FFFD."""
        return b"".join(map(self.token_bytes, ids)).decode("utf-8", errors="replace")

    def token_bytes(self, id: int) -> bytes:
        """The bytes that one token stands for. Raises ValueError for an id outside the vocabulary."""
        if not 0 <= id < len(self._tokens):  # a negative index would silently count from the end
            raise ValueError(f"There is no token {id}; this vocabulary has ids 0 to {self.vocab_size - 1:,}.")
        return self._tokens[id]

    def spans(self, ids: Iterable[int]) -> list[tuple[int, int]]:
        """Start and end of each token, in bytes, within all their bytes joined."""
        spans, end = [], 0
        for id in ids:
            start, end = end, end + len(self.token_bytes(id))
            spans.append((start, end))
        return spans

    @classmethod
    def train(cls, text: str, vocab_size: int | None = None) -> Self:
        """Learn from `text`; only a kind that is `sized` looks at `vocab_size`, and has one of its own for None.

        Raises ValueError on a size out of range or a text with nothing to learn from.
        """
        raise ValueError(f"A {cls.kind} tokenizer comes from a file; it can't be trained.")

    def misfit(self, text: str) -> str | None:
        """Why a model should not learn `text` in this vocabulary, after its name; None if nothing speaks against it."""
        return None

    def what_is_lost(self, text: str) -> str | None:
        """A sentence on what encoding and decoding changes in `text`; None when it comes back exactly."""
        return None

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Everything that is needed to restore this tokenizer, as JSON can hold it."""

    @classmethod
    @abstractmethod
    def from_dict(cls, values: Any) -> Self:
        """Restore from what JSON gave. Raises ValueError on anything but a sound vocabulary."""

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of the canonical JSON: equal exactly when `to_dict` is, on every machine."""
        if self._hash is None:
            canonical = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
            self._hash = hashlib.sha256(canonical.encode("ascii")).hexdigest()
        return self._hash

    def save(self, path: str | Path) -> None:
        """Write tokenizer.json: whole or not at all, so a reader never meets half a file."""
        write_text(Path(path), json.dumps(self.to_dict()))

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a tokenizer.json of this kind; `load_tokenizer` reads any kind."""
        return cls.from_dict(read_json(Path(path), MAX_FILE_BYTES))


def any_of(names: Iterable[str]) -> regex.Pattern[str] | None:
    """Finds any of these names, of those that begin alike the longest; None if there are none."""
    longest_first = sorted(names, key=len, reverse=True)
    return regex.compile("|".join(map(regex.escape, longest_first))) if longest_first else None


def matches(pattern: regex.Pattern[str], text: str) -> Iterator[regex.Match[str]]:
    """What a pattern finds. Raises TooLong after SECONDS, or when whoever asked has no time left."""
    with deadline(SECONDS):
        left = seconds_left()
    try:
        yield from pattern.finditer(text, timeout=left, concurrent=True)
    except TimeoutError as error:
        raise TooLong("Cutting this text up takes too long in this vocabulary; use a shorter one.") from error


def checked_fields(values: Any, kind: str, fields: dict[str, type]) -> list[Any]:
    """The values of `fields` in their order, after checking kind, names and types.

    Raises ValueError naming what is wrong: a tokenizer.json may come from a stranger.
    """
    if not isinstance(values, dict) or values.get("kind") != kind:
        raise ValueError(f"This is not a {kind} tokenizer; its JSON must be an object whose kind is {kind!r}.")
    if set(values) != {"kind", *fields}:
        raise ValueError(f"A {kind} tokenizer holds exactly: kind, {', '.join(fields)}; save it again.")
    for name, wanted in fields.items():
        if not isinstance(values[name], wanted):
            raise ValueError(f"{name} of the {kind} tokenizer must be a {wanted.__name__}; save it again.")
    return [values[name] for name in fields]


def is_count(value: Any, low: int, high: int) -> bool:
    """Whether a value is a whole number from low to high. JSON's true and false are not numbers here."""
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def well_formed(text: str) -> str:
    """The text with each lone surrogate replaced by U+FFFD, so that it can be written as UTF-8.

    Python strings can hold half a surrogate pair (from broken JSON or file names); UTF-8 cannot.
    Two halves that belong together become the character they spell.
    """
    try:
        text.encode("utf-8")
        return text
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
