"""How a token is named where one is named: in labels, legends and menus."""

from __future__ import annotations

from llm.tokenizers import Tokenizer


def token_name(tokenizer: Tokenizer, id: int) -> str:
    """A token's text; a piece of a character is named by its bytes, as in ‹D7 90›, so that no two look the same.

    The page has the same rule for the vocabularies that it holds (assets/shared/tokens/vocabulary.js); blanks
    and controls it makes visible itself.
    """
    data = tokenizer.token_bytes(id)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return f"‹{data.hex(' ').upper()}›"
