"""How fast the Generate tab is: `python tests/benchmarks/generating.py`.

Starts `app.py` as a person would, with two random models beside the shipped ones: one with GPT-2's
vocabulary of 50,257 tokens, one of four million parameters. Prints, in one run: a slider's way to the
redrawn bars, the time from token to token on screen over the model's own, the share of the command
line's tokens per second that streaming keeps, and how long after a click the first token is there.
"""

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections import deque
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 2) - 1)))  # as app.py does

from page import report, start_app
from playwright.sync_api import Page, sync_playwright

from llm.checkpoint import save_checkpoint
from llm.completion import complete
from llm.config import ModelConfig, SamplingConfig, TrainConfig
from llm.corpora import load_corpus
from llm.model import GPT
from llm.runs.run import Run
from llm.tokenizers import GPT2Tokenizer, Tokenizer, train_tokenizer

TOKENS, ROUNDS, SLIDES = 1_000, 5, 60
FOUR_MILLION = ModelConfig(4_096, n_ctx=512, n_embd=192, n_head=6, n_layer=7)
PROMPTS = ("ROMEO:", "abc", "312")
WIDE = ModelConfig(50_257, n_ctx=64, n_embd=32, n_head=2, n_layer=1)

# The page draws in the next frame: "script" is what that frame's callbacks take, "shown" ends when the
# frame after it begins, which the browser only starts once the drawn one is on its way to the screen.
SLIDE = """([name, place]) => new Promise((resolve) => {
  const slider = document.querySelector(`#gb-write [data-setting=${name}]`);
  let start;
  const asked = performance.now();
  requestAnimationFrame(() => { start = performance.now(); });
  slider.value = Math.round(place * Number(slider.max));
  slider.dispatchEvent(new Event('input', { bubbles: true }));
  requestAnimationFrame(() => {
    const script = performance.now() - start;
    requestAnimationFrame(() => resolve([script, performance.now() - asked]));
  });
})"""
# When each token appears: milliseconds since the click, one a token.
WRITE = """(count) => new Promise((resolve) => {
  const box = document.querySelector('#gb-write .gb-written'), times = [];
  const began = performance.now();
  const watch = new MutationObserver(() => {
    const shown = box.querySelectorAll('.gb-written-token').length, now = performance.now() - began;
    while (times.length < shown) times.push(now);
    if (shown >= count) { watch.disconnect(); resolve(times); }
  });
  watch.observe(box, { childList: true });
  document.querySelector('#gb-write [data-id=generate]').click();
})"""
IDLE = "() => document.querySelector('#gb-write [data-id=generate]').textContent === 'Generate'"


def add_model(home: Path, name: str, config: ModelConfig, tokenizer: Tokenizer) -> tuple[str, GPT]:
    """A random model that the app lists: its reference, and the model."""
    model = GPT(config, seed=1).eval()
    run = Run.create(home / "runs", config, TrainConfig(), tokenizer, corpus="none", name=name, run_id=name)
    save_checkpoint(run.path / "snapshots" / "step-00000000", model, tokenizer, step=0, info={})
    return f"cli:{name}", model


def look(page: Page, model: str, prompt: str) -> None:
    page.evaluate("([model, prompt]) => glassbox.look({ model, prompt })", [model, prompt])
    page.wait_for_function(
        "(model) => glassbox.subject.model === model && !document.querySelector('#gb-write .gb-panel[aria-busy]')",
        arg=model,
    )
    page.wait_for_timeout(500)


def slide(page: Page) -> None:
    """Each sampler's slider through its range, with all the others on."""
    for name in ("top_k", "top_p", "min_p", "typical_p"):
        page.evaluate(SLIDE, [name, 0.7])
    for name in ("temperature", "top_p", "typical_p"):
        requests: list[str] = []
        page.on("request", lambda request, seen=requests: seen.append(request.url))
        times = [page.evaluate(SLIDE, [name, (i + 1) / (SLIDES + 1)]) for i in range(SLIDES)]
        report(f"{name} slider to redrawn bars at 50,257 tokens, script", [script for script, _ in times])
        report("  the same until the next frame begins", [shown for _, shown in times])
        print(f"  requests sent meanwhile: {len(requests)}")


def write(page: Page, tokens: int) -> list[float]:
    """When each of `tokens` tokens appeared after a click on Generate, in milliseconds."""
    times: list[float] = page.evaluate(WRITE, tokens)
    if not page.evaluate(IDLE):
        page.click("#gb-write [data-id=generate]")  # which is Stop now
    page.wait_for_function(IDLE)
    page.click("#gb-write [data-id=clear]")
    page.wait_for_function("document.querySelectorAll('#gb-write .gb-written-token').length === 0")
    page.wait_for_timeout(300)
    return times


def unending(model: GPT, tokenizer: Tokenizer, prompt: str) -> SamplingConfig:
    """Settings whose text does not reach its end before `TOKENS` tokens."""
    configs = (SamplingConfig(max_new_tokens=TOKENS, seed=seed) for seed in count())
    return next(config for config in configs if len(list(complete(model, tokenizer, prompt, config))) >= TOKENS)


def stream(page: Page, model: GPT, tokenizer: Tokenizer, prompt: str, config: SamplingConfig) -> None:
    """The page and the library by turns: tokens per second, and what a token takes over the model's own time."""
    shares, extra = [], []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        deque(complete(model, tokenizer, prompt, config), maxlen=0)
        own = 1000 * (time.perf_counter() - started) / TOKENS
        times = write(page, TOKENS)
        on_screen = times[-1] / TOKENS
        shares.append(own / on_screen)
        extra.append((times[-1] - times[0]) / (TOKENS - 1) - own)
        print(f"  library {1000 / own:6.1f} tokens/s, page {1000 / on_screen:6.1f} tokens/s")
    print(f"streaming keeps {statistics.median(shares):.2f} of the library's tokens per second (median of {ROUNDS})")
    report("token to token on screen over the model's own time", extra)


def first_tokens(page: Page) -> None:
    """Every shipped model, with the first prompt that its tokenizer can read."""
    models = page.eval_on_selector_all("#gb-bar [data-id=model] option", "(all) => all.map((one) => one.value)")
    for model in (ref for ref in models if ref.startswith("shipped:")):
        for prompt in PROMPTS:
            look(page, model, prompt)
            if page.locator("#gb-write [data-id=generate]").is_enabled():
                report(f"first token after a click, {model}", [write(page, 5)[0] for _ in range(15)])
                break


def main() -> None:
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        small_tokenizer = train_tokenizer("bpe", load_corpus("pydoc").text, FOUR_MILLION.vocab_size)
        wide, _ = add_model(Path(home), "wide", WIDE, GPT2Tokenizer())
        small, model = add_model(Path(home), "four-million", FOUR_MILLION, small_tokenizer)
        print(f"{model.config.n_params:,} parameters; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        process, url, _ = start_app(home)
        try:
            arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
            browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            prompt = "Once there was a"
            config = unending(model, small_tokenizer, prompt)
            page.goto(f"{url}/#tab=generate&n={TOKENS}&seed={config.seed}")
            page.wait_for_function("window.glassbox && glassbox.subject.model !== null")
            page.wait_for_selector("#gb-write .gb-panel", state="visible")
            first_tokens(page)
            look(page, small, prompt)
            stream(page, model, small_tokenizer, prompt, config)
            look(page, wide, "My lord, the king")
            slide(page)
            browser.close()
        finally:
            process.terminate()
            process.wait()
        print(f"load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
