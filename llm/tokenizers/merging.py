"""Byte-pair merging inside one piece of text: fast, or one step after the other with all that could merge.

Sennrich et al. 2016: of all neighbours that may merge, those whose merge was learnt first do; then
again, until no neighbours may.
"""

from __future__ import annotations

import heapq
import math
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import regex

from llm.tokenizers.base import Tokenizer

KINDS_OF_PIECE = ("word", "number", "punctuation", "contraction", "space")
_CONTRACTION = regex.compile(r"'(?i:[sdmt]|ll|ve|re)")


class MergingTokenizer(Tokenizer):
    """A kind that cuts text into pieces and merges the bytes inside each, pair by pair.

    Ids may be left out of such a vocabulary; their bytes are empty.
    """

    def token_bytes(self, id: int) -> bytes:
        """The bytes that one token stands for. Raises ValueError for an id that is not in use."""
        data = super().token_bytes(id)
        if not data:
            raise ValueError(f"There is no token {id}: this vocabulary leaves that id out.")
        return data

    def bytes_or_nothing(self, id: int) -> bytes:
        """The bytes of a token, none where the vocabulary leaves its id out."""
        return super().token_bytes(id)

    @abstractmethod
    def pieces(self, text: str) -> list[str]:
        """The pieces of a text, in order; no token crosses from one to the next."""

    @abstractmethod
    def byte_ids(self, data: bytes) -> list[int]:
        """The tokens of single bytes that merging begins with."""

    @abstractmethod
    def merged(self, left: int, right: int) -> tuple[int, int] | None:
        """The rank of the merge that joins two neighbours (1 goes first) and the token it makes, if there is one."""

    @abstractmethod
    def rank(self, id: int) -> int | None:
        """Which merge makes a token, 1 being the first; None for single bytes and special tokens."""

    @abstractmethod
    def pair(self, id: int) -> tuple[int, int] | None:
        """The two tokens that a token is made of; None where no merge makes it."""


def merge(
    ids: Sequence[int], merged: Callable[[int, int], tuple[int, int] | None], before: float = math.inf
) -> list[int]:
    """Merge neighbours, the lowest rank first and of equal ones the leftmost, until none is left below rank `before`.

    A heap of candidates over a linked list, so that a piece without end takes n log n.
    """
    ids, after = list(ids), list(range(1, len(ids) + 1))
    previous = list(range(-1, len(ids) - 1))
    heap: list[tuple[int, int, int, int, int]] = []  # rank, place, left, right, token

    def consider(place: int) -> None:
        if place >= 0 and after[place] < len(ids):
            pair = ids[place], ids[after[place]]
            if (found := merged(*pair)) and found[0] < before:
                heapq.heappush(heap, (found[0], place, *pair, found[1]))

    for place in range(len(ids)):
        consider(place)
    while heap:
        _, place, left, right, token = heapq.heappop(heap)
        gone = after[place]
        if ids[place] != left or gone >= len(ids) or ids[gone] != right:
            continue  # one of the two has been merged since
        ids[place], ids[gone] = token, -1
        after[place] = after[gone]
        if after[place] < len(ids):
            previous[after[place]] = place
        consider(previous[place])
        consider(place)
    return [id for id in ids if id >= 0]


@dataclass(frozen=True, slots=True)
class Candidate:
    """Two neighbours that may merge."""

    place: int
    """Where the left one stands, from 0."""
    rank: int
    """Which merge this is; the lowest goes first."""
    token: int
    """Id of the token that they would become."""


@dataclass(frozen=True, slots=True)
class MergeStep:
    """One merge inside a piece, and what it was chosen from."""

    before: tuple[int, ...]
    """The tokens that stood there."""
    candidates: tuple[Candidate, ...]
    """All neighbours that could have merged, from left to right."""
    chosen: Candidate
    """The one of the lowest rank; of equal ones the leftmost."""

    @property
    def after(self) -> tuple[int, ...]:
        """The tokens that stand there now."""
        place = self.chosen.place
        return (*self.before[:place], self.chosen.token, *self.before[place + 2 :])


def merge_steps(tokenizer: MergingTokenizer, piece: str) -> list[MergeStep]:
    """Every merge of one piece, from its single bytes to its tokens; empty where nothing merges.

    The last step's `after` is what `encode` makes of the piece. Takes the square of the piece's length.
    """
    ids = tuple(tokenizer.byte_ids(piece.encode("utf-8")))
    steps: list[MergeStep] = []
    while True:
        candidates = tuple(
            Candidate(place, *found)
            for place in range(len(ids) - 1)
            if (found := tokenizer.merged(ids[place], ids[place + 1]))
        )
        if not candidates:
            return steps
        steps.append(MergeStep(ids, candidates, min(candidates, key=lambda candidate: candidate.rank)))
        ids = steps[-1].after


def merge_history(tokenizer: MergingTokenizer, id: int) -> dict[int, tuple[int, int]]:
    """The pairs that make a token, and the tokens that it is made of, down to the bytes; the lowest ids first."""
    pairs: dict[int, tuple[int, int]] = {}
    waiting = [id]
    while waiting:
        token = waiting.pop()
        if token not in pairs and (pair := tokenizer.pair(token)):
            pairs[token] = pair
            waiting += pair
    return dict(sorted(pairs.items()))


def kind_of_piece(piece: str) -> str:
    """What the pattern took a piece for: one of KINDS_OF_PIECE."""
    if _CONTRACTION.fullmatch(piece):
        return "contraction"
    if regex.fullmatch(r"\s+", piece):
        return "space"
    if regex.search(r"\p{L}", piece):
        return "word"
    return "number" if regex.search(r"\p{N}", piece) else "punctuation"
