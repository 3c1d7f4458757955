"""Texts in a folder that --allow-folder names: chosen on the page, read within the limits, and nothing beside them."""

import gzip

import pytest
from playwright.sync_api import expect

from llm.limits import Limits
from llm.ui import build_app, launch_options
from llm.ui.guests import guest
from tests.ui.train_tab import ME, TrainTab, settings

STORY = "The owl and the pussycat went to sea in a beautiful pea-green boat.\n" * 30


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A folder with two texts and a table, what is none, a model's files, and links that lead out of it."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path / "home"))
    shelf = tmp_path / "shelf"
    (shelf / "model").mkdir(parents=True)
    for name in ("merges.txt", "model.safetensors"):
        (shelf / "model" / name).write_bytes(b"")
    (shelf / "owl.txt").write_text(STORY, encoding="utf-8")
    (shelf / "packed.txt.gz").write_bytes(gzip.compress(STORY.encode()))
    (shelf / "reviews.csv").write_text("id,text,more\n1,good boat,x\n2,bad boat,y\n" * 20, encoding="utf-8")
    (shelf / "old.md").write_bytes("Über die Brücke fährt ein Mädchen mit Äpfeln. ".encode("cp1252") * 40)
    for name in ("config.json", "weights.bin", ".hidden.txt"):
        (shelf / name).write_bytes(b"{}")
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    (shelf / "link.txt").symlink_to(tmp_path / "secret.txt")
    (shelf / "same.txt").symlink_to(shelf / "owl.txt")
    (shelf / "gone.txt").symlink_to(tmp_path / "nothing.txt")
    return shelf


def keys(tab):
    return {text["title"]: text["key"] for text in tab.list_choices({"visitor": ME})["local_texts"]}


def test_its_texts_are_listed_and_learnt_from(shelf):
    """Each by its name, packed or not; a table with its columns, another encoding with what it may be."""
    tab = TrainTab(folders=[shelf])
    found = keys(tab)
    assert set(found) == {"owl.txt", "packed.txt.gz", "reviews.csv", "old.md"}
    for title in ("owl.txt", "packed.txt.gz"):
        name = tab.keep_upload({"visitor": ME, "local": found[title]})["name"]
        assert tab.describe_corpus(settings(corpus=name))["n_characters"] == len(STORY)
    assert (shelf / "owl.txt").exists()
    table = tab.keep_upload({"visitor": ME, "local": found["reviews.csv"]})
    assert table["columns"] == ["id", "text", "more"] and table["column"] == "text"
    assert tab.keep_upload({"visitor": ME, "local": found["reviews.csv"], "column": "more"})["column"] == "more"
    old = tab.keep_upload({"visitor": ME, "local": found["old.md"]})
    assert not old["name"] and "cp1252" in [one["name"] for one in old["encodings"]]
    assert tab.keep_upload({"visitor": ME, "local": found["old.md"], "encoding": "cp1252"})["name"] == "upload:old.md"


def test_nothing_else_is_read(shelf, tmp_path):
    """Only keys are taken, a link that leads out has none, and what unpacks to too much is refused while reading."""
    tab = TrainTab(Limits(upload_mb=0.1), [shelf])
    found = keys(tab)
    for key in ("..", str(tmp_path / "secret.txt"), "0" * 12, "", 5):
        assert "error" in tab.keep_upload({"visitor": ME, "local": key})
    (shelf / "packed.txt.gz").write_bytes(gzip.compress(b"a" * 10**7))
    assert "limit is 100,000" in tab.keep_upload({"visitor": ME, "local": found["packed.txt.gz"]})["error"]
    (shelf / "owl.txt").unlink()
    (shelf / "owl.txt").symlink_to(tmp_path / "secret.txt")
    assert "gone" in tab.keep_upload({"visitor": ME, "local": found["owl.txt"]})["error"]
    assert keys(TrainTab()) == {} and keys(TrainTab(folders=[shelf / "model"])) == {}
    token = guest.set(True)
    try:
        assert keys(tab) == {}
    finally:
        guest.reset(token)


def test_a_text_of_the_folder_is_chosen_on_the_page(shelf, browser):
    """It stands under "This computer"; chosen, it is the visitor's; a table offers its columns."""
    app = build_app(folders=[shelf])
    _, url, _ = app.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        page = context.new_page()
        page.goto(f"{url}#tab=train")
        learn = page.get_by_label("Learn from").first
        here = learn.locator("optgroup[label='This computer'] option")
        expect(here).to_have_count(4)
        learn.select_option(here.filter(has_text="owl.txt").get_attribute("value"))
        expect(learn).to_have_value("upload:owl.txt")
        expect(page.locator(".gb-train [data-id=about-corpus]")).to_contain_text("Your own text.")
        learn.select_option(here.filter(has_text="reviews.csv").get_attribute("value"))
        expect(learn).to_have_value("upload:reviews.csv: text")
        expect(page.get_by_label("Column to learn from")).to_have_value("text")
    finally:
        context.close()
        app.close()
