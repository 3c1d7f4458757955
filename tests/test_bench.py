"""`python -m llm bench`: its parts run, on tiny shapes, and what they print can be told apart."""

from types import SimpleNamespace

import pytest
import torch

from llm.bench import quality
from llm.bench.device import table
from llm.bench.timing import Where
from llm.cli.parser import main
from llm.config import ModelConfig
from llm.data import Splits

pytest.importorskip("transformers")
TINY = ModelConfig(97, n_ctx=32, n_embd=16, n_head=2, n_layer=2)


def test_the_table_of_a_card_comes_whole_from_a_processor(monkeypatch):
    """Training, writing and looking, each with a figure; with a stated peak there is an MFU."""
    monkeypatch.setattr("llm.bench.throughput.compiled", lambda loss, *rest: loss)  # compiling takes a minute
    rows = list(
        table(Where(torch.device("cpu"), torch.bfloat16), "A card like an L4", TINY, 1, batch_size=2, new_tokens=4)
    )
    whats = [row.what for row in rows]
    assert whats[:4] == ["products", "training, transformers, no dropout", "training, ours", "training, ours, compiled"]
    assert sum(what.startswith("writing in float32") for what in whats) == 3
    assert sum(what.startswith("writing in bfloat16") for what in whats) == 3
    assert whats[-1] == "32 tokens to 2 x 2 heads"
    assert all(row.figure for row in rows) and "MFU" in rows[2].beside


def test_quality_tells_each_seed_and_the_median(monkeypatch, capsys):
    """Seeds that nothing was tuned on, a block each, then the medians of all."""
    tokens = torch.arange(4_000) * 7 % 65
    monkeypatch.setattr(quality, "RECIPE", quality.RECIPE.replace(max_steps=4, warmup_steps=1, batch_size=2))
    monkeypatch.setattr(quality, "FASTEST", quality.FASTEST.replace(max_steps=2, batch_size=2))
    monkeypatch.setattr(quality, "SLICES", 2)
    monkeypatch.setattr(quality, "load_corpus", lambda name: SimpleNamespace(text="To be, or not to be"))
    monkeypatch.setattr(quality, "encode_corpus", lambda *_: tokens)
    monkeypatch.setattr(quality, "split", lambda tokens: Splits(tokens[:3_000], tokens[3_000:]))
    quality.run(3)
    told = capsys.readouterr().out
    for title in ("seed 1001:", "seed 1002:", "seed 1003:", "median of 3 seeds:"):
        assert title in told
    assert told.count("recipe, transformers") == told.count("recipe, our trainer") == 4


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--seeds", "0"], "--seeds is 0"),
        (["--device", "cpu", "quality"], "leave out the parts"),
        (["--device", "nonsense"], "There is no device"),
    ],
)
def test_what_makes_no_sense_is_refused(capsys, options, says):
    """In one sentence, before anything is measured."""
    assert main(["bench", *options]) != 0
    assert says in capsys.readouterr().err
