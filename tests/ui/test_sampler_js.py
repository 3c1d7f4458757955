"""The page's sampler (assets/sampler.js), run in Chromium against llm.sampler on the same logits."""

import itertools
import math

import pytest
import torch

from llm.config import SamplingConfig
from llm.sampler import filter_logits
from llm.ui.components import ASSETS

V = 41
PREVIOUS = [3, 7, 7, 0, 40]
GRID = [
    {"repetition_penalty": penalty, "temperature": temperature, "top_k": k, "top_p": p, "min_p": min_p}
    for penalty, temperature, k, p, min_p in itertools.product(
        (0.5, 1.0, 1.7), (0.0, 0.1, 1.0, 2.0, 10.0), (0, 1, 7, V, V + 10), (0.0, 1e-9, 0.5, 0.9, 1.0), (0.0, 0.1, 1.0)
    )
]
RUN = """(cases) => cases.map(({ logits, settings, previous }) => {
  const row = Float32Array.from(logits.map((x) => (x === null ? -Infinity : x)));
  const { final } = glassbox.sampler.apply(row, settings, previous);
  const filtered = glassbox.sampler.filterLogits(row, settings, previous);
  return [Array.from(final), Array.from(filtered, (x) => (x === -Infinity ? null : x))];
})"""


@pytest.fixture(scope="module")
def sampler(browser):
    """A page with nothing but the sampler on it."""
    page = browser.new_page()
    page.evaluate("() => { window.glassbox = {}; }")
    page.add_script_tag(content=(ASSETS / "generate" / "sampler.js").read_text(encoding="utf-8"))
    yield page
    page.close()


def compare(page, cases):
    """Probabilities within 1e-5 of llm.sampler's, and exactly the same tokens removed.

    A case is (logits, settings). Python's infinities have no JSON, so -inf travels as null.
    """
    sent = [
        {"logits": [None if x == -math.inf else x for x in logits.tolist()], "settings": settings, "previous": PREVIOUS}
        for logits, settings in cases
    ]
    for (logits, settings), (odds, filtered) in zip(cases, page.evaluate(RUN, sent), strict=True):
        expected = filter_logits(logits[None], SamplingConfig(**settings), torch.tensor([PREVIOUS]))[0]
        actual = torch.tensor([-math.inf if x is None else x for x in filtered], dtype=torch.float32)
        assert torch.equal(actual.isfinite(), expected.isfinite()), settings
        torch.testing.assert_close(actual, expected, rtol=1e-6, atol=1e-6, msg=str(settings))
        final = torch.tensor(odds, dtype=torch.float32)  # JSON has no floats: 1.0 comes back whole
        torch.testing.assert_close(final, expected.softmax(dim=-1), rtol=0, atol=1e-5, msg=str(settings))


def test_sampler_js_equals_core_without_ties(sampler):
    """Every combination of settings on random logits gives llm.sampler's probabilities."""
    generator = torch.Generator().manual_seed(1)
    compare(sampler, [(torch.randn(V, generator=generator) * 3, settings) for settings in GRID])


def test_sampler_js_equals_core_with_ties(sampler):
    """Logits on a coarse grid: which of many equal tokens are kept is llm.sampler's choice too."""
    generator = torch.Generator().manual_seed(2)
    compare(sampler, [((torch.randn(V, generator=generator) * 4).round() / 2, settings) for settings in GRID])


def test_sampler_js_equals_core_on_extremes(sampler):
    """All equal, one survivor, both zeros, ruled-out tokens, huge logits and a vanishing temperature."""
    ruled_out = torch.linspace(-3, 3, V)
    ruled_out[::2] = -math.inf
    lonely = torch.full((V,), -math.inf)
    lonely[5] = -2.0
    zeros = torch.tensor([0.0, -0.0, 1.0, -1.0] * 11)[:V]
    rows = [torch.zeros(V), torch.full((V,), -7.0), ruled_out, lonely, zeros, torch.linspace(-1, 1, V) * 1e30]
    compare(sampler, [(row, settings) for row in rows for settings in GRID[::7]])
    compare(sampler, [(row, {"temperature": t}) for row in rows for t in (1e-38, 1e-300)])


def test_sampler_js_equals_core_on_a_large_vocabulary(sampler):
    """GPT-2's 50,257 tokens, where small errors of a sum could move the cut of top-p."""
    generator = torch.Generator().manual_seed(3)
    settings = [{"top_p": 0.9}, {"temperature": 0.7, "top_k": 40}, {"temperature": 1.3, "min_p": 0.02, "top_p": 0.99}]
    compare(sampler, [(torch.randn(50_257, generator=generator) * 2.5 - 30, one) for one in settings])


def test_sampler_js_sorts_stably(sampler):
    """Least likely first, equal logits by id, negative and positive, both zeros equal: torch's stable sort."""
    logits = (torch.randn(3_000, generator=torch.Generator().manual_seed(4)) * 8).round() / 2
    order = sampler.evaluate("(x) => Array.from(glassbox.sampler.ascending(Float32Array.from(x)))", logits.tolist())
    assert order == logits.sort(stable=True).indices.tolist()


def test_sampler_js_refuses_what_core_refuses(sampler):
    """NaN, +inf, or nothing left to choose: no picture is drawn of that."""
    refused = sampler.evaluate("""() => [[0, NaN], [0, Infinity], [-Infinity, -Infinity]].map((row) => {
      try { glassbox.sampler.apply(Float32Array.from(row), {}); return false; } catch { return true; }
    })""")
    assert refused == [True, True, True]


def test_entropy_is_in_bits(sampler):
    """Four equal choices are two bits; one choice is none."""
    bits = "(p) => glassbox.sampler.entropy(p)"
    assert sampler.evaluate(bits, [0.25] * 4) == 2.0
    assert sampler.evaluate(bits, [1.0, 0.0]) == 0.0
