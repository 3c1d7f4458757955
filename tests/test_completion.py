"""Text to text: whole characters, stop texts, the empty prompt."""

import pytest
from twins import randomised

from llm.completion import complete, prompt_ids
from llm.config import ModelConfig, SamplingConfig
from llm.sampler import generate
from llm.tokenizers import train_tokenizer

TEXT = "the cat sat on the mat. the dog sat on the log — ça va? 日本語 🙂\n" * 3


def model_for(tokenizer):
    return randomised(ModelConfig(vocab_size=tokenizer.vocab_size, n_ctx=32, n_embd=24, n_head=2, n_layer=1))


BPE = train_tokenizer("bpe", TEXT, vocab_size=300)
CHARACTER = train_tokenizer("character", TEXT)


@pytest.mark.parametrize("kind", ["whitespace", "character", "bpe"])
def test_the_pieces_joined_are_the_decoded_tokens(kind):
    """Streaming writes what decoding all the tokens at once would, whatever the bytes in between."""
    tokenizer = train_tokenizer(kind, TEXT, vocab_size=300)
    model, prompt = model_for(tokenizer), "the cat"
    for seed in range(10):
        config = SamplingConfig(seed=seed, max_new_tokens=60)
        pieces = list(complete(model, tokenizer, prompt, config))
        choices = list(generate(model, tokenizer.encode(prompt), config, eot_id=tokenizer.eot_id))
        assert [p.choice for p in pieces if p.choice] == choices
        ids = [c.id for c in choices if c.id != tokenizer.eot_id]
        assert "".join(p.text for p in pieces).rstrip(" ") == tokenizer.decode(ids).rstrip(" ")


def test_no_piece_shows_half_a_character():
    """Bytes of an unfinished character wait; only what can't be finished any more becomes U+FFFD."""
    config = SamplingConfig(temperature=3.0, max_new_tokens=400, seed=3)
    pieces = list(complete(model_for(BPE), BPE, "the", config))
    empty = [p for p in pieces if p.choice and not p.text]
    assert empty, "this seed draws no token that ends inside a character"
    raw = b"".join(BPE.token_bytes(p.choice.id) for p in pieces if p.choice and p.choice.id != BPE.eot_id)
    assert "".join(p.text for p in pieces) == raw.decode("utf-8", errors="replace")


def test_a_stop_text_ends_the_completion_and_is_left_out():
    """The text ends just before the first stop text, even one that several tokens spell."""
    model = model_for(CHARACTER)
    config = SamplingConfig(seed=1, max_new_tokens=60)
    free = "".join(p.text for p in complete(model, CHARACTER, "the", config))
    stop = free[20:23]
    pieces = list(complete(model, CHARACTER, "the", config.replace(stop=(stop,))))
    assert "".join(p.text for p in pieces) == free[: free.index(stop)]
    assert len(pieces) == free.index(stop) + 3  # the tokens of the stop text were drawn too


def test_text_held_back_for_a_stop_text_comes_at_the_end():
    """What only looked like the start of a stop text is handed out when the tokens run out."""
    model, config = model_for(CHARACTER), SamplingConfig(seed=1, max_new_tokens=10)
    free = "".join(p.text for p in complete(model, CHARACTER, "the", config))
    pieces = list(complete(model, CHARACTER, "the", config.replace(stop=(free[-2:] + "never drawn",))))
    assert "".join(p.text for p in pieces) == free
    assert pieces[-1].choice is None and pieces[-1].text == free[-2:]


def test_end_of_text_has_a_piece_without_text():
    """<|endoftext|> ends the completion; it is reported, but never written as text."""
    model = model_for(BPE)
    model.wte.weight.data[BPE.eot_id] = model.ln_f.bias.data * 100
    pieces = list(complete(model, BPE, "the", SamplingConfig(temperature=0.0)))
    assert [(p.choice.id, p.text) for p in pieces] == [(BPE.eot_id, "")]


def test_an_empty_prompt_starts_a_document():
    """With nothing to read the model reads <|endoftext|>; a vocabulary without it says what to do."""
    assert BPE.eot_id is not None and prompt_ids(BPE, "") == [BPE.eot_id]
    assert list(complete(model_for(BPE), BPE, "", SamplingConfig(max_new_tokens=3)))
    assert CHARACTER.eot_id is None
    with pytest.raises(ValueError, match="write at least one letter"):
        complete(model_for(CHARACTER), CHARACTER, "", SamplingConfig())


def test_end_of_text_written_in_a_prompt_is_plain_text():
    """A visitor who types <|endoftext|> types thirteen characters, not the special token."""
    assert BPE.eot_id not in prompt_ids(BPE, "<|endoftext|>")


def test_another_models_tokenizer_is_refused():
    """Ids of a different vocabulary would read as nonsense, so they are refused with the remedy."""
    with pytest.raises(ValueError, match="use the tokenizer that the model was trained with"):
        complete(model_for(BPE), CHARACTER, "the", SamplingConfig())
