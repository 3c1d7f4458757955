"""The command line as a person uses it, each command in a fresh process; variations of one in this process."""

import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from trainings import kept_model

from llm.checkpoint import load_checkpoint
from llm.cli.parser import main
from llm.completion import complete
from llm.config import DEFAULT_ORDER, SamplingConfig
from llm.data import encode_corpus, split
from llm.evaluate import evaluate
from llm.runs.run import Run, list_runs
from llm.tokenizers import train_tokenizer

ROOT = Path(__file__).resolve().parents[1]
TEXT = "The cat sat on the mat, and the dog lay on the rug — ça va? 日本語.\n" * 40
TINY = [
    "--n-layer=1", "--n-head=2", "--n-embd=16", "--n-ctx=16", "--batch-size=2", "--eval-windows=2", "--sample-tokens=5"
]  # fmt: skip


class Home:
    """A folder with one text in it, and commands that run there with a Glassbox home of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.text = folder / "text.txt"
        self.text.write_text(TEXT, encoding="utf-8")
        self.out = folder / "model"
        self.runs = folder / "home" / "runs"
        self.env = {
            **os.environ, "GLASSBOX_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"
        }  # fmt: skip

    def start(self, *args: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "llm", *map(str, args)], cwd=self.folder, env=self.env, encoding="utf-8",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def __call__(self, *args: object, stdin: str = "") -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        with self.start(*args) as process:
            out, err = process.communicate(stdin, timeout=100)
        return process.returncode, out, err

    def here(self, *args: object) -> tuple[int, str, str]:
        """The same inside this process, where torch is loaded already."""
        out, err = (io.TextIOWrapper(io.BytesIO(), write_through=True) for _ in range(2))
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            patch.chdir(self.folder)
            patch.setenv("GLASSBOX_HOME", self.env["GLASSBOX_HOME"])
            try:
                code = main([str(arg) for arg in args])
            except SystemExit as end:
                code = int(end.code or 0)
        return code, out.buffer.getvalue().decode(), err.buffer.getvalue().decode()


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Home:
    """A home in which a tiny character model was trained for six steps; its output in `train_output`."""
    home = Home(tmp_path_factory.mktemp("cli"))
    code, home.train_output, err = home(
        "train", "--text", home.text, "--tokenizer", "character", *TINY, "--max-steps", 6, "--eval-interval", 3,
        "--out", home.out, "--name", "first try",
    )  # fmt: skip
    assert code == 0, err
    return home


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def here(home):
    return home.here


@pytest.mark.parametrize("command", ["train", "generate", "evaluate", "tokenize"])
def test_help_has_an_example_and_does_not_wait_for_torch(command):
    """--help shows an example that works as typed, and comes from a process that never imported torch."""
    code = f"""
import runpy, sys
sys.argv = ["llm", "{command}", "--help"]
try:
    runpy.run_module("llm", run_name="__main__")
except SystemExit as end:
    print("torch imported:", "torch" in sys.modules, "exit code:", end.code)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    assert f"python -m llm {command}" in done.stdout.split("example:")[1]
    assert "torch imported: False exit code: 0" in done.stdout


def test_training_reports_and_saves(trained):
    """train shows losses and samples, saves the model, and leaves a run that the app can list."""
    losses = re.findall(r"step (\d+): loss ([\d.]+), validation ([\d.]+)", trained.train_output)
    assert [step for step, _, _ in losses] == ["0", "3", "6"]
    assert trained.train_output.count("\n    T") == 3  # a sample each time, beginning with the text's first letter

    (run,) = list_runs(trained.runs)
    assert (run.name, run.corpus, run.state) == ("first try", "text.txt", "finished")
    assert run.train_config.max_steps == 6 and run.model_config.n_embd == 16
    checkpoint = load_checkpoint(trained.out)
    assert checkpoint.step == 6 and checkpoint.tokenizer.kind == "character"
    assert f"{checkpoint.info['validation_loss']:.4f}" == losses[-1][2]
    newest = load_checkpoint(run.path / "checkpoint").model
    assert all(torch.equal(a, b) for a, b in zip(newest.parameters(), checkpoint.model.parameters(), strict=True))


