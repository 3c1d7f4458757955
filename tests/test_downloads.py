"""Downloads against a real server on this machine: cut off and resumed, wrong, unreachable, cached."""

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from llm.corpora import CORPORA, downloads, load_corpus
from llm.corpora.downloads import Download, fetch

CONTENT = b"".join(b"line %d of a play\n" % n for n in range(20_000))


class Server(ThreadingHTTPServer):
    """Serves CONTENT, or misbehaves as a test asks."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.honours_range = True
        self.names_size = True
        self.range_shift = 0
        """How far from the place asked for an answer starts."""
        self.hangs_up_after: int | None = None
        """Bytes of the body after which the connection is closed."""
        self.moved_to: str | None = None
        """Send whoever asks for anything else there, as the Hugging Face Hub does."""
        self.status: int | None = None
        """Answer with this error instead."""
        self.ranges: list[str | None] = []
        """The Range header of each request."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        if self.server.status:
            self.send_error(self.server.status)
            return
        if self.server.moved_to and self.path != self.server.moved_to:
            self.send_response(302)
            self.send_header("Location", self.server.moved_to)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.server.honours_range else 0
        start += self.server.range_shift
        total = len(self.server.content)
        if start and start >= total:
            self.send_error(416)
            return
        body = self.server.content[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        if self.server.names_size:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.hangs_up_after])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def play(server, monkeypatch):
    """A download from that server; no proxy in between."""
    monkeypatch.setenv("no_proxy", "*")
    url = f"http://127.0.0.1:{server.server_port}/play.txt"
    return Download("A Play", url, hashlib.sha256(CONTENT).hexdigest(), len(CONTENT), "play.txt")


@pytest.fixture
def folder(tmp_path):
    """Where the download goes; it does not exist yet."""
    return tmp_path / "downloads"


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_a_download_is_fetched_once(server, play, folder):
    """The first call fetches and reports progress; the second finds the file and asks nobody."""
    progress = []
    path = fetch(play, folder, on_progress=lambda done, total: progress.append((done, total)))
    assert path == folder / "play.txt" and path.read_bytes() == CONTENT
    assert names(folder) == ["play.txt"]
    assert progress == sorted(set(progress)) and progress[-1] == (len(CONTENT), len(CONTENT)) and len(progress) > 2
    assert fetch(play, folder, allow_download=False) == path and len(server.ranges) == 1


