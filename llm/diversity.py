"""How different several samples are from one another, counted in runs of n tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

Run = tuple[int, ...]


def distinct(texts: Sequence[Sequence[int]], n: int) -> float | None:
    """Distinct-n: different runs of n tokens over all runs of n tokens, in all texts together (Li et al., 2016).

    1 when nothing is ever said twice. None when no text has n tokens.
    """
    runs = [run for text in texts for run in _runs(text, n)]
    return len(set(runs)) / len(runs) if runs else None


def overlap(texts: Sequence[Sequence[int]], n: int) -> float | None:
    """Self-overlap: the share of a text's runs of n tokens that another text has too, averaged over the texts.

    0 when no two samples share a run, 1 when each can be found in the others. In the spirit of
    Self-BLEU (Zhu et al., 2018), without its penalties. None unless two texts have n tokens.
    """
    runs = [list(_runs(text, n)) for text in texts]
    owners = Counter(run for of_one in runs for run in set(of_one))
    shares = [sum(owners[run] > 1 for run in of_one) / len(of_one) for of_one in runs if of_one]
    return sum(shares) / len(shares) if len(shares) > 1 else None


def _runs(text: Sequence[int], n: int) -> Iterable[Run]:
    return (tuple(text[i : i + n]) for i in range(len(text) - n + 1))
