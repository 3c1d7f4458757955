"""The three configurations: what a model is, how it is trained, how it is sampled.

All are frozen, validated when made, and go to JSON and back. A wrong value raises one
`ValueError` that lists every problem together with its remedy, so nobody has to fix a form
one message at a time. Names are GPT-2's own (`n_ctx`, `n_embd`, `n_head`, `n_layer`) and those
of Hugging Face's generation settings (`temperature`, `top_k`, `top_p`, `min_p`).
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Self


class _Config:
    """To and from a plain dictionary, with unknown keys refused."""

    def to_dict(self) -> dict[str, Any]:
        values = dataclasses.asdict(self)  # type: ignore[call-overload]
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Build from a dictionary as JSON gives it. Raises ValueError on unknown or missing keys."""
        fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
        problems = [f"{k!r} is not a setting of {cls.__name__}; remove it" for k in values if k not in fields]
        problems += [
            f"{name!r} is missing; add it"
            for name, f in fields.items()
            if name not in values and f.default is dataclasses.MISSING
        ]
        _refuse(cls.__name__, problems)
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})

    def replace(self, **changes: Any) -> Self:
        """A copy with some values changed, validated again."""
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]


class _Problems(list[str]):
    """Collects what is wrong with the values, so that all of it can be said at once."""

    def whole(self, name: str, value: Any, low: int, high: int | None = None) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or value < low or (high is not None and value > high):
            span = f"from {low:,} to {high:,}" if high is not None else f"of {low:,} or more"
            self.append(f"{name} is {value!r}; it must be a whole number {span}")

    def switch(self, name: str, value: Any) -> None:
        if not isinstance(value, bool):
            self.append(f"{name} is {value!r:.40}; it must be true or false")

    def choice(self, name: str, value: Any, known: tuple[str, ...]) -> None:
        if value not in known:
            self.append(f"{name} is {value!r:.40}; it must be {' or '.join(known)}")

    def number(self, name: str, value: Any, low: float, high: float = math.inf, *, open_low: bool = False) -> None:
        good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not good or value < low or value > high or (open_low and value == low):
            span = f"above {low:g}" if open_low else f"at least {low:g}"
            span += f" and at most {high:g}" if high < math.inf else ""
            self.append(f"{name} is {value!r}; it must be a number {span}")


def _refuse(what: str, problems: list[str]) -> None:
    if problems:
        raise ValueError(f"{what}: " + "; ".join(problems) + ".")


ACTIVATIONS = ("gelu_new", "gelu")
OPTIMIZERS = ("adamw", "muon")
SCHEDULES = ("cosine", "linear")


