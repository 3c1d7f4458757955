"""What people own opens on the page with its own logits, or one sentence says why not: files, folders, the Hub."""

import json
import re
import secrets
import shutil
import time

import pytest
import torch
from foreign import ALPHABET, IDS, H, V
from test_hub import serving
from test_your_model import CONTAINERS, HOSTILE, OWNED, STRANGERS, as_safetensors, hugging_face
from twins import hugging_face_twin, randomised

from llm.checkpoint import save_checkpoint
from llm.config import ModelConfig
from llm.limits import Limits
from llm.model import GPT
from llm.tokenizers import train_tokenizer
from llm.ui import build_app, launch_options, subject
from llm.ui.bar import build_bar
from llm.ui.door.receiving import upload_folder
from llm.ui.guests import guest
from llm.ui.openings import spells
from llm.ui.own_models import from_hub
from llm.ui.sessions import Sessions

META = json.dumps({"itos": dict(enumerate(ALPHABET))}).encode()
BOOK = OWNED["the book"]


class Page:
    """What the bar of a page may ask."""

    def __init__(self, *folders, **limits):
        self.subjects = subject.Subjects(Sessions(Limits(**limits)), folders=folders)
        self.endpoints = {fn.__name__: fn for fn in build_bar(self.subjects).server_fns}

    def __call__(self, endpoint, /, **values):
        return self.endpoints[endpoint]({"visitor": "0" * 32, **values})

    def keep(self, *paths, name="mine", **said):
        return self("keep_model", name=name, paths=[uploaded(path.name, path.read_bytes()) for path in paths], **said)

    def models(self):
        return {model["ref"]: model for model in self("list_models")["models"]}

    def model(self, ref):
        return self.subjects.of({"visitor": "0" * 32, "model": ref})


def uploaded(name, content):
    folder = upload_folder() / secrets.token_hex(8)
    folder.mkdir(parents=True)
    (folder / name).write_bytes(content)
    return f"{folder.name}/{name}"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))


@pytest.fixture
def page():
    return Page()


@pytest.fixture
def meta(tmp_path):
    path = tmp_path / "meta.json"
    path.write_bytes(META)
    return path


def assert_opened(page, answer, logits):
    """The model computes what its own code does, has a prompt that it reads, and so do its examples."""
    assert answer.get("model"), answer
    found = page.model(answer["model"])
    with torch.no_grad():
        torch.testing.assert_close(found.model(IDS), logits, atol=1e-4, rtol=1e-4)
    examples = page.models()[answer["model"]]["examples"]
    assert all(spells(found.tokenizer, prompt) and prompt.strip() for prompt in [answer["prompt"], *examples])


@pytest.mark.parametrize("kind", OWNED.values(), ids=OWNED)
def test_each_layout_opens(page, tmp_path, meta, kind):
    """What the files leave unsaid is asked for, one thing after another; then the model is there under its name."""
    files = [as_safetensors(kind.state, tmp_path), meta]
    said = {"activation_function": "relu"} if kind.title == "Hugging" else {}  # what nobody would think to ask
    while (answer := page.keep(*files, **said)).get("needs"):
        assert "--" not in answer["why"] and answer["needs"] not in said
        said[answer["needs"]] = kind.options[answer["needs"]]
    assert_opened(page, answer, kind.logits)
    assert answer["model"] == "upload:mine" and any(kind.title in note for note in answer["notes"])


def test_a_guessed_activation_can_be_changed(page, tmp_path, meta):
    """Where nobody said it, the answer says so once; then the model computes with the one that the visitor says."""
    said = page.keep(as_safetensors(BOOK.state, tmp_path), meta, n_head=H)
    assert said["guessed"] == "gelu_new" and "relu" in said["choices"]
    assert page.model(said["model"]).config.activation_function == "gelu_new"
    assert page("correct_model", model=said["model"], activation_function="relu") == {}
    found = page.model(said["model"])
    assert found.config.activation_function == "relu"
    with torch.no_grad():
        assert not torch.allclose(found.model(IDS), BOOK.logits, atol=1e-3)
    assert not page.keep(as_safetensors(BOOK.state, tmp_path), meta, n_head=H, activation_function="gelu")["guessed"]
    for wrong in ({"model": "shipped:tales"}, {"model": "upload:mine", "activation_function": "sine"}, {"model": ""}):
        assert "error" in page("correct_model", **{"activation_function": "relu", **wrong})


@pytest.mark.parametrize("write", CONTAINERS.values(), ids=CONTAINERS)
def test_each_container_opens(page, tmp_path, meta, write):
    """Whatever file the weights are kept in."""
    assert_opened(page, page.keep(write(BOOK.state, tmp_path), meta, n_head=H), BOOK.logits)


