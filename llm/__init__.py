"""Glassbox's core: a GPT-2 built from scratch, with everything needed to train it and look inside.

A library for scripts, notebooks and the command line; nothing in it knows the playground in `llm.ui`,
but for the command that opens it.
"""

__version__ = "0.1.0"
