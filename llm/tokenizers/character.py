"""One token a character: nothing is lost, the vocabulary is tiny, and texts get long."""

from __future__ import annotations

from typing import Any, Self

from llm.tokenizers.base import Tokenizer, checked_fields, well_formed


class CharacterTokenizer(Tokenizer):
    """The distinct characters of the training text, in Unicode order. It has no special tokens."""

    kind = "character"
    title = "Characters"
    unit = "characters"
    needs_every_character = True

    def __init__(self, characters: str) -> None:
        """`characters` in the order of their ids. Raises ValueError if one is repeated or there is none."""
        if not characters or len(set(characters)) != len(characters) or well_formed(characters) != characters:
            raise ValueError("The alphabet must hold one or more different characters; train the tokenizer again.")
        super().__init__([c.encode("utf-8") for c in characters], eot_id=None)
        self._characters = characters
        self._ids = {c: id for id, c in enumerate(characters)}

    @classmethod
    def train(cls, text: str, vocab_size: int | None = None) -> Self:
        """Every character that occurs in `text`. Raises ValueError if it is empty."""
        if not text:
            raise ValueError("There is nothing to learn an alphabet from; give it a text that is not empty.")
        return cls("".join(sorted(set(well_formed(text)))))

    def unknown(self, text: str) -> list[str]:
        """The characters of `text` that have no token, sorted."""
        return sorted(set(well_formed(text)) - self._ids.keys())

    def misfit(self, text: str) -> str | None:
        """Characters that have no token."""
        if not (missing := self.unknown(text)):
            return None
        more = f" and {len(missing) - 3:,} more" if len(missing) > 3 else ""
        return f"has no {', '.join(map(repr, missing[:3]))}{more}, which this text uses"

    def cut(self, text: str) -> int:
        """Anywhere."""
        return len(text)

    def encode(self, text: str) -> list[int]:
        """One id a character. Raises ValueError naming characters that the training text never showed."""
        text = well_formed(text)
        try:
            return [self._ids[c] for c in text]
        except KeyError:
            unknown = self.unknown(text)
        named = ", ".join(repr(c) for c in unknown[:5])
        more = f" and {len(unknown) - 5:,} more" if len(unknown) > 5 else ""
        raise ValueError(
            f"This alphabet has no {named}{more}; leave such characters out, or use a BPE tokenizer, which knows all."
        )

    @classmethod
    def from_meta(cls, values: dict[str, Any]) -> Self:
        """Read what nanoGPT keeps as meta: `stoi` (character to id) or `itos` (id to character).

        Raises ValueError unless each id from 0 on stands for one character.
        """
        stoi, itos = values.get("stoi"), values.get("itos")
        itos = dict(enumerate(itos)) if isinstance(itos, list) else itos
        told = [{str(id): c for c, id in stoi.items()}] if isinstance(stoi, dict) else []
        told += [{str(id): c for id, c in itos.items()}] if isinstance(itos, dict) else []
        if not told or told[0] != told[-1]:
            raise ValueError("stoi and itos of this file are no alphabet, or two; write them again.")
        characters = [told[0].get(str(id)) for id in range(len(told[0]))]
        if not all(isinstance(c, str) and len(c) == 1 for c in characters):
            raise ValueError("stoi and itos must give each id from 0 on one character; this file has others.")
        return cls("".join(map(str, characters)))

    def to_dict(self) -> dict[str, Any]:
        """{"kind": "character", "characters": "..."}."""
        return {"kind": self.kind, "characters": self._characters}

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """Restore from JSON. Raises ValueError on anything but a sound alphabet."""
        (characters,) = checked_fields(values, cls.kind, {"characters": str})
        return cls(characters)
