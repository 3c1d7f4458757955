"""The tokenizers that a visitor can take from the shelf: the model's own, those at hand, and the visitor's.

All views of the tab name them by the same references: "model", a kind such as "gpt2" or "bytes", "cl100k" and
"o200k" where tiktoken has fetched them before, and "mine:NAME" for what the visitor trained or brought.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from llm.corpora import load_corpus
from llm.tokenizers import (
    ALL_KINDS,
    FORMATS,
    KINDS,
    PATTERNS,
    PUBLISHED,
    BPETokenizer,
    CharacterTokenizer,
    Tokenizer,
    export,
    load_published,
    read_tokenizer,
    train_tokenizer,
)
from llm.ui import inputs
from llm.ui.panel import Answer, Request, changing
from llm.ui.subject import Subjects
from llm.ui.uploads import read_upload
from llm.ui.vocabularies import MINE, keep_vocabulary

TRAINED = "trained here on Python's documentation"
AT_HAND = (*KINDS, "bytes")
"""The kinds, and the single bytes alone: what byte-level BPE begins with."""
NAMES = {"bytes": "Bytes"} | {name: kind.title for name, kind in ALL_KINDS.items()}
SHORT = {"model": "This model", "bytes": "Bytes"} | {name: kind.short or kind.title for name, kind in ALL_KINDS.items()}


@dataclass(frozen=True)
class MenuEntry:
    """A tokenizer with what the page says of it."""

    ref: str
    name: str
    about: str
    tokenizer: Tokenizer

    def introduction(self) -> dict[str, Any]:
        """For the page."""
        short = SHORT.get(self.ref, self.name)
        return {"ref": self.ref, "name": self.name, "short": short, "about": self.about, "kind": self.tokenizer.kind}


class TokenizerMenu:
    """Finds what a request names, and takes in and gives out files."""

    def __init__(self, subjects: Subjects) -> None:
        self.subjects = subjects

    @property
    def endpoints(self) -> list[Any]:
        """For every view that has the menu."""
        return [self.list_tokenizers, self.keep_tokenizer, self.export_tokenizer]

    def of(self, request: Request, text: str = "", ref: str | None = None) -> MenuEntry:
        """The tokenizer that a request names, made ready to write `text` where it is one of characters.

        Raises ValueError when it isn't there.
        """
        ref = inputs.text(request, "tok", 200, "model") if ref is None else ref
        if ref == "model":
            loaded = self.subjects.of(request)
            about = f"{NAMES[loaded.tokenizer.kind]}, saved with {loaded.title}, {_size(loaded.tokenizer)}"
            return MenuEntry(ref, "This model's tokenizer", about, loaded.tokenizer)
        if ref.startswith(MINE):
            name, mine = ref.removeprefix(MINE), self.subjects.sessions.of(request).tokenizers
            if name not in mine:
                raise ValueError("That vocabulary of yours is gone. Choose another one.")
            return MenuEntry(ref, name, f"{NAMES[mine[name].kind]}, {_size(mine[name])}", mine[name])
        if ref in PUBLISHED:
            tokenizer = published(ref)
            return MenuEntry(ref, ref, f"{PUBLISHED[ref].title}, as OpenAI published it, {_size(tokenizer)}", tokenizer)
        if ref not in AT_HAND:
            raise ValueError("There is no such tokenizer. Choose one from the menu.")
        tokenizer = ready_tokenizer(ref)
        about = "nothing is merged" if ref == "bytes" else KINDS[ref].origin or TRAINED
        if isinstance(tokenizer, CharacterTokenizer) and (missing := tokenizer.unknown(text)):
            tokenizer = CharacterTokenizer.train(text)
            shown = ", ".join(map(repr, missing[:3])) + (" and more" if len(missing) > 3 else "")
            about = f"trained on this very text, since Python's documentation has no {shown}"
        return MenuEntry(ref, NAMES[ref], f"{about}, {_size(tokenizer)}", tokenizer)

    def list_tokenizers(self, request: Request) -> Answer:
        """Everything on the menu, in groups; and what each file format is called."""
        session = self.subjects.sessions.of(request)
        at_hand = [{"ref": kind, "name": NAMES[kind]} for kind in AT_HAND]
        at_hand += [{"ref": ref, "name": known.title} for ref, known in PUBLISHED.items() if known.path.is_file()]
        mine = [{"ref": MINE + name, "name": name} for name in reversed(session.tokenizers)]
        return {
            "groups": [
                {"title": "", "tokenizers": [{"ref": "model", "name": "This model's"}]},
                {"title": "At hand", "tokenizers": at_hand},
                {"title": "Yours", "tokenizers": mine},
            ],
            "patterns": list(PATTERNS),
        }

    @changing
    def keep_tokenizer(self, request: Request) -> Answer:
        """Take in an uploaded vocabulary file, under its own name."""
        session = self.subjects.sessions.of(request)
        pattern = inputs.choice(request, "pattern", PATTERNS, "gpt2")
        name, data = read_upload(request)
        tokenizer = read_tokenizer(data, pattern)
        return {"ref": keep_vocabulary(self.subjects.sessions, session, PurePath(name).stem, tokenizer)}

    def export_tokenizer(self, request: Request) -> Answer:
        """A whole file of one of FORMATS, for the page to save."""
        format = inputs.choice(request, "format", FORMATS)
        entry = self.of(request)
        name = "".join(c if c.isalnum() or c in "-_" else "-" for c in entry.name).strip("-") or "vocabulary"
        ending = FORMATS[format] if FORMATS[format].startswith(".") else f"-{FORMATS[format]}"
        return {"name": name + ending, "text": export(entry.tokenizer, format)}


@functools.cache
def ready_tokenizer(kind: str) -> Tokenizer:
    """A tokenizer that belongs to no model: GPT-2's, or one learnt from a text that needs no network.

    Learnt when first asked for, then kept. Raises ValueError when the text or the vocabulary is missing.
    """
    if kind == "bytes":
        return BPETokenizer([])
    return train_tokenizer(kind, "" if KINDS[kind].origin else load_corpus("pydoc").text)


@functools.cache
def published(name: str) -> Tokenizer:
    """cl100k or o200k, opened once. Raises ValueError when tiktoken has not fetched it before."""
    return load_published(name)


def _size(tokenizer: Tokenizer) -> str:
    return f"vocabulary {tokenizer.vocab_size:,}"
