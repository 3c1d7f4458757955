"""Patching: everything gives the other run, nothing changes nothing, and shipped models answer as they should."""

import pytest
import torch
from twins import SHAPES, random_ids, randomised

from llm.checkpoint import load_checkpoint
from llm.config import SamplingConfig
from llm.inside.ablation import Part, ablated
from llm.inside.patching import KINDS, Pair, Site, counterpart, steered
from llm.sampler import generate
from llm.ui.subject import SHIPPED

CONFIG = SHAPES[0]
T = 9
TALE = "One spring, {0} found a paper bag. In the summer a hailstorm tore the leaves. {0} did not despair:"
COPY = "\nab{0}defgh|ab"


@pytest.fixture(scope="module")
def pair():
    base, source = random_ids(CONFIG, 2, T, seed=3).tolist()
    return Pair(randomised(CONFIG), base, source)


def shipped(name, base, source):
    checkpoint = load_checkpoint(SHIPPED / name)
    encode = checkpoint.tokenizer.encode
    return Pair(checkpoint.model, encode(base), encode(source)), checkpoint.tokenizer


def sites():
    return [Site("stream", layer) for layer in range(4)] + [
        Site(kind, layer, 2 if kind == "head" else None) for kind in KINDS[1:] for layer in range(3)
    ]


@pytest.mark.parametrize("layer", range(4))
def test_patching_everything_is_the_other_run(pair, layer):
    """The whole stream before any block, at all positions."""
    logits_V = pair.patched(Site("stream", layer), range(T))
    torch.testing.assert_close(logits_V, pair.logits_2V[1], rtol=1e-4, atol=1e-4)
    assert pair.restored(logits_V) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("site", sites(), ids=str)
def test_patching_nothing_changes_nothing(pair, site):
    """No positions: the base's own logits, from wherever the run is taken up."""
    logits_V = pair.patched(site, [])
    torch.testing.assert_close(logits_V, pair.logits_2V[0], rtol=1e-4, atol=1e-5)
    assert pair.restored(logits_V) == pytest.approx(0, abs=1e-4)
    assert pair.cone(site, []).abs().max() < 1e-5


