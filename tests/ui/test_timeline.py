"""The timeline under the bar: the moments of a training, and the heads that come with it."""

import re

import pytest
from playwright.sync_api import expect

from llm.ui.sessions import Sessions
from llm.ui.subject import Subjects
from llm.ui.timeline import build_timeline

VISITOR = {"visitor": "0" * 32}


@pytest.fixture
def read_timeline(tmp_path, monkeypatch):
    """The timeline's endpoint, with an empty home."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    (endpoint,) = build_timeline(Subjects(Sessions())).server_fns
    return endpoint


def test_the_shipped_training_is_measured_bit_by_bit(read_timeline):
    """Each call measures some moments more, until all are there; both of its heads come during training."""
    request = {**VISITOR, "model": "shipped:induction"}
    answer = read_timeline(request)
    steps, moments = answer["steps"], answer["moments"]
    while not answer["complete"]:
        answer = read_timeline({**request, "after": moments[-1]["step"]})
        moments += answer["moments"]
    assert [moment["step"] for moment in moments] == steps and len(steps) == 16
    previous = [moment["best"]["previous"][0] for moment in moments]
    assert previous[0] < 0.2 and previous[-1] > 0.9
    induction = [moment["best"]["induction"][0] for moment in moments]
    assert max(induction[:5]) < 0.1 and min(induction[8:]) > 0.9 and answer["measured_on"] == "line"


def test_a_model_without_moments_has_an_empty_timeline(read_timeline):
    """Where only the last weights are kept there is nothing to travel to; an unknown model is refused."""
    answer = read_timeline({**VISITOR, "model": "shipped:sorter"})
    assert (answer["steps"], answer["moments"], answer["complete"]) == ([], [], True)
    assert "error" in read_timeline({**VISITOR, "model": "shipped:../.."})


def test_a_visitor_travels_through_a_training(page):
    """Choosing the induction model shows its timeline; a drag, the keys and the film move all panels."""
    page.locator(".gb-bar [data-id=model]").select_option("shipped:induction")
    track = page.get_by_role("slider", name="Moment of the training")
    track.wait_for()
    expect(track).to_have_attribute("aria-valuetext", re.compile("newest"))
    for x in range(40, 140):  # its heads are measured a few moments at a time
        track.hover(position={"x": x, "y": 10})
        if "a line of its own task" in page.locator(".gb-tip").inner_text():
            break
        page.wait_for_timeout(100)
    assert "a line of its own task" in page.locator(".gb-tip").inner_text()
    page.wait_for_function("glassbox.subject.prompt.includes('|')")  # an example that this model can read
    box = track.bounding_box()
    page.mouse.click(box["x"] + 12, box["y"] + 20)
    page.wait_for_function("glassbox.subject.step === 0")
    track.press("ArrowRight")
    page.wait_for_function("glassbox.subject.step === 50 && location.hash.includes('step=50')")
    page.get_by_role("button", name="Play the training as a film").click()
    page.wait_for_function("glassbox.subject.step > 100")
    page.locator(".gb-bar [data-id=model]").select_option("shipped:tales")
    track.wait_for(state="hidden")
