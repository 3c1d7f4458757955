"""How much arithmetic a GPT-2 takes."""

from __future__ import annotations

from llm.config import ModelConfig


def flops_of_operations(config: ModelConfig, length: int) -> dict[str, int]:
    """Floating-point operations forward, for each token of a text of `length` tokens, by what takes them.

    Those of the matrix products, which is nearly all: in each block what begins with "attn." and "mlp.", and once
    the "head". A product with an n x m matrix is n*m multiplications and as many additions; a query is compared with
    `length` keys and as many values are summed. As usual (Chowdhery et al., "PaLM", appendix B) the whole square
    counts, though a kernel may leave out the half that is masked; LayerNorm, GELU and softmax don't count.
    """
    C, M = config.n_embd, config.neurons
    return {
        "attn.c_attn": 2 * 3 * C * C,
        "attn.scores": 2 * length * C,
        "attn.mix": 2 * length * C,
        "attn.c_proj": 2 * C * C,
        "mlp.c_fc": 2 * C * M,
        "mlp.c_proj": 2 * C * M,
        "head": 2 * config.vocab_size * C,
    }


def flops_per_token(config: ModelConfig, *, training: bool = True) -> int:
    """Floating-point operations for each token of a full context: those of all matrix products, which is nearly all.

    With C the width, M = 4 C that inside the MLP, T the context and V the vocabulary, each token takes

        forward:  n_layer * (8 C^2 + 4 C M + 4 T C) + 2 V C

    as `flops_of_operations` counts it. The backward pass takes two products for each one forward, so training takes
    three times as much.
    """
    each = flops_of_operations(config, config.n_ctx)
    head = each.pop("head")
    forward = config.n_layer * sum(each.values()) + head
    return 3 * forward if training else forward
