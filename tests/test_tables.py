"""Columns of .csv and fields of .jsonl files as texts, with all that can be wrong with them."""

import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.cli.parser import main
from llm.corpora import Corpus, columns_of, is_table, read_table

CSV = 'id,story,note\n1,"One, two.\nA second line.",x\n2,,y\n\n3,"He said ""go"".",\n'
JSONL = '{"id": 1, "story": "Eins."}\n\n{"id": 2, "story": null, "late": "x"}\n{"story": "Zwei\\r\\ndrei \\ud83d"}\n'


@pytest.fixture
def write(tmp_path):
    """Writes a file and returns its path."""

    def writer(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        return path

    return writer


def test_a_column_of_a_csv_file(write):
    """Quoted commas, quotes and line breaks are the cell's own; empty cells and lines are left out."""
    path = write("notes.csv", CSV)
    assert columns_of(path) == ["id", "story", "note"]
    text = 'One, two.\nA second line.\n\nHe said "go".\n'
    assert read_table(path, "story") == Corpus("notes.csv", "notes: story", text, "notes.csv, column story", "your own")
    assert read_table(path, "note").text == "x\n\ny\n"


def test_a_field_of_a_jsonl_file(write):
    """Rows without it are left out; only fields that hold text are offered; what JSON escapes becomes sound text."""
    path = write("notes.jsonl", JSONL)
    assert columns_of(path) == ["story", "late"]
    assert read_table(path, "story").text == "Eins.\n\nZwei\ndrei \ufffd\n"
    assert read_table(path, "late").text == "x\n"


@settings(deadline=None)
@given(
    cells=st.lists(st.text(st.sampled_from('ab ,;"\n\té'), min_size=1).filter(str.strip), min_size=1, max_size=8),
    delimiter=st.sampled_from(",;\t"),
)
def test_what_the_csv_module_writes_comes_back(tmp_path_factory, cells, delimiter):
    """Any cells, with any of the delimiters that spreadsheets use."""
    written = io.StringIO()
    writer = csv.writer(written, delimiter=delimiter)
    writer.writerows([["n", "text"], *enumerate(cells)])
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text(written.getvalue(), encoding="utf-8")
    assert columns_of(path) == ["n", "text"]
    assert read_table(path, "text").text == "\n\n".join(cell.strip() for cell in cells) + "\n"


def test_a_cell_may_be_as_long_as_a_book(write):
    """The csv module stops at 131,072 characters unless told otherwise."""
    book = "word " * 100_000
    path = write("books.csv", f'title,text\nA,"{book}"\n')
    assert read_table(path, "text").text == book.strip() + "\n"


def test_windows_files_and_an_index_column(write):
    """A byte order mark, CRLF, and the nameless first column that pandas writes."""
    path = write("t.CSV", b'\xef\xbb\xbf,story\r\n0,one\r\n1,"two\r\nlines"\r\n')
    assert is_table(path) and columns_of(path) == ["story"]
    assert read_table(path, "story").text == "one\n\ntwo\nlines\n"


@pytest.mark.parametrize(
    ("name", "content", "column", "message"),
    [
        ("a.csv", "x,y\n1,2\n3\n", "x", r"Row 2 of 'a.csv', in line 3, has 1 cells and not 2"),
        ("a.csv", 'x,y\n"1\n1",2\n\n3,4,5\n', "x", r"Row 2 of 'a.csv', in line 5, has 3 cells"),
        ("a.csv", 'x,y\n1,2\n3,"4\n', "x", r"line 3 of 'a.csv' is not sound.*check its quotes"),
        ("a.csv", 'x,y\n1,"2"3\n', "x", r"line 2 of 'a.csv' is not sound"),
        ("a.csv", "x,x\n1,2\n", "x", "same name; rename one"),
        ("a.csv", "x,y\n1,2\n", "z", r"no column 'z'; choose x, y"),
        ("a.csv", "x,y\n1,\n", "y", r"'y' of 'a.csv' holds no text"),
        ("a.csv", b"x,y\n1,\xff\n", "y", r"byte 6, in line 2, is 0xff"),
        ("a.csv", "", "y", "holds no text"),
        ("a.jsonl", '{"x": "1"}\n{"x": 2}\n', "x", r"'x' in line 2 of 'a.jsonl' is no text"),
        ("a.jsonl", '{"x": "1"}\n{"x"\n', "x", r"Line 2 of 'a.jsonl' is no JSON"),
        ("a.jsonl", '{"x": "1"}\n\n["x"]\n', "x", r"Line 3 of 'a.jsonl' is no object"),
        ("a.jsonl", "[" * 100_000, "x", r"Line 1 of 'a.jsonl' is no JSON"),
        ("a.jsonl", '{"x": "1"}\n{"y": "1"}\n', "z", r"no column 'z'; choose x, y"),
        ("a.jsonl", '{"x": " "}\n', "x", r"'x' of 'a.jsonl' holds no text"),
        ("a.jsonl", b'{"x": "1"}\n{"x": "\xe9"}\n', "x", r"byte 18, in line 2, is 0xe9"),
        ("a.txt", "text", "x", r"'a.txt' is no table; choose a .csv, .tsv, .jsonl, .json or .parquet file"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(write, name, content, column, message):
    """One sentence with row or line, so that it can be found in an editor."""
    with pytest.raises(ValueError, match=message):
        read_table(write(name, content), column)


def test_large_and_missing_tables_are_refused(write, tmp_path):
    """The same bounds as for texts."""
    with pytest.raises(ValueError, match="the limit is 10"):
        read_table(write("a.csv", "x,y\n1,2\n3,4\n"), "x", max_bytes=10)
    with pytest.raises(ValueError, match="There is no file"):
        columns_of(tmp_path / "missing.csv")
    with pytest.raises(ValueError, match=r"No field of .* holds text"):
        columns_of(write("n.jsonl", '{"x": 1}\n'))


@settings(deadline=None)
@given(data=st.binary(max_size=40), suffix=st.sampled_from([".csv", ".jsonl"]))
def test_any_bytes_give_a_text_or_a_valueerror(tmp_path_factory, data, suffix):
    """Whatever is uploaded, the answer is text that can be written again, or one kind of error."""
    path = tmp_path_factory.getbasetemp() / f"bytes{suffix}"
    path.write_bytes(data)
    try:
        texts = [read_table(path, column).text for column in columns_of(path)]
    except ValueError as error:
        assert not isinstance(error, UnicodeError | json.JSONDecodeError)
        return
    assert all(text.strip() and text.encode("utf-8") for text in texts)


def test_the_command_line_takes_a_column(write, tmp_path, monkeypatch, capsys):
    """--text FILE --column NAME learns from it; a table without --column is answered with its columns."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path))
    path = write("notes.csv", "id,story\n" + "".join(f"{n},The cat sat on mat {n}.\n" for n in range(40)))
    tiny = ["--n-layer=1", "--n-head=1", "--n-embd=8", "--n-ctx=16", "--max-steps=1", "--eval-windows=1"]
    command = ["train", "--text", str(path), "--tokenizer", "character", *tiny, "--out", str(tmp_path / "model")]
    assert main(command) == 2 and "notes.csv is a table; give a --column: id, story." in capsys.readouterr().err
    assert main([*command, "--column", "story"]) == 0
    alphabet = json.loads((tmp_path / "model" / "tokenizer.json").read_text(encoding="utf-8"))["characters"]
    assert "c" in alphabet and "," not in alphabet
    assert main(["evaluate", "--corpus", "pydoc", "--column", "x", "--checkpoint", str(tmp_path / "model")]) == 2
    assert "give its file with --text" in capsys.readouterr().err
