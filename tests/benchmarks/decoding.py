"""How fast text is written, one text at a time: `python tests/benchmarks/decoding.py`.

Times this project's `generate` and `transformers.generate` on the same random weights, greedily,
taking turns in one run, and prints medians, ratios, and the share of the time that reading every
weight once would take at the read bandwidth measured between the turns. Then what rounding the
weights to bfloat16 costs in perplexity, and what looking inside costs a forward pass.

The number of threads is that of OMP_NUM_THREADS. Other work on the machine disturbs the figures,
with several threads out of all proportion, so the load is printed with them.
"""

import argparse
import math
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from transformers import GPT2Config, GPT2LMHeadModel

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from llm.checkpoint import load_checkpoint
from llm.config import GPT2_SIZES, ModelConfig, SamplingConfig
from llm.corpora import load_corpus
from llm.data import encode_corpus, eval_windows, split
from llm.decoder import Decoder
from llm.model import GPT
from llm.sampler import generate
from llm.trace import trace

PROMPT = list(range(16))
SMALL = ModelConfig(4_096, n_ctx=256, n_embd=384, n_head=6, n_layer=6)


def seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def taking_turns(actions: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each action; every round runs all of them once, after one that isn't counted."""
    times = [{name: seconds(action) for name, action in actions.items()} for _ in range(rounds + 1)][1:]
    return {name: statistics.median(one[name] for one in times) for name in actions}


def twin_of(config: ModelConfig) -> GPT2LMHeadModel:
    """transformers' GPT-2 of this shape; its speed doesn't depend on its weights."""
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=config.vocab_size,
            n_positions=config.n_ctx,
            n_embd=config.n_embd,
            n_head=config.n_head,
            n_layer=config.n_layer,
            bos_token_id=0,
            eos_token_id=0,
        )
    ).eval()


def decoding(title: str, config: ModelConfig, new_tokens: int, rounds: int) -> None:
    """Milliseconds a token: ours in each of its ways, and theirs."""
    model, twin = GPT(config).eval(), twin_of(config)
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
            "transformers": lambda: twin.generate(  # type: ignore[misc]
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
    print(f"\n{title}: {config.n_params:,} parameters, {new_tokens} tokens after {len(PROMPT)}")
    print(f"  reads {config.n_params * 4 / read / 1e9:.1f} GB/s, so all weights in {read * 1e3:.2f} ms as float32")
    for name, total in times.items():
        each = total / new_tokens
        limit = read / 2 if name == "bf16 copy" else read
        print(
            f"  {name:14}{each * 1e3:8.2f} ms a token{1 / each:8.1f} tokens/s"
            f"{theirs / each:7.2f}x transformers{100 * limit / each:6.0f} % of the bandwidth"
        )


def perplexity() -> None:
    """The shipped model's, on windows of its validation text, token by token."""
    checkpoint = load_checkpoint(Path(__file__).resolve().parents[2] / "checkpoints" / "shakespeare")
    model = checkpoint.model.eval()
    tokens = split(encode_corpus(checkpoint.tokenizer, load_corpus("tinyshakespeare").text)).validation
    x_NT, y_NT = eval_windows(tokens, model.config.n_ctx, 24)

    def of(decoder: Decoder) -> float:
        loss = 0.0
        for x_T, y_T in zip(x_NT.tolist(), y_NT, strict=True):
            decoder.rows[0].truncate(0)
            logits_TV = torch.stack([decoder.step([id])[0].clone() for id in x_T])
            loss += F.cross_entropy(logits_TV, y_T).item() / len(x_NT)
        return math.exp(loss)

    exact, rounded = of(Decoder(model)), of(Decoder(model, dtype=torch.bfloat16))
    print(f"\nperplexity of the shipped model, {x_NT.numel():,} tokens: {exact:.4f} in float32, ", end="")
    print(f"{rounded:.4f} with bf16 weights, {100 * (rounded / exact - 1):+.3f} %")


def cost_of_looking(rounds: int) -> None:
    """A forward pass over 256 tokens: plain, through `trace` with nothing asked for, and with all patterns."""
    model, ids = GPT(SMALL).eval(), torch.arange(256)[None]

    def plain() -> None:
        with torch.no_grad():
            model(ids)

    times = taking_turns(
        {
            "plain": plain,
            "tracing nothing": lambda: trace(model, ids, []),
            "all patterns": lambda: trace(model, ids, ["*.hook_pattern"]),
            "everything": lambda: trace(model, ids),
        },
        rounds,
    )
    print("\nlooking inside, 6 x 384, 256 tokens")
    for name, each in times.items():
        print(f"  {name:16}{each * 1e3:8.2f} ms{each / times['plain']:7.2f}x")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="turns of each side (default 7)")
    rounds = parser.parse_args().rounds
    print(f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    decoding("6 layers x 384", SMALL, 128, rounds)
    decoding("GPT-2 small", GPT2_SIZES["gpt2"], 32, rounds)
    perplexity()
    cost_of_looking(3 * rounds)
    print(f"load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
