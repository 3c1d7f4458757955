"""Models from a small Hub served on this machine: cut off half-way, resumed, cached, private, offline."""

import hashlib
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import huggingface_hub
import pytest
import torch
from transformers import GPT2LMHeadModel
from twins import hugging_face_twin, randomised

from llm.checkpoint import load_checkpoint
from llm.cli.parser import main
from llm.config import ModelConfig
from llm.tokenizers import export, train_tokenizer
from llm.weights.hub import fetch_model
from llm.weights.pretrained import load_gpt2

ROOT = Path(__file__).resolve().parents[2]
TOKENIZER = train_tokenizer("character", "the quick brown fox jumps over the lazy dog")
TINY = ModelConfig(TOKENIZER.vocab_size, n_ctx=8, n_embd=12, n_head=3, n_layer=2)
REPOSITORY = "somebody/tiny-gpt2"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """Answers as the Hub does for one repository, or misbehaves as a test asks."""

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = files
        self.repository, self.commit = REPOSITORY, COMMIT
        self.token: str | None = None
        """Without it nobody may read."""
        self.hangs_up_after: int | None = None
        """Bytes of a large file after which the connection is closed."""
        self.requests: list[tuple[str, str, str | None]] = []
        """Method, file and Range of each request."""
        self.revisions: dict[str, str] = {}
        """At which revision each file was asked for."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def fetched(self) -> list[tuple[str, str | None]]:
        """What was asked for with GET, and from where on."""
        return [(file, span) for method, file, span in self.requests if method == "GET"]


class Handler(BaseHTTPRequestHandler):
    """Small files come from the repository itself; safetensors are on a server of their own, to which it sends."""

    server: Hub

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body):
        parts = unquote(self.path).strip("/").split("/")
        self.server.requests.append((self.command, parts[-1], self.headers.get("Range")))
        if "resolve" in parts:
            self.server.revisions[parts[-1]] = parts[3]
        if parts[0] == "cdn":
            self.send_file(self.server.files[parts[-1]], 302, body)
        elif self.server.token and self.headers.get("Authorization") != f"Bearer {self.server.token}":
            self.refuse(401, "RepoNotFound")
        elif "/".join(parts[:2]) != self.server.repository:
            self.refuse(404, "RepoNotFound")
        elif parts[3] not in ("main", self.server.commit):
            self.refuse(404, "RevisionNotFound")
        elif parts[-1] not in self.server.files:
            self.refuse(404, "EntryNotFound")
        elif parts[-1].endswith(".safetensors"):
            content = self.server.files[parts[-1]]
            self.send_response(302)
            self.send_header("X-Repo-Commit", self.server.commit)
            self.send_header("X-Linked-Etag", f'"{hashlib.sha256(content).hexdigest()}"')
            self.send_header("X-Linked-Size", str(len(content)))
            self.send_header("Location", f"http://localhost:{self.server.server_port}/cdn/{parts[-1]}")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self.send_file(self.server.files[parts[-1]], 200, body)

    def refuse(self, status, code):
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def send_file(self, content, kind, body):
        span = self.headers.get("Range")
        start = int(span.removeprefix("bytes=").removesuffix("-")) if span else 0
        self.send_response(206 if start else 200)
        self.send_header("X-Repo-Commit", self.server.commit)
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if body:
            self.wfile.write(content[start:][: self.server.hangs_up_after if kind == 302 else None])

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The files of a repository, as transformers saves a model."""
    folder = tmp_path_factory.mktemp("repository")
    hugging_face_twin(randomised(TINY)).save_pretrained(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@contextmanager
def serving(files, monkeypatch, tmp_path):
    """These files on a Hub of this machine, which huggingface_hub takes for the only one, and an empty cache."""
    with Hub(dict(files)) as hub:
        constants = huggingface_hub.constants
        for name in ("HF_TOKEN", "HF_HUB_OFFLINE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("no_proxy", "*")
        monkeypatch.setattr(constants, "ENDPOINT", hub.address)
        template = hub.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield hub
        hub.shutdown()
        thread.join()


@pytest.fixture
def hub(files, monkeypatch, tmp_path):
    """That repository on a Hub of this machine."""
    with serving(files, monkeypatch, tmp_path) as hub:
        yield hub


def assert_is_tiny(model):
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), randomised(TINY).parameters(), strict=True))