@pytest.mark.parametrize("cut", [1, len(CONTENT) // 2, len(CONTENT) - 1])
def test_a_cut_off_download_resumes_where_it_stopped(server, play, folder, cut):
    """What came is kept, nothing half has the real name, and the next call asks only for the rest."""
    server.hangs_up_after = cut
    with pytest.raises(ValueError, match=f"at {cut:,} of {len(CONTENT):,} bytes, which are kept.*try again"):
        fetch(play, folder)
    assert names(folder) == ["play.txt.part"] and (folder / "play.txt.part").read_bytes() == CONTENT[:cut]
    server.hangs_up_after = None
    progress: list[int] = []
    assert fetch(play, folder, on_progress=lambda done, _: progress.append(done)).read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={cut}-"] and progress[0] > cut and names(folder) == ["play.txt"]


def test_a_download_cut_off_again_and_again_arrives(server, play, folder):
    """Each attempt adds its part."""
    server.hangs_up_after = 100_000
    for _ in range(len(CONTENT) // 100_000):
        with pytest.raises(ValueError, match="which are kept"):
            fetch(play, folder)
    assert fetch(play, folder).read_bytes() == CONTENT


def test_a_server_without_ranges_sends_everything_again(server, play, folder):
    """When Range is ignored the answer is the whole file, which must not be appended to the half."""
    server.hangs_up_after = 1_000
    with pytest.raises(ValueError, match="kept"):
        fetch(play, folder)
    server.hangs_up_after, server.honours_range = None, False
    assert fetch(play, folder).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (CONTENT[::-1], "its checksum differs"),
        (CONTENT + b"more", "bytes and not"),
        (b"<html>Please log in</html>", "it has 26 bytes and not"),
    ],
    ids=["same size", "longer", "log-in page"],
)
@pytest.mark.parametrize("kept", [0, 1_000])
@pytest.mark.parametrize("honours_range", [True, False])
def test_wrong_content_is_never_kept(server, play, folder, wrong, why, kept, honours_range):
    """Another file than expected is refused, also as the rest of one begun; the next call can still succeed."""
    folder.mkdir()
    (folder / "play.txt.part").write_bytes(CONTENT[:kept])
    server.content, server.honours_range = wrong, honours_range
    with pytest.raises(ValueError, match=f"{why}|Range Not Satisfiable"):
        fetch(play, folder)
    assert set(names(folder)) <= {"play.txt.part"}
    assert all(CONTENT.startswith(part.read_bytes()) for part in folder.iterdir())
    server.content, server.honours_range = CONTENT, True
    assert fetch(play, folder).read_bytes() == CONTENT


def test_an_answer_from_another_place_is_not_appended(server, play, folder):
    """A 206 that starts elsewhere than asked would tear the file; what is here already stays as it is."""
    folder.mkdir()
    (folder / "play.txt.part").write_bytes(CONTENT[:500])
    server.range_shift = 7
    with pytest.raises(ValueError, match="bytes and not"):
        fetch(play, folder)
    assert (folder / "play.txt.part").read_bytes() == CONTENT[:500]


def test_a_server_that_names_no_size_is_believed_by_checksum(server, play, folder):
    """Without Content-Length the file is read up to the known size, and its checksum decides."""
    server.names_size = False
    assert fetch(play, folder).read_bytes() == CONTENT
    server.content = CONTENT[:-1]
    (folder / "play.txt").unlink()
    with pytest.raises(ValueError, match="which are kept"):
        fetch(play, folder)


@pytest.mark.parametrize("size", [len(CONTENT), len(CONTENT) + 5])
def test_a_part_that_is_full_but_wrong_starts_anew(server, play, folder, size):
    """A .part of full size that is not the file is worth nothing; it is fetched from the start."""
    folder.mkdir()
    (folder / "play.txt.part").write_bytes(b"x" * size)
    assert fetch(play, folder).read_bytes() == CONTENT and server.ranges == [None]


def test_a_part_that_is_full_and_right_needs_no_network(server, play, folder):
    """Cut off between the last byte and the renaming: only the renaming is left to do."""
    folder.mkdir()
    (folder / "play.txt.part").write_bytes(CONTENT)
    assert fetch(play, folder).read_bytes() == CONTENT and server.ranges == []


def test_a_refused_range_starts_anew_next_time(server, play, folder):
    """If the server has no such range (its file is shorter now), the part is dropped."""
    folder.mkdir()
    (folder / "play.txt.part").write_bytes(CONTENT[:-1])
    server.content = b"short"
    with pytest.raises(ValueError, match=r"could not be downloaded \(Requested Range Not Satisfiable\)"):
        fetch(play, folder)
    server.content = CONTENT
    assert fetch(play, folder).read_bytes() == CONTENT and server.ranges[-1] is None


@pytest.mark.parametrize("content", [b"", b"damaged", CONTENT[::-1]], ids=range(3))
def test_a_damaged_cached_file_is_replaced(server, play, folder, content):
    """A file with the right name and the wrong content is not used; with downloads off that is said."""
    folder.mkdir()
    (folder / "play.txt").write_bytes(content)
    with pytest.raises(ValueError, match="not on this computer"):
        fetch(play, folder, allow_download=False)
    assert fetch(play, folder).read_bytes() == CONTENT


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_server_that_refuses_is_one_sentence(server, play, folder, status):
    """The reason, what to do, and where a copy fetched by hand belongs."""
    server.status = status
    with pytest.raises(ValueError) as error:
        fetch(play, folder)
    message = str(error.value)
    assert message.startswith("A Play could not be downloaded (") and "\n" not in message
    assert message.endswith(f"or save {play.url} as {folder / 'play.txt'}")


def test_offline_is_one_sentence(server, play, folder):
    """Nobody listens at the other end: the same clear sentence."""
    server.server_close()
    server.socket.close()
    with pytest.raises(ValueError, match="connect to the internet and try again, or save http"):
        fetch(play, folder)


def test_a_file_saved_by_hand_is_used(server, play, folder):
    """Following the advice of the error works, without network."""
    folder.mkdir()
    (folder / "play.txt").write_bytes(CONTENT)
    assert fetch(play, folder).read_bytes() == CONTENT and server.ranges == []


def test_a_folder_that_cannot_be_written_is_said(server, play, tmp_path):
    """The remedy is the environment variable, not the network."""
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ValueError, match=r"can't be used .*GLASSBOX_HOME"):
        fetch(play, tmp_path / "file")


