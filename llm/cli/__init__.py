"""The command line: `python -m llm serve | train | generate | evaluate | tokenize | convert | bench`.

A file for each command holds its options and what it does: that takes the parsed options, prints its
results to standard output and everything else to standard error, and raises ValueError for a person's
mistake. Whatever needs torch is imported inside, so that `tokenize` and every `--help` answer at once.
"""
