"""Seven things worth seeing, one click each: which model, which text, and which pairs of tokens to look for.

No head is written down here. The one that looks most at the marked pairs is found in the model as
it is, and its share is said, so that an example stays true when a model is trained again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from llm.inside.head_search import FoundHead, mark_after_same, mark_first, mark_pairs, mark_previous, search_heads
from llm.tokenizers import Tokenizer
from llm.ui.openings import TALES
from llm.ui.subject import Loaded

CLEAR = 0.3
"""From this share on the head is said to do what the example shows."""

Marks = Callable[[Tokenizer, str, list[int]], Tensor]


@dataclass(frozen=True)
class WorkedExample:
    """What to look at; two sentences at most."""

    title: str
    models: dict[str, str]
    """Shipped models that show it, the best first, each with its prompt."""
    marks: Marks
    says: str
    """With {head} and {share} filled in."""
    from_start: bool = False
    """Whether it begins at the model's first snapshot."""

    def find(self, loaded: Loaded, prompt: str) -> tuple[FoundHead, str]:
        """The head that shows it, and what to say of it. Raises ValueError when the model can't read the prompt."""
        ids = loaded.tokenizer.encode(prompt)
        found = search_heads(loaded.model, ids, self.marks(loaded.tokenizer, prompt, ids))
        says = self.says if found.share >= CLEAR else "{head} comes closest here, with only {share} of its attention."
        return found, says.format(head=f"Layer {found.layer}, head {found.head}", share=f"{100 * found.share:.0f} %")


def _by_text(marks: Callable[[list[int]], Tensor]) -> Marks:
    return lambda tokenizer, prompt, ids: marks(ids)


def _back_to(name: str, word: str) -> Marks:
    """From the last time the word is read to every time the name was."""

    def marks(tokenizer: Tokenizer, prompt: str, ids: list[int]) -> Tensor:
        text, spans = prompt.encode("utf-8"), tokenizer.spans(ids)
        row = _at(spans, text.rindex(word.encode()) + len(word) - 1)
        columns = [_at(spans, start) for start in _occurrences(text, name.encode())]
        return mark_pairs(len(ids), [(row, column) for column in columns])

    return marks


def _smallest(sign: str) -> Marks:
    """From the sign, after which the answer begins, to wherever the first character of the answer stands before it."""

    def marks(tokenizer: Tokenizer, prompt: str, ids: list[int]) -> Tensor:
        text, spans = prompt.encode("utf-8"), tokenizer.spans(ids)
        place = text.index(sign.encode())
        columns = [_at(spans, start) for start in _occurrences(text[:place], text[place + 1 : place + 2])]
        return mark_pairs(len(ids), [(_at(spans, place), column) for column in columns])

    return marks


def _at(spans: list[tuple[int, int]], place: int) -> int:
    """The token that holds a byte."""
    return next(i for i, (start, end) in enumerate(spans) if start <= place < end)


def _occurrences(text: bytes, part: bytes) -> list[int]:
    return [i for i in range(len(text)) if text.startswith(part, i)]


# No letter twice: what followed the same letter earlier is one place.
_REPEATED = "lumberjack|lumberjack"
_SORTED = "\n8652341>1234568"

WORKED_EXAMPLES = {
    "previous": WorkedExample(
        "Previous token",
        {"induction": _REPEATED, "shakespeare": "ROMEO:\nO, she doth teach the torches to burn bright!"},
        _by_text(mark_previous),
        "{head} looks one token back with {share} of its attention. See the stripe just beside the diagonal.",
    ),
    "induction": WorkedExample(
        "Induction",
        {"induction": _REPEATED},
        _by_text(mark_after_same),
        "The text says the same twice. {head} looks at what followed the last time, with {share} of its attention.",
    ),
    "sink": WorkedExample(
        "Resting place",
        {"sorter": _SORTED},
        _by_text(mark_first),
        "{head} rests: {share} of its attention is on the first token. Only > looks elsewhere, at the digits.",
    ),
    "name": WorkedExample(
        "The name again",
        {"tales": TALES[0]},
        _back_to("Arlo", "."),
        "Who comes next? {head} looks back at Arlo from the last token, with {share} of its attention.",
    ),
    "pronoun": WorkedExample(
        "Name and pronoun",
        {"tales": TALES[1]},
        _back_to("Arlo", " he"),
        "Who is he? {head} looks back at Arlo from the last token, with {share} of its attention.",
    ),
    "sorting": WorkedExample(
        "Sorting",
        {"sorter": _SORTED},
        _smallest(">"),
        "{head} gives the smallest digit {share} of the sign's attention. Other heads look for other digits.",
    ),
    "training": WorkedExample(
        "Before and after training",
        {"induction": _REPEATED},
        _by_text(mark_after_same),
        "Here training has only begun. {head} will give {share} of its attention to what followed last time.",
        from_start=True,
    ),
}


def example_of(loaded: Loaded, ids: list[int]) -> tuple[FoundHead, str] | None:
    """What a worked example shows of just this prompt, and its sentence; None where there is no such example."""
    for example in WORKED_EXAMPLES.values():
        prompt = example.models.get(loaded.title)
        if prompt is not None and not example.from_start and loaded.tokenizer.encode(prompt) == ids:
            return example.find(loaded, prompt)
    return None
