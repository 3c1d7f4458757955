"""Byte-level byte-pair encoding, trained here: the most frequent neighbours become a token, again and again.

Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units"; on bytes as in
GPT-2. Recounting all pairs after each merge would cost merges x text; instead each merge touches
only the places where its pair stands, and a heap holds the candidates.
"""

from __future__ import annotations

import heapq
from array import array
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from typing import Any, Self

import regex

from llm.deadline import seconds_left
from llm.tokenizers.base import checked_fields, is_count, well_formed
from llm.tokenizers.byte_level import PATTERN, PATTERN_NAME, ByteLevelTokenizer, Merge

MIN_VOCAB = 257
"""The 256 bytes and <|endoftext|>."""
MAX_VOCAB = 131_072
MAX_TOKEN_BYTES = 128
"""No token grows longer (GPT-2's longest has 128 bytes too): a page of dashes stays many tokens, and
a forged file of merges that double cannot fill the memory."""

MAX_DISTINCT_BYTES = 4_000_000
"""Of the distinct pieces of a text, 450 MB and half a minute at most: a text without spaces is one such piece, and
its first part is learnt from. In 465 kB of documentation there are 45 kB of them."""

_EXAMPLES = 3
_EDGE = -1  # stands before, between and after the chunks; never part of a pair
_GONE = -2  # this place was merged into the one on its left


class BPETokenizer(ByteLevelTokenizer):
    """Ids 0 to 255 are the bytes, then one id a merge in the order they were learnt, then <|endoftext|>."""

    kind = "bpe"
    title = "Byte-level BPE"
    short = "BPE"
    sized = True

    def __init__(self, merges: Sequence[Merge]) -> None:
        """Raises ValueError unless each merge joins two earlier tokens into a new one."""
        if len(merges) > MAX_VOCAB - MIN_VOCAB:
            raise ValueError(f"There are {len(merges):,} merges; at most {MAX_VOCAB - MIN_VOCAB:,} are supported.")
        tokens = [bytes([b]) for b in range(256)]
        seen = set(tokens)
        for merge in merges:
            if merge.token != len(tokens) or not all(is_count(id, 0, len(tokens) - 1) for id in merge.pair):
                raise ValueError(f"Merge {len(tokens) - 256} does not join two earlier tokens; train it again.")
            token = tokens[merge.pair[0]] + tokens[merge.pair[1]]
            if token in seen or len(token) > MAX_TOKEN_BYTES:
                raise ValueError(f"Merge {len(tokens) - 256} makes a token twice or too long; train it again.")
            tokens.append(token)
            seen.add(token)
        super().__init__(tokens)
        self.merges = tuple(merges)
        """The history of the training, in order."""

    @classmethod
    def train(cls, text: str, vocab_size: int | None = None) -> Self:
        """`vocab_size` tokens (4,096 if None), as `train_bpe` learns them."""
        return cls(train_bpe(text, 4096 if vocab_size is None else vocab_size).merges)

    def pair(self, id: int) -> tuple[int, int] | None:
        """The two tokens that a merge made into this one; None for single bytes and <|endoftext|>."""
        return None if self.rank(id) is None else self.merges[id - 256].pair

    def to_dict(self) -> dict[str, Any]:
        """{"kind": "bpe", "pattern": "gpt2", "merges": [[left id, right id, count], ...]}."""
        merges = [[*merge.pair, merge.count] for merge in self.merges]
        return {"kind": self.kind, "pattern": PATTERN_NAME, "merges": merges}

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """Restore from JSON. Raises ValueError on anything but a sound list of merges."""
        pattern, entries = checked_fields(values, cls.kind, {"pattern": str, "merges": list})
        if pattern != PATTERN_NAME:
            raise ValueError(f"The only split pattern known is {PATTERN_NAME!r}; train the tokenizer again.")
        merges = []
        for token, entry in enumerate(entries, start=256):
            if not isinstance(entry, list) or len(entry) != 3:
                raise ValueError("Each merge must be a list: left id, right id, count; train the tokenizer again.")
            left, right, count = entry
            if count is not None and not is_count(count, 0, 2**53):
                raise ValueError("A merge's count must be a whole number or null; train the tokenizer again.")
            merges.append(Merge((left, right), token, count))
        return cls(merges)


