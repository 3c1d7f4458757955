"""The Attention tab: every head of the model, in several views."""

from __future__ import annotations

from llm.ui.attention.compare import build_compare
from llm.ui.attention.examples import build_examples
from llm.ui.attention.heads import build_heads
from llm.ui.attention.inside_a_head import build_inside_a_head
from llm.ui.attention.logit_lens import build_logit_lens
from llm.ui.attention.passes import Passes
from llm.ui.attention.patch_and_steer import build_patch_and_steer
from llm.ui.attention.positions_and_embeddings import build_positions_and_embeddings
from llm.ui.attention.switch_off import build_switch_off
from llm.ui.attention.while_generating import build_while_generating
from llm.ui.panel import Views
from llm.ui.subject import Subjects

VIEWS = [
    build_heads,
    build_inside_a_head,
    build_compare,
    build_logit_lens,
    build_switch_off,
    build_patch_and_steer,
    build_while_generating,
    build_positions_and_embeddings,
]


def build_attention_tab(subjects: Subjects) -> None:
    """The tab's views; all look through the same forward passes."""
    passes = Passes(subjects)
    build_examples(subjects)
    Views("attention", [build(passes) for build in VIEWS])