def test_a_model_is_fetched_once(hub, files):
    """The first call fetches and reports progress; the second finds everything and asks nobody."""
    progress = []
    assert_is_tiny(load_gpt2(REPOSITORY, lambda done, total: progress.append((done, total))))
    size = len(files["model.safetensors"])
    assert progress[-1] == (size, size) and progress == sorted(progress)
    hub.requests.clear()
    assert_is_tiny(load_gpt2(REPOSITORY))
    assert hub.requests == []


def test_transformers_finds_it_in_the_same_cache(hub):
    """One copy of the weights for both: transformers opens what we fetched, without the network."""
    folder = fetch_model(REPOSITORY)
    hub.requests.clear()
    theirs = GPT2LMHeadModel.from_pretrained(
        REPOSITORY, cache_dir=huggingface_hub.constants.HF_HUB_CACHE, local_files_only=True
    )
    assert torch.equal(theirs.transformer.wte.weight, randomised(TINY).wte.weight)
    assert hub.requests == [] and folder.name == COMMIT


def test_what_transformers_fetched_is_used(hub):
    """The other way round: a cache that huggingface_hub filled is honoured."""
    for name in ("config.json", "model.safetensors"):
        huggingface_hub.hf_hub_download(REPOSITORY, name)
    hub.requests.clear()
    assert_is_tiny(load_gpt2(REPOSITORY))
    assert hub.requests == []


def test_a_cut_off_download_resumes_where_it_stopped(hub, files):
    """What came is kept, the error says so in one sentence, and the next call fetches only the rest."""
    size = len(files["model.safetensors"])
    hub.hangs_up_after = size // 2
    with pytest.raises(ValueError, match=rf"at {size // 2:,} of {size:,} bytes, which are kept") as error:
        load_gpt2(REPOSITORY)
    assert "\n" not in str(error.value)
    hub.hangs_up_after = None
    hub.requests.clear()
    assert_is_tiny(load_gpt2(REPOSITORY))
    spans = [span for file, span in hub.fetched() if file == "model.safetensors"]
    assert set(spans) == {f"bytes={size // 2}-"}


def test_another_process_takes_up_the_rest(hub, files, tmp_path):
    """`python -m llm convert` ends when the connection is cut; started again it fetches the rest, and converts."""
    size = len(files["model.safetensors"])
    hub.hangs_up_after = size // 3
    TOKENIZER.save(tmp_path / "tokenizer.json")
    env = os.environ | {
        "HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path / "hf"), "no_proxy": "*", "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    command = [
        sys.executable, "-m", "llm", "convert", REPOSITORY, "model", "--tokenizer", "tokenizer.json"
    ]  # fmt: skip
    first = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, encoding="utf-8")
    assert first.returncode == 2 and "bytes, which are kept" in first.stderr and not (tmp_path / "model").exists()
    hub.hangs_up_after = None
    hub.requests.clear()
    second = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, encoding="utf-8")
    assert second.returncode == 0, second.stderr
    assert f"{TINY.n_params:,} parameters" in second.stderr and second.stdout == ""
    assert ("model.safetensors", f"bytes={size // 3}-") in hub.fetched()
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == [
        "config.json", "model.safetensors", "tokenizer.json"
    ]  # fmt: skip


def test_shards_are_fetched_all_of_one_commit(hub, tmp_path):
    """An index leads to its shards, all asked for at the commit that the config came from."""
    hugging_face_twin(randomised(TINY)).save_pretrained(tmp_path / "shards", max_shard_size="3KB")
    hub.files = {path.name: path.read_bytes() for path in (tmp_path / "shards").iterdir()}
    assert_is_tiny(load_gpt2(REPOSITORY))
    shards = {name for name in hub.files if name.startswith("model-")}
    assert len(shards) > 3 and shards < {file for file, _ in hub.fetched()}
    assert {revision for file, revision in hub.revisions.items() if file != "config.json"} == {COMMIT}


