"""What there is to know of a setting: kind, bounds, unit, label, choices, help. The command line, the page and
every check read it from here.

It is written once, where a config in llm/config.py or a task declares the field:

    n_layer: Annotated[int, About("Layers", 1, 256, unit="blocks")] = 12
    \"""How many blocks follow one another.\"""

The type says the kind, `About` the bounds and what people call it, and the docstring below is the help. All but
type and default may be left out.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

Kind = Literal["whole", "number", "switch", "choice", "order", "text", "texts", "other"]
"""int, float, bool, str with choices, tuple[str, ...] that names each choice once, str, tuple[str, ...]; any other
type, which the command line takes as JSON and only the config itself can check."""


@dataclass(frozen=True)
class About:
    """What the type and the default of a setting leave unsaid."""

    label: str = ""
    """What people call it; without one its name, spelt out."""
    low: float = -math.inf
    high: float = math.inf
    _: dataclasses.KW_ONLY
    above: bool = False
    """Whether `low` itself is too low."""
    unit: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Setting:
    """One field of a config."""

    owner: type
    """The class that declares it."""
    name: str
    kind: Kind
    default: Any
    """dataclasses.MISSING where a value must be given."""
    label: str
    low: float
    high: float
    above: bool
    unit: str
    choices: tuple[str, ...]

    @property
    def help(self) -> str:
        """The docstring below the field; empty where it has none, or where the source isn't at hand."""
        return _docstrings(self.owner.__module__).get((self.owner.__name__, self.name), "")

    def problem(self, value: Any) -> str | None:
        """What is wrong with a value, together with the remedy; None if nothing is."""
        if self._allows(value):
            return None
        if self.kind == "order":
            return f"{self.name} must name each of {', '.join(self.choices)} once"
        if self.kind == "texts":
            return f"{self.name} is {value!r:.40}; it must hold texts, none of them empty"
        return f"{self.name} is {value!r:.40}; it must be {self._wanted()}"

    def _allows(self, value: Any) -> bool:
        match self.kind:
            case "whole":
                return isinstance(value, int) and not isinstance(value, bool) and self._spans(value)
            case "number":
                good = isinstance(value, int | float) and not isinstance(value, bool)
                return good and math.isfinite(value) and self._spans(value)
            case "switch":
                return isinstance(value, bool)
            case "choice":
                return value in self.choices
            case "text":
                return isinstance(value, str)
            case "texts" | "order":
                if not isinstance(value, tuple) or not all(isinstance(one, str) and one for one in value):
                    return False
                return self.kind == "texts" or sorted(value) == sorted(self.choices)
        return True

    def _spans(self, value: float) -> bool:
        return self.low <= value <= self.high and not (self.above and value == self.low)

    def _wanted(self) -> str:
        match self.kind:
            case "switch":
                return "true or false"
            case "choice":
                return " or ".join(self.choices)
            case "whole":
                if self.high < math.inf:
                    return f"a whole number from {self.low:,} to {self.high:,}"
                return "a whole number" + (f" of {self.low:,} or more" if self.low > -math.inf else "")
            case "number":
                low = f"{'above' if self.above else 'at least'} {self.low:g}" if self.low > -math.inf else ""
                high = f"at most {self.high:g}" if self.high < math.inf else ""
                return f"a number {' and '.join(filter(None, (low, high)))}".rstrip()
        return "a text"


class Checked:
    """A dataclass whose settings are checked when it is made, all at once: a ValueError lists every problem."""

    @property
    def _what(self) -> str:
        """What an error calls it."""
        return type(self).__name__

    def __post_init__(self) -> None:
        told = (setting.problem(getattr(self, name)) for name, setting in settings_of(type(self)).items())  # type: ignore[arg-type]
        refuse(self._what, [problem for problem in told if problem] or self._at_odds())

    def _at_odds(self) -> list[str]:
        """What else is wrong, between settings that are each fine alone."""
        return []


def refuse(what: str, problems: list[str]) -> None:
    """Raises ValueError with all of the problems, if there are any."""
    if problems:
        raise ValueError(f"{what}: " + "; ".join(problems) + ".")


@cache
def settings_of(config: type) -> dict[str, Setting]:
    """The settings of a dataclass by name, in their order."""
    hints = get_type_hints(config, include_extras=True)
    return {field.name: _setting(config, field, hints[field.name]) for field in dataclasses.fields(config)}


def _setting(config: type, field: dataclasses.Field[Any], hint: Any) -> Setting:
    extras = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
    about = next((extra for extra in extras if isinstance(extra, About)), About())
    return Setting(
        owner=next(cls for cls in config.__mro__ if field.name in inspect.get_annotations(cls)),
        name=field.name,
        kind=_kind(get_args(hint)[0] if extras else hint, about),
        default=field.default if field.default_factory is dataclasses.MISSING else field.default_factory(),
        label=about.label or spelt_out(field.name),
        low=about.low,
        high=about.high,
        above=about.above,
        unit=about.unit,
        choices=about.choices,
    )


def _kind(hint: Any, about: About) -> Kind:
    kinds: dict[Any, Kind] = {
        int: "whole",
        float: "number",
        bool: "switch",
        str: "choice" if about.choices else "text",
        tuple[str, ...]: "order" if about.choices else "texts",
    }
    return kinds.get(hint, "other")


def spelt_out(name: str) -> str:
    """A name as a person would write it."""
    return name.replace("_", " ").capitalize()


@cache
def _docstrings(module: str) -> dict[tuple[str, str], str]:
    """The docstring below each field of a module's classes, by class and field: Python keeps it in the source alone."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (OSError, TypeError, KeyError):
        return {}
    return {found[:2]: found[2] for cls in ast.walk(tree) if isinstance(cls, ast.ClassDef) for found in _in_class(cls)}


def _in_class(cls: ast.ClassDef) -> Iterator[tuple[str, str, str]]:
    for field, below in zip(cls.body, cls.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(below, ast.Expr):
            text = ast.literal_eval(below.value) if isinstance(below.value, ast.Constant) else None
            if isinstance(text, str):
                yield cls.name, field.target.id, " ".join(text.split())
