"""The page's arithmetic, tested by Node's own runner: *.test.mjs beside this file."""

from pathlib import Path


def test_the_pages_arithmetic(node):
    """Every test of Node's runner passes; what fails is printed as Node says it."""
    files = sorted(path.name for path in Path(__file__).parent.glob("*.test.mjs"))
    done = node("--test", "--test-reporter=spec", *files)
    assert files and done.returncode == 0, done.stdout + done.stderr
