"""What is said of each step of a walk: its formula, the same with numbers, and two sentences at most.

In `numbers`, a name in braces stands for a number of the step (see `llm.inside.walk`); {i} is the
cell that is looked at, {out} its value, and {name} the token it stands for. In `formula`, {row} is
the name of the cell's row.
"""

from __future__ import annotations

from typing import NamedTuple


class Text(NamedTuple):
    """The words of one kind of step."""

    formula: str
    numbers: str
    says: str


_NORM = ("yᵢ = (xᵢ − μ) / √(σ² + ε) · γᵢ + βᵢ", "{y} = ({x} − {mean}) / √({variance} + {eps}) · {gain} + {bias}")

ACTIVATION_FORMULAS = {
    "gelu_new": (
        "gᵢ = ½ hᵢ (1 + tanh(√(2/π) (hᵢ + 0.044715 hᵢ³)))",
        "{g} = ½ · {h} · (1 + tanh(√(2/π) · ({h} + 0.044715 · {h}³)))",
    ),
    "gelu": ("gᵢ = ½ hᵢ (1 + erf(hᵢ / √2))", "{g} = ½ · {h} · (1 + erf({h} / √2))"),
    "relu": ("gᵢ = max(0, hᵢ)", "{g} = max(0, {h})"),
    "silu": ("gᵢ = hᵢ / (1 + exp(−hᵢ))", "{g} = {h} / (1 + exp(−({h})))"),
    "quick_gelu": ("gᵢ = hᵢ / (1 + exp(−1.702 hᵢ))", "{g} = {h} / (1 + exp(−1.702 · {h}))"),
}
"""By the names of `ModelConfig.activation_function`: the formula, and the same with numbers."""

TEXTS: dict[str, Text] = {
    "id": Text(
        "token → id",
        "{name} → {out}",
        "The tokenizer has cut the prompt into tokens. The model never sees letters, only these numbers of rows.",
    ),
    "wte": Text(
        "xᵢ = wte[id, i]",
        "wte[{id}, {i}] = {x}",
        "The id picks one row of a learnt table: the same vector wherever this token stands.",
    ),
    "wpe": Text(
        "xᵢ = wte[id, i] + wpe[p, i]",
        "{x} = {token} + {place}",
        "A learnt vector for the position is added, since nothing else tells the model about order. "
        "The sum is where the residual stream begins.",
    ),
    "ln_1": Text(
        *_NORM,
        "The attention reads a copy with mean 0 and variance 1, stretched by a learnt gain. The stream itself stays.",
    ),
    "attn.c_attn": Text(
        "{row}ᵢ = Σⱼ yⱼ · Wⱼᵢ + bᵢ",
        "{out} = {terms}",
        "One matrix makes a query, a key and a value for every head. Each is a set of weighted sums of the stream.",
    ),
    "attn.scores": Text(
        "sₜ = q · kₜ / √D",
        "{s} = ({terms}) / √{D}",
        "The query of this token meets the key of every token. A large product says: this is what I look for.",
    ),
    "attn.mask": Text(
        "sₜ = −∞  where t > p",
        "token {i}, seen from token {p}: {s}",
        "A token may look at itself and at what came before. Later ones get −∞, from which softmax makes exactly 0.",
    ),
    "attn.softmax": Text(
        "wₜ = exp(sₜ − max) / Σ exp(s − max)",
        "{w} = exp({s} − {most}) / {sum}",
        "Scores become weights that are positive and add up to 1.",
    ),
    "attn.mix": Text(
        "zᵢ = Σₜ wₜ · vₜᵢ",
        "{out} = {terms}",
        "The values of the tokens in sight are added up by those weights. This is all that moves between positions.",
    ),
    "attn.c_proj": Text(
        "aᵢ = Σⱼ zⱼ · Wⱼᵢ + bᵢ",
        "{out} = {terms}",
        "The sums of all heads lie side by side, and one matrix turns them into something to write to the stream.",
    ),
    "add_1": Text(
        "yᵢ = xᵢ + aᵢ",
        "{y} = {x} + {a}",
        "Attention adds what it has found; nothing is overwritten.",
    ),
    "ln_2": Text(*_NORM, "The MLP too reads a normalised copy, with a gain and a bias of its own."),
    "mlp.c_fc": Text(
        "hᵢ = Σⱼ yⱼ · Wⱼᵢ + bᵢ",
        "{out} = {terms}",
        "Neurons, in GPT-2 four for each number of the stream: each asks how much of its own pattern is here.",
    ),
    "mlp.activation": Text(
        *ACTIVATION_FORMULAS["gelu_new"],
        "The positive passes, the negative is all but silenced. Choose a cell to meet its neuron.",
    ),
    "mlp.c_proj": Text(
        "mᵢ = Σⱼ gⱼ · Wⱼᵢ + bᵢ",
        "{out} = {terms}",
        "Each neuron that is on writes its own direction, as strongly as it is on.",
    ),
    "add_2": Text(
        "yᵢ = xᵢ + aᵢ",
        "{y} = {x} + {a}",
        "What the MLP wrote is added, and the next block reads the sum.",
    ),
    "stream": Text(
        "x = wte + wpe + Σ (attention + MLP)",
        "{out}",
        "The stream of this token before the first block and after each. It grows: blocks only ever add.",
    ),
    "ln_f": Text(*_NORM, "Once more a normalised copy; this one is compared with every token of the vocabulary."),
    "head": Text(
        "logit = Σⱼ yⱼ · Wⱼ,token",
        "{l} = {terms}",
        "The more the stream points along a token's vector, the higher that token's logit. "
        "GPT-2 uses the embeddings of the first step once more.",
    ),
    "parts": Text(
        "logit = Σ parts · direction",
        "",
        "The stream is a sum, so with LayerNorm's scale held at its value here the logit is one too. "
        "Choose a head to see where it looks.",
    ),
    "odds": Text(
        "pₜ = exp(lₜ − max) / Σ exp(l − max)",
        "{p} = exp({l} − {most}) / {sum}",
        "Softmax turns logits into odds of the next token, and a draw from these odds writes it.",
    ),
}
