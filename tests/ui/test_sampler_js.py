"""The page's sampler (assets/shared/sampler.js), run in Chromium against llm.filters on the same logits."""

import base64
import itertools
import math
import random

import pytest
import torch

from llm.config import DEFAULT_ORDER, SAMPLERS, SamplingConfig
from llm.filters import FUNCTIONS, filter_logits
from llm.ui.bundle import bundle
from llm.ui.panel import ASSETS

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


def in_any_order(cases: list[dict]) -> list[dict]:
    """The same settings, each in an order of its own, typical-p among them."""
    chance = random.Random(1)
    return [
        {"typical_p": chance.choice((0.3, 0.9, 1.0)), **case, "order": chance.sample(DEFAULT_ORDER, len(DEFAULT_ORDER))}
        for case in cases
    ]


# Rows travel as the bytes of their float32 numbers: exact, infinities included, and fast.
RUN = """([bytes, length, cases, previous]) => {
  const rows = new Float32Array(Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0)).buffer);
  const odds = new Float32Array(rows.length), kept = new Float32Array(rows.length);
  cases.forEach((settings, n) => {
    const row = rows.slice(n * length, (n + 1) * length);
    const order = glassbox.ascending(row);  // as the page has it at hand
    odds.set(glassbox.apply(row, settings, previous, order).final, n * length);
    kept.set(glassbox.filterLogits(row, settings, previous), n * length);
  });
  const packed = (numbers) => {
    const bytes = new Uint8Array(numbers.buffer), parts = [];
    for (let i = 0; i < bytes.length; i += 8192) parts.push(String.fromCharCode(...bytes.subarray(i, i + 8192)));
    return btoa(parts.join(""));
  };
  return [packed(odds), packed(kept)];
}"""


@pytest.fixture(scope="module")
def sampler(browser):
    """A page with nothing but the sampler on it."""
    page = browser.new_page()
    page.add_script_tag(content=bundle(ASSETS, "shared/sampler.js", []))
    yield page
    page.close()


def compare(page, cases):
    """Probabilities within 1e-5 of core's, and exactly the same tokens removed. A case is (logits, settings)."""
    rows = torch.stack([logits for logits, _ in cases])
    sent = base64.b64encode(rows.numpy().tobytes()).decode()
    answer = page.evaluate(RUN, [sent, rows.size(1), [settings for _, settings in cases], PREVIOUS])
    odds, kept = (torch.frombuffer(bytearray(base64.b64decode(part)), dtype=torch.float32) for part in answer)
    for (logits, settings), final, filtered in zip(cases, odds.view_as(rows), kept.view_as(rows), strict=True):
        config = SamplingConfig.from_dict(settings)
        expected = filter_logits(logits[None], config, torch.tensor([PREVIOUS]))[0]
        assert torch.equal(filtered.isfinite(), expected.isfinite()), settings
        assert torch.allclose(filtered, expected, rtol=1e-6, atol=1e-6), settings
        assert torch.allclose(final, expected.softmax(dim=-1), rtol=0, atol=1e-5), settings


def test_sampler_js_equals_core_without_ties(sampler):
    """Every combination of settings on random logits gives llm.filters's probabilities."""
    generator = torch.Generator().manual_seed(1)
    cases = GRID + TYPICAL + in_any_order(GRID[::3] + TYPICAL)
    compare(sampler, [(torch.randn(V, generator=generator) * 3, settings) for settings in cases])


def test_sampler_js_equals_core_with_ties(sampler):
    """Logits on a coarse grid: which of many equal tokens are kept is llm.filters's choice too."""
    generator = torch.Generator().manual_seed(2)
    cases = GRID + TYPICAL + in_any_order(GRID[::3] + TYPICAL)
    compare(sampler, [((torch.randn(V, generator=generator) * 4).round() / 2, settings) for settings in cases])


