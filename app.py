"""Start the playground: `python app.py`. Then open the address it prints."""

import argparse

from llm.cli.serve import SUMMARY, add_flags, serve


def main() -> None:
    parser = argparse.ArgumentParser(description=f"Glassbox: {SUMMARY}.")
    add_flags(parser)
    serve(parser.parse_args())


if __name__ == "__main__":
    main()
