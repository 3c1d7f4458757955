"""A setting is written once: what its field says reaches the checks, the command line and the page."""

import dataclasses
import math
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import pytest

from llm.cli.options import Parser, add_settings, given
from llm.cli.parser import build_parser
from llm.config import DEFAULT_ORDER, SAMPLERS, ModelConfig, SamplingConfig, TrainConfig, complete_order
from llm.filters import FUNCTIONS
from llm.settings import About, settings_of

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = [ModelConfig, TrainConfig, SamplingConfig]


@dataclass(frozen=True)
class Grown(TrainConfig):
    """A config with one more field of every kind."""

    share: Annotated[float, About("Share", 0, 1, above=True, unit="of all")] = 0.5
    """How much; 100 % is all."""
    count: int = 3
    flag: Annotated[bool, About("A flag")] = True
    """Whether."""
    way: Annotated[str, About("Way", choices=("left", "right"))] = "left"
    title: str = ""
    turns: Annotated[tuple[str, ...], About("Turns", choices=("a", "b"))] = ("a", "b")
    words: tuple[str, ...] = ()
    pair: tuple[float, float] = (0.9, 0.99)
    """Two numbers."""
    most: float | None = None
    table: dict[str, int] = field(default_factory=dict)


@pytest.mark.parametrize("config", CONFIGS)
def test_every_setting_says_what_it_is(config):
    """Each has a help that ends like a sentence, a short label, and a default that its own bounds allow."""
    for name, setting in settings_of(config).items():
        assert setting.help.endswith(".") and setting.label and len(setting.label) < 30, name
        assert setting.kind != "other", name
        if name != "vocab_size":
            assert setting.problem(setting.default) is None, name


@pytest.mark.parametrize(
    ("name", "bad", "why"),
    [
        ("share", 0.0, "share is 0.0; it must be a number above 0 and at most 1"),
        ("share", math.nan, "share is nan"),
        ("count", 1.5, "count is 1.5; it must be a whole number."),
        ("count", True, "whole number"),
        ("flag", 1, "flag is 1; it must be true or false"),
        ("way", "up", "way is 'up'; it must be left or right"),
        ("title", 3, "title is 3; it must be a text"),
        ("turns", ("a", "a"), "turns must name each of a, b once"),
        ("words", ("x", ""), "it must hold texts, none of them empty"),
    ],
)
def test_a_new_field_is_checked(name, bad, why):
    """Its type and bounds alone make the check and the sentence."""
    with pytest.raises(ValueError, match=r"^Training: ") as refusal:
        Grown(**{name: bad})
    assert why in str(refusal.value)


def test_all_that_is_wrong_is_said_at_once():
    """Problems of several settings come in one sentence; what is at odds between settings waits until each is fine."""
    with pytest.raises(ValueError, match=r"n_head is 0; .*; bias is 1; "):
        ModelConfig(256, n_embd=7, n_head=0, bias=1)  # type: ignore[arg-type]


def test_a_new_field_is_an_option():
    """Every kind can be written on the command line, one nobody foresaw as JSON."""
    new = {name: setting for name, setting in settings_of(Grown).items() if setting.owner is Grown}
    parser = Parser()
    add_settings(parser, "new", new)
    line = "--share .25 --count 4 --no-flag --way right --title x --turns b a --words u --words v --pair [0.5,0.6]"
    args = parser.parse_args([*line.split(), "--most", "2.5", "--table", '{"a": 1}'])
    expected = {
        "share": 0.25, "count": 4, "flag": False, "way": "right", "title": "x", "turns": ("b", "a"),
        "words": ("u", "v"), "pair": (0.5, 0.6), "most": 2.5, "table": {"a": 1},
    }  # fmt: skip
    assert given(args, new) == expected
    config = Grown(**expected)
    assert Grown.from_dict(config.to_dict()) == config and Grown.from_dict({}) == Grown()
    assert given(parser.parse_args([]), new) == {}
    shown = " ".join(parser.format_help().split())
    assert "How much; 100 % is all (default 0.5)" in shown and "--pair JSON Two numbers (default (0.9, 0.99))" in shown


def test_help_is_left_out_where_there_is_no_source():
    """A class that was made by exec has no file to read docstrings from; all else works."""
    made: dict[str, Any] = {"__name__": "nowhere", "TrainConfig": TrainConfig, "dataclass": dataclass}
    exec("@dataclass(frozen=True)\nclass Made(TrainConfig):\n    more: int = 1\n    '''Help.'''", made)
    setting = settings_of(made["Made"])["more"]
    assert (setting.help, setting.label, setting.kind, setting.default) == ("", "More", "whole", 1)


def test_the_command_line_takes_all_settings():
    """Each field of the configs is an option of its command; only the vocabulary's size is the tokenizer's to say."""
    commands = build_parser()._subparsers._group_actions[0].choices  # type: ignore[union-attr]
    train = {action.dest for action in commands["train"]._actions}
    assert {*settings_of(ModelConfig), *settings_of(TrainConfig)} <= train
    assert {*settings_of(SamplingConfig)} <= {action.dest for action in commands["generate"]._actions}


def test_each_sampler_has_a_function_and_is_off_by_default():
    """The fields and the functions belong together, and the default order is the fields'."""
    assert set(FUNCTIONS) == set(SAMPLERS) and tuple(SAMPLERS) == DEFAULT_ORDER == SamplingConfig().order
    names = [field.name for field in dataclasses.fields(SamplingConfig)]
    assert names[: len(DEFAULT_ORDER)] == list(DEFAULT_ORDER)


