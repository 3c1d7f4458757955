"""Sweeps: planned, cut off at any moment, taken up, and never trained twice."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from llm.model import GPT
from llm.scaling.counting import COUNTS
from llm.scaling.plan import Plan
from llm.scaling.sweep import Sweep
from llm.scaling.table import read_table, to_csv
from llm.training.events import StepEvent
from llm.training.flops import flops_per_token

PLAN = Plan(corpus="task:copy", widths=("16", "32"), steps=8, batch_size=2, n_ctx=32, evaluations=4, seeds=2)


def steps_of(sweep, most=10**9):
    """Which step of which training is made, until so many have been."""
    made = []
    for progress in sweep.train():
        if isinstance(progress.event, StepEvent):
            made.append((progress.point.id, progress.event.step))
        if len(made) == most:
            break
    return made


def losses(sweep):
    return [(row.point, row.tokens, row.loss) for row in sweep.rows()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A sweep that was never cut off, trained to its end."""
    sweep = Sweep.create(tmp_path_factory.mktemp("whole"), PLAN)
    steps_of(sweep)
    return sweep


def test_every_point_is_trained_once(tmp_path):
    """All sizes and seeds, smallest first; asked again there is nothing left to do."""
    sweep = Sweep.create(tmp_path, PLAN)
    made = steps_of(sweep)
    assert [point for point, _ in dict.fromkeys((p, 0) for p, _ in made)] == [point.id for point in sweep.points]
    assert len(made) == len(set(made)) == 4 * 8
    assert steps_of(Sweep.open(tmp_path)) == []
    assert len(sweep.rows()) == 4 * 4 and sum(row.last for row in sweep.rows()) == 4


@pytest.mark.parametrize("cut", [1, 3, 8, 11, 20])
def test_cut_off_and_taken_up_it_ends_the_same(tmp_path, whole, cut):
    """Wherever it was stopped, the losses are those of a sweep that wasn't, and what had ended is not trained again."""
    parted = Sweep.create(tmp_path / "parted", PLAN)
    steps_of(parted, cut)
    ended = {point.id for point in parted.points if parted.ended(point)}
    again = steps_of(Sweep.open(tmp_path / "parted"))
    assert not ended & {point for point, _ in again}
    assert losses(parted) == losses(whole)


def command_of(folder):
    """`llm scale` of the PLAN."""
    options = [part for width in PLAN.widths for part in ("--widths", width)]
    options += ["--corpus", PLAN.corpus, "--steps", "8", "--batch-size", "2", "--n-ctx", "32"]
    options += ["--evaluations", "4", "--seeds", "2"]
    return ["-m", "llm", "scale", str(folder), *options]


