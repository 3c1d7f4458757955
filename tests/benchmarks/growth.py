"""How the time of an answer grows with its text, over the worst families of texts: `python tests/benchmarks/growth.py`.

Asks every endpoint that takes a text, in this process, at sizes that double up to what it allows; prints the
slowest families in seconds of processor time and says where four times the text took over 6 times as long
(n log n: 4.5).
`python tests/benchmarks/growth.py read_text` asks only endpoints with that in their name.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("GLASSBOX_HOME", tempfile.mkdtemp())
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from llm.ui import build_app
from llm.ui.panel import Panel

FAMILIES: dict[str, Callable[[int], str]] = {
    "letters": lambda n: "a" * n,
    "capitals": lambda n: "A" * n,
    "words": lambda n: ("the cat " * n)[:n],
    "spaces": lambda n: " " * n,
    "spaces, then a letter": lambda n: " " * (n - 1) + "x",
    "digits": lambda n: ("1234567890" * n)[:n],
    "signs": lambda n: ("!?#" * n)[:n],
    "alternating": lambda n: ("a1 !" * n)[:n],
    "apostrophes": lambda n: "'" * n,
    "line breaks": lambda n: ("\r\n" * n)[:n],
    "flags": lambda n: ("🇫🇷" * n)[:n],
    "accents": lambda n: "a" + "\u0301" * (n - 1),
    "accents out of order": lambda n: ("a" + "\u0301\u0316" * n)[:n],
    "families": lambda n: ("👩\u200d" * n)[:n],
    "joiners": lambda n: "\u200d" * n,
    "prepended": lambda n: "\u0600" * n,
    "devanagari": lambda n: ("\u0915\u094d" * n)[:n],
    "jamo": lambda n: "\u1100" * n,
    "right to left": lambda n: ("שלום \u202e" * n)[:n],
    "lone surrogates": lambda n: "\ud800" * n,
    "special names": lambda n: ("<|endoftext|>" * n)[:n],
    "halves of names": lambda n: ("<|endoftext" * n)[:n],
    "rare": lambda n: "".join(chr(0x4E00 + i % 20_000) for i in range(n)),
}
TOKS = ("model", "gpt2", "character", "whitespace", "bytes")
MODEL = "shipped:tales"
CALLS: list[tuple[str, str, int, dict[str, object]]] = [
    *(("read_text", "text", 1_000_000, {"tok": tok, "sheet": "s", "names_are_text": False}) for tok in TOKS),
    *(("cut_text", "text", 20_000, {"tok": tok}) for tok in ("model", "gpt2")),
    ("merge_piece", "piece", 160, {"tok": "gpt2"}),
    ("compare_tokenizers", "text", 20_000, {"toks": list(TOKS[:4])}),
    ("measure_samples", "text", 20_000, {"toks": list(TOKS[:4])}),
    ("decode_ids", "ids", 20_000, {"tok": "gpt2"}),
    ("search_vocabulary", "query", 200, {"tok": "gpt2"}),
    ("search_vocabulary", "text", 1_000_000, {"tok": "gpt2", "corpus": "pasted"}),
    ("read_surprise", "text", 20_000, {}),
    ("trace_prompt", "prompt", 20_000, {}),
    ("begin_generation", "prompt", 20_000, {}),
    ("begin_rows", "prompt", 20_000, {}),
    ("read_logits", "prompt", 20_000, {}),
    ("begin_batch", "prompt", 20_000, {}),
    ("map_tokens", "prompt", 20_000, {}),
    ("draw_code", "link", 300, {}),
]
PATIENCE = 6.0
"""Seconds after which a family is not doubled any more."""


def main() -> None:
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    endpoints = {
        endpoint.__name__: endpoint
        for panel in build_app().blocks.values()
        for endpoint in (panel.server_fns if isinstance(panel, Panel) else [])
    }
    grown = []
    for name, field, limit, more in CALLS:
        if wanted not in name:
            continue
        endpoints[name]({"visitor": "0" * 32, "model": MODEL, field: "warm", **more})
        measured = []
        for family, of in FAMILIES.items():
            times: list[float] = []
            size = limit
            for halvings in (3, 2, 1, 0):
                size = limit >> halvings
                started = time.process_time()
                answer = endpoints[name]({"visitor": "0" * 32, "model": MODEL, field: of(size), **more})
                times.append(time.process_time() - started)
                if times[-1] > PATIENCE:
                    break
            refused = str(answer.get("error", ""))
            measured.append((times[-1], family, size, times[-1] / times[-3] if len(times) > 2 else 0, refused))
        measured.sort(reverse=True)
        print(f"\n{name}({field}) {more or ''}")
        for seconds, family, size, ratio, refused in measured[:4]:
            print(f"  {seconds:7.3f} s  x{ratio:4.1f}  {size:>9,} of {family}  {refused[:90]}")
        grown += [(name, *row) for row in measured if row[3] > 6 and row[0] > 0.05]
    print("\nGrows faster than n log n:" if grown else "\nNothing grows faster than n log n.")
    for name, seconds, family, size, ratio, _ in grown:
        print(f"  {name}: {size:,} of {family} {seconds:.2f} s, x{ratio:.1f}")


if __name__ == "__main__":
    main()
