"""What visitors may use: one definition, from which options, environment and both profiles derive."""

import argparse

import pytest

from llm.cli.serve import add_flags
from llm.limits import LIMITS, PUBLIC, limits_of


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
