"""Rows that grow while a text is written are the rows of one pass over the whole text."""

import pytest
import torch
from twins import SHAPES, hugging_face_twin, random_ids, randomised

from llm.config import SamplingConfig
from llm.inside.head_pictures import pattern_rows
from llm.inside.live_attention import watch
from llm.inside.trace import trace
from llm.sampler import generate


def patterns(model, ids):
    """pattern_LHTT of a text, by one full pass."""
    seen = trace(model, ids, ["blocks.*.attn.hook_pattern"])
    return torch.stack([seen[f"blocks.{layer}.attn.hook_pattern"][0] for layer in range(model.config.n_layer)])


def begun(start):
    """pattern_LHTT from the queries and keys of what was read at once."""
    rows = torch.arange(start.q_LHTD.size(2))
    return torch.stack([pattern_rows(q, k, rows) for q, k in zip(start.q_LHTD, start.k_LHTD, strict=True)])


@pytest.mark.parametrize("config", SHAPES, ids=str)
@pytest.mark.parametrize("length", [1, 5])
def test_rows_equal_the_full_pass(config, length):
    """The prompt's queries and keys and then one row a token: together what a trace of the final text shows."""
    model, ids = randomised(config), random_ids(config, 1, length)[0].tolist()
    count = config.n_ctx - length + 1  # until the context is full
    readings = list(watch(model, ids, SamplingConfig(max_new_tokens=count, seed=3)))
    text = ids + [reading.next.id for reading in readings[:-1]]
    expected_LHTT = patterns(model, text)
    assert len(text) == config.n_ctx and not any(r.start for r in readings[1:])
    torch.testing.assert_close(begun(readings[0].start), expected_LHTT[:, :, :length, :length], atol=1e-5, rtol=1e-4)
    for position, reading in enumerate(readings, start=length - 1):
        assert reading.reads == position + 1
        torch.testing.assert_close(reading.row_LHS, expected_LHTT[:, :, position, : position + 1], atol=1e-5, rtol=1e-4)


def test_rows_equal_transformers_eager_attention():
    """An implementation that isn't ours agrees on the last token's row in every head."""
    model, ids = randomised(SHAPES[0]), random_ids(SHAPES[0], 1, 7)[0].tolist()
    *_, last = watch(model, ids, SamplingConfig(max_new_tokens=9, temperature=0.0))
    text = [*ids, *greedy(model, ids, 8)]
    twin = hugging_face_twin(model, attn_implementation="eager")
    with torch.no_grad():
        attentions = twin(torch.tensor([text]), output_attentions=True).attentions
    torch.testing.assert_close(last.row_LHS, torch.cat(attentions)[:, :, -1], atol=1e-5, rtol=1e-4)


def greedy(model, ids, count):
    return [choice.id for choice in generate(model, ids, SamplingConfig(max_new_tokens=count, temperature=0.0))]


def test_the_text_is_the_one_that_generate_writes():
    """Watching changes nothing: the same tokens with the same odds, past a full context, to the end token."""
    config = SHAPES[1]
    model, ids = randomised(config), random_ids(config, 1, 4)[0].tolist()
    settings = SamplingConfig(max_new_tokens=2 * config.n_ctx, seed=11, temperature=0.8, top_k=20)
    plain = list(generate(model, ids, settings))
    watched = list(watch(model, ids, settings))
    assert [r.next.id for r in watched] == [choice.id for choice in plain]
    assert [r.next.probability for r in watched] == pytest.approx([choice.probability for choice in plain])
    assert [r.drawn for r in watched[1:]] == [r.next for r in watched[:-1]]
    eot_id = plain[5].id
    first = [choice.id for choice in plain].index(eot_id)
    assert [r.next.id for r in watch(model, ids, settings, eot_id=eot_id)] == [c.id for c in plain[: first + 1]]


def test_a_full_context_begins_anew_with_the_end_of_the_text():
    """When the model reads the last half again, the picture is replaced by that half's own."""
    config = SHAPES[1]
    model, ids = randomised(config), random_ids(config, 1, 3)[0].tolist()
    text, anew = list(ids), []
    for reading in watch(model, ids, SamplingConfig(max_new_tokens=3 * config.n_ctx)):
        window = text[-reading.reads :]
        expected_LHTT = patterns(model, window)
        if reading.start:
            anew.append(reading.reads)
            torch.testing.assert_close(begun(reading.start), expected_LHTT, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(reading.row_LHS, expected_LHTT[:, :, -1], atol=1e-5, rtol=1e-4)
        text.append(reading.next.id)
    assert anew[0] == 3 and anew[1:] and set(anew[1:]) == {config.n_ctx // 2}


def test_ids_are_checked_before_anything_is_read():
    """A mistake is told when the stream is made, not at its first token."""
    with pytest.raises(ValueError, match="at least one"):
        watch(randomised(SHAPES[1]), [], SamplingConfig())
