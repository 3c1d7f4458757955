"""A tiny training, for the tests of all that happens in one."""

import dataclasses

from llm.config import ModelConfig, TrainConfig
from llm.data import encode_corpus, split
from llm.model import GPT
from llm.runs.snapshots import Snapshots
from llm.tokenizers import train_tokenizer
from llm.training.events import StepEvent
from llm.training.trainer import Trainer

TEXT = "the cat sat on the mat, and the dog lay by the door. " * 12
TOKENIZER = train_tokenizer("character", TEXT)
SPLITS = split(encode_corpus(TOKENIZER, TEXT))
MODEL = ModelConfig(TOKENIZER.vocab_size, n_ctx=16, n_embd=24, n_head=2, n_layer=2)
CONFIG = TrainConfig(
    max_steps=12, batch_size=4, eval_interval=5, eval_windows=3, sample_tokens=6, warmup_steps=2, learning_rate=3e-3
)


def make(config=CONFIG, dropout=0.2, **more):
    """A trainer that has not begun."""
    model = GPT(MODEL.replace(dropout=dropout))
    return Trainer(model, *SPLITS, config, prompt_ids=TOKENIZER.encode("the"), **more)


def kept_model(run, step):
    """The model of one of a run's snapshots."""
    return Snapshots(run.path / "snapshots").load(step)


def timeless(events):
    """The events without how long each step took, which no two runs share."""
    return [dataclasses.replace(e, seconds=0.0) if isinstance(e, StepEvent) else e for e in events]


def step_once(trainer):
    """The events up to and including the next step's, or to the end."""
    return until(trainer, lambda event: isinstance(event, StepEvent))


def until(trainer, is_last):
    """The events up to the first one for which `is_last` is true."""
    events = []
    for event in trainer:
        events.append(event)
        if is_last(event):
            break
    return events
