"""What an evaluation asks a model: its loss on fixed windows, exam questions, a sample.

All of it is read in evaluation mode and repeats exactly. The model may be sharded over several
processes, which then all have to ask for the same.

Shapes: B batch, T time, N windows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from llm.config import ModelConfig, SamplingConfig, TrainConfig
from llm.data import answer_ends, eval_windows
from llm.model import GPT, KVCache
from llm.sampler import checked_ids, generate, reading
from llm.training.distributed import ALONE, Worker
from llm.training.events import Question

SAMPLE_TEMPERATURE = 0.8
"""A little below 1: a model that has only begun to learn spells better than pure chance shows."""
QUESTIONS_AT_ONCE = 64


def mean_loss(model: GPT, tokens: Tensor, config: TrainConfig, worker: Worker = ALONE) -> float:
    """The loss over the fixed windows of a text, in nats and float32; each process reads its rows of every batch."""
    n_ctx = model.config.n_ctx
    starts = answer_ends(tokens, n_ctx) if config.loss_on == "answers" else None
    x_NT, y_NT = eval_windows(tokens, n_ctx, config.eval_windows, starts)
    total = torch.zeros((), device=model.device)
    mine = slice(worker.rank, None, worker.world_size)
    with reading(model):
        for x_BT, y_BT in zip(x_NT.split(config.batch_size), y_NT.split(config.batch_size), strict=True):
            count = len(x_BT[mine])
            # Whoever has no row left reads one for nothing, since sharded processes make every pass together.
            rows = mine if count else slice(1)
            total += count * model.loss(x_BT[rows], y_BT[rows])
    return worker.total(total).item() / len(x_NT)


def sample(
    model: GPT, prompt_ids: Sequence[int], config: TrainConfig, *, between: Callable[[], None] = lambda: None
) -> tuple[int, ...]:
    """The prompt and what the model writes after it: `config.sample_tokens` more, with the same luck every time.

    `between` is called after each token, and may raise.
    """
    sampling = SamplingConfig(temperature=SAMPLE_TEMPERATURE, max_new_tokens=config.sample_tokens, seed=config.seed)
    ids = list(prompt_ids)
    for choice in generate(model, prompt_ids, sampling):
        ids.append(choice.id)
        between()
    return tuple(ids)


def check_readable(questions: Sequence[Question], passage_ids: Sequence[int], config: ModelConfig) -> None:
    """Raises ValueError when a question or the passage (none: no ids) can't be put to a model of that shape."""
    if passage_ids and len(checked_ids(passage_ids, config.vocab_size)) < 2:
        raise ValueError("A passage of one token has no next one to predict; give at least two.")
    for prompt_ids, answer_ids in questions:
        checked_ids(prompt_ids, config.vocab_size)
        checked_ids(answer_ids, config.vocab_size)
    longest = max((len(prompt_ids) + len(answer_ids) for prompt_ids, answer_ids in questions), default=0)
    if longest > config.n_ctx:
        raise ValueError(
            f"A question and its answer take {longest} tokens, but the context holds {config.n_ctx}; "
            f"use a context of {longest} or more, or shorter questions."
        )


def answers(model: GPT, questions: Sequence[Question]) -> tuple[tuple[int, ...], ...]:
    """What the model answers when it always takes the likeliest token: as many ids as are right, and one more.

    Prompts of the same length are read side by side, so an exam takes a few passes and not one for
    each question. `check_readable` says whether the model can be asked.
    """
    found: list[tuple[int, ...]] = [()] * len(questions)
    alike = defaultdict(list)
    for number, question in enumerate(questions):
        alike[len(question.prompt_ids)].append(number)
    for numbers in alike.values():
        for start in range(0, len(numbers), QUESTIONS_AT_ONCE):
            group = numbers[start : start + QUESTIONS_AT_ONCE]
            drawn = _continue_greedily(
                model,
                torch.tensor([questions[number].prompt_ids for number in group], device=model.device),
                1 + max(len(questions[number].answer_ids) for number in group),
            )
            for number, ids in zip(group, drawn, strict=True):
                found[number] = tuple(ids[: len(questions[number].answer_ids) + 1])
    return tuple(found)


def count_correct(questions: Sequence[Question], given: Sequence[Sequence[int]]) -> int:
    """How many of the given answers begin with the right one. Let that end in a line end if it must stop there."""
    pairs = zip(questions, given, strict=True)
    return sum(tuple(ids[: len(question.answer_ids)]) == tuple(question.answer_ids) for question, ids in pairs)


def _continue_greedily(model: GPT, ids_BT: Tensor, n_new: int) -> list[list[int]]:
    # Only as long as needed: 64 whole contexts of a GPT-2 would take gigabytes.
    room = model.config.replace(n_ctx=ids_BT.size(1) + n_new - 1)
    cache = KVCache(room, len(ids_BT), model.device, model.wte.weight.dtype)
    drawn = []
    with reading(model):
        for _ in range(n_new):
            ids_BT = model(ids_BT, cache=cache, last_only=True).argmax(dim=2)
            drawn.append(ids_BT)
    return torch.cat(drawn, dim=1).tolist()
