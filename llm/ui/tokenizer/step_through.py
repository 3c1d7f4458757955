"""The Step through view: a text's pieces, and the merges inside one of them, one at a time."""

from __future__ import annotations

from itertools import islice
from typing import Any

from llm.tokenizers import MergingTokenizer, kind_of_piece, merge_steps
from llm.ui import inputs
from llm.ui.panel import Answer, Request, View
from llm.ui.tokenizer.token_shapes import readable
from llm.ui.tokenizer.tokenizer_menu import TokenizerMenu

MAX_PIECES = 400
"""Pieces of the text that are sent."""
MAX_PIECE_BYTES = 160
"""Of the piece that is stepped through; each step sends all neighbours that could merge."""


def build_step_through(menu: TokenizerMenu) -> View:
    """The view; its endpoints cut a text into pieces and take one of them apart."""

    def cut_text(request: Request) -> Answer:
        """The pieces that a text is first cut into."""
        text = inputs.text(request, "text")
        entry = menu.of(request, text)
        if not isinstance(entry.tokenizer, MergingTokenizer):
            return {**entry.introduction(), "merges": False, "pieces": [], "total": 0}
        pieces = entry.tokenizer.pieces(text)
        return {
            **entry.introduction(),
            "merges": True,
            "pieces": [
                {"kind": kind_of_piece(piece), "parts": readable(piece.encode()), "piece": piece}
                for piece in islice(pieces, MAX_PIECES)
            ],
            "total": len(pieces),
        }

    def merge_piece(request: Request) -> Answer:
        """All merges inside one piece."""
        piece = inputs.text(request, "piece", 2_000)
        tokenizer = menu.of(request).tokenizer
        if not isinstance(tokenizer, MergingTokenizer):
            raise ValueError("This tokenizer merges nothing. Choose GPT-2's vocabulary or another byte-level one.")
        size = len(piece.encode())
        if size > MAX_PIECE_BYTES:
            raise ValueError(f"This piece has {size:,} bytes; at most {MAX_PIECE_BYTES} can be stepped through.")
        return steps_of(tokenizer, piece)

    return View("Step through", [cut_text, merge_piece, *menu.endpoints])


def steps_of(tokenizer: MergingTokenizer, piece: str) -> dict[str, Any]:
    """All steps of a piece for the page, which goes back and forth between them by itself.

    A step is the place of the pair that merged and all that could have: [place, rank, token]. `encoded`
    is what `encode` makes of the piece, for the page to hold the steps' result against.
    """
    start = tokenizer.byte_ids(piece.encode())
    steps = merge_steps(tokenizer, piece)
    encoded = tokenizer.encode(piece)
    ids = {*start, *encoded, *(candidate.token for step in steps for candidate in step.candidates)}
    return {
        "start": start,
        "steps": [
            {
                "place": step.chosen.place,
                "candidates": [[c.place, c.rank, c.token] for c in step.candidates],
            }
            for step in steps
        ],
        "encoded": encoded,
        "tokens": {str(id): {"parts": readable(data := tokenizer.token_bytes(id)), "hex": data.hex(" ")} for id in ids},
    }
