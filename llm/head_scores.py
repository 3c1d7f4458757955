"""What kind of head is this? How much of its attention goes where the known kinds of head look.

The kinds are those found again and again in trained transformers (Clark et al., "What Does BERT
Look At?", 2019; Olsson et al., "In-context Learning and Induction Heads", 2022). A score is the
share of the attention, so 0.83 for "previous" means: on average a token gives 83 % of its
attention to the token right before it. Scores hold for the text they were measured on.

Shapes: T time, H heads.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

HEAD_KINDS = ("previous", "first", "self", "duplicate", "induction", "diffuse")
"""Where a token looks: the one before; the very first; itself; the same token earlier; what followed the same
token earlier; everywhere evenly (entropy as a share of the most there can be)."""

CLEAR = 0.4
"""From this score on a head carries the name of its kind."""
DIFFUSE = 0.9
"""From this share of the greatest entropy on a head looks nowhere in particular."""
_MIN_REPEATS = 3
"""With fewer tokens that occurred before, duplicate and induction would be one lucky glance."""


def head_scores(pattern_HTT: Tensor, ids: Sequence[int]) -> dict[str, list[float | None]]:
    """For each of `HEAD_KINDS`, a score from 0 to 1 for each head.

    The first two rows are left out: there, the first token and the previous one are the same. None
    where the text can't tell: fewer than three tokens, or too few that occurred before.
    """
    pattern_HTT = pattern_HTT.float()
    H, T, _ = pattern_HTT.shape
    if T < 3:
        return {kind: [None] * H for kind in HEAD_KINDS}
    position_T = torch.arange(T, device=pattern_HTT.device)
    back_TT = position_T[:, None] - position_T  # how far column j lies behind row i
    ids_T = torch.as_tensor(ids, device=pattern_HTT.device)
    same_TT = (ids_T[:, None] == ids_T) & (back_TT > 0)
    after_same_TT = same_TT.roll(1, dims=1) & (back_TT > 0)  # the last column wraps to the first, where it is False

    entropy_HT = torch.special.entr(pattern_HTT).sum(2)
    most_T = (position_T + 1).float().log()
    scores = {
        "previous": _share(pattern_HTT, back_TT == 1),
        "first": _share(pattern_HTT, (position_T == 0).expand(T, T)),
        "self": _share(pattern_HTT, back_TT == 0),
        "duplicate": _share(pattern_HTT, same_TT),
        "induction": _share(pattern_HTT, after_same_TT),
        "diffuse": (entropy_HT[:, 2:] / most_T[2:]).mean(1).clamp(0.0, 1.0).tolist(),
    }
    return {kind: scores[kind] for kind in HEAD_KINDS}


def _share(pattern_HTT: Tensor, looked_at_TT: Tensor) -> list[float | None]:
    """The mean attention on the marked columns, over the rows that have one."""
    rows_T = looked_at_TT.any(dim=1)
    rows_T[:2] = False
    if int(rows_T.sum()) < min(_MIN_REPEATS, rows_T.numel() - 2):
        return [None] * pattern_HTT.size(0)
    # One pass over the pattern; multiplying first would write all of it again.
    share_HT = torch.einsum("hij,ij->hi", pattern_HTT, looked_at_TT.float())
    return share_HT[:, rows_T].mean(1).tolist()


def name_head(scores: Mapping[str, float | None]) -> tuple[str, float | None]:
    """The kind that one head's scores show, and that score; "unclear" with None where nothing stands out."""
    # Diffuse goes first: in a repetitive text, even attention covers many duplicates.
    diffuse = scores["diffuse"]
    if diffuse is not None and diffuse >= DIFFUSE:
        return "diffuse", diffuse
    known = {kind: score for kind, score in scores.items() if kind != "diffuse" and score is not None}
    kind = max(known, key=known.__getitem__, default="unclear")
    if known.get(kind, -math.inf) < CLEAR:
        return "unclear", None
    return kind, known[kind]


def most_telling(scores_of: Mapping[tuple[int, int], Mapping[str, float | None]]) -> tuple[int, int]:
    """The (layer, head) to show first: the clearest previous-token or induction head of the model.

    Without a clear one, the head that is least diffuse and least bent on the first token.
    """

    def patterned(at: tuple[int, int]) -> float:
        return max(scores_of[at]["previous"] or 0.0, scores_of[at]["induction"] or 0.0)

    def selective(at: tuple[int, int]) -> float:
        return (1.0 - (scores_of[at]["diffuse"] or 0.0)) * (1.0 - (scores_of[at]["first"] or 0.0))

    best = max(scores_of, key=patterned)
    return best if patterned(best) >= CLEAR else max(scores_of, key=selective)
