"""What answers look like, learnt from answers, and written down as TypeScript."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from typing import Any, NamedTuple

MAX_PLACES = 6
"""The longest list that may be a tuple."""
TAG = "event"
"""Objects that have this key are told apart by its value."""
SHARED = {
    frozenset({"id", "text"}): "Token",
    frozenset({"text"}): "Part",
    frozenset({"hex"}): "Part",
    frozenset({"hex", "text"}): "Part",
}
"""Objects with these keys have a name of their own, in HEAD of answers.py."""


class Known(NamedTuple):
    """What can't be seen in values alone, by their paths: "read_timeline.moments[].best{}"."""

    records: Set[str]
    """Objects whose keys are data."""
    tuples: Set[str]
    """Lists whose places mean different things, though all hold numbers."""
    optional: Set[str]
    """Keys that are missing now and then, by when it was asked."""


class Shape:
    """Everything that was seen at one place: which kinds of values, which keys, what lists hold."""

    def __init__(self) -> None:
        self.alias = ""  # the type's name, where it is written down elsewhere
        self.plain: set[str] = set()
        self.objects = 0
        self.fields: dict[str, Shape] = {}
        self.seen: dict[str, int] = {}  # in how many of the objects each key was
        self.values: Shape | None = None  # of an object whose keys are data
        self.tagged: dict[str, Shape] = {}
        self.items: Shape | None = None
        self.lengths: set[int] = set()
        self.places: list[Shape] = []
        self.tuple = False

    def add(self, value: Any, path: str, known: Known) -> None:
        """Take in one value. What is `known` of its path goes before what can be seen."""
        if value is None or isinstance(value, bool | int | float | str):
            names = {type(None): "null", bool: "boolean", str: "string"}
            self.plain.add(names.get(type(value), "number"))
        elif isinstance(value, list):
            self.items = self.items or Shape()
            self.lengths.add(len(value))
            self.tuple = path in known.tuples
            for place, one in enumerate(value):
                self.items.add(one, f"{path}[]", known)
                if place < MAX_PLACES:
                    self.places += [Shape()] if place == len(self.places) else []
                    self.places[place].add(one, f"{path}[]", known)
        elif path in known.records:
            self.values = self.values or Shape()
            for one in value.values():
                self.values.add(one, f"{path}{{}}", known)
        elif TAG in value:
            self.tagged.setdefault(value[TAG], Shape())._add_fields(value, path, known)
        else:
            self._add_fields(value, path, known)

    def _add_fields(self, value: dict[str, Any], path: str, known: Known) -> None:
        self.objects += 1
        for key, one in value.items():
            here = f"{path}.{key}"
            self.seen[key] = self.seen.get(key, 0) + (here not in known.optional)
            self.fields.setdefault(key, Shape()).add(one, here, known)

    def at(self, path: str) -> Shape:
        """What is at ".key[]{}" from here. Raises KeyError when nothing was seen there."""
        found: Shape | None = self
        for key, sign in re.findall(r"\.(\w+)|(\[\]|\{\})", path):
            found = found and (found.fields[key] if key else found.items if sign == "[]" else found.values)
        if found is None:
            raise KeyError(path)
        return found

    def holes(self, path: str) -> Iterator[str]:
        """The places of which nothing but null, or an empty list, was seen."""
        if self.alias:
            return
        if not (self.plain - {"null"} or self.objects or self.tagged or self.items or self.values):
            yield path
        for key, field in self.fields.items():
            yield from field.holes(f"{path}.{key}")
        for variant in self.tagged.values():
            yield from variant.holes(path)
        if self.items:
            yield from self.items.holes(f"{path}[]")
        if self.values:
            yield from self.values.holes(f"{path}{{}}")

    def written(self, indent: str = "") -> str:
        """As a TypeScript type, laid out as the page's formatter does it."""
        found = self._choices(indent)
        if self._is_tall(found):
            return self._tall(indent)
        return " | ".join(found) or "unknown"

    def _choices(self, indent: str) -> list[str]:
        """The types that are seen here."""
        found = [name for name in ("boolean", "number", "string") if name in self.plain]
        if self.objects:
            found.append(self.alias or SHARED.get(frozenset(self.fields)) or self.body(indent))
        if self.values:
            found.append(self._record(self.values, indent))
        for tag, variant in sorted(self.tagged.items()):
            found.append(variant.body(indent).replace(f"{TAG}: string", f'{TAG}: "{tag}"', 1))
        if self.items:
            found.append(self._list(self.items, indent))
        return found + ["null"] * ("null" in self.plain)

    @staticmethod
    def _is_tall(choices: list[str]) -> bool:
        return len([one for one in choices if one != "null"]) > 1 and any("\n" in one for one in choices)

    def _tall(self, indent: str) -> str:
        """One below the other."""
        return "".join(f"\n{indent}  | {one}" for one in self._choices(indent + "    "))

    @staticmethod
    def _record(values: Shape, indent: str) -> str:
        if "\n" not in (written := values.written(indent)):
            return f"Record<string, {written}>"
        return f"{{\n{indent}  [key: string]: {values.written(indent + '  ')};\n{indent}}}"

    def body(self, indent: str = "") -> str:
        """The keys of the objects seen, and their types."""
        inner, lines = indent + "  ", []
        for key, field in sorted(self.fields.items()):
            name, kind = key if self.seen[key] == self.objects else f"{key}?", field.written(inner)
            space = "" if kind.startswith("\n") else " "
            lines.append(f"{inner}{name}:{space}{kind};\n")
        return "{\n" + "".join(lines) + indent + "}" if lines else "Record<string, never>"

    def _list(self, items: Shape, indent: str) -> str:
        places = [place.written(indent) for place in self.places]
        if len(self.lengths) == 1 and 1 < len(places) == max(self.lengths):
            kinds = {" | ".join(one for one in place._choices(indent) if one != "null") for place in self.places} - {""}
            mixed = len(kinds) > 1 and not any(place.objects or place.tagged for place in self.places)
            if mixed or self.tuple:
                return f"[{', '.join(places)}]"
        assert not self.tuple, f"one list for all, of {sorted(self.lengths)} places"
        choices = items._choices(indent)
        if self._is_tall(choices):
            return f"({items._tall(indent)}\n{indent})[]"
        return f"({' | '.join(choices)})[]" if len(choices) > 1 else f"{items.written(indent)}[]"
