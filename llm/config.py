"""The three configurations: what a model is, how it is trained, how it is sampled.

All are frozen, validated when made, and go to JSON and back. A wrong value raises one
`ValueError` that lists every problem together with its remedy, so nobody has to fix a form
one message at a time. Bounds, label and help of a setting stand beside it and nowhere else:
llm/settings.py reads them for every check, the command line and the page. Names are GPT-2's own
(`n_ctx`, `n_embd`, `n_head`, `n_layer`) and those of Hugging Face's generation settings
(`temperature`, `top_k`, `top_p`, `min_p`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Self

from llm.settings import About, Checked, refuse, settings_of


class Config(Checked):
    """To and from a plain dictionary, with unknown keys refused."""

    def to_dict(self) -> dict[str, Any]:
        values = dataclasses.asdict(self)  # type: ignore[call-overload]
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Build from a dictionary as JSON gives it. Raises ValueError on unknown or missing keys."""
        known = settings_of(cls)  # type: ignore[arg-type]
        problems = [f"{name!r} is not a setting of {cls.__name__}; remove it" for name in values if name not in known]
        needed = (name for name, setting in known.items() if setting.default is dataclasses.MISSING)
        problems += [f"{name!r} is missing; add it" for name in needed if name not in values]
        refuse(cls.__name__, problems)
        return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})

    def replace(self, **changes: Any) -> Self:
        """A copy with some values changed, validated again."""
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]


ACTIVATIONS = ("gelu_new", "gelu", "relu", "silu", "quick_gelu")
OPTIMIZERS = ("adamw", "muon")
SCHEDULES = ("cosine", "linear")
LEARNT = ("text", "answers")
PARTS = {"positions": "positions", "norms": "LayerNorms", "residual": "residual connections", "mlp": "MLPs"}
"""What a model can do without, and how people call it."""


@dataclass(frozen=True)
class ModelConfig(Config):
    """The shape of a GPT-2."""

    _what = "Model"

    vocab_size: Annotated[int, About("Vocabulary", 2, 1_000_000, unit="tokens")]
    """How many different tokens there are. GPT-2: 50,257."""
    n_ctx: Annotated[int, About("Context", 1, 65_536, unit="tokens")] = 1024
    """Context: the most tokens the model can look at. It has one learned vector for each position."""
    n_embd: Annotated[int, About("Width", 1, 16_384)] = 768
    """Width: the length of the vector that stands for each token, all the way through."""
    n_head: Annotated[int, About("Heads", 1, 256, unit="heads a layer")] = 12
    """Attention heads a layer; they share the width evenly."""
    n_layer: Annotated[int, About("Layers", 1, 256, unit="blocks")] = 12
    """How many blocks follow one another."""
    dropout: Annotated[float, About("Dropout", 0, 0.9)] = 0.0
    """Share of values zeroed while training (embeddings, attention weights, both residual writes)."""
    layer_norm_epsilon: Annotated[float, About("Epsilon of LayerNorm", 0, 0.1, above=True)] = 1e-5
    """Added to the variance inside LayerNorm."""
    bias: Annotated[bool, About("Biases")] = True
    """Whether linear layers and LayerNorms add a bias. GPT-2's do; nanoGPT's own models can leave them all out."""
    activation_function: Annotated[str, About("Activation", choices=ACTIVATIONS)] = "gelu_new"
    """What the MLP does between its matrices, by its name in Hugging Face's config: "gelu_new" is GPT-2's GELU in
    tanh form, "gelu" the exact one with erf, which nanoGPT has used since 2023; "relu", "silu" and "quick_gelu" come
    from later relatives."""
    n_inner: Annotated[int, About("Width of the MLP", 0, 65_536)] = 0
    """Width inside the MLP, as Hugging Face's config calls it; 0 is four times the model's, as in GPT-2."""
    tie_word_embeddings: Annotated[bool, About("Tied head")] = True
    """Whether the output head is the token embedding's matrix, as in GPT-2; minGPT learns a second one, `lm_head`."""
    without: Annotated[tuple[str, ...], About("Without")] = ()
    """Parts left out, to see what they are for: "positions", "norms", "residual", "mlp"."""

    def _at_odds(self) -> list[str]:
        if set(self.without) - set(PARTS) or len(set(self.without)) < len(self.without):
            return [f"without must name different ones of {', '.join(PARTS)}"]
        if {"residual", "mlp"} <= set(self.without):
            return ["without MLPs a block hands on nothing but its residual connection; leave one of the two in"]
        if self.n_embd % self.n_head == 0:
            return []
        lower = self.n_embd - self.n_embd % self.n_head
        widths = " or ".join(str(w) for w in (lower, lower + self.n_head) if w)
        return [f"the {self.n_head} heads can't share a width of {self.n_embd} evenly; use a width of {widths}"]

    @property
    def head_size(self) -> int:
        """D: the length of one head's query, key and value vectors."""
        return self.n_embd // self.n_head

    @property
    def mlp_size(self) -> int:
        """How many numbers stand between the MLP's two matrices."""
        return self.n_inner or 4 * self.n_embd

    @property
    def neurons(self) -> int:
        """Those of a layer's MLP; none in a model without MLPs."""
        return 0 if "mlp" in self.without else self.mlp_size

    @property
    def n_params(self) -> int:
        """Exact number of parameters, a tied head counted once. GPT-2 small: 124,439,808."""
        c, m = self.n_embd, self.neurons
        norm = 0 if "norms" in self.without else 2 * c if self.bias else c
        attention = 4 * c * c + (4 * c if self.bias else 0) + norm  # qkv and projection
        mlp = 2 * c * m + (c + m if self.bias else 0) + norm if m else 0
        tables = self.vocab_size if self.tie_word_embeddings else 2 * self.vocab_size
        positions = 0 if "positions" in self.without else self.n_ctx
        return (tables + positions) * c + self.n_layer * (attention + mlp) + norm


