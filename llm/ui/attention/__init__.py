"""The Attention tab: every head of the model, in several views."""

from __future__ import annotations

from llm.ui.attention.ablation import build_ablation
from llm.ui.attention.circuit import build_circuit
from llm.ui.attention.compare import build_compare
from llm.ui.attention.depth import build_depth
from llm.ui.attention.growing import build_growing
from llm.ui.attention.heads import build_heads
from llm.ui.attention.looking import build_looking
from llm.ui.attention.passes import Passes
from llm.ui.attention.space import build_space
from llm.ui.components import Views
from llm.ui.subject import Subjects


def build_attention_tab(subjects: Subjects) -> None:
    """The tab's views, one of which is seen at a time."""
    Views(
        "attention",
        {
            "heads": "Heads",
            "circuit": "Inside a head",
            "compare": "Compare",
            "depth": "Logit lens",
            "ablation": "Switch off",
            "growing": "While generating",
            "space": "Positions and embeddings",
        },
    )
    build_looking(subjects)
    passes = Passes(subjects)
    build_heads(subjects, passes)
    build_circuit(passes)
    build_compare(subjects, passes)
    build_depth(subjects)
    build_ablation(subjects)
    build_growing(subjects, passes)
    build_space(subjects)
