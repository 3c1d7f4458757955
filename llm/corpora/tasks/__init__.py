"""Tasks that are learned visibly, as right and wrong answers, with a floor known exactly.

Each is a frozen dataclass whose fields make it easier or harder: `Sort(max_length=20)`.
"""

from __future__ import annotations

from llm.corpora.tasks.addition import Addition
from llm.corpora.tasks.base import Accuracy, Example, Task
from llm.corpora.tasks.brackets import Brackets
from llm.corpora.tasks.dates import Dates
from llm.corpora.tasks.modular import Modular
from llm.corpora.tasks.strings import Copy, Reverse, Sort

__all__ = [
    "TASKS",
    "Accuracy",
    "Addition",
    "Brackets",
    "Copy",
    "Dates",
    "Example",
    "Modular",
    "Reverse",
    "Sort",
    "Task",
]

TASKS: dict[str, type[Task]] = {
    task.name: task
    for task in (
        Copy,
        Reverse,
        Sort,
        Addition,
        Brackets,
        Modular,
        Dates,
    )
}
"""All tasks by name; called without arguments, each has settings that a small model can learn."""
