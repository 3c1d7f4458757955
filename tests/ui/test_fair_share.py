"""Questions are answered in turns: a visitor with many holds up nobody else, and who leaves is not worked for."""

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from llm.deadline import seconds_left
from llm.limits import Limits
from llm.ui import build_app
from llm.ui.fair_share import SHORT, FairShare, Lane
from llm.ui.panel import Panel, _guarded, _in_json

PANEL = SimpleNamespace(shows_paths=True)


def run(work):
    """What asynchronous work gives, in a thread of its own: another test's browser keeps a loop in this one."""
    with ThreadPoolExecutor(1) as alone:
        return alone.submit(asyncio.run, work).result()


class Connection:
    """A request whose page is there until it leaves."""

    def __init__(self):
        self.left = False

    async def is_disconnected(self):
        return self.left


def share(**limits):
    return FairShare(Limits(**limits))


def test_a_visitor_gets_a_few_answers_at_a_time_and_others_theirs_at_once():
    """With two at once, the third waits for a place; another visitor needs none of them."""
    running, most, go = [], [], threading.Event()

    def slow(asked):
        running.append(asked)
        most.append(len(running))
        if asked["visitor"] == "many":
            go.wait(10)
        running.remove(asked)
        return asked

    ask = share(at_once=2).between(slow)

    async def main():
        mine = [asyncio.create_task(ask({"visitor": "many", "n": n}, Connection())) for n in range(9)]
        while len(running) < 2:
            await asyncio.sleep(0.01)
        await asyncio.sleep(2 * SHORT)
        assert len(running) == 2
        assert await asyncio.wait_for(ask({"visitor": "another"}, Connection()), 5) == {"visitor": "another"}
        go.set()
        assert [answer["n"] for answer in await asyncio.gather(*mine)] == list(range(9))

    run(main())
    assert max(most) == 3


def test_short_answers_pass_one_after_the_other_and_long_ones_let_them_by():
    """Of different visitors too; one that takes longer than SHORT holds up nobody beyond that."""
    lane, running, most = Lane(1), [], []

    async def answer(name, seconds):
        async with lane.passed():
            running.append(name)
            most.append(len(running))
            await asyncio.sleep(seconds)
            running.remove(name)
        return name

    async def main():
        await asyncio.gather(*(answer(n, SHORT / 50) for n in range(9)))
        assert max(most) == 1
        long = asyncio.create_task(answer("long", 8 * SHORT))
        await asyncio.sleep(0)
        assert await asyncio.wait_for(answer("short", 0), 4 * SHORT) == "short" and not long.done()
        assert await long == "long"
        most.clear()
        await asyncio.gather(*(answer(n, SHORT / 50) for n in range(9)))
        assert max(most) == 1  # there is room for one again, not for two

    run(main())


def test_too_many_waiting_questions_are_refused_in_a_sentence():
    """Beyond those that may wait there is an answer at once; afterwards the visitor may ask again."""
    go = threading.Event()
    shares = share(at_once=1, questions_waiting=10)
    ask = shares.between(lambda asked: {"ok": go.wait(10)})

    async def main():
        waiting = [asyncio.create_task(ask({"visitor": "v"}, Connection())) for _ in range(11)]
        await asyncio.sleep(0.1)
        assert "Wait a moment" in (await ask({"visitor": "v"}, Connection()))["error"]
        go.set()
        assert await asyncio.gather(*waiting) == [{"ok": True}] * 11
        assert await ask({"visitor": "v"}, Connection()) == {"ok": True}

    run(main())
    assert not shares._shares  # nothing is kept of those who have been answered


def test_work_for_a_page_that_is_gone_is_given_up():
    """Both what is under way and what still waits."""
    begun = []

    def endless(asked):
        begun.append(asked["n"])
        while True:
            seconds_left()
            time.sleep(0.01)

    ask = share(at_once=1).between(_guarded(endless, PANEL))

    async def main():
        connections = [Connection(), Connection()]
        tasks = [asyncio.create_task(ask({"visitor": "v", "n": n}, c)) for n, c in enumerate(connections)]
        await asyncio.sleep(0.2)
        for connection in connections:
            connection.left = True
        assert "left" in (await asyncio.wait_for(tasks[0], 5))["error"]
        assert await asyncio.wait_for(tasks[1], 5) is None

    run(main())
    assert begun == [0]


def test_an_answer_that_takes_too_long_is_given_up():
    """The limit's own sentence, whoever is still there."""

    def endless(asked):
        while True:
            seconds_left()

    ask = share(answer_seconds=1).between(_guarded(endless, PANEL))
    assert "too long" in run(ask({}, Connection()))["error"]


@pytest.mark.parametrize("asked", [None, 3, "x", [], {"visitor": 3}, {"visitor": [1]}])
def test_any_question_has_its_turn(asked):
    """What is no proper question is refused by the endpoint's own guard."""
    answer = run(share().between(_guarded(lambda request: {"seen": True}, PANEL))(asked, Connection()))
    assert answer.keys() <= {"seen", "error"}


def test_what_is_no_number_reaches_the_page_as_null():
    """A loss that diverged, in Python or in numpy, is no error; the rest of the answer stands."""
    told = _in_json(lambda request: {"losses": (1.5, float("nan"), np.float64("inf")), "n": 2})({})
    assert json.loads(told.body) == {"losses": [1.5, None, None], "n": 2}


def test_out_of_memory_is_said_and_the_next_question_answered(caplog):
    """No traceback, no "went wrong": what ran out and what helps."""

    def heavy(asked):
        if asked["large"]:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB")
        return {"ok": True}

    answer = _guarded(heavy, PANEL)
    assert "not enough memory" in answer({"large": True})["error"] and answer({"large": False}) == {"ok": True}
    assert "Traceback" not in caplog.text


@pytest.mark.slow
def test_forty_five_heavy_questions_keep_nobody_waiting(tmp_path, monkeypatch):
    """While one visitor has 45 long texts read, the list of models comes to another within two seconds."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    panels = [block for block in build_app(Limits(at_once=4)).blocks.values() if isinstance(block, Panel)]
    ask = {fn.__name__: getattr(panel, fn.__name__) for panel in panels for fn in panel.server_fns}
    text = "\N{REGIONAL INDICATOR SYMBOL LETTER F}" * 300_000

    async def main():
        await ask["list_models"]({"visitor": "b" * 32}, Connection())
        mine = {"visitor": "a" * 32, "model": "shipped:tales", "text": text, "tok": "gpt2"}
        heavy = [asyncio.create_task(ask["read_text"]({**mine, "sheet": str(n)}, Connection())) for n in range(45)]
        waits = []
        while not all(task.done() for task in heavy):
            started = time.monotonic()
            listed = await ask["list_models"]({"visitor": "b" * 32}, Connection())
            assert "models" in json.loads(listed.body)
            waits.append(time.monotonic() - started)
            await asyncio.sleep(0.2)
        assert all("error" not in json.loads(task.result().body) for task in heavy)
        print(f"\n{len(waits)} lists beside 45 texts: the slowest after {max(waits):.2f} s")
        assert max(waits) < 2

    run(main())
