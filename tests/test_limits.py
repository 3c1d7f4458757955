"""What visitors may use: one definition, from which options, environment and both profiles derive."""

import argparse
from pathlib import Path

import pytest

from llm.cli.serve import add_flags
from llm.limits import LIMITS, PREFIX, PUBLIC, limits_of

README = Path(__file__).resolve().parents[1] / "README.md"
BY_CORES = {"trainings", "vocabulary_trainings"}
"""Limits whose values depend on the machine."""


def asked(*arguments, **environment):
    parser = argparse.ArgumentParser()
    add_flags(parser)
    return limits_of(parser.parse_args(arguments), environment)


def test_public_is_never_more_generous():
    """No limit holds less before strangers than on a laptop."""
    assert PUBLIC.keys() == LIMITS.keys()
    assert all(PUBLIC[name] <= setting.default for name, setting in LIMITS.items())


def test_a_space_is_public():
    """The profile is found from a Space's own variables, or asked for."""
    assert asked().model_uploads is True
    assert asked(SPACE_ID="someone/glassbox") == asked("--public")
    assert asked("--public").model_uploads is False


def test_an_option_weighs_more_than_the_environment():
    """Option, environment, profile: in this order."""
    assert asked(GLASSBOX_RUNS="7").runs == 7
    assert asked("--runs", "9", GLASSBOX_RUNS="7").runs == 9
    assert asked("--public", "--model-uploads").model_uploads is True


@pytest.mark.parametrize("value", ["many", "", "0", "1e400", "9" * 400])
def test_nonsense_is_refused_by_name(value):
    """A variable that can't be what it says is an error that names it."""
    with pytest.raises(ValueError, match=r"(?i)runs"):
        asked(GLASSBOX_RUNS=value)


def readme_rows():
    """The rows of the README's table, one for each limit."""

    def shown(name, value):
        if name in BY_CORES:
            return "by cores"
        if isinstance(value, bool):
            return "yes" if value else "no"
        return f"{value:,}" if isinstance(value, int) else f"{value:g}"

    for name, setting in LIMITS.items():
        values = f"{shown(name, setting.default)} | {shown(name, PUBLIC[name])}"
        option, variable = name.replace("_", "-"), PREFIX + name.upper()
        yield f"| {setting.help.rstrip('.')} | {values} | `--{option}` | `{variable}` |"


def test_readme_has_the_same_table():
    """Every limit with both its values, its option and its variable; the rows below are what belongs there."""
    table = (
        README.read_text(encoding="utf-8").split("### Limits")[1].split("|---|---|---|---|---|\n")[1].split("\n\n")[0]
    )
    assert table.splitlines() == list(readme_rows()), "\n".join(["", *readme_rows()])
