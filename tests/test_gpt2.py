"""Names, shapes and configs of GPT-2s, against transformers; nothing large is allocated."""

import math

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel
from twins import SHAPES

from llm.config import GPT2_SIZES, ModelConfig
from llm.gpt2 import check_shapes, config_from_gpt2, config_to_gpt2, gpt2_shapes, plain_names, state_to_gpt2
from llm.model import GPT

TINY = ModelConfig(97, n_ctx=8, n_embd=12, n_head=3, n_layer=2)
VARIANTS = [
    TINY.replace(bias=False),
    TINY.replace(tie_word_embeddings=False),
    TINY.replace(bias=False, tie_word_embeddings=False, activation_function="gelu"),
    TINY.replace(n_inner=20),
    TINY.replace(n_inner=20, bias=False),
]
COUNTS = {"gpt2": 124_439_808, "gpt2-medium": 354_823_168, "gpt2-large": 774_030_080, "gpt2-xl": 1_557_611_200}


@pytest.mark.parametrize("name", GPT2_SIZES)
def test_the_four_sizes_are_those_that_were_released(name):
    """Every tensor of each size has the name and shape that transformers gives it, and their count is OpenAI's."""
    config = GPT2_SIZES[name]
    with torch.device("meta"):
        theirs = GPT2LMHeadModel(GPT2Config(n_embd=config.n_embd, n_head=config.n_head, n_layer=config.n_layer))
    shapes = gpt2_shapes(config)
    assert {k: tuple(t.shape) for k, t in theirs.transformer.named_parameters()} == shapes
    assert sum(map(math.prod, shapes.values())) == config.n_params == COUNTS[name]


@pytest.mark.parametrize("config", [*SHAPES, *VARIANTS], ids=str)
def test_shapes_and_count_are_those_of_the_built_model(config):
    """With and without biases, head tied or not: what is predicted is what is there."""
    model = GPT(config)
    assert {name: tuple(t.shape) for name, t in state_to_gpt2(model.state_dict()).items()} == gpt2_shapes(config)
    assert sum(p.numel() for p in model.parameters()) == config.n_params


def test_a_model_without_a_seed_touches_no_random_numbers():
    """Weights that are about to be loaded need not be drawn first, and the global state stays as it was."""
    before = torch.get_rng_state()
    model = GPT(TINY, seed=None)
    model.load_state_dict(GPT(TINY, seed=3).state_dict())
    assert torch.equal(model.h[1].mlp.c_fc.weight, GPT(TINY, seed=3).h[1].mlp.c_fc.weight)
    assert torch.equal(before, torch.get_rng_state())


def test_prefixes_go_and_masks_stay_out():
    """Names as torch.compile, DDP, transformers and nanoGPT write them, and a bias that is a mask."""
    names = [
        "_orig_mod.transformer.h.0.attn.c_attn.bias", "module._orig_mod.lm_head.weight", "wte.weight",
        "transformer.h.0.attn.bias", "h.1.attn.masked_bias",
    ]  # fmt: skip
    assert plain_names(names) == {"h.0.attn.c_attn.bias": names[0], "lm_head.weight": names[1], "wte.weight": names[2]}
    with pytest.raises(ValueError, match=r"'wte.weight' and 'transformer.wte.weight' are the same weight"):
        plain_names(["wte.weight", "transformer.wte.weight"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"h.2.ln_1.weight": (12,)}, r"The file holds 'h\.2\.ln_1\.weight'"),
        ({"ln_f.bias": None}, r"The file lacks ln_f\.bias"),
        ({"wpe.weight": (12, 8)}, r"wpe\.weight in The file is \[12, 8\] but its config asks for \[8, 12\]"),
    ],
)
def test_what_does_not_fit_is_named(change, message):
    """One tensor too many, one missing, one of another shape."""
    found = {name: shape for name, shape in {**gpt2_shapes(TINY), **change}.items() if shape is not None}
    with pytest.raises(ValueError, match=message):
        check_shapes(found, gpt2_shapes(TINY), "The file")


def test_transformers_default_config_is_gpt2():
    """What transformers calls a GPT-2 reads as the size that we call gpt2."""
    assert config_from_gpt2(GPT2Config().to_dict()) == GPT2_SIZES["gpt2"]
    assert config_from_gpt2({"vocab_size": 50_257}) == GPT2_SIZES["gpt2"]  # what equals a default may be left out


@pytest.mark.parametrize("config", [*SHAPES, VARIANTS[1].replace(activation_function="gelu", layer_norm_epsilon=1e-6)])
def test_a_config_goes_there_and_back(config):
    """Through transformers' own GPT2Config, which must know every value."""
    theirs = GPT2Config(**config_to_gpt2(config, eot_id=4))
    assert config_from_gpt2(theirs.to_dict()) == config
    assert theirs.eos_token_id == theirs.bos_token_id == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "gpt_neo"}, "model_type 'gpt_neo'"),
        ({"n_inner": -4}, "n_inner is -4"),
        ({"add_cross_attention": True}, "add_cross_attention"),
        ({"activation_function": "mish"}, "activation is 'mish'"),
        ({"activation_function": ["gelu"]}, "activation is"),
        ({"n_embd": "768"}, "n_embd is '768'"),
        ({"n_embd": None}, "n_embd is None"),
        ({"n_head": 5}, "share a width"),
        ({"n_positions": 10**9}, "n_ctx is 1000000000"),
        ({"tie_word_embeddings": "no"}, "must be true or false"),
    ],
)
def test_a_config_that_is_no_gpt2_is_refused(change, message):
    """Values that would compute something else are named, not ignored."""
    with pytest.raises(ValueError, match=message):
        config_from_gpt2(GPT2Config().to_dict() | change)


def test_the_inner_width_may_be_spelt_out():
    """n_inner of four times the width is what None means."""
    assert config_from_gpt2(GPT2Config().to_dict() | {"n_inner": 3072}) == GPT2_SIZES["gpt2"]
    assert config_from_gpt2(GPT2Config(activation_function="gelu_pytorch_tanh").to_dict()) == GPT2_SIZES["gpt2"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bias": 1}, "bias is 1; it must be true or false"),
        ({"tie_word_embeddings": None}, "tie_word_embeddings is None"),
        (
            {"activation_function": "swish"},
            "activation_function is 'swish'; it must be gelu_new or gelu or relu",
        ),
    ],
)
def test_unknown_variants_are_refused(change, message):
    """The three differences take only values that mean something."""
    with pytest.raises(ValueError, match=message):
        TINY.replace(**change)
