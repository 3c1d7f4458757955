"""The course: every station can be done, only by doing it, and its answer is what the model at hand says."""

import base64
import csv
import json
import math
import string

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from llm.checkpoint import load_checkpoint
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

NAMES = [station.name for station in stations()]


@pytest.fixture(scope="module")
def endpoints():
    """read_path and check_station over the shipped models."""
    return {fn.__name__: fn for fn in build_path(Walks(Subjects(Sessions()))).server_fns}


def station_of(name):
    return next(station for station in stations() if station.name == name)


def checked(endpoints, name, **changes):
    """What the server says to a visitor who is where the station begins, but for the changes."""
    place = {**station_of(name).start, "step": None, "settings": {}, **changes}
    answer = endpoints["check_station"]({"visitor": "0" * 32, "station": name, **place})
    assert "error" not in answer, answer
    json.dumps(answer, allow_nan=False)
    return answer


def loaded(name):
    checkpoint = load_checkpoint(SHIPPED / station_of(name).start["model"].removeprefix("shipped:"))
    return checkpoint.model, checkpoint.tokenizer


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


# ---- in the browser --------------------------------------------------------------------------------


def begun(page, name, guess=None):
    """Open a station by its link, guess, and go where it leads."""
    page.evaluate("(name) => { location.hash = `#tab=model&view=path&station=${name}` }", name)
    title = station_of(name).words["title"]
    expect(page.locator("#gb-path [data-id=title]")).to_have_text(title)
    if guess and station_of(name).unit is None:
        page.locator(f"#gb-path [data-id=guess] input[value='{guess}']").check()
    elif guess:
        page.locator("#gb-path [data-id=guess] input").fill(guess)
    page.locator("#gb-path [data-id=begin]").click()
    expect(page.locator("#gb-guide .gb-guide")).to_have_attribute("data-done", "false")
    page.wait_for_function(
        "(view) => document.querySelector(`#gb-${view}[data-gb-on]`)?.offsetParent", arg=station_of(name).start["view"]
    )


def passed(page, name):
    """Wait until the server says that it is done, and go back to the path."""
    expect(page.locator("#gb-guide .gb-guide")).to_have_attribute("data-done", "true")
    page.locator("#gb-guide [data-id=back]").click()
    expect(page.locator("#gb-path [data-id=title]")).to_have_text(station_of(name).words["title"])
    expect(page.locator("#gb-path [data-id=finding]")).to_be_visible()


@pytest.mark.slow
def test_a_visitor_passes_stations_by_doing_what_they_ask(page):
    """Four in four tabs, with right and wrong guesses; one is opened and not done. A reload forgets nothing."""
    begun(page, "tokens", "2")
    page.locator("#gb-bar [data-id=prompt]").fill("lumberjack")
    passed(page, "tokens")
    expect(page.locator("#gb-path [data-id=finding]")).to_contain_text("is 5 tokens")
    expect(page.locator("#gb-path [data-id=verdict]")).to_have_text("You said: 2 tokens.")
    expect(page.locator("#gb-path [data-id=line]")).to_contain_text("llm/model.py, line")

    begun(page, "attention_and_its_mask", "3")
    page.locator("#gb-forward [data-id=reading] [data-at='2']").click()
    page.locator("#gb-forward [data-id=machine] [data-key='h.0.attn.mask']").click()
    passed(page, "attention_and_its_mask")
    expect(page.locator("#gb-path [data-id=verdict]")).to_have_text("You guessed it.")

    begun(page, "mlp_and_residual_stream", "little")
    page.locator("#gb-switch_off .gb-switch[data-part='0.mlp']").click()
    passed(page, "mlp_and_residual_stream")
    expect(page.locator("#gb-path [data-id=verdict]")).to_contain_text("By less than a tenth")

    begun(page, "size_and_data")
    page.locator("#gb-loss_and_size [data-choice=across] [data-value=tokens]").click()
    passed(page, "size_and_data")
    expect(page.locator("#gb-path [data-id=verdict]")).to_have_text("You had no guess.")

    begun(page, "loss_and_perplexity", "5")
    page.wait_for_timeout(1200)  # longer than the page takes to ask
    expect(page.locator("#gb-guide .gb-guide")).to_have_attribute("data-done", "false")
    page.locator("#gb-guide [data-id=back]").click()
    expect(page.locator("#gb-path [data-id=found]")).to_be_hidden()

    page.reload()
    expect(page.locator("#gb-path .gb-stops [data-done=true]")).to_have_count(4)
    expect(page.locator("#gb-path .gb-stops [aria-current]")).to_contain_text("Loss and perplexity")


def prompt(text):
    return lambda page: page.locator("#gb-bar [data-id=prompt]").fill(text)


def click(selector):
    return lambda page: page.locator(selector).click()


def find_token(text):
    def find(page):
        page.wait_for_function("document.querySelector('#gb-positions_and_embeddings canvas')?.offsetParent")
        search = page.locator("#gb-positions_and_embeddings [data-id=search]")
        search.fill(text)
        expect(page.locator("#gb-positions_and_embeddings [data-id=found] button")).not_to_have_count(0)
        search.press("Enter")

    return find


