"""The Read view: a text as tokens, while it is typed; each token with its bytes and its making; ids back to text."""

from __future__ import annotations

from llm.ui import inputs
from llm.ui.panel import Answer, Request, View
from llm.ui.tokenizer.edited_text import MAX_TEXT, EditedText, EditedTexts, edited, turn
from llm.ui.tokenizer.token_facts import explain_ids, history, parse_ids, token_table
from llm.ui.tokenizer.token_shapes import text_counts
from llm.ui.tokenizer.tokenizer_menu import TokenizerMenu

MAX_SPECIAL = 30
"""Special tokens that the page lists; some vocabularies reserve a thousand."""


def build_read(menu: TokenizerMenu) -> View:
    """The view and its endpoints."""
    texts = EditedTexts(menu.subjects.sessions.memory)

    def read_text(request: Request) -> Answer:
        """Tokens of `text`, or of the sheet's text after an edit. `gone`: send the whole text, please."""
        key = (inputs.text(request, "visitor", 64), inputs.text(request, "sheet", 40))
        old = texts.get(key, inputs.whole(request, "version", 0, 2**53, 0))
        if "text" not in request and old is None:
            return {"gone": True}
        text = inputs.text(request, "text", MAX_TEXT) if "text" in request else edited(_text(old), request)
        entry = menu.of(request, text)
        first = inputs.whole(request, "first", 0, MAX_TEXT) if "first" in request else None
        special = not inputs.flag(request, "names_are_text", True)
        sheet, change = turn(old, text, entry.tokenizer, special, first)
        texts.put(key, sheet)
        tokenizer = entry.tokenizer
        return {
            **entry.introduction(),
            **change,
            "new": token_table(tokenizer, change["new"]),
            "total": len(sheet.ids),
            "counts": text_counts(text),
            "lost": tokenizer.what_is_lost(text),
            "special_tokens": list(tokenizer.special_tokens.items())[:MAX_SPECIAL],
            "n_ctx": menu.subjects.of(request).config.n_ctx,
        }

    def explain_token(request: Request) -> Answer:
        """How a token came to be, from its bytes on."""
        tokenizer = menu.of(request).tokenizer
        return {"steps": history(tokenizer, inputs.whole(request, "id", 0, tokenizer.vocab_size - 1))}

    def decode_ids(request: Request) -> Answer:
        """What a list of ids says, with remarks on those that say nothing alone."""
        return explain_ids(menu.of(request).tokenizer, parse_ids(inputs.text(request, "ids")))

    return View("Read", [read_text, explain_token, decode_ids, *menu.endpoints])


def _text(sheet: EditedText | None) -> str:
    return sheet.text if sheet else ""
