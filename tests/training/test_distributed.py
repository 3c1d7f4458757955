"""Several processes: they train as one would, whole or sharded; and a killed one costs nothing but time."""

import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing
from safetensors.torch import load_file, save_file

from llm.cli.parser import main
from llm.config import ModelConfig, TrainConfig
from llm.data import Splits, encode_corpus, split
from llm.model import GPT
from llm.runs.run import Run, list_runs
from llm.tokenizers import train_tokenizer
from llm.training.distributed import ALONE, Worker, joined
from llm.training.events import (
    ChangeEvent,
    EvalEvent,
    ExamEvent,
    LayerEvent,
    PassageEvent,
    Question,
    SampleEvent,
    SnapshotEvent,
    StepEvent,
)
from llm.training.trainer import Trainer

ROOT = Path(__file__).resolve().parents[2]
TEXT = "the cat sat on the mat, and the dog lay by the door. " * 12
TOKENIZER = train_tokenizer("character", TEXT)
SPLITS = split(encode_corpus(TOKENIZER, TEXT))
CONFIG = TrainConfig(
    max_steps=6, batch_size=4, grad_accum_steps=2, eval_interval=3, eval_windows=5, sample_tokens=6, warmup_steps=2,
    learning_rate=3e-3,
)  # fmt: skip
QUESTIONS = [
    Question(tuple(TOKENIZER.encode(prompt)), tuple(TOKENIZER.encode(answer)))
    for prompt, answer in (("th", "e"), ("c", "at"))
]


def make(worker=ALONE, splits=SPLITS, **changes):
    model = GPT(ModelConfig(TOKENIZER.vocab_size, n_ctx=16, n_embd=24, n_head=2, n_layer=2, dropout=0.0))
    return Trainer(
        model,
        *splits,
        CONFIG.replace(**changes),
        prompt_ids=TOKENIZER.encode("the"),
        worker=worker,
        questions=QUESTIONS,
        passage_ids=TOKENIZER.encode("the cat sat on the mat"),
    )


def train_and_note(trainer):
    """Train to the end: numbers by name from the events, gradients of the first step, weights and moments."""
    notes = {}
    for event in trainer:
        at = f"{type(event).__name__} {event.step}"
        if isinstance(event, StepEvent):
            notes[at] = torch.tensor([event.loss, event.grad_norm, event.tokens_seen], dtype=torch.float64)
            if event.step == 1:
                gradients = {f"gradient {n}": p.grad for n, p in trainer.model.named_parameters() if p.grad is not None}
                notes |= {name: gradient.clone() for name, gradient in gradients.items()}
        elif isinstance(event, EvalEvent):
            notes[at] = torch.tensor([event.train_loss, event.validation_loss], dtype=torch.float64)
        elif isinstance(event, SampleEvent):
            notes[at] = torch.tensor(event.ids)
        elif isinstance(event, ExamEvent):
            notes[at] = torch.tensor([event.correct, *event.answers[0], *event.answers[1]])
        elif isinstance(event, PassageEvent):
            notes[at] = torch.tensor(event.losses)
        elif isinstance(event, LayerEvent):
            parts = [[p.weight_norm, p.grad_norm, p.update_norm, *p.attention_entropy] for p in event.layers]
            notes[at] = torch.tensor([number for part in parts for number in part])
        elif isinstance(event, SnapshotEvent):
            notes |= {f"{at} {name}": tensor.clone() for name, tensor in trainer.model.state_dict().items()}
            notes |= {f"{at} {name}": tensor for name, tensor in trainer.state()[0].items()}
    return notes


def cut_and_resume(worker):
    """Train to the snapshot at step 3 and, in another trainer with what was saved there, to the end."""
    first = make(worker)
    while next(first) != SnapshotEvent(3, evaluated=True):
        pass
    saved, state = {n: t.clone() for n, t in first.model.state_dict().items()}, first.state()
    next(first)  # the saved state must not move on with the training
    model = GPT(first.model.config, seed=1)
    model.load_state_dict(saved)
    second = Trainer(model, *SPLITS, CONFIG, prompt_ids=first.prompt_ids, worker=worker)
    second.restore(*state)
    return train_and_note(second)


