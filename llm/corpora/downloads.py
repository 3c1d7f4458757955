"""Named texts that are fetched once, checked, and kept.

A download goes to a `.part` file, takes up again where it was cut off (HTTP Range, RFC 9110
section 14), and gets its real name only when its size and SHA-256 are the expected ones.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path

from llm.corpora.corpus import Corpus, CorpusInfo, Progress
from llm.corpora.files import text_from_bytes
from llm.paths import home

TIMEOUT_SECONDS = 30
_BLOCK = 65_536
_one_at_a_time = threading.Lock()  # two visitors who ask at once must not write into one .part file


@dataclass(frozen=True)
class Download:
    """A file on the network whose content is known exactly."""

    title: str
    url: str
    sha256: str
    size_bytes: int
    file_name: str


TINY_SHAKESPEARE = Download(
    title="Tiny Shakespeare",
    url="https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
    sha256="86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
    size_bytes=1_115_394,
    file_name="tinyshakespeare.txt",
)

TINY_SHAKESPEARE_INFO = CorpusInfo(
    title=TINY_SHAKESPEARE.title,
    description="40,000 lines from Shakespeare's plays: the small text that most character models are shown on.",
    size_bytes=TINY_SHAKESPEARE.size_bytes,
    source=TINY_SHAKESPEARE.url,
    licence="Public domain",
    needs_download=True,
)

TINY_STORIES = Download(
    title="TinyStories",
    url="https://huggingface.co/datasets/roneneldan/TinyStories/resolve/f54c09fd23315a6f9c86f9dc80f725de7d8f9c64/"
    "TinyStoriesV2-GPT4-valid.txt",
    sha256="6874bae9a4c1a4e7edcf0e53b86c17817e9cf881fc75ff2368da457b80c0585d",
    size_bytes=22_502_601,
    file_name="tinystories.txt",
)

TINY_STORIES_INFO = CorpusInfo(
    title=TINY_STORIES.title,
    description="Nearly 28,000 stories in the words of a four-year-old, written by GPT-4 (Eldan and Li, 2023); of the "
    "data set, the part for validation.",
    size_bytes=TINY_STORIES.size_bytes,
    source=TINY_STORIES.url,
    licence="CDLA-Sharing-1.0",
    needs_download=True,
)

_BETWEEN_STORIES = re.compile(r"\s*<\|endoftext\|>\s*")


def load_tiny_shakespeare(*, allow_download: bool = True, on_progress: Progress | None = None) -> Corpus:
    """Tiny Shakespeare from the cache, or from the network if that is allowed. Raises ValueError as `fetch` does."""
    text = _text(TINY_SHAKESPEARE, allow_download, on_progress)
    info = TINY_SHAKESPEARE_INFO
    return Corpus("tinyshakespeare", info.title, text, info.source, info.licence)


def load_tiny_stories(*, allow_download: bool = True, on_progress: Progress | None = None) -> Corpus:
    """TinyStories likewise. The file writes <|endoftext|> between stories; here it is a blank line."""
    text = _BETWEEN_STORIES.sub("\n\n", _text(TINY_STORIES, allow_download, on_progress))
    info = TINY_STORIES_INFO
    return Corpus("tinystories", info.title, text, info.source, info.licence)


def _text(download: Download, allow_download: bool, on_progress: Progress | None) -> str:
    path = fetch(download, home() / "downloads", allow_download=allow_download, on_progress=on_progress)
    return text_from_bytes(path.read_bytes(), path.name)


def fetch(
    download: Download, folder: Path, *, allow_download: bool = True, on_progress: Progress | None = None
) -> Path:
    """The path of the file in `folder`, fetched unless a file with the right checksum is there already.

    A file with the wrong checksum is not used; it is fetched again. Raises ValueError when the
    network does not answer, the connection is cut (the next call takes up there), what came is
    not the expected file, or the folder can't be written to.
    """
    path = folder / download.file_name
    with _one_at_a_time:
        try:
            if path.is_file() and _is_right(path, download):
                return path
            if not allow_download:
                raise ValueError(f"{download.title} is not on this computer yet; {_by_hand(download, path)}")
            folder.mkdir(parents=True, exist_ok=True)
            part = path.with_name(path.name + ".part")
            _fill(part, download, path, on_progress)
            if not _is_right(part, download):
                part.unlink()
                raise _another_file(download, path, "its checksum differs")
            os.replace(part, path)
        except OSError as error:
            reason = error.strerror or error
            raise ValueError(
                f"{folder} can't be used ({reason}); set GLASSBOX_HOME to a folder you can write to."
            ) from error
    return path


def _by_hand(download: Download, path: Path) -> str:
    return f"save {download.url} as {path}"


def _is_right(path: Path, download: Download) -> bool:
    if path.stat().st_size != download.size_bytes:
        return False
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == download.sha256


def _fill(part: Path, download: Download, path: Path, on_progress: Progress | None) -> None:
    """Bring `part` to its full size, continuing from what it holds already."""
    have = part.stat().st_size if part.exists() else 0
    if have >= download.size_bytes:  # complete only if it is right; else nothing in it can be trusted
        if have == download.size_bytes and _is_right(part, download):
            return
        have = 0
    request = urllib.request.Request(download.url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response: HTTPResponse = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
    except (OSError, HTTPException) as error:  # URLError, HTTPError and time-outs are OSErrors
        if isinstance(error, urllib.error.HTTPError) and error.code == 416:
            part.unlink(missing_ok=True)  # the server has no such range, so what we hold is not a piece of its file
            have = 0
        raise _cut_off(download, path, have, error) from error
    with response:
        span = response.headers.get("Content-Range", "")  # "bytes 500-999/1000"
        resumed = response.status == 206 and span.startswith(f"bytes {have}-")
        have = have if resumed else 0  # a server may ignore Range and send the whole file
        total = span.rpartition("/")[2] if resumed else response.headers.get("Content-Length")
        if total not in (None, "*", str(download.size_bytes)):  # a network's log-in page, say: nothing to keep
            raise _another_file(download, path, f"it has {total} bytes and not {download.size_bytes:,}")
        with open(part, "ab" if resumed else "wb") as file:
            while have < download.size_bytes:
                try:
                    block = response.read(min(_BLOCK, download.size_bytes - have))
                except (OSError, HTTPException) as error:
                    raise _cut_off(download, path, have, error) from error
                if not block:
                    raise _cut_off(download, path, have, None)
                file.write(block)
                have += len(block)
                if on_progress:
                    on_progress(have, download.size_bytes)
            file.flush()
            os.fsync(file.fileno())


def _another_file(download: Download, path: Path, why: str) -> ValueError:
    return ValueError(
        f"What came from {download.url} is not {download.title} ({why}); try again, or {_by_hand(download, path)}"
    )


def _cut_off(download: Download, path: Path, have: int, error: Exception | None) -> ValueError:
    """One sentence for every way in which the network can fail."""
    reason = getattr(error, "reason", None) or error or "the connection ended early"
    where = f" at {have:,} of {download.size_bytes:,} bytes, which are kept" if have else ""
    return ValueError(
        f"{download.title} could not be downloaded{where} ({reason}); connect to the internet and try again, "
        f"or {_by_hand(download, path)}"
    )
