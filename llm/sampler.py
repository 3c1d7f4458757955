"""From logits to the next token: filter them (llm/filters.py), draw one, read it, again.

`generate` streams one `Choice` a token, `generate_together` writes several texts side by side. Both
know ids, never text.

Shapes: B batch, T time, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from llm.config import SamplingConfig
from llm.deadline import seconds_left
from llm.decoder import Decoder
from llm.filters import filter_logits, most_likely, needs_previous
from llm.model import GPT, KVCache


@dataclass(frozen=True)
class Choice:
    """One token that was drawn."""

    id: int
    probability: float
    """How likely the draw was, after filtering."""
    logits_V: Tensor = field(compare=False, repr=False)
    """What the model said of every token, before any filter."""
    reads: int
    """How many tokens the model looked at: all that were in its cache."""
    share: float
    """The random number that chose it: where it falls in the odds laid end to end by id, above 0 and at most 1."""

    @cached_property
    def raw_probability(self) -> float:
        """How likely the model itself held the token, at temperature 1 and before any filter."""
        return float(self.logits_V.float().softmax(dim=-1)[self.id])


def generate(
    model: GPT,
    ids: Sequence[int],
    config: SamplingConfig,
    *,
    eot_id: int | None = None,
    decoder: Decoder | None = None,
) -> Iterator[Choice]:
    """Continue `ids`, one `Choice` at a time, up to `config.max_new_tokens` or the first `eot_id`, which comes last.

    Every request draws from a generator of its own, seeded with `config.seed`: the same request
    gives the same tokens whatever else runs. GPT-2's positions are learned and absolute, so a full
    context can't slide; reading starts again with the last half of it, and at first with the last
    `n_ctx` tokens of the prompt. The repetition penalty remembers all of them. `config.stop` is
    text and therefore left to the caller.

    The model is read through a `Decoder`: the one given, whose cache is then this stream's alone, or
    one of its own that copies no weights (copies pay after hundreds of tokens, if at all). A model
    that carries hooks is read through its `forward`, so that they run.

    Raises ValueError when `ids` is empty or holds an id outside the vocabulary.
    """
    return _draw(model, checked_ids(ids, model.config.vocab_size), config, eot_id, decoder)


def _draw(
    model: GPT, ids: list[int], config: SamplingConfig, eot_id: int | None, decoder: Decoder | None
) -> Iterator[Choice]:
    generator = torch.Generator().manual_seed(config.seed)  # on the CPU: a seed means the same on every device
    if decoder is None and not has_hooks(model):
        decoder = Decoder(model)
    cache = decoder.rows[0] if decoder else KVCache(model.config, device=model.device, dtype=model.wte.weight.dtype)
    cache.truncate(0)
    for _ in range(config.max_new_tokens):
        unread = _unread(ids, cache, model.config.n_ctx)
        with reading(model):  # never around the yield: grad mode would leak into whoever runs in between
            if decoder:
                decoder.prefill(unread[:-1])
                logits_1V = decoder.step(unread[-1:])
            else:
                logits_1V = model(torch.tensor([unread], device=model.device), cache=cache, last_only=True)[:, -1]
        choice = _drawn(logits_1V, ids, config, generator, cache.length)
        yield choice
        if choice.id == eot_id:
            return
        ids.append(choice.id)


def generate_together(
    model: GPT,
    prompts: Sequence[Sequence[int]],
    config: SamplingConfig,
    *,
    seeds: Sequence[int] | None = None,
    eot_id: int | None = None,
) -> Iterator[dict[int, Choice]]:
    """Continue several prompts of any lengths side by side: each step gives the next `Choice` of every
    text that is still going, by its row.

    Each text is what `generate` draws for that prompt alone with its seed (`config.seed` for all, if
    None); together they take less time, since a step reads the weights once for all of them. Hooks
    on the model are not run. Raises ValueError as `generate` does.
    """
    texts = [checked_ids(ids, model.config.vocab_size) for ids in prompts]
    seeds = [config.seed] * len(texts) if seeds is None else seeds
    return _draw_together(model, texts, config, seeds, eot_id)


def _draw_together(
    model: GPT, texts: list[list[int]], config: SamplingConfig, seeds: Sequence[int], eot_id: int | None
) -> Iterator[dict[int, Choice]]:
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    decoder, going = Decoder(model, batch_size=len(texts)), set(range(len(texts)))
    for _ in range(config.max_new_tokens):
        if not going:
            break
        begun: dict[tuple[int, ...], int] = {}  # a beginning that several texts share is read once
        with reading(model):
            for row, (ids, cache) in enumerate(zip(texts, decoder.rows, strict=True)):
                unread = _unread(ids, cache, model.config.n_ctx)[:-1]
                if cache.length == 0 and (same := begun.setdefault(tuple(unread), row)) != row:
                    decoder.repeat(same, row)
                else:
                    decoder.prefill(unread, row)
            logits_BV = decoder.step([ids[-1] for ids in texts])
        # A text that has ended reads its last token again and again, since the batch stays whole.
        choices = {
            row: _drawn(logits_BV[row : row + 1], texts[row], config, generators[row], decoder.rows[row].length)
            for row in sorted(going)
        }
        yield choices
        for row, choice in choices.items():
            texts[row].append(choice.id)
        going -= {row for row, choice in choices.items() if choice.id == eot_id}


def _unread(ids: list[int], cache: KVCache, n_ctx: int) -> list[int]:
    """What to read next: the prompt's end, then each new token, and the last half again when the cache is full."""
    if cache.length == n_ctx:
        cache.truncate(0)
        return ids[-max(1, n_ctx // 2) :]
    return ids[-n_ctx:] if cache.length == 0 else ids[-1:]


def _drawn(logits_1V: Tensor, ids: list[int], config: SamplingConfig, generator: torch.Generator, reads: int) -> Choice:
    """The next token after `ids`."""
    seen_1T = torch.tensor([ids], device=logits_1V.device) if needs_previous(config) else None
    share = 1.0 - torch.rand(1, dtype=torch.float64, generator=generator).item()
    if config.temperature == 0.0:
        token, probability = most_likely(logits_1V, config, seen_1T), 1.0
    else:
        odds_V = filter_logits(logits_1V, config, seen_1T)[0].softmax(dim=-1)
        # Where a random share of the odds, laid end to end, comes to lie: torch.multinomial takes ten times as
        # long. The share is above 0 and at most the sum, so it never lies in a token whose odds are 0.
        ends_V = odds_V.cpu().double().cumsum(dim=-1)
        token = int(torch.searchsorted(ends_V, ends_V[-1] * share))
        probability = float(odds_V[token])
    return Choice(token, probability, logits_1V[0].clone(), reads, share)


def has_hooks(model: GPT) -> bool:
    """Whether something listens to the forward pass or steps into it; a sharded model's weights come by such a hook."""
    return any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


@contextmanager
def reading(model: GPT) -> Iterator[None]:
    """Evaluation mode and no gradients inside the block; a model that was training is training again after it.

    Raises TooLong when whoever asked has no time left: before each pass is the place to give up.
    """
    seconds_left()
    was_training = model.training
    if was_training:
        model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        if was_training:
            model.train()


def checked_ids(ids: Sequence[int], vocab_size: int) -> list[int]:
    """The ids as plain ints. Raises ValueError when there are none or one is not in the vocabulary."""
    ids = [int(i) for i in ids]
    if not ids:
        raise ValueError("There are no tokens to read; give at least one.")
    stray = next((i for i in ids if not 0 <= i < vocab_size), None)
    if stray is not None:
        raise ValueError(f"Id {stray} is not one of the model's {vocab_size:,} tokens; use the model's own tokenizer.")
    return ids
