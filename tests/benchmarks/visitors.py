"""Strangers on a Space: `python tests/benchmarks/visitors.py` (50 visitors for 10 minutes; --minutes 1 for a look).

Starts `app.py --public`. Two visitors train, the others write, look and tokenize by raw HTTP, a third of them
leaving in the middle now and then to come back as somebody new. Every visitor writes a word of their own wherever a
text goes, and every answer is searched for the words of others. Refusals that the server states are counted apart.
"""

import argparse
import asyncio
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from lines import ENDPOINT, Line, components_of, question

ROOT = Path(__file__).resolve().parents[2]
PORT = 7969
FORM = {"corpus": "tales", "tokenizer": "bpe", "vocab_size": 512, "n_layer": 2, "n_head": 4, "n_embd": 64, "n_ctx": 64}
FORM |= {"batch_size": 8, "max_steps": 90_000, "eval_interval": 200, "learning_rate": 0.003, "warmup_steps": 10}
WORDS = ["".join(random.Random(n).choices("bcdfghjklmnpqrstvwxz", k=14)) for n in range(500)]
OTHERS = set(WORDS)
LIKE_A_WORD = re.compile("[bcdfghjklmnpqrstvwxz]{14}")


class Report:
    """What all visitors have met."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.refusals: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.leaks = 0
        self.asked = 0


class Visitor:
    """One page, with a word of its own."""

    def __init__(self, number: int, components: dict[str, int], report: Report) -> None:
        self.random, self.components, self.report = random.Random(number), components, report
        self.word = WORDS[number]

    async def arrive(self) -> None:
        self.line = await Line(PORT).open()
        self.token = await self.line.visitor()

    async def ask(self, panel: str, name: str, **data: object) -> dict:
        body = question(self.components, panel, name, self.token, **data)
        start = time.perf_counter()
        text = (await self.line.ask("POST", ENDPOINT, body)).decode()
        self.report.seconds.append(time.perf_counter() - start)
        self.report.asked += 1
        self.report.leaks += bool(set(LIKE_A_WORD.findall(text)) & OTHERS - {self.word})
        answer = json.loads(text)
        if "error" in answer:
            inside = "Something went wrong" in answer["error"]
            (self.report.errors if inside else self.report.refusals)[f"{name}: {answer['error'][:90]}"] += 1
        return answer

    async def visit(self, until: float) -> None:
        await self.arrive()
        while time.monotonic() < until:
            model = self.random.choice(["shipped:tales", "shipped:tales", "shipped:shakespeare"])
            ending = "".join(self.random.choices("aeiou", k=6))
            prompt = f"Once there was a girl called {self.word} {ending}"
            deed = self.random.choice([self.look, self.look, self.write, self.cut])
            await deed(model, prompt)
            if self.random.random() < 0.03:  # gone in the middle of an answer, and back as somebody else
                self.line.writer.write(b"POST /gradio_api/component_server HTTP/1.1\r\nHost: 127.0.0.1\r\n")
                self.line.writer.close()
                await self.arrive()
            await asyncio.sleep(self.random.uniform(0.5, 4))  # a person looks at what came

    async def look(self, model: str, prompt: str) -> None:
        await self.ask("heads", "trace_prompt", model=model, prompt=prompt)
        await self.ask("inside_a_head", "open_head", model=model, prompt=prompt, layer=1, head=1)

    async def write(self, model: str, prompt: str) -> None:
        begun = await self.ask("write", "begin_generation", model=model, prompt=prompt, count=1, seed=1)
        for _ in range(4):
            if "generation" not in begun:
                return
            drawn = await self.ask("write", "draw_tokens", model=model, generation=begun["generation"], count=12)
            if drawn.get("ended") or drawn.get("gone"):
                return

    async def cut(self, model: str, prompt: str) -> None:
        await self.ask("read", "read_text", model=model, text=prompt * 5, tok="gpt2", sheet=self.word)
        await self.ask("surprise", "read_surprise", model=model, text=prompt * 3)


async def train(visitor: Visitor, until: float | None = None, seconds: float = 0.0) -> float:
    """Train all the time, until a moment or for so many seconds after the first step; returns steps a second."""
    await visitor.arrive()
    answer = await visitor.ask("run", "start_run", **FORM)
    if "run" not in answer:
        raise SystemExit(f"No training began: {answer}")
    first = start = step = 0.0
    while not start or time.monotonic() < (until or start + seconds):
        await asyncio.sleep(1)
        step = (await visitor.ask("run", "poll_run", run=answer["run"], since=0)).get("step", step)
        if step and not start:
            first, start = step, time.monotonic()
    rate = (step - first) / (time.monotonic() - start)
    await visitor.ask("run", "steer_run", run=answer["run"], action="stop")
    return rate


def resident(pid: int) -> float:
    """Megabytes in memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


async def measured(process: subprocess.Popen, visitors: int, minutes: float) -> None:
    line = await Line(PORT).open()
    components = await components_of(line)
    alone = await train(Visitor(0, components, Report()), seconds=15)
    report = Report()
    until = time.monotonic() + 60 * minutes
    training = [asyncio.create_task(train(Visitor(n, components, report), until)) for n in (1, 2)]
    others = [asyncio.create_task(Visitor(n, components, report).visit(until)) for n in range(3, visitors + 1)]
    await asyncio.sleep(60 * minutes / 5)
    warm = resident(process.pid)
    await asyncio.gather(*others)
    rates = await asyncio.gather(*training)
    end = resident(process.pid)
    p95 = statistics.quantiles(report.seconds, n=20)[-1]
    print(f"{visitors} visitors, {minutes:g} minutes, {os.cpu_count()} cores, {report.asked:,} answers")
    median = statistics.median(report.seconds)
    print(f"answers: median {median * 1e3:.0f} ms, 95th {p95 * 1e3:.0f} ms (asked: 1,000)")
    print(f"memory: {warm:.0f} MB after a fifth, {end:.0f} MB at the end, {100 * (end / warm - 1):+.0f} % (asked: 10)")
    print(f"training: {alone:.1f} steps/s alone, {sum(rates):.1f} by all now, {sum(rates) / alone:.2f} (asked: 0.5)")
    print(f"words of others seen: {report.leaks} (asked: 0); errors inside the server: {dict(report.errors) or 0}")
    for sentence, count in report.refusals.most_common():
        print(f"refused {count} times: {sentence}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=10)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "app.py", "--public", "--port", str(PORT), "--address-visitors-per-hour", "10000"]
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, "GLASSBOX_HOME": home}, stdout=subprocess.PIPE, text=True
        )
        try:
            process.stdout.readline()
            asyncio.run(measured(process, args.visitors, args.minutes))
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
