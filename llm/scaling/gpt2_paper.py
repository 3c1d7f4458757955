"""What the GPT-2 paper says of its four sizes (Radford et al., "Language Models are Unsupervised Multitask Learners",
2019), beside what they are.

The scores are those of its Table 3: nobody trained on these texts. A score is a number only together with how it was
measured, which each says; nothing here measures quite so.
"""

from __future__ import annotations

from typing import NamedTuple

from llm.config import GPT2_SIZES, ModelConfig
from llm.scaling.counting import COUNTS
from llm.training.flops import flops_per_token

PRINTED = ("117M", "345M", "762M", "1542M")
"""Parameters as the paper prints them, smallest first. OpenAI's repository says that they were counted wrongly, and
doesn't say how; the released weights have those of GPT2_SIZES."""
FLOAT32 = 4
"""Bytes of a number."""


class Size(NamedTuple):
    """What a GPT-2 of some size takes."""

    n_layer: int
    n_embd: int
    n_head: int
    n_ctx: int
    vocab_size: int
    n_params: int
    in_blocks: int
    """Parameters without the embeddings."""
    forward: int
    """Floating-point operations for a token of a full context."""
    training: int
    """The same, forwards and backwards."""
    bytes: int
    """Of the weights in float32."""


def size_of(config: ModelConfig) -> Size:
    """Everything from the config; nothing is built."""
    c = config
    forward, training = flops_per_token(c, training=False), flops_per_token(c)
    shape = (c.n_layer, c.n_embd, c.n_head, c.n_ctx, c.vocab_size)
    return Size(*shape, c.n_params, COUNTS["blocks"](c), forward, training, FLOAT32 * c.n_params)


SIZES = {name: size_of(config) for name, config in GPT2_SIZES.items()}


class ZeroShot(NamedTuple):
    """A row of Table 3."""

    text: str
    measure: str
    scores: tuple[float, float, float, float]
    """Smallest size first."""
    how: str
    """What the paper did, and what makes a number from elsewhere differ."""
    command: str
    """Options of `python -m llm evaluate` that come nearest; empty where nothing here does it."""

    @property
    def higher_is_better(self) -> bool:
        """Accuracies are in percent; of all other measures less is better."""
        return self.measure == "accuracy"


_WORDS = (
    "Spaces and marks that the data set had put between words were taken out first, which is worth 2.5 to 5 points, "
    "and the loss is shared among the data set's own words, not GPT-2's tokens. How windows overlap, the paper "
    "doesn't say."
)
_LAMBADA = (
    "The last word of a passage, on OpenAI's own copy of the text. The harness of EleutherAI gets 40.06 and 32.56 for "
    "the smallest, scoring every token of the word."
)
_CHOICES = "One of ten words for a gap in a children's book, by the probability of the sentence with each."
TABLE_3 = (
    ZeroShot("LAMBADA", "perplexity", (35.13, 15.60, 10.87, 8.63), _LAMBADA, "--lambada lambada_test.jsonl"),
    ZeroShot(
        "LAMBADA",
        "accuracy",
        (45.99, 55.48, 60.12, 63.24),
        f"{_LAMBADA} A filter keeps stop words from being answers.",
        "--lambada lambada_test.jsonl",
    ),
    ZeroShot("CBT, common nouns", "accuracy", (87.65, 92.35, 93.45, 93.30), _CHOICES, ""),
    ZeroShot("CBT, names", "accuracy", (83.4, 87.1, 88.0, 89.05), _CHOICES, ""),
    ZeroShot(
        "WikiText-2",
        "perplexity",
        (29.41, 22.76, 19.93, 18.34),
        f"{_WORDS} On the raw text, a token at a time, in windows of 1,024 without overlap the smallest has 29.94.",
        "--text wiki.test.raw --split all",
    ),
    ZeroShot("Penn Treebank", "perplexity", (65.85, 47.33, 40.31, 35.76), _WORDS, "--text ptb.test.txt --split all"),
    ZeroShot(
        "enwik8",
        "bits per byte",
        (1.16, 1.01, 0.97, 0.93),
        "Counted by bytes, so a model with other tokens can be compared: put yours in the place of GPT-2.",
        "--text enwik8 --split all",
    ),
    ZeroShot(
        "text8",
        "bits per character",
        (1.17, 1.06, 1.02, 0.98),
        "Wikipedia in small letters and spaces alone: for GPT-2 an odd text.",
        "--text text8 --split all",
    ),
    ZeroShot("WikiText-103", "perplexity", (37.50, 26.37, 22.05, 17.48), _WORDS, "--text wiki.test.raw --split all"),
    ZeroShot(
        "One Billion Words",
        "perplexity",
        (75.20, 55.72, 44.575, 42.16),
        f"{_WORDS} Its sentences are shuffled, so that no text is longer than one.",
        "--text 1bw.test.txt --split all",
    ),
)
