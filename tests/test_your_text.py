"""Every text that a person may own: it opens with equal text, or says in one sentence what it is and what to do."""

import base64
import csv
import functools
import gzip
import io
import json
import random
import subprocess
import sys

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_cli import TINY, Home, home  # noqa: F401

from llm.cli.parser import main
from llm.corpora import Corpus, LargeText, columns_of, own_files, read_own_text, read_table
from llm.corpora.encodings import OtherEncodingError
from llm.data import encode_corpus, encode_pieces, tokens_of
from llm.tokenizers import PATTERNS, GPT2Tokenizer, TiktokenTokenizer, train_tokenizer

GERMAN = "Über die Brücke fährt ein Mädchen mit großen Äpfeln.\nDas ist schön für alle Leute, hört man.\n" * 9
FRENCH = "L'été dernier, nous étions à la plage où les élèves jouaient déjà.\nÇa, c'était très agréable !\n" * 9
RUSSIAN = "Широкая электрификация южных губерний даст мощный толчок\nподъёму сельского хозяйства.\n" * 9
JAPANESE = "吾輩は猫である。名前はまだ無い。\nどこで生れたかとんと見当がつかぬ。\n" * 9
CHINESE = "我能吞下玻璃而不伤身体。\n今天天气很好，我们去公园散步吧。\n" * 9
KOREAN = "나는 유리를 먹을 수 있어요.\n그래도 아프지 않아요.\n" * 9


def read(path, **how):
    """The text of a file or folder."""
    text = read_own_text(own_files(path, **how))
    assert isinstance(text, Corpus)
    return text.text


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        (GERMAN, "cp1252", "is not UTF-8: byte 0, in line 1, is 0xdc"),
        (GERMAN, "utf-16", "is UTF-16 text"),
        (GERMAN, "utf-16-le", "is UTF-16 text"),
        (GERMAN, "utf-16-be", "is UTF-16 text"),
        (GERMAN, "utf-32", "is UTF-32 text"),
        (GERMAN, "utf-32-le", "is UTF-32 text"),
        (FRENCH, "cp1252", "is not UTF-8: byte 2"),
        (RUSSIAN, "cp1251", "is not UTF-8"),
        (RUSSIAN, "koi8_r", "is not UTF-8"),
        (JAPANESE, "cp932", "is not UTF-8"),
        (JAPANESE, "euc_jp", "is not UTF-8"),
        (JAPANESE, "iso2022_jp", "is ISO-2022 text"),
        (CHINESE, "gb18030", "is not UTF-8"),
        (KOREAN, "cp949", "is not UTF-8"),
        (KOREAN, "iso2022_kr", "is ISO-2022 text"),
    ],
)
def test_another_encoding_is_named_and_read_when_it_is_wanted(tmp_path, text, encoding, found):
    """The first proposal gives the very text; the sentence names what was found; --encoding reads it."""
    path = tmp_path / "own.txt"
    path.write_bytes(text.encode(encoding))
    with pytest.raises(OtherEncodingError) as refused:
        read(path)
    assert found in str(refused.value) and f"--encoding {refused.value.likely[0]}" in str(refused.value)
    assert read(path, encoding=refused.value.likely[0]) == text == read(path, encoding=encoding)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1", "not a text file"),
        (b"\0\1\2", "not a text file"),
        (gzip.compress(b"text " * 100, mtime=0)[:20], "can't be unpacked"),
        (b"", "holds no text"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path, data, sentence):
    """Binary, cut short or empty: one sentence."""
    (tmp_path / "own.txt").write_bytes(data)
    with pytest.raises(ValueError, match=sentence):
        read(tmp_path / "own.txt")


def test_a_wrong_or_unknown_encoding_is_refused(tmp_path):
    """One that Python lacks, one that is none of text, and one that the file doesn't have."""
    (tmp_path / "own.txt").write_bytes(GERMAN.encode("cp1252"))
    for encoding, sentence in (
        ("klingon", "no encoding 'klingon'"),
        ("base64", "no encoding"),
        ("euc_jp", "is not euc_jp"),
    ):
        with pytest.raises(ValueError, match=sentence):
            read(tmp_path / "own.txt", encoding=encoding)


def test_signs_on_the_way_are_kept(tmp_path):
    """Colours of a terminal are text; a byte order mark and Windows' line ends go, in UTF-16 too."""
    (tmp_path / "a.log").write_bytes(b"\x1b[31mred\x1b[0m\n")
    assert read(tmp_path / "a.log") == "\x1b[31mred\x1b[0m\n"
    (tmp_path / "b.txt").write_bytes("\ufeffone\r\ntwo\rthree".encode("utf-16-le"))
    assert read(tmp_path / "b.txt", encoding="utf-16-le") == "one\ntwo\nthree"