def stop_when_one_is_asked(worker):
    """Train until only the process with rank 1 is told to stop after four steps; the last event."""
    trainer = make(worker)
    for event in trainer:
        if worker.rank == 1 and event == SnapshotEvent(3, evaluated=True):
            trainer.stop()
    return {f"{event.reason}": torch.tensor(event.step)}


def change_when_one_is_asked(worker):
    """Train while only rank 1 is told of another learning rate, and both of a batch: how it went."""
    trainer = make(worker)
    while next(trainer) != SnapshotEvent(3, evaluated=True):
        pass
    trainer.change(batch_size=8)
    if worker.rank == 1:
        trainer.change(learning_rate=0.01)
    with pytest.raises(ValueError, match="2 processes can't share a batch of 5"):
        trainer.change(batch_size=5)
    change = next(trainer)
    assert change == ChangeEvent(3, {"learning_rate": 0.01, "batch_size": 8})
    return train_and_note(trainer)


def time_is_up_for_one(worker):
    """Train with a limit of time that only the process with rank 1 has reached after four steps; the end."""
    trainer = make(worker, max_seconds=1e9)
    while trainer.step < 4:
        next(trainer)
    trainer._progress.seconds += 1e10 * worker.rank
    *_, evaluation, _, _, _, _, done = trainer
    return {done.reason: torch.tensor([done.step, evaluation.step])}


def refused_text(worker):
    """Give the process with rank 1 another text of the same length: what is said about it."""
    text = SPLITS if worker.rank == 0 else Splits(SPLITS.train, SPLITS.validation * 0)
    with pytest.raises(ValueError, match="The processes differ in text") as caught:
        next(make(worker, text))
    return {str(caught.value): torch.tensor(0)}


def what_each_holds(worker):
    """How many numbers of weights and moments each process keeps while a sharded model trains."""
    trainer = make(Worker(worker.rank, 2, shard=True), sample_tokens=0)
    while trainer.step < 1:
        next(trainer)
    moments = [m for state in trainer.learner.optimizer.state.values() for name, m in state.items() if name != "step"]
    parts = [*trainer.learner.model.parameters(), *moments]
    return {"held": torch.tensor([sum(part.to_local().numel() for part in parts)])}


SCENES = {
    "whole": lambda worker: train_and_note(make(worker)),
    "whole, resumed": cut_and_resume,
    "sharded": lambda worker: train_and_note(make(Worker(worker.rank, 2, shard=True))),
    "sharded, resumed": lambda worker: cut_and_resume(Worker(worker.rank, 2, shard=True)),
    "measured": lambda worker: train_and_note(make(worker, layer_stats=True)),
    "changed": change_when_one_is_asked,
    "stopped": stop_when_one_is_asked,
    "late": time_is_up_for_one,
    "refused": refused_text,
    "held": what_each_holds,
}


def play_all(rank, folder):
    """As process `rank` of two, write down what comes of each scene."""
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2, timeout=timedelta(minutes=1)
    )
    try:
        for name, play in SCENES.items():
            save_file(play(Worker(rank, 2, local_rank=rank)), folder / f"{name} {rank}.safetensors")
    finally:
        dist.destroy_process_group()


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """What two processes noted in each scene, by scene and rank."""
    folder = tmp_path_factory.mktemp("together")
    multiprocessing.spawn(play_all, args=(folder,), nprocs=2)
    return {name: [load_file(folder / f"{name} {rank}.safetensors") for rank in (0, 1)] for name in SCENES}


def assert_close(one, other, tolerance):
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.allclose(tensor, other[name], rtol=tolerance, atol=tolerance), name


@pytest.fixture(scope="module")
def alone():
    return train_and_note(make())


@pytest.mark.parametrize("scene", [scene for scene in SCENES if scene != "held"])
def test_all_processes_see_the_same(together, scene):
    """Bit for bit the same events, weights and moments in both, or they would drift apart."""
    one, other = together[scene]
    assert one.keys() == other.keys() and one
    assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_gradients_of_two_are_those_of_one(together, alone):
    """Averaged over processes and accumulated batches, each gradient is that of one process, to 1e-6."""
    two = together["whole"][0]
    names = [name for name in alone if name.startswith("gradient")]
    assert len(names) == len(list(make().model.parameters()))
    for name in names:
        assert torch.allclose(two[name], alone[name], rtol=0, atol=1e-6) and alone[name].any(), name


