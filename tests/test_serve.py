"""Opening the playground: the same flags from app.py and the command line, and threads set before torch is there."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_disk import small_disk

import llm.ui
from llm.cli import serve as module
from llm.cli.parser import main

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def launched(monkeypatch):
    """What the app was launched with, instead of a server that runs until Ctrl+C."""
    seen = {}

    class App:
        def __init__(self, limits, folders):
            self.limits, self.folders = limits, folders

        def launch(self, **options):
            seen.update(options, limits=self.limits, folders=self.folders)

        def block_thread(self):
            seen["served"] = True

    monkeypatch.setattr(llm.ui, "build_app", App)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return seen


def test_flags_reach_the_server(launched):
    """Host, port, --root-path and --open arrive as Gradio's options, beside those that keep the page offline."""
    assert main(["serve", "--host", "0.0.0.0", "--port", "7999", "--root-path", "/glassbox", "--open"]) == 0
    assert (launched["server_name"], launched["server_port"], launched["inbrowser"]) == ("0.0.0.0", 7999, True)
    assert launched["root_path"] == "/glassbox"
    assert launched.items() >= {"ssr_mode": False, "footer_links": []}.items()
    assert launched["limits"].runs == 30
    assert main(["serve", "--public", "--runs", "3", "--upload-mb", "2"]) == 0
    assert (launched["limits"].runs, launched["limits"].upload_mb) == (3, 2)
    assert main(["serve", "--allow-host", "a.example", "--allow-host", "b.example"]) == 0
    assert launched["app_kwargs"]["middleware"][0].kwargs["names"].given == {"a.example", "b.example"}
    assert main(["serve"]) == 0
    assert (launched["server_name"], launched["server_port"], launched["inbrowser"]) == (None, None, False)


def test_folders_are_opened_to_visitors_by_name(launched, tmp_path, capsys):
    """Each --allow-folder reaches the page; one that isn't there is a sentence before anything starts."""
    (tmp_path / "a").mkdir()
    assert main(["serve", "--allow-folder", str(tmp_path), "--allow-folder", str(tmp_path / "a")]) == 0
    assert launched["folders"] == [tmp_path, tmp_path / "a"]
    assert main(["serve", "--allow-folder", str(tmp_path / "b")]) == 2
    assert "is no folder here; check its name" in capsys.readouterr().err


def test_app_and_command_have_the_same_flags():
    """`python app.py --help` and `python -m llm serve --help` list the same options."""
    parser = argparse.ArgumentParser()
    module.add_flags(parser)
    flags = {option for action in parser._actions for option in action.option_strings}
    assert flags > {"-h", "--help", "--host", "--port", "--root-path", "--open", "--public", "--runs"}
    for command in (["app.py"], ["-m", "llm", "serve"]):
        said = subprocess.run([sys.executable, *command, "--help"], cwd=ROOT, capture_output=True, text=True).stdout
        assert all(flag in said for flag in flags)


def test_one_core_is_left_free_before_torch_is_imported():
    """Neither parsing nor app.py loads torch; serving sets the threads first, and keeps a person's own number."""
    code = (
        "import app, llm.cli.parser, os, sys; assert 'torch' not in sys.modules; "
        "import llm.cli.serve, argparse; sys.modules['llm.ui'] = None\n"
        "parser = argparse.ArgumentParser(); llm.cli.serve.add_flags(parser)\n"
        "try: llm.cli.serve.serve(parser.parse_args([]))\n"
        "except ImportError: print(os.environ['OMP_NUM_THREADS'])"
    )
    for own in (None, "3"):
        environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
        environment |= {"OMP_NUM_THREADS": own} if own else {}
        said = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        assert said.stdout.strip() == (own or str(max(1, os.cpu_count() - 1)))


def test_a_home_that_cannot_be_written_to_is_named_at_the_start(launched, tmp_path, monkeypatch, capsys):
    """One sentence with the remedy, and the page opens all the same."""
    assert main(["serve"]) == 0
    assert "GLASSBOX_HOME" not in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GLASSBOX_HOME", str(tmp_path / "file" / "home"))
    assert main(["serve"]) == 0 and launched
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "can't be written to (Not a directory)" in said and "Set GLASSBOX_HOME" in said


def test_a_full_home_is_named_at_the_start(launched, tmp_path, monkeypatch, capsys):
    """A disk without room is as useless as one that is locked; nothing is left on it by looking."""
    with small_disk(tmp_path / "disk", 512) as disk:
        monkeypatch.setenv("GLASSBOX_HOME", str(disk.path / "home"))
        assert main(["serve"]) == 0
        assert "is full" in capsys.readouterr().err and not list((disk.path / "home").glob(".*"))