@dataclass(frozen=True)
class TrainConfig(Config):
    """How a model is trained. The defaults suit a small model on a laptop's CPU."""

    _what = "Training"

    max_steps: Annotated[int, About("Steps", 1, 10_000_000, unit="steps")] = 1_000
    """Optimiser steps in all; the learning-rate schedule ends here."""
    batch_size: Annotated[int, About("Batch", 1, 65_536, unit="sequences a step")] = 16
    """Sequences a step, over all processes, before accumulation multiplies them."""
    loss_on: Annotated[str, About("Loss on", choices=LEARNT)] = "text"
    """Every token of the "text"; or of a task only its "answers", each after its whole question: questions are drawn
    at random, and guessing them is no part of knowing the answer (Power et al., 2022)."""
    grad_accum_steps: Annotated[int, About("Accumulation", 1, 4_096, unit="batches a step")] = 1
    """Batches whose gradients are averaged into one step."""
    optimizer: Annotated[str, About("Optimizer", choices=OPTIMIZERS)] = "adamw"
    """"adamw", as GPT-2 was trained; or "muon" for the matrices of the blocks and AdamW for the rest, which learns
    faster."""
    learning_rate: Annotated[float, About("Learning rate", 0, 10, above=True)] = 1e-3
    """Peak learning rate of AdamW."""
    matrix_learning_rate: Annotated[float, About("Learning rate of matrices", 0, 10, above=True)] = 0.03
    """Peak learning rate of Muon."""
    schedule: Annotated[str, About("Schedule", choices=SCHEDULES)] = "cosine"
    """How the learning rate falls after the warm-up: along half a "cosine", or "linear"."""
    min_lr_ratio: Annotated[float, About("Last learning rate", 0, 1, unit="of the peak")] = 0.1
    """What the learning rate falls to, as a share of the peak."""
    warmup_steps: Annotated[int, About("Warm-up", 0, unit="steps")] = 50
    """Steps over which the learning rate rises linearly from near zero."""
    weight_decay: Annotated[float, About("Weight decay", 0, 10)] = 0.1
    """Decay of the matrices; vectors (biases, LayerNorms) never decay."""
    beta1: Annotated[float, About("Beta 1", 0, 0.9999)] = 0.9
    """How long AdamW remembers the gradient."""
    beta2: Annotated[float, About("Beta 2", 0, 0.9999999)] = 0.99
    """How long AdamW remembers its square."""
    grad_clip: Annotated[float, About("Clipping", 0)] = 1.0
    """Largest norm of the whole gradient; 0 switches clipping off."""
    eval_interval: Annotated[int, About("Evaluation every", 1, unit="steps")] = 50
    """Steps between evaluations, which also take the samples."""
    eval_windows: Annotated[int, About("Evaluation", 1, 1_000_000, unit="windows")] = 64
    """Fixed windows of each split that an evaluation reads; the same ones every time."""
    sample_tokens: Annotated[int, About("Samples", 0, 65_536, unit="tokens")] = 64
    """Tokens in each sample written at an evaluation; 0 is off."""
    layer_stats: Annotated[bool, About("Layer stats")] = False
    """Whether evaluations also measure each layer: its weights, gradient and update, and its heads' attention."""
    max_seconds: Annotated[float, About("Stop after", 0, unit="seconds")] = 0.0
    """Stop after so many seconds of steps; pauses and evaluations don't count. 0 is off."""
    target_loss: Annotated[float, About("Stop at", 0, unit="nats")] = 0.0
    """Stop once the validation loss is at most this, in nats. 0 is off."""
    patience: Annotated[int, About("Patience", 0, unit="evaluations")] = 0
    """Stop after so many evaluations in a row without a new lowest validation loss. 0 is off."""
    seed: Annotated[int, About("Seed", 0, 2**63 - 1)] = 1337
    """Initialisation, batches and dropout all follow from it."""