@pytest.mark.parametrize("scene", ["whole", "sharded"])
def test_two_processes_train_as_one(together, alone, scene):
    """Losses, norms, evaluations, samples, and the full weights and moments at every snapshot agree to 1e-5."""
    same_kind = {name: tensor for name, tensor in alone.items() if not name.startswith("gradient")}
    two = {name: tensor for name, tensor in together[scene][0].items() if not name.startswith("gradient")}
    assert_close(two, same_kind, 1e-5)


@pytest.mark.parametrize("scene", ["whole", "sharded"])
def test_resume_equals_never_having_stopped(together, scene):
    """From the state of a snapshot two processes go on bit for bit, also when each holds only a part."""
    resumed, whole = together[f"{scene}, resumed"][0], together[scene][0]
    assert {"StepEvent 4", "StepEvent 6", "EvalEvent 6", "SnapshotEvent 6 wte.weight"} <= resumed.keys()
    assert all(torch.equal(tensor, whole[name]) for name, tensor in resumed.items())


def test_layers_are_measured_as_one_process_would(together):
    """Norms of the averaged gradient and of the update, and the attention, after steps 3 and 6."""
    one, two = train_and_note(make(layer_stats=True)), together["measured"][0]
    for name in ("LayerEvent 3", "LayerEvent 6"):
        assert torch.allclose(one[name], two[name], rtol=1e-4, atol=1e-5)


def test_a_change_that_one_is_told_reaches_all(together):
    """From there on they train as one process with those settings."""
    trainer = make()
    while next(trainer) != SnapshotEvent(3, evaluated=True):
        pass
    trainer.change(learning_rate=0.01, batch_size=8)
    next(trainer)
    expected, found = train_and_note(trainer), together["changed"][0]
    assert_close(found, expected, 1e-5)
    assert "StepEvent 6" in found


def test_time_that_is_up_for_one_ends_all_after_an_evaluation(together):
    """At the same step, because the slowest clock decides."""
    assert {name: at.tolist() for name, at in together["late"][0].items()} == {"time": [4, 4]}


def test_a_stop_of_one_ends_all_at_the_same_step(together):
    """Otherwise the others would wait for it forever."""
    assert {name: int(step) for name, step in together["stopped"][0].items()} == {"stopped": 3}


def test_a_sharded_model_is_spread(together):
    """Of weights, means and squares each process keeps about a half: its rows, of which one may have one more."""
    whole, parts = 3 * make().model.config.n_params, [int(scene["held"]) for scene in together["held"]]
    assert sum(parts) == whole and max(parts) < 0.52 * whole


def test_a_worker_alone_changes_nothing():
    """Without other processes averaging, adding and asking need no process group."""
    tensor = torch.tensor([1.0, 2.0])
    ALONE.average([tensor])
    assert tensor.tolist() == ALONE.total(tensor).tolist() == [1.0, 2.0]
    assert ALONE.largest([1.0, 0.0], tensor.device) == [1.0, 0.0]
    ALONE.check_alike([tensor], tensor.device)
    with ALONE.first_here_goes_first(), joined(torch.device("cpu")) as place:
        assert place == (ALONE, torch.device("cpu"))


def test_what_cannot_be_is_refused(monkeypatch):
    """Sharding alone, compiled or with Muon, and more processes than GPUs: a sentence before anything starts."""
    with pytest.raises(ValueError, match="start them with torchrun"):
        Worker(shard=True)
    with pytest.raises(ValueError, match="can't be compiled"):
        Worker(world_size=2, shard=True, compile=True)
    with pytest.raises(ValueError, match="--optimizer adamw"):
        make(Worker(world_size=2, shard=True), optimizer="muon")
    place = {"TORCHELASTIC_RUN_ID": "x", "RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "2"}
    for name, value in place.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ValueError, match="2 processes need as many GPUs, but here are 1"), joined(torch.device("cuda")):
        pass


