"""Settings as the page has them: those of the configs, within the page's own bounds."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from llm.config import DEFAULT_ORDER, SAMPLERS, SamplingConfig
from llm.settings import Setting, settings_of


def narrowed(settings: Mapping[str, Setting], own: Mapping[str, Mapping[str, Any]]) -> dict[str, Setting]:
    """The settings that `own` names, in its order, with the `low`, `high` and `default` that it gives instead."""
    return {name: dataclasses.replace(settings[name], **changes) for name, changes in own.items()}


MAX_SEED = 2**53 - 1
"""The largest whole number that a page's script holds exactly."""
DIALS = narrowed(
    settings_of(SamplingConfig),
    {
        **{name: {} for name in SAMPLERS},
        "repetition_penalty": {"low": 0.1, "high": 10},
        "temperature": {"high": 10},
        "top_k": {"high": 1_000_000},
        "seed": {"high": MAX_SEED},
    },
)
"""The samplers and the seed, with the ends of a slider where they aren't SamplingConfig's own."""


def dials_for_page() -> dict[str, Any]:
    """What is known of each sampler, in the order in which they act unless told otherwise, and of the seed."""
    return {"dials": settings_for_page(DIALS), "order": DEFAULT_ORDER}


def settings_for_page(settings: Mapping[str, Setting]) -> dict[str, dict[str, Any]]:
    """All that is known of each setting, as JSON can hold it; a bound that there isn't is None."""
    return {
        name: {
            "label": setting.label,
            "help": setting.help,
            "unit": setting.unit,
            "kind": setting.kind,
            "low": setting.low if math.isfinite(setting.low) else None,
            "high": setting.high if math.isfinite(setting.high) else None,
            "default": None if setting.default is dataclasses.MISSING else setting.default,
            "choices": list(setting.choices),
        }
        for name, setting in settings.items()
    }
