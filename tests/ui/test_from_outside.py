"""Anybody may ask any endpoint anything: over the app's own list of them, by raw HTTP, and the server stands."""

import dataclasses
import json
import math
import random
import re
from pathlib import Path

import pytest

from llm.config import ModelConfig, SamplingConfig, TrainConfig
from llm.ui import inputs
from tests.ui.raw import raw_app, spelt

BROKEN = "Something went wrong inside the server"
UI = Path(__file__).resolve().parents[2] / "llm" / "ui"
READ = re.compile(r'\b(?:request|changes)(?:\.get\(|\[|, )"(\w+)"')
NAMES = sorted(
    {name for path in UI.rglob("*.py") for name in READ.findall(path.read_text(encoding="utf-8"))} - {"visitor"}
    | {field.name for config in (ModelConfig, TrainConfig, SamplingConfig) for field in dataclasses.fields(config)}
)
"""All parameters that some endpoint reads; one that this endpoint doesn't read is ignored."""
REAL = {
    "model": "shipped:sorter",
    "prompt": "\n3141592>",
    "text": "Once there was a girl",
    "corpus": "task:sort",
    "tokenizer": "character",
    "tok": "model",
    "kind": "csv",
    "ids": [1, 2, 3],
    "layer": 0,
    "head": 0,
    "seed": 1,
}
"""What gets past an endpoint's first looks, so that the next are asked too."""
HOSTILE = [
    *("-1", "0", "-0.0", "0.5", "1e308", "-1e308", "1" + "0" * 19, "-9007199254740993", "1e-320", "true", "null"),
    *("[]", "{}", "[[]]", "[null]", '{"a": {"b": [1, "x"]}}', '""', '"\\u0000"', '"\\ud800"', '"../../../etc/passwd"'),
    *('"shipped:../sorter"', '"run:../../x"', '"upload:x"', '"cli:x"', '"mine:x"', '"0123456789abcdef"', "false"),
    *('"<img src=x onerror=alert(1)>"', '"{{value}} ${x}"', f'"{"x" * 30_000}"', f'"{"🇩🇪" * 3_000}"', "[true, null]"),
    *(f"[{'1,' * 3_000}1]", "[-1, 1e9, 0.5]", '["a", "b"]', "[[1, 2], [3, 4]]", "[" * 12 + "]" * 12),
]
"""JSON texts that some page might send, and no page does."""
DEEP = ["[" * depth + "]" * depth for depth in (40, 9_000)]
BEYOND = ["NaN", "Infinity", "-Infinity", "1e999", "9" * 309, "-" + "9" * 5_000, *DEEP]
"""What the door itself refuses."""
HEAVY = {"start_run", "continue_run", "start_learning", "begin_batch", "download_corpus"}
"""Begin work that outlives the answer: asked with what they must refuse alone."""


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """A client of an app that lets it ask as fast as it can."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GLASSBOX_HOME", str(tmp_path_factory.mktemp("home")))
        with raw_app(requests_per_minute=10**6, address_requests_per_minute=10**7) as client:
            yield client


def parameters(values, visitor):
    """A JSON object of values that are JSON texts already."""
    fields = [f'"visitor": "{visitor}"', *(f'"{name}": {value}' for name, value in values.items())]
    return "{" + ", ".join(fields) + "}"


def stands(raw, component, name, values):
    """Ask, and look at the answer: one that serves, or a refusal in a sentence. Returns its status."""
    body = spelt(component, name, parameters(values, raw.visitor))
    status, _, told = raw.send("POST", "/gradio_api/component_server", body, content_type="application/json")
    problem = None
    if status not in (200, 400, 413):
        problem = told[:300]
    else:
        answer = json.loads(told)
        error = answer.get("error") if isinstance(answer, dict) else answer
        if error is not None and not (isinstance(error, str) and 5 < len(error) < 2_000 and BROKEN not in error):
            problem = error
    if problem is not None:
        short = {known: value[:60] for known, value in values.items()}
        pytest.fail(f"{name} {short} -> {status} {problem}", pytrace=False)
    return status


@pytest.mark.slow
def test_every_endpoint_refuses_what_it_can_not_take(raw):
    """Each with every parameter at once of one hostile kind, bare, and with single ones beside real values."""
    endpoints = raw.endpoints()
    assert len(endpoints) > 60
    for component, name in endpoints:
        real = {} if name in HEAVY else {known: json.dumps(value) for known, value in REAL.items()}
        stands(raw, component, name, {})
        for value in HOSTILE[:: 4 if name in HEAVY else 3]:
            stands(raw, component, name, dict.fromkeys(NAMES, value))
        stands(raw, component, name, real)


def test_the_door_refuses_for_all(raw):
    """Numbers that JSON lacks or no float holds, and depth, never reach an endpoint."""
    for component, name in raw.endpoints():
        for value in BEYOND:
            assert stands(raw, component, name, {"step": value}) == 400


def fuzz(raw, requests, seed):
    """So many requests, each of some endpoint with some parameters real, some hostile, some absent."""
    chance, endpoints = random.Random(seed), raw.endpoints()
    statuses = []
    for _ in range(requests):
        component, name = chance.choice(endpoints)
        values = {}
        for known in NAMES:
            match chance.random():
                case p if p < 0.55 and known in REAL and name not in HEAVY:
                    values[known] = json.dumps(REAL[known])
                case p if p > 0.8:
                    values[known] = chance.choice(HOSTILE if chance.random() < 0.99 else BEYOND)
        statuses.append(stands(raw, component, name, values))
    assert raw.ask("list_models")[0] == 200
    return statuses


def test_a_few_random_requests(raw):
    """No traceback and no 500 in 300 of them, the same every time."""
    fuzz(raw, 300, seed=1)


@pytest.mark.slow
def test_ten_thousand_random_requests(raw, capsys):
    """The same at length; prints how many were answered or refused in words, and at the door."""
    statuses = fuzz(raw, 10_000, seed=2)
    with capsys.disabled():
        print(
            f"\n{len(statuses):,} requests: {statuses.count(200):,} by endpoints, {statuses.count(400):,} at the door"
        )


@pytest.mark.parametrize("value", [math.inf, math.nan, True, "3", None, [3]])
def test_what_is_no_number_is_refused(value):
    """What is merely out of range is clamped, even where a float can't hold it."""
    with pytest.raises(ValueError, match=r"must be a number from 0 to 5"):
        inputs.number({"x": value}, "x", 0, 5)
    for large in (10**9, 10**308, 10**400):
        assert inputs.whole({"x": large}, "x", 0, 5) == 5 and inputs.whole({"x": -large}, "x", 0, 5) == 0