def transformers_folder(folder):
    module = hugging_face()
    module.save_pretrained(folder)
    (folder / "tokenizer.json").write_bytes(META)
    with torch.no_grad():
        return module(IDS).logits


def glassbox_folder(folder):
    model = GPT(ModelConfig(V, n_ctx=16, n_embd=24, n_head=3, n_layer=2), seed=3).eval()
    save_checkpoint(folder, model, train_tokenizer("character", ALPHABET))
    with torch.no_grad():
        return model(IDS)


FOLDERS = {"transformers": transformers_folder, "Glassbox": glassbox_folder}


@pytest.mark.parametrize("make", FOLDERS.values(), ids=FOLDERS)
def test_each_folder_opens(page, tmp_path, make):
    """A folder that transformers or Glassbox saved needs nothing else; what is uploaded goes when it has been read."""
    folder = tmp_path / "my gpt2, a Größe"
    folder.mkdir()
    logits = make(folder)
    answer = page.keep(*folder.iterdir(), name=folder.name)
    assert_opened(page, answer, logits)
    assert answer["model"] == "upload:my-gpt2-a-Größe" and answer["notes"]
    assert not list(upload_folder().rglob("*.safetensors"))


def test_a_model_without_its_tokenizer_asks_for_it(page, tmp_path, meta):
    """The files stay until it is there; another vocabulary is refused, and may be followed by the right one."""
    paths = [uploaded("book.pth", CONTAINERS[".pth"](BOOK.state, tmp_path).read_bytes())]
    keep = {"name": "book", "paths": paths, "n_head": H}
    assert page("keep_model", **keep)["needs"] == "tokenizer"
    other = [uploaded("alphabet.txt", b"abc")]
    assert "The model has 61 tokens and the tokenizer 3" in page("keep_model", **keep, tokenizer=other)["why"]
    answer = page("keep_model", **keep, tokenizer=[uploaded("meta.json", META)])
    assert_opened(page, answer, BOOK.logits)


def test_a_prompt_that_it_can_read_stays(page, tmp_path, meta):
    """What a person wrote stays where the model can spell it."""
    files = (as_safetensors(BOOK.state, tmp_path), meta)
    assert page.keep(*files, n_head=H, prompt="ABC")["prompt"] == "ABC"
    assert page.keep(*files, n_head=H, prompt="Grüße 1")["prompt"] != "Grüße 1"


def test_another_model_of_the_same_name_stands_beside_it(page, tmp_path, meta):
    """A model is known by its content: the same one again is one model, another one gets another name."""
    for _ in range(2):
        assert page.keep(as_safetensors(BOOK.state, tmp_path), meta, n_head=H)["model"] == "upload:mine"
    other = OWNED["the book, qkv_bias"]
    answer = page.keep(as_safetensors(other.state, tmp_path), meta, n_head=H)
    assert answer["model"] == "upload:mine-2"
    assert_opened(page, answer, other.logits)


REFUSED = STRANGERS | {name: HOSTILE[name] for name in ("a program", "no weights", "not finite")}


