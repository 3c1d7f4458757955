"""What measuring the layers costs a training: `python tests/benchmarks/layer_stats.py [INTERVALS]`.

Trains two models that differ in `layer_stats` alone, in turns from one evaluation to the next, in one
process. Prints the tokens per second of both and, the number to hold down, the ratio: only steps and what
the measuring itself takes are counted, no other part of an evaluation that would make its share look small.
"""

import os
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 2) - 1)))  # as app.py does

from llm.config import ModelConfig, TrainConfig
from llm.corpora import load_corpus
from llm.runs.assembly import Prepared, make_trainer, prepare
from llm.settings import settings_of
from llm.tokenizers import train_tokenizer
from llm.training.events import LayerEvent, SnapshotEvent, StepEvent
from llm.training.hardware import denormals_flushed
from llm.training.trainer import Trainer
from llm.ui.train.presets import FORM, PRESETS

INTERVALS = int(sys.argv[1]) if len(sys.argv) > 1 else 12
SHAPES = {"tales": {}, "characters": {"corpus": "tales", "n_layer": 4, "n_head": 4, "n_embd": 128}}
"""Presets, and what is changed of them: a text that is here without the network."""


def prepared_for(settings: dict) -> Prepared:
    corpus = load_corpus(settings["corpus"])
    kind = settings.get("tokenizer", "character")
    tokenizer = train_tokenizer(kind, corpus.text, settings["vocab_size"] if kind == "bpe" else None)
    return prepare(settings["corpus"], corpus, tokenizer)


def trainer_for(prepared: Prepared, settings: dict, *, measured: bool) -> Trainer:
    values = {name: setting.default for name, setting in FORM.items()} | settings | {"layer_stats": measured}
    values["max_steps"] = (INTERVALS + 1) * values["eval_interval"]  # however short the preset is
    shape = {name: values[name] for name in settings_of(ModelConfig) if name in values} | {
        "vocab_size": prepared.tokenizer.vocab_size
    }
    train = {name: values[name] for name in settings_of(TrainConfig) if name in values}
    return make_trainer(prepared, ModelConfig(**shape), TrainConfig(**train), prepared.asked, device="cpu")


@denormals_flushed()
def seconds_of_an_interval(trainer: Trainer) -> float:
    """Until the next evaluation is over: its steps, and its measuring of the layers."""
    seconds, asked = 0.0, time.perf_counter()
    for event in trainer:
        if isinstance(event, StepEvent):
            seconds += event.seconds
        elif isinstance(event, LayerEvent):
            seconds += time.perf_counter() - asked
        elif isinstance(event, SnapshotEvent) and event.evaluated:
            break
        asked = time.perf_counter()
    return seconds


def compare(name: str, shape: dict) -> None:
    settings = {"vocab_size": 0} | next(preset for preset in PRESETS if preset["name"] == name)["settings"] | shape
    prepared = prepared_for(settings)
    trainers = [trainer_for(prepared, settings, measured=measured) for measured in (False, True)]
    for trainer in trainers:
        seconds_of_an_interval(trainer)  # the untrained model's report
        seconds_of_an_interval(trainer)  # everything is warm after it
    times: list[list[float]] = [[], []]
    for turn in range(INTERVALS):
        for which in (0, 1) if turn % 2 else (1, 0):  # whoever goes first has no advantage
            times[which].append(seconds_of_an_interval(trainers[which]))
    config, model = trainers[0].config, trainers[0].model.config
    tokens = config.eval_interval * config.batch_size * model.n_ctx
    plain, measured = (tokens / statistics.median(column) for column in times)
    ratio = statistics.median(without / with_ for without, with_ in zip(*times, strict=True))
    shape_of = f"{model.n_layer} x {model.n_head} x {model.n_embd}, batch {config.batch_size}"
    print(f"{name} ({shape_of}): {plain:,.0f} tokens/s, {measured:,.0f} with the layers measured: {ratio:.3f}")


if __name__ == "__main__":
    for preset, changes in SHAPES.items():
        compare(preset, changes)
