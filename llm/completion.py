"""Text in, text out: what the playground's Generate tab and the command line both write.

Joins tokenizer, sampler and text stream. The sampler knows ids; here they become text, a piece for
each token, held back where it could still be half a character or the start of a stop text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from llm.config import SamplingConfig
from llm.decoder import Decoder
from llm.model import GPT
from llm.sampler import Choice, generate
from llm.tokenizers import TextStream, Tokenizer


@dataclass(frozen=True)
class Piece:
    """One token and the text that became readable with it."""

    choice: Choice | None
    """None in a last piece that only hands out what was still held back."""
    text: str
    """Empty while a character is unfinished or a stop text may be beginning."""


def complete(
    model: GPT, tokenizer: Tokenizer, prompt: str, config: SamplingConfig, *, decoder: Decoder | None = None
) -> Iterator[Piece]:
    """Continue `prompt`, one `Piece` a token; their texts joined are the continuation, without the prompt.

    Ends after `config.max_new_tokens`, at <|endoftext|> (its piece has no text) or at a text of
    `config.stop`, which is left out. `decoder` is as `generate` takes it. Raises ValueError, before
    the first piece is asked for, when the prompt is empty and nothing can stand for it, or the
    tokenizer is not the model's.
    """
    if tokenizer.vocab_size != model.config.vocab_size:
        raise ValueError(
            f"The tokenizer has {tokenizer.vocab_size:,} tokens and the model {model.config.vocab_size:,}; "
            "use the tokenizer that the model was trained with."
        )
    stream = TextStream(tokenizer, config.stop)
    choices = generate(model, prompt_ids(tokenizer, prompt), config, eot_id=tokenizer.eot_id, decoder=decoder)
    return _pieces(choices, stream, tokenizer.eot_id)


def prompt_ids(tokenizer: Tokenizer, prompt: str) -> list[int]:
    """The ids that a completion starts from.

    A model can't read nothing. For an empty prompt it reads <|endoftext|>, as at the start of a
    document. Raises ValueError when the vocabulary has no such token.
    """
    ids = tokenizer.encode(prompt)
    if ids:
        return ids
    if tokenizer.eot_id is None:
        raise ValueError("The prompt is empty, and this model knows no token to start from; write at least one letter.")
    return [tokenizer.eot_id]


def _pieces(choices: Iterator[Choice], stream: TextStream, eot_id: int | None) -> Iterator[Piece]:
    for choice in choices:
        yield Piece(choice, "" if choice.id == eot_id else stream.push(choice.id))
        if stream.stopped:
            return
    rest = stream.flush()
    if rest:
        yield Piece(None, rest)