def train_bpe(text: str, vocab_size: int = 4096) -> BPETokenizer:
    """Learn a vocabulary of `vocab_size` tokens: 256 bytes, vocab_size - 257 merges, <|endoftext|>.

    It gets smaller where no pair occurs twice any more. `BPETrainer` says how merges are chosen.
    Raises ValueError on an empty text or a size out of range.
    """
    if not is_count(vocab_size, MIN_VOCAB, MAX_VOCAB):
        raise ValueError(f"vocab_size is {vocab_size!r}; byte-level BPE needs {MIN_VOCAB} to {MAX_VOCAB:,} tokens.")
    trainer = BPETrainer(text)
    for _ in islice(trainer.merges(), vocab_size - MIN_VOCAB):
        pass
    return trainer.tokenizer()


class BPETrainer:
    """Learns one merge after the other; whoever watches may stop at any size, and go on later.

    The next merge is the pair with the highest count; of equal counts the one whose left bytes, then
    right bytes, come first. In "aaa" the pair "aa" counts twice, as everywhere in the literature.

    The chunks end up cut exactly as `encode` cuts them, though tiktoken knows only the tokens' bytes
    and not which pair made them: as long as no merge crosses its edges, a stretch of bytes is merged
    the same way wherever it stands, so equal bytes are always cut alike and only one pair ever spells
    a token. (Letters newer than tiktoken's Unicode tables may fall into other chunks.)
    """

    def __init__(self, text: str) -> None:
        """Counts the pairs of bytes. Raises ValueError if the text is empty, TooLong when nobody waits any more."""
        if not text:
            raise ValueError("There is nothing to learn merges from; give it a text that is not empty.")
        self._chunks = _Chunks(well_formed(text))
        self._tokens = [bytes([b]) for b in range(256)]
        self._heap = [self._candidate(pair) for pair in self._chunks.counts]
        heapq.heapify(self._heap)
        self.learnt: list[Merge] = []
        """The merges so far, in order."""

    @property
    def n_tokens(self) -> int:
        """How many tokens the text that is learnt from has by now; before the first merge, as many as it has bytes."""
        return self._chunks.n_tokens

    def merges(self) -> Iterator[Merge]:
        """Merge, and yield the merge, until no pair occurs twice or the vocabulary is full; again: go on.

        Each has the three most frequent chunks in which the pair stood as its examples.
        """
        chunks, tokens, heap = self._chunks, self._tokens, self._heap
        while heap and len(self.learnt) < MAX_VOCAB - MIN_VOCAB:
            seconds_left()
            negative, left, right, pair = heapq.heappop(heap)
            count = chunks.counts[pair]
            if count < 2 or len(left) + len(right) > MAX_TOKEN_BYTES:
                continue
            if count != -negative:  # other merges took some of its places; put it back where it belongs now
                heapq.heappush(heap, self._candidate(pair))
                continue
            tokens.append(left + right)
            merge = Merge(pair, len(tokens) - 1, count, chunks.examples(pair))
            for new in chunks.merge(pair, merge.token):
                heapq.heappush(heap, self._candidate(new))
            self.learnt.append(merge)
            yield merge

    def frequent_pairs(self, n: int) -> list[tuple[tuple[int, int], int]]:
        """The `n` pairs that stand in the text most often now, and how often; the first merges next.

        Only those that may merge: they occur twice and make no token that is too long.
        """
        counts, tokens = self._chunks.counts, self._tokens
        least = max(2, min(heapq.nlargest(2 * n, counts.values()), default=2))  # twice as many: some are too long
        found = [
            (-count, tokens[left], tokens[right], (left, right))
            for (left, right), count in counts.items()
            if count >= least and len(tokens[left]) + len(tokens[right]) <= MAX_TOKEN_BYTES
        ]
        return [(pair, -negative) for negative, _, _, pair in heapq.nsmallest(n, found)]

    def tokenizer(self) -> BPETokenizer:
        """A tokenizer of the merges so far."""
        return BPETokenizer(self.learnt)

    def _candidate(self, pair: tuple[int, int]) -> tuple[int, bytes, bytes, tuple[int, int]]:
        return -self._chunks.counts[pair], self._tokens[pair[0]], self._tokens[pair[1]], pair


