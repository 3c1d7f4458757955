"""Surprise, ranks and expectations against llm.evaluate and the definition, windows of long texts included."""

import pytest
import torch
from twins import SHAPES, random_ids, randomised

from llm.evaluate import surprisal
from llm.surprisal import ROWS, read_windows


@pytest.mark.parametrize("length", [2, 15, 16, 17, 24, 25, 100, 3 * ROWS])
def test_every_token_but_the_first_is_met_once_with_its_surprisal(length):
    """In order, without gaps, and with the nats of llm.evaluate.surprisal, however many windows it takes."""
    model = randomised(SHAPES[1])
    ids = random_ids(SHAPES[1], 1, length)[0].tolist()
    windows = list(read_windows(model, ids))
    assert [window.number for window in windows] == list(range(windows[0].total))
    positions = [window.first + i for window in windows for i in range(len(window.met))]
    assert positions == list(range(1, length))
    nats = [met.nats for window in windows for met in window.met]
    torch.testing.assert_close(torch.tensor(nats), torch.tensor(surprisal(model, ids)[1:]), atol=1e-5, rtol=1e-5)


def test_rank_context_and_expectations_are_those_of_a_plain_forward_pass():
    """For each token a pass over exactly the context it names gives its rank and the five most likely tokens."""
    model, ids = randomised(SHAPES[1]), random_ids(SHAPES[1], 1, 41)[0].tolist()
    seen = []
    for window in read_windows(model, ids):
        for i, met in enumerate(window.met, start=window.first):
            with torch.no_grad():
                odds = model(torch.tensor([ids[i - met.context : i]]))[0, -1].double().softmax(-1)
            assert met.rank == 1 + int((odds > odds[ids[i]]).sum())
            values, names = odds.topk(5)
            assert [id for id, _ in met.expected] == names.tolist()
            assert [p for _, p in met.expected] == pytest.approx(values.tolist(), rel=1e-4)
            seen.append(met.context)
    assert seen[:15] == list(range(1, 16)) and min(seen[15:]) == 8 and max(seen) == 15


def test_reading_can_go_on_from_any_window():
    """Windows read one by one, as a page asks for them, are those read in one go."""
    model, ids = randomised(SHAPES[1]), random_ids(SHAPES[1], 1, 60)[0].tolist()
    windows = list(read_windows(model, ids))
    assert [next(read_windows(model, ids, start=n)) for n in range(len(windows))] == windows
    assert list(read_windows(model, ids, start=len(windows))) == []


@pytest.mark.parametrize(("ids", "sentence"), [([], "at least one"), ([3], "two tokens"), ([3, 50], "Id 50")])
def test_texts_that_cannot_be_read_are_refused(ids, sentence):
    """Too short, or tokens of another vocabulary: one sentence, at the call."""
    with pytest.raises(ValueError, match=sentence):
        read_windows(randomised(SHAPES[1]), ids)


def test_a_training_model_is_read_without_dropout_and_goes_on_training():
    """Dropout is off while reading, and the model's mode and gradients are as before between windows."""
    model = randomised(SHAPES[1].replace(dropout=0.5))
    ids = random_ids(SHAPES[1], 1, 40)[0].tolist()
    expected = list(read_windows(model, ids))
    model.train()
    for window, same in zip(read_windows(model, ids), expected, strict=True):
        assert window == same and model.training and torch.is_grad_enabled()
