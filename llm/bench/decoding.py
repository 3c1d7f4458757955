"""How fast text is written, one text at a time, and how near that is to what memory allows.

`generate` and `transformers.generate` write greedily from the same kind of weights. A token needs
every weight once, so the floor is the time that reading them takes, measured between the turns.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F

from llm.bench.timing import MIDDLE, taking_turns, twin_of
from llm.checkpoint import load_checkpoint
from llm.config import GPT2_SIZES, ModelConfig, SamplingConfig
from llm.corpora import load_corpus
from llm.data import encode_corpus, eval_windows, split
from llm.decoder import Decoder
from llm.model import GPT
from llm.sampler import generate

PROMPT = list(range(16))
SHIPPED = Path(__file__).resolve().parents[2] / "checkpoints" / "shakespeare"


def run(rounds: int) -> None:
    """Print milliseconds a token at two sizes, then what bf16 weights cost in perplexity."""
    _decode("6 x 384", MIDDLE, 128, rounds)
    _decode("GPT-2 small", GPT2_SIZES["gpt2"], 32, rounds)
    _perplexity()


def _decode(title: str, config: ModelConfig, new_tokens: int, rounds: int) -> None:
    model, twin = GPT(config).eval(), twin_of(config).eval()
    greedy = SamplingConfig(temperature=0.0, max_new_tokens=new_tokens)
    prompt = torch.tensor([PROMPT])
    weights = torch.randn(config.n_params)

    def ours(decoder: Decoder) -> Callable[[], object]:
        return lambda: list(generate(model, PROMPT, greedy, decoder=decoder))

    decoders = {
        "float32": Decoder(model),
        "float32 copy": Decoder(model, dtype=torch.float32),
        "bf16 copy": Decoder(model, dtype=torch.bfloat16),
    }
    times = taking_turns(
        {
            "transformers": lambda: twin.generate(  # type: ignore[operator]
                prompt,
                attention_mask=torch.ones_like(prompt),
                do_sample=False,
                min_new_tokens=new_tokens,
                max_new_tokens=new_tokens,
                pad_token_id=0,
            ),
            "read": lambda: [torch.dot(weights, weights) for _ in range(8)],
            **{name: ours(decoder) for name, decoder in decoders.items()},
        },
        rounds,
    )
    read = times.pop("read") / 8
    theirs = times["transformers"] / new_tokens
    print(f"  {title}: {config.n_params:,} parameters, {new_tokens} tokens after {len(PROMPT)}; ", end="")
    print(f"reads {config.n_params * 4 / read / 1e9:.1f} GB/s, so all weights in {read * 1e3:.2f} ms as float32")
    for name, total in times.items():
        each = total / new_tokens
        limit = read / 2 if name == "bf16 copy" else read
        print(
            f"    {name:14}{each * 1e3:8.2f} ms a token, {theirs / each:.2f} times as fast as transformers, "
            f"{100 * limit / each:.0f} % of what reading the weights allows"
        )


def _perplexity() -> None:
    """The shipped model's, on windows of its validation text, token by token."""
    checkpoint = load_checkpoint(SHIPPED)
    model = checkpoint.model.eval()
    tokens = split(encode_corpus(checkpoint.tokenizer, load_corpus("tinyshakespeare").text)).validation
    x_NT, y_NT = eval_windows(tokens, model.config.n_ctx, 16)

    def of(decoder: Decoder) -> float:
        loss = 0.0
        for x_T, y_T in zip(x_NT.tolist(), y_NT, strict=True):
            decoder.rows[0].truncate(0)
            logits_TV = torch.stack([decoder.step([id])[0].clone() for id in x_T])
            loss += F.cross_entropy(logits_TV, y_T).item() / len(x_NT)
        return math.exp(loss)

    exact, rounded = of(Decoder(model)), of(Decoder(model, dtype=torch.bfloat16))
    print(
        f"  perplexity of the shipped model on {x_NT.numel():,} tokens: {exact:.4f} in float32, {rounded:.4f} with "
        f"bf16 weights, {100 * (rounded / exact - 1):+.3f} %"
    )
