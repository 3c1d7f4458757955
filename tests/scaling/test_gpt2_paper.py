"""What is said of GPT-2's four sizes: counted as torch counts, and in one voice with the README."""

import re
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from llm.config import GPT2_SIZES
from llm.model import GPT
from llm.scaling.gpt2_paper import PRINTED, SIZES, TABLE_3, size_of

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_parameters_are_those_of_the_released_weights():
    """As counted in OpenAI's checkpoints; more than the paper prints, every time."""
    assert [size.n_params for size in SIZES.values()] == [124_439_808, 354_823_168, 774_030_080, 1_557_611_200]
    for size, printed in zip(SIZES.values(), PRINTED, strict=True):
        assert size.n_params > int(printed.removesuffix("M")) * 10**6


@pytest.mark.parametrize("name", GPT2_SIZES)
def test_sizes_are_those_of_the_module_itself(name):
    """Built without memory: parameters, those in blocks, bytes, and the operations that torch's counter counts."""
    config, size = GPT2_SIZES[name], SIZES[name]
    model = GPT(config, seed=None).to("meta")
    assert size.n_params == sum(p.numel() for p in model.parameters())
    assert size.in_blocks == sum(p.numel() for p in model.h.parameters())
    assert size.bytes == sum(p.numel() * p.element_size() for p in model.parameters())
    ids = torch.zeros(1, config.n_ctx, dtype=torch.long, device="meta")
    with FlopCounterMode(display=False) as counter, torch.nn.attention.sdpa_kernel(
        torch.nn.attention.SDPBackend.MATH
    ):  # fmt: skip
        model(ids)
    assert counter.get_total_flops() == size.forward * config.n_ctx
    assert size.training == 3 * size.forward


def test_every_size_is_better_than_the_one_before():
    """But for one noun test of the paper's, where the two largest change places; so a slip of the pen is seen."""
    for row in TABLE_3:
        steps = [b - a if row.higher_is_better else a - b for a, b in zip(row.scores, row.scores[1:], strict=False)]
        assert sum(step < 0 for step in steps) == (row.text == "CBT, common nouns"), row


def test_the_readme_tells_the_same():
    """Its table is part of this one, figure for figure."""
    told = {f"{row.text}, {row.measure}": row.scores for row in TABLE_3}
    found = [line for line in README.splitlines() if re.match(r"\| [\w -]+, (perplexity|accuracy|bits)", line)]
    assert len(found) >= 8
    for line in found:
        what, *scores = (part.strip() for part in line.strip("| ").split("|"))
        assert tuple(map(float, scores)) == told[what]
    for printed in PRINTED:
        assert printed in README


def test_a_model_of_any_size_is_measured_alike():
    """The visitor's own, beside the four."""
    small = size_of(GPT2_SIZES["gpt2"].replace(n_layer=1, vocab_size=100))
    assert small.n_layer == 1 and small.bytes == 4 * small.n_params and small.forward < SIZES["gpt2"].forward
