"""Forward passes on a Space's ZeroGPU: a card that is lent for seconds, to a process of its own.

What goes there and comes back is pickled, so a whole pass goes: a model and ids there, a trace back. Only a model for
which two cores take seconds gains by that, since the lending itself takes one. Training stays where it is, and so does
writing, whose steps can't leave that process one by one (llm/ui/devices.py says why).

`spaces` is the package that lends; without it, and on any other computer, the pass runs here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil

import torch

from llm.inside.trace import Trace, trace
from llm.model import GPT
from llm.training.hardware import on_zero_gpu

LARGE = 200_000_000
"""Parameters from which on a pass is worth a loan."""
LENDING_SECONDS = 3.0
"""To bring a model of LARGE there and a trace back; larger ones take longer."""
OPERATIONS_A_SECOND = 5e12
"""Far below what the card can do: a loan that is too short ends in an error, one that is too long in less priority."""


def traced(model: GPT, ids: Sequence[int], names: Sequence[str], *, last_only: bool) -> Trace:
    """As `trace`; large models run on a card that is lent, if any is."""
    if _lent is None or model.config.n_params < LARGE or model.device.type != "cpu":
        return trace(model, ids, names, last_only=last_only)
    return _lent(model, list(ids), list(names), last_only)


def _seconds(model: GPT, ids: list[int], names: list[str], last_only: bool) -> int:
    """How long the card is asked for; called with what the pass is called with."""
    n_params = model.config.n_params
    return ceil(LENDING_SECONDS * n_params / LARGE + 2 * n_params * len(ids) / OPERATIONS_A_SECOND)


def _far(model: GPT, ids: list[int], names: list[str], last_only: bool) -> Trace:
    """The pass in the other process. What it answers is on the processor again, and nothing of a card is pickled."""
    here = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    seen = trace(model.to(here), ids, names, last_only=last_only)
    return Trace(seen.ids.cpu(), {name: tensor.cpu() for name, tensor in seen.tensors.items()}, seen.logits.cpu())


_lent: Callable[[GPT, list[int], list[str], bool], Trace] | None = None
if on_zero_gpu():
    import spaces  # must be imported, and the function named to it, before the page starts

    _lent = spaces.GPU(duration=_seconds)(_far)
