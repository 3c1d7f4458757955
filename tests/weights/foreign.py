"""Small models of other implementations, written with their authors' names, so that nothing has to be downloaded."""

import math

import torch
from torch import nn

V, T, C, H, L = 61, 16, 24, 3, 2
D = C // H
ALPHABET = "".join(map(chr, range(48, 48 + V)))
IDS = torch.randint(V, (2, T), generator=torch.Generator().manual_seed(2))


def randomised(module):
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return module.eval()


def tanh_gelu(x):
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


class BookNorm(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.ones(C)), nn.Parameter(torch.zeros(C))

    def forward(self, x):
        mean, var = x.mean(-1, keepdim=True), x.var(-1, keepdim=True, unbiased=False)
        return self.scale * (x - mean) / torch.sqrt(var + 1e-5) + self.shift


class BookAttention(nn.Module):
    def __init__(self, qkv_bias):
        super().__init__()
        self.W_query, self.W_key, self.W_value = (nn.Linear(C, C, bias=qkv_bias) for _ in range(3))
        self.out_proj = nn.Linear(C, C)
        self.register_buffer("mask", torch.triu(torch.ones(T, T), diagonal=1))

    def forward(self, x):
        B, t, _ = x.shape
        q, k, v = (w(x).view(B, t, H, D).transpose(1, 2) for w in (self.W_query, self.W_key, self.W_value))
        scores = (q @ k.transpose(2, 3)).masked_fill(self.mask.bool()[:t, :t], -torch.inf)
        return self.out_proj((torch.softmax(scores / D**0.5, dim=-1) @ v).transpose(1, 2).reshape(B, t, C))


class BookGELU(nn.Module):
    def forward(self, x):
        return tanh_gelu(x)


class BookFeedForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(C, 4 * C), BookGELU(), nn.Linear(4 * C, C))


class BookBlock(nn.Module):
    def __init__(self, qkv_bias):
        super().__init__()
        self.att, self.ff, self.norm1, self.norm2 = BookAttention(qkv_bias), BookFeedForward(), BookNorm(), BookNorm()


class Book(nn.Module):
    """Raschka's GPTModel: q, k and v apart, `scale` and `shift`, a head of its own."""

    def __init__(self, qkv_bias):
        super().__init__()
        self.tok_emb, self.pos_emb = nn.Embedding(V, C), nn.Embedding(T, C)
        self.trf_blocks = nn.Sequential(*(BookBlock(qkv_bias) for _ in range(L)))
        self.final_norm, self.out_head = BookNorm(), nn.Linear(C, V, bias=False)

    def forward(self, ids):
        x = self.tok_emb(ids) + self.pos_emb(torch.arange(ids.size(1)))
        for block in self.trf_blocks:
            x = x + block.att(block.norm1(x))
            x = x + block.ff.layers(block.norm2(x))
        return self.out_head(self.final_norm(x))


def lens_state(*, trained_bias=False):
    """A HookedTransformer's state dict: each head's matrices apart, its masks among them."""
    generator = torch.Generator().manual_seed(4)

    def some(*shape):
        return torch.randn(shape, generator=generator) * 0.2

    state = {"embed.W_E": some(V, C), "pos_embed.W_pos": some(T, C)}
    for n in range(L):
        at = f"blocks.{n}."
        for part in "QKV":
            state |= {f"{at}attn.W_{part}": some(H, C, D), f"{at}attn.b_{part}": some(H, D)}
        state |= {f"{at}attn.W_O": some(H, D, C), f"{at}attn.b_O": some(C)}
        state |= {f"{at}mlp.W_in": some(C, 4 * C), f"{at}mlp.b_in": some(4 * C)}
        state |= {f"{at}mlp.W_out": some(4 * C, C), f"{at}mlp.b_out": some(C)}
        state |= {f"{at}ln{k}.{kind}": some(C) + (kind == "w") for k in (1, 2) for kind in "wb"}
        state |= {f"{at}attn.mask": torch.tril(torch.ones(T, T)).bool(), f"{at}attn.IGNORE": torch.tensor(-torch.inf)}
    state |= {"ln_final.w": some(C) + 1, "ln_final.b": some(C)}
    return state | {"unembed.W_U": some(C, V), "unembed.b_U": some(V) if trained_bias else torch.zeros(V)}


def folded(state):
    """As TransformerLens folds: LayerNorms into the matrices that read them, and the head centred."""
    state, at = dict(state), "blocks.{}."
    for n in range(L):
        w, b = state.pop(f"{at.format(n)}ln1.w"), state.pop(f"{at.format(n)}ln1.b")
        for part in "QKV":
            matrix, bias = f"{at.format(n)}attn.W_{part}", f"{at.format(n)}attn.b_{part}"
            state[bias] = state[bias] + torch.einsum("hcd,c->hd", state[matrix], b)
            state[matrix] = state[matrix] * w[None, :, None]
        w, b = state.pop(f"{at.format(n)}ln2.w"), state.pop(f"{at.format(n)}ln2.b")
        state[f"{at.format(n)}mlp.b_in"] = state[f"{at.format(n)}mlp.b_in"] + b @ state[f"{at.format(n)}mlp.W_in"]
        state[f"{at.format(n)}mlp.W_in"] = state[f"{at.format(n)}mlp.W_in"] * w[:, None]
    w, b = state.pop("ln_final.w"), state.pop("ln_final.b")
    bias, matrix = b @ state["unembed.W_U"], state["unembed.W_U"] * w[:, None]
    return state | {"unembed.b_U": bias - bias.mean(), "unembed.W_U": matrix - matrix.mean(-1, keepdim=True)}


def lens_logits(state, ids=IDS):
    """HookedTransformer's forward pass; without `ln1.w` its LayerNorm only normalises."""

    def norm(x, name):
        x = x - x.mean(-1, keepdim=True)
        x = x / (x.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt()
        return x * state[f"{name}.w"] + state[f"{name}.b"] if f"{name}.w" in state else x

    x = state["embed.W_E"][ids] + state["pos_embed.W_pos"][: ids.size(1)]
    for n in range(L):
        at = f"blocks.{n}."
        y = norm(x, f"{at}ln1")
        q, k, v = (
            torch.einsum("btc,hcd->bthd", y, state[f"{at}attn.W_{part}"]) + state[f"{at}attn.b_{part}"]
            for part in "QKV"
        )
        scores = torch.einsum("bthd,bshd->bhts", q, k) / math.sqrt(D)
        pattern = scores.masked_fill(~state[f"{at}attn.mask"], -torch.inf).softmax(-1)
        z = torch.einsum("bhts,bshd->bthd", pattern, v)
        x = x + torch.einsum("bthd,hdc->btc", z, state[f"{at}attn.W_O"]) + state[f"{at}attn.b_O"]
        inner = tanh_gelu(norm(x, f"{at}ln2") @ state[f"{at}mlp.W_in"] + state[f"{at}mlp.b_in"])
        x = x + inner @ state[f"{at}mlp.W_out"] + state[f"{at}mlp.b_out"]
    return norm(x, "ln_final") @ state["unembed.W_U"] + state["unembed.b_U"]
