"""What the two byte-level kinds share: GPT-2's way of cutting text up, and tiktoken to encode with.

Text is first split into chunks (words with their leading space, numbers, punctuation, runs of
white space); tokens never cross a chunk's edge. Inside a chunk, bytes are merged: always the
adjacent pair that spells the token of the lowest rank, the leftmost first. Any text at all can be
written, because every single byte is a token.
Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import regex
import tiktoken

from llm.tokenizers.base import END_OF_TEXT, Tokenizer, well_formed

PATTERN_NAME = "gpt2"
PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++(?!\S)|\s+(?!\S)|\s"
"""GPT-2's chunks: contractions, letters, digits, other signs; white space at the end of the text, white
space but its last character (which belongs to the next word), one white space character.

The original ends in `\\s+(?!\\S)|\\s+` and has no possessive `++`: the same chunks with more backtracking.
"""

_LONG_BLANK = regex.compile(r"(?<!\s)\s{100000,}+(?=\S)")


@dataclass(frozen=True, slots=True)
class Merge:
    """One step of byte-pair encoding: two neighbouring tokens become a new one."""

    pair: tuple[int, int]
    """Ids of the left and the right token."""
    token: int
    """Id of the token that they become."""
    count: int | None
    """How often they stood side by side when they were merged; None where nobody recorded it."""


class ByteLevelTokenizer(Tokenizer):
    """Encodes with tiktoken; <|endoftext|> is the last id."""

    def __init__(self, tokens: Sequence[bytes]) -> None:
        """`tokens` in the order of their ids, which is also the order in which they are merged."""
        super().__init__([*tokens, END_OF_TEXT.encode()], eot_id=len(tokens))
        self._encoding = tiktoken.Encoding(
            self.kind,
            pat_str=PATTERN,
            mergeable_ranks={token: id for id, token in enumerate(tokens)},
            special_tokens={END_OF_TEXT: len(tokens)},
        )

    def encode(self, text: str) -> list[int]:
        """Ids for any text. <|endoftext|> written in it is plain text; lone surrogates become U+FFFD."""
        text = well_formed(text)
        ids, start = [], 0
        # About a million blanks before a word overflow the stack of tiktoken's regular expressions, which is a
        # panic and no exception. Before its last blank such a run may be cut: a chunk ends there anyway.
        for blank in _LONG_BLANK.finditer(text):
            ids += self._encoding.encode_ordinary(text[start : blank.end() - 1])
            start = blank.end() - 1
        return ids + self._encoding.encode_ordinary(text[start:])