def test_two_who_ask_at_once_share_one_download(server, play, folder):
    """Two visitors press the button together: one request, two right answers."""
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda _: fetch(play, folder), range(4)))
    assert [p.read_bytes() for p in paths] == [CONTENT] * 4 and len(server.ranges) == 1


def test_a_redirected_download_resumes_too(server, play, folder):
    """The Hub answers with another address; the range asked for must be asked for there as well."""
    server.moved_to = "/elsewhere/play.txt"
    server.hangs_up_after = 1_000
    with pytest.raises(ValueError, match="at 1,000 of"):
        fetch(play, folder)
    server.hangs_up_after = None
    assert fetch(play, folder).read_bytes() == CONTENT
    assert server.ranges == [None, None, "bytes=1000-", "bytes=1000-"]


@pytest.mark.parametrize(
    ("name", "constant", "licence"),
    [("tinyshakespeare", "TINY_SHAKESPEARE", "Public domain"), ("tinystories", "TINY_STORIES", "CDLA-Sharing-1.0")],
)
def test_load_corpus_fetches_into_the_chosen_folder(server, play, monkeypatch, tmp_path, name, constant, licence):
    """load_corpus goes through GLASSBOX_HOME/downloads, asks before it downloads, and names source and licence."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    monkeypatch.setattr(downloads, constant, play)
    with pytest.raises(ValueError, match="A Play is not on this computer yet; save http"):
        load_corpus(name, allow_download=False)
    assert list(tmp_path.iterdir()) == []
    progress: list[int] = []
    corpus = load_corpus(name, on_progress=lambda done, total: progress.append(done))
    assert corpus.text == CONTENT.decode() and progress[-1] == len(CONTENT)
    assert (tmp_path / "downloads" / "play.txt").exists()
    assert (corpus.licence, corpus.name) == (licence, name)
    assert corpus.source == CORPORA[name].source


def test_marks_between_tiny_stories_become_blank_lines(server, play, monkeypatch, tmp_path):
    """<|endoftext|> written in a text is thirteen characters, which a model would learn to spell."""
    server.content = b"Once, a cat.\n\nIt sat.\n<|endoftext|>\nA dog. \n<|endoftext|>\n"
    stories = Download("Stories", play.url, hashlib.sha256(server.content).hexdigest(), len(server.content), "s.txt")
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    monkeypatch.setattr(downloads, "TINY_STORIES", stories)
    assert load_corpus("tinystories").text == "Once, a cat.\n\nIt sat.\n\nA dog.\n\n"


def test_tiny_shakespeare_is_the_known_file():
    """The address, size and checksum of the file that character models are compared on."""
    known = downloads.TINY_SHAKESPEARE
    assert known.url == "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
    assert known.size_bytes == 1_115_394
    assert known.sha256 == "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"


def test_tiny_stories_is_the_known_file():
    """One revision of the file; size and checksum as several projects that use it have measured them."""
    known = downloads.TINY_STORIES
    assert known.url.startswith("https://huggingface.co/datasets/roneneldan/TinyStories/resolve/f54c09fd23315a6f9c86f9")
    assert known.url.endswith("/TinyStoriesV2-GPT4-valid.txt") and known.size_bytes == 22_502_601
    assert known.sha256 == "6874bae9a4c1a4e7edcf0e53b86c17817e9cf881fc75ff2368da457b80c0585d"