ROWS = ["One, two.\nA second line.", 'He said "go".', "ça; va\tbien"]
EXPECTED = "\n\n".join(ROWS) + "\n"


def written(delimiter, head=""):
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter).writerows([["id", "text"], *enumerate(ROWS)])
    return head + file.getvalue()


OBJECTS = [{"id": n, "text": row} for n, row in enumerate(ROWS)]
TABLES = {
    "a.csv": written(","),
    "b.csv": written(";"),
    "c.tsv": written("\t"),
    "d.csv": written(";", "sep=;\r\n"),
    "e.csv": written("|", "sep=|\n"),
    "f.jsonl": "".join(json.dumps(row) + "\n" for row in OBJECTS),
    "g.json": json.dumps(OBJECTS, indent=2),
    "h.json": json.dumps(ROWS),
    "i.json": "".join(json.dumps(row) + "\n" for row in OBJECTS),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_any_kind_gives_its_texts(tmp_path, name, packed):
    """Commas, Excel's semicolons with and without `sep=;`, tabs, JSON lines and lists; gzipped too."""
    data = TABLES[name].encode()
    path = tmp_path / (name + ".gz" if packed else name)
    path.write_bytes(gzip.compress(data) if packed else data)
    with pytest.raises(ValueError, match=f"{path.name} is a table; give a --column: .*text"):
        own_files(path)
    assert read(path, column="text") == EXPECTED


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.json", '{"rows": []}', "is no list; it must be a list of objects"),
        ("a.json", "[1, 2]", "Entry 1 of 'a.json' is no object"),
        ("a.json", "[", "is no JSON"),
        ("a.csv", ",,\n1,2,3\n", "names no columns"),
        ("a.tsv", "a\ttext\n1\n", "has 1 cells and not 2"),
    ],
)
def test_a_table_that_is_none_says_why(tmp_path, name, content, sentence):
    """One sentence for each."""
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=sentence):
        read(tmp_path / name, column="text")


def test_a_parquet_file_opens(tmp_path):
    """Its columns of texts are offered, rows without one are left out; what is damaged or too much is said."""
    path = tmp_path / "a.parquet"
    rows = [*ROWS, None]
    pyarrow.parquet.write_table(pyarrow.table({"id": [*range(len(rows))], "text": rows, "more": rows}), path)
    assert columns_of(path) == ["text", "more"]
    assert read(path, column="text") == EXPECTED
    with pytest.raises(ValueError, match="has no column 'id'; choose text, more"):
        read(path, column="id")
    letters = ["".join(random.Random(row).choices("abcdefgh", k=2_000)) for row in range(20)]
    pyarrow.parquet.write_table(pyarrow.table({"text": letters}), path)
    data = bytearray(path.read_bytes())
    data[1_000:20_000] = bytes(19_000)
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"'a\.parquet' is no sound \.parquet file; copy it again"):
        read(path, column="text")
    pyarrow.parquet.write_table(pyarrow.table({"text": ["x" * 100_000] * 1_000}), path)
    assert path.stat().st_size < 200_000
    with pytest.raises(ValueError, match="the limit is 1,000,000"):
        read_table(path, "text", max_bytes=1_000_000)


def test_without_pyarrow_one_sentence_says_what_to_install(tmp_path, monkeypatch):
    """It is no part of what Glassbox needs."""
    for name in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)  # as Python has a module that can't be imported
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(ValueError, match=r"install what reads .* files: pip install pyarrow"):
        read(tmp_path / "a.parquet", column="text")


def test_a_folder_is_read_in_order(tmp_path):
    """Its texts one after the other, folders below it too; pictures, tables and what is hidden stay out."""
    (tmp_path / "b").mkdir()
    for name, data in {
        "a.txt": b"one", "b/c.md.gz": gzip.compress(b"two"), "p.png": b"\x89PNG\0", "t.csv": b"text\nthree\n",
        ".git": b"no", "z.txt": b"four",
    }.items():  # fmt: skip
        (tmp_path / name).write_bytes(data)
    own = own_files(tmp_path)
    text = read_own_text(own)
    assert text.text == "one\n\ntwo\n\nfour" and own.left_out == 2
    assert text.name == tmp_path.name and text.source.endswith("3 files")
    assert read(tmp_path, column="text") == "three\n"
    (tmp_path / "b" / "c.md.gz").unlink()
    with pytest.raises(ValueError, match="holds no text files"):
        own_files(tmp_path / "b")


LETTERS = st.text(st.sampled_from("ab Zé中。'sl\n\r\t \u3000\u00a0/.!12"), max_size=40)


