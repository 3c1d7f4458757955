"""What answers look like, learnt from answers, and written down as TypeScript."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from typing import Any

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

    def add(self, value: Any, path: str, records: Set[str]) -> None:
        """Take in one value. The keys of an object at a path among `records` are data, and not names."""
        if value is None or isinstance(value, bool | int | float | str):
            names = {type(None): "null", bool: "boolean", str: "string"}
            self.plain.add(names.get(type(value), "number"))
        elif isinstance(value, list):
            self.items = self.items or Shape()
            self.lengths.add(len(value))
            for place, one in enumerate(value):
                self.items.add(one, f"{path}[]", records)
                if place < MAX_PLACES:
                    self.places += [Shape()] if place == len(self.places) else []
                    self.places[place].add(one, f"{path}[]", records)
        elif path in records:
            self.values = self.values or Shape()
            for one in value.values():
                self.values.add(one, f"{path}{{}}", records)
        elif TAG in value:
            self.tagged.setdefault(value[TAG], Shape())._add_fields(value, path, records)
        else:
            self._add_fields(value, path, records)

    def _add_fields(self, value: dict[str, Any], path: str, records: Set[str]) -> None:
        self.objects += 1
        for key, one in value.items():
            self.seen[key] = self.seen.get(key, 0) + 1
            self.fields.setdefault(key, Shape()).add(one, f"{path}.{key}", records)

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
        """As a TypeScript type."""
        return " | ".join(self._choices(indent)) or "unknown"

    def _choices(self, indent: str) -> list[str]:
        """The types that are seen here."""
        found = [name for name in ("boolean", "number", "string") if name in self.plain]
        if self.objects:
            found.append(self.alias or SHARED.get(frozenset(self.fields)) or self.body(indent))
        if self.values:
            found.append(f"Record<string, {self.values.written(indent)}>")
        for tag, variant in sorted(self.tagged.items()):
            found.append(variant.body(indent).replace(f"{TAG}: string", f'{TAG}: "{tag}"', 1))
        if self.items:
            found.append(self._list(self.items, indent))
        return found + ["null"] * ("null" in self.plain)

    def body(self, indent: str = "") -> str:
        """The keys of the objects seen, and their types."""
        inner = indent + "  "
        lines = [
            f"{inner}{key}{'?' if self.seen[key] < self.objects else ''}: {field.written(inner)};\n"
            for key, field in sorted(self.fields.items())
        ]
        return "{\n" + "".join(lines) + indent + "}" if lines else "{}"

    def _list(self, items: Shape, indent: str) -> str:
        if len(self.lengths) == 1 and 1 < max(self.lengths) <= MAX_PLACES:
            kinds = {" | ".join(one for one in place._choices(indent) if one != "null") for place in self.places} - {""}
            if len(kinds) > 1 and not any(place.objects or place.tagged for place in self.places):
                return f"[{', '.join(place.written(indent) for place in self.places)}]"
        choices = items._choices(indent)
        return f"({' | '.join(choices)})[]" if len(choices) > 1 else f"{items.written(indent)}[]"
