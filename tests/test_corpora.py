"""Corpora that need no network: Python's own documentation, and a person's file with all that can be wrong with it."""

import ast
import os
import platform
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.corpora import CORPORA, Corpus, load_corpus, read_text_file, text_from_bytes
from llm.paths import home


def test_the_cache_folder_can_be_chosen(monkeypatch, tmp_path):
    """GLASSBOX_HOME decides where downloads go; without it they are in the person's cache."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    assert home() == tmp_path
    monkeypatch.setenv("GLASSBOX_HOME", "")
    assert home() == Path.home() / ".cache" / "glassbox"
    monkeypatch.setenv("GLASSBOX_HOME", "~/somewhere")
    assert home() == Path.home() / "somewhere"


def test_the_list_says_what_each_corpus_is():
    """Every corpus has a title, a description, a size, a source and a licence before it is loaded."""
    for info in CORPORA.values():
        assert info.title and info.description and info.source and info.licence and info.size_bytes > 100_000
    assert [name for name, info in CORPORA.items() if info.needs_download] == ["tinyshakespeare", "tinystories"]


def test_pydoc_is_a_text_of_the_size_it_says():
    """Python's topics are there without network, clean, in a fixed order, with version and licence."""
    corpus = load_corpus("pydoc")
    assert corpus.name == "pydoc" and corpus.licence == "PSF-2.0" and platform.python_version() in corpus.source
    size = len(corpus.text.encode("utf-8"))
    assert abs(size - CORPORA["pydoc"].size_bytes) < 0.25 * CORPORA["pydoc"].size_bytes
    assert "\f" not in corpus.text and "\r" not in corpus.text and "\0" not in corpus.text
    assert corpus.text.startswith('The "assert" statement') and corpus.text.endswith("\n")
    assert corpus == load_corpus("pydoc")


def test_unknown_names_are_answered_with_the_known_ones():
    """A wrong name lists the right ones."""
    with pytest.raises(ValueError, match=r"no corpus 'tales of yore'; choose tales, .*pydoc, tinyshakespeare"):
        load_corpus("tales of yore")


def test_a_good_file_is_read(tmp_path):
    """Byte order mark dropped, every line ending a newline, everything else as it was."""
    path = tmp_path / "mine.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\rthree\n caf\xc3\xa9 \xef\xbb\xbf")
    corpus = read_text_file(path)
    assert corpus == Corpus("mine.txt", "mine", "one\ntwo\nthree\n café \ufeff", "mine.txt", "your own")


@pytest.mark.parametrize("data", [b"", b" \r\n\t", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_blank_files_are_refused(data):
    """Nothing to learn from, also when there is only a byte order mark or white space."""
    with pytest.raises(ValueError, match=r"'a.txt' holds no text; choose"):
        text_from_bytes(data, "a.txt")


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n\0\0", b"text, then\0"])
def test_binary_files_are_refused(data):
    """A zero byte anywhere means that this is no text file."""
    with pytest.raises(ValueError, match=r"not a text file .*choose a plain text file"):
        text_from_bytes(data, "a.png")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf16_is_named(encoding):
    """Windows' "Unicode" text gets its own advice instead of "binary"."""
    data = "héllo".encode(encoding)
    data = data if encoding == "utf-16" else b"\xfe\xff" + data
    with pytest.raises(ValueError, match="UTF-16 text; save it again as UTF-8"):
        text_from_bytes(data, "a.txt")


@pytest.mark.parametrize(
    ("data", "offset", "line", "byte"),
    [
        (b"\xff", 0, 1, "0xff"),
        (b"ok\nna\xefve\n", 5, 2, "0xef"),
        (b"\xef\xbb\xbfa\r\n\r\n\xe9", 8, 3, "0xe9"),
        ("é".encode() * 600 + b"\n" * 599 + b"\x80", 1799, 600, "0x80"),
        (b"cut off \xf0\x9f\x99", 8, 1, "0xf0"),
    ],
)
def test_the_first_byte_that_is_not_utf8_is_located(data, offset, line, byte):
    """Offset in the file as it is on the disk, and line, so that it can be found in an editor."""
    with pytest.raises(ValueError, match=f"byte {offset:,}, in line {line:,}, is {byte}; save the file again as UTF-8"):
        text_from_bytes(data, "a.txt")


@settings(deadline=None)
@given(data=st.binary(max_size=30))
def test_any_bytes_give_a_text_or_a_valueerror(data):
    """Whatever is uploaded, the answer is text that can be written again, or one kind of error."""
    try:
        text = text_from_bytes(data, "a.txt")
    except ValueError as error:
        assert not isinstance(error, UnicodeError)
        return
    assert text.strip() and "\r" not in text and text.encode("utf-8")


def test_large_files_are_refused_before_they_are_read(tmp_path, monkeypatch):
    """The size is known from the directory; a 10 GB file must not be opened to find that out."""
    path = tmp_path / "big.txt"
    with open(path, "wb") as file:
        file.truncate(10_000_000_000)  # sparse: takes no room on the disk
    monkeypatch.setattr("builtins.open", lambda *a, **k: pytest.fail("the file was opened"))
    with pytest.raises(ValueError, match=r"10,000,000,000 bytes.*the limit is 20,000,000, so use a part"):
        read_text_file(path, max_bytes=20_000_000)


def test_the_limit_itself_is_allowed(tmp_path):
    """Exactly max_bytes is read, one more is refused."""
    path = tmp_path / "a.txt"
    path.write_bytes(b"12345")
    assert read_text_file(path, max_bytes=5).text == "12345"
    with pytest.raises(ValueError, match="the limit is 4"):
        read_text_file(path, max_bytes=4)


def test_only_files_are_read(tmp_path):
    """A missing path, a folder and a pipe (reading it would wait for ever) are refused alike."""
    if hasattr(os, "mkfifo"):  # Windows has none
        os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "missing.txt", tmp_path, tmp_path / "pipe"):
        with pytest.raises(ValueError, match=r"There is no file .*check the path"):
            read_text_file(path)


FORBIDDEN = {"gradio", "plotly", "pandas", "pickle", "torch"}


def test_the_library_stays_light():
    """Corpora and tokenizers import neither the interface nor its libraries, nor torch, nor pickle."""
    root = Path(__file__).resolve().parent.parent / "llm"
    for path in [*(root / "corpora").rglob("*.py"), *(root / "tokenizers").glob("*.py"), root / "paths.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not [n for n in names if n.split(".")[0] in FORBIDDEN or n.startswith("llm.ui")], path
