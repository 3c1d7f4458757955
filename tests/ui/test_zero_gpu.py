"""A Space on ZeroGPU, with a stand-in for `spaces` that forks as the real one does."""

import subprocess
import sys
import textwrap

import pytest

from llm.training import hardware
from llm.ui.devices import training_device

SPACES = '''
"""As spaces.zero: each call in a forked process, and nothing across that could not be pickled.

What comes back is a trace as safetensors, or a refusal as JSON: nothing is unpickled here, not even one's own.
"""
import json, multiprocessing, os, pickle, tempfile
from pathlib import Path
from safetensors.torch import load_file, save_file
from llm.inside.trace import Trace
calls = []

def GPU(task=None, *, duration=60):
    def decorate(task):
        def lent(*args):
            calls.append(duration(*args) if callable(duration) else duration)
            pickle.dumps(args)  # the real one has to
            with tempfile.TemporaryDirectory() as folder:
                refusal, found = Path(folder, "refusal.json"), Path(folder, "found.safetensors")

                def work():
                    os.environ["LENT"] = "1"
                    try:
                        seen = task(*args)
                        pickle.dumps(seen)
                        every = (seen.ids, seen.logits, *seen.tensors.values())
                        assert {tensor.device.type for tensor in every} == {"cpu"}
                        kept = {f"tensor {name}": tensor.contiguous().clone() for name, tensor in seen.tensors.items()}
                        save_file({**kept, "ids": seen.ids, "logits": seen.logits.contiguous()}, found)
                    except ValueError as error:
                        refusal.write_text(json.dumps(str(error)), encoding="utf-8")

                process = multiprocessing.get_context("fork").Process(target=work)
                process.start()
                process.join()
                if refusal.exists():
                    raise ValueError(json.loads(refusal.read_text(encoding="utf-8")))
                kept = load_file(found)
            ids, logits = kept.pop("ids"), kept.pop("logits")
            return Trace(ids, {name.removeprefix("tensor "): tensor for name, tensor in kept.items()}, logits)
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
assert torch.equal(here.ids, there.ids)
try:
    zero_gpu.traced(model, [99], names, last_only=True)
    raise AssertionError("it was not refused")
except ValueError as refusal:
    assert "not one of the model's" in str(refusal)
assert len(spaces.calls) == 2
print("fine")
"""


@pytest.mark.slow
def test_a_large_models_pass_runs_in_a_lent_process_and_comes_back_whole(tmp_path, monkeypatch):
    """The same numbers, there and back; small models stay here; a refusal stays a refusal."""
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
