"""A person opens a model of their own in a browser, and is asked what its files leave unsaid."""

import re

import pytest
from foreign import ALPHABET, H
from test_your_model import CONTAINERS

from llm.ui import build_app, launch_options
from tests.ui.bringing import BOOK, filled

pytestmark = pytest.mark.usefixtures("own_home")


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    return filled(tmp_path_factory.mktemp("here") / "shelf")


@pytest.fixture(scope="module")
def url(home_of_tests, shelf):
    """A server that has the shelf."""
    app = build_app(folders=[shelf])
    _, url, _ = app.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    yield url.rstrip("/")
    app.close()


@pytest.fixture
def page(url, visit):
    """A visitor's page of that server."""
    return visit(app=url)


def menu(page, label):
    page.locator("[data-id=model]").select_option(label=label)


def looking_at(page, ref):
    page.wait_for_function(f"glassbox.subject.model.startsWith({ref!r})")
    page.wait_for_function("[...document.querySelectorAll('[aria-busy]')].every((node) => node.offsetParent === null)")
    assert page.locator(".gb-notice:not([hidden])[data-kind=warning]").count() == 0


def test_a_person_opens_a_pth_and_is_asked(page, shelf, tmp_path):
    """File chooser, heads, tokenizer: each is asked for under the menu, and the model draws its heads."""
    path = CONTAINERS[".pth"](BOOK.state, tmp_path)
    with page.expect_file_chooser() as chooser:
        menu(page, "Its files…")
    chooser.value.set_files(path)
    page.get_by_text("Weights alone don't say how many heads a layer has.").wait_for()
    page.get_by_label("Heads in each layer").fill(str(H))
    page.get_by_role("button", name="Open it").click()
    page.get_by_text("no tokenizer lies beside it").wait_for()
    page.get_by_label("Its tokenizer").set_input_files(shelf / "book" / "meta.json")
    page.get_by_role("button", name="Open it").click()
    looking_at(page, "upload:mine")
    page.get_by_text("The weights have the names of Raschka's book.").wait_for()
    prompt = page.evaluate("glassbox.subject.prompt")
    assert prompt and set(prompt) <= set(ALPHABET)
    page.get_by_text("Its activation is taken to be gelu_new. If it is another:").wait_for()
    assert page.get_by_label("Activation").input_value() == "gelu_new"
    page.get_by_label("Activation").select_option("relu")
    page.get_by_role("button", name="Change it").click()
    page.get_by_text("Its activation is relu now.").wait_for()
    looking_at(page, "upload:mine")
    page.locator("[data-id=own-model]").wait_for(state="hidden")


def test_a_person_opens_a_transformers_folder(page, shelf):
    """The folder chooser takes it as it is, and it has its folder's name."""
    with page.expect_file_chooser() as chooser:
        menu(page, "Its folder…")
    chooser.value.set_files(shelf / "transformers")
    looking_at(page, "upload:transformers")
    assert page.locator("[data-id=model] option:checked").inner_text() == "transformers"


def test_a_person_chooses_from_this_computer_and_may_give_up(page):
    """A model of the folder is asked about too; Cancel leaves all as it was; a text is no model."""
    before = page.evaluate("glassbox.subject.model")
    menu(page, "book")
    page.get_by_text("Weights alone don't say how many heads a layer has.").wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.locator("[data-id=own-model]").wait_for(state="hidden")
    assert page.evaluate("glassbox.subject.model") == before
    menu(page, "book")
    page.get_by_label("Heads in each layer").fill(str(H))
    page.get_by_role("button", name="Open it").click()
    looking_at(page, "folder:")
    page.get_by_role("button", name="It is right").click()
    page.locator("[data-id=own-model]").wait_for(state="hidden")
    with page.expect_file_chooser() as chooser:
        menu(page, "Its files…")
    chooser.value.set_files({"name": "story.txt", "mimeType": "text/plain", "buffer": b"Once"})
    page.get_by_text(re.compile("There are no weights among these files")).wait_for()
