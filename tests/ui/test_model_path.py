"""The course: every station can be done, only by doing it, and its answer is what the model at hand says."""

import base64
import csv
import json
import math
import string

import numpy as np
import pytest
import torch

from llm.evaluate import surprisal
from llm.inside.architecture import source
from llm.inside.head_search import mark_after_same, search_heads
from llm.training.learning_step import FACTORS
from llm.ui import build_app
from llm.ui.model.learning_step import build_learning_step
from llm.ui.model.path import build_path
from llm.ui.model.readings import READINGS
from llm.ui.model.stations import FOLDER, TERM, glossary, read_station, stations
from llm.ui.model.walks import Walks
from llm.ui.panel import View
from llm.ui.sessions import Sessions
from llm.ui.subject import SHIPPED, Subjects
from tests.ui.path_stations import NAMES, loaded, station_of


@pytest.fixture(scope="module")
def endpoints():
    """read_path and check_station over the shipped models."""
    return {fn.__name__: fn for fn in build_path(Walks(Subjects(Sessions()))).server_fns}


def checked(endpoints, name, **changes):
    """What the server says to a visitor who is where the station begins, but for the changes."""
    place = {**station_of(name).start, "step": None, "settings": {}, **changes}
    answer = endpoints["check_station"]({"visitor": "0" * 32, "station": name, **place})
    assert "error" not in answer, answer
    json.dumps(answer, allow_nan=False)
    return answer


def odds(model, ids):
    with torch.no_grad():
        return model(torch.tensor([ids]))[0, -1].double().softmax(0)


# ---- the files -------------------------------------------------------------------------------------


def test_there_are_ten_stations_and_24_terms():
    """In order, of one to three minutes, each named once; every term in them is in the glossary."""
    assert len(NAMES) == len(set(NAMES)) == 10 and len(glossary()) == 24
    assert all(1 <= station.minutes <= 3 for station in stations())
    assert all(term["says"].endswith(".") and ". " not in term["says"] for term in glossary().values())
    used = {name for one in stations() for text in one.words.values() for _, name in TERM.findall(text)}
    assert used <= set(glossary()) and len(used) > 15


def test_what_stations_name_is_there():
    """Views on the page, shipped models, readings (each used), and lines that are code of the model's file."""
    views = {block.name for block in build_app().blocks.values() if isinstance(block, View)}
    _, lines = source()
    for station in stations():
        assert station.start["view"] in views
        assert (SHIPPED / station.start["model"].removeprefix("shipped:")).is_dir()
        code = "\n".join(lines[n - 1] for n in station.lines)
        assert code.strip() and not code.strip().startswith(("#", '"'))
    assert {station.reading for station in stations()} == set(READINGS)


@pytest.mark.parametrize("name", NAMES)
def test_no_file_holds_an_answer(name, endpoints):
    """Findings have them in braces alone, and the list that the page gets has no finding."""
    shown = [field for _, field, _, _ in string.Formatter().parse(station_of(name).words["finding"]) if field]
    assert shown
    told = endpoints["read_path"]({"visitor": "0" * 32})["stations"]
    assert all("finding" not in one["words"] and "answer" not in one for one in told)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda v: v["start"].update(view="nowhere"), "no view 'nowhere'"),
        (lambda v: v["start"].update(model="shipped:gone"), "doesn't ship"),
        (lambda v: v["start"].pop("prompt"), "start lacks prompt"),
        (lambda v: v.update(reading="guess"), "no reading 'guess'"),
        (lambda v: v["code"].update(begins="self.nothing("), "nothing in GPT.forward"),
        (lambda v: v["code"].update(of="GPT.backward"), "backward"),
        (lambda v: v["words"].pop("why"), "words lacks why"),
        (lambda v: v["words"].update(why="[x](nonsense)"), "no 'nonsense'"),
        (lambda v: v["words"].update(finding="{cosine}"), "gives no cosine"),
        (lambda v: v["words"].update(unit="miles"), "unit must be one of"),
        (lambda v: v["until"].update(mood="good"), "until has no mood"),
    ],
)
def test_a_bad_file_is_named(tmp_path, change, says):
    """A station that can't work stops the start, with its file and what is wrong."""
    values = json.loads((FOLDER / "01_tokens.json").read_text(encoding="utf-8"))
    change(values)
    (tmp_path / "01_tokens.json").write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(ValueError, match=r"01_tokens\.json") as error:
        read_station(tmp_path / "01_tokens.json")
    assert says in str(error.value)


