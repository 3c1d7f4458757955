"""How fast the Attention tab draws: `python tests/benchmarks/attention.py`.

Makes models of random weights with the tokenizer of the tales, opens the page in Chromium and prints
medians and 95th percentiles: from a new prompt to the drawn grid, from a moved pointer to the
highlight, from a key to another head, from one moment of a training to another; then the bytes that
travel. The model's own forward pass is
timed beside it, since the page can't be faster. Random weights draw as slowly as trained ones.
"""

import base64
import json
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
from playwright.sync_api import Page, Response, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from llm.checkpoint import load_checkpoint, save_checkpoint
from llm.config import ModelConfig, TrainConfig
from llm.corpora import load_corpus
from llm.model import GPT
from llm.runs.run import Run
from llm.tokenizers import Tokenizer
from llm.ui import build_app, launch_options, subject

SHAPES = {  # layers, heads, width, and the lengths of the prompts
    "6 x 6 heads": (6, 6, 384, [64]),
    "12 x 12 heads": (12, 12, 768, [64, 256, 1024]),
    "1 head": (1, 1, 64, [1024]),
}
REPEATS = 15

MOMENTS = 12  # snapshots of the run whose timeline is travelled

REDRAW = """async change => {
  const lens = document.querySelector('#gb-heads .gb-panel'), start = performance.now();
  glassbox.look(change);
  const frame = () => new Promise(requestAnimationFrame);
  do await frame(); while (lens.hasAttribute('aria-busy'));
  return performance.now() - start;
}"""
# Times the handlers and whatever they draw; the frame that shows it comes right after.
HOVER = """i => {
  const canvas = document.querySelector('#gb-heads [data-id=zoom] canvas'), box = canvas.getBoundingClientRect();
  const x = box.left + box.width * (0.4 + 0.02 * (i % 5)), y = box.top + box.height * (0.7 + 0.02 * (i % 7));
  const start = performance.now();
  const event = new PointerEvent('pointermove', { clientX: x, clientY: y, bubbles: true, pointerType: 'mouse' });
  canvas.dispatchEvent(event);
  return performance.now() - start;
}"""
ZOOM = """async key => {
  const readout = document.querySelector('#gb-heads .gb-caption-now'), start = performance.now();
  document.dispatchEvent(new KeyboardEvent('keydown', { key }));
  while (readout.textContent.startsWith('Reading')) await new Promise((done) => setTimeout(done));
  return performance.now() - start;
}"""


def prompt_of(tokenizer: Tokenizer, tokens: int, text: str, start: int) -> str:
    """A piece of the text that has exactly so many tokens."""
    ids = tokenizer.encode(text[start : start + 12 * tokens])
    for length in range(tokens, tokens - 8, -1):  # cut elsewhere, the last tokens may merge otherwise
        piece = tokenizer.decode(ids[:length])
        while len(tokenizer.encode(piece)) < tokens:
            piece += "?"
        if len(tokenizer.encode(piece)) == tokens:
            return piece
    raise SystemExit(f"No piece of the text has exactly {tokens} tokens.")


def report(name: str, milliseconds: list[float]) -> float:
    median, cut = statistics.median(milliseconds), statistics.quantiles(milliseconds, n=20)[-1]
    print(f"{name:<58} median {median:8.1f} ms   95th {cut:8.1f} ms", flush=True)
    return median


def forward_ms(model: GPT, tokens: int, repeats: int) -> float:
    ids_BT, times = torch.randint(model.config.vocab_size, (1, tokens)), []
    with torch.inference_mode():
        for _ in range(repeats + 1):
            start = time.perf_counter()
            model(ids_BT, last_only=True)
            times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times[1:])


