"""Models in folders of this computer that --allow-folder names: listed, opened, and nothing beside them."""

import shutil

import pytest
from foreign import H
from test_your_model import OWNED, as_safetensors

from llm.ui.guests import guest
from tests.ui.bringing import BOOK, Page, assert_opened, filled

pytestmark = pytest.mark.usefixtures("own_home")


@pytest.fixture
def shelf(tmp_path):
    return filled(tmp_path / "shelf")


def titled(page, title):
    return next(model for model in page.models().values() if model["title"] == title)


def test_models_of_a_folder_are_listed_and_open(shelf):
    """Each is there by its name; one that isn't Glassbox's is read when it is chosen, or looked at through a link."""
    page = Page(shelf)
    found = {m["title"]: m["closed"] for m in page.models().values() if m["group"] == "This computer"}
    assert found == {"Glassbox": False, "transformers": True, "book": True}
    assert page.model(titled(page, "transformers")["ref"]).title == "transformers"
    assert not titled(page, "transformers")["closed"]
    book = titled(page, "book")["ref"]
    assert page("convert_model", model=book)["needs"] == "n_head"
    assert_opened(page, page("convert_model", model=book, n_head=H), BOOK.logits)
    assert_opened(page, page("convert_model", model=book), BOOK.logits)  # it is known now


def test_a_guess_about_a_model_of_a_folder_can_be_changed(shelf):
    """What was made of the files is changed, and never a folder that Glassbox saved itself."""
    page = Page(shelf)
    book, own = titled(page, "book")["ref"], titled(page, "Glassbox")["ref"]
    assert page("convert_model", model=book, n_head=H)["guessed"] == "gelu_new"
    page("correct_model", model=book, activation_function="silu")
    assert page.model(book).config.activation_function == "silu"
    before = (shelf / "Glassbox" / "config.json").read_bytes()
    assert "Glassbox's own" in page("correct_model", model=own, activation_function="silu")["error"]
    assert (shelf / "Glassbox" / "config.json").read_bytes() == before


def test_a_model_that_changed_is_read_again(shelf):
    """What was made of the old files goes."""
    page = Page(shelf)
    ref = titled(page, "book")["ref"]
    page("convert_model", model=ref, n_head=H)
    other = OWNED["the book, qkv_bias"]
    as_safetensors(other.state, shelf / "book")
    assert titled(page, "book")["closed"]
    assert_opened(page, page("convert_model", model=ref, n_head=H), other.logits)
    shutil.rmtree(shelf / "book")
    assert "gone" in page("convert_model", model=ref)["error"]


def test_a_folder_that_is_a_model_is_one(shelf):
    """--allow-folder may name the model itself."""
    page = Page(shelf / "transformers")
    assert [m["title"] for m in page.models().values() if m["group"] == "This computer"] == ["transformers"]


def test_nobody_else_s_folder_is_opened(shelf):
    """Only what the folders hold has a key, and only keys are taken."""
    page = Page()
    for ref in ("folder:..", f"folder:{shelf / 'book'}", "shipped:sorter", "folder:" + "0" * 12):
        assert "error" in page("convert_model", model=ref)


def test_guests_of_a_class_see_no_folder_by_themselves(shelf):
    """Whoever only follows a speaker has neither the folder's models nor the Hub's."""
    page = Page(shelf)
    ref = titled(page, "Glassbox")["ref"]
    token = guest.set(True)
    try:
        assert ref not in page.models()
        with pytest.raises(ValueError, match="There is no such model"):
            page.model(ref)
    finally:
        guest.reset(token)
