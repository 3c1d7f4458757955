"""Who may know whom in assets/: a folder a tab, what tabs share in shared/, and nothing that nobody uses."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

from llm.ui import panel_scripts
from llm.ui.bundle import read_modules

ROOT = Path(__file__).resolve().parents[2]
ASSETS = ROOT / "assets"
ENTRY = "app.js"
"""What it exports is for the browser's console."""


@pytest.fixture(scope="module")
def modules():
    """All that the page loads, by path. Reading refuses a circle and a missing export."""
    return read_modules(ASSETS, [ENTRY, *panel_scripts()])


def test_every_module_is_on_the_page(modules):
    """A script that no panel reaches would only look as if it did something."""
    assert set(modules) == {path.relative_to(ASSETS).as_posix() for path in ASSETS.rglob("*.js")}


def test_tabs_do_not_know_each_other(modules):
    """A tab uses its own folder and shared/, and shared/ uses itself alone."""
    for path, module in modules.items():
        for target in module.imports:
            own = target.split("/")[0] == path.split("/")[0]
            assert own or target.startswith("shared/"), f"assets/{path} imports {target}, of another tab"


def taken_from_spaces(module):
    """(path, name) of what a module takes out of others that it imports whole: space.name, or { name } = space."""
    for space, target in re.findall(r'^const ([\w$]+) = modules\["([^"]+)"\];', module.code, re.MULTILINE):
        for name in re.findall(rf"(?<![\w$]){re.escape(space)}\.([\w$]+)", module.code):
            yield target, name
        for names in re.findall(rf"\{{([^{{}}]*)\}} = {re.escape(space)}\b", module.code):
            yield from ((target, name) for name in re.findall(r"([\w$]+)(?:: [\w$]+)?(?:,|\s*$)", names))


def test_every_export_is_used(modules):
    """By another module, or by a test that takes the module alone: such a test names its path and the name."""
    used = {(path, name) for module in modules.values() for path, names in module.imports.items() for name in names}
    used |= {pair for module in modules.values() for pair in taken_from_spaces(module)}
    tests = [path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("tests/**/*.*js"))]
    tests += [path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("tests/**/*.py"))]
    unused = [
        f"{name} of assets/{path}"
        for path, module in modules.items()
        for name in module.exports
        if path != ENTRY and (path, name) not in used
        if not any(path in text and re.search(rf"\b{re.escape(name)}\b", text) for text in tests)
    ]
    assert not unused, f"exported for nobody: {', '.join(unused)}"


def test_a_name_has_one_owner(modules):
    """Two modules that export the same name would be two things under one name; handing on is no owning."""
    owners = defaultdict(list)
    for path, module in modules.items():
        for name, inside in module.exports.items():
            if not inside.startswith("modules["):
                owners[name].append(path)
    assert not {name: paths for name, paths in owners.items() if len(paths) > 1}
