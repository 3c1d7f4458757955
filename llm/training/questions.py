"""A task's questions put to a model: how many does it answer exactly right?

Each prompt follows a line end, as it does in the text that the model learnt from. Without one the
model could not know that the question begins there: windows of that text mostly begin inside a line.
"""

from __future__ import annotations

from llm.corpora.tasks import Accuracy, Task
from llm.model import GPT
from llm.tokenizers import Tokenizer
from llm.training.events import Question
from llm.training.examination import answers, check_readable

N_QUESTIONS = 1000
"""Enough for a standard error of at most 1.6 percentage points."""
SEED = 1
"""Another one than that of the text to learn from."""


def ask(tokenizer: Tokenizer, task: Task, n_examples: int = N_QUESTIONS, seed: int = SEED) -> list[Question]:
    """Questions as ids, the answers with the line end that closes them; held-out ones where the task has some.

    Raises ValueError when nothing is to be asked, or as the tokenizer's `encode` does.
    """
    return [as_ids(tokenizer, example.prompt, example.answer) for example in task.questions(n_examples, seed)]


def as_ids(tokenizer: Tokenizer, prompt: str, answer: str) -> Question:
    """One question: the prompt after a line end, as in the text, and the answer with the line end that closes it."""
    return Question(tuple(tokenizer.encode(f"\n{prompt}")), tuple(tokenizer.encode(f"{answer}\n")))


def examine(model: GPT, tokenizer: Tokenizer, task: Task, n_examples: int = N_QUESTIONS, seed: int = SEED) -> Accuracy:
    """The share of exactly right answers when the model always takes the likeliest token.

    It counts as `Task.exact_match` does: the first line of the answer, as text. The model may take one
    token more for it than the tokenizer would. Raises ValueError as `ask` does, and when the
    context is too short for a question.
    """
    questions = ask(tokenizer, task, n_examples, seed)
    check_readable(questions, (), model.config)
    texts = iter([tokenizer.decode(ids) for ids in answers(model, questions)])
    return task.exact_match(lambda prompt: next(texts), n_examples, seed)  # it asks in the same order