@settings(deadline=None, max_examples=300)
@given(pieces=st.lists(LETTERS, max_size=6), pattern=st.sampled_from(list(PATTERNS)))
def test_a_text_in_pieces_has_the_tokens_of_the_whole(pieces, pattern):
    """Wherever the pieces end: GPT-2's vocabulary under each pattern, words, and characters."""
    whole = "".join(pieces)
    tokenizers = [_gpt2(pattern), train_tokenizer("whitespace", "a b Z"), train_tokenizer("character", whole + "a")]
    for tokenizer in tokenizers:
        ids = [id for part in encode_pieces(tokenizer, pieces) for id in part]
        assert ids == tokenizer.encode(whole)


@functools.cache
def _gpt2(pattern):
    """GPT-2's tokens, with which a text is cut by another pattern."""
    vocabulary = GPT2Tokenizer()
    lines = [b"%s %d" % (base64.b64encode(vocabulary.token_bytes(id)), id) for id in range(50_256)]
    return TiktokenTokenizer.from_file(b"\n".join(lines), pattern)


def test_a_large_text_has_the_tokens_of_a_small_one(tmp_path, monkeypatch):
    """What stays on the disk is known by the same hash, and its mapped tokens are those of the text in memory."""
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path / "home"))
    path = tmp_path / "own.txt"
    path.write_text((GERMAN + JAPANESE) * 400, encoding="utf-8", newline="\r\n")
    small, large = read_own_text(own_files(path)), read_own_text(own_files(path), in_memory=1_000)
    assert isinstance(large, LargeText) and large.hash == small.hash and large.whole().text == small.text
    assert large.n_characters == len(small.text) and large.alphabet == "".join(sorted(set(small.text)))
    for tokenizer in (train_tokenizer("bpe", large.sample, 400), train_tokenizer("character", large.alphabet)):
        tokens = tokens_of(tokenizer, large)
        assert tokens.tolist() == encode_corpus(tokenizer, small.text).tolist()
        monkeypatch.setattr(LargeText, "pieces", lambda *_: pytest.fail("the text was read again"))
        assert tokens_of(tokenizer, large).tolist() == tokens.tolist()
        monkeypatch.undo()
        monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path / "home"))


def test_the_command_line_converts(home, monkeypatch, capsys):  # noqa: F811
    """train, evaluate and tokenize take --encoding; without it the sentence names it; a run goes on with it."""
    monkeypatch.chdir(home.folder)
    monkeypatch.setenv("GLASSBOX_HOME", home.env["GLASSBOX_HOME"])
    home.text.write_bytes(GERMAN.encode("cp1252"))
    train = ["train", "--text", "text.txt", "--tokenizer", "character", *TINY, "--max-steps", "1", "--out", "model"]
    assert main(train) == 2
    assert "'text.txt' is not UTF-8" in (told := capsys.readouterr().err) and "--encoding cp1252" in told
    assert main([*train, "--encoding", "cp1252"]) == 0
    alphabet = json.loads((home.folder / "model" / "tokenizer.json").read_text(encoding="utf-8"))["characters"]
    assert set(GERMAN) == set(alphabet)
    assert main(["evaluate", "--checkpoint", "model", "--text", "text.txt", "--encoding", "cp1252"]) == 0
    assert main(["tokenize", "--file", "text.txt", "--encoding", "cp1252"]) == 0
    assert main(["train", "--corpus", "pydoc", "--encoding", "cp1252"]) == 2


MEASURED = """
import resource, sys
from llm.cli.parser import main
code = main(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000)
sys.exit(code)
"""


@pytest.mark.slow
def test_a_text_of_200_megabytes_takes_bounded_memory(tmp_path):
    """Training on it takes little more than on 40 MB: the text is streamed, its tokens are mapped."""

    def peak(megabytes):
        """The most memory that a training took, in MB."""
        own = Home(tmp_path / str(megabytes))
        line = " ".join(f"w{n * n % 977}" for n in range(200)) + "\n"
        with own.text.open("w") as file:
            file.writelines(line for _ in range(megabytes * 1_000_000 // len(line)))
        command = ["train", "--text", "text.txt", "--vocab-size", "300", *TINY, "--max-steps", "2"]
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, *command], cwd=own.folder, env=own.env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert f"a sample of the {megabytes - 1}" in done.stderr or f"a sample of the {megabytes}" in done.stderr
        return int(done.stdout.split()[-1])

    (tmp_path / "40").mkdir()
    (tmp_path / "200").mkdir()
    small, large = peak(40), peak(200)
    print(small, large)
    assert large < small + 120, (small, large)