def test_wrong_content_is_never_kept(hub, files):
    """Bytes that don't have the promised checksum are thrown away; the next call can still succeed."""
    right = files["model.safetensors"]
    seen = hashlib.sha256(right).hexdigest()
    blob = Path(huggingface_hub.constants.HF_HUB_CACHE, "models--somebody--tiny-gpt2", "blobs", f"{seen}.part")
    blob.parent.mkdir(parents=True)
    blob.write_bytes(b"x" * 100)  # a part that isn't of this file
    with pytest.raises(ValueError, match="its checksum differs"):
        load_gpt2(REPOSITORY)
    assert not blob.exists()
    assert_is_tiny(load_gpt2(REPOSITORY))


def test_a_private_model_comes_with_ones_token(hub, monkeypatch):
    """Where one must log in, huggingface_hub's own download does it; without the token it says so."""
    hub.token = "hf_secret"
    with pytest.raises(ValueError, match=r"no model somebody/tiny-gpt2 that you may read.*hf auth login"):
        load_gpt2(REPOSITORY)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert_is_tiny(load_gpt2(REPOSITORY))


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("config.json", "holds no config.json"),
        ("model.safetensors", "holds no model.safetensors; choose a model that is saved as safetensors"),
    ],
)
def test_a_repository_without_it_is_named(hub, missing, message):
    """No config, or only pickled weights."""
    del hub.files[missing]
    with pytest.raises(ValueError, match=message):
        load_gpt2(REPOSITORY)


def test_a_name_that_nobody_has(hub):
    """Neither a folder nor a repository: what to check is said."""
    with pytest.raises(ValueError, match="no model somebody/else that you may read; check its name"):
        load_gpt2("somebody/else")


@pytest.mark.parametrize("name", ["a/b/c", "../somebody", "some body", "", "somebody/", "http://x/y", "x" * 200])
def test_a_name_that_nobody_can_have_asks_nobody(hub, name, monkeypatch, tmp_path):
    """Paths that don't exist and addresses are refused before any request."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="neither a folder here nor a model's name"):
        fetch_model(name)
    assert hub.requests == []


def test_offline_is_one_sentence_and_the_cache_still_works(hub, monkeypatch):
    """Nobody listens: what is here loads; what isn't gives a sentence at once, not after minutes of trying again."""
    fetch_model(REPOSITORY)
    dead = "http://127.0.0.1:9"
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", dead)
    template = dead + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    assert_is_tiny(load_gpt2(REPOSITORY))
    with pytest.raises(ValueError, match=r"is not on this computer and the Hub can't be reached.*or give a folder"):
        load_gpt2("somebody/else")


def test_offline_mode_asks_nobody(hub, monkeypatch):
    """HF_HUB_OFFLINE means what it means everywhere."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ValueError, match="can't be reached"):
        load_gpt2(REPOSITORY)
    assert hub.requests == []


def test_the_tokenizer_of_a_repository_comes_with_it(hub, tmp_path):
    """Its own files count, and are asked for once; a repository without any is no reason to guess."""
    bpe = train_tokenizer("bpe", "the quick brown fox jumps over the lazy dog " * 9, 280)
    model = randomised(TINY.replace(vocab_size=bpe.vocab_size))
    hugging_face_twin(model).save_pretrained(tmp_path / "theirs")
    hub.files |= {path.name: path.read_bytes() for path in (tmp_path / "theirs").iterdir()}
    assert main(["convert", REPOSITORY, str(tmp_path / "without")]) == 2
    hub.files["tokenizer.json"] = export(bpe, "hugging_face").encode()
    for out in ("one", "two"):
        assert main(["convert", REPOSITORY, str(tmp_path / out)]) == 0
        assert load_checkpoint(tmp_path / out).tokenizer.encode("the fox") == bpe.encode("the fox")
    assert [file for file, _ in hub.fetched()].count("tokenizer.json") == 1
