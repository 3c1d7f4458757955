"""Leaving a pass through a model half-way: a step or an evaluation of a large one takes minutes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import Tensor, nn

from llm.model import GPT


class Interrupted(Exception):
    """Somebody asked to stop, in the middle of a step or an evaluation."""


@contextmanager
def interruptible(model: GPT, check: Callable[[], None]) -> Iterator[None]:
    """Inside the block `check` is called at every layer of the model, on the way forward and on the way back.

    What it raises ends the pass. The numbers stay as they are.
    """

    def on_the_way_back(_: Tensor) -> None:
        check()

    def before(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        check()
        if inputs[0].requires_grad:
            inputs[0].register_hook(on_the_way_back)

    hooks = [block.register_forward_pre_hook(before) for block in model.h]
    hooks.append(model.ln_f.register_forward_pre_hook(before))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
