"""Files and folders that people upload open with their own logits, or one sentence says why not."""

import pytest
import torch
from foreign import IDS, H
from test_your_model import CONTAINERS, HOSTILE, OWNED, STRANGERS, as_safetensors

from llm.ui.door.receiving import upload_folder
from tests.ui.bringing import BOOK, FOLDERS, META, Page, assert_opened, uploaded

pytestmark = pytest.mark.usefixtures("own_home")


@pytest.fixture
def page():
    return Page()


@pytest.fixture
def meta(tmp_path):
    path = tmp_path / "meta.json"
    path.write_bytes(META)
    return path


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
