"""How fast text is written, one text at a time, and how near that is to what memory allows.

All sides write greedily from the same random weights: `generate`, `transformers.generate`, nanoGPT's way (the
whole text anew for each token) and the engines of llm/bench/peers.py that are installed. A token needs every
weight once, so the floor is the time that reading them takes, measured between the turns.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F

from llm.bench.peers import peers
from llm.bench.timing import MIDDLE, taking_turns, twin_of
from llm.checkpoint import load_checkpoint
from llm.config import GPT2_SIZES, ModelConfig, SamplingConfig
from llm.corpora import load_corpus
from llm.data import encode_corpus, eval_windows, split
from llm.decoder import Decoder
from llm.gpt2 import state_to_gpt2
from llm.int8_decoder import Int8Decoder, Int8Weights, why_not
from llm.model import GPT
from llm.sampler import generate

PROMPT = list(range(16))
SHIPPED = Path(__file__).resolve().parents[2] / "checkpoints"
POSITIONS = 10_000


def run(rounds: int) -> None:
    """Print milliseconds a token at two sizes, then what 8-bit weights cost."""
    _decode("6 x 384", MIDDLE, 128, rounds)
    _decode("GPT-2 small", GPT2_SIZES["gpt2"], 32, rounds)
    for name, corpus in (("tales", "tales"), ("shakespeare", "tinyshakespeare")):
        _cost(name, corpus)


def _decode(title: str, config: ModelConfig, new_tokens: int, rounds: int) -> None:
    model = GPT(config).eval()
    weights = torch.randn(config.n_params)
    sides = writers(model, new_tokens)
    sides["read"] = lambda: [torch.dot(weights, weights) for _ in range(8)]
    if reason := why_not(model):
        print(f"  {reason}")
    else:
        decoder = Int8Decoder(Int8Weights(model))
        sides["ours, int8"] = lambda: list(generate(model, PROMPT, _greedy(new_tokens), decoder=decoder))
    with tempfile.TemporaryDirectory() as folder, peers(model, PROMPT, new_tokens, Path(folder)) as others:
        times = taking_turns(sides | others, rounds)
    read = times.pop("read").median / 8
    theirs = times["transformers"].median
    print(f"  {title}: {config.n_params:,} parameters, {new_tokens} tokens after {len(PROMPT)}; ", end="")
    print(f"reads {config.n_params * 4 / read / 1e9:.1f} GB/s, so all weights in {read * 1e3:.2f} ms as float32")
    for name, total in times.items():
        print(
            f"    {name:20}{new_tokens / total.median:7.0f} tokens/s ({new_tokens / total.high:.0f} to "
            f"{new_tokens / total.low:.0f}), {theirs / total.median:.2f} times transformers"
        )


def writers(model: GPT, new_tokens: int) -> dict[str, Callable[[], object]]:
    """What writes greedily with the model, on whatever device it is, and with transformers' of the same weights."""
    config, greedy, prompt = model.config, _greedy(new_tokens), torch.tensor([PROMPT], device=model.device)
    twin = twin_of(config).eval()
    state = {name: weight.float().cpu() for name, weight in model.state_dict().items()}
    twin.transformer.load_state_dict(state_to_gpt2(state), strict=False)  # type: ignore[union-attr]
    twin.to(model.device, model.wte.weight.dtype)
    decoder = Decoder(model)

    @torch.no_grad()
    def without_cache() -> None:
        ids = prompt
        for _ in range(new_tokens):
            ids = torch.cat([ids, model(ids[:, -config.n_ctx :], last_only=True).argmax(-1)], dim=1)

    return {
        "transformers": lambda: twin.generate(  # type: ignore[operator]
            prompt,
            attention_mask=torch.ones_like(prompt),
            do_sample=False,
            min_new_tokens=new_tokens,
            max_new_tokens=new_tokens,
            pad_token_id=0,
        ),
        "no cache (nanoGPT)": without_cache,
        "ours": lambda: list(generate(model, PROMPT, greedy, decoder=decoder)),
    }


def _greedy(new_tokens: int) -> SamplingConfig:
    return SamplingConfig(temperature=0.0, max_new_tokens=new_tokens)


def _cost(name: str, corpus: str) -> None:
    """What 8-bit weights change on a shipped model: perplexity, and how often the same token is the likeliest."""
    checkpoint = load_checkpoint(SHIPPED / name)
    model = checkpoint.model.eval()
    if why_not(model):
        return
    tokens = split(encode_corpus(checkpoint.tokenizer, load_corpus(corpus).text)).validation
    x_NT, y_NT = eval_windows(tokens, model.config.n_ctx, POSITIONS // model.config.n_ctx + 1)
    decoder = Int8Decoder(Int8Weights(model))
    exact = rounded = agreeing = 0.0
    for x_T, y_T in zip(x_NT, y_NT, strict=True):
        decoder.rows[0].truncate(0)
        with torch.no_grad():
            exact_TV = model(x_T[None])[0]
        rounded_TV = torch.stack([decoder.step([id])[0].clone() for id in x_T.tolist()])
        exact += F.cross_entropy(exact_TV, y_T).item() / len(x_NT)
        rounded += F.cross_entropy(rounded_TV, y_T).item() / len(x_NT)
        agreeing += (exact_TV.argmax(-1) == rounded_TV.argmax(-1)).float().mean().item() / len(x_NT)
    print(
        f"  8-bit weights of {name}, {x_NT.numel():,} positions: perplexity {math.exp(exact):.4f} to "
        f"{math.exp(rounded):.4f}, {100 * (math.exp(rounded - exact) - 1):+.3f} %; "
        f"the same likeliest token at {100 * agreeing:.1f} %"
    )
