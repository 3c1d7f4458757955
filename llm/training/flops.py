"""How much arithmetic a GPT-2 takes."""

from __future__ import annotations

from llm.config import ModelConfig


def flops_per_token(config: ModelConfig, *, training: bool = True) -> int:
    """Floating-point operations for each token of a full context: those of all matrix products, which is nearly all.

    With C the width, M = 4 C that inside the MLP, T the context and V the vocabulary, each token takes

        forward:  n_layer * (8 C^2 + 4 C M + 4 T C) + 2 V C

    since a product with an n x m matrix is n*m multiplications and as many additions, and a block
    multiplies by matrices with 3 C^2 (queries, keys, values), C^2, C M and M C numbers; a query
    is compared with T keys and sums T values. The backward pass takes two products for each one
    forward, so training takes three times as much. As usual (Chowdhery et al., "PaLM", appendix B)
    the whole T x T square counts, though a kernel may leave out the half that is masked; LayerNorm,
    GELU and softmax don't count.
    """
    C, M, T, V = config.n_embd, config.mlp_size, config.n_ctx, config.vocab_size
    forward = config.n_layer * (8 * C * C + 4 * C * M + 4 * T * C) + 2 * V * C
    return 3 * forward if training else forward
