"""Files that are there whole or not at all, however many write and whatever goes wrong."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from llm import files
from llm.files import claimed, existing_folder, new_file, new_folder, parsed_json, read_json, remove_folder, write_json

OLD = ".notes.json.0123456789abcdef.new"


def test_writers_of_one_file_never_meet(tmp_path):
    """Eight at once, while it is read all the time: none fails, each reading is somebody's whole file."""
    path, failures, done = tmp_path / "notes.json", [], threading.Event()
    write_json(path, {"writer": 0, "text": "0" * 5_000})

    def write(writer):
        try:
            for _ in range(25):
                write_json(path, {"writer": writer, "text": f"{writer}" * 5_000})
        except Exception as error:
            failures.append(error)

    def read():
        while not done.is_set():
            values = json.loads(path.read_bytes())
            if set(values["text"]) != {str(values["writer"])}:
                failures.append(values)

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(1, 9)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert failures == [] and [p.name for p in tmp_path.iterdir()] == ["notes.json"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch, step):
    """What could not be written is removed, and the older file stays."""
    write_json(tmp_path / "notes.json", {"old": 1})

    def fail(*_):
        raise OSError("No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(os, step, fail)
        write_json(tmp_path / "notes.json", {"new": 2})
    assert read_json(tmp_path / "notes.json") == {"old": 1} and len(list(tmp_path.iterdir())) == 1
    with pytest.raises(OSError, match="mine"), new_folder(tmp_path / "model") as fresh:
        (fresh / "weights").write_bytes(b"half")
        raise OSError("mine")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.json"]


def test_leftovers_of_the_killed_go_and_others_stay(tmp_path):
    """A file or folder under way for over an hour is removed by the next writer; a newer one and a stranger's stay."""
    (tmp_path / OLD).write_text("half")
    (tmp_path / ".model.0123456789abcdef.new").mkdir()
    (tmp_path / ".model.0123456789abcdef.new" / "weights").write_text("half")
    (tmp_path / ".gitignore.new").write_text("mine")
    for path in tmp_path.iterdir():
        os.utime(path, (0, 0))
    (tmp_path / ".notes.json.fedcba9876543210.new").write_text("being written")
    write_json(tmp_path / "notes.json", {})
    assert {path.name for path in tmp_path.iterdir()} == {
        "notes.json", ".gitignore.new", ".notes.json.fedcba9876543210.new"
    }  # fmt: skip


def test_a_folder_is_replaced_and_removed_as_one(tmp_path):
    """Its older files don't mix with the new ones, and one that was about to be replaced is found."""
    folder = tmp_path / "model"
    for name in ("first", "second"):
        with new_folder(folder) as fresh:
            (fresh / name).write_text(name)
    assert [path.name for path in folder.iterdir()] == ["second"] and existing_folder(folder) == folder
    folder.rename(tmp_path / ".model.old")
    assert existing_folder(folder) == tmp_path / ".model.old"
    with new_folder(folder) as fresh:
        (fresh / "third").write_text("third")
    remove_folder(folder)
    remove_folder(folder)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="no folder"):
        existing_folder(folder)


def test_json_is_read_within_bounds(tmp_path, monkeypatch):
    """Missing, large, torn, nested without end or no object: one sentence that names the file."""
    path = tmp_path / "notes.json"
    with pytest.raises(ValueError, match=r"There is no file .*notes\.json"):
        read_json(path)
    for content in (b"", b"{", b"\xff\xfe{}", b"[" * 100_000, b"[]", b"3.5"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"notes\.json .*copy or save it again"):
            read_json(path)
    assert parsed_json('{"a": 1}', "It") == {"a": 1}
    deep = '{"a": ' * 49 + "[]" + "}" * 49
    assert parsed_json(deep, "It")
    with pytest.raises(ValueError, match="over 50"):
        parsed_json('{"a": ' + deep + "}", "It")
    monkeypatch.setattr(files.Path, "read_bytes", lambda path: pytest.fail("the file was read"))
    with pytest.raises(ValueError, match="over 2 bytes"):
        read_json(path, max_bytes=2)


def test_an_error_in_the_block_writes_nothing(tmp_path):
    """Whoever fills the file and fails leaves no trace."""
    with pytest.raises(RuntimeError), new_file(tmp_path / "tokens.npy") as fresh:
        fresh.write_bytes(b"half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_a_claim_is_one_block_s_alone(tmp_path):
    """In this process and in others; it ends with the block or with the process, and leaves nothing."""
    path = tmp_path / ".point.claim"
    with claimed(path) as mine:
        with claimed(path) as other:
            assert mine and not other
        assert path.exists()
    assert list(tmp_path.iterdir()) == []
    hold = (
        "import sys, pathlib, llm.files as f\nwith f.claimed(pathlib.Path(sys.argv[1])) as mine: print(mine); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, path], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(Path(files.__file__).parents[1]), "PYTHONUNBUFFERED": "1"},
    ) as holder:  # fmt: skip
        assert holder.stdout.readline() == "True\n"
        with claimed(path) as mine:
            assert not mine
        holder.kill()
        holder.wait()
        with claimed(path) as mine:
            assert mine
    assert list(tmp_path.iterdir()) == []


def test_a_claim_on_a_file_that_is_gone_is_none(tmp_path, monkeypatch):
    """Whoever opened it before its owner removed it, and locked it after, has nothing: another may have a new one."""
    path, flock = tmp_path / ".point.claim", files.fcntl.flock

    def late(file, how):
        path.unlink()
        flock(file, how)

    with monkeypatch.context() as patch:
        patch.setattr(files.fcntl, "flock", late)
        with claimed(path) as mine:
            assert not mine
    with claimed(path) as mine:
        assert mine
