"""The page's sampler (assets/shared/sampler.js), run in Node against llm.filters on the same logits."""

import itertools
import json
import math
import random

import pytest
import torch

from llm.config import DEFAULT_ORDER, SAMPLERS, SamplingConfig
from llm.filters import FUNCTIONS, filter_logits

V = 41
PREVIOUS = [3, 7, 7, 0, 40]
GRID = [
    {"repetition_penalty": penalty, "temperature": temperature, "top_k": k, "top_p": p, "min_p": min_p}
    for penalty, temperature, k, p, min_p in itertools.product(
        (0.5, 1.0, 1.7), (0.0, 0.1, 1.0, 2.0, 10.0), (0, 1, 7, V, V + 10), (0.0, 1e-9, 0.5, 0.9, 1.0), (0.0, 0.1, 1.0)
    )
]
TYPICAL = [
    {"temperature": temperature, "top_k": k, "top_p": p, "typical_p": typical}
    for temperature, k, p, typical in itertools.product(
        (0.0, 0.5, 1.0, 2.0), (0, 9), (0.8, 1.0), (0.0, 1e-9, 0.2, 0.5, 0.9, 0.999)
    )
]
EACH = [
    {"temperature": temperature, name: value}
    for name, known in SAMPLERS.items()
    for value in ((1, 7, V) if known.kind == "whole" else [share * min(known.high, 2) for share in (0.01, 0.2, 0.5)])
    for temperature in (0.5, 2.0)
]
"""Each sampler there is, after a temperature."""


def in_any_order(cases: list[dict]) -> list[dict]:
    """The same settings, each in an order of its own, typical-p among them."""
    chance = random.Random(1)
    return [
        {"typical_p": chance.choice((0.3, 0.9, 1.0)), **case, "order": chance.sample(DEFAULT_ORDER, len(DEFAULT_ORDER))}
        for case in cases
    ]


@pytest.fixture
def page_sampler(node, tmp_path):
    """page_sampler(rows, settings) -> the page's probabilities and filtered logits, a row each."""

    def run(rows, settings):
        cases = {"length": rows.size(1), "settings": settings, "previous": PREVIOUS}
        (tmp_path / "cases.json").write_text(json.dumps(cases), encoding="utf-8")
        (tmp_path / "rows.bin").write_bytes(rows.numpy().tobytes())
        names = ("cases.json", "rows.bin", "odds.bin", "kept.bin")
        done = node("sampler.mjs", *(tmp_path / name for name in names))
        assert done.returncode == 0, done.stderr
        answers = (bytearray((tmp_path / name).read_bytes()) for name in names[2:])
        return [torch.frombuffer(answer, dtype=torch.float32).view_as(rows) for answer in answers]

    return run


def compare(page_sampler, cases):
    """Probabilities within 1e-5 of core's, and exactly the same tokens removed. A case is (logits, settings)."""
    rows = torch.stack([logits for logits, _ in cases])
    odds, kept = page_sampler(rows, [settings for _, settings in cases])
    for (logits, settings), final, filtered in zip(cases, odds, kept, strict=True):
        config = SamplingConfig.from_dict(settings)
        expected = filter_logits(logits[None], config, torch.tensor([PREVIOUS]))[0]
        assert torch.equal(filtered.isfinite(), expected.isfinite()), settings
        assert torch.allclose(filtered, expected, rtol=1e-6, atol=1e-6), settings
        assert torch.allclose(final, expected.softmax(dim=-1), rtol=0, atol=1e-5), settings


def test_sampler_js_equals_core_without_ties(page_sampler):
    """Every combination of settings on random logits gives llm.filters's probabilities."""
    generator = torch.Generator().manual_seed(1)
    cases = GRID + TYPICAL + EACH + in_any_order(GRID[::3] + TYPICAL)
    compare(page_sampler, [(torch.randn(V, generator=generator) * 3, settings) for settings in cases])


def test_sampler_js_equals_core_with_ties(page_sampler):
    """Logits on a coarse grid: which of many equal tokens are kept is llm.filters's choice too."""
    generator = torch.Generator().manual_seed(2)
    cases = GRID + TYPICAL + EACH + in_any_order(GRID[::3] + TYPICAL)
    compare(page_sampler, [((torch.randn(V, generator=generator) * 4).round() / 2, settings) for settings in cases])


def test_sampler_js_equals_core_on_extremes(page_sampler):
    """All equal, one survivor, both zeros, ruled-out tokens, huge logits and a vanishing temperature."""
    ruled_out = torch.linspace(-3, 3, V)
    ruled_out[::2] = -math.inf
    lonely = torch.full((V,), -math.inf)
    lonely[5] = -2.0
    zeros = torch.tensor([0.0, -0.0, 1.0, -1.0] * 11)[:V]
    rows = [torch.zeros(V), torch.full((V,), -7.0), ruled_out, lonely, zeros, torch.linspace(-1, 1, V) * 1e30]
    cases = GRID[::7] + TYPICAL + EACH + in_any_order(GRID[::11] + TYPICAL)
    compare(page_sampler, [(row, settings) for row in rows for settings in cases])
    compare(page_sampler, [(row, {"temperature": t}) for row in rows for t in (1e-38, 1e-300)])


def test_sampler_js_equals_core_on_a_large_vocabulary(page_sampler):
    """GPT-2's 50,257 tokens, where small errors of a sum could move the cut of top-p."""
    generator = torch.Generator().manual_seed(3)
    settings = [{"top_p": 0.9}, {"temperature": 0.7, "top_k": 40}, {"temperature": 1.3, "min_p": 0.02, "top_p": 0.99}]
    settings += [{"typical_p": 0.9}, {"typical_p": 0.5, "top_k": 2_000, "order": list(DEFAULT_ORDER[::-1])}]
    compare(page_sampler, [(torch.randn(50_257, generator=generator) * 2.5 - 30, one) for one in settings])


def asked(node, expression):
    """What an expression over the page's sampler, as `sampler`, is worth."""
    script = f"import * as sampler from '../../assets/shared/sampler.js'; console.log(JSON.stringify({expression}))"
    done = node("--input-type=module", "--eval", script)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_sampler_js_sorts_stably(node):
    """Least likely first, equal logits by id, negative and positive, both zeros equal: torch's stable sort."""
    logits = (torch.randn(3_000, generator=torch.Generator().manual_seed(4)) * 8).round() / 2
    order = asked(node, f"[...sampler.ascending(Float32Array.from({logits.tolist()}))]")
    assert order == logits.sort(stable=True).indices.tolist()


def test_the_table_is_cores(node):
    """A row for each of llm's samplers, in its order and off at its default; those that read back say so."""
    off = {**{name: setting.default for name, setting in SAMPLERS.items()}, "order": list(DEFAULT_ORDER)}
    order, page_off, none, each = asked(
        node, "[sampler.ORDER, sampler.OFF, sampler.readsBack(sampler.OFF), "
        "sampler.ORDER.map((name) => sampler.readsBack({ ...sampler.OFF, [name]: 0.25 }))]"
    )  # fmt: skip
    assert tuple(order) == DEFAULT_ORDER and page_off == off
    assert not none and each == [FUNCTIONS[name].needs_previous for name in DEFAULT_ORDER]
