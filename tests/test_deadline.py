"""Work that is given up: when its time is over, and when whoever asked has left."""

import threading

import pytest
import torch

from llm.config import ModelConfig, SamplingConfig
from llm.deadline import TooLong, deadline, seconds_left, until
from llm.inside.trace import trace
from llm.model import GPT
from llm.sampler import generate
from llm.tokenizers import train_bpe


def test_without_a_deadline_there_is_all_the_time():
    """A script that never heard of deadlines is never interrupted."""
    assert seconds_left() == float("inf")


def test_an_inner_deadline_never_lengthens_an_outer_one():
    """What is called can't take more than the caller has."""
    with deadline(0.0), deadline(1_000), pytest.raises(TooLong):
        seconds_left()
    with deadline(1_000):
        with deadline(2):
            assert seconds_left() <= 2
        assert 2 < seconds_left() <= 1_000


def test_a_deadline_is_the_threads_own():
    """One visitor's haste is not another's."""
    left = []
    with deadline(1):
        other = threading.Thread(target=lambda: left.append(seconds_left()))
        other.start()
        other.join()
    assert left == [float("inf")]


def test_who_leaves_ends_the_writing_of_a_text_and_the_learning_of_a_vocabulary():
    """Each forward pass and each merge is a place to give up."""
    gone = threading.Event()
    model = GPT(ModelConfig(vocab_size=5, n_ctx=8, n_embd=8, n_head=2, n_layer=1), seed=1)
    with until(gone):
        choices = generate(model, [1], SamplingConfig(max_new_tokens=50))
        next(choices)
        gone.set()
        with pytest.raises(TooLong):
            list(choices)
        with pytest.raises(TooLong):
            train_bpe("the cat sat on the mat " * 9, 280)
    assert torch.is_grad_enabled()


def test_who_leaves_ends_a_pass_between_two_blocks():
    """A deep model need not be run to its end, and carries no hook afterwards."""
    gone, run = threading.Event(), []
    model = GPT(ModelConfig(vocab_size=5, n_ctx=8, n_embd=8, n_head=2, n_layer=6), seed=1)
    watching = [block.register_forward_pre_hook(lambda *_, i=i: run.append(i)) for i, block in enumerate(model.h)]
    leaving = model.h[2].mlp.register_forward_hook(lambda *_: gone.set())
    with until(gone), pytest.raises(TooLong):
        trace(model, [1, 2, 3], ["blocks.*.hook_resid_post"])
    assert run == [0, 1, 2] and torch.is_grad_enabled()
    for hook in (*watching, leaving):
        hook.remove()
    assert not any(module._forward_hooks for module in model.modules())
    gone.clear()
    with until(gone):
        assert len(trace(model, [1, 2, 3], ["blocks.*.hook_resid_post"]).tensors) == 6
