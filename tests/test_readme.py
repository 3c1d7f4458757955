"""README.md points at what is there."""

import re
from pathlib import Path

from llm.corpora.tasks import TASKS
from llm.corpora.tasks.texts import PREFIX

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_primer_points_at_the_lines_it_names():
    """Each link `[name](file#Lnn)` leads to a line that holds that name."""
    links = re.findall(r"\[`([^`]+)`\]\(([^)#]+)#L(\d+)\)", README)
    assert len(links) >= 15
    for name, path, line in links:
        lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
        found = [i for i, text in enumerate(lines, start=1) if name in text]
        assert int(line) in found, f"{path}#L{line} does not hold {name}; lines {found} do"


def test_tree_and_pictures_name_files_that_exist():
    """Every file of the annotated tree, and every picture and link within the repository, is there."""
    tree = README.split("## Where things live")[1].split("```")[1]
    folders = [ROOT]  # one for each two spaces of indentation
    for line in tree.strip().splitlines():
        name, depth = line.split()[0], (len(line) - len(line.lstrip())) // 2
        path = folders[depth] / name
        assert path.exists(), name
        folders[depth + 1 :] = [path]
    for target in re.findall(r"\]\((?!http)([^)#]+)", README):
        assert (ROOT / target).exists(), target


def test_tasks_are_there():
    """Every task that the list of them names, and every corpus `task:...` of a command, is there."""
    listed = re.search(r"Tasks \(`--corpus ([^)]+)`\) are learnt", README)
    assert listed
    names = [name.removeprefix(PREFIX) for name in re.split(r"`, `", listed[1])]
    assert len(names) >= 7 and set(names) <= TASKS.keys()
    assert set(re.findall(rf"{PREFIX}(\w+)", README)) <= TASKS.keys()