def test_sampler_js_equals_core_on_extremes(sampler):
    """All equal, one survivor, both zeros, ruled-out tokens, huge logits and a vanishing temperature."""
    ruled_out = torch.linspace(-3, 3, V)
    ruled_out[::2] = -math.inf
    lonely = torch.full((V,), -math.inf)
    lonely[5] = -2.0
    zeros = torch.tensor([0.0, -0.0, 1.0, -1.0] * 11)[:V]
    rows = [torch.zeros(V), torch.full((V,), -7.0), ruled_out, lonely, zeros, torch.linspace(-1, 1, V) * 1e30]
    cases = GRID[::7] + TYPICAL + in_any_order(GRID[::11] + TYPICAL)
    compare(sampler, [(row, settings) for row in rows for settings in cases])
    compare(sampler, [(row, {"temperature": t}) for row in rows for t in (1e-38, 1e-300)])


def test_sampler_js_equals_core_on_a_large_vocabulary(sampler):
    """GPT-2's 50,257 tokens, where small errors of a sum could move the cut of top-p."""
    generator = torch.Generator().manual_seed(3)
    settings = [{"top_p": 0.9}, {"temperature": 0.7, "top_k": 40}, {"temperature": 1.3, "min_p": 0.02, "top_p": 0.99}]
    settings += [{"typical_p": 0.9}, {"typical_p": 0.5, "top_k": 2_000, "order": list(DEFAULT_ORDER[::-1])}]
    compare(sampler, [(torch.randn(50_257, generator=generator) * 2.5 - 30, one) for one in settings])


def test_sampler_js_sorts_stably(sampler):
    """Least likely first, equal logits by id, negative and positive, both zeros equal: torch's stable sort."""
    logits = (torch.randn(3_000, generator=torch.Generator().manual_seed(4)) * 8).round() / 2
    order = sampler.evaluate("(x) => Array.from(glassbox.ascending(Float32Array.from(x)))", logits.tolist())
    assert order == logits.sort(stable=True).indices.tolist()


def test_an_order_is_mended_where_temperature_makes_ties(sampler):
    """From the order of other logits, near or far, the same order comes out as without it."""
    made = sampler.evaluate("""() => {
      const { ascending } = glassbox, row = Float32Array.from({ length: 5000 }, (_, i) => Math.sin(i * i));
      const known = ascending(row), written = (order) => JSON.stringify([...order]);
      const alike = (x) => written(ascending(x, known)) === written(ascending(x));
      const ties = row.map((x) => x * 1e-44), far = row.map((x) => -x), few = row.slice();
      few[4999] = 5; few[0] = -5; few[17] = few[18];
      return [new Set(ties).size < 20, alike(row.map((x) => x / 0.3)), alike(ties), alike(far), alike(few)];
    }""")
    assert made == [True] * 5


def test_sampler_js_refuses_what_core_refuses(sampler):
    """NaN, +inf, or nothing left to choose: no picture is drawn of that."""
    refused = sampler.evaluate("""() => [[0, NaN], [0, Infinity], [-Infinity, -Infinity]].flatMap((row) =>
      [{}, { temperature: 0, top_p: 0.5 }, { typical_p: 0.5 }].map((settings) => {
        try { glassbox.apply(Float32Array.from(row), settings); return false; } catch { return true; }
      }))""")
    assert refused == [True] * 9


def test_entropy_is_in_bits(sampler):
    """Four equal choices are two bits; one choice is none."""
    bits = "(p) => glassbox.entropy(p)"
    assert sampler.evaluate(bits, [0.25] * 4) == 2.0
    assert sampler.evaluate(bits, [1.0, 0.0]) == 0.0


def test_the_table_is_cores(sampler):
    """A row for each of llm's samplers, in its order and off at its default; those that read back say so."""
    assert tuple(sampler.evaluate("() => glassbox.ORDER")) == DEFAULT_ORDER
    off = {**{name: setting.default for name, setting in SAMPLERS.items()}, "order": list(DEFAULT_ORDER)}
    assert sampler.evaluate("() => glassbox.OFF") == off
    for name, function in FUNCTIONS.items():
        assert sampler.evaluate("(one) => glassbox.readsBack(one)", {**off, name: 0.25}) == function.needs_previous
    assert not sampler.evaluate("(one) => glassbox.readsBack(one)", off)


def test_total_variation(sampler):
    """Half the sum of what is apart."""
    assert sampler.evaluate("() => glassbox.distance([0.5, 0.5, 0], [0.25, 0.5, 0.25])") == 0.25
