"""What the app costs while nobody does anything: `python tests/benchmarks/idle.py` (ten minutes; --minutes for fewer).

Starts `app.py`, opens the page in Chromium until its first picture, closes it, and reads memory and processor time
of the server's process; then once more with the page left open.
"""

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from page import start_app
from playwright.sync_api import sync_playwright

SETTLE = 15
"""Seconds after which what the start has set going is done."""


def resident(pid: int) -> float:
    """Megabytes in memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def processor(pid: int) -> float:
    """Seconds of processor time so far, of all threads."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def watch(process: subprocess.Popen[bytes], title: str, minutes: float) -> None:
    """Let time pass; print what it took."""
    time.sleep(SETTLE)
    before, start = processor(process.pid), time.perf_counter()
    time.sleep(60 * minutes)
    share = (processor(process.pid) - before) / (time.perf_counter() - start)
    print(f"{title}: {resident(process.pid):.0f} MB, {100 * share:.2f} % of a core (asked without a page: 0.5)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        process, url, _ = start_app(home)
        try:
            chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
            print(f"started: {resident(process.pid):.0f} MB")
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page()
            page.goto(url)
            page.wait_for_selector(".gb-panel.gb-attention:not([aria-busy]) canvas")
            print(f"first picture: {resident(process.pid):.0f} MB")
            page.close()
            watch(process, f"nobody there for {minutes:g} minutes", minutes)
            page = browser.new_page()
            page.goto(url)
            page.wait_for_selector(".gb-panel.gb-attention:not([aria-busy]) canvas")
            watch(process, f"a page open for {minutes / 5:g} minutes", minutes / 5)
            browser.close()
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
