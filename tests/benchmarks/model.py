"""How fast the Model tab draws: `python tests/benchmarks/model.py`.

Opens the page in Chromium with the shipped `tales` and with random weights of GPT-2 small's shape, and prints medians
and 95th percentiles: from a click on the tab to its drawn step, from a key to the next step (which has been asked for
before), from a key to the same step of the next block (which has not), to a step of another token. Random weights
draw as slowly as trained ones. Without a browser: a step of learning, and the map of a patch, 6 layers by 22 positions
of `tales` and 12 by 16 of the shape of GPT-2 small.
"""

import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 2) - 1)))  # as app.py does

import torch
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from llm.checkpoint import load_checkpoint, save_checkpoint
from llm.config import ModelConfig, TrainConfig
from llm.inside.patching import Pair, Site
from llm.model import GPT
from llm.tokenizers import train_tokenizer
from llm.training.learning_step import learning_step_in_parts
from llm.ui import build_app, launch_options, subject

OPENINGS, STEPS = 5, 30
PROMPT = "Once upon a time there was a girl who lived by the sea, and every day she went to look for"

# The line beneath the picture is written last, when all has been drawn.
KEY = """async (key) => {
  const seen = () => document.querySelector('#gb-forward .gb-caption').textContent, before = seen();
  const start = performance.now();
  document.dispatchEvent(new KeyboardEvent('keydown', { key }));
  while (seen() === before) await new Promise((done) => setTimeout(done));
  return performance.now() - start;
}"""
OPEN = """async () => {
  const counter = () => document.querySelector('#gb-forward .gb-caption-step')?.textContent, start = performance.now();
  document.querySelector('[role=tab][data-tab=model]').click();
  while (!counter()) await new Promise(requestAnimationFrame);
  return performance.now() - start;
}"""


def report(name: str, milliseconds: list[float]) -> None:
    median, cut = statistics.median(milliseconds), statistics.quantiles(milliseconds, n=20)[-1]
    print(f"{name:<52} median {median:7.1f} ms   95th {cut:7.1f} ms", flush=True)


def opened(browser: Browser, url: str, model: str, tab: str) -> Page:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(120_000)
    page.goto(f"{url}#tab={tab}&model={quote(model)}&prompt={quote(PROMPT)}")
    page.wait_for_function("window.glassbox && glassbox.subject.model !== null")
    return page


def measure(browser: Browser, url: str, name: str, model: str) -> None:
    times = []
    for _ in range(OPENINGS + 1):
        page = opened(browser, url, model, "tokenizer")
        page.wait_for_timeout(3_000)
        times.append(page.evaluate(OPEN))
        page.close()
    report(f"{name}: a click on the tab to its first step", times[1:])  # the first one loads the model
    page = opened(browser, url, model, "model")
    page.wait_for_function("document.querySelector('#gb-forward .gb-caption-step')?.textContent")
    page.wait_for_timeout(1_000)

    def times_of(key: str, count: int, rest: int) -> list[float]:
        found = []
        for _ in range(count):
            found.append(page.evaluate(KEY, key))
            page.wait_for_timeout(rest)
        return found

    report(f"{name}: a key to the next step, after a rest", times_of("ArrowRight", STEPS, 300))
    report(f"{name}: a key to the next step, held down", times_of("ArrowRight", STEPS, 0))
    report(f"{name}: a key to the same step of another token", times_of(",", 10, 100))
    page.evaluate("document.querySelector('#gb-forward [data-block=\"0\"]').click()")
    page.wait_for_timeout(500)
    report(f"{name}: a key to the same step of the next block", times_of("ArrowDown", 5, 100))
    page.close()


def measure_core(name: str, model: GPT, positions: int) -> None:
    """A step of learning on 65 tokens, and the whole map of a patch in the stream, of two random prompts."""
    config, generator = TrainConfig(), torch.Generator().manual_seed(1)
    ids = torch.randint(model.config.vocab_size, (65,), generator=generator).tolist()
    start = time.perf_counter()
    seen = [time.perf_counter() - start for _ in learning_step_in_parts(model, ids, config, step=config.max_steps)]
    print(f"{name}: a step of learning, 64 predictions, {seen[3]:.2f} s; at 11 rates {seen[-1]:.2f} s", flush=True)
    pair = Pair(model, ids[:positions], ids[positions : 2 * positions])
    start = time.perf_counter()
    for layer in range(model.config.n_layer):
        pair.row(Site("stream", layer))
    print(f"{name}: map of {model.config.n_layer} x {positions} {time.perf_counter() - start:.2f} s", flush=True)


def main() -> None:
    print(f"{torch.get_num_threads()} thread(s), load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        os.environ["GLASSBOX_HOME"] = home
        shipped, subject.SHIPPED = subject.SHIPPED, Path(home) / "models"
        shutil.copytree(shipped / "tales", subject.SHIPPED / "tales")
        tokenizer = train_tokenizer("gpt2", "")
        save_checkpoint(subject.SHIPPED / "small", GPT(ModelConfig(tokenizer.vocab_size)), tokenizer)
        measure_core("tales", load_checkpoint(subject.SHIPPED / "tales").model, 22)
        measure_core("GPT-2 small, random", load_checkpoint(subject.SHIPPED / "small").model, 16)
        app = build_app()
        _, url, _ = app.launch(prevent_thread_lock=True, quiet=True, **launch_options())
        chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        for name, model in (("tales", "shipped:tales"), ("GPT-2 small, random", "shipped:small")):
            measure(browser, url, name, model)
        browser.close()
        app.close()


if __name__ == "__main__":
    main()