def test_a_part_is_what_hooks_put_in_its_place(pair):
    """Attention, MLP and a head at one position, against a forward pass whose hooks exchange the activation."""
    model, base = pair.model, pair.seen.ids[:1]
    D = CONFIG.head_size

    def with_hook(module, change, before=False):
        def hook(module, inputs, output=None):
            x = (inputs[0] if before else output).clone()
            change(x)
            return (x,) if before else x

        handle = module.register_forward_pre_hook(hook) if before else module.register_forward_hook(hook)
        with torch.no_grad():
            logits_V = model(base)[0, -1]
        handle.remove()
        return logits_V

    block = model.h[1]
    for site, module, name in ((Site("attention", 1), block.attn, "attn"), (Site("mlp", 1), block.mlp, "mlp")):
        source = pair.seen[f"blocks.1.hook_{name}_out"][1]
        expected = with_hook(module, lambda x, source=source: x[0, 4].copy_(source[4]))
        torch.testing.assert_close(pair.patched(site, [4]), expected, rtol=1e-4, atol=1e-4)
    z = pair.seen["blocks.1.attn.hook_z"][1]
    expected = with_hook(block.attn.c_proj, lambda x: x[0, 4, 2 * D : 3 * D].copy_(z[4, 2]), before=True)
    torch.testing.assert_close(pair.patched(Site("head", 1, 2), [4]), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("site", sites(), ids=str)
def test_a_row_of_the_map_is_each_position_alone(pair, site):
    """One batch, the same shares."""
    alone = [pair.restored(pair.patched(site, [p])) for p in range(T)]
    assert pair.row(site) == pytest.approx(alone, abs=1e-3)


def test_a_patch_lights_its_cone_and_nothing_else(pair):
    """Nothing before its position or its layer moves; at its own place it moves."""
    cone_LT = pair.cone(Site("stream", 1), [4])
    assert cone_LT.shape == (4, T)
    assert cone_LT[0].abs().max() == 0 and cone_LT[:, :4].abs().max() < 1e-5
    assert cone_LT[1, 4] > 0 and cone_LT[1, 5:].abs().max() == 0 and (cone_LT[2, 4:] > 0).all()
    assert pair.cone(Site("mlp", 2), [8])[3, 8] > 0


def test_steering_adds_the_difference_while_a_text_is_written(pair):
    """With factor 0 the text is the model's own; the whole difference makes it the other's."""
    model, ids = pair.model, pair.seen.ids[0].tolist()
    config = SamplingConfig(max_new_tokens=5, seed=1)

    def written(factor):
        with steered(model, 1, factor * pair.direction(1)):
            return [choice.id for choice in generate(model, ids, config)]

    plain = [choice.id for choice in generate(model, ids, config)]
    assert written(0.0) == plain and written(40.0) != plain
    assert [choice.id for choice in generate(model, ids, config)] == plain
    last = CONFIG.n_layer
    with steered(model, last, pair.direction(last)), torch.no_grad():
        logits_V = model(pair.seen.ids[:1], last_only=True)[0, -1]
    torch.testing.assert_close(logits_V, pair.logits_2V[1], rtol=1e-4, atol=1e-4)


def test_who_she_is_comes_from_the_name_in_a_tale():
    """`tales`: it stands at the name, until one head of the last block carries it to the end of the text."""
    pair, tokenizer = shipped("tales", TALE.format("Arlo"), TALE.format("Sofia"))
    assert [tokenizer.decode([id]) for id in pair.answers] == [" he", " she"]
    rows = [pair.row(Site("stream", layer)) for layer in range(7)]
    names = [p for p in range(pair.length) if pair.seen.ids[0, p] != pair.seen.ids[1, p]]
    for row in rows[:6]:
        assert row.index(max(row)) == names[-1] and max(row) > 0.9 and abs(row[-1]) < 0.1
    assert rows[6][-1] == pytest.approx(1, abs=1e-3) and max(map(abs, rows[6][:-1])) < 1e-3
    heads = [pair.row(Site("head", 5, head))[-1] for head in range(6)]
    assert heads.index(max(heads)) == 0 and max(heads) > 0.5


def test_the_copied_letter_comes_from_where_it_stood():
    """`induction`: the letter that follows "ab" is read off its first time, by a head of the last layer at the end."""
    pair, tokenizer = shipped("induction", COPY.format("c"), COPY.format("x"))
    assert [tokenizer.decode([id]) for id in pair.answers] == ["c", "x"]
    first = pair.row(Site("stream", 0))
    assert first.index(max(first)) == COPY.index("{0}") and max(first) == pytest.approx(1, abs=1e-3)
    heads = [pair.row(Site("head", 1, head))[-1] for head in range(4)]
    assert max(heads) > 0.5
    with ablated(pair.model, [Part(1, heads.index(max(heads)))]), torch.no_grad():
        without = pair.model(pair.seen.ids[1:])[0, -1]
    assert without[pair.answers[1]] < pair.logits_2V[1][pair.answers[1]]


def test_a_counterpart_differs_in_one_word_and_in_its_answer():
    """Of a tale: the same length, one word exchanged everywhere, another answer."""
    checkpoint = load_checkpoint(SHIPPED / "tales")
    ids = checkpoint.tokenizer.encode(TALE.format("Arlo"))
    other = counterpart(checkpoint.model, ids)
    changed = {(a, b) for a, b in zip(ids, other, strict=True) if a != b}
    assert len(changed) == 1
    assert Pair(checkpoint.model, ids, other).answers


def test_what_cannot_be_patched_is_refused(pair):
    """Lengths, one token, equal prompts, places that aren't there, NaN: a sentence each."""
    model = randomised(CONFIG)
    for base, source, words in (
        ([1, 2, 3], [1, 2], "3 and 2 tokens"),
        ([1], [2], "one token"),
        ([1, 2], [1, 2], "the same"),
    ):
        with pytest.raises(ValueError, match=words):
            Pair(model, base, source)
    with pytest.raises(ValueError, match="one token"):
        counterpart(model, [1])
    for site, words in (
        (Site("stream", 4), "0 to 3"),
        (Site("mlp", 3), "0 to 2"),
        (Site("head", 0, 9), "no such head"),
        (Site("head", 0), "no such head"),
        (Site("soul", 0), "no such place"),
    ):
        with pytest.raises(ValueError, match=words):
            pair.row(site)
    with pytest.raises(ValueError, match="no such position"):
        pair.patched(Site("mlp", 0), [T])
    with pytest.raises(ValueError, match="no layer"), steered(model, 7, torch.zeros(2, 48)):
        pass
    with torch.no_grad():
        model.ln_f.weight[0] = torch.nan
    with pytest.raises(ValueError, match="NaN"):
        Pair(model, [1, 2], [1, 3])
