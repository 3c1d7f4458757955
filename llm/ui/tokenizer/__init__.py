"""The Tokenizer tab: from bytes to tokens, in several views."""

from __future__ import annotations

from llm.ui.panel import Views
from llm.ui.subject import Subjects
from llm.ui.tokenizer.compare_tokenizers import build_compare_tokenizers
from llm.ui.tokenizer.read import build_read
from llm.ui.tokenizer.step_through import build_step_through
from llm.ui.tokenizer.tokenizer_menu import TokenizerMenu
from llm.ui.tokenizer.train_a_vocabulary import build_train_a_vocabulary
from llm.ui.tokenizer.vocabulary import build_vocabulary

VIEWS = [build_read, build_step_through, build_train_a_vocabulary, build_vocabulary, build_compare_tokenizers]


def build_tokenizer_tab(subjects: Subjects) -> None:
    """The tab's views; all take their tokenizers from one menu."""
    menu = TokenizerMenu(subjects)
    Views("tokenizer", [build(menu) for build in VIEWS])