@pytest.mark.parametrize(("state", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_gpt2_is_said_in_one_sentence(page, tmp_path, meta, state, sentence):
    """The sentence of the command line, without a place on this computer; nothing is kept and no file stays."""
    if callable(state):
        torch.save(state(tmp_path), tmp_path / "mine.pt")
        path = tmp_path / "mine.pt"
    else:
        path = as_safetensors(state, tmp_path)
    said = page.keep(path, meta, n_head=H, activation_function="gelu")["error"]
    assert sentence in said and str(tmp_path) not in said and str(upload_folder()) not in said
    assert not any(ref.startswith("upload:") for ref in page.models())
    assert not list(upload_folder().rglob(path.name))


def test_what_holds_no_weights_is_said(page, meta):
    """A tokenizer alone, a path of the server, nothing at all."""
    assert page.keep(meta, name="notes")["error"].startswith("notes holds no weights")
    assert "did not arrive" in page("keep_model", name="x", paths=["/etc/passwd"])["error"]
    assert page("keep_model", name="x", paths=[])["error"] == "No file was chosen."


def test_limits_hold(tmp_path, meta):
    """A model over the limit is refused with the way that has none; where no models are taken none is."""
    (tmp_path / "large.pt").write_bytes(bytes(200_000))
    said = Page(upload_mb=0.1).keep(tmp_path / "large.pt", meta)["error"]
    assert said == "That model has over 0.1 MB, the most that fits here; --allow-folder DIR opens larger ones."
    assert "can't be brought here" in Page(model_uploads=False).keep(meta)["error"]


# ---- folders of this computer -----------------------------------------------------------------------


@pytest.fixture
def shelf(tmp_path):
    """A folder with two models that need nothing, one that does, and other things."""
    shelf = tmp_path / "shelf"
    for name, make in FOLDERS.items():
        (shelf / name).mkdir(parents=True)
        make(shelf / name)
    (shelf / "book").mkdir()
    as_safetensors(BOOK.state, shelf / "book")
    (shelf / "book" / "meta.json").write_bytes(META)
    (shelf / "notes.txt").write_text("Nothing to see.", encoding="utf-8")
    (shelf / "empty").mkdir()
    return shelf


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


def test_the_hub_s_sizes_are_those_of_its_files():
    """As the Hub tells them, but for the header of each."""
    told = {"gpt2": 548_105_171, "gpt2-medium": 1_519_984_962, "gpt2-large": 3_247_159_078, "gpt2-xl": 6_431_829_964}
    for name, size in told.items():
        assert 0 < size - from_hub.OFFERS[name].n_bytes < 100_000


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


# ---- the Hub ----------------------------------------------------------------------------------------


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


# ---- in the browser ---------------------------------------------------------------------------------


@pytest.fixture
def visit(browser, shelf):
    """A visitor's page of a server that has the shelf."""
    limits = Limits()
    app = build_app(limits, folders=[shelf])
    _, url, _ = app.launch(prevent_thread_lock=True, quiet=True, **launch_options(limits))
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.set_default_timeout(20_000)
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(url)
    page.wait_for_function("window.glassbox && glassbox.subject.model !== null")
    yield page
    context.close()
    app.close()
    assert not errors, errors


def menu(page, label):
    page.locator("[data-id=model]").select_option(label=label)


def looking_at(page, ref):
    page.wait_for_function(f"glassbox.subject.model.startsWith({ref!r})")
    page.wait_for_function("[...document.querySelectorAll('[aria-busy]')].every((node) => node.offsetParent === null)")
    assert page.locator(".gb-notice:not([hidden])[data-kind=warning]").count() == 0


def test_a_person_opens_a_pth_and_is_asked(visit, shelf, tmp_path):
    """File chooser, heads, tokenizer: each is asked for under the menu, and the model draws its heads."""
    path = CONTAINERS[".pth"](BOOK.state, tmp_path)
    with visit.expect_file_chooser() as chooser:
        menu(visit, "Its files…")
    chooser.value.set_files(path)
    visit.get_by_text("Weights alone don't say how many heads a layer has.").wait_for()
    visit.get_by_label("Heads in each layer").fill(str(H))
    visit.get_by_role("button", name="Open it").click()
    visit.get_by_text("no tokenizer lies beside it").wait_for()
    visit.get_by_label("Its tokenizer").set_input_files(shelf / "book" / "meta.json")
    visit.get_by_role("button", name="Open it").click()
    looking_at(visit, "upload:mine")
    visit.get_by_text("The weights have the names of Raschka's book.").wait_for()
    prompt = visit.evaluate("glassbox.subject.prompt")
    assert prompt and set(prompt) <= set(ALPHABET)
    visit.get_by_text("Its activation is taken to be gelu_new. If it is another:").wait_for()
    assert visit.get_by_label("Activation").input_value() == "gelu_new"
    visit.get_by_label("Activation").select_option("relu")
    visit.get_by_role("button", name="Change it").click()
    visit.get_by_text("Its activation is relu now.").wait_for()
    looking_at(visit, "upload:mine")
    visit.locator("[data-id=own-model]").wait_for(state="hidden")


def test_a_person_opens_a_transformers_folder(visit, shelf):
    """The folder chooser takes it as it is, and it has its folder's name."""
    with visit.expect_file_chooser() as chooser:
        menu(visit, "Its folder…")
    chooser.value.set_files(shelf / "transformers")
    looking_at(visit, "upload:transformers")
    assert visit.locator("[data-id=model] option:checked").inner_text() == "transformers"


def test_a_person_chooses_from_this_computer_and_may_give_up(visit):
    """A model of the folder is asked about too; Cancel leaves all as it was; a text is no model."""
    before = visit.evaluate("glassbox.subject.model")
    menu(visit, "book")
    visit.get_by_text("Weights alone don't say how many heads a layer has.").wait_for()
    visit.get_by_role("button", name="Cancel").click()
    visit.locator("[data-id=own-model]").wait_for(state="hidden")
    assert visit.evaluate("glassbox.subject.model") == before
    menu(visit, "book")
    visit.get_by_label("Heads in each layer").fill(str(H))
    visit.get_by_role("button", name="Open it").click()
    looking_at(visit, "folder:")
    visit.get_by_role("button", name="It is right").click()
    visit.locator("[data-id=own-model]").wait_for(state="hidden")
    with visit.expect_file_chooser() as chooser:
        menu(visit, "Its files…")
    chooser.value.set_files({"name": "story.txt", "mimeType": "text/plain", "buffer": b"Once"})
    visit.get_by_text(re.compile("There are no weights among these files")).wait_for()