# ---- answers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_just_opening_a_station_does_not_pass_it(name, endpoints):
    """Nor does its view with another model, nor another view."""
    assert checked(endpoints, name) == {"done": False, "answer": None, "finding": ""}
    assert not checked(endpoints, name, model="shipped:sorter", prompt="\n52>25")["done"]
    assert not checked(endpoints, name, view="path")["done"]


def test_tokens(endpoints):
    """As many as the tokenizer makes."""
    _, tokenizer = loaded("tokens")
    assert checked(endpoints, "tokens", prompt="lumberjack")["answer"] == len(tokenizer.encode("lumberjack"))


def test_embeddings(endpoints):
    """The neighbour by cosines in double precision; another token chosen is not enough."""
    model, tokenizer = loaded("embeddings_and_positions")
    (girl,) = tokenizer.encode(" girl")
    rows = torch.nn.functional.normalize(model.wte.weight.detach().double(), dim=1)
    best = int((rows @ rows[girl]).topk(2).indices[1])
    answer = checked(endpoints, "embeddings_and_positions", settings={"token": str(girl)})
    assert answer["answer"] == tokenizer.decode([best]).strip()
    assert not checked(endpoints, "embeddings_and_positions", settings={"token": "1"})["done"]


def test_odds(endpoints):
    """The likeliest token's share at the start; a prompt that leaves the model in doubt is not enough."""
    model, tokenizer = loaded("next_token_odds")
    prompt = station_of("next_token_odds").start["prompt"]
    answer = checked(endpoints, "next_token_odds", prompt=prompt + " Mina")
    assert answer["answer"] == pytest.approx(float(odds(model, tokenizer.encode(prompt)).max()), rel=1e-4)
    assert not checked(endpoints, "next_token_odds", prompt=prompt + " M")["done"]


def test_sampling(endpoints):
    """Half the temperature squares the ratio of two odds, here as anywhere."""
    model, tokenizer = loaded("sampling")
    answer = checked(endpoints, "sampling", settings={"t": "0.5"})
    first, second = odds(model, tokenizer.encode(station_of("sampling").start["prompt"])).topk(2).values.tolist()
    assert answer["answer"] == "squared" and f"{first / second:.2f}" in answer["finding"]
    assert f"{(first / second) ** 2:.1f}" in answer["finding"]
    assert checked(endpoints, "sampling", settings={"t": "0.501"})["done"]  # the slider's own step
    for other in ("0.6", "0.4", "half", "inf", "0.5e0"):
        assert not checked(endpoints, "sampling", settings={"t": other})["done"]


def test_attention(endpoints):
    """The third token sees three; at another token or step nothing is passed."""
    walked = {"walk": "h.2.attn.mask", "follow": "2"}
    assert checked(endpoints, "attention_and_its_mask", settings=walked)["answer"] == 3
    for other in ({"follow": "3"}, {"walk": "h.2.attn.scores"}):
        assert not checked(endpoints, "attention_and_its_mask", settings={**walked, **other})["done"]


def test_heads(endpoints):
    """One head alone passes: the one that search finds."""
    model, tokenizer = loaded("heads_and_induction")
    ids = tokenizer.encode(station_of("heads_and_induction").start["prompt"])
    found = search_heads(model, ids, mark_after_same(ids))
    for layer in range(2):
        for head in range(4):
            answer = checked(endpoints, "heads_and_induction", settings={"head": f"{layer}.{head}"})
            assert answer["done"] == ((layer, head) == (found.layer, found.head))
            assert answer["answer"] == (str(layer) if answer["done"] else None)


def test_mlp(endpoints):
    """The mean losses are those of a model whose first MLP says nothing."""
    model, tokenizer = loaded("mlp_and_residual_stream")
    ids = tokenizer.encode(station_of("mlp_and_residual_stream").start["prompt"])
    losses = []
    for _ in range(2):
        nats = list(surprisal(model, ids))[1:]
        losses.append(sum(nats) / len(nats))
        torch.nn.init.zeros_(model.h[0].mlp.c_proj.weight)
        torch.nn.init.zeros_(model.h[0].mlp.c_proj.bias)
    answer = checked(endpoints, "mlp_and_residual_stream", settings={"cut": "0.mlp"})
    assert all(f"{loss:.2f}" in answer["finding"] for loss in losses)
    assert answer["answer"] == (
        "little" if losses[1] < 1.1 * losses[0] else "some" if losses[1] < 2 * losses[0] else "much"
    )
    assert not checked(endpoints, "mlp_and_residual_stream", settings={"cut": "0.mlp_1.mlp"})["done"]


