"""The Compare view: one text under up to four tokenizers, aligned, and what they cost in many languages."""

from __future__ import annotations

from typing import Any

from llm.tokenizers import Tokenizer
from llm.ui import inputs
from llm.ui.panel import Answer, Request, View
from llm.ui.tokenizer.samples import LANGUAGES, SAMPLES
from llm.ui.tokenizer.token_facts import token_table
from llm.ui.tokenizer.token_shapes import cells, columns, text_counts, token_spans
from llm.ui.tokenizer.tokenizer_menu import TokenizerMenu

MAX_ROWS = 4
MAX_COMPARED = 2500
"""Tokens, of all rows together, that the aligned view draws."""
YOURS = "Your prompt"


def build_compare_tokenizers(menu: TokenizerMenu) -> View:
    """The view; its endpoints align a text and count samples. `toks` are references, at most MAX_ROWS."""

    def compare_tokenizers(request: Request) -> Answer:
        """One text under several tokenizers, aligned."""
        text = inputs.text(request, "text")
        rows = []
        for ref in _refs(request):
            entry = menu.of(request, text, ref)
            rows.append((entry.introduction(), entry.tokenizer))
        n_ctx = menu.subjects.of(request).config.n_ctx
        return {"counts": text_counts(text), "n_ctx": n_ctx, **comparison(text, rows)}

    def measure_samples(request: Request) -> Answer:
        """How many tokens each of them needs for samples in many languages."""
        text = inputs.text(request, "text")
        refs = _refs(request)
        texts = ({YOURS: text} if text.strip() else {}) | SAMPLES
        samples = [
            {
                "name": name,
                "text": sample,
                "language": name in LANGUAGES,
                "bytes": len(sample.encode()),
                "tokens": [_count(menu, request, sample, ref) for ref in refs],
            }
            for name, sample in texts.items()
        ]
        return {"samples": samples, "rows": [menu.of(request, ref=ref).introduction() for ref in refs]}

    return View("Compare tokenizers", [compare_tokenizers, measure_samples, *menu.endpoints])


def _refs(request: Request) -> list[str]:
    refs = request.get("toks")
    if not isinstance(refs, list) or not 1 <= len(refs) <= MAX_ROWS:
        raise ValueError(f"Choose one to {MAX_ROWS} tokenizers to compare.")
    return [inputs.text({"tokenizer": ref}, "tokenizer", 200) for ref in refs]


def _count(menu: TokenizerMenu, request: Request, text: str, ref: str) -> int | None:
    """Tokens of a text; None where the tokenizer can't write it."""
    try:
        return len(menu.of(request, text, ref).tokenizer.encode(text))
    except ValueError:
        return None


def comparison(text: str, tokenizers: list[tuple[dict[str, Any], Tokenizer]]) -> dict[str, Any]:
    """One row a tokenizer, cut into columns that hold the same stretch of text.

    A row has `total` tokens; `ids`, `tokens` and `cells` (how many tokens stand in each column) are of
    the first columns only, up to MAX_COMPARED tokens in all. `breaks` are the columns that end a line,
    `bytes_drawn` is where the last column ends.
    A tokenizer that can't write this text, or rewrites it, has an `error`.
    """
    rows = []
    for row, tokenizer in tokenizers:
        try:
            if tokenizer.normalize(text) != text:
                raise ValueError("It rewrites this text before it cuts it, so its tokens don't line up.")
            ids = tokenizer.encode(text)
        except ValueError as refusal:
            rows.append({**row, "error": str(refusal)})
            continue
        rows.append({**row, "tokenizer": tokenizer, "all": ids, "lost": tokenizer.what_is_lost(text)})
    written = [row for row in rows if "error" not in row]
    spans = [token_spans(row["tokenizer"], text, row["all"]) for row in written]
    data = text.encode()
    starts = columns(len(data), spans)
    counts = [cells(starts, row_spans) for row_spans in spans]
    drawn = tokens = 0
    while drawn < len(starts) and (drawn == 0 or tokens + sum(row[drawn] for row in counts) <= MAX_COMPARED):
        tokens += sum(row[drawn] for row in counts)
        drawn += 1
    ends = [*starts[1:], len(data)][:drawn]
    for row, row_cells in zip(written, counts, strict=True):
        tokenizer, ids = row.pop("tokenizer"), row.pop("all")
        kept = ids[: sum(row_cells[:drawn])]
        row.update(total=len(ids), ids=kept, tokens=token_table(tokenizer, kept), cells=row_cells[:drawn])
    return {
        "rows": rows,
        "breaks": [column for column, end in enumerate(ends) if data[end - 1 : end] == b"\n"],
        "bytes_drawn": ends[-1] if ends else 0,
    }