def test_an_order_of_another_version_is_completed():
    """Unknown and repeated names go, missing ones follow in their order, and a whole order stays as it is."""
    others = tuple(name for name in DEFAULT_ORDER if name not in ("top_p", "temperature"))
    assert complete_order(["top_p", "tail_free", "top_p", 3, ["top_k"], "temperature"]) == (
        *("top_p", "temperature"),
        *others,
    )
    assert complete_order([]) == DEFAULT_ORDER and complete_order(DEFAULT_ORDER[::-1]) == DEFAULT_ORDER[::-1]


ADDITIONS = {
    "llm/config.py": [
        (
            '    """How many blocks follow one another."""\n',
            '    waves: Annotated[int, About("Waves", 0, 9)] = 2\n    """How wavy."""\n',
        ),
        (
            '    """Initialisation, batches and dropout all follow from it."""\n',
            "    extras: dict[str, int] | None = None\n",
        ),
        (
            'expects, until they hold this share; 1 is off."""\n',
            '    top_a: Annotated[float, About("Top-a", 0, 1)] = 0.0\n    """Top-a; 0 is off."""\n',
        ),
    ],
    "llm/filters.py": [
        (
            "    return logits_BV.masked_fill(probabilities_BV < threshold_B1, -math.inf)\n",
            """

@sampler("top_a")
def keep_top_a(logits_BV: Tensor, a: float) -> Tensor:
    odds_BV = logits_BV.softmax(dim=-1)
    return logits_BV.masked_fill(odds_BV < a * odds_BV.amax(dim=-1, keepdim=True) ** 2, -math.inf)
""",
        )
    ],
    "llm/tokenizers/reading.py": [
        ("from llm.tokenizers.base import", "from llm.tokenizers.letters import LetterTokenizer\n"),
        ("        CharacterTokenizer,\n", "        LetterTokenizer,\n"),
    ],
}
"""New lines by file, each with the line before it (before an import, the import after it)."""
LETTERS = """
from llm.tokenizers.character import CharacterTokenizer

class LetterTokenizer(CharacterTokenizer):
    kind = "letter"
    title = "Small letters"
    loses = "Capitals."

    def encode(self, text):
        return super().encode(text.lower())
"""
SCRIPT = """
import json, sys
from llm.cli.parser import main
from llm.config import DEFAULT_ORDER, ModelConfig, SamplingConfig, TrainConfig
from llm.filters import filter_logits
from llm.paths import home
from llm.runs.run import Run, list_runs
from llm.runs.table import changed_settings
from llm.tokenizers import tokenizer_from_dict, train_tokenizer
from llm.ui.generate.drawing import sampling_config
from llm.ui.page_settings import DIALS, settings_for_page
from llm.ui.tokenizer.tokenizer_menu import AT_HAND, NAMES
from llm.ui.train.settings import form_of
from llm.ui.vocabularies import about_kind
import torch

# a sampler
logits = torch.tensor([[0.6, 0.3, 0.1]]).log()
assert DEFAULT_ORDER[-1] == "top_a"
assert filter_logits(logits, SamplingConfig(top_a=1.0)).isfinite().tolist() == [[True, False, False]]
asked = sampling_config({"top_a": 7, "order": list(DEFAULT_ORDER[-2::-1])}, 9)
assert (asked.top_a, asked.order) == (1.0, (*DEFAULT_ORDER[-2::-1], "top_a"))
assert settings_for_page(DIALS)["top_a"]["label"] == "Top-a"

# a kind of tokenizer
letters = train_tokenizer("letter", "abc", 300)
assert letters.encode("CAB") == [2, 0, 1] and tokenizer_from_dict(letters.to_dict()).kind == "letter"
assert "letter" in AT_HAND and NAMES["letter"] == about_kind(type(letters))["title"] == "Small letters"

# settings, on the command line and in runs that know nothing of them
text = sys.argv[1]
tiny = "--n-layer 1 --n-head 1 --n-embd 8 --n-ctx 8 --batch-size 2 --max-steps 1 --eval-windows 1 --sample-tokens 0"
train = ["train", "--text", text, "--tokenizer", "letter", *tiny.split()]
assert main([*train, "--waves", "3", "--extras", '{"a": 1}']) == 0 and main(train) == 0
assert main([*train, "--waves", "10"]) == 2
root = home() / "runs"
new, old = (run.path for run in list_runs(root))
values = json.loads((new / "run.json").read_text())
del values["model"]["waves"], values["train"]["extras"]
(new / "run.json").write_text(json.dumps(values))
runs = [Run.open(root, path.name) for path in (old, new)]
assert changed_settings(runs) == [{"waves": 3, "extras": {"a": 1}}, {"waves": 2, "extras": None}]
assert form_of(runs[0], runs[0].corpus_ref, "letter")["n_layer"] == 1
assert main(["train", "--text", text, "--resume", new.name, "--max-steps", "2"]) == 0
print("all well")
"""


def test_additions_are_a_few_lines(tmp_path):
    """A copy of llm with one more setting in two configs, sampler and kind of tokenizer: all of Python knows them."""
    shutil.copytree(ROOT / "llm", tmp_path / "llm", ignore=shutil.ignore_patterns("__pycache__"))
    for path, additions in ADDITIONS.items():
        text = (tmp_path / path).read_text(encoding="utf-8")
        for place, lines in additions:
            assert text.count(place) == 1, place
            text = text.replace(place, lines + place if place.startswith("from ") else place + lines)
        (tmp_path / path).write_text(text, encoding="utf-8")
    (tmp_path / "llm" / "tokenizers" / "letters.py").write_text(LETTERS, encoding="utf-8")
    (tmp_path / "text.txt").write_text("The cat sat on the mat.\n" * 20, encoding="utf-8")
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "GLASSBOX_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", SCRIPT, "text.txt"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, encoding="utf-8")
    assert done.returncode == 0 and done.stdout.endswith("all well\n"), done.stderr