def test_perplexity(endpoints):
    """e to the mean loss of the prompt; a word more or less is another text, not another order."""
    model, tokenizer = loaded("loss_and_perplexity")
    prompt = station_of("loss_and_perplexity").start["prompt"]
    nats = list(surprisal(model, tokenizer.encode(prompt)))[1:]
    other = " ".join(reversed(prompt.split()))
    answer = checked(endpoints, "loss_and_perplexity", prompt=other)
    assert answer["answer"] == pytest.approx(math.exp(sum(nats) / len(nats)), rel=1e-4)
    assert checked(endpoints, "loss_and_perplexity", settings={"text": other})["done"]
    assert not checked(endpoints, "loss_and_perplexity", prompt=other + " more")["done"]


def test_training(endpoints):
    """The losses along the step that the Learning step view shows; a rate that still helps is not enough."""
    read = next(iter(build_learning_step(Walks(Subjects(Sessions()))).server_fns))
    seen = {"known": [False]}
    while not all(seen["known"]):
        seen = read({"visitor": "0" * 32, **station_of("one_training_step").start})
        seen.setdefault("known", [False])
    losses = np.frombuffer(base64.b64decode(seen["losses"]), np.float32).reshape(len(FACTORS), -1).mean(axis=1)
    first = next(i for i, loss in enumerate(losses) if loss > losses[0])
    for i, factor in enumerate(FACTORS):
        settings = {"phase": "again", "times": f"{factor:g}"}
        answer = checked(endpoints, "one_training_step", settings=settings)
        assert answer["done"] == (i >= first)
        assert not checked(endpoints, "one_training_step", settings={**settings, "phase": "update"})["done"]
    assert f"{losses[0]:.2f}" in answer["finding"] and f"{losses[first]:.2f}" in answer["finding"]
    assert FACTORS[first] <= int(answer["answer"]) < 10 * FACTORS[first]
    assert not checked(endpoints, "one_training_step", settings={**settings, "on": "prompt", "times": "0"})["done"]


def test_size(endpoints):
    """The first loss of the widest models in the shipped table that is no higher than the narrowest's last."""
    with (SHIPPED / "scaling" / "table.csv").open(encoding="utf-8", newline="") as file:
        rows = [{name: float(row[name]) for name in ("width", "tokens", "loss")} for row in csv.DictReader(file)]
    narrow, wide = ([r for r in rows if r["width"] == end([r["width"] for r in rows])] for end in (min, max))
    end = max(row["tokens"] for row in rows)
    last = min(row["loss"] for row in narrow if row["tokens"] == end)
    answer = checked(endpoints, "size_and_data", settings={"across": "tokens"})
    assert answer["answer"] == min(row["tokens"] for row in wide if row["loss"] <= last) / end
    assert f"{last:.2f}" in answer["finding"]
    for other in ({"across": "flops"}, {"across": "tokens", "sweep": "mine"}):
        assert not checked(endpoints, "size_and_data", settings=other)["done"]


def test_bad_questions_get_one_sentence(endpoints):
    """Unknown stations, settings that are no texts, an empty prompt."""
    start = {**station_of("attention_and_its_mask").start, "visitor": "0" * 32, "step": None}
    ask = endpoints["check_station"]
    assert "error" in ask({**start, "station": "nowhere", "settings": {}})
    for settings in ([], {"walk": 3}, {str(n): "" for n in range(1000)}):
        assert "error" in ask({**start, "station": "attention_and_its_mask", "settings": settings})
    walked = {"walk": "h.0.attn.mask", "follow": "2"}
    empty = ask({**start, "station": "attention_and_its_mask", "settings": walked, "prompt": ""})
    assert "prompt" in empty["error"]
    short = ask({**start, "station": "attention_and_its_mask", "settings": walked, "prompt": "Once"})
    assert not short["done"]
