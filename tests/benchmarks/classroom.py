"""How soon a hundred phones have what the speaker shows: `python tests/benchmarks/classroom.py`.

Starts `app.py --class` as a speaker would. Each phone is two connections on loopback: one listens, the other asks what
the Heads view asks as soon as a new prompt is heard. The clock runs from the speaker's question to the phone's answer;
the speaker's page adds the 0.1 s for which it waits until somebody has stopped typing.
"""

import argparse
import asyncio
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

from lines import ENDPOINT, Line, components_of, question

ROOT = Path(__file__).resolve().parents[2]
SECOND = 1.0
ASKED = 0.95
TALE = "Once there was a girl called Mina who lived by the sea and had a boat that was the finest of all"


class Phone:
    """A page that follows."""

    def __init__(self, port: int, components: dict[str, int]) -> None:
        self.line, self.asking, self.components = Line(port), Line(port), components
        self.heard: dict[str, float] = {}
        self.drawn: dict[str, float] = {}

    async def begin(self) -> None:
        await self.line.open()
        await self.asking.open()
        self.visitor = await self.asking.visitor()
        await self.line.send("GET", "/class/events")

    async def follow(self) -> None:
        while True:
            heard = await self.line.event()
            if not heard or not heard["state"]:
                continue
            subject = {key: value for key, value in parse_qsl(heard["state"]) if key in ("model", "prompt")}
            self.heard.setdefault(subject["prompt"], time.perf_counter())
            body = question(self.components, "heads", "trace_prompt", self.visitor, step=None, **subject)
            answer = await self.asking.ask("POST", ENDPOINT, body)
            assert b'"thumbnails"' in answer, answer[:200]
            self.drawn.setdefault(subject["prompt"], time.perf_counter())


async def lesson(port: int, secret: str, phones: int, changes: int) -> None:
    """A class: the speaker changes the prompt every two seconds."""
    speaker = await Line(port).open()
    components = await components_of(speaker)
    room = [Phone(port, components) for _ in range(phones)]
    for phone in room:
        await phone.begin()
    following = [asyncio.create_task(phone.follow()) for phone in room]
    told: dict[str, float] = {}
    visitor = await speaker.visitor()
    for number in range(changes + 1):
        prompt = f"{TALE[: 20 + 4 * (number % 20)]} {number}"
        state = urlencode({"model": "shipped:tales", "prompt": prompt})
        if number:  # the first one loads the model
            told[prompt] = time.perf_counter()
        body = question(components, "classroom", "show_class", visitor, state=state)
        answer = await speaker.ask("POST", ENDPOINT, body, cookie=f"glassbox_speaker={secret}")
        assert answer == b"{}", answer
        await asyncio.sleep(2 if number else 4)
        for task in following:
            if task.done():
                task.result()
    for task in following:
        task.cancel()
    print(f"{phones} phones, {changes} changes of the prompt, {os.cpu_count()} cores")
    for name, at in (("have the prompt", "heard"), ("have the heads of it", "drawn")):
        times = [
            getattr(phone, at).get(prompt, float("inf")) - start for phone in room for prompt, start in told.items()
        ]
        share = sum(seconds <= SECOND for seconds in times) / len(times)
        p95 = statistics.quantiles(times, n=20)[-1]
        print(
            f"{name:<22} within 1 s: {share:7.2%} (asked: {ASKED:.0%})   "
            f"median {statistics.median(times) * 1e3:6.0f} ms   95th {p95 * 1e3:6.0f} ms"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--phones", type=int, default=100)
    parser.add_argument("--changes", type=int, default=20)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        process = subprocess.Popen(
            [sys.executable, "app.py", "--class", "--host", "127.0.0.1"],
            cwd=ROOT,
            env={**os.environ, "GLASSBOX_HOME": home},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            said = "".join(process.stdout.readline() for _ in range(3))
            port, secret = re.search(r":(\d+)/class/speaker/(\S+)", said).groups()
            asyncio.run(lesson(int(port), secret, args.phones, args.changes))
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