def test_generate_writes_what_the_library_completes(trained):
    """The same prompt, settings and seed give the very text that completion.complete gives the app."""
    code, out, err = trained(
        "generate", "--checkpoint", trained.out, "--prompt", "The ça", "--temperature", 0.9, "--top-k", 20,
        "--top-p", 0.95, "--min-p", 0.01, "--repetition-penalty", 1.1, "--max-new-tokens", 50, "--seed", 4,
        "--typical-p", 0.9, "--order", *reversed(DEFAULT_ORDER), "--stop", "zz", "--stop", "\n",
    )  # fmt: skip
    config = SamplingConfig(1.1, 0.9, 20, 0.95, 0.01, 0.9, DEFAULT_ORDER[::-1], 50, ("zz", "\n"), 4)
    checkpoint = load_checkpoint(trained.out)
    pieces = complete(checkpoint.model, checkpoint.tokenizer, "The ça", config)
    assert (code, err) == (0, "") and out == "The ça" + "".join(piece.text for piece in pieces) + "\n"


def test_evaluate_prints_what_the_library_measures(trained, here):
    """Numbers and protocol are those of `evaluate` on the same tokens, for people and as JSON."""
    checkpoint = load_checkpoint(trained.out)
    tokens = encode_corpus(checkpoint.tokenizer, TEXT)
    lengths = [len(checkpoint.tokenizer.token_bytes(id)) for id in range(checkpoint.tokenizer.vocab_size)]

    expected = evaluate(checkpoint.model, split(tokens).validation, bytes_per_id=lengths)
    code, out, err = trained("evaluate", "--checkpoint", trained.out, "--text", trained.text)
    assert (code, err) == (0, "")
    for part in (
        f"{expected.loss:.4f} nats", f"{expected.tokens:,} tokens", f"perplexity     {expected.perplexity:,.2f}",
        f"bits per byte  {expected.bits_per_byte:.4f}", "a context of 16 tokens and a stride of 16", "last tenth",
    ):  # fmt: skip
        assert part in out

    expected = evaluate(checkpoint.model, tokens, bytes_per_id=lengths, n_ctx=12, stride=5)
    code, out, _ = here(
        "evaluate", "--checkpoint", trained.out, "--text", trained.text, "--split", "all", "--json",
        "--n-ctx", 12, "--stride", 5, "--batch-size", 7,
    )  # fmt: skip
    printed = json.loads(out)
    assert code == 0 and printed["loss"] == pytest.approx(expected.loss, rel=1e-5)
    assert printed["bits_per_byte"] == pytest.approx(expected.bits_per_byte, rel=1e-5)
    assert (printed["n_ctx"], printed["stride"], printed["tokens"]) == (12, 5, len(tokens) - 1)


def test_tokenize_shows_ids_and_pieces(trained, here):
    """Every way to name a tokenizer and to hand over a text gives the ids that the library gives."""
    text = "The cat — ça va?"
    for tokenizer in (trained.out, trained.out / "tokenizer.json"):
        code, out, _ = here("tokenize", "--tokenizer", tokenizer, "--json", text)
        ids = load_checkpoint(trained.out).tokenizer.encode(text)
        assert code == 0 and json.loads(out) == {"kind": "character", "ids": ids, "pieces": list(text)}
    code, out, _ = trained("tokenize", "--tokenizer", "gpt2", "--json", stdin="Hello, world!")
    assert json.loads(out) == {
        "kind": "gpt2", "ids": [15496, 11, 995, 0], "pieces": ["Hello", ",", " world", "!"]
    }  # fmt: skip
    code, out, _ = here("tokenize", "--tokenizer", "bpe", "--vocab-size", 270, "--json", "--file", trained.text)
    assert json.loads(out)["ids"] == train_tokenizer("bpe", TEXT, 270).encode(TEXT)


def test_tokenize_for_people(here):
    """One line a token, parts of characters as bytes, a count at the end, and a word on what is lost."""
    code, out, err = here("tokenize", "--tokenizer", "gpt2", "Hi 日")
    assert code == 0 and out.splitlines()[0].split() == ["17250", "'Hi'"]
    assert r"\x" in out and out.splitlines()[-1].endswith("tokens, 4 characters, 6 bytes")
    code, out, err = here("tokenize", "--tokenizer", "whitespace", "a  b")
    assert code == 0 and "one space" in err and "2 tokens" in out


