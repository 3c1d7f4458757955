"""Prompts to begin with: such as show what a model learnt, and such as its tokenizer can spell."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from llm.tokenizers import Tokenizer, load_tokenizer

TALES = [
    "It was Monday, and thunder rolled in the distance. In a white house by the sea, Arlo was counting clouds.",
    "Arlo lived by the sea. At last it was the day of the boat race. Arlo had the finest boat of all, or so he",
    "On a misty Wednesday, Arlo was counting clouds. His greatest treasure was a",
    "Once there was a girl called",
    "It was a cold Monday in the village. Mina had lost her",
]
"""The first is what the page opens on: its next token is open among three, one head sees to the likeliest, and another
name in it changes the answer. The first two are worked examples of the Attention tab: who comes next, who is he?"""
PLAYS = [
    "ROMEO:\nO, she doth teach the torches to burn bright!",
    "First Citizen:\nBefore we proceed any further, hear me speak.",
    "To be, or not to be: that is the question",
    "My lord, the king is dead; my lord, the king",
]
COPIES = ["\nlumberjack|lumberjack", "\nkqzjxvbw|kqz", "\nabcabcabc|abcab"]
SORTED = ["\n3141592>1123459", "\n27182818>", "\n9876543210>"]
EXAMPLES: dict[str, list[str]] = {
    "tales": TALES,
    "shakespeare": PLAYS,
    "tinyshakespeare": PLAYS,
    "induction": COPIES,
    "task:copy": COPIES,
    "sorter": SORTED,
    "task:sort": SORTED,
}
"""Prompts that a model can read and that show what it learnt, by its name if it ships and by its text otherwise."""
OTHERS = (*TALES[:2], *PLAYS[:2])
ANY = (*OTHERS, *(text.lower() for text in OTHERS), SORTED[0], COPIES[0])
"""What is tried on a model of which nobody knows what it learnt."""
MOST = 4
PIECES = 12
"""Tokens in a prompt that is made of the vocabulary itself."""


def openings(folder: Path, text: str = "") -> list[str]:
    """Prompts for the model in a folder, which learnt from `text`, as `EXAMPLES` names it."""
    if text in EXAMPLES:
        return EXAMPLES[text]
    path = folder / "tokenizer.json"
    try:
        return list(_spelt(path, path.stat().st_mtime_ns))
    except (OSError, ValueError):  # opening it will say what is wrong
        return list(OTHERS)


def spells(tokenizer: Tokenizer, text: str) -> bool:
    """Whether a text becomes tokens that spell it, but for its white space."""
    try:
        return tokenizer.decode(tokenizer.encode(text)).split() == text.split()
    except ValueError:
        return False


@lru_cache(maxsize=1_000)
def _spelt(path: Path, changed: int) -> tuple[str, ...]:
    """Those of ANY that the tokenizer in a file can spell, or else the beginning of its vocabulary."""
    tokenizer = load_tokenizer(path)
    return tuple(text for text in ANY if spells(tokenizer, text))[:MOST] or (_vocabulary_read_out(tokenizer),)


def _vocabulary_read_out(tokenizer: Tokenizer) -> str:
    text = ""
    for id in range(min(tokenizer.vocab_size, 1_000)):
        piece = tokenizer.decode([id])
        spaced = next((new for new in (f"{text} {piece}", text + piece) if spells(tokenizer, new)), None)
        if piece.strip() and piece.isprintable() and spaced is not None:
            text = spaced.strip()
            if len(tokenizer.encode(text)) >= PIECES:
                break
    return text
