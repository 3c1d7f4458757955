"""Python's own language reference, as the interpreter's help() carries it: prose on every computer.

The texts of `help("if")`, `help("LAMBDA")` and so on, about 0.5 MB of English, reStructuredText
and code in every Python since 3.0. They differ a little from version to version.
"""

from __future__ import annotations

import platform

from llm.corpora.corpus import Corpus, CorpusInfo

INFO = CorpusInfo(
    title="Python's language reference",
    description="The topics of Python's help(): technical English with code, already on this computer.",
    size_bytes=465_000,
    source="pydoc_data.topics of the Python that runs Glassbox",
    licence="PSF-2.0",
    needs_download=False,
)


def load() -> Corpus:
    """The topics in alphabetical order. Raises ValueError on a Python without its documentation."""
    try:
        from pydoc_data.topics import topics
    except ImportError as error:
        raise ValueError("This Python came without its help texts; install the full python3 package.") from error
    texts = (topics[name].replace("\f", "\n").strip() for name in sorted(topics))
    return Corpus(
        name="pydoc",
        title=INFO.title,
        text="\n\n".join(texts) + "\n",
        source=f"pydoc_data.topics of Python {platform.python_version()}",
        licence=INFO.licence,
    )