@dataclass(frozen=True)
class ModelConfig(_Config):
    """The shape of a GPT-2."""

    vocab_size: int
    """How many different tokens there are. GPT-2: 50,257."""
    n_ctx: int = 1024
    """Context: the most tokens the model can look at. It has one learned vector for each position."""
    n_embd: int = 768
    """Width: the length of the vector that stands for each token, all the way through."""
    n_head: int = 12
    """Attention heads a layer; they share the width evenly."""
    n_layer: int = 12
    """How many blocks follow one another."""
    dropout: float = 0.0
    """Share of values zeroed while training (embeddings, attention weights, both residual writes)."""
    layer_norm_epsilon: float = 1e-5
    """Added to the variance inside LayerNorm."""
    bias: bool = True
    """Whether linear layers and LayerNorms add a bias. GPT-2's do; nanoGPT's own models can leave them all out."""
    activation_function: str = "gelu_new"
    """The MLP's GELU, by its name in Hugging Face's config: GPT-2's tanh form "gelu_new", or "gelu", the
    exact one with erf, which nanoGPT has used since 2023."""
    tie_word_embeddings: bool = True
    """Whether the output head is the token embedding's matrix, as in GPT-2; minGPT learns a second one, `lm_head`."""

    def __post_init__(self) -> None:
        problems = _Problems()
        problems.whole("vocab_size", self.vocab_size, 2, 1_000_000)
        problems.whole("n_ctx", self.n_ctx, 1, 65_536)
        problems.whole("n_embd", self.n_embd, 1, 16_384)
        problems.whole("n_head", self.n_head, 1, 256)
        problems.whole("n_layer", self.n_layer, 1, 256)
        problems.number("dropout", self.dropout, 0.0, 0.9)
        problems.number("layer_norm_epsilon", self.layer_norm_epsilon, 0.0, 0.1, open_low=True)
        problems.switch("bias", self.bias)
        problems.switch("tie_word_embeddings", self.tie_word_embeddings)
        problems.choice("activation_function", self.activation_function, ACTIVATIONS)
        if not problems and self.n_embd % self.n_head:
            lower = self.n_embd - self.n_embd % self.n_head
            widths = " or ".join(str(w) for w in (lower, lower + self.n_head) if w)
            problems.append(
                f"the {self.n_head} heads can't share a width of {self.n_embd} evenly; use a width of {widths}"
            )
        _refuse("Model", problems)

    @property
    def head_size(self) -> int:
        """D: the length of one head's query, key and value vectors."""
        return self.n_embd // self.n_head

    @property
    def n_params(self) -> int:
        """Exact number of parameters, a tied head counted once. GPT-2 small: 124,439,808."""
        c = self.n_embd
        norm = 2 * c if self.bias else c
        block = 12 * c * c + (9 * c if self.bias else 0) + 2 * norm  # qkv, projection, two MLP matrices; LayerNorms
        tables = self.vocab_size if self.tie_word_embeddings else 2 * self.vocab_size
        return tables * c + self.n_ctx * c + self.n_layer * block + norm


@dataclass(frozen=True)
class TrainConfig(_Config):
    """How a model is trained. The defaults suit a small model on a laptop's CPU."""

    max_steps: int = 1_000
    """Optimiser steps in all; the learning-rate schedule ends here."""
    batch_size: int = 16
    """Sequences a step, over all processes, before accumulation multiplies them."""
    grad_accum_steps: int = 1
    """Batches whose gradients are averaged into one step."""
    optimizer: str = "adamw"
    """"adamw", as GPT-2 was trained; or "muon" for the matrices of the blocks and AdamW for the rest, which learns
    faster."""
    learning_rate: float = 1e-3
    """Peak learning rate of AdamW."""
    matrix_learning_rate: float = 0.03
    """Peak learning rate of Muon."""
    schedule: str = "cosine"
    """How the learning rate falls after the warm-up: along half a "cosine", or "linear"."""
    min_lr_ratio: float = 0.1
    """Where it ends, as a share of the peak."""
    warmup_steps: int = 50
    """Steps over which the learning rate rises linearly from near zero."""
    weight_decay: float = 0.1
    """Decay of the matrices; vectors (biases, LayerNorms) never decay."""
    beta1: float = 0.9
    beta2: float = 0.99
    grad_clip: float = 1.0
    """Largest norm of the whole gradient; 0 switches clipping off."""
    eval_interval: int = 50
    """Steps between evaluations, which also take the samples."""
    eval_windows: int = 64
    """Fixed windows of each split that an evaluation reads; the same ones every time."""
    sample_tokens: int = 64
    """Tokens in each sample written at an evaluation."""
    layer_stats: bool = False
    """Whether evaluations also measure each layer: its weights, gradient and update, and its heads' attention."""
    max_seconds: float = 0.0
    """Stop after so many seconds of steps; pauses and evaluations don't count. 0 is off."""
    target_loss: float = 0.0
    """Stop once the validation loss is at most this, in nats. 0 is off."""
    patience: int = 0
    """Stop after so many evaluations in a row without a new lowest validation loss. 0 is off."""
    seed: int = 1337
    """Initialisation, batches and dropout all follow from it."""

    def __post_init__(self) -> None:
        problems = _Problems()
        problems.whole("max_steps", self.max_steps, 1, 10_000_000)
        problems.whole("batch_size", self.batch_size, 1, 65_536)
        problems.whole("grad_accum_steps", self.grad_accum_steps, 1, 4_096)
        problems.choice("optimizer", self.optimizer, OPTIMIZERS)
        problems.number("learning_rate", self.learning_rate, 0.0, 10.0, open_low=True)
        problems.number("matrix_learning_rate", self.matrix_learning_rate, 0.0, 10.0, open_low=True)
        problems.choice("schedule", self.schedule, SCHEDULES)
        problems.number("min_lr_ratio", self.min_lr_ratio, 0.0, 1.0)
        problems.whole("warmup_steps", self.warmup_steps, 0)
        problems.number("weight_decay", self.weight_decay, 0.0, 10.0)
        problems.number("beta1", self.beta1, 0.0, 0.9999)
        problems.number("beta2", self.beta2, 0.0, 0.9999999)
        problems.number("grad_clip", self.grad_clip, 0.0)
        problems.whole("eval_interval", self.eval_interval, 1)
        problems.whole("eval_windows", self.eval_windows, 1, 1_000_000)
        problems.whole("sample_tokens", self.sample_tokens, 0, 65_536)
        problems.switch("layer_stats", self.layer_stats)
        problems.number("max_seconds", self.max_seconds, 0.0)
        problems.number("target_loss", self.target_loss, 0.0)
        problems.whole("patience", self.patience, 0)
        problems.whole("seed", self.seed, 0, 2**63 - 1)
        _refuse("Training", problems)