class _Chunks:
    """The distinct chunks of a text as tokens, one after the other in linked lists, and their pairs.

    Those beyond MAX_DISTINCT_BYTES are left out.

    A chunk that occurs 500 times is held once and counts 500 times. `where` finds a pair's places
    from left to right; entries that no longer hold the pair are skipped when they are met.
    """

    def __init__(self, text: str) -> None:
        # Arrays of machine integers, not lists: a text without any space is one chunk with millions of places.
        self.ids = array("i", [_EDGE])
        self.times = array("i", [0])  # how often the chunk of this place occurs in the text
        self.chunks: list[bytes] = []
        self.starts = array("i")  # the place of each chunk's first byte
        room = MAX_DISTINCT_BYTES
        for chunk, times in Counter(match.group() for match in regex.finditer(PATTERN, text)).items():
            data = chunk.encode("utf-8")
            if len(data) > room:
                data = data[:room].decode("utf-8", "ignore").encode("utf-8")
            room -= len(data)
            if not data:
                break
            self.chunks.append(data)
            self.starts.append(len(self.ids))
            self.ids.extend((*data, _EDGE))
            self.times.extend([times] * (len(data) + 1))
        self.n_tokens = sum(times for id, times in zip(self.ids, self.times, strict=True) if id != _EDGE)
        self.before = array("i", range(-1, len(self.ids) - 1))
        self.after = array("i", range(1, len(self.ids) + 1))
        self.counts: Counter[tuple[int, int]] = Counter()
        self.where: defaultdict[tuple[int, int], array[int]] = defaultdict(lambda: array("i"))
        for place, pair in enumerate(pairwise(self.ids)):
            if place % 65_536 == 0:
                seconds_left()
            if _EDGE not in pair:
                self._add(pair, place)

    def _add(self, pair: tuple[int, int], place: int) -> None:
        self.counts[pair] += self.times[place]
        self.where[pair].append(place)

    def examples(self, pair: tuple[int, int]) -> tuple[str, ...]:
        """The most frequent chunks that hold the pair now, of equal ones the earlier; of a long one a part."""
        ids, after = self.ids, self.after
        first: dict[int, int] = {}  # each chunk's first place of the pair
        for place in self.where[pair]:
            if ids[place] == pair[0] and ids[after[place]] == pair[1]:
                first.setdefault(bisect_right(self.starts, place) - 1, place)
        most = heapq.nlargest(_EXAMPLES, first, key=lambda chunk: self.times[first[chunk]])
        return tuple(self._around(first[chunk], chunk) for chunk in most)

    def _around(self, place: int, chunk: int) -> str:
        """The chunk; of one that is longer than any token, the part with this place's token and a little before it."""
        data = self.chunks[chunk]
        if len(data) <= MAX_TOKEN_BYTES:
            return data.decode()
        at = place - self.starts[chunk]
        return data[max(0, at - MAX_TOKEN_BYTES // 4) : at + MAX_TOKEN_BYTES].decode("utf-8", "ignore")

    def merge(self, pair: tuple[int, int], token: int) -> set[tuple[int, int]]:
        """Replace the pair by `token` everywhere; returns the new pairs that this made."""
        ids, before, after, times, counts = self.ids, self.before, self.after, self.times, self.counts
        made = set()
        for place in self.where.pop(pair):
            gone = after[place]
            if ids[place] != pair[0] or ids[gone] != pair[1]:  # taken by a merge since, maybe by this one ("aaa")
                continue
            ids[place], ids[gone] = token, _GONE
            self.n_tokens -= times[place]
            following = after[gone]
            after[place], before[following] = following, place
            for old, new, at in (
                ((ids[before[place]], pair[0]), (ids[before[place]], token), before[place]),
                ((pair[1], ids[following]), (token, ids[following]), place),
            ):
                if _EDGE not in old:
                    counts[old] -= times[place]
                    self._add(new, at)
                    made.add(new)
        del counts[pair]
        return made
