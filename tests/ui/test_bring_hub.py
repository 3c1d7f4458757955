"""GPT-2 from the Hub: offered, fetched once for all, cancelled, and one sentence where that can't be."""

import shutil
import time

import pytest
from test_hub import serving
from twins import hugging_face_twin, randomised

from llm.config import ModelConfig
from llm.ui.own_models import from_hub
from tests.ui.bringing import Page

pytestmark = pytest.mark.usefixtures("own_home")


@pytest.fixture
def page():
    return Page()


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A Hub of this machine whose GPT-2 small is small indeed."""
    hugging_face_twin(randomised(ModelConfig(50_257, n_ctx=8, n_embd=4, n_head=2, n_layer=1))).save_pretrained(
        tmp_path / "gpt2"
    )
    files = {path.name: path.read_bytes() for path in (tmp_path / "gpt2").iterdir()}
    with serving(files, monkeypatch, tmp_path) as hub:
        hub.repository = "openai-community/gpt2"
        yield hub


def until_ended(page):
    for _ in range(600):
        answer = page("poll_download", name="gpt2")
        if answer["state"] not in ("fetching", "opening"):
            return answer
        time.sleep(0.05)
    raise AssertionError("it never ended")


def test_the_hub_s_sizes_are_those_of_its_files():
    """As the Hub tells them, but for the header of each."""
    told = {"gpt2": 548_105_171, "gpt2-medium": 1_519_984_962, "gpt2-large": 3_247_159_078, "gpt2-xl": 6_431_829_964}
    for name, size in told.items():
        assert 0 < size - from_hub.OFFERS[name].n_bytes < 100_000


def test_gpt2_is_fetched_once_for_all(page, hub):
    """It is offered with its size, comes, is in everybody's menu, and is offered no more."""
    assert [offer["name"] for offer in page("list_models")["offers"]] == list(from_hub.OFFERS)
    page("download_model", name="gpt2")
    assert until_ended(page)["state"] == "done"
    hub.requests.clear()
    other = Page()
    assert other.models()["hub:gpt2"]["title"] == "GPT-2 small"
    assert "gpt2" not in [offer["name"] for offer in other("list_models")["offers"]]
    assert other.model("hub:gpt2").tokenizer.decode([18435]) == " Hello"
    other("download_model", name="gpt2")
    assert until_ended(other)["state"] == "done" and hub.requests == []


def test_a_fetch_that_is_cancelled_goes_on_where_it_stopped(page, hub, monkeypatch):
    """What has come is kept for the next time."""
    progress = from_hub._Fetching._progress

    def cancelling(self, done, total):
        self.cancelled.set()
        progress(self, done, total)

    monkeypatch.setattr(from_hub._Fetching, "_progress", cancelling)
    page("download_model", name="gpt2")
    assert until_ended(page)["state"] == "cancelled" and "hub:gpt2" not in page.models()
    monkeypatch.setattr(from_hub._Fetching, "_progress", progress)
    page("download_model", name="gpt2")
    assert until_ended(page)["state"] == "done"
    assert [span for file, span in hub.fetched() if file == "model.safetensors" and span][-1].startswith("bytes=")


def test_without_a_network_one_sentence_has_the_command(page, hub):
    """Nobody listens: what to run where there is a network."""
    hub.repository = "nobody/nothing"
    monkey = pytest.MonkeyPatch()
    monkey.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    page("download_model", name="gpt2")
    answer = until_ended(page)
    monkey.undo()
    assert answer["state"] == "failed"
    assert "python -m llm convert openai-community/gpt2 gpt2 writes a folder that --allow-folder opens" in answer["why"]


def test_a_full_disk_is_said_before_it_begins(page, hub, monkeypatch):
    """So many gigabytes are wanted and so many are free."""
    monkeypatch.setattr(from_hub.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 9 * 10**8, 10**8))
    page("download_model", name="gpt2")
    assert "takes 1.1 GB of disk and 0.1 GB are free" in until_ended(page)["why"] and hub.requests == []


def test_strangers_fetch_nothing():
    """Where downloads are not allowed nothing is offered, and who asks is refused."""
    page = Page(downloads=False)
    assert page("list_models")["offers"] == []
    assert "Nothing is fetched" in page("download_model", name="gpt2")["error"]
    assert "must be one of" in Page()("download_model", name="../gpt2")["error"]
