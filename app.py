"""Start the playground: `python app.py`. Then open the address it prints."""

import argparse

from llm.cli.failures import guarded
from llm.cli.serve import SUMMARY, add_flags, serve


def main() -> int:
    parser = argparse.ArgumentParser(description=f"Glassbox: {SUMMARY}.")
    add_flags(parser)
    args = parser.parse_args()
    return guarded(lambda: serve(args))


if __name__ == "__main__":
    raise SystemExit(main())
