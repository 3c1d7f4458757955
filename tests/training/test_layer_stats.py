"""Layer statistics: norms and attention entropy equal a plain computation."""

import math

import pytest
import torch
from trainings import CONFIG, MODEL, SPLITS, make
from twins import hugging_face_twin

from llm.data import eval_windows
from llm.inside.trace import trace
from llm.model import GPT
from llm.training.distributed import Worker
from llm.training.events import LayerEvent, StepEvent
from llm.training.layer_stats import attention_entropies

PARTS = ["wte", "wpe", "h.0", "h.1", "ln_f"]


def norm_of(tensors):
    return math.sqrt(sum(float(tensor.double().pow(2).sum()) for tensor in tensors))


def test_norms_are_those_of_the_last_step():
    """Weights, gradient before clipping and update of each part; together the gradients give the step's norm."""
    trainer = make(CONFIG.replace(layer_stats=True, grad_clip=1e-3))
    before, event = {}, None
    for event in trainer:
        if isinstance(event, StepEvent):
            step, after = event, {n: p.detach().clone() for n, p in trainer.model.named_parameters()}
            if event.step == 4:
                before = after
            clipped = {n: p.grad.clone() for n, p in trainer.model.named_parameters()}
        if isinstance(event, LayerEvent):
            break
    assert event is not None and event.step == step.step == 5
    assert [layer.name for layer in event.layers] == PARTS
    for layer in event.layers:
        names = [name for name in after if name.startswith(layer.name + ".")]
        assert layer.weight_norm == pytest.approx(norm_of(after[n] for n in names), rel=1e-5)
        assert layer.update_norm == pytest.approx(norm_of(after[n] - before[n] for n in names), rel=1e-4)
        unclipped = norm_of(clipped[n] for n in names) * step.grad_norm / step.clipped_norm
        assert layer.grad_norm == pytest.approx(unclipped, rel=1e-3)
        assert len(layer.attention_entropy) == (MODEL.n_head if layer.name.startswith("h.") else 0)
    assert math.hypot(*(layer.grad_norm for layer in event.layers)) == pytest.approx(step.grad_norm, rel=1e-5)
    assert [e.step for e in trainer if isinstance(e, LayerEvent)] == [10, 12]


def test_entropy_is_that_of_the_patterns():
    """Against the traced patterns summed by hand, and against transformers' attention weights."""
    model = GPT(MODEL).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(8.0)  # so that heads differ
    x_BT, _ = eval_windows(SPLITS.validation, MODEL.n_ctx, 16)
    seen = trace(model, x_BT, names=["blocks.*.attn.hook_pattern"])
    with torch.no_grad():
        theirs = hugging_face_twin(model, attn_implementation="eager")(x_BT, output_attentions=True).attentions
    for layer, found in enumerate(attention_entropies(model, SPLITS.validation)):
        pattern_BHTT = seen[f"blocks.{layer}.attn.hook_pattern"]
        for head, entropy in enumerate(found):
            rows = [row[row > 0] for row in pattern_BHTT[:, head].flatten(0, 1)]
            by_hand = sum(float(-(row * row.log()).sum()) for row in rows) / len(rows)
            assert entropy == pytest.approx(by_hand, abs=1e-5)
            assert entropy == pytest.approx(float(torch.special.entr(theirs[layer][:, head]).sum(2).mean()), abs=1e-4)
            assert 0 < entropy < math.log(MODEL.n_ctx)


def test_a_sharded_model_is_refused():
    """No process has a whole layer to measure."""
    with pytest.raises(ValueError, match="leave out --shard or --layer-stats"):
        make(CONFIG.replace(layer_stats=True), worker=Worker(world_size=2, shard=True))
