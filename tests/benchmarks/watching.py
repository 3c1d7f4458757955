"""What watching a run costs: `python tests/benchmarks/watching.py`.

Prints the tokens per second of a run with its page open beside those of the same run from the command
line, in turns and with as many threads; the main-thread time of a chart update, and what is held after
garbage collection along 2,000 of them (curves are thinned by halves, so the heap goes up and down); and
how soon the page reacts while a model trains.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from page import REPEATS, ROOT, TAB, report, start_app
from playwright.sync_api import CDPSession, Page, sync_playwright

TURNS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
STEPS, UPDATES, STEPS_AN_UPDATE = 300, 2_000, 5
WARM_UP, BLOCK = 1_300, 500  # updates after which a page keeps no more evaluations; and between two readings
SETTINGS = {"n_layer": 2, "n_head": 4, "n_embd": 96, "n_ctx": 64, "batch_size": 12, "eval_interval": 50}
THREADS = str(max(1, (os.cpu_count() or 2) - 1))

# A run that goes on and on, drawn by the same functions as a real one.
UPDATE = """async ([updates, each, first]) => {
  const lens = document.querySelector('.gb-panel.gb-train'), chart = lens.querySelector('[data-id=chart]');
  const state = window.bench ||= { digest: glassbox.modules[`train/run_state.js`].runState(), tokens: 0,
    backdrop: { baselines: [{ name: 'ln V', loss: 7.6, floor: false }, { name: 'floor', loss: 1, floor: true }],
      exam: [], passage: Array.from({ length: 97 }, (_, i) => `token${i} `), bytes_per_token: 4, unit: 'tokens' } };
  const { runMoments } = glassbox.modules['train/run_moments.js'];
  state.moments ||= runMoments({ find: (s) => lens.querySelector(s), scrubbed() {} });
  const view = { x: 'step', y: 'linear', right: 'perplexity', smooth: 0.8 }, times = [];
  for (let u = first; u < first + updates; u += 1) {
    const start = performance.now();
    for (let k = 1; k <= each; k += 1) {
      const step = u * each + k, noise = Math.sin(step * 12.9898) * 0.2;
      const numbers = { learning_rate: 0.01 * Math.exp(-step / 9000), tokens_seen: step * 768, seconds: 0.02,
        grad_norm: 1 + noise, clipped_norm: Math.min(1, 1 + noise) };
      state.digest.add({ event: 'step', step, loss: 1.5 + 6 / (1 + step / 300) + noise, ...numbers });
    }
    if (u % 10 === 0) {
      const step = (u + 1) * each, loss = 1.5 + 6 / (1 + step / 300);
      state.digest.add({ event: 'evaluation', step, train_loss: loss, validation_loss: loss + 0.05 });
      state.digest.add({ event: 'sample', step, sample: { prompt: 'Once', text: ` upon a time, ${step}`.repeat(8) } });
      state.digest.add({ event: 'passage', step, passage: Array.from({ length: 96 }, (_, i) => (i * step) % 7) });
    }
    state.moments.show(state.digest, state.backdrop);
    const { digest, backdrop } = state;
    const { runChart } = glassbox.modules['train/run_chart.js'];
    await runChart(chart, { digest, backdrop, view, ghosts: [], exams: [], at: null, id: 'bench' });
    chart.getBoundingClientRect();  // the layout belongs to the update
    times.push(performance.now() - start);
    await new Promise(requestAnimationFrame);
  }
  return times;
}"""
PRESS = """async ([id, word]) => {
  const button = document.querySelector('.gb-train [data-id=pause]'), start = performance.now();
  document.querySelector(`.gb-train [data-id=${id}]`).click();
  while (button.textContent !== word) await new Promise((next) => setTimeout(next, 1));
  return performance.now() - start;
}"""

# From a slider moved to the curves as it wants them, laid out.
SMOOTH = """async (value) => {
  const [chart, slider] = ['chart', 'smooth'].map((id) => document.querySelector(`.gb-train [data-id=${id}]`));
  const all = { attributes: true, childList: true, subtree: true };
  const drawn = new Promise((resolve) => new MutationObserver(resolve).observe(chart, all));
  const start = performance.now();
  slider.value = value;
  slider.dispatchEvent(new Event('input', { bubbles: true }));
  await drawn;
  chart.getBoundingClientRect();
  return performance.now() - start;
}"""


def tokens_per_second(run: Path) -> float:
    """From the first snapshot on the disk to the last: all steps, and all that happens between them."""
    snapshots = sorted((run / "snapshots").iterdir())
    taken = [(path / "model.safetensors").stat().st_mtime for path in (snapshots[0], snapshots[-1])]
    return STEPS * SETTINGS["batch_size"] * SETTINGS["n_ctx"] / (taken[1] - taken[0])


def from_the_command_line(home: str) -> float:
    options = [word for name, value in SETTINGS.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    command = [sys.executable, "-m", "llm", "train", "--corpus", "tales", "--tokenizer", "bpe", "--vocab-size", "2048"]
    environment = {**os.environ, "GLASSBOX_HOME": home, "OMP_NUM_THREADS": THREADS}
    subprocess.run(
        [*command, *options, "--max-steps", str(STEPS)], cwd=ROOT, env=environment, check=True, capture_output=True
    )
    newest = max((Path(home) / "runs").iterdir(), key=lambda path: path.name)
    return tokens_per_second(newest)


def with_the_page_open(page: Page, home: str) -> float:
    page.locator("#gb-run [data-id=start]").click()
    page.wait_for_function(
        "document.querySelector('#gb-run [data-id=status]').textContent === 'Training.'", timeout=60_000
    )
    page.wait_for_function(
        "document.querySelector('#gb-run [data-id=status]').textContent === 'Finished.'", timeout=600_000
    )
    newest = max((Path(home) / "visitors").glob("*/runs/*"), key=lambda path: path.name)
    return tokens_per_second(newest)


def fill(page: Page, steps: int) -> None:
    page.get_by_role("tab", name="Train").click()
    page.locator("#gb-run [data-id=preset]").select_option("tales")
    for name, value in {**SETTINGS, "max_steps": steps}.items():
        page.locator(f"[data-name={name}]").fill(str(value))
    page.locator(".gb-train .gb-rail summary").click()
    page.locator("[data-name=optimizer]").select_option("adamw")
    page.wait_for_function("!document.querySelector('#gb-run [data-id=start]').disabled", timeout=60_000)
    page.wait_for_timeout(4_000)  # the forecast's measurement is over


def held(cdp: CDPSession) -> dict[str, float]:
    """Bytes of heap, DOM nodes and listeners that are still there after garbage collection."""
    for _ in range(3):
        cdp.send("HeapProfiler.collectGarbage")
    metrics = {entry["name"]: entry["value"] for entry in cdp.send("Performance.getMetrics")["metrics"]}
    return {name: metrics[name] for name in ("JSHeapUsedSize", "Nodes", "JSEventListeners")}


@contextmanager
def opened(url: str) -> Iterator[Page]:
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(url)
        page.wait_for_function("window.glassbox && glassbox.subject.model !== null")
        yield page
        browser.close()


def compare_speed(url: str, home: str) -> None:
    watched, alone = [], []
    for _ in range(TURNS):
        with opened(url) as page:
            fill(page, STEPS)
            watched.append(with_the_page_open(page, home))
        alone.append(from_the_command_line(home))
        print(f"  {watched[-1]:,.0f} tokens/s with the page open, {alone[-1]:,.0f} from the command line", flush=True)
    ratio = statistics.median(watched) / statistics.median(alone)
    print(f"training with the page open / from the command line, {TURNS} turns, {THREADS} thread: {ratio:.3f}")


def measure_updates(url: str) -> None:
    with opened(url) as page:
        page.get_by_role("tab", name="Train").click()
        page.wait_for_selector(".gb-train [data-id=chart]")
        cdp = page.context.new_cdp_session(page)
        cdp.send("Performance.enable")
        page.evaluate(UPDATE, [WARM_UP, STEPS_AN_UPDATE, 0])
        readings, times = [held(cdp)], []
        for done in range(WARM_UP, WARM_UP + UPDATES, BLOCK):
            times += page.evaluate(UPDATE, [BLOCK, STEPS_AN_UPDATE, done])
            readings.append(held(cdp))
    report(f"chart update, main thread, {UPDATES:,} of them", times)
    for name in readings[0]:
        print(f"  {name:<18}", " ".join(f"{reading[name]:>11,.0f}" for reading in readings), f" every {BLOCK}")


def measure_reactions(url: str) -> None:
    with opened(url) as page:
        fill(page, 100_000)
        page.locator("#gb-run [data-id=start]").click()
        page.wait_for_function(
            "Number(document.querySelector('#gb-run [data-id=n-step]').textContent.split('/')[0]) > 20", timeout=60_000
        )
        pauses = []
        for _ in range(REPEATS):
            pauses += [page.evaluate(PRESS, ["pause", "Resume"]), page.evaluate(PRESS, ["pause", "Pause"])]
            page.wait_for_timeout(100)
        report("while training: Pause and Resume, click to answer", pauses)
        values = [0.98 * i / REPEATS for i in range(REPEATS)]
        report("while training: smoothing, script and layout", [page.evaluate(SMOOTH, value) for value in values])
        tabs = []
        for i in range(REPEATS):
            tabs.append(page.evaluate(TAB, ("Attention", "Train")[i % 2]))
            page.wait_for_timeout(200)
        report("while training: changing tabs", tabs)
        page.locator("#gb-run [data-id=stop]").click()
        page.wait_for_function(
            "document.querySelector('#gb-run [data-id=status]').textContent.startsWith('Stopped')", timeout=60_000
        )


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        process, url, _ = start_app(home)
        try:
            measure_updates(url)
            measure_reactions(url)
            compare_speed(url, home)
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