def temperature(words):
    def slide(page):
        slider = page.locator("#gb-write [data-setting=temperature]")
        slider.press("End")  # from above: 0.6 is reached without passing 0.5
        for _ in range(500):
            if page.inner_text("#gb-write [data-say=temperature]") == words:
                return
            slider.press("ArrowLeft")
        raise AssertionError(f"no temperature says {words}")

    return slide


def head(right):
    """Click the head that copies, or the one before it in its layer."""

    def choose(page):
        model, tokenizer = loaded("heads_and_induction")
        ids = tokenizer.encode(station_of("heads_and_induction").start["prompt"])
        found = search_heads(model, ids, mark_after_same(ids))
        column = found.head if right else (found.head + 1) % model.config.n_head
        canvas = page.locator("#gb-heads [data-id=grid] canvas").first
        page.wait_for_function("document.querySelectorAll('#gb-heads .gb-next li').length > 0")
        box = canvas.bounding_box()
        across, down = box["width"] / model.config.n_head, box["height"] / model.config.n_layer
        canvas.click(position={"x": (column + 0.5) * across, "y": (found.layer + 0.5) * down})

    return choose


def third_token_at(step):
    def walk(page):
        page.locator("#gb-forward [data-id=reading] [data-at='2']").click()
        page.locator(f"#gb-forward [data-id=machine] [data-key='h.0.{step}']").click()

    return walk


def again_at(factor):
    def step(page):
        page.get_by_role("button", name="4 Read again").click()
        expect(page.locator("#gb-learning_step [data-id=progress]")).to_be_hidden()
        page.locator("#gb-learning_step [data-id=rate]").fill(str(FACTORS.index(factor)))

    return step


def axis(name):
    return click(f"#gb-loss_and_size [data-choice=across] [data-value={name}]")


def switch(part):
    return click(f"#gb-switch_off .gb-switch[data-part='{part}']")


SO_FAR = {name: station_of(name).start["prompt"] for name in NAMES}
ACTS = {
    "tokens": (prompt("lumber jack"), prompt("lumberjack")),
    "embeddings_and_positions": (find_token(" boy"), find_token(" girl")),
    "next_token_odds": (prompt(SO_FAR["next_token_odds"] + " M"), prompt(SO_FAR["next_token_odds"] + " Mina")),
    "sampling": (temperature("0.603"), temperature("0.501")),
    "attention_and_its_mask": (third_token_at("attn.scores"), third_token_at("attn.mask")),
    "heads_and_induction": (head(right=False), head(right=True)),
    "mlp_and_residual_stream": (switch("1.mlp"), lambda page: [switch(part)(page) for part in ("1.mlp", "0.mlp")]),
    "loss_and_perplexity": (
        prompt(SO_FAR["loss_and_perplexity"] + " There."),
        prompt(" ".join(reversed(SO_FAR["loss_and_perplexity"].split()))),
    ),
    "one_training_step": (again_at(3.0), again_at(1000.0)),
    "size_and_data": (axis("flops"), axis("tokens")),
}
"""Of each station, something in its view that isn't what it asks for, and what is."""


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_each_station_passes_by_its_task_and_by_nothing_less(page, name):
    """By hand in its view: what comes near leaves it open, what it asks for passes it."""
    nearly, fully = ACTS[name]
    begun(page, name)
    nearly(page)
    page.wait_for_timeout(1200)  # longer than the page takes to ask
    expect(page.locator("#gb-guide .gb-guide")).to_have_attribute("data-done", "false")
    fully(page)
    passed(page, name)


def test_a_room_sees_what_the_station_asks(page):
    """One line above the picture, which keeps three quarters of the window and lies beneath nothing."""
    page.set_viewport_size({"width": 1280, "height": 720})
    begun(page, "attention_and_its_mask")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("p")
    guide, picture = page.locator("#gb-guide"), page.locator("#gb-forward [data-picture]")
    expect(guide.locator("[data-id=task]")).to_be_visible()
    expect(guide.get_by_role("button")).to_have_count(0)
    expect(picture).to_be_visible()
    strip, box = guide.bounding_box(), picture.bounding_box()
    assert strip["y"] == 0 and strip["height"] <= 48 and box["y"] >= strip["y"] + strip["height"]
    assert box["width"] * box["height"] >= 0.75 * 1280 * 720 and box["y"] + box["height"] <= 720


def test_terms_say_what_they_mean_and_keys_lead(page):
    """A touched term shows its sentence; the rail lists all 24; arrows go from stop to stop; leaving ends the strip."""
    page.locator("#gb-bar [data-id=path]").click()
    expect(page.locator("#gb-path .gb-stops button")).to_have_count(10)
    page.locator("#gb-path .gb-term").first.hover()
    expect(page.locator(".gb-tip")).to_contain_text(glossary()["token"]["says"])
    expect(page.locator("#gb-path .gb-glossary dt")).to_have_count(24)
    page.keyboard.press("ArrowDown")
    expect(page.locator("#gb-path [data-id=title]")).to_have_text(station_of(NAMES[1]).words["title"])
    page.keyboard.press("Enter")
    expect(page.locator("#gb-guide [data-id=task]")).to_contain_text("Search the map")
    page.locator("#gb-guide [data-id=close]").click()
    expect(page.locator("#gb-guide .gb-guide")).to_be_hidden()
    page.wait_for_function("!location.hash.includes('station')")
