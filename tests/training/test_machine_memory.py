"""How much memory there is: the least of the container's limit, ulimit and the machine; and what a training takes."""

import os
import subprocess
import sys

import pytest

from llm.config import ModelConfig, TrainConfig
from llm.training import memory
from llm.training.forecast import memory_bytes
from llm.training.memory import Limit, memory_free, memory_limit

GB = 10**9


def groups(tmp_path, own, **files):
    """A process in the groups that `own` says, and what stands in their files."""
    (tmp_path / "own").write_text(own)
    for name, text in files.items():
        path = tmp_path / "root" / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(path.name.replace("memory_", "memory.")).write_text(text)
    return list(memory._cgroups(tmp_path / "own", tmp_path / "root"))


def test_the_second_version_of_cgroups(tmp_path):
    """The group's own limit and that of the group around it; what files take that may go counts as free."""
    found = groups(
        tmp_path,
        "0::/outer/inner\n",
        outer__inner__memory_max="max\n",
        outer__inner__memory_current="5\n",
        outer__memory_max=f"{2 * GB}\n",
        outer__memory_current=f"{GB}\n",
        outer__memory_stat="anon 3\ninactive_file 1000\n",
    )
    assert found == [Limit(2 * GB, GB + 1000)]


def test_the_first_version_of_cgroups(tmp_path):
    """No limit is a number too large to be one; a path of the host's leads to the container's root."""
    found = groups(
        tmp_path,
        "3:cpu:/x\n2:memory:/docker/abc\n0::/\n",
        memory__memory_limit_in_bytes=str(GB),
        memory__memory_usage_in_bytes=str(GB // 4),
        memory__docker__memory_limit_in_bytes=str(2**63 - 4096),
        memory__docker__memory_usage_in_bytes="7",
    )
    assert found == [Limit(GB, GB - GB // 4)]


def test_the_least_limit_counts(monkeypatch):
    """Of several the smallest holds, and each says by itself what is free."""
    monkeypatch.setattr(memory, "_limits", lambda: iter([Limit(16 * GB, 2 * GB), Limit(4 * GB, 3 * GB)]))
    assert memory_limit() == 4 * GB and memory_free() == 2 * GB
    monkeypatch.setattr(memory, "_limits", lambda: iter([Limit(4 * GB, -5)]))
    assert memory_free() == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no ulimit")
def test_ulimit_is_read():
    """Under `ulimit -v` the limit is that, and what is free no more."""
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (6_000_000_000,) * 2);"
        "from llm.training.memory import memory_free, memory_limit; print(memory_limit(), memory_free())"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    limit, free = map(int, told.split())
    assert limit <= 6 * GB and free < limit


PEAK = """
import tempfile, torch
from llm.config import ModelConfig, TrainConfig
from llm.model import GPT
from llm.runs.run import Run
from llm.tokenizers import train_tokenizer
from llm.training.trainer import Trainer
torch.set_num_threads(1)
def trained(model, train):
    tokens, tokenizer = torch.arange(20_000) % model.vocab_size, train_tokenizer("character", "a")
    with tempfile.TemporaryDirectory() as folder:
        run = Run.create(folder, model, train, tokenizer, corpus="count")
        trainer = Trainer(GPT(model, seed=0), tokens, tokens[:5000], train, prompt_ids=[0])
        for event in trainer:
            run.record(trainer, event)
def peak():  # not ru_maxrss, which begins at what the process had that started this one
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
trained(ModelConfig(50, n_ctx=16, n_embd=16, n_head=2, n_layer=1), TrainConfig(max_steps=2, batch_size=2))
before = peak()
trained({model!r}, {train!r})
print(peak() - before)
"""
BATCHES = TrainConfig(max_steps=2, batch_size=32, eval_interval=2, eval_windows=8, sample_tokens=4)
SHAPES = {
    "weights": (ModelConfig(8_000, n_ctx=32, n_embd=384, n_head=6, n_layer=6), BATCHES.replace(batch_size=2)),
    "activations": (ModelConfig(60, n_ctx=128, n_embd=128, n_head=4, n_layer=4), BATCHES),
    "logits": (ModelConfig(6_000, n_ctx=128, n_embd=64, n_head=4, n_layer=1), BATCHES),
}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process's own peak")
@pytest.mark.parametrize("what", SHAPES)
def test_the_estimate_holds_for_a_process(what):
    """A process of its own trains, saves and tells its peak: the estimate is at most a fifth off."""
    model, train = SHAPES[what]
    code = PEAK.format(model=model, train=train)
    # glibc gives back at once what it has mapped; what it keeps of freed pieces differs from run to run, by a quarter.
    env = os.environ | {"MALLOC_MMAP_THRESHOLD_": "262144"}
    told = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True).stdout
    assert int(told) == pytest.approx(memory_bytes(model, train), rel=0.2)


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc has to be asked")
def test_what_was_freed_is_handed_back():
    """Small blocks between others that stay: glibc keeps their pages until it is told."""
    code = (
        "import os\n"
        "from pathlib import Path\n"
        "from llm.training.memory import give_back\n"
        "def resident():\n"
        "    return int(Path('/proc/self/statm').read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE')\n"
        "blocks = [bytes([n % 256]) * 100_000 for n in range(2_000)]\n"
        "blocks = blocks[::10]\n"
        "held = resident()\n"
        "give_back()\n"
        "print(held - resident())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 150_000_000
