"""Settings as the page has them: those of the configs, within the page's own bounds."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from llm.settings import Setting


def narrowed(settings: Mapping[str, Setting], own: Mapping[str, Mapping[str, Any]]) -> dict[str, Setting]:
    """The settings that `own` names, in its order, with the `low`, `high` and `default` that it gives instead."""
    return {name: dataclasses.replace(settings[name], **changes) for name, changes in own.items()}


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
