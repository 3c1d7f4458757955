"""The spectrum of an embedding over numbers: against numpy's, and on waves that are known."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from llm.inside.spectrum import number_ids, spectrum, waves_needed
from llm.tokenizers import train_tokenizer


@given(st.integers(3, 40), st.integers(1, 9), st.integers(0, 2**31))
def test_norms_are_those_of_numpys_transform(n_numbers, width, seed):
    """Any table, even and odd sizes: the same as numpy.fft scaled to waves of unit length; no power is lost."""
    table = torch.randn(n_numbers, width, generator=torch.Generator().manual_seed(seed)).double() + 3
    scale = np.full(n_numbers // 2, math.sqrt(2 / n_numbers))
    if n_numbers % 2 == 0:
        scale[-1] = math.sqrt(1 / n_numbers)
    expected = np.linalg.norm(np.fft.rfft(table.numpy(), axis=0)[1:], axis=1) * scale
    found = spectrum(table)
    assert found.dtype == torch.float64
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    assert found.square().sum().item() == pytest.approx((table - table.mean(0)).square().sum().item())


def test_a_table_of_two_waves_has_two_frequencies():
    """Numbers written as angles of frequencies 3 and 7: nothing else is there, however the columns mix them."""
    angle = 2 * math.pi * torch.arange(31, dtype=torch.float64) / 31
    waves = torch.stack([(3 * angle).cos(), (3 * angle).sin(), 0.5 * (7 * angle).cos()], dim=1)
    norms = spectrum(waves @ torch.randn(3, 8, generator=torch.Generator().manual_seed(1)).double() + 5)
    assert sorted(norms.argsort(descending=True)[:2].tolist()) == [2, 6]
    assert norms.sort().values[:-2].max() < 1e-12
    assert waves_needed(norms, 0.999) == 2 and waves_needed(torch.ones(10)) == 9
    with pytest.raises(ValueError, match="at least 3"):
        spectrum(torch.ones(2, 4))


def test_every_number_must_be_one_token():
    """Byte pairs learnt on the task give each number a token; characters cut them in two, which is said."""
    text = "".join(f"{a:02}+{b:02}={(a + b) % 11:02}\n" for a in range(11) for b in range(11)) * 3
    tokenizer = train_tokenizer("bpe", text, 256 + 11 + 4)
    ids = number_ids(tokenizer, 11)
    assert [tokenizer.decode([id]) for id in ids] == [f"{number:02}" for number in range(11)]
    with pytest.raises(ValueError, match="no token for each number"):
        number_ids(train_tokenizer("character", text), 11)
