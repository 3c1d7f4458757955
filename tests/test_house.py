"""Who may know whom: each room of llm/ uses only rooms below it, and nothing but the page knows Gradio.

Every import counts, inside functions and for types alone too.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = (
    "paths", "deadline", "files", "settings", "config", "limits", "tokenizers", "corpora", "data",
    "ablated", "model", "filters", "decoder", "sampler", "int8_sums", "int8_loops", "int8_decoder",
    "completion", "diversity", "evaluate", "surprisal", "benchmarks",
    "inside", "training", "gpt2", "checkpoint", "weights", "runs", "scaling", "bench", "ui", "cli", "__main__",
)  # fmt: skip
"""The files and packages of llm/, from the ground up: a new one is put above all that it uses."""
PAGE = {"gradio", "plotly", "pandas", "llm.ui"}
SERVES = ROOT / "llm" / "cli" / "serve.py"
"""The one file outside llm/ui that may open the page."""


def imported(path):
    """The modules that a file imports, by their full names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively; name the module in full"
            # `from llm import model` names a module too, and so may `from llm.ui import inputs`.
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def rooms(names, house):
    """Which rooms of a package some of its modules belong to: of llm.ui.train.pace, in llm, it is ui."""
    depth = house.count(".") + 1
    return {name.split(".")[depth] for name in names if name.startswith(f"{house}.")}


def files(room):
    """All Python files of a room, which is a module or a package."""
    return [room.with_suffix(".py")] if room.with_suffix(".py").is_file() else sorted(room.rglob("*.py"))


@pytest.mark.parametrize("room", ROOMS)
def test_no_arrow_runs_up(room):
    """A room uses itself and those below it. So none of them can need each other in a circle."""
    below = set(ROOMS[: ROOMS.index(room) + 1])
    for path in files(ROOT / "llm" / room):
        above = rooms(imported(path), "llm") & set(ROOMS) - below
        assert not above, f"{path} uses {', '.join(above)}, above {room}"


def test_every_room_has_its_place():
    """What is new in llm/ is added to ROOMS, and what is gone leaves it."""
    there = {path.stem for path in (ROOT / "llm").iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert there - {"__init__"} == set(ROOMS)


def test_only_the_page_knows_what_draws_it():
    """The core is for scripts, notebooks and torchrun: it neither imports the page nor what the page is made of."""
    for path in sorted((ROOT / "llm").rglob("*.py")):
        if path.is_relative_to(ROOT / "llm" / "ui") or path == SERVES:
            continue
        known = {name for name in imported(path) for other in PAGE if f"{name}.".startswith(f"{other}.")}
        assert not known, f"{path} imports {', '.join(sorted(known))}"


def test_tabs_do_not_know_each_other():
    """What two tabs share is a module of llm/ui that belongs to neither, or of the core."""
    folders = (ROOT / "llm" / "ui").glob("*/__init__.py")
    tabs = {path.parent.name for path in folders if f"def build_{path.parent.name}_tab(" in path.read_text("utf-8")}
    assert len(tabs) >= 4
    for tab in tabs:
        for path in files(ROOT / "llm" / "ui" / tab):
            others = rooms(imported(path), "llm.ui") & tabs - {tab}
            assert not others, f"{path} uses {', '.join(others)}"
