"""What goes wrong on the machine, as a person meets it: one sentence, and an exit code that isn't 0."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from test_cli import TINY, Home

from llm.checkpoint import load_checkpoint
from llm.cli.failures import FULL, NO_MEMORY, guarded
from llm.runs.run import list_runs

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


def limited(home, setup, *args):
    """A command in a process that prepared itself with some lines of Python: exit code, standard error."""
    code = f"import sys, resource\n{setup}\nfrom llm.cli.parser import main\nsys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, args)], cwd=home.folder, env=home.env, capture_output=True, text=True
    )
    return done.returncode, done.stderr


def test_a_full_disk_is_said_and_the_old_checkpoint_is_whole(home):
    """Files may not grow as large as the weights are (a quota): one sentence, nothing half written."""
    train = ("train", "--text", home.text, "--tokenizer", "character", *TINY, "--max-steps", 2, "--out", home.out)
    assert home.here(*train)[0] == 0
    (first,) = list_runs(home.runs)
    before = load_checkpoint(home.out).model.wte.weight.clone()
    code, err = limited(home, "resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))", *train, "--seed", 5)
    assert (code, err.splitlines()[-1]) == (1, FULL) and "Traceback" not in err
    assert load_checkpoint(home.out).model.wte.weight.equal(before)
    load_checkpoint(first.path / "checkpoint")
    assert not [path for path in home.folder.rglob("*.new")]


@pytest.mark.slow
def test_too_little_memory_is_said(home):
    """A model that can't fit into what the process may take."""
    limit = "import torch; resource.setrlimit(resource.RLIMIT_AS, (6 * 10**9,) * 2)"
    huge = ("--n-embd", 8192, "--n-layer", 24, "--n-head", 8, "--n-ctx", 16, "--max-steps", 1)
    code, err = limited(home, limit, "train", "--text", home.text, "--tokenizer", "character", *huge)
    assert (code, err.splitlines()[-1]) == (1, NO_MEMORY) and "Traceback" not in err


@pytest.mark.parametrize(
    ("args", "code", "sentence"),
    [
        ("train --text a.txt --tokenizer character --max-steps 1", 2, "vocab_size is 1"),
        ("train --text text.txt --out text.txt/model --max-steps 1", 2, "is no folder that you can write to"),
        ("train --text nowhere/at/all.txt", 2, "no file"),
        ("evaluate --checkpoint nowhere --text text.txt", 2, "no folder nowhere"),
        ("tokenize --file text.txt --tokenizer character --vocab-size 1 x", 2, "not both"),
    ],
)
def test_other_trouble_is_one_sentence(home, args, code, sentence):
    """One symbol, folders and files that aren't there or are no folders: no traceback, a code that isn't 0."""
    (home.folder / "a.txt").write_text("a" * 4_000)
    got, _, err = home.here(*args.split())
    assert got in (1, code) and "Traceback" not in err and sentence in err.splitlines()[-1]


def test_only_what_is_known_is_swallowed():
    """A mistake in the program itself still shows where it is."""

    def fail():
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        guarded(fail)


# ---- the page -------------------------------------------------------------------------------------


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def app(tmp_path, *args, **env):
    return subprocess.Popen(
        [sys.executable, ROOT / "app.py", *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "GLASSBOX_HOME": str(tmp_path), "PYTHONUNBUFFERED": "1", **env}, cwd=ROOT,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("env", "host"),
    [
        ({"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}, "127.0.0.1"),
        ({"ALL_PROXY": "socks5://127.0.0.1:9"}, "127.0.0.1"),
        ({}, "::1"),
    ],
)
def test_the_page_starts_behind_a_proxy_and_on_ipv6(tmp_path, env, host):
    """Proxies are not asked for this very machine; an IPv6 address needs no brackets."""
    port = free_port()
    with app(tmp_path, "--host", host, "--port", port, **env) as process:
        try:
            for line in process.stdout:
                if "Running on" in line:
                    break
            else:
                pytest.fail(line)
            address = f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            time.sleep(0.5)
            assert "Glassbox" in opener.open(address, timeout=30).read().decode()
        finally:
            process.terminate()


def test_an_address_that_cannot_be_listened_on_is_said(tmp_path):
    """A busy port, another machine's address, a name that is none: one sentence with the remedy, exit code 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for args, sentence in (
            (("--port", port), f"Port {port} is in use; choose another"),
            (("--host", "192.0.2.1", "--port", free_port()), "'192.0.2.1' is no address of this machine"),
            (("--host", "nowhere.invalid"), "'nowhere.invalid' is no address of this machine"),
        ):
            with app(tmp_path, *args) as process:
                out, _ = process.communicate(timeout=60)
            assert process.returncode == 1 and len(out.splitlines()) == 1 and re.search(re.escape(sentence), out), out