def test_bits_per_byte_is_withheld_where_text_is_lost(here):
    """A tokenizer that drops spaces has no bits per byte; evaluate says why and prints no number."""
    code, _, err = here(
        "train", "--text", "text.txt", "--tokenizer", "whitespace", *TINY, "--max-steps", 1, "--out", "model"
    )  # fmt: skip
    assert code == 0, err
    _, out, _ = here("evaluate", "--checkpoint", "model", "--text", "text.txt")
    assert "bits per byte  unknown. Each run of spaces" in out
    _, out, _ = here("evaluate", "--checkpoint", "model", "--text", "text.txt", "--json")
    assert json.loads(out)["bits_per_byte"] is None


def test_ctrl_c_stops_saves_and_resumes(home, here):
    """Ctrl-C ends with everything saved; --resume goes on from that very step with the same settings."""

    def stop_after_an_evaluation(*args: object, beyond: int = 0) -> str:
        with home.start("train", "--text", home.text, "--out", home.out, *args) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if (at := re.match(r"step ([\d,]+)", line)) and int(at[1].replace(",", "")) > beyond:
                    process.send_signal(signal.SIGINT)
                    break
            _, err = process.communicate(timeout=60)
        assert process.returncode == 0 and "Traceback" not in err
        return err

    err = stop_after_an_evaluation("--tokenizer", "bpe", "--vocab-size", 280, *TINY, "--max-steps", 10**6)
    (run,) = list_runs(home.runs)
    first = load_checkpoint(run.path / "checkpoint").step
    assert run.state == "stopped" and f"after step {first:,}" in err and f"--resume {run.id}" in err

    stop_after_an_evaluation("--resume", run.id, beyond=first)
    run = Run.open(home.runs, run.id)
    second = load_checkpoint(run.path / "checkpoint").step  # --out has the best, which may be older
    assert run.state == "stopped" and second > first
    assert [m["step"] for m in run.metrics() if m["event"] == "step"] == list(range(1, second + 1))

    code, _, err = here("train", "--resume", run.id, "--text", home.text, "--n-layer", 2, "--seed", 1)
    assert code == 2 and err.endswith("with, but for --max-steps; leave out --n-layer, --seed.\n")
    code, _, err = here("train", "--resume", run.id)
    assert code == 2 and err == "This run learns from text.txt; give that file with --text.\n"


def test_a_run_ends_by_a_condition_and_goes_on_past_its_end(home, here):
    """The reason and the way on are told; --resume makes the steps that were left, and with --max-steps more."""
    start = ["train", "--text", home.text, "--tokenizer", "character", *TINY, "--eval-interval", 2, "--max-steps", 3]
    code, _, err = here(*start, "--target-loss", 100, "--layer-stats")
    (run,) = list_runs(home.runs)
    on = ["train", "--text", home.text, "--resume", run.id]
    assert code == 0 and f"as low as wanted after step 0. To go on: python -m llm train --resume {run.id}" in err
    assert here(*on)[0] == 0 and here(*on, "--max-steps", 5)[0] == 0
    run = Run.open(home.runs, run.id)
    assert (run.state, run.train_config.max_steps, run.train_config.layer_stats) == ("finished", 5, True)
    assert [m["step"] for m in run.metrics() if m["event"] == "layers"] == [2, 3, 4, 5]
    code, _, err = here(*on, "--max-steps", 5)
    assert code == 2 and err == "This run has made 5 steps already; choose more as its new end.\n"


def test_a_diverged_training_says_where_and_why(home, here):
    """The step, the learning rate and what was not finite, in one sentence with a remedy."""
    wild = ["--learning-rate", 10, "--weight-decay", 10, "--warmup-steps", 0, "--grad-clip", 0, "--max-steps", 2000]
    code, _, err = here("train", "--text", home.text, "--tokenizer", "character", *TINY, *wild, "--sample-tokens", 0)
    told = err.splitlines()[-1]
    assert code == 2 and re.search(r"step [\d,]+", told) and told.endswith("try a lower --learning-rate.")
    (run,) = list_runs(home.runs)
    last = kept_model(run, run.snapshots()[-1])
    assert run.state == "diverged" and last.wte.weight.isfinite().all()


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ("", "COMMAND"),
        ("dance", "invalid choice: 'dance'"),
        ("train", "Name a text"),
        ("train --text nowhere.txt", "no file 'nowhere.txt'"),
        ("train --text empty.txt", "holds no text"),
        ("train --text binary.bin", "not a text file"),
        ("train --text text.txt --n-layer many", "invalid int value: 'many'"),
        ("train --text text.txt --n-head 5", "5 heads can't share a width of 128"),
        ("train --text text.txt --learning-rate nan", "learning_rate is nan"),
        ("train --text text.txt --n-ctx 5000 --vocab-size 280", "Use a context of"),
        ("train --text text.txt --out .", "isn't a checkpoint"),
        ("train --text text.txt --corpus pydoc", "not allowed with"),
        ("train --resume nothing", "no run nothing"),
        ("generate --checkpoint nowhere", "no folder nowhere"),
        ("generate --checkpoint . --temperature -1", "temperature is -1.0"),
        ("generate --checkpoint . --device frog", "no device 'frog'"),
        ("evaluate --checkpoint . --text text.txt", "no file config.json"),
        ("tokenize --tokenizer nothing hello", "'nothing' is no tokenizer"),
        ("tokenize --file text.txt hello", "not both"),
    ],
)
def test_a_mistake_gets_one_sentence(home, here, args, sentence):
    """Exit code 2, one line that names what is wrong, nothing on standard output, no run left behind."""
    (home.folder / "empty.txt").write_bytes(b" \n")
    (home.folder / "binary.bin").write_bytes(b"\0\1\2")
    code, out, err = here(*args.split())
    lines = [line for line in err.splitlines() if not line.startswith("Training a bpe tokenizer")]
    assert (code, out) == (2, "") and len(lines) == 1 and sentence in lines[0]
    assert not home.runs.exists()


