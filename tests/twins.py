"""Random models and their transformers twins, for the tests that compare the two."""

import torch
from transformers import GPT2Config, GPT2LMHeadModel

from llm.config import ModelConfig
from llm.model import GPT

SHAPES = [
    ModelConfig(vocab_size=97, n_ctx=32, n_embd=48, n_head=4, n_layer=3),
    ModelConfig(vocab_size=50, n_ctx=16, n_embd=20, n_head=1, n_layer=1),
    ModelConfig(vocab_size=130, n_ctx=24, n_embd=60, n_head=5, n_layer=2),
]


def hugging_face_twin(model: GPT, **settings) -> GPT2LMHeadModel:
    """A transformers GPT-2 with the very same weights (its Conv1D stores matrices transposed)."""
    c = model.config
    twin = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=c.vocab_size, n_positions=c.n_ctx, n_embd=c.n_embd, n_head=c.n_head, n_layer=c.n_layer,
            resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=0, eos_token_id=0, **settings,
        )
    )  # fmt: skip
    transposed = ("attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight")
    state = {
        f"transformer.{name}": tensor.T.contiguous() if name.endswith(transposed) else tensor
        for name, tensor in model.state_dict().items()
    }
    state["lm_head.weight"] = model.wte.weight
    twin.load_state_dict(state)
    return twin.eval()


def random_ids(config: ModelConfig, batch: int, length: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(config.vocab_size, (batch, length), generator=torch.Generator().manual_seed(seed))


def randomised(config: ModelConfig, seed: int = 5) -> GPT:
    """A model whose biases and LayerNorms are random too, so that none can be forgotten unseen."""
    model = GPT(config).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return model
