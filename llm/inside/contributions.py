"""What one attention head writes: split by the token it reads from, and read as logits.

A head's output is a sum over the tokens it looks at, weight times value, sent through its slice of
`c_proj` into the residual stream (Elhage et al., "A Mathematical Framework for Transformer
Circuits", 2021). So each looked-at token has a share in it, and so has each head in the layer's
output; the bias of `c_proj` belongs to no head. How long such a write is says more than the weight
alone (Kobayashi et al., "Attention is Not Only a Weight", 2020).

Shapes: T time (tokens looked at), N any number of writes, C embedding, D head size, V vocabulary.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from llm.ablated import refuse_without
from llm.model import GPT, CausalSelfAttention


def source_writes(attn: CausalSelfAttention, head: int, pattern_T: Tensor, v_TD: Tensor) -> Tensor:
    """What one token gets from each token it looks at, through one head: writes_TC.

    `pattern_T` is the token's row of the head's pattern, `v_TD` the head's values. Their sum is what
    the head adds to the residual stream at that token.
    """
    D = v_TD.size(1)
    out_CD = attn.c_proj.weight[:, head * D : (head + 1) * D]
    return (pattern_T[:, None] * v_TD) @ out_CD.T


def direct_logits(model: GPT, writes_NC: Tensor, resid_C: Tensor) -> Tensor:
    """What writes to the residual stream add to the logits if no later layer touches them: logits_NV.

    The last LayerNorm would make this a question of the whole stream, so its scale is held at what
    it is for `resid_C`, the stream after the last block at that token. Then the writes of all parts
    of the model add up to its logits, but for what LayerNorm's bias adds. Each row is centred on
    the vocabulary's mean, which a softmax doesn't see. Raises ValueError for a model without LayerNorms or residual
    connections.
    """
    refuse_without(model.config, "what a part writes can't be followed to the logits", "norms", "residual")
    norm, head = model.ln_f, model.wte if model.config.tie_word_embeddings else model.lm_head
    scale = torch.rsqrt(resid_C.var(unbiased=False) + norm.eps)
    centred_NC = writes_NC - writes_NC.mean(1, keepdim=True)
    logits_NV = F.linear(centred_NC * scale * norm.weight, head.weight)
    return logits_NV - logits_NV.mean(1, keepdim=True)
