"""What one run may be here: the ends of the form, and a sentence for what goes beyond them together."""

from __future__ import annotations

import dataclasses
import math

from llm.config import ModelConfig, TrainConfig
from llm.limits import Limits
from llm.settings import Setting
from llm.ui.train.presets import FORM


def form_within(limits: Limits) -> dict[str, Setting]:
    """The form's settings, each ending where no choice of the others would be allowed any more."""
    width = math.isqrt(limits.run_parameters // 12)  # a layer alone has 12 times the square
    steps = limits.run_tokens // (FORM["batch_size"].low * FORM["n_ctx"].low)
    ends = {"n_embd": width, "max_steps": steps, "max_seconds": 60 * limits.run_minutes}
    return FORM | {name: dataclasses.replace(FORM[name], high=_end(FORM[name], end)) for name, end in ends.items()}


def _end(setting: Setting, end: float) -> float:
    """The lower end of both; a slider's last step is on its grid."""
    if end >= setting.high:
        return setting.high
    return max(setting.low, int(end - end % setting.low) if setting.low > 1 else end)


def check_allowed(limits: Limits, model: ModelConfig, train: TrainConfig) -> None:
    """Raises ValueError when a run is larger or longer than one may be here."""
    if model.n_params > limits.run_parameters:
        raise ValueError(
            f"This model has {model.n_params:,} parameters and one trained here may have "
            f"{limits.run_parameters:,}. Use fewer layers, a smaller width or a smaller vocabulary."
        )
    tokens = train.batch_size * train.grad_accum_steps * model.n_ctx
    if train.max_steps * tokens > limits.run_tokens:
        raise ValueError(
            f"This run would read {train.max_steps * tokens:,} tokens and one here may read {limits.run_tokens:,}. "
            f"Use at most {limits.run_tokens // tokens:,} steps, or a smaller batch or context."
        )