def test_a_reader_that_leaves_early_is_no_error(trained):
    """`... | head -1` ends quietly, however much there was still to print."""
    with trained.start("tokenize", "--tokenizer", "gpt2", "--file", trained.text) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


def test_a_text_is_known_by_its_content(home, here):
    """--resume refuses another text of the same name, and takes the same text under another name or as an old run."""
    code, _, err = here("train", "--text", home.text, "--tokenizer", "character", *TINY, "--max-steps", 1)
    assert code == 0, err
    (run,) = list_runs(home.runs)
    (home.folder / "other").mkdir()
    other, renamed = home.folder / "other" / "text.txt", home.folder / "renamed.txt"
    other.write_text("The cat sat.\n" * 200, encoding="utf-8")
    renamed.write_bytes(home.text.read_bytes().replace(b"\n", b"\r\n"))
    code, _, err = here("train", "--resume", run.id, "--text", other, "--max-steps", 2)
    assert code == 2 and "'text.txt' is not the text that this run learnt from" in err and "begin a new run" in err
    assert here("train", "--resume", run.id, "--text", renamed, "--max-steps", 2)[0] == 0
    values = json.loads((run.path / "run.json").read_text())
    del values["text_hash"]  # as before it was noted
    (run.path / "run.json").write_text(json.dumps(values))
    assert here("train", "--resume", run.id, "--text", renamed, "--max-steps", 3)[0] == 2
    assert here("train", "--resume", run.id, "--text", home.text, "--max-steps", 3)[0] == 0


def test_resuming_refuses_what_would_change_nothing(home, here):
    """Each option of a new run is named; none is taken and then ignored."""
    given = ["--tokenizer", "bpe", "--vocab-size", 300, "--name", "x", "--no-bias", "--patience", 3]
    code, _, err = here("train", "--resume", "any", "--text", home.text, *given)
    assert code == 2 and all(str(option) in err for option in given if str(option).startswith("--v"))
    assert "leave out --tokenizer, --vocab-size, --name, --bias, --patience." in err


@pytest.mark.parametrize("stop", [("--patience", 1), ("--target-loss", 0.001)])
def test_out_holds_the_best_model_where_the_validation_loss_may_end_the_training(home, here, stop):
    """At a rate that spoils the model, the saved one is of the lowest validation loss, and the sentence says which."""
    wild = ["--learning-rate", 3, "--warmup-steps", 1, "--eval-interval", 2, "--max-steps", 8, "--sample-tokens", 0]
    code, _, err = here(
        "train", "--text", home.text, "--tokenizer", "character", *TINY, *wild, *stop, "--out", home.out
    )  # fmt: skip
    (run,) = list_runs(home.runs)
    losses = {m["step"]: m["validation_loss"] for m in run.metrics() if m["event"] == "evaluation"}
    best, last = min(losses, key=losses.__getitem__), max(losses)
    assert code == 0 and best != last, losses
    checkpoint = load_checkpoint(home.out)
    assert checkpoint.step == best and checkpoint.info["validation_loss"] == losses[best]
    assert f"holds the best model, of step {best}" in err and load_checkpoint(run.path / "checkpoint").step == last


