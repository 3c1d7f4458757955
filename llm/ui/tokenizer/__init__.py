"""The Tokenizer tab: from bytes to tokens, in several views."""

from __future__ import annotations

from llm.ui.components import Views
from llm.ui.subject import Subjects
from llm.ui.tokenizer.languages import build_languages
from llm.ui.tokenizer.learning import build_learning
from llm.ui.tokenizer.lexicon import build_lexicon
from llm.ui.tokenizer.merging import build_merging
from llm.ui.tokenizer.reading import build_reading
from llm.ui.tokenizer.shelf import Shelf

TITLES = {
    "reading": "Read",
    "merging": "Step through",
    "learning": "Train a vocabulary",
    "lexicon": "Vocabulary",
    "languages": "Compare",
}


def build_tokenizer_tab(subjects: Subjects) -> None:
    """The tab's views, one of which is seen at a time; all take their tokenizers from one shelf."""
    Views("tokenizer", TITLES)
    shelf = Shelf(subjects)
    for build in (build_reading, build_merging, build_learning, build_lexicon, build_languages):
        build(shelf)
