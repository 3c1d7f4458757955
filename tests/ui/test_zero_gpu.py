"""A Space on ZeroGPU, with a stand-in for `spaces` that forks and pickles as the real one does."""

import subprocess
import sys
import textwrap

import pytest

from llm.training import hardware
from llm.ui.devices import training_device

SPACES = '''
"""As spaces.zero: each call in a forked process, arguments and results pickled, no generators across."""
import multiprocessing, os, pickle
calls = []

def GPU(task=None, *, duration=60):
    def decorate(task):
        def lent(*args):
            calls.append(duration(*args) if callable(duration) else duration)
            sent = pickle.dumps(args)
            fork = multiprocessing.get_context("fork")
            ours, theirs = fork.Pipe()

            def work():
                os.environ["LENT"] = "1"
                try:
                    theirs.send_bytes(pickle.dumps((True, task(*pickle.loads(sent)))))
                except Exception as error:
                    theirs.send_bytes(pickle.dumps((False, error)))

            process = fork.Process(target=work)
            process.start()
            well, result = pickle.loads(ours.recv_bytes())
            process.join()
            if not well:
                raise result
            return result
        return lent
    return decorate(task) if task else decorate
'''

PASS = """
import os
import torch
torch.set_num_threads(1)
import spaces
from llm.config import ModelConfig
from llm.inside import trace as module
from llm.model import GPT
from llm.ui import zero_gpu

model = GPT(ModelConfig(50, n_ctx=16, n_embd=16, n_head=2, n_layer=2), seed=1).eval()
names, ids = ["blocks.*.attn.hook_q", "blocks.1.hook_resid_post"], [1, 2, 3]
here = zero_gpu.traced(model, ids, names, last_only=True)
assert spaces.calls == []  # a small model is not worth a loan
zero_gpu.LARGE = 1_000
there = zero_gpu.traced(model, ids, names, last_only=True)
assert len(spaces.calls) == 1 and isinstance(spaces.calls[0], int) and 1 <= spaces.calls[0] <= 120, spaces.calls
assert torch.equal(here.logits, there.logits) and here.tensors.keys() == there.tensors.keys()
assert all(torch.equal(here[name], there[name]) for name in here.tensors)
assert next(model.parameters()).device.type == "cpu" and "LENT" not in os.environ
try:
    zero_gpu.traced(model, [99], names, last_only=True)
except ValueError as refusal:
    assert "not one of the model's" in str(refusal)
print("fine")
"""


@pytest.mark.slow
def test_a_large_models_pass_runs_in_a_lent_process_and_comes_back_whole(tmp_path, monkeypatch):
    """The same numbers, pickled there and back; small models stay here; a refusal stays a refusal."""
    (tmp_path / "spaces.py").write_text(textwrap.dedent(SPACES), encoding="utf-8")
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:.")
    ran = subprocess.run([sys.executable, "-c", PASS], capture_output=True, text=True, timeout=120)
    assert ran.stdout == "fine\n", ran.stderr


@pytest.mark.parametrize(("zero", "expected"), [("true", "cpu"), ("", "cuda:0")])
def test_on_zero_gpu_training_stays_on_the_processor(monkeypatch, zero, expected):
    """There torch speaks of a card in every process, but only lent ones can use it."""

    class Card:
        name, total_memory = "Card", 48e9

    monkeypatch.setenv("SPACES_ZERO_GPU", zero)
    monkeypatch.setattr(hardware.torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(hardware.torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(hardware.torch.cuda, "get_device_properties", lambda n: Card)
    assert training_device({}) == expected
    assert [device.name for device in hardware.devices()] == (["cpu"] if zero else ["cpu", "cuda:0"])
    if not zero:
        assert hardware.devices()[1].title == "Card, 48 GB"
