"""The course in a browser: stations are passed by doing what they ask, and by nothing less."""

import pytest
from playwright.sync_api import expect

from llm.inside.head_search import mark_after_same, search_heads
from llm.training.learning_step import FACTORS
from llm.ui.model.stations import glossary
from tests.ui.path_stations import NAMES, loaded, station_of


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