@dataclass(frozen=True)
class _Samplers(Config):
    """What can be done to the logits, in transformers' order; each default is off.

    A sampler is a field here, and in llm/filters.py the function that `@sampler` gives its name.
    """

    repetition_penalty: Annotated[float, About("Repetition penalty", 0, 100, above=True)] = 1.0
    """Above 1 makes tokens that already occur less likely; 1 is off."""
    temperature: Annotated[float, About("Temperature", 0, 100)] = 1.0
    """Divides the logits: below 1 plays safe, above 1 takes chances, 0 always takes the likeliest token."""
    top_k: Annotated[int, About("Top-k", 0, unit="tokens")] = 0
    """Keep only the k most likely tokens, ties with the last one included; 0 is off."""
    top_p: Annotated[float, About("Top-p", 0, 1, unit="of the probability")] = 1.0
    """Keep the fewest tokens that hold this share of the probability, the crossing one included; 1 is off."""
    min_p: Annotated[float, About("Min-p", 0, 1, unit="of the likeliest")] = 0.0
    """Drop tokens less likely than this share of the most likely one; 0 is off."""
    typical_p: Annotated[float, About("Typical-p", 0, 1, unit="of the probability")] = 1.0
    """Keep the tokens about as surprising as the model expects, until they hold this share; 1 is off."""


SAMPLERS = settings_of(_Samplers)
"""The samplers by name, in the order in which they act unless told otherwise."""
DEFAULT_ORDER = tuple(SAMPLERS)


@dataclass(frozen=True)
class SamplingConfig(_Samplers):
    """How the next token is drawn: what is done to the logits, and when to end."""

    _what = "Sampling"

    order: Annotated[tuple[str, ...], About("Order", choices=DEFAULT_ORDER)] = DEFAULT_ORDER
    """Which of the samplers above acts first, second, ...: each of their names, once."""
    max_new_tokens: Annotated[int, About("Length", 0, 1_000_000, unit="tokens")] = 100
    """Tokens to write at most."""
    stop: Annotated[tuple[str, ...], About("Stop texts")] = ()
    """Texts that end the generation; they are not part of the result."""
    seed: Annotated[int, About("Seed", 0, 2**63 - 1)] = 1337
    """The same seed draws the same tokens."""


def complete_order(names: Iterable[Any]) -> tuple[str, ...]:
    """A whole order from one that older or newer versions wrote: unknown and repeated names go, missing ones follow."""
    return tuple(dict.fromkeys([*(name for name in names if name in DEFAULT_ORDER), *DEFAULT_ORDER]))


GPT2_SIZES: dict[str, ModelConfig] = {
    "gpt2": ModelConfig(50_257, n_embd=768, n_head=12, n_layer=12),
    "gpt2-medium": ModelConfig(50_257, n_embd=1024, n_head=16, n_layer=24),
    "gpt2-large": ModelConfig(50_257, n_embd=1280, n_head=20, n_layer=36),
    "gpt2-xl": ModelConfig(50_257, n_embd=1600, n_head=25, n_layer=48),
}
"""The four sizes OpenAI released (the paper prints smaller parameter counts, a known mistake)."""
