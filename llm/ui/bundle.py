"""The page's modules as one script.

Fetching some ninety modules one by one costs more than half a second, so the server joins them when it
starts: each becomes a function that runs once, after those it imports. The page's modules keep to a
small part of the language, and everything else is refused with the line that has it:

    import "./a.js";    import { b, c as d } from "./a.js";    import * as e from "./a.js";
    export const f = ...    export function g ...    export class H ...    export { i, j as k };
    export { l } from "./a.js";

each at the beginning of a line. Exports are values, not live bindings, so `export let` is refused too.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

_STATEMENT = re.compile(r"^(?:import|export)\b[^;{\n]*(?:\{[^}]*\})?[^;{\n]*;?", re.MULTILINE)
_IMPORT = re.compile(r'import (?:(?:\{(?P<names>[^}]*)\}|\* as (?P<space>[\w$]+)) from )?"(?P<path>[^"]+)";', re.DOTALL)
_REEXPORT = re.compile(r'export \{(?P<names>[^}]*)\} from "(?P<path>[^"]+)";', re.DOTALL)
_LIST = re.compile(r"export \{(?P<names>[^}]*)\};", re.DOTALL)
_DECLARATION = re.compile(r"export ((?:const|class|(?:async )?function\*?) (?P<name>[\w$]+))")


@dataclass
class Module:
    """One file: its path within the assets, what it imports, what it exports, and its code without both."""

    path: str
    code: str
    imports: dict[str, list[str]] = field(default_factory=dict)
    """For each imported path the names that are taken from it; `*` for all of it."""
    exports: dict[str, str] = field(default_factory=dict)
    """For each exported name the name it has inside."""


def read_module(root: Path, path: str) -> Module:
    """Read one file. Raises ValueError, naming file and line, for what the bundle can't express."""
    module = Module(path, "")
    text = (root / path).read_text(encoding="utf-8")

    def rewritten(match: re.Match[str]) -> str:
        statement = match[0]
        if found := _IMPORT.fullmatch(statement):
            target = _resolved(path, found["path"])
            names = dict(_pairs(found["names"] or ""))
            module.imports.setdefault(target, []).extend(["*"] if found["space"] else names)
            if found["space"]:
                return f"const {found['space']} = modules[{json.dumps(target)}];"
            taken = ", ".join(a if a == b else f"{a}: {b}" for a, b in names.items())
            return f"const {{ {taken} }} = modules[{json.dumps(target)}];" if names else ""
        if found := _REEXPORT.fullmatch(statement):
            target = _resolved(path, found["path"])
            names = dict(_pairs(found["names"]))
            module.imports.setdefault(target, []).extend(names)
            module.exports |= {b: f"modules[{json.dumps(target)}].{a}" for a, b in names.items()}
            return ""
        if found := _LIST.fullmatch(statement):
            module.exports |= {b: a for a, b in _pairs(found["names"])}
            return ""
        if found := _DECLARATION.match(statement):
            module.exports[found["name"]] = found["name"]
            return statement.removeprefix("export ")
        line = text.count("\n", 0, match.start()) + 1
        raise ValueError(f"assets/{path}, line {line}: the page's bundle has no form for {statement.strip()!r}.")

    module.code = _STATEMENT.sub(rewritten, text)
    return module


def read_modules(root: Path, entries: Iterable[str]) -> dict[str, Module]:
    """The entries and all that they import, each after what it imports itself.

    Raises ValueError for a missing file, an import of what is not exported, or a circle.
    """
    modules: dict[str, Module] = {}
    underway: list[str] = []

    def visit(path: str) -> None:
        if path in modules:
            return
        if path in underway:
            circle = " -> ".join([*underway[underway.index(path) :], path])
            raise ValueError(f"The page's modules import one another in a circle: {circle}.")
        if not (root / path).is_file():
            raise ValueError(f"assets/{underway[-1] if underway else '?'} imports {path}, which is not there.")
        underway.append(path)
        module = read_module(root, path)
        for target, names in module.imports.items():
            visit(target)
            unknown = [name for name in names if name != "*" and name not in modules[target].exports]
            if unknown:
                raise ValueError(f"assets/{path} imports {unknown[0]!r}, which assets/{target} does not export.")
        underway.pop()
        modules[path] = module

    for entry in entries:
        visit(entry)
    return modules


def bundle(root: Path, entry: str, panels: Iterable[str]) -> str:
    """One classic script that runs `entry` and the panels, and gives the page `glassbox`: what the entry
    exports, and `glassbox.modules`, every module by its path."""
    parts = ['"use strict";', "const modules = {};"]
    for path, module in read_modules(root, [entry, *panels]).items():
        exports = ", ".join(name if name == inside else f"{name}: {inside}" for name, inside in module.exports.items())
        parts += [f"modules[{json.dumps(path)}] = (() => {{", module.code.strip("\n")]
        parts += [f"return {{ {exports} }};", "})();"]
    parts.append(f"window.glassbox = {{ modules, ...modules[{json.dumps(entry)}] }};")
    return "(() => {\n" + "\n".join(parts) + "\n})();"


def _resolved(path: str, target: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), target))


def _pairs(names: str) -> list[tuple[str, str]]:
    """`a, b as c` as (a, a), (b, c)."""
    words = [name.split(" as ") for name in (part.strip() for part in names.split(",")) if name]
    return [(pair[0].strip(), pair[-1].strip()) for pair in words]
