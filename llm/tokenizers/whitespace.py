"""Words between spaces: the first idea anybody has, and why nobody keeps it.

Frequent words get an id; every other word becomes <unk> and is gone for good.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Self

from llm.tokenizers.base import END_OF_TEXT, Tokenizer, checked_fields, is_count, well_formed

UNKNOWN = "<unk>"
_SPECIALS = (UNKNOWN, END_OF_TEXT)
_MAX_VOCAB = 1_000_000


class WhitespaceTokenizer(Tokenizer):
    """Id 0 is <unk>, id 1 is <|endoftext|>, then the words, most frequent first.

    A token's bytes are its word and a space, so that a stream of tokens reads as text.
    """

    kind = "whitespace"
    title = "Whitespace"
    sized = True
    unit = "words"
    loses = "Words outside the vocabulary, line breaks and repeated spaces."

    def __init__(self, words: Sequence[str]) -> None:
        """`words` in the order of their ids, from 2. Raises ValueError unless they are distinct, single words."""
        if not words or len(words) + len(_SPECIALS) > _MAX_VOCAB:
            raise ValueError(f"A word vocabulary needs between 1 and {_MAX_VOCAB - len(_SPECIALS):,} words.")
        if not all(isinstance(word, str) and word.split() == [word] and well_formed(word) == word for word in words):
            raise ValueError("Each word of the vocabulary must be a text without spaces; train the tokenizer again.")
        # A word that is spelt like a special token is an ordinary word, with an id of its own.
        self._ids = {word: id for id, word in enumerate(words, start=len(_SPECIALS))}
        if len(self._ids) != len(words):
            raise ValueError("A word occurs twice in the vocabulary; train the tokenizer again.")
        super().__init__([f"{word} ".encode() for word in (*_SPECIALS, *words)], eot_id=1)
        self._words = tuple(words)

    @property
    def special_tokens(self) -> dict[str, int]:
        """<unk> and <|endoftext|>."""
        return {name: id for id, name in enumerate(_SPECIALS)}

    @classmethod
    def train(cls, text: str, vocab_size: int | None = None) -> Self:
        """The most frequent words of `text`, at most `vocab_size` tokens (8,192 if None); equal counts go by spelling.

        Raises ValueError on a size out of range or a text without words.
        """
        vocab_size = 8192 if vocab_size is None else vocab_size
        if not is_count(vocab_size, len(_SPECIALS) + 1, _MAX_VOCAB):
            raise ValueError(f"vocab_size is {vocab_size!r}; a word vocabulary needs 3 to {_MAX_VOCAB:,} tokens.")
        counts = Counter(well_formed(text).split())
        if not counts:
            raise ValueError("There are no words to learn from; give it a text that is not blank.")
        ranked = sorted(counts, key=lambda word: (-counts[word], word))
        return cls(ranked[: vocab_size - len(_SPECIALS)])

    def cut(self, text: str) -> int:
        """Before a space or line break."""
        return max(text.rfind(" "), text.rfind("\n"), 0)

    def encode(self, text: str) -> list[int]:
        """One id a word; words outside the vocabulary all become id 0."""
        return [self._ids.get(word, 0) for word in well_formed(text).split()]

    def decode(self, ids: Iterable[int]) -> str:
        """The words with one space between them."""
        return super().decode(ids).removesuffix(" ")

    def misfit(self, text: str) -> str | None:
        """A text most of whose words are unknown."""
        ids = self.encode(text)
        return "lacks most words of this text" if 2 * ids.count(0) > len(ids) else None

    def what_is_lost(self, text: str) -> str | None:
        """Counts the unknown words, and says when line breaks and repeated spaces go."""
        words = text.split()
        ids = self.encode(text)
        losses = []
        if unknown := ids.count(0):
            are = "is" if unknown == 1 else "are"
            become = "becomes" if unknown == 1 else "become"
            losses.append(f"{unknown:,} of {len(words):,} words {are} not in the vocabulary and {become} {UNKNOWN}")
        if text != " ".join(words):
            losses.append("each run of spaces and line breaks becomes one space")
        sentence = "; ".join(losses)
        return f"{sentence[0].upper()}{sentence[1:]}." if losses else None

    def to_dict(self) -> dict[str, Any]:
        """{"kind": "whitespace", "words": [...]}; the two special tokens are implied."""
        return {"kind": self.kind, "words": list(self._words)}

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """Restore from JSON. Raises ValueError on anything but a sound vocabulary."""
        (words,) = checked_fields(values, cls.kind, {"words": list})
        return cls(words)
