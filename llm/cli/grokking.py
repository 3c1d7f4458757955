"""`python -m llm grokking`: train on sums modulo a prime until they are understood, and note how it went."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm.cli.options import add_device, command, device_of
from llm.cli.output import say

if TYPE_CHECKING:
    import torch

    from llm.runs.run import Run


def add_grokking(commands: Any) -> None:
    """The command and its options."""
    parser = command(
        commands,
        grokking,
        "learn sums by heart, then understand them: both kinds of right answers, and the embedding's waves",
        "grokking sums --seed 1 --seed 2",
    )
    parser.add_argument("folder", type=Path, help="where the records go, a file for each seed; the app lists the runs")
    parser.add_argument("--seed", type=int, action="append", metavar="N", help="seed of a training (default 1)")
    parser.add_argument("--max-steps", type=int, metavar="N", help="steps of each (default: those of the preset)")
    add_device(parser)


def grokking(args: argparse.Namespace) -> None:
    """Train one run a seed and write a record of each."""
    from llm.scaling.grokking import KNOWN, first_step, record_of, write_record

    args.folder.mkdir(parents=True, exist_ok=True)
    for seed in args.seed or [1]:
        began = time.process_time()
        run = _trained(seed, args.max_steps, device_of(args.device))
        record = record_of(run, time.process_time() - began)
        write_record(args.folder / f"seed-{seed}.json", record)
        shown, all_shown = (first_step(record.moments, "shown", share) for share in (KNOWN, 1.0))
        understood = first_step(record.moments, "held_out")
        say(
            f"Seed {seed}: {KNOWN:.0%} of the sums it is shown are right from step {shown}, all of them from step "
            f"{all_shown}, {KNOWN:.0%} of the others from step {understood}; {record.seconds / 60:.1f} minutes of a "
            f"core, in {args.folder / f'seed-{seed}.json'}"
        )


def _trained(seed: int, max_steps: int | None, device: torch.device) -> Run:
    from tqdm import tqdm

    from llm.corpora import load_corpus
    from llm.paths import home
    from llm.runs.assembly import make_run, make_trainer, prepare
    from llm.scaling.grokking import CORPUS, MODEL, TRAIN, VOCAB_SIZE
    from llm.tokenizers import train_tokenizer
    from llm.training.events import StepEvent
    from llm.training.hardware import denormals_flushed

    corpus = load_corpus(CORPUS)
    prepared = prepare(CORPUS, corpus, train_tokenizer("bpe", corpus.text, VOCAB_SIZE))
    shape = MODEL.replace(vocab_size=prepared.tokenizer.vocab_size)
    train = TRAIN.replace(seed=seed, max_steps=max_steps or TRAIN.max_steps)
    with denormals_flushed(), tqdm(total=train.max_steps, unit="step", disable=None) as bar:
        trainer = make_trainer(prepared, shape, train, prepared.asked, device=device)
        run = make_run(home() / "runs", prepared, shape, train, corpus=corpus.name, name=f"Grokking, seed {seed}")
        for event in trainer:
            run.record(trainer, event)
            if isinstance(event, StepEvent):
                bar.update()
    return run