def test_training_on_from_a_model(trained, here, home):
    """It begins with that model's weights and tokens on another text, at a gentle rate, and notes its parent."""
    home.text.write_text("The dog sat on the rug, and the cat lay on the mat.\n" * 60, encoding="utf-8")
    few = ["--text", home.text, "--eval-windows", 2, "--sample-tokens", 0, "--batch-size", 2]
    code, _, err = here("train", "--from", trained.out, *few, "--max-steps", 2, "--dropout", 0.1, "--out", home.out)
    assert code == 0, err
    (run,) = list_runs(home.runs)
    parent = load_checkpoint(trained.out)
    assert (run.parent.name, run.parent.step, run.train_config.learning_rate) == ("model", 6, 1e-4)
    assert run.tokenizer.hash == parent.tokenizer.hash and run.model_config == parent.model.config.replace(dropout=0.1)
    begun = kept_model(run, 0).wte.weight
    assert torch.equal(begun, parent.model.wte.weight.half().float())
    assert not torch.equal(load_checkpoint(home.out).model.wte.weight, parent.model.wte.weight)

    code, _, err = here("train", "--from", run.id, *few, "--max-steps", 1, "--learning-rate", 0.01)
    assert code == 0, err
    child = list_runs(home.runs)[0]
    assert (child.parent.ref, child.train_config.learning_rate) == (f"cli:{run.id}", 0.01)
    assert here("train", "--resume", child.id, "--text", home.text, "--max-steps", 2)[0] == 0


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (
            ["--n-layer", 3, "--tokenizer", "bpe"],
            "brings its shape and its tokenizer along; leave out --tokenizer, --n-layer",
        ),
        (["--resume", "x"], "leave out"),
        (["--text", "greek.txt"], "has no 'α', 'β'"),
    ],
)
def test_training_on_refuses_what_cannot_be(trained, here, home, args, sentence):
    """Another shape or tokenizer, a run to resume as well, a text in other characters."""
    (home.folder / "greek.txt").write_text("αβ " * 900, encoding="utf-8")
    text = [] if "--text" in args else ["--text", home.text]
    code, _, err = here("train", "--from", trained.out, *text, *args)
    assert code == 2 and sentence in err and not home.runs.exists()
    code, _, err = here("train", "--from", "nowhere/at/all", "--text", home.text)
    assert code == 2 and err.startswith("There is no nowhere/at/all")


def test_training_on_from_a_folder_of_transformers(trained, here, home):
    """What `convert` wrote for transformers is a beginning too, with the vocabulary in it."""
    home.text.write_text(TEXT * 3, encoding="utf-8")
    start = ["train", "--text", home.text, "--tokenizer", "bpe", "--vocab-size", 280, *TINY, "--max-steps", 1]
    assert here(*start, "--out", home.out)[0] == 0
    assert here("convert", home.out, "elsewhere")[0] == 0
    few = ["--text", home.text, "--eval-windows", 2, "--sample-tokens", 0, "--batch-size", 2, "--max-steps", 1]
    code, _, err = here("train", "--from", "elsewhere", *few)
    assert code == 0, err
    child = list_runs(home.runs)[0]
    assert child.parent.name == "elsewhere" and child.model_config.vocab_size == 280
    text = home.text.read_text(encoding="utf-8")
    assert child.tokenizer.encode(text) == load_checkpoint(home.out).tokenizer.encode(text)


def test_a_prompt_from_a_file_and_several_samples(trained, here, home):
    """A file's prompt is that of --prompt; each sample is what its own seed gives; a prompt may begin with a dash."""
    (home.folder / "prompt.txt").write_text("The cat\n", encoding="utf-8")
    options = ["--checkpoint", trained.out, "--max-new-tokens", 8]
    singles = [here("generate", *options, "--prompt", "The cat", "--seed", seed)[1] for seed in (7, 8)]
    code, out, _ = here("generate", *options, "--prompt-file", "prompt.txt", "--seed", 7, "--samples", 2)
    assert code == 0 and out == f"--- 1 of 2, seed 7\n{singles[0]}--- 2 of 2, seed 8\n{singles[1]}"
    code, out, err = here("generate", *options, "--prompt=-x")
    assert code == 2 and "has no '-', 'x'" in err  # read as a prompt, and this alphabet lacks it
    assert here("generate", *options, "--samples", 0)[0] == 2
    assert "not allowed with" in here("generate", *options, "--prompt", "a", "--prompt-file", "prompt.txt")[2]
