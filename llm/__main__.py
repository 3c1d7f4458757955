"""`python -m llm`: the command line, which is llm.cli."""

from llm.cli.parser import main

if __name__ == "__main__":
    raise SystemExit(main())
