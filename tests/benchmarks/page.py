"""How fast the page answers: `python tests/benchmarks/page.py`.

Starts `app.py` as a person would, opens it in Chromium and prints medians and 95th percentiles,
first at rest and then while a model trains, both in one run.
"""

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
REPEATS = 20

REDRAW = """async prompt => {
  const lens = document.querySelector('.gb-panel.gb-attention'), start = performance.now();
  glassbox.look({ prompt });
  const frame = () => new Promise(requestAnimationFrame);
  do await frame(); while (lens.hasAttribute('aria-busy'));
  return performance.now() - start;
}"""
# The page draws in the next frame, so the clock runs from that frame's first callback to its last.
SLIDE = """([selector, value]) => new Promise((resolve) => {
  const slider = document.querySelector(selector);
  let start;
  requestAnimationFrame(() => { start = performance.now(); });
  slider.value = value;
  slider.dispatchEvent(new Event('input', { bubbles: true }));
  requestAnimationFrame(() => resolve(performance.now() - start));
})"""

# From a click to the frame in which the other tab is on the screen: the second one after it.
TAB = """async (name) => {
  const tab = [...document.querySelectorAll('[role=tab]')].find((one) => one.textContent.trim() === name);
  const start = performance.now(), frame = () => new Promise(requestAnimationFrame);
  tab.click();
  await frame();
  await frame();
  return performance.now() - start;
}"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_app(home: str) -> tuple[subprocess.Popen[bytes], str, float]:
    """The process, its address, and the seconds until it answered."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "app.py", "--port", str(port)],
        cwd=ROOT,
        env={**os.environ, "GLASSBOX_HOME": home},
        stdout=subprocess.DEVNULL,
    )
    while True:
        try:
            urllib.request.urlopen(url, timeout=1).read(1)
            return process, url, time.perf_counter() - started
        except OSError:
            if process.poll() is not None:
                raise SystemExit("app.py ended before it answered") from None
            time.sleep(0.05)


def report(name: str, milliseconds: list[float]) -> None:
    cut = statistics.quantiles(milliseconds, n=20)[-1]
    print(f"{name:<58} median {statistics.median(milliseconds):7.1f} ms   95th {cut:7.1f} ms")


def measure(page: Page, when: str) -> None:
    page.get_by_role("tab", name="Attention").click()
    page.wait_for_timeout(800)
    words = "My lord, the king is dead; and all the day we weep for him, O heavy, heavy day, that ever I was born. "
    redraws = [page.evaluate(REDRAW, f"{i} {words}") for i in range(REPEATS)]
    tokens = page.evaluate("document.querySelector('.gb-attention').textContent.match(/(\\d+) tokens/)?.[1]")
    report(f"{when}: new prompt to redrawn grid, {tokens} tokens", redraws)
    page.get_by_role("tab", name="Generate").click()
    page.wait_for_timeout(800)
    slider = "#gb-write [data-setting=temperature]"
    low, high = page.evaluate(
        f"[Number(document.querySelector('{slider}').min), Number(document.querySelector('{slider}').max)]"
    )
    values = [low + (high - low) * (i + 1) / (REPEATS + 1) for i in range(REPEATS)]
    report(f"{when}: temperature slider, script", [page.evaluate(SLIDE, [slider, value]) for value in values])
    tabs = []
    for i in range(REPEATS):
        tabs.append(page.evaluate(TAB, ("Attention", "Generate")[i % 2]))
        page.wait_for_timeout(200)
    report(f"{when}: changing tabs", tabs)


def main() -> None:
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        process, url, seconds = start_app(home)
        try:
            print(f"python app.py answers after {seconds:.1f} s")
            arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
            browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(url)
            page.wait_for_function("window.glassbox && glassbox.subject.model !== null")
            measure(page, "at rest")
            shipped = page.evaluate("glassbox.subject.model")
            page.get_by_role("tab", name="Train").click()
            page.wait_for_function("!document.querySelector('.gb-train [data-id=start]').disabled")
            page.get_by_role("button", name="Start", exact=True).click()
            page.wait_for_function("glassbox.subject.model.startsWith('run:')")
            page.evaluate("model => glassbox.look({ model })", shipped)
            measure(page, "while training")
            browser.close()
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