def measure(page: Page, name: str, model: GPT, tokenizer: Tokenizer, text: str, tokens: int) -> None:
    repeats = 5 if tokens > 512 and model.config.n_layer > 1 else REPEATS
    prompts = [prompt_of(tokenizer, tokens, text, 997 * (i + 1)) for i in range(repeats + 1)]
    answers: list[Response] = []
    page.on("response", lambda response: answers.append(response) if "component_server" in response.url else None)
    redraws = [page.evaluate(REDRAW, {"prompt": prompt}) for prompt in prompts][1:]
    shown = page.locator("#gb-heads [data-id=size]").text_content()
    assert shown is not None and f"{tokens} tokens" in shown.replace(",", ""), shown
    title = f"{name}, {tokens:,} tokens"
    forward = forward_ms(model, tokens, min(repeats, 5))
    grid = report(f"{title}: prompt to grid", redraws)
    print(f"{'':<58} of which the model's forward pass {forward:.0f} ms, the rest {grid - forward:.0f} ms")
    answer = next(json.loads(one.body()) for one in reversed(answers) if b'"thumbnails"' in one.body())
    drawn, rests = (len(base64.b64decode(answer[part])) for part in ("thumbnails", "rests"))
    exact = sum(len(base64.b64decode(answer["zoomed"][part])) for part in "qk")
    weights = model.config.n_layer * model.config.n_head * tokens * (tokens + 1) // 2
    print(f"{'':<58} {drawn:,} bytes drawn for {weights:,} weights ({drawn / weights:.2f} each), {rests:,} to mute,")
    print(f"{'':<58} {exact:,} for the exact numbers of the zoomed head; all before base64")
    report(f"{title}: hover to highlight", [page.evaluate(HOVER, i) for i in range(40)])
    if model.config.n_head > 1:
        there = [page.evaluate(ZOOM, "ArrowRight") for _ in range(model.config.n_head - 1)]
        report(f"{title}: zoom to a head not yet sent", there)
        report(f"{title}: zoom to a head already sent", [page.evaluate(ZOOM, "ArrowLeft") for _ in there])


def add_run(home: Path, tokenizer: Tokenizer) -> str:
    """A run with a snapshot of random weights at each of its moments: its reference in the model menu."""
    layers, heads, width, _ = SHAPES["6 x 6 heads"]
    config = ModelConfig(tokenizer.vocab_size, n_embd=width, n_head=heads, n_layer=layers)
    run = Run.create(home / "runs", config, TrainConfig(), tokenizer, corpus="none", name="moments", run_id="moments")
    for step in range(MOMENTS):
        folder = run.path / "snapshots" / f"step-{step:08d}"
        save_checkpoint(folder, GPT(config, seed=step), tokenizer, step=step, dtype=torch.float16)
    return "cli:moments"


def travel(page: Page, tokenizer: Tokenizer, text: str) -> None:
    """Every moment once from the disk, then again, as dragging back and forth does."""
    page.evaluate(REDRAW, {"prompt": prompt_of(tokenizer, 64, text, 997)})
    for name in ("first", "second"):
        times = [page.evaluate(REDRAW, {"step": step}) for step in range(MOMENTS)]
        report(f"6 x 6 heads, 64 tokens: moment to grid, the {name} time", times)


def main() -> None:
    tokenizer, text = load_checkpoint(subject.SHIPPED / "tales").tokenizer, load_corpus("tales").text
    print(f"{torch.get_num_threads()} thread(s), load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        os.environ["GLASSBOX_HOME"] = home
        subject.SHIPPED = Path(home) / "models"
        models = {}
        for name, (layers, heads, width, _) in SHAPES.items():
            config = ModelConfig(tokenizer.vocab_size, n_embd=width, n_head=heads, n_layer=layers)
            models[name] = GPT(config).eval()
            save_checkpoint(subject.SHIPPED / name.replace(" ", "-"), models[name], tokenizer)
        moments = add_run(Path(home), tokenizer)
        app = build_app()
        _, url, _ = app.launch(prevent_thread_lock=True, quiet=True, **launch_options())
        chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)

        def opened(model: str) -> Page:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.set_default_timeout(120_000)
            page.goto(f"{url}#tab=attention&model={quote(model)}&head=0.0")
            page.wait_for_function("window.glassbox && glassbox.subject.model !== null")
            page.wait_for_function("document.querySelector('#gb-heads [data-id=title]')?.textContent")
            return page

        page = opened(moments)
        travel(page, tokenizer, text)
        page.close()
        for name, (*_, lengths) in SHAPES.items():
            page = opened(f"shipped:{name.replace(' ', '-')}")
            for tokens in lengths:
                page.evaluate("glassbox.modules[`attention/focus.js`].focus.set({ head: [0, 0] })")
                measure(page, name, models[name], tokenizer, text, tokens)
            page.close()
        browser.close()
        app.close()


if __name__ == "__main__":
    main()
