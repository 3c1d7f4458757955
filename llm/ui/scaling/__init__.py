"""The Scaling tab: what size, data and compute buy, predicted before it is run."""

from __future__ import annotations

from llm.ui.panel import Views
from llm.ui.scaling.ablate import build_ablate
from llm.ui.scaling.compute_and_size import build_compute_and_size
from llm.ui.scaling.four_sizes import build_four_sizes
from llm.ui.scaling.grokking import build_grokking
from llm.ui.scaling.loss_and_size import build_loss_and_size
from llm.ui.scaling.plan_a_sweep import build_plan_a_sweep
from llm.ui.scaling.sweeps import Sweeps
from llm.ui.subject import Subjects

VIEWS = [
    build_loss_and_size,
    build_compute_and_size,
    build_plan_a_sweep,
    build_ablate,
    build_grokking,
]


def build_scaling_tab(subjects: Subjects) -> None:
    """The tab's views; all but the last know the same sweeps."""
    sweeps = Sweeps(subjects.sessions)
    Views("scaling", [*(build(sweeps) for build in VIEWS), build_four_sizes(subjects)])