HUGGING_FACE_ORDER = ("repetition_penalty", "temperature", "top_k", "top_p", "min_p", "typical_p")
"""What transformers does to the logits, in its order."""


@dataclass(frozen=True)
class SamplingConfig(_Config):
    """How the next token is drawn: what is done to the logits, and when to end."""

    repetition_penalty: float = 1.0
    """Above 1 makes tokens that already occur less likely; 1 is off."""
    temperature: float = 1.0
    """Divides the logits; 0 is greedy: always the most likely token."""
    top_k: int = 0
    """Keep only the k most likely tokens, ties with the last one included; 0 is off."""
    top_p: float = 1.0
    """Keep the fewest tokens that hold this share of the probability, the crossing one included; 1 is off."""
    min_p: float = 0.0
    """Drop tokens less likely than this share of the most likely one; 0 is off."""
    typical_p: float = 1.0
    """Keep the tokens about as surprising as the model expects, until they hold this share; 1 is off."""
    order: tuple[str, ...] = HUGGING_FACE_ORDER
    """Which of the settings above acts first, second, ...: each of their names, once."""
    max_new_tokens: int = 100
    stop: tuple[str, ...] = ()
    """Texts that end the generation; they are not part of the result."""
    seed: int = 1337

    def __post_init__(self) -> None:
        problems = _Problems()
        problems.number("repetition_penalty", self.repetition_penalty, 0.0, 100.0, open_low=True)
        problems.number("temperature", self.temperature, 0.0, 100.0)
        problems.whole("top_k", self.top_k, 0)
        problems.number("top_p", self.top_p, 0.0, 1.0)
        problems.number("min_p", self.min_p, 0.0, 1.0)
        problems.number("typical_p", self.typical_p, 0.0, 1.0)
        named = isinstance(self.order, tuple) and all(isinstance(name, str) for name in self.order)
        if not named or sorted(self.order) != sorted(HUGGING_FACE_ORDER):
            problems.append(f"order must name each of {', '.join(HUGGING_FACE_ORDER)} once")
        problems.whole("max_new_tokens", self.max_new_tokens, 0, 1_000_000)
        if not all(isinstance(s, str) and s for s in self.stop):
            problems.append("stop holds an empty text; remove it")
        problems.whole("seed", self.seed, 0, 2**63 - 1)
        _refuse("Sampling", problems)


GPT2_SIZES: dict[str, ModelConfig] = {
    "gpt2": ModelConfig(50_257, n_embd=768, n_head=12, n_layer=12),
    "gpt2-medium": ModelConfig(50_257, n_embd=1024, n_head=16, n_layer=24),
    "gpt2-large": ModelConfig(50_257, n_embd=1280, n_head=20, n_layer=36),
    "gpt2-xl": ModelConfig(50_257, n_embd=1600, n_head=25, n_layer=48),
}
"""The four sizes OpenAI released (the paper prints smaller parameter counts, a known mistake)."""
