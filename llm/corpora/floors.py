"""The lowest loss that any model can reach on a corpus, where that is known: tales and tasks."""

from __future__ import annotations

from llm.corpora import tales
from llm.corpora.tales.floor import Estimate, ratio
from llm.corpora.tasks.base import Task
from llm.corpora.tasks.texts import task_of
from llm.tokenizers.base import Tokenizer


def corpus_floor(name: str, tokenizer: Tokenizer, n_examples: int = 2000, seed: int = 1) -> Estimate | None:
    """The floor of the loss in nats a token for one of CORPORA, with its standard error; 0 where it is exact.

    It holds for a model that sees each story or question from its start. Windows cut at random
    begin in the middle of one, so that a context of only a few lines can't quite get there.
    None where nobody knows it: for texts that people wrote, and for a tokenizer that loses
    something, since that leaves less to predict. Raises ValueError as the tokenizer's `encode` does.
    """
    if name == "tales" and tokenizer.what_is_lost(tales.text(20_000, seed)) is None:
        return tales.floor(tokenizer, n_examples, seed).per_token
    task = task_of(name)
    return None if task is None else task_floor(task, tokenizer, n_examples, seed)


def task_floor(task: Task, tokenizer: Tokenizer, n_examples: int = 2000, seed: int = 1) -> Estimate | None:
    """The same for a task with any settings."""
    if tokenizer.unit == "characters":
        return Estimate(task.nats_per_character, 0.0)
    lines = [example.text for example in task.questions(n_examples, seed, held_out=False)]
    if tokenizer.what_is_lost("".join(lines)) is not None:
        return None
    # The line end goes in front: a tokenizer may cut it otherwise where nothing follows it.
    lengths = [len(tokenizer.encode("\n" + line.removesuffix("\n"))) for line in lines]
    return ratio([task.nats_per_example] * n_examples, lengths)
