"""What kind of head is this? How much of its attention goes where the known kinds of head look.

The kinds are those found again and again in trained transformers (Clark et al., "What Does BERT
Look At?", 2019; Olsson et al., "In-context Learning and Induction Heads", 2022). A score is the
share of the attention, so 0.83 for "previous" means: on average a token gives 83 % of its
attention to the token right before it. Scores hold for the text they were measured on; on
`repeated_tokens`, which no text could predict, they show what a head does whatever it reads.

Shapes: T time, R rows (the tokens that look), H heads.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from llm.corpora.tasks import Copy
from llm.tokenizers import Tokenizer

HEAD_KINDS = ("previous", "first", "self", "duplicate", "induction", "diffuse")
"""Where a token looks: the one before; the very first; itself; the same token earlier; what followed the same
token earlier; everywhere evenly (entropy as a share of the most there can be)."""

CLEAR = 0.4
"""From this score on a head carries the name of its kind."""
DIFFUSE = 0.9
"""From this share of the greatest entropy on a head looks nowhere in particular."""
MAX_ROWS = 128
"""Rows measured of a longer text: of 1,024 tokens, a tenth of the work."""
_MIN_REPEATS = 3
"""With fewer tokens that occurred before, duplicate and induction would be one lucky glance."""


def repeated_tokens(vocab_size: int, n_ctx: int, seed: int = 0) -> list[int]:
    """Random tokens, and the same ones once more: up to 2 * 64 ids (Olsson et al., 2022).

    Nothing but the repetition can be predicted, so a head that scores as an induction head here
    copies by looking back, and didn't just learn which words follow which.
    """
    half = torch.randint(vocab_size, (min(64, n_ctx // 2),), generator=torch.Generator().manual_seed(seed))
    return half.tolist() * 2


def repeated_line(tokenizer: Tokenizer, n_ctx: int, seed: int = 0) -> list[int]:
    """What `repeated_tokens` is to other models, for one that learnt from `task:copy`: a line of it, no letter twice.

    Such a model has seen letters come again after the sign between the halves and nowhere else, so
    without the sign its heads rest. No ids where its tokens aren't single letters, or no line fits.
    """
    task = Copy()
    letters = "".join(random.Random(seed).sample(task.alphabet, max(0, min(task.max_length, (n_ctx - 2) // 2))))
    ids = tokenizer.encode(f"\n{letters}{task.sign}{letters}")
    return ids if letters and len(ids) == 2 * len(letters) + 2 else []


def measured_rows(T: int) -> Tensor:
    """The rows that scores are measured on: all but the first two, or `MAX_ROWS` of them spread evenly.

    In the first two, the first token and the previous one are the same.
    """
    return torch.linspace(2, T - 1, max(0, min(T - 2, MAX_ROWS))).round().long()


def head_scores(pattern_HRT: Tensor, row_R: Tensor, ids: Sequence[int]) -> dict[str, list[float | None]]:
    """For each of `HEAD_KINDS`, a score from 0 to 1 for each head.

    `pattern_HRT` holds the rows `row_R` of the patterns over the T `ids`. None where the text can't
    tell: no rows, or too few of tokens that occurred before.
    """
    H, R, T = pattern_HRT.shape
    if R == 0:
        return {kind: [None] * H for kind in HEAD_KINDS}
    position_T = torch.arange(T, device=pattern_HRT.device)
    row_R = row_R.to(pattern_HRT.device)
    back_RT = row_R[:, None] - position_T  # how far column j lies behind row i
    ids_T = torch.as_tensor(ids, device=pattern_HRT.device)
    same_RT = (ids_T[row_R, None] == ids_T) & (back_RT > 0)
    after_same_RT = same_RT.roll(1, dims=1) & (back_RT > 0)  # the last column wraps to the first, where it is False

    entropy_HR = torch.special.entr(pattern_HRT).sum(2)
    scores = {
        "previous": _share(pattern_HRT, back_RT == 1),
        "first": _share(pattern_HRT, (position_T == 0).expand(R, T)),
        "self": _share(pattern_HRT, back_RT == 0),
        "duplicate": _share(pattern_HRT, same_RT),
        "induction": _share(pattern_HRT, after_same_RT),
        "diffuse": (entropy_HR / (row_R + 1).float().log()).mean(1).clamp(0.0, 1.0).tolist(),
    }
    return {kind: scores[kind] for kind in HEAD_KINDS}


def _share(pattern_HRT: Tensor, looked_at_RT: Tensor) -> list[float | None]:
    """The mean attention on the marked columns, over the rows that have one."""
    rows_R = looked_at_RT.any(dim=1)
    if int(rows_R.sum()) < min(_MIN_REPEATS, rows_R.numel()):
        return [None] * pattern_HRT.size(0)
    # One pass over the pattern; multiplying first would write all of it again.
    share_HR = torch.einsum("hij,ij->hi", pattern_HRT, looked_at_RT.float())
    return share_HR[:, rows_R].mean(1).tolist()


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

    Without a clear one, the clearest that looks at the same token earlier or at itself; without that, the
    head that is least diffuse and least bent on the first token.
    """

    def share(at: tuple[int, int], *kinds: str) -> float:
        return max(scores_of[at][kind] or 0.0 for kind in kinds)

    def selective(at: tuple[int, int]) -> float:
        return (1.0 - (scores_of[at]["diffuse"] or 0.0)) * (1.0 - (scores_of[at]["first"] or 0.0))

    for kinds in (("previous", "induction"), ("duplicate", "self")):
        best = max(scores_of, key=lambda at: share(at, *kinds))
        if share(best, *kinds) >= CLEAR:
            return best
    return max(scores_of, key=selective)
