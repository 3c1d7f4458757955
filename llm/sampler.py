"""From logits to the next token: filter them, draw one, read it, again.

`filter_logits` is a pure function that applies the filters in Hugging Face's order (repetition
penalty, temperature, top-k, top-p, min-p); order matters, because temperature changes which tokens
top-p and min-p keep. `generate` streams one `Choice` a token, `generate_batch` writes several texts
at once. All know ids, never text.

Shapes: B batch, T time, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from llm.config import SamplingConfig
from llm.decoder import Decoder
from llm.model import GPT, KVCache


@dataclass(frozen=True)
class Choice:
    """One token that was drawn."""

    id: int
    probability: float
    """How likely the draw was, after filtering."""
    raw_probability: float
    """How likely the model itself held the token, at temperature 1 and before any filter."""
    logits_V: Tensor = field(compare=False, repr=False)
    """What the model said of every token, before any filter."""
    reads: int
    """How many tokens the model looked at: all that were in its cache."""


def filter_logits(logits_BV: Tensor, config: SamplingConfig, previous_BT: Tensor | None = None) -> Tensor:
    """The logits to draw from, in float32: -inf for every token ruled out, so their softmax is the odds.

    `previous_BT` holds the ids read so far, prompt included; the repetition penalty looks at them.
    Raises ValueError when a logit is NaN or +inf, or when a row has nothing left to choose.
    """
    logits_BV = logits_BV.float()
    if config.repetition_penalty != 1.0 and previous_BT is not None:
        logits_BV = penalise_repetition(logits_BV, previous_BT, config.repetition_penalty)
    if not logits_BV.amax(dim=-1).isfinite().all():  # amax passes NaN on
        raise ValueError("The logits hold NaN or infinity, so no token can be chosen; go back to an earlier snapshot.")
    logits_BV = apply_temperature(logits_BV, config.temperature)
    if config.top_k > 0:
        logits_BV = keep_top_k(logits_BV, config.top_k)
    if config.top_p < 1.0:
        logits_BV = keep_top_p(logits_BV, config.top_p)
    if config.min_p > 0.0:
        logits_BV = keep_min_p(logits_BV, config.min_p)
    return logits_BV


def penalise_repetition(logits_BV: Tensor, previous_BT: Tensor, penalty: float) -> Tensor:
    """Push down the logit of every token already read, once however often it was (Keskar et al., 2019)."""
    seen_BV = torch.zeros_like(logits_BV, dtype=torch.bool).scatter(1, previous_BT, True)
    # Dividing a negative logit would raise it, so that one is multiplied.
    penalised_BV = torch.where(logits_BV < 0, logits_BV * penalty, logits_BV / penalty)
    return torch.where(seen_BV, penalised_BV, logits_BV)


def apply_temperature(logits_BV: Tensor, temperature: float) -> Tensor:
    """Divide by the temperature: below 1 sharpens the odds, above 1 evens them out, 0 is greedy."""
    greedy_BV = keep_first_most_likely(logits_BV)
    if temperature == 0.0:
        return greedy_BV
    scaled_BV = logits_BV / temperature
    # A quotient too large for float32 means a temperature that is zero in all but name.
    return torch.where(scaled_BV.amax(dim=-1, keepdim=True).isfinite(), scaled_BV, greedy_BV)


def keep_first_most_likely(logits_BV: Tensor) -> Tensor:
    """Keep the most likely token alone; of several equal ones, that with the lowest id."""
    best_B1 = logits_BV.argmax(dim=-1, keepdim=True)
    return torch.full_like(logits_BV, -math.inf).scatter(1, best_B1, logits_BV.gather(1, best_B1))


def keep_top_k(logits_BV: Tensor, k: int) -> Tensor:
    """Keep the k most likely tokens, and every token equal to the k-th (Fan et al., 2018)."""
    kth_B1 = logits_BV.topk(min(k, logits_BV.size(-1)), dim=-1).values[:, -1:]
    return logits_BV.masked_fill(logits_BV < kth_B1, -math.inf)


def keep_top_p(logits_BV: Tensor, p: float) -> Tensor:
    """Keep the most likely tokens until they hold the share p, the crossing one too (Holtzman et al., 2020).

    Read from the other end: drop the least likely tokens while what was dropped is at most 1 - p.
    """
    # A stable sort, because torch's default breaks ties differently from one processor to the next.
    ascending_BV, ids_BV = logits_BV.sort(dim=-1, stable=True)
    drop_BV = ascending_BV.softmax(dim=-1).cumsum(dim=-1) <= 1.0 - p
    drop_BV[:, -1] = False
    return logits_BV.masked_fill(drop_BV.scatter(1, ids_BV, drop_BV), -math.inf)


def keep_min_p(logits_BV: Tensor, min_p: float) -> Tensor:
    """Drop tokens whose probability is less than `min_p` times that of the most likely (Nguyen et al., 2024)."""
    probabilities_BV = logits_BV.softmax(dim=-1)
    threshold_B1 = min_p * probabilities_BV.amax(dim=-1, keepdim=True)
    return logits_BV.masked_fill(probabilities_BV < threshold_B1, -math.inf)


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
        token, odds_V = _drawn(logits_1V, ids, config, generator)
        raw_V = logits_1V[0].float().softmax(dim=-1)
        yield Choice(token, float(odds_V[token]), float(raw_V[token]), logits_1V[0].clone(), cache.length)
        if token == eot_id:
            return
        ids.append(token)


def generate_batch(
    model: GPT, prompts: Sequence[Sequence[int]], config: SamplingConfig, *, eot_id: int | None = None
) -> list[list[int]]:
    """Continue several prompts of any lengths side by side: the new ids of each.

    Each is what `generate` draws for that prompt alone, with a generator of its own; together they
    take less time, since a step reads the weights once for all of them. Hooks on the model are not
    run. Raises ValueError as `generate` does.
    """
    texts = [checked_ids(ids, model.config.vocab_size) for ids in prompts]
    drawn: list[list[int]] = [[] for _ in texts]
    generators = [torch.Generator().manual_seed(config.seed) for _ in texts]
    decoder, going = Decoder(model, batch_size=len(texts)), set(range(len(texts)))
    for _ in range(config.max_new_tokens):
        if not going:
            break
        with reading(model):
            for row, (ids, cache) in enumerate(zip(texts, decoder.rows, strict=True)):
                decoder.prefill(_unread(ids, cache, model.config.n_ctx)[:-1], row)
            logits_BV = decoder.step([ids[-1] for ids in texts])
        for row, (ids, generator) in enumerate(zip(texts, generators, strict=True)):
            # A text that has ended reads its last token again and again, since the batch stays whole.
            if row in going:
                token, _ = _drawn(logits_BV[row : row + 1], ids, config, generator)
                drawn[row].append(token)
                ids.append(token)
                if token == eot_id:
                    going.remove(row)
    return drawn


def _unread(ids: list[int], cache: KVCache, n_ctx: int) -> list[int]:
    """What to read next: the prompt's end, then each new token, and the last half again when the cache is full."""
    if cache.length == n_ctx:
        cache.truncate(0)
        return ids[-max(1, n_ctx // 2) :]
    return ids[-n_ctx:] if cache.length == 0 else ids[-1:]


def _drawn(logits_1V: Tensor, ids: list[int], config: SamplingConfig, generator: torch.Generator) -> tuple[int, Tensor]:
    """The next token after `ids`, and the odds_V it was drawn with."""
    seen_1T = torch.tensor([ids], device=logits_1V.device) if config.repetition_penalty != 1.0 else None
    odds_V = filter_logits(logits_1V, config, seen_1T)[0].softmax(dim=-1)
    # Where a random share of the odds, laid end to end, comes to lie: torch.multinomial takes ten times as
    # long. The share is above 0 and at most the sum, so it never lies in a token whose odds are 0.
    ends_V = odds_V.cpu().double().cumsum(dim=-1)
    share = (1.0 - torch.rand(1, dtype=torch.float64, generator=generator)) * ends_V[-1]
    return int(torch.searchsorted(ends_V, share)), odds_V


def has_hooks(model: GPT) -> bool:
    """Whether something listens to the forward pass or steps into it; a sharded model's weights come by such a hook."""
    return any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


@contextmanager
def reading(model: GPT) -> Iterator[None]:
    """Evaluation mode and no gradients inside the block; a model that was training is training again after it."""
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
