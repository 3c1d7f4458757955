"""The logit lens in figures, against transformers' hidden states and plain sums in float64."""

import math

import pytest
import torch
from twins import SHAPES, hugging_face_twin, random_ids, randomised

from llm.inside.logit_lens import lens_rows, logit_lens, measure, trace_streams
from llm.inside.trace import trace


@pytest.mark.parametrize("config", SHAPES, ids=str)
def test_every_row_equals_transformers_hidden_states_read_through_its_head(config):
    """Hidden states of every layer, through transformers' last LayerNorm and head, give each row's own figures."""
    model, ids = randomised(config), random_ids(config, 1, 11)
    rows = list(lens_rows(model, trace_streams(model, ids, range(config.n_layer + 1)), range(config.n_layer + 1)))
    twin = hugging_face_twin(model)
    with torch.no_grad():
        out = twin(ids, output_hidden_states=True)
        streams = [twin.transformer.ln_f(state) for state in out.hidden_states[:-1]]
        expected = [twin.lm_head(stream)[0] for stream in streams] + [out.logits[0]]
    assert len(rows) == len(expected) == config.n_layer + 1
    for row, logits_TV in zip(rows, expected, strict=True):
        p_TV = logits_TV.double().softmax(dim=1)
        torch.testing.assert_close(row.top_p_T.double(), p_TV.amax(dim=1), atol=1e-5, rtol=1e-3)
        assert torch.equal(row.top_T, p_TV.argmax(dim=1))
        torch.testing.assert_close(row.entropy_T.double(), -(p_TV * p_TV.log()).sum(dim=1), atol=1e-4, rtol=1e-3)
        true_T = p_TV[:-1].gather(1, ids[0, 1:, None])[:, 0]
        torch.testing.assert_close(row.true_p_T[:-1].double(), true_T, atol=1e-5, rtol=1e-3)
        ranks = [1 + sum(p > true for p in some) for some, true in zip(p_TV.tolist(), true_T.tolist(), strict=False)]
        assert row.true_rank_T[:-1].tolist() == ranks


def test_the_last_row_is_the_models_output():
    """The figures at the top are those of the model's own logits, bit for bit."""
    model, ids = randomised(SHAPES[0]), random_ids(SHAPES[0], 1, 9)
    top = SHAPES[0].n_layer
    (row,) = lens_rows(model, trace_streams(model, ids, [top]), [top])
    with torch.no_grad():
        p_TV = model(ids)[0].log_softmax(dim=1).exp()
    assert torch.equal(row.top_p_T, p_TV.gather(1, row.top_T[:, None])[:, 0])
    assert torch.equal(row.top_T, p_TV.argmax(dim=1))


def test_chosen_rows_are_those_of_the_whole_lens():
    """A lens read in slices, each from a pass of its own, is the lens read at once."""
    model, ids = randomised(SHAPES[0]), random_ids(SHAPES[0], 1, 9)
    whole = list(logit_lens(model, trace(model, ids)))
    some = list(logit_lens(model, trace_streams(model, ids, [0, 2]), [2, 0]))
    assert torch.equal(some[0], whole[2]) and torch.equal(some[1], whole[0])


def test_the_last_position_has_no_true_next_token(monkeypatch):
    """There its probability is NaN and its rank 0, whatever the chunks; ties share the place of the last of them."""
    monkeypatch.setattr("llm.inside.logit_lens.CHUNK", 2)
    logits_TV = torch.tensor([[0.0, 1.0, 1.0, -2.0]]).repeat(3, 1)
    row = measure(logits_TV, torch.tensor([0, 1, 3]))
    assert row.true_rank_T.tolist() == [2, 4, 0] and row.top_T.tolist() == [1, 1, 1]
    assert row.true_p_T[2].isnan() and row.true_p_T[0] == pytest.approx(math.e / (1 + 2 * math.e + math.exp(-2)))


def test_entropy_lies_between_certainty_and_evenness():
    """Even logits give ln V, one that towers gives 0, and no NaN comes of a probability that underflows."""
    logits_TV = torch.stack([torch.zeros(50), 500 * torch.eye(50)[7]])
    row = measure(logits_TV, torch.tensor([7, 7]))
    assert row.entropy_T.tolist() == pytest.approx([math.log(50), 0.0], abs=1e-5)
