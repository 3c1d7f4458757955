"""What the byte-level kinds share: cutting text up by a pattern, and tiktoken to encode with.

Text is first split into chunks (words with their leading space, numbers, punctuation, runs of
white space); tokens never cross a chunk's edge. Inside a chunk, bytes are merged: always the
adjacent pair that spells the token of the lowest rank, the leftmost first. Any text at all can be
written, because every single byte is a token.
Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import regex
import tiktoken

from llm.tokenizers.base import END_OF_TEXT, well_formed
from llm.tokenizers.merging import MergingTokenizer, merge

PATTERN_NAME = "gpt2"
PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++(?!\S)|\s+(?!\S)|\s"
"""GPT-2's chunks: contractions, letters, digits, other signs; white space at the end of the text, white
space but its last character (which belongs to the next word), one white space character.

The original ends in `\\s+(?!\\S)|\\s+` and has no possessive `++`: the same chunks with more backtracking.
"""

PATTERNS = {
    PATTERN_NAME: PATTERN,
    # GPT-3.5's and GPT-4's: contractions in capitals too, a sign may lead a word, numbers of three
    # digits at most, line breaks stay with what stands before them.
    "cl100k": r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++(?!\S)|\s*[\r\n]|\s+(?!\S)|\s",
    # GPT-4o's: also cut where a capital follows a small letter; contractions stay with their word.
    "o200k": r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
}
"""Ways to cut a text into chunks, by name: GPT-2's, and the later ones as tiktoken publishes them."""

_LONG = 100_000
_SIGN = r"(?<=[^\s\0-\x1f\x85])"
_CUTS = {
    True: regex.compile(rf"(?r){_SIGN}(?=[ \n])"),
    False: regex.compile(rf"(?r){_SIGN}(?= )|(?<=\n)(?=[^\s/])"),
}
"""Where a chunk ends for certain, searched from the end: for GPT-2's pattern, and for the later ones."""
_BLANK = regex.compile(r"\s++(?=\S)")


@dataclass(frozen=True, slots=True)
class Merge:
    """One step of byte-pair encoding: two neighbouring tokens become a new one."""

    pair: tuple[int, int]
    """Ids of the left and the right token."""
    token: int
    """Id of the token that they become."""
    count: int | None
    """How often they stood side by side when they were merged; None where nobody recorded it."""
    examples: tuple[str, ...] = field(default=(), compare=False)
    """Some chunks of the text in which they did, most frequent first. Not kept in tokenizer.json: training
    again on the same text gives the same merges, with their examples."""


class ByteLevelTokenizer(MergingTokenizer):
    """Encodes with tiktoken. Ids 0 to 255 are the single bytes, in any order, and merging goes by id."""

    def __init__(
        self, tokens: Sequence[bytes], pattern: str = PATTERN_NAME, special_tokens: Mapping[str, int] | None = None
    ) -> None:
        """`tokens` in the order of their ids, empty where an id is not in use; `pattern` is one of PATTERNS.

        Without `special_tokens`, <|endoftext|> is the last id.
        """
        special = {END_OF_TEXT: len(tokens)} if special_tokens is None else dict(special_tokens)
        known = [*tokens, *(b"" for _ in range(len(tokens), 1 + max(special.values(), default=-1)))]
        for name, id in special.items():
            known[id] = name.encode()
        super().__init__(known, special.get(END_OF_TEXT))
        self.pattern = pattern
        self._special = special
        self._pieces = regex.compile(PATTERNS[pattern])
        self._ranks = {token: id for id, token in enumerate(tokens) if token}
        self._encoding = tiktoken.Encoding(
            self.kind, pat_str=PATTERNS[pattern], mergeable_ranks=self._ranks, special_tokens=special
        )

    @property
    def special_tokens(self) -> dict[str, int]:
        """Their ids by their names."""
        return dict(self._special)

    def cut(self, text: str) -> int:
        """Where a chunk ends for certain, whatever follows.

        Before a space that stands behind a sign: no pattern has a chunk with both. GPT-2's has none with a line
        break behind a sign either; the later ones have, but with them the next line begins another chunk.
        """
        found = _CUTS[self.pattern == PATTERN_NAME].search(text)
        return found.start() if found else 0

    def encode(self, text: str) -> list[int]:
        """Ids for any text. Special tokens written in it are plain text; lone surrogates become U+FFFD."""
        text = well_formed(text)
        ids: list[int] = []
        start = 0
        for end in self._cuts(text):
            ids += self._encoding.encode_ordinary(text[start:end])
            start = end
        rest = self._encoding.encode_ordinary(text[start:])
        return ids + rest if ids else rest  # a copy of a long list costs a tenth of the whole

    def _cuts(self, text: str) -> Iterator[int]:
        """Where a run of blanks has to be cut: tiktoken's regular expressions overflow their stack at about a million.

        That would be a panic and no exception. A chunk ends before the last blank anyway; with the later
        patterns after the last line break too, and that may be the last blank.
        """
        end = 0
        for place in range(0, len(text), _LONG):  # every long run covers one of these places
            if place < end or not text[place].isspace() or not (blank := _BLANK.match(text, place)):
                continue
            start, end = len(text[:place].rstrip()), blank.end()
            if end - start < _LONG:
                continue
            if self.pattern != PATTERN_NAME:
                last_break = max(text.rfind(sign, place, end) for sign in "\r\n")
                if last_break >= 0:
                    yield last_break + 1
                if last_break == end - 1:
                    continue
            yield end - 1

    def pieces(self, text: str) -> list[str]:
        """The chunks that the pattern cuts a text into."""
        pieces: list[str] = self._pieces.findall(well_formed(text))
        return pieces

    def byte_ids(self, data: bytes) -> list[int]:
        """The tokens of single bytes that merging begins with."""
        return [self._ranks[data[i : i + 1]] for i in range(len(data))]

    def merged(self, left: int, right: int) -> tuple[int, int] | None:
        """As tiktoken sees it: neighbours may merge when their bytes together spell a token."""
        token = self._ranks.get(self._tokens[left] + self._tokens[right])
        return None if token is None else (token - 255, token)

    def rank(self, id: int) -> int | None:
        """Which merge makes a token: they are numbered on from the 256 bytes."""
        return id - 255 if 256 <= id < self.vocab_size and self._ranks.get(self._tokens[id]) == id else None

    def pair(self, id: int) -> tuple[int, int] | None:
        """The two tokens that merging the token's own bytes comes down to before the last merge."""
        if self.rank(id) is None:
            return None
        ids = merge(self.byte_ids(self._tokens[id]), self.merged, before=id - 255)
        return (ids[0], ids[1]) if len(ids) == 2 else None
