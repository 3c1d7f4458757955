"""How fast tokenizing is, in the page and out of it: `python tests/benchmarks/tokenizing.py`.

Starts `app.py` as a person would, types into a long text in Chromium, trains a vocabulary with the page
watching, and holds our encoding against plain tiktoken. Medians and 95th percentiles, all in one run.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

from page import ROOT, report, start_app
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(ROOT))
from llm.corpora import load_corpus
from llm.tokenizers import GPT2Tokenizer

KEYS = 40
REPEATS = 8
MEGABYTE = 1_000_000
VOCABULARY = 4_096

# From a key's input event to the end of the frame that shows the new tokens.
WATCH = """() => {
  const box = document.querySelector('#gb-read [data-id=own]');
  const tokens = document.querySelector('#gb-read [data-id=tokens]');
  const watched = window.keyTimes;
  window.keyTimes = [];
  if (watched) return;
  let start = null;
  box.addEventListener('input', () => { start = performance.now(); }, true);
  new MutationObserver(() => {
    if (start === null) return;
    const from = start;
    start = null;
    requestAnimationFrame(() => setTimeout(() => window.keyTimes.push(performance.now() - from)));
  }).observe(tokens, { childList: true, subtree: true });
}"""
SEEN = """count => {
  const bytes = document.querySelector('#gb-read [data-id=counts] dd')?.textContent;
  return Number(bytes?.replace(/\\D/g, '')) === count;
}"""
FILL = """text => {
  const find = (id) => document.querySelector(`#gb-train_a_vocabulary [data-id=${id}]`);
  find('corpus').value = 'pasted';
  find('text').value = text;
  find('pace').value = find('pace').max;
  find('size').value = 4;
  for (const id of ['corpus', 'pace', 'size']) find(id).dispatchEvent(new Event('input'));
}"""
START = """() => {
  document.querySelector('#gb-train_a_vocabulary [data-id=status]').textContent = '';  // that of the training before
  window.pressed = performance.now();
  document.querySelector('#gb-train_a_vocabulary [data-id=start]').click();
}"""
FINISHED = "document.querySelector('#gb-train_a_vocabulary [data-id=status]').textContent.startsWith('Finished')"


def typing(page: Page, text: str) -> None:
    """Letters typed into the middle of a text that GPT-2's vocabulary cuts."""
    page.evaluate("glassbox.modules[`tokenizer/tokenizer_menu.js`].shelf.choose('gpt2')")
    page.locator("#gb-read [data-source=own]").click()
    page.evaluate(
        """text => { const box = document.querySelector('#gb-read [data-id=own]');
        box.value = text; box.dispatchEvent(new Event('input', { bubbles: true })); }""",
        text,
    )
    page.wait_for_function(SEEN, arg=len(text.encode()))
    box = page.locator("#gb-read [data-id=own]")
    box.focus()
    box.evaluate("box => box.setSelectionRange(box.value.length >> 1, box.value.length >> 1)")
    page.evaluate(WATCH)
    for n, key in enumerate(("the quick brown fox jumps over it " * 2)[:KEYS], start=1):
        page.keyboard.press(key if key != " " else "Space")
        page.wait_for_function("n => window.keyTimes.length === n", arg=n)
    report(f"typing in {len(text):,} characters, key to tokens", page.evaluate("window.keyTimes"))


def training(page: Page, text: str) -> None:
    """The same vocabulary learnt by a process of its own, and on the app's thread with the page watching."""
    code = (
        "import sys, time; from llm.tokenizers import train_bpe; text = sys.stdin.buffer.read().decode()\n"
        f"started = time.perf_counter(); train_bpe(text, {VOCABULARY}); print(time.perf_counter() - started)"
    )
    page.evaluate("glassbox.openView('tokenizer', 'train_a_vocabulary')")
    page.wait_for_selector("#gb-train_a_vocabulary [data-id=corpus] option[value=pasted]", state="attached")
    page.evaluate(FILL, text)
    alone, watched, shown = [], [], []
    for _ in range(REPEATS):
        run = [sys.executable, "-c", code]
        result = subprocess.run(run, input=text.encode(), cwd=ROOT, capture_output=True, check=True)
        alone.append(float(result.stdout))
        page.evaluate(START)
        page.wait_for_function(FINISHED)
        shown.append(page.evaluate("performance.now() - window.pressed") / 1000)
        spent = page.locator("#gb-train_a_vocabulary [data-id=figures] div", has_text="time spent learning")
        watched.append(float((spent.get_attribute("title") or "").split()[0]))
    here, there = min(alone), min(watched)  # other programs only ever add time
    print(f"learning {VOCABULARY:,} tokens from {len(text.encode()):,} bytes, fastest of {REPEATS}:")
    print(f"{here:.2f} s alone,", end=" ")
    print(f"{there:.2f} s with the page watching, {there / here:.2f} times that; {min(shown):.2f} s", end=" ")
    print("from Start to the last merge on the page")


def encoding(text: str) -> None:
    """Ours, which guards against what brings tiktoken down, and tiktoken itself."""
    tokenizer = GPT2Tokenizer()
    plain, ours = [], []
    for _ in range(15):
        plain.append(seconds(lambda: tokenizer._encoding.encode_ordinary(text)))
        ours.append(seconds(lambda: tokenizer.encode(text)))
    speed = len(text.encode()) / 1e6
    rates = [speed / statistics.median(times) for times in (plain, ours)]
    share = rates[1] / rates[0]
    print(f"encoding {speed:.1f} MB: tiktoken {rates[0]:.1f} MB/s, ours {rates[1]:.1f} MB/s, {share:.2f} of it")


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    text = (load_corpus("pydoc").text + load_corpus("tales").text)[:MEGABYTE]
    encoding(text)
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        process, url, _ = start_app(home)
        try:
            arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
            browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(f"{url}/#tab=tokenizer")
            page.wait_for_function("window.glassbox && glassbox.subject.model !== null")
            page.wait_for_function("document.querySelectorAll('#gb-read [data-token]').length > 0")
            typing(page, text[:10_000])
            typing(page, text[:100_000])
            training(page, text)
            browser.close()
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