def environment(folder):
    """Of a process of its own."""
    root = Path(__file__).resolve().parents[2]
    return os.environ | {"PYTHONPATH": str(root), "GLASSBOX_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}


def test_killed_it_goes_on(tmp_path, whole):
    """SIGKILL in the middle; started again, the command ends with the losses of a sweep that was left alone."""
    command = [sys.executable, *command_of(tmp_path / "killed")]
    first = subprocess.Popen(command, env=environment(tmp_path), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list((tmp_path / "killed").glob("runs/width-16-seed-2/metrics.jsonl")):
        assert time.monotonic() < deadline and first.poll() is None
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.wait()
    for _ in Sweep.open(tmp_path / "killed").train():
        pass
    assert losses(Sweep.open(tmp_path / "killed")) == losses(whole)


def test_several_share_a_sweep(tmp_path, whole):
    """Three at a time: together they make each step once, the largest first, and all end when everything is trained."""
    shared, made, ended = Sweep.create(tmp_path / "shared", PLAN), [], []
    ready = threading.Barrier(3)

    def work(who):
        sweep = Sweep.open(tmp_path / "shared")
        assert sweep.points  # takes its time, and all begin together
        ready.wait(60)
        for progress in sweep.train(largest_first=True):
            if isinstance(progress.event, StepEvent):
                made.append((who, progress.point.id, progress.event.step))
        ended.append(all(map(sweep.ended, sweep.points)))

    threads = [threading.Thread(target=work, args=(who,)) for who in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended == [True] * 3
    assert len(made) == len({(point, step) for _, point, step in made}) == 4 * 8
    assert len({who for who, _, _ in made}) >= 2
    for one in range(3):
        widths = [point.split("-")[1] for who, point, _ in made if who == one]
        assert widths == sorted(widths, reverse=True)
    assert losses(shared) == losses(whole)
    assert {path.name for path in shared.runs.iterdir()} == {point.id for point in shared.points}


def test_what_another_has_is_waited_for(tmp_path):
    """Its process ends without having trained it: then it is trained here, and only then the sweep has ended."""
    sweep, other = (Sweep.create(tmp_path, PLAN.replace(widths=("16",))) for _ in range(2))
    theirs = other.train()
    while next(theirs).point.id != "width-16-seed-1":
        pass
    mine = sweep.train()
    assert next(mine).point.id == "width-16-seed-2"
    theirs.close()
    assert {progress.point.id for progress in mine} == {"width-16-seed-2", "width-16-seed-1"}
    assert all(map(sweep.ended, sweep.points))


MORTAL = """
import os, signal, sys, time
from llm.cli.parser import main
from llm.training.trainer import Trainer

make_step = Trainer._make_step

def make_or_die(trainer):
    if trainer.step == 5 and os.environ["RANK"] == "1":
        if sys.argv[1] == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        os.kill(os.getppid(), signal.SIGINT)  # torchrun hands it on to all
        time.sleep(60)
    return make_step(trainer)

Trainer._make_step = make_or_die
sys.exit(main(sys.argv[4:]))  # after what is to happen and -m llm
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["kill", "stop"])
def test_torchrun_spreads_a_sweep(tmp_path, how):
    """Two processes, one killed or both stopped by Ctrl-C: started again they end as a sweep of one, told of once."""
    (tmp_path / "mortal.py").write_text(MORTAL, encoding="utf-8")

    def torchrun(*command):
        return subprocess.run(
            [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", *command],
            cwd=tmp_path, env=environment(tmp_path), capture_output=True, encoding="utf-8", timeout=100,
        )  # fmt: skip

    command = command_of(tmp_path / "spread")
    assert torchrun("mortal.py", how, *command).returncode != 0
    again = torchrun(*command)
    whole, spread = Sweep.create(tmp_path / "whole", PLAN), Sweep.open(tmp_path / "spread")
    steps_of(whole)
    assert losses(spread) == losses(whole)
    assert [(row.point, row.loss) for row in read_table(spread.path / "table.csv")] == [
        (row.point, row.loss) for row in whole.rows()
    ]
    for told in ("16 losses are in", "A law needs losses of at least 3 sizes"):
        assert again.stderr.count(told) == 1
    assert {path.name for path in spread.runs.iterdir()} == {point.id for point in spread.points}


def test_the_table_comes_back_as_it_was(tmp_path):
    """CSV and back: every number of every row."""
    sweep = Sweep.create(tmp_path, PLAN.replace(widths=("16",), seeds=1))
    steps_of(sweep)
    (tmp_path / "table.csv").write_text(to_csv(sweep.rows()))
    assert read_table(tmp_path / "table.csv") == sweep.rows() != []
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="no table of a sweep"):
        read_table(tmp_path / "table.csv")


def test_parameters_and_flops_are_those_that_torch_counts():
    """Every way to count, of every size, against the module's own tensors; FLOPs against torch's counter."""
    for point in PLAN.replace(n_ctx=16, widths=("16", "48", "64")).points(vocab_size=97):
        model = GPT(point.model)
        blocks = sum(p.numel() for p in model.h.parameters())
        assert COUNTS["all"](point.model) == sum(p.numel() for p in model.parameters())
        assert COUNTS["blocks"](point.model) == blocks
        assert COUNTS["blocks and head"](point.model) == blocks + model.wte.weight.numel()
        x_BT = torch.zeros(2, 16, dtype=torch.long)
        with FlopCounterMode(display=False) as counter, torch.nn.attention.sdpa_kernel(
            torch.nn.attention.SDPBackend.MATH
        ):  # fmt: skip
            model(x_BT)
        assert counter.get_total_flops() == flops_per_token(point.model, training=False) * x_BT.numel()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [({"widths": ()}, "widths"), ({"widths": ("16", "17")}, "multiples of 16"), ({"widths": ("nan",)}, "widths"),
     ({"seeds": 0}, "seeds"), ({"rates": ("0",)}, "rates"), ({"widths": ("16", "16")}, "different")],
)  # fmt: skip
def test_plans_that_make_no_sense_are_refused(wrong, says):
    """Each with what is wrong."""
    with pytest.raises(ValueError, match=says):
        PLAN.replace(**wrong)


def test_another_plan_needs_another_folder(tmp_path):
    """A sweep is never trained on with other settings than it began with."""
    Sweep.create(tmp_path, PLAN)
    with pytest.raises(ValueError, match="another plan"):
        Sweep.create(tmp_path, PLAN.replace(seeds=1))