MORTAL = """
import os, signal, sys
from llm.cli.parser import main
from llm.training.trainer import Trainer

make_step = Trainer._make_step

def make_or_die(trainer):
    if trainer.step == 7 and os.environ["RANK"] == "1":
        os.kill(os.getpid(), signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
    return make_step(trainer)

Trainer._make_step = make_or_die
sys.exit(main())
"""


@pytest.mark.slow
def test_a_killed_worker_ends_the_job_and_resume_goes_on(tmp_path, monkeypatch):
    """With a message and without hanging; from its checkpoint the run then reaches the losses of one never hurt."""
    (tmp_path / "mortal.py").write_text(MORTAL, encoding="utf-8")
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    env = {**os.environ, "GLASSBOX_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    options = [
        "train", "--text", "text.txt", "--tokenizer", "character", "--n-layer=1", "--n-head=2", "--n-embd=16",
        "--n-ctx=16", "--batch-size=4", "--max-steps=10", "--eval-interval=5", "--eval-windows=3", "--sample-tokens=4",
    ]  # fmt: skip

    def torchrun(*command):
        return subprocess.run(
            [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", *command],
            cwd=tmp_path, env=env, capture_output=True, encoding="utf-8", timeout=100,
        )  # fmt: skip

    killed = torchrun("mortal.py", *options)
    assert killed.returncode != 0 and killed.stdout.count("step 5: loss") == 1
    (run,) = list_runs(tmp_path / "home" / "runs")
    assert "SIG" in killed.stderr and run.id in killed.stderr
    assert run.state == "running" and run.metrics()[-1]["step"] == 7

    resumed = torchrun("-m", "llm", "train", "--resume", run.id, "--text", "text.txt", "--out", "model")
    assert resumed.returncode == 0, resumed.stderr
    assert len(re.findall(r"^step \d+: loss", resumed.stdout, re.MULTILINE)) == 1
    assert Run.open(tmp_path / "home" / "runs", run.id).state == "finished" and (tmp_path / "model").is_dir()

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path / "home"))
    assert main(options) == 0
    unhurt = next(r for r in list_runs(tmp_path / "home" / "runs") if r.id != run.id)
    assert numbers(run) == pytest.approx(numbers(unhurt), rel=1e-5)
    assert [name for name in numbers(run) if name.startswith("step")] == [f"step {n} loss" for n in range(1, 11)]


def test_a_lost_process_is_told_in_one_sentence(tmp_path, monkeypatch, capsys):
    """Whoever is left waiting says what happened and how to go on, with an exit code of its own."""

    def broken_connection(*_):
        raise RuntimeError("[gloo/transport/tcp/pair.cc] Connection closed by peer")

    monkeypatch.setattr(dist, "all_reduce", broken_connection)
    monkeypatch.setattr(Trainer, "_make_step", lambda trainer: Worker(0, 2).average([torch.zeros(2)]))
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    (tmp_path / "text.txt").write_text(TEXT, encoding="utf-8")
    tiny = ["--tokenizer=character", "--n-layer=1", "--n-head=2", "--n-embd=16", "--n-ctx=16", "--sample-tokens=0"]
    assert main(["train", "--text", str(tmp_path / "text.txt"), *tiny]) == 1
    (run,) = list_runs(tmp_path / "runs")
    told = f"Another process of this training ended or stopped answering. To go on: --resume {run.id}\n"
    assert capsys.readouterr().err.endswith(told)


def test_only_the_first_changes_the_run_on_resuming(tmp_path):
    """What came after the checkpoint is dropped once, by the first process; the others only read."""
    trainer = make()
    run = Run.create(tmp_path, trainer.model.config, trainer.config, TOKENIZER, corpus="text", run_id="run")
    while trainer.step < 5:
        run.record(trainer, next(trainer))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    second = run.resume(*SPLITS, prompt_ids=[0], worker=Worker(1, 2))
    assert second.step == 3 and second.worker.rank == 1
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    run.resume(*SPLITS, prompt_ids=[0], worker=Worker(0, 2))
    assert [m["step"] for m in run.metrics()][-1] == 3


def numbers(run):
    """Every loss that a run wrote down, by name."""
    return {
        f"{m['event']} {m['step']} {key}": value for m in run.metrics() for key, value in m.items() if "loss" in key
    }  # fmt: skip
